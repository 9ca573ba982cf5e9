"""An application that writes a small table many times over and says how long each write was held up by noting it: what `bench/intent.py` measures.

    spark-submit small_writes.py FOLDER WRITES

Prints one line `nanos <JSON list>`: for each write the nanoseconds that its thread spent in the bridge.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from typing import Any

from pyspark.sql import SparkSession


def main() -> None:
    folder, writes = sys.argv[1], int(sys.argv[2])
    spark = SparkSession.builder.getOrCreate()
    orders = spark.range(100).selectExpr(
        "id", "id % 7 AS customer", "id * 2.5 AS amount", "current_date() AS day"
    )
    orders.write.parquet(f"{folder}/orders")
    read = spark.read.parquet(f"{folder}/orders")
    report = (
        read.where("amount > 10")
        .groupBy("customer", "day")
        .sum("amount")
        .withColumnRenamed("sum(amount)", "total")
    )
    bridge = spark._jvm.io.sparklineage.Bridge  # noqa: SLF001 - the bridge's own word is what is measured
    noted = [intent_nanos(bridge)]
    for _ in range(writes):
        report.write.mode("overwrite").parquet(f"{folder}/report")
        noted.append(intent_nanos(bridge))
    spark.stop()
    print("nanos", json.dumps([now - before for before, now in pairwise(noted)]))


def intent_nanos(bridge: Any) -> int:
    """What the program's threads have spent in the bridge so far."""
    return int(json.loads(bridge.status())["metrics"]["intent_nanos"])


if __name__ == "__main__":
    main()
