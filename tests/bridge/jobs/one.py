"""One small query, and what the bridge says of itself where it is loaded; and the end that the variable DO names."""

import contextlib
import json
import os
import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("WARN")
print("rows", spark.range(5).where("id > 2").count())
if os.environ["DO"] == "status":
    bridge = spark._jvm.io.sparklineage.Bridge
    print("missing", bridge.missingLinks())
    first, again = bridge.enable(spark._jsparkSession), bridge.enable(spark._jsparkSession)
    print("once", json.loads(first)["bridge"] == json.loads(again)["bridge"])
    spark.range(7).count()
    print("flushed", bridge.flush(30_000), bridge.flush(30_000))
    spark._jvm.org.apache.spark.SparkEnv.get().metricsSystem().report()
    print("status", bridge.status())
    bridge.disable()
    print("after", bridge.status())
if os.environ["DO"] == "switch":
    bridge = spark._jvm.io.sparklineage.Bridge
    registry = spark._jsc.sc().listenerBus().metrics().metricRegistry()
    dropped = registry.counter("queue.spark-lineage.numDroppedEvents")  # as Spark's queue counts them
    dropped.inc(5)
    print("first", bridge.status())
    bridge.disable(spark._jsparkSession)
    spark.newSession().range(3).collect()
    spark.readStream.format("rate").load().writeStream.format("noop").trigger(
        once=True
    ).start().awaitTermination()
    print("off", bridge.status())
    dropped.inc(20)
    print("second", bridge.enable(spark._jsparkSession))
    dropped.inc(7)
    spark.newSession().range(4).collect()
    spark._jvm.org.apache.spark.SparkEnv.get().metricsSystem().report()
    print("last", bridge.status())
if os.environ["DO"] == "wide":
    wide = spark.range(1).selectExpr(*[f"id AS c{number}" for number in range(20)])
    wide.where("c3 > 4").withColumn("c7", wide["c7"] + 1).union(wide).collect()
if os.environ["DO"] == "repeat":
    for divisor in (1, 1, 0, 1):
        with contextlib.suppress(Exception):
            spark.range(3).repartition(2).selectExpr(f"10 div (id + {divisor})").collect()
            print("did", divisor)
if os.environ["DO"] == "fail":
    raise SystemExit(3)
if os.environ["DO"] == "die":
    while json.loads(spark._jvm.io.sparklineage.Bridge.status())["records"] < 2:
        time.sleep(0.05)
    spark._jvm.java.lang.Runtime.getRuntime().halt(9)
spark.stop()
