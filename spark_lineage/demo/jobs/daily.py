"""The shop's nightly pipeline: raw files -> bronze -> silver -> gold, all of it Delta tables.

    SPARK_LINEAGE_STORE=lineage/store python daily.py <folder with raw/>

The one line about lineage in this file is `spark_lineage.configure`.
"""

import sys
from pathlib import Path

from delta import DeltaTable, configure_spark_with_delta_pip
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812 - as the world writes it
from pyspark.sql.types import StringType

import spark_lineage


def start() -> SparkSession:
    """Start Spark with Delta and, in one line, with lineage."""
    builder = (
        SparkSession.builder.appName("shop: nightly pipeline")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    )
    builder = configure_spark_with_delta_pip(builder)
    return spark_lineage.configure(builder).getOrCreate()  # <- the flag, and nothing else


def bronze(spark: SparkSession, shop: Path) -> None:
    """As it came: every CSV field is a string, JSON keeps its nesting."""
    for name in ("customers", "customer_changes", "orders", "order_items", "payments"):
        raw = spark.read.option("header", "true").csv(str(shop / "raw" / f"{name}.csv"))
        raw.write.format("delta").mode("overwrite").saveAsTable(f"bronze.{name}")
        print(f"wrote bronze.{name}", flush=True)
    for name in ("products", "events"):
        raw = spark.read.json(str(shop / "raw" / f"{name}.json"))
        raw.write.format("delta").mode("overwrite").saveAsTable(f"bronze.{name}")
        print(f"wrote bronze.{name}", flush=True)


def international(phone: str, country: str) -> str:
    """Write a phone number for abroad: '0522 803-7487' of NL -> '+315228037487'."""
    prefix = {"NL": "+31", "DE": "+49", "FR": "+33", "SE": "+46", "IT": "+39"}[country]
    return prefix + "".join(filter(str.isdigit, phone))[1:]


international_phone = F.udf(international, StringType())  # a Python UDF


def silver_customers(spark: SparkSession) -> None:
    """Cleaned customers, then last night's changes merged into them."""

    def cleaned(table: str) -> DataFrame:
        return spark.table(table).select(
            "customer_id",
            F.trim("full_name").alias("full_name"),
            F.lower("email").alias("email"),
            international_phone("phone", "country").alias("phone"),
            "country",
            F.to_date("signed_up_on").alias("signed_up_on"),
        )

    cleaned("bronze.customers").write.format("delta").mode("overwrite").saveAsTable("silver.customers")
    print("wrote silver.customers", flush=True)
    (
        DeltaTable.forName(spark, "silver.customers")
        .alias("old")
        .merge(cleaned("bronze.customer_changes").alias("new"), "old.customer_id = new.customer_id")
        .whenMatchedUpdate(set={"country": "new.country", "phone": "new.phone", "email": "new.email"})
        .whenNotMatchedInsertAll()
        .execute()
    )
    print("wrote silver.customers (merged)", flush=True)


def silver_orders(spark: SparkSession) -> None:
    """Order lines with their amount, payments and products with real types, and a view over them."""
    spark.sql("""
        CREATE OR REPLACE TABLE silver.order_lines USING delta AS
        SELECT o.order_id, o.customer_id, to_date(o.ordered_on) AS ordered_on, i.product_id,
               cast(i.quantity AS int) AS quantity,
               cast(cast(i.quantity AS int) * cast(i.unit_price AS decimal(10, 2))
                    * (100 - cast(i.discount_percent AS int)) / 100 AS decimal(12, 2)) AS amount
        FROM bronze.orders o JOIN bronze.order_items i ON o.order_id = i.order_id
        WHERE o.status <> 'cancelled'
    """)
    print("wrote silver.order_lines", flush=True)
    spark.sql("""
        CREATE OR REPLACE TABLE silver.payments USING delta AS
        SELECT payment_id, order_id, cast(amount AS decimal(12, 2)) AS amount, method,
               to_date(paid_on) AS paid_on
        FROM bronze.payments
    """)
    print("wrote silver.payments", flush=True)
    spark.sql("""
        CREATE OR REPLACE TABLE silver.products USING delta AS
        SELECT product_id, name, category, attributes.colour AS colour, attributes.weight_g AS weight_g
        FROM bronze.products
    """)
    print("wrote silver.products", flush=True)
    spark.sql("""
        CREATE OR REPLACE VIEW silver.paid_lines AS
        SELECT l.*, p.method, p.paid_on
        FROM silver.order_lines l JOIN silver.payments p ON l.order_id = p.order_id
    """)
    print("wrote silver.paid_lines (view)", flush=True)


def silver_visits(spark: SparkSession) -> None:
    """Events as visits: a window looks back to the customer's last event."""
    by_customer = Window.partitionBy("customer_id").orderBy("at")
    events = spark.table("bronze.events").withColumn("at", F.to_timestamp("at"))
    visits = events.select(
        "event_id",
        "customer_id",
        "product_id",
        "kind",
        F.col("device.kind").alias("device"),
        "at",
        F.lag("at").over(by_customer).alias("previous_at"),
    )
    visits.write.format("delta").mode("overwrite").saveAsTable("silver.visits")
    print("wrote silver.visits", flush=True)


def gold(spark: SparkSession) -> None:
    """What people look at: revenue, customers, the funnel."""
    spark.sql("""
        CREATE OR REPLACE TABLE gold.daily_revenue USING delta AS
        SELECT l.paid_on AS day, p.category, sum(l.amount) AS revenue,
               count(DISTINCT l.order_id) AS orders
        FROM silver.paid_lines l JOIN silver.products p ON l.product_id = p.product_id
        GROUP BY l.paid_on, p.category
    """)
    print("wrote gold.daily_revenue", flush=True)
    customer_value(spark, gold_from=1000)
    print("wrote gold.customer_value", flush=True)
    spark.sql("""
        CREATE OR REPLACE TABLE gold.funnel USING delta AS
        SELECT p.category, v.device,
               count(*) FILTER (WHERE v.kind = 'view') AS views,
               count(*) FILTER (WHERE v.kind = 'basket') AS baskets,
               count(*) FILTER (WHERE v.kind = 'buy') AS buys
        FROM silver.visits v JOIN silver.products p ON v.product_id = p.product_id
        GROUP BY p.category, v.device
    """)
    print("wrote gold.funnel", flush=True)


def customer_value(spark: SparkSession, gold_from: int) -> None:
    """What each customer has spent, and the tier that it makes."""
    spark.sql(f"""
        CREATE OR REPLACE TABLE gold.customer_value USING delta AS
        WITH spent AS (
            SELECT customer_id, sum(amount) AS spent, max(paid_on) AS last_paid_on
            FROM silver.paid_lines GROUP BY customer_id
        )
        SELECT c.customer_id, c.full_name, c.country, s.spent, s.last_paid_on,
               rank() OVER (PARTITION BY c.country ORDER BY s.spent DESC) AS rank_in_country,
               CASE WHEN s.spent > {gold_from} THEN 'gold' WHEN s.spent > 300 THEN 'silver' ELSE 'new' END AS tier
        FROM spent s JOIN silver.customers c ON c.customer_id = s.customer_id
    """)  # noqa: S608 - the number is the job's own


def main() -> None:
    """Run all layers, one after the other."""
    shop = Path(sys.argv[1]).resolve()
    spark = start()
    for layer in ("bronze", "silver", "gold"):
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {layer}")
    bronze(spark, shop)
    silver_customers(spark)
    silver_orders(spark)
    silver_visits(spark)
    gold(spark)
    # Later somebody changes a number in the code, and tells nobody.
    customer_value(spark, gold_from=800)
    print("wrote gold.customer_value (another limit)", flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
