"""Record what the bridge writes for every kind of action, one spool folder per case.

Run it with an environment that has pyspark and delta-spark, after the bridge's jar was built:

    python scripts/record_fixtures.py OUTPUT [CASE ...]

OUTPUT gets one sub-folder per case with the sealed segments of that case alone. Each case starts from the
tables that `prepare` makes; those are not recorded. The cases are those of the design's event table.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from delta import configure_spark_with_delta_pip
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - pyspark's own name for it

JAR = Path(__file__).parents[1] / "spark_lineage" / "jars" / "spark-lineage-bridge.jar"
FLUSH_TIMEOUT_MILLIS = 60_000


def session(work: Path) -> SparkSession:
    """A local session with Delta and the bridge's jar, whose warehouse lies in `work`."""
    builder = (
        SparkSession.builder.master("local[2]")
        .appName("fixtures")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.databricks.delta.snapshotPartitions", "2")
        .config("spark.jars", str(JAR))
        .config("spark.sql.warehouse.dir", str(work / "warehouse"))
        .config("spark.driver.extraJavaOptions", f"-Dderby.system.home={work / 'derby'}")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    )
    spark = configure_spark_with_delta_pip(builder).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def prepare(spark: SparkSession, data: Path) -> None:
    """The tables and files that every case reads; `data` is the folder of this case's files."""
    for name in ("copy", "other", "target", "delta_target", "delta_other", "streamed"):
        spark.sql(f"DROP TABLE IF EXISTS {name}")
    warehouse = Path(spark.conf.get("spark.sql.warehouse.dir").removeprefix("file:"))
    for leftover in ("copy", "other", "target", "delta_target", "delta_other", "streamed"):
        shutil.rmtree(warehouse / leftover, ignore_errors=True)
    if not spark.catalog.tableExists("orders"):
        orders = spark.range(20).selectExpr(
            "id AS order_id",
            "id % 5 AS customer_id",
            "CAST(id * 1.5 AS DECIMAL(10,2)) AS amount",
            "date_add(DATE'2026-01-01', CAST(id AS INT)) AS day",
        )
        orders.write.format("parquet").saveAsTable("orders")
        customers = spark.range(5).selectExpr(
            "id AS customer_id", "concat('name-', id) AS name", "id % 2 AS region"
        )
        customers.write.format("parquet").saveAsTable("customers")
    spark.sql("CREATE TABLE target (order_id BIGINT, amount DECIMAL(10,2)) USING parquet")
    spark.sql("CREATE TABLE delta_target (order_id BIGINT, amount DECIMAL(10,2)) USING delta")
    spark.sql("INSERT INTO delta_target VALUES (1, 10), (2, 20), (3, 30)")
    (data / "in").mkdir(parents=True)
    (data / "in" / "a.json").write_text('{"id": 1, "name": "a"}\n{"id": 2, "name": "b"}\n')


def joined(spark: SparkSession) -> DataFrame:
    """Orders with their customers, aggregated: the query that most cases write."""
    return spark.sql(
        "SELECT c.name, sum(o.amount) AS total, count(*) AS orders FROM orders o "
        "JOIN customers c ON o.customer_id = c.customer_id WHERE o.day > DATE'2026-01-03' GROUP BY c.name"
    )


def statement(*texts: str) -> Callable[[SparkSession, Path], None]:
    """A case of SQL statements alone; `{data}` stands for the case's folder, `{select}` for `SELECT_ORDERS`."""

    def run(spark: SparkSession, data: Path) -> None:
        for text in texts:
            spark.sql(text.replace("{data}", str(data)).replace("{select}", SELECT_ORDERS))

    return run


def failing(case: Callable[[SparkSession, Path], Any]) -> Callable[[SparkSession, Path], None]:
    """A case that must raise."""

    def run(spark: SparkSession, data: Path) -> None:
        try:
            case(spark, data)
        except Exception as error:  # noqa: BLE001 - each Spark line raises classes of its own
            print(f"    raised {type(error).__name__}, as it should")
        else:
            raise SystemExit("a case that must fail did not fail")

    return run


def cached_then_written(spark: SparkSession, data: Path) -> None:
    """A cached table, counted, then written."""
    frame = spark.table("orders").where("amount > 3").cache()
    frame.count()
    frame.select("order_id", "amount").write.parquet(str(data / "out"))
    frame.unpersist()


def local_checkpoint(spark: SparkSession, data: Path) -> None:
    """An eager checkpoint, then written with a computed column."""
    joined(spark).localCheckpoint().withColumn("twice", F.col("total") * 2).write.parquet(str(data / "out"))


def two_checkpoints(spark: SparkSession, data: Path) -> None:
    """Two checkpoints of one table, which share their expression ids."""
    orders = spark.table("orders")
    small = orders.where("amount < 10").localCheckpoint()
    large = orders.where("amount >= 10").localCheckpoint()
    large.write.parquet(str(data / "large"))
    small.write.parquet(str(data / "small"))


def lazy_checkpoint(spark: SparkSession, data: Path) -> None:
    """A checkpoint that is only computed by the write that reads it."""
    joined(spark).localCheckpoint(eager=False).write.parquet(str(data / "out"))


def usages(spark: SparkSession, _: Path) -> None:
    """What a driver program reads without writing."""
    joined(spark).collect()
    spark.table("orders").count()
    joined(spark).toPandas()
    joined(spark).show()


def to_local_iterator(spark: SparkSession, _: Path) -> None:
    """Rows one by one."""
    list(joined(spark).toLocalIterator())


def rdd_actions(spark: SparkSession, data: Path) -> None:
    """Actions of the RDD interface, which make no SQL event."""
    spark.table("orders").foreachPartition(lambda _: None)
    spark.table("orders").rdd.map(lambda row: str(row.order_id)).saveAsTextFile(str(data / "text"))


def rdd_round_trip(spark: SparkSession, data: Path) -> None:
    """A DataFrame through an RDD and back."""
    rdd = spark.table("orders").rdd.map(lambda row: (row.order_id, row.customer_id))
    spark.createDataFrame(rdd, "order_id bigint, customer_id bigint").write.parquet(str(data / "out"))


def in_memory_data(spark: SparkSession, data: Path) -> None:
    """Rows from the driver program."""
    spark.createDataFrame([(1, "a"), (2, "b")], "id int, name string").write.parquet(str(data / "out"))


def python_functions(spark: SparkSession, data: Path) -> None:
    """A plain user-defined function and, where pyarrow is installed, a pandas one."""
    frame = spark.table("orders").join(spark.table("customers"), "customer_id")
    columns = [F.udf(lambda name: name.upper(), "string")("name").alias("name")]
    if find_spec("pyarrow"):

        @F.pandas_udf("double")  # type: ignore[untyped-decorator]
        def doubled(values: pd.Series) -> pd.Series:
            return values * 2.0

        columns.append(doubled(F.col("amount").cast("double")).alias("double"))
    frame.select(*columns).write.parquet(str(data / "out"))


def jdbc(spark: SparkSession, data: Path) -> None:
    """A write and a read through JDBC, with Spark's own Derby."""
    url = f"jdbc:derby:{data / 'db'};create=true;user=ann;password=hunter2"
    spark.table("orders").select("order_id", "amount").write.jdbc(url, "orders_copy")
    spark.read.jdbc(url, "orders_copy").where("amount > 3").write.parquet(str(data / "out"))


def json_stream(spark: SparkSession, data: Path) -> DataFrame:
    """A file stream over the case's JSON files."""
    return spark.readStream.schema("id int, name string").json(str(data / "in"))


def run_stream(writer: Any, *target: str) -> None:
    """Run a streaming writer until what is there is processed."""
    start = writer.toTable if target else writer.start
    query = start(*target)
    query.awaitTermination()


def stream_for_each_batch(spark: SparkSession, data: Path) -> None:
    """A batch function that writes twice."""

    def write(batch: DataFrame, _: int) -> None:
        batch.selectExpr("id * 2 AS twice").write.mode("append").parquet(str(data / "twice"))
        batch.select("name").write.mode("append").parquet(str(data / "names"))

    writer = json_stream(spark, data).writeStream.foreachBatch(write)
    run_stream(writer.option("checkpointLocation", str(data / "checkpoint")).trigger(availableNow=True))


def stream_to_table(provider: str) -> Callable[[SparkSession, Path], None]:
    """A stream into a table of the given provider, two micro-batches."""

    def run(spark: SparkSession, data: Path) -> None:
        for batch in range(2):
            (data / "in" / f"more-{batch}.json").write_text('{"id": 3, "name": "c"}\n')
            writer = json_stream(spark, data).writeStream.format(provider).queryName("fixture")
            writer = writer.option("checkpointLocation", str(data / "checkpoint")).trigger(availableNow=True)
            run_stream(writer, "streamed")

    return run


def stream_to_memory(spark: SparkSession, data: Path) -> None:
    """The memory sink, with an aggregate."""
    frame = json_stream(spark, data).groupBy("name").count()
    run_stream(
        frame.writeStream.format("memory")
        .queryName("in_memory")
        .outputMode("complete")
        .trigger(availableNow=True)
    )


def python_failure(spark: SparkSession, data: Path) -> None:
    """A user-defined function that raises while a write runs."""
    broken = F.udf(lambda name: int(name + "?"), "int")
    spark.table("customers").select(broken("name").alias("name")).write.parquet(str(data / "out"))


def explain_and_show(spark: SparkSession, _: Path) -> None:
    """Commands without data."""
    spark.sql("EXPLAIN SELECT * FROM orders")
    spark.sql("SHOW TABLES").collect()
    spark.sql("SET spark.sql.shuffle.partitions=2")
    joined(spark).explain()


def delta_optimize(spark: SparkSession, _: Path) -> None:
    """Maintenance, which moves no lineage."""
    spark.sql("OPTIMIZE delta_target")
    spark.sql("ANALYZE TABLE orders COMPUTE STATISTICS")
    spark.sql("CACHE TABLE orders")
    spark.sql("UNCACHE TABLE orders")


SELECT_ORDERS = "SELECT order_id, amount FROM orders WHERE customer_id = 3"
MERGE = """
MERGE INTO delta_target t USING (SELECT order_id, sum(amount) AS amount FROM orders GROUP BY order_id) s
ON t.order_id = s.order_id
WHEN MATCHED AND s.amount > 100 THEN DELETE
WHEN MATCHED THEN UPDATE SET t.amount = s.amount + t.amount
WHEN NOT MATCHED THEN INSERT (order_id, amount) VALUES (s.order_id, s.amount)
"""

CASES: dict[str, Callable[[SparkSession, Path], None]] = {
    "save_as_table": lambda spark, _: joined(spark).write.format("parquet").saveAsTable("copy"),
    "ctas": statement("CREATE TABLE copy USING parquet AS {select}"),
    "insert": statement("INSERT INTO target (amount, order_id) SELECT amount, order_id FROM orders"),
    "insert_overwrite": statement("INSERT OVERWRITE target {select}"),
    "insert_into": lambda spark, _: spark.sql(SELECT_ORDERS).write.insertInto("target"),
    "path_write": lambda spark, data: joined(spark).write.parquet(str(data / "out")),
    "partitioned_path_write": lambda spark, data: (
        spark.table("orders").write.partitionBy("day").orc(str(data / "o"))
    ),
    "insert_overwrite_directory": statement("INSERT OVERWRITE DIRECTORY '{data}/out' USING parquet {select}"),
    "multi_insert": statement(
        "CREATE TABLE other (name STRING) USING parquet",
        "FROM (SELECT * FROM orders JOIN customers USING (customer_id)) "
        "INSERT INTO target SELECT order_id, amount INSERT INTO other SELECT name",
    ),
    "noop": lambda spark, _: joined(spark).write.format("noop").mode("overwrite").save(),
    "csv_to_json": lambda spark, data: spark.read.json(str(data / "in")).write.csv(str(data / "out")),
    "view": statement(
        "CREATE OR REPLACE VIEW orders_view AS SELECT order_id, amount * 2 AS twice FROM orders",
        "CREATE TABLE copy USING parquet AS SELECT twice FROM orders_view",
    ),
    "window_and_subqueries": statement(
        "CREATE TABLE copy USING parquet AS WITH big AS (SELECT * FROM orders WHERE amount > 5) "
        "SELECT order_id, rank() OVER (PARTITION BY customer_id ORDER BY amount) AS position, "
        "(SELECT max(name) FROM customers c WHERE c.customer_id = big.customer_id) AS name FROM big "
        "WHERE customer_id IN (SELECT customer_id FROM customers WHERE region = 1) "
        "AND EXISTS (SELECT 1 FROM customers x WHERE x.customer_id = big.customer_id)"
    ),
    "delta_append": lambda spark, _: (
        spark.sql(SELECT_ORDERS).write.format("delta").mode("append").saveAsTable("delta_target")
    ),
    "delta_insert": statement("INSERT INTO delta_target {select}"),
    "delta_write_to": lambda spark, _: spark.sql(SELECT_ORDERS).writeTo("delta_target").append(),
    "delta_ctas": statement("CREATE TABLE delta_other USING delta AS {select}"),
    "delta_save_as_table": lambda spark, _: joined(spark).write.format("delta").saveAsTable("delta_other"),
    "delta_overwrite": lambda spark, _: (
        spark.sql(SELECT_ORDERS).write.format("delta").mode("overwrite").saveAsTable("delta_target")
    ),
    "delta_rtas": statement("CREATE OR REPLACE TABLE delta_target USING delta AS {select}"),
    "delta_path_write": lambda spark, data: joined(spark).write.format("delta").save(str(data / "out")),
    "delta_read": lambda spark, data: spark.sql(
        "SELECT t.amount, old.amount AS before FROM delta_target t "
        "JOIN delta_target VERSION AS OF 1 old ON t.order_id = old.order_id"
    ).write.parquet(str(data / "out")),
    "delta_merge": statement(MERGE),
    "delta_update": statement("UPDATE delta_target SET amount = amount * 2 WHERE order_id = 2"),
    "delta_delete": statement("DELETE FROM delta_target WHERE amount > 15"),
    "delta_optimize": delta_optimize,
    "cached_then_written": cached_then_written,
    "local_checkpoint": local_checkpoint,
    "two_checkpoints": two_checkpoints,
    "lazy_checkpoint": lazy_checkpoint,
    "usages": usages,
    "insert_collected": lambda spark, _: spark.sql("INSERT INTO target " + SELECT_ORDERS).collect(),
    "to_local_iterator": to_local_iterator,
    "rdd_actions": rdd_actions,
    "rdd_round_trip": rdd_round_trip,
    "in_memory_data": in_memory_data,
    "python_functions": python_functions,
    "jdbc": jdbc,
    "stream_for_each_batch": stream_for_each_batch,
    "stream_to_parquet_table": stream_to_table("parquet"),
    "stream_to_delta_table": stream_to_table("delta"),
    "stream_to_memory": stream_to_memory,
    "python_failure": failing(python_failure),
    "sql_failure": failing(
        lambda spark, data: spark.sql("SELECT raise_error('hunter2') AS e FROM orders").write.parquet(
            str(data / "out")
        )
    ),
    "path_exists": failing(lambda spark, data: spark.table("orders").write.parquet(str(data / "in"))),
    "table_exists": failing(lambda spark, _: spark.table("orders").write.saveAsTable("customers")),
    "analysis_error": failing(lambda spark, _: spark.sql("SELECT no_such_column FROM orders").collect()),
    "explain_and_show": explain_and_show,
}

CASES_OF_SPARK_4: dict[str, Callable[[SparkSession, Path], None]] = {
    "execute_immediate": statement("EXECUTE IMMEDIATE 'INSERT INTO target {select}'"),
    "sql_script": statement("BEGIN INSERT INTO target {select}; INSERT INTO target VALUES (1, 2); END"),
}


def record(
    spark: SparkSession, name: str, case: Callable[[SparkSession, Path], Any], spool: Path, data: Path
) -> None:
    """Run one case with the bridge on, and seal what it wrote into `spool`."""
    prepare(spark, data)
    bridge = spark._jvm.io.sparklineage.Bridge  # noqa: SLF001 - py4j's way to a static method
    spark.conf.set("spark.lineage.spool", str(spool))
    spark.conf.set("spark.lineage.hashKeyFile", str(data.parent / "hash.key"))
    bridge.enable(spark._jsparkSession)  # noqa: SLF001
    try:
        case(spark, data)
    finally:
        if not bridge.flush(FLUSH_TIMEOUT_MILLIS):
            raise SystemExit(f"case {name}: the bridge did not finish in {FLUSH_TIMEOUT_MILLIS} ms")
        print(f"{name}: {bridge.status()}")
        bridge.disable()


def wanted(
    spark: SparkSession, names: list[str]
) -> Iterator[tuple[str, Callable[[SparkSession, Path], Any]]]:
    """The cases of this Spark line, all or those named."""
    cases = CASES if spark.version.startswith("3.") else {**CASES, **CASES_OF_SPARK_4}
    return ((name, case) for name, case in cases.items() if not names or name in names)


def main() -> int:
    """Record the cases; 0, or 1 where one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("output", type=Path, help="folder of the spools, one sub-folder per case")
    parser.add_argument("cases", nargs="*", help="names of cases (default: all)")
    arguments = parser.parse_args()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        spark = session(Path(folder))
        for name, case in wanted(spark, arguments.cases):
            spool = arguments.output.resolve() / name
            shutil.rmtree(spool, ignore_errors=True)
            try:
                record(spark, name, case, spool, Path(folder) / name)
            except Exception as error:  # noqa: BLE001 - one case must not end the others
                failed.append(name)
                print(f"case {name} failed: {type(error).__name__}: {str(error)[:2000]}", file=sys.stderr)
        spark.stop()
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
