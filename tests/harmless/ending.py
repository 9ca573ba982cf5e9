"""A job with a write, a shuffle, a failed query and an RDD, which prints its answers and ends as ENDING says; DATA is its folder.

With WRITES it writes so many tables more, and prints how long all writes waited for their notes.
"""

import json
import os
import sys

from pyspark.sql import SparkSession

data = os.environ["DATA"]
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel(os.environ.get("LOG_LEVEL", "OFF"))
numbers = spark.range(40).selectExpr("id", "id % 3 AS key").where("id > 3")
numbers.write.parquet(f"{data}/numbers")
read = spark.read.schema("id long, key long").parquet(f"{data}/numbers")
answer: list[object] = [tuple(row) for row in read.groupBy("key").count().orderBy("key").collect()]
answer.append(spark._jsc.parallelize([1, 2, 3]).count())
try:
    spark.sql("SELECT raise_error('no') FROM range(2)").collect()
except Exception as error:  # noqa: BLE001 - each Spark line raises classes of its own
    answer.append(type(error).__name__)
print("answer", answer)
if "WRITES" in os.environ:
    for number in range(int(os.environ["WRITES"])):
        numbers.write.parquet(f"{data}/more-{number}")
    metrics = json.loads(spark._jvm.io.sparklineage.Bridge.status())["metrics"]
    print("waited", metrics["intent_nanos"])
    print("late", metrics["intents_late"])
if os.environ["ENDING"] == "exit":
    sys.exit(3)
if os.environ["ENDING"] == "raise":
    raise RuntimeError
