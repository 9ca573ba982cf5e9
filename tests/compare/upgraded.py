# ruff: noqa: S608 - nobody else's text is in these queries
"""The same job on two Sparks: joins, aggregates, windows, a common table expression, subqueries, arrays; with DELTA a MERGE.

DATA is its folder, CONF the session's configuration. With CHANGED it multiplies where it divided before, has another tax rate, and takes a
label from another table.
"""

import json
import os

from pyspark.sql import SparkSession

data, delta, changed = os.environ["DATA"], bool(os.environ["DELTA"]), bool(os.environ["CHANGED"])
builder = SparkSession.builder.master("local[2]")
for key, value in json.loads(os.environ["CONF"]).items():
    builder = builder.config(key, value)
if delta:
    from delta import configure_spark_with_delta_pip

    builder = configure_spark_with_delta_pip(builder)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")

TABLES = {
    "orders": """
        SELECT id, id % 3 AS customer, date_add(DATE'2026-11-01', CAST(id % 7 AS INT)) AS day, CAST(id * 1.5 AS DOUBLE) AS amount,
               array(id, id + 1) AS parts FROM range(40)""",
    "customers": "SELECT id AS customer, concat('c', id) AS name, id % 2 = 0 AS active FROM range(3)",
}
QUERIES = {
    "joined": """
        WITH active AS (SELECT customer, upper(name) AS name FROM customers WHERE active)
        SELECT o.id, a.name, o.day, round(o.amount, 1) AS amount, year(o.day) AS year, coalesce(a.name, '-') AS label,
               o.id BETWEEN 2 AND 9 AS early
        FROM orders o LEFT JOIN active a ON o.customer = a.customer WHERE o.amount BETWEEN 1 AND 50""",
    "grouped": """
        SELECT day, count(*) AS orders, count(DISTINCT customer) AS customers, sum(amount) AS total, max(struct(amount, id)).id AS best,
               avg(amount) FILTER (WHERE amount > 3) AS mean
        FROM orders GROUP BY day HAVING sum(amount) > 0""",
    "ranked": """
        SELECT id, customer, row_number() OVER (PARTITION BY customer ORDER BY amount DESC) AS place,
               lag(amount, 1, 0.0) OVER (PARTITION BY customer ORDER BY day, id) AS previous,
               sum(amount) OVER (PARTITION BY customer ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS running
        FROM orders""",
    "nested": """
        SELECT customer, part, CASE WHEN part > 5 THEN 'high' ELSE CAST(part AS STRING) END AS level,
               transform(parts, x -> x * 2) AS doubled, named_struct('day', day, 'amount', amount) AS info
        FROM orders LATERAL VIEW explode(parts) AS part
        WHERE customer IN (SELECT customer FROM customers) AND amount > (SELECT avg(amount) FROM orders)""",
    "both": """
        SELECT customer, name AS text FROM customers UNION ALL
        SELECT customer, date_format(day, 'yyyy-MM') FROM orders
        EXCEPT SELECT customer, CAST(amount AS STRING) FROM orders""",
    "rated": f"SELECT id, amount * {'0.07D' if changed else '0.19D'} AS tax FROM orders",
    "shared": f"SELECT id, customer {'*' if changed else '/'} amount AS share FROM orders",
    "rerouted": f"""
        SELECT o.id, {"c.name" if changed else "CAST(o.day AS STRING)"} AS label FROM orders o JOIN customers c USING (customer)""",
}
for name, query in (*TABLES.items(), *QUERIES.items()):
    spark.sql(query).write.mode("overwrite").parquet(f"{data}/{name}")
    if name in TABLES:
        spark.read.parquet(f"{data}/{name}").createOrReplaceTempView(name)
if delta:
    totals = f"delta.`{data}/totals`"
    spark.sql(f"CREATE TABLE IF NOT EXISTS {totals} (customer BIGINT, total DOUBLE) USING delta")
    spark.sql(
        f"""MERGE INTO {totals} t USING (SELECT customer, sum(amount) AS total FROM orders GROUP BY customer) s
            ON t.customer = s.customer WHEN MATCHED AND s.total > t.total THEN UPDATE SET total = s.total WHEN NOT MATCHED THEN INSERT *"""
    )
spark.stop()
