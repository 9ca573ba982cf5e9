"""A job with a bit of everything that the bridge hears of: files, Hive, Delta, JDBC, views, caches, RDDs, failures and streams."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

SECONDS = 120
DATABASE = "jdbc:derby:memory:watched;create=true"


def files(spark: SparkSession, folder: Path) -> None:
    """Tables of the catalog, of Hive and of folders, with partitions; what is kept in between; what is only looked at."""
    spark.sql("CREATE TABLE made USING parquet AS SELECT id, id % 3 AS key FROM range(30)")
    spark.sql("CREATE TABLE parted(a int, b string) PARTITIONED BY (p int) STORED AS parquet")
    spark.sql("INSERT INTO parted PARTITION (p = 1) VALUES (1, 'x'), (2, 'y')")
    spark.sql(
        "CREATE TABLE counted STORED AS orc AS SELECT p, count(*) AS n FROM parted WHERE p = 1 GROUP BY p"
    )
    spark.sql("CREATE VIEW seen AS SELECT m.id, p.b FROM made m JOIN parted p ON m.id = p.a")
    spark.table("seen").write.partitionBy("b").mode("overwrite").csv(str(folder / "csv"))
    spark.read.option("header", "false").csv(str(folder / "csv")).collect()
    kept = spark.table("made").where("key = 1").cache()
    kept.count()
    kept.write.parquet(str(folder / "kept"))
    spark.read.parquet(str(folder / "kept")).localCheckpoint().write.json(str(folder / "checkpointed"))
    kept._jdf.toJavaRDD().count()
    spark.sql("EXPLAIN EXTENDED SELECT * FROM seen").collect()
    spark.sql("ANALYZE TABLE made COMPUTE STATISTICS")


def delta(spark: SparkSession, folder: Path) -> None:
    """Each way into a Delta table, and an old version of it."""
    table = str(folder / "delta")
    spark.range(5).selectExpr("id", "'new' AS state").write.format("delta").save(table)
    spark.range(5, 9).selectExpr("id", "'new' AS state").write.format("delta").mode("append").save(table)
    spark.sql("CREATE TABLE logged USING delta AS SELECT id, key FROM made")
    spark.sql(
        f"MERGE INTO delta.`{table}` t USING logged s ON t.id = s.id WHEN MATCHED THEN UPDATE SET state = 'old'"
    )
    spark.sql("UPDATE logged SET key = 7 WHERE id < 3")
    assert spark.read.format("delta").option("versionAsOf", 0).load(table).count() == 5


def database(spark: SparkSession, _folder: Path) -> None:
    """A table behind JDBC, written and read."""
    spark.table("made").write.jdbc(DATABASE, "copied")
    assert spark.read.jdbc(DATABASE, "copied").where("id > 3").count() == 26


def failures(spark: SparkSession, folder: Path) -> None:
    """A query and a write that fail as they run, one that fails before."""
    failing = "SELECT raise_error('no') AS a FROM range(2)"
    attempts: tuple[Callable[[], object], ...] = (
        lambda: spark.sql(failing).collect(),
        lambda: spark.sql(failing).write.parquet(str(folder / "failed")),
        lambda: spark.sql(failing).write.format("delta").save(str(folder / "failed_delta")),
        lambda: spark.range(1).write.parquet(str(folder / "kept")),
    )
    for attempt in attempts:
        with pytest.raises(Exception):  # noqa: B017, PT011  # each Spark line raises classes of its own
            attempt()


def streams(spark: SparkSession, folder: Path) -> None:
    """A sink of files, and batches that a function writes."""

    def write(batch: DataFrame, number: int) -> None:
        batch.write.format("delta").mode("append").save(str(folder / "batches"))
        batch.write.parquet(str(folder / f"batch-{number}"))

    source = spark.readStream.schema("id long, key long").parquet(str(folder / "kept"))
    to_files = source.writeStream.option("checkpointLocation", str(folder / "checkpoint-files"))
    to_function = source.writeStream.option("checkpointLocation", str(folder / "checkpoint-function"))
    for query in (
        to_files.trigger(availableNow=True).start(str(folder / "streamed")),
        to_function.trigger(availableNow=True).foreachBatch(write).start(),
    ):
        assert query.awaitTermination(SECONDS)


WORK = (files, delta, database, failures, streams)
WRITES = 17
"""Statements and batches above that write data, whether they fail or not, each noted once; a stream's sink of files runs no command that could be noted."""
