"""An application that writes many small plans, each another one, and says how much of its heap is alive: what `bench/heap.py` measures.

    spark-submit many_queries.py QUERIES FILE

Writes to FILE a JSON list of the bytes that are alive after a collection: at a tenth, half and all of the queries.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession


def main() -> None:
    queries, file = int(sys.argv[1]), Path(sys.argv[2])
    spark = SparkSession.builder.getOrCreate()
    alive = []
    for number in range(1, queries + 1):
        columns = [f"id + {number} AS sum_{number}_{column}" for column in range(10)]
        frame = spark.range(3).selectExpr("id", *columns).where(f"sum_{number}_0 > 1")
        frame.write.format("noop").mode("overwrite").save()
        if number in {queries // 10, queries // 2, queries}:
            alive.append(live_bytes(spark))
    file.write_text(json.dumps(alive), encoding="utf-8")
    spark.stop()


def live_bytes(spark: SparkSession) -> int:
    """What is alive once the listeners have heard all; the least of three collections, since references go one after the other."""
    jvm = spark._jvm  # noqa: SLF001  # there is no other way
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()  # noqa: SLF001
    found = []
    for _ in range(3):
        jvm.java.lang.System.gc()
        time.sleep(1)
        found.append(
            int(jvm.java.lang.management.ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed())
        )
    return min(found)


if __name__ == "__main__":
    main()
