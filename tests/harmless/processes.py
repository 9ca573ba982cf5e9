"""Processes that a driver forks and spawns after lineage is on, and a limit of the system on the size of its files; FOLDER is its place."""

import json
import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

import spark_lineage

HANG_SECONDS = 60
LIMIT_BYTES = 64 << 10


def answer(number: int) -> int:
    """Something to do in another process."""
    return number * number


def write(spark: SparkSession, folder: Path, name: str) -> None:
    """One small table."""
    spark.range(3).write.parquet(str(folder / "data" / name))


def processes(spark: SparkSession, folder: Path) -> dict[str, object]:
    """What pools and processes of each kind say, with a write after each; last a plain fork that ends as a program does."""
    found: dict[str, object] = {}
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            found[method] = pool.map_async(answer, range(4)).get(HANG_SECONDS)
        process = context.Process(target=answer, args=(2,))
        process.start()
        process.join(HANG_SECONDS)
        found[f"{method}_exit"] = process.exitcode
        write(spark, folder, f"after_{method}")
    child = os.fork()
    if child == 0:
        sys.exit(7)
    found["child"] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    write(spark, folder, "after_a_child")
    return found


def limited(spark: SparkSession, folder: Path) -> dict[str, object]:
    """Writes while no file of the driver may become larger than a few of them need, and after it may again."""
    pid = spark._jvm.java.lang.ProcessHandle.current().pid()
    usual = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    bridge = spark._jvm.io.sparklineage.Bridge
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (LIMIT_BYTES, usual[1]))
    number = 0
    try:
        while json.loads(bridge.status())["lost"] == 0 and number < 200:
            write(spark, folder, f"limited_{number}")
            number += 1
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, usual)
    status = json.loads(bridge.status())
    time.sleep(6)  # longer than the bridge waits before it tries again
    write(spark, folder, "after_the_limit")
    return {"writes": number, "status": status}


def main() -> None:
    """An application that does all of it."""
    folder = Path(os.environ["FOLDER"])
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    # One segment for all of it: on a slow machine the next would begin before this one reaches the limit.
    builder = builder.config("spark.lineage.segment.sealSeconds", "3600")
    spark = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    spark_lineage.enable(spark)
    write(spark, folder, "first")
    found = processes(spark, folder)
    found["limited"] = limited(spark, folder)
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
