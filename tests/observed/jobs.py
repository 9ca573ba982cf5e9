"""What the observed application does: each job by its name, run once; what it returned is what the metrics are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f
from support.paths import REPOSITORY

Job: TypeAlias = Callable[[SparkSession, Path], Any]

CLASSES = REPOSITORY / "jvm_bridge" / "target" / "test-classes"
"""The bridge's test classes; `make test` compiles them, and what needs one is left out where they are missing."""

JOBS: dict[str, tuple[Job, dict[str, str]]] = {}
"""Each job by its name, with the settings that it runs under."""

PLAIN = {"spark.sql.adaptive.enabled": "false", "spark.sql.autoBroadcastJoinThreshold": "-1"}
ADAPTIVE = {"spark.sql.adaptive.enabled": "true", "spark.sql.autoBroadcastJoinThreshold": "-1"}
SKEWED = ADAPTIVE | {
    "spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes": "10KB",
    "spark.sql.adaptive.skewJoin.skewedPartitionFactor": "2",
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "10KB",
    "spark.sql.shuffle.partitions": "4",
}


def job(**settings: str) -> Callable[[Job], Job]:
    """Enter a function into the jobs under its own name."""

    def enter(function: Job) -> Job:
        JOBS[function.__name__] = (function, settings)
        return function

    return enter


def prepare(spark: SparkSession, data: Path) -> None:
    """Orders (1,000 rows in two files, customer 0 has 910 of them), ten of them as an index, customers (10) and an empty table, as Parquet."""
    orders = spark.range(0, 1000, 1, 2).select(
        f.col("id").alias("order_id"),
        f.when(f.col("id") < 900, 0).otherwise(f.col("id") % 10).alias("customer"),
        (f.col("id") % 7).alias("amount"),
        f.sha2(f.col("id").cast("string"), 512).alias("comment"),
    )
    orders.write.parquet(str(data / "orders"))
    spark.range(0, 10, 1, 1).select(
        f.col("id").alias("customer_id"), f.concat(f.lit("c"), f.col("id")).alias("name")
    ).write.parquet(str(data / "customers"))
    orders.where("order_id < 10").coalesce(1).write.parquet(str(data / "indexed"))
    orders.where("order_id < 0").write.parquet(str(data / "nothing"))


def tables(spark: SparkSession, data: Path) -> tuple[DataFrame, DataFrame]:
    return spark.read.parquet(str(data / "orders")), spark.read.parquet(str(data / "customers"))


def joined(spark: SparkSession, data: Path) -> DataFrame:
    """SELECT name, sum(amount) AS total, count(*) AS orders FROM orders JOIN customers WHERE amount > 2 GROUP BY name."""
    orders, customers = tables(spark, data)
    matched = orders.where("amount > 2").join(customers, orders.customer == customers.customer_id)
    return matched.groupBy("name").agg(f.sum("amount").alias("total"), f.count("*").alias("orders"))


def write(frame: DataFrame, path: Path) -> int:
    """Write a query as Parquet and count what stands there."""
    frame.write.parquet(str(path))
    import pyarrow.parquet as pq  # noqa: PLC0415 - an independent reader of what was written

    return sum(pq.read_metadata(each).num_rows for each in path.glob("*.parquet"))


@job(**PLAIN)
def merged_plainly(spark: SparkSession, data: Path) -> int:
    return write(joined(spark, data), data / "merged_plainly")


@job(**ADAPTIVE)
def merged_adaptively(spark: SparkSession, data: Path) -> int:
    return write(joined(spark, data), data / "merged_adaptively")


@job(**{"spark.sql.adaptive.enabled": "false"})
def broadcast(spark: SparkSession, data: Path) -> int:
    return write(joined(spark, data), data / "broadcast")


@job(**{"spark.sql.adaptive.enabled": "true"})
def broadcast_adaptively(spark: SparkSession, data: Path) -> int:
    return write(joined(spark, data), data / "broadcast_adaptively")


@job(**{
    "spark.sql.adaptive.enabled": "true", "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.adaptive.autoBroadcastJoinThreshold": "10MB",
})  # fmt: skip
def switched(spark: SparkSession, data: Path) -> int:
    return write(joined(spark, data), data / "switched")


def twice(spark: SparkSession, data: Path) -> DataFrame:
    """The totals by customer, joined with themselves: two equal halves of one plan."""
    tables(spark, data)[0].createOrReplaceTempView("orders")
    return spark.sql(
        "SELECT a.customer, a.total AS own, b.total AS other"
        " FROM (SELECT customer, sum(amount) AS total FROM orders GROUP BY customer) a"
        " JOIN (SELECT customer, sum(amount) AS total FROM orders GROUP BY customer) b ON a.customer = b.customer"
    )


@job(**PLAIN)
def reused_plainly(spark: SparkSession, data: Path) -> int:
    return write(twice(spark, data), data / "reused_plainly")


@job(**ADAPTIVE)
def reused_adaptively(spark: SparkSession, data: Path) -> int:
    return write(twice(spark, data), data / "reused_adaptively")


@job(**SKEWED)
def skewed(spark: SparkSession, data: Path) -> int:
    orders, customers = tables(spark, data)
    matched = orders.join(customers.hint("merge"), orders.customer == customers.customer_id)
    return write(matched.select("order_id", "name", "comment"), data / "skewed")


def kept(spark: SparkSession, data: Path, name: str) -> int:
    """Fill a cache with the totals by name, and write what is read from it."""
    totals = joined(spark, data).cache()
    totals.count()
    try:
        return write(totals.select("name", (f.col("total") * 2).alias("twice")), data / name)
    finally:
        totals.unpersist(blocking=True)


@job(**PLAIN)
def cached_plainly(spark: SparkSession, data: Path) -> int:
    return kept(spark, data, "cached_plainly")


@job(**ADAPTIVE)
def cached_adaptively(spark: SparkSession, data: Path) -> int:
    return kept(spark, data, "cached_adaptively")


@job(**ADAPTIVE)
def emptied(spark: SparkSession, data: Path) -> int:
    orders, customers = tables(spark, data)
    none = spark.read.parquet(str(data / "nothing")).select("customer").distinct()
    left = customers.join(none, customers.customer_id == none.customer).select("name")
    return write(left.union(orders.where("order_id < 3").select("comment")), data / "emptied")


@job(**ADAPTIVE)
def emptied_wholly(spark: SparkSession, data: Path) -> int:
    _, customers = tables(spark, data)
    none = spark.read.parquet(str(data / "nothing")).select("customer").distinct()
    left = customers.join(none, customers.customer_id == none.customer).select("name")
    return write(left, data / "emptied_wholly")


@job(**ADAPTIVE)
def returned(spark: SparkSession, data: Path) -> int:
    return len(joined(spark, data).collect())


@job(**PLAIN)
def scalar(spark: SparkSession, data: Path) -> int:
    orders, customers = tables(spark, data)
    orders.createOrReplaceTempView("orders")
    customers.createOrReplaceTempView("customers")
    query = "SELECT name, (SELECT max(amount) FROM orders) AS most FROM customers"
    return write(spark.sql(query), data / "scalar")


@job(**PLAIN)
def python(spark: SparkSession, data: Path) -> int:
    orders, _ = tables(spark, data)
    plus = f.udf(lambda amount: amount + 1, "long")
    return write(orders.select("order_id", plus("amount").alias("more")), data / "python")


@job(**PLAIN)
def fetched_again(spark: SparkSession, data: Path) -> int:
    """A task of the last stage deletes the shuffle's files under those that come after it."""
    local = Path(spark.conf.get("spark.local.dir"))
    shuffled = spark.range(0, 400, 1, 2).repartition(4, "id")

    def lose(batches: Iterator[Any]) -> Iterator[Any]:
        yield from batches
        context = TaskContext.get()
        if context is not None and context.partitionId() == 0:
            for each in local.rglob("shuffle_*.data"):
                each.unlink()

    return write(shuffled.mapInArrow(lose, "id long"), data / "fetched_again")


@job(**PLAIN)
def failed_once(spark: SparkSession, data: Path) -> int:
    """The first attempt of one task fails; the second one does the work."""

    def stumble(batches: Iterator[Any]) -> Iterator[Any]:
        context = TaskContext.get()
        if context is not None and context.partitionId() == 1 and context.attemptNumber() == 0:
            raise ValueError("hunter2")
        yield from batches

    return write(spark.range(0, 100, 1, 4).mapInArrow(stumble, "id long"), data / "failed_once")


@job(**PLAIN)
def spread(spark: SparkSession, data: Path) -> int:
    """Six tasks that write 1, 2, 4, 8, 16 and 32 rows."""

    def grow(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa  # noqa: PLC0415 - in the worker

        for _ in batches:
            context = TaskContext.get()
            assert context is not None
            rows = range(2 ** context.partitionId())
            yield pa.RecordBatch.from_pydict({"id": pa.array(rows, pa.int64())})

    return write(spark.range(0, 6, 1, 6).mapInArrow(grow, "id long"), data / "spread")


@job(**PLAIN)
def wide(spark: SparkSession, _data: Path) -> int:
    """260 tasks, of which the first gives one row, the second two, ..., the last 260."""
    rows = spark.range(0, 260 * 260, 1, 260).where("id % 260 <= id div 260")
    return len(rows.repartition(1).groupBy().count().collect())


@job(
    **PLAIN,
    **{
        "spark.sql.windowExec.buffer.in.memory.threshold": "10",
        "spark.sql.windowExec.buffer.spill.threshold": "10",
    },
)
def spilled(spark: SparkSession, data: Path) -> int:
    """Each window of a thousand rows keeps ten of them in memory."""
    orders, _ = tables(spark, data)
    most = f.max("comment").over(Window.partitionBy("customer"))
    return write(orders.select("order_id", most.alias("most")), data / "spilled")


@job(**PLAIN)
def skipped(spark: SparkSession, _data: Path) -> int:
    """The first row stands in no early partition, so a second job looks further: it takes the shuffle of the first."""
    shuffled = spark.range(0, 400, 1, 2).repartition(8, "id")
    return len(shuffled.where("id = 7").head(2))


def substituted(spark: SparkSession, data: Path) -> int:
    """A rule of the optimizer reads the index where the query names the orders, and keeps the ids of their columns."""
    jvm: Any = spark._jvm
    orders, _ = tables(spark, data)
    index = spark.read.parquet(str(data / "indexed"))
    gateway: Any = spark.sparkContext._gateway
    urls, plans = gateway.new_array(jvm.java.net.URL, 1), gateway.new_array(jvm.java.lang.Object, 2)
    urls[0] = jvm.java.io.File(str(CLASSES)).toURI().toURL()
    for number, frame in enumerate((orders, index)):
        plans[number] = frame._jdf.queryExecution().analyzed()
    loader = jvm.java.net.URLClassLoader(urls, jvm.Thread.currentThread().getContextClassLoader())
    rules = jvm.java.util.ArrayList()
    rules.add(loader.loadClass("io.sparklineage.Substitution").getConstructors()[0].newInstance(plans))
    use = getattr(spark._jsparkSession.experimental(), "extraOptimizations_$eq")
    use(jvm.PythonUtils.toSeq(rules))
    try:
        return write(orders.where("amount > 2").select("order_id", "amount"), data / "substituted")
    finally:
        use(jvm.PythonUtils.toSeq(jvm.java.util.ArrayList()))


if (CLASSES / "io" / "sparklineage" / "Substitution.class").exists():
    job(**PLAIN)(substituted)
