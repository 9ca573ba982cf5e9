"""Writes without end, of which the file `told` in FOLDER knows: a line before each one and a line after it. It is killed."""

import os
import threading
from pathlib import Path

from pyspark import InheritableThread
from pyspark.sql import SparkSession

folder = Path(os.environ["FOLDER"])
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")
told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
lock = threading.Lock()


def tell(*words: object) -> None:
    """One line, with the system before this comes back."""
    with lock:
        os.write(told, (" ".join(map(str, words)) + "\n").encode())


def files() -> None:
    """A new folder of files each time."""
    for number in range(100_000):
        tell("begin", f"files-{number}")
        spark.range(3).write.parquet(str(folder / "data" / f"files-{number}"))
        tell("end", f"files-{number}")


def appends() -> None:
    """One commit after the other in one Delta table."""
    for number in range(100_000):
        tell("begin", f"commit-{number}")
        spark.range(3).write.format("delta").mode("append").save(str(folder / "data" / "table"))
        tell("end", f"commit-{number}")


other = InheritableThread(target=files, daemon=True)
other.start()
tell("pid", spark._jvm.java.lang.ProcessHandle.current().pid())
appends()
