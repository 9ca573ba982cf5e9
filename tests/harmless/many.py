"""One application with very many tasks, then very many queries from eight threads; FOLDER is its place, TASKS and QUERIES say how many.

No task needs a Python worker. What Spark keeps for its own pages is kept small, so that what grows is not Spark's.
"""

import json
import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from pyspark import InheritableThread
from pyspark.sql import SparkSession

THREADS = 8
PARTITIONS = 20_000
"""Tasks of one stage."""

folder, jars = Path(os.environ["FOLDER"]), os.environ["JARS"]
tasks, queries = int(os.environ["TASKS"]), int(os.environ["QUERIES"])

builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "512m").appName("many")
for name, value in {
    "spark.jars": jars,
    "spark.ui.enabled": "false",
    "spark.ui.retainedTasks": "100",
    "spark.ui.retainedStages": "20",
    "spark.ui.retainedJobs": "20",
    "spark.sql.ui.retainedExecutions": "20",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.warehouse.dir": str(folder / "warehouse"),
    "spark.sql.extensions": "io.sparklineage.LineageExtension",
    "spark.lineage.spool": str(folder / "spool"),
}.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")
context = spark._jsc.sc()
bus = context.listenerBus()
dropped = bus.metrics().metricRegistry().counter("queue.spark-lineage.numDroppedEvents")
runtime = spark._jvm.java.lang.Runtime.getRuntime()
found: dict[str, Any] = {"wrong": []}


def heap() -> int:
    """Bytes that are alive when the bus has nothing left to tell."""
    bus.waitUntilEmpty()
    for _ in range(3):
        spark._jvm.java.lang.System.gc()
    return int(runtime.totalMemory() - runtime.freeMemory())


def check(what: str, answer: object, expected: object) -> None:
    """Note an answer that is not what it must be."""
    if answer != expected:
        found["wrong"].append(f"{what}: {answer} instead of {expected}")


def timed(name: str, work: Callable[[], None]) -> None:
    """Note how long a part took and how many events were dropped in it."""
    began, before = time.monotonic(), dropped.getCount()
    work()
    bus.waitUntilEmpty()
    found[name] |= {"seconds": round(time.monotonic() - began, 1), "dropped": dropped.getCount() - before}


def run_tasks() -> None:
    """A query with one stage of many tasks and one of a single task, then a job of an RDD, until so many tasks have run."""
    parts = min(PARTITIONS, tasks // 10)
    rounds, tenth = -(-tasks // (2 * parts)), 0
    for number in range(rounds):
        if number == max(1, rounds // 10):
            tenth = heap()
        (row,) = spark.range(0, parts, 1, parts).selectExpr("sum(id) AS total").collect()
        check("sum", row.total, parts * (parts - 1) // 2)
        check("count", context.range(0, parts, 1, parts).count(), parts)
    end = heap()
    found["tasks"] = {"rounds": rounds, "parts": parts, "tenth": tenth or end, "end": end}


def query(number: int) -> None:
    """One small query with a known answer; each tenth writes a file."""
    rows = number % 50 + 1
    if number % 10 == 0:
        spark.range(0, rows, 1, 1).write.parquet(str(folder / "data" / f"written-{number}"))
    else:
        (row,) = spark.range(0, rows, 1, 1).selectExpr("sum(id) AS total").collect()
        check(f"query {number}", row.total, rows * (rows - 1) // 2)


def attempt(number: int) -> None:
    """A query; what it raises is noted."""
    try:
        query(number)
    except Exception as error:  # noqa: BLE001 - told of
        found["wrong"].append(f"query {number}: {error}"[:500])


def run_queries(first: int, last: int) -> None:
    """The queries of these numbers, from eight threads that each take the next one."""
    numbers = count(first)

    def work() -> None:
        while (number := next(numbers)) <= last:
            attempt(number)

    threads = [InheritableThread(target=work) for _ in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def all_queries() -> None:
    """The queries, and what is alive at a tenth and at the end of them."""
    tenth = queries // 10
    run_queries(1, tenth)
    found["queries"] = {"tenth": heap()}
    run_queries(tenth + 1, queries)
    found["queries"]["end"] = heap()


timed("tasks", run_tasks)
timed("queries", all_queries)
check("stopped", bool(context.isStopped()), expected=False)
check("last", spark.range(9).count(), 9)
bus.waitUntilEmpty()
found["status"] = json.loads(spark._jvm.io.sparklineage.Bridge.status())
found["dropped"] = dropped.getCount()
spark.stop()
(folder / "found.json").write_text(json.dumps(found))
