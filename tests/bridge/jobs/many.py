"""Much of what a job can do, and what Spark itself knows of it, as one JSON object in a file.

The variables DATA and FACTS name the folder for data and the file for the facts. Whether the bridge listens is the caller's choice.
"""

import json
import os
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - pyspark's own name for it

data, facts = Path(os.environ["DATA"]), Path(os.environ["FACTS"])
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")


def fails(action):
    try:
        action()
    except Exception:  # noqa: BLE001 - each Spark line raises classes of its own
        return
    raise SystemExit("an action that must fail did not")


spark.range(100).selectExpr("id", "id % 7 AS key", "concat('name-', id) AS name").write.parquet(
    str(data / "in")
)
frame = spark.read.parquet(str(data / "in"))
frame.createOrReplaceTempView("t")

spark.sql("SELECT key, sum(id) AS total FROM t GROUP BY key ORDER BY key").write.parquet(str(data / "out"))
other = spark.newSession()
rows = [tuple(row) for row in other.read.parquet(str(data / "out")).orderBy("key").collect()]
frame.where("key = 3").localCheckpoint().withColumn("twice", F.col("id") * 2).write.parquet(
    str(data / "checkpointed")
)
frame.where("key = 4").select("name").localCheckpoint(eager=False).write.parquet(str(data / "lazily"))
fails(lambda: spark.sql("SELECT raise_error('s3cret-message') FROM t").collect())
fails(lambda: frame.select(F.udf(lambda name: int(name + "s3cret-python"), "int")("name")).collect())
fails(lambda: frame.write.parquet(str(data / "in")))
spark.sql(
    "SELECT 's3cret-alias', concat(name, 's3cret-function') FROM t WHERE name = 's3cret-literal'"
).collect()
frame.where(F.col("name").isin(*[f"s3cret-in-{i}" for i in range(20)])).count()
spark.createDataFrame([("s3cret-row",)], "name string").count()
spark.sql("SET spark.some.password=s3cret-setting")
spark.sparkContext.setJobDescription("loads 's3cret-description' with token=s3cret-token")
spark._jvm.java.lang.System.setProperty("derby.stream.error.file", str(data / "derby.log"))
url = f"jdbc:derby:{data / 'derby'};create=true;user=ann;password=s3cret-url"
options = {"user": "ann", "password": "s3cret-option"}
frame.limit(3).write.jdbc(url, "copied", properties=options)
spark.read.jdbc(
    url, "(SELECT * FROM copied WHERE \"name\" LIKE '%s3cret-query') q", properties=options
).count()
spark.sparkContext.setJobDescription(None)
frame.foreachPartition(lambda _: None)
frame.write.partitionBy("key").parquet(str(data / "parted"))
spark.read.parquet(str(data / "parted")).where("key = 5").groupBy().sum("id").collect()

stream = spark.readStream.schema(frame.schema).parquet(str(data / "in")).selectExpr("id * 2 AS twice")
query = (
    stream.writeStream.queryName("doubling")
    .option("checkpointLocation", str(data / "checkpoint"))
    .trigger(availableNow=True)
    .start(str(data / "streamed"))
)
query.awaitTermination()

spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
store = spark._jsparkSession.sharedState().statusStore()
executions = store.executionsList()
counts = spark._jvm.org.apache.spark.metrics.source.HiveCatalogMetrics
facts.write_text(
    json.dumps(
        {
            "executions": sorted(executions.apply(i).executionId() for i in range(executions.size())),
            "jobs": len(spark.sparkContext.statusTracker().getJobIdsForGroup(None))
            + len(spark.sparkContext.statusTracker().getJobIdsForGroup(query.runId)),
            "rows": rows,
            "listed": {
                "files": counts.METRIC_FILES_DISCOVERED().getCount(),
                "cached": counts.METRIC_FILE_CACHE_HITS().getCount(),
                "parallel_listings": counts.METRIC_PARALLEL_LISTING_JOB_COUNT().getCount(),
                "partitions": counts.METRIC_PARTITIONS_FETCHED().getCount(),
                "metastore_calls": counts.METRIC_HIVE_CLIENT_CALLS().getCount(),
            },
            "query_id": query.id,
            "run_id": query.runId,
        }
    )
)
spark.stop()
