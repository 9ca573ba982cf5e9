"""One application that makes a table of another one's sums; with DO=kill its driver dies as it does, before the table exists."""

import os
import signal
import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")
driver = spark._jvm.java.lang.ProcessHandle.current().pid() if os.environ["DO"] == "kill" else None


def passed(value: int) -> int:
    """The value; or the end of the driver, from within a task."""
    if driver is not None:
        os.kill(driver, signal.SIGKILL)
        time.sleep(60)
    return value


spark.udf.register("passed", passed, "long")
spark.range(5).selectExpr("id AS b").write.mode("overwrite").parquet(os.environ["DATA"])
sums = spark.read.parquet(os.environ["DATA"]).selectExpr("passed(b) AS total")
sums.write.saveAsTable("kt")
