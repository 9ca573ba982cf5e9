"""One application that writes a table and then ends as the variable DO says; DATA is its folder."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")
spark.conf.set("spark.sql.ansi.enabled", "true")
data = Path(os.environ["DATA"])
spark.range(5).write.parquet(f"{data}/good")


def slowly() -> None:
    """Write a table whose tasks wait; what it raises when it is stopped is the test's wish."""
    running = str(data / "running")

    def wait(value: int) -> int:
        Path(running).touch()
        time.sleep(120)
        return value

    spark.udf.register("wait", wait, "long")
    try:
        spark.range(5).selectExpr("wait(id) AS id").write.parquet(f"{data}/slow")
    except Exception as error:  # noqa: BLE001
        print("stopped by", type(error).__name__)


def until(found: Path) -> None:
    """Wait for a file."""
    while not found.exists():
        time.sleep(0.02)


def write_slowly() -> None:
    """Write in a thread, and come back when the tasks run."""
    threading.Thread(target=slowly, daemon=True).start()
    until(data / "running")


def kill(number: int) -> None:
    """Send a signal to the JVM."""
    os.kill(spark._jvm.java.lang.ProcessHandle.current().pid(), number)
    time.sleep(10)


def commit_and_die() -> None:
    """Kill the JVM while its commit stands in Delta's log and the query has not ended: WaitsAfterCommit.java holds it there."""
    spark.range(5).write.format("delta").save(f"{data}/delta")
    append = spark.range(7).write.format("delta").mode("append")
    threading.Thread(target=append.save, args=(f"{data}/delta",), daemon=True).start()
    until(data / "delta" / "_delta_log" / f"{1:020d}.json")
    kill(signal.SIGKILL)


do = os.environ["DO"]
if do == "stop":
    spark.stop()
if do == "exit_3":
    sys.exit(3)
if do == "python_exit_7":
    os._exit(7)
if do == "raise":
    raise RuntimeError("secret 471108154711")
if do == "stop_and_raise":
    spark.stop()
    raise RuntimeError("secret 471108154711")
if do == "failed_query":
    spark.sql("SELECT 1 / (id - 1) FROM range(3)").collect()
if do == "caught_query":
    try:
        spark.sql("SELECT 1 / (id - 1) FROM range(3)").collect()
    except Exception as error:  # noqa: BLE001
        print("caught", type(error).__name__)
    spark.stop()
if do == "py4j":
    spark._jvm.java.lang.Integer.parseInt("secret 471108154711")
if do == "jvm_exit":
    spark._jvm.java.lang.System.exit(4)
if do == "jvm_halt":
    spark._jvm.java.lang.Runtime.getRuntime().halt(5)
if do == "heap":
    spark._jvm.java.util.Collections.nCopies(2_000_000_000, "x").toArray()
if do == "stop_running":
    write_slowly()
    spark.stop()
if do == "terminate_running":
    write_slowly()
    kill(signal.SIGTERM)
if do == "kill_running":
    write_slowly()
    kill(signal.SIGKILL)
if do == "kill_committed":
    commit_and_die()
