"""Writes without end, of which the file `told` in FOLDER knows. It is killed.

A line before each write, one from inside of it, and one after it. The one from inside is written by a task: tasks run when the query
has been optimized, so the write is noted by then, and the program went on because it was. It has the number of the execution.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark import InheritableThread, TaskContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import udf

folder = Path(os.environ["FOLDER"])
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("WARN")


def tell(told: str, *words: object) -> None:
    """One line, with the system before this comes back."""
    file = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, (" ".join(map(str, words)) + "\n").encode())
    os.close(file)


def rows(told: str, name: str) -> DataFrame:
    """Three rows; whoever computes them tells so."""

    def computed(value: int) -> int:
        facts: Any = TaskContext.get()
        tell(told, "runs", name, facts.getLocalProperty("spark.sql.execution.root.id"))
        return value

    return spark.range(0, 3, 1, 1).select(udf(computed, "long")("id").alias("id"))


def repeat(kind: str, write: Callable[[DataFrame, str], None]) -> None:
    """One write after the other."""
    told = str(folder / "told")
    for number in range(100_000):
        name = f"{kind}-{number}"
        tell(told, "begin", name)
        write(rows(told, name), name)
        tell(told, "end", name)


def to_files(frame: DataFrame, name: str) -> None:
    """A new folder of files each time."""
    frame.write.parquet(str(folder / "data" / name))


def to_table(frame: DataFrame, name: str) -> None:
    """One commit after the other in one Delta table, which keeps the name of each."""
    appended = frame.write.format("delta").mode("append").option("userMetadata", name)
    appended.save(str(folder / "data" / "table"))


InheritableThread(target=repeat, args=("files", to_files), daemon=True).start()
tell(str(folder / "told"), "pid", spark._jvm.java.lang.ProcessHandle.current().pid())
repeat("commit", to_table)
