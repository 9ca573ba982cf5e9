"""A table made by the executors of a cluster, with a shuffle and a UDF; DATA is its folder, HIDDEN one that they must not have.

There are no executors before the first query; it ends when there are two.
"""

import os
import time
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

data, hidden = os.environ["DATA"], os.environ.get("HIDDEN")
spark = SparkSession.builder.getOrCreate()
context = spark._jsc.sc()
spark.sparkContext.setLogLevel("OFF")
spark.range(0, 400, 1, 4).selectExpr("id", "id % 3 AS customer", "id + 1 AS amount").write.parquet(
    f"{data}/orders"
)


@f.udf("long")
def twice(amount: int) -> int:
    """Twice as much, where the folder is not seen."""
    if hidden is not None and Path(hidden).exists():
        raise RuntimeError(hidden)
    return 2 * amount


orders = (
    spark.read.parquet(f"{data}/orders")
    .repartition(4, "id")
    .select("customer", twice("amount").alias("double"))
)
orders.groupBy("customer").agg(f.sum("double").alias("total")).write.parquet(f"{data}/totals")
for _ in range(300):
    if context.getExecutorMemoryStatus().size() == 3:
        break
    time.sleep(0.2)
spark.stop()
