"""A small shop for checks: raw -> orders -> report <- customers, whose country is hashed on its way and filters the rows."""

from __future__ import annotations

from query.lineage_rows import dataset, edge, plan, run

from spark_lineage.model import Batch, Column, EdgeKind

SHOP = Batch(
    datasets=(
        dataset("raw"),
        dataset("orders", "spark_catalog.shop.orders"),
        dataset("customers", "spark_catalog.shop.customers"),
        dataset("report", "spark_catalog.shop.report"),
        dataset("driver:count"),
    ),
    columns=(
        Column("file", "/w/raw", "price", "string", 0),
        Column("file", "/w/customers", "country", "string", 0),
        Column("file", "/w/customers", "name", "string", 1),
    ),
    plans=(
        plan("p1", "orders", "amount:double", "raw", overwrites=True),
        plan("p2", "report", "total:double land:string", "orders customers", overwrites=True),
        plan("p3", "driver:count", "", "report", kind=EdgeKind.USAGE),
    ),
    edges=(
        edge("p1", "raw.price", "orders.amount", "TRANSFORMATION", "CAST(price AS DOUBLE)"),
        edge("p2", "orders.amount", "report.total", "AGGREGATION", "sum(amount)"),
        edge("p2", "customers.country", "report.land", "TRANSFORMATION", "sha2(country, ?)", masking=True),
        edge("p2", "customers.country", "report", "FILTER", "(country = ?)"),
        edge("p3", "report.total", "driver:count", "FILTER", "(total > ?)", kind=EdgeKind.USAGE),
    ),
    runs=(
        run(1, "p1", "orders", 10),
        run(2, "p2", "report", 20),
        run(3, "p3", "driver:count", 30, kind="usage"),
    ),
)
