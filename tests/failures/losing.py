"""What is done to the executors of a cluster, each a write of `folder/<name>` by tasks that do it from inside."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession

WAIT_SECONDS = 120
NEVER = "1000000"
"""How many times slower than the others a task must be to be tried beside itself, where that is not wanted."""

Batches = Iterator[Any]


def executor() -> int:
    """The process of the executor that a Python worker works for: the parent of the daemon that forked it."""
    words = Path(f"/proc/{os.getppid()}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(words[1])


def partition() -> int:
    context = TaskContext.get()
    assert context is not None
    return int(context.partitionId())


def wait(done: Callable[[], bool]) -> None:
    """Wait for something, but not for ever."""
    for _ in range(WAIT_SECONDS * 5):
        if done():
            return
        time.sleep(0.2)
    raise TimeoutError


def has_executors(spark: SparkSession, count: int) -> bool:
    """Whether that many executors besides the driver are registered."""
    return bool(spark._jsc.sc().getExecutorMemoryStatus().size() == count + 1)


def numbers(spark: SparkSession) -> DataFrame:
    """The numbers to 400, made by four tasks and shuffled to four others."""
    return spark.range(0, 400, 1, 4).repartition(4, "id")


def slow(spark: SparkSession, folder: Path) -> None:
    """The first attempt of one task sleeps; a second one beside it does the work."""
    mark = folder / "slept"

    def sleep(batches: Batches) -> Batches:
        yield from batches
        if partition() == 0 and not mark.exists():
            mark.touch()
            time.sleep(WAIT_SECONDS)

    conf = spark._jsc.sc().conf()
    conf.set("spark.speculation.multiplier", "1.5")
    try:
        spark.range(0, 400, 1, 4).mapInArrow(sleep, "id long").write.parquet(str(folder / "slow"))
    finally:
        conf.set("spark.speculation.multiplier", NEVER)


def decommissioned(spark: SparkSession, folder: Path) -> None:
    """An executor is asked to give up; a task of the other one sees that it has gone."""
    mark = folder / "asked"

    def ask(batches: Batches) -> Batches:
        yield from batches
        if partition() == 0:
            gone = executor()
            os.kill(gone, signal.SIGPWR)
            mark.with_suffix(".new").write_text(str(gone), encoding="utf-8")
            mark.with_suffix(".new").rename(mark)
        if partition() == 1:
            wait(mark.exists)
            gone = int(mark.read_text(encoding="utf-8"))
            wait(lambda: not Path(f"/proc/{gone}").exists())
            time.sleep(3)  # until the driver has been told

    spark.range(0, 400, 1, 4).mapInArrow(ask, "id long").write.parquet(str(folder / "decommissioned"))


def killed(spark: SparkSession, folder: Path) -> None:
    """A task kills its own executor after it has read: what that executor had shuffled is gone with it."""
    mark = folder / "killed_one"

    def kill(batches: Batches) -> Batches:
        yield from batches
        if partition() == 0 and not mark.exists():
            mark.touch()
            os.kill(executor(), signal.SIGKILL)
            time.sleep(WAIT_SECONDS)

    numbers(spark).mapInArrow(kill, "id long").write.parquet(str(folder / "killed"))


JOBS = (slow, decommissioned, killed)
