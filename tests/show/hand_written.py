"""Answers written by hand after docs/json.md, small and with a bit of everything."""

from __future__ import annotations

from typing import Any

HOSTILE = "<script>alert(1)</script>\x1b[31m[red]"
"""A column name that is markup to a browser, to a terminal and to rich."""

PLAN = "4be1"

AMOUNT = "cast((quantity * (unit_price - ((unit_price * discount) / 100))) as decimal(12,2))"


def dataset(table: str) -> dict[str, Any]:
    """A catalog table; a name with a slash is a file without alias."""
    if "/" in table:
        return {"namespace": "file", "name": f"/srv/{table}", "aliases": []}
    path = f"/srv/lake/{table.replace('.', '/')}"
    return {"namespace": "file", "name": path, "aliases": [f"spark_catalog.{table}"]}


def vertex(table: str, field: str | None) -> dict[str, Any]:
    return {**dataset(table), "field": field}


def kind(subtype: str) -> dict[str, str]:
    direct = subtype in {"IDENTITY", "TRANSFORMATION", "AGGREGATION"}
    return {"type": "DIRECT" if direct else "INDIRECT", "subtype": subtype}


def source(table: str, field: str, subtype: str, expression: str, **more: Any) -> dict[str, Any]:
    masking = more.pop("masking", False)
    return {
        **vertex(table, field),
        **kind(subtype),
        "masking": masking,
        "expression": expression,
        "plan": PLAN,
        **more,
    }


def column(name: str, type_: str, *sources: dict[str, Any], certainty: str = "exact") -> dict[str, Any]:
    return {"name": name, "type": type_, "certainty": certainty, "sources": list(sources)}


def problem() -> dict[str, str]:
    return {
        "code": "unknown_operator",
        "severity": "warning",
        "message": "The operator Foo is not known, so each of its outputs is taken to come from all of its inputs.",
        "where": "Foo#3",
        "hint": "Please report the plan.",
    }


def table_answer() -> dict[str, Any]:
    """A gold table, made of two silver tables through a view, and of a file."""
    tier = "CASE WHEN (sum(amount) > ?) THEN ? ELSE ? END"
    return {
        "schema_version": 1,
        "dataset": dataset("gold.revenue"),
        "certainty": "over_approximate",
        "plans": [PLAN],
        "runs": 12,
        "last_run": {
            "id": "8c0e:7",
            "state": "COMPLETE",
            "started_at": "2026-11-20T03:04:05.678Z",
            "rows": 4200,
        },
        "columns": [
            column(
                "day",
                "date",
                source(
                    "silver.payments", "paid_on", "IDENTITY", "paid_on", via=["spark_catalog.silver.paid"]
                ),
            ),
            column(
                "tier",
                "string",
                source("silver.lines", "amount", "CONDITIONAL", tier),
                certainty="over_approximate",
            ),
            column(
                "buyer",
                "string",
                source("in/buyers.csv", "mail", "TRANSFORMATION", "sha2(mail, ?)", masking=True),
            ),
            column("one", "int"),
            column("what", "string", certainty="opaque"),
        ],
        "rows": [
            source("silver.lines", "order_id", "JOIN", "(order_id = order_id)"),
            source("silver.payments", "order_id", "JOIN", "(order_id = order_id)"),
            source("silver.payments", "paid_on", "GROUP_BY", "paid_on"),
        ],
        "problems": [problem()],
    }


def nested_answer() -> dict[str, Any]:
    """A struct that the query built, of a table as it was at version 3."""
    info = column(
        "info", "struct<zip:string,n:int>", source("raw.boxes", "zip", "TRANSFORMATION", "struct(zip, ?)")
    )
    fields = [
        {"name": "info.zip", "sources": [source("raw.boxes", "zip", "IDENTITY", "zip", version="3")]},
        {"name": "info.n", "sources": []},
    ]
    return {
        "schema_version": 1,
        "dataset": dataset("gold.boxes"),
        "certainty": "exact",
        "plans": [PLAN],
        "runs": 1,
        "last_run": None,
        "columns": [{**info, "fields": fields}],
        "rows": [source("raw.boxes", "day", "FILTER", "(day > ?)", version="3")],
        "problems": [],
    }


def edge(from_: tuple[str, str], to: tuple[str, str | None], subtype: str, expression: str) -> dict[str, Any]:
    ends = {"source": vertex(*from_), "target": vertex(*to)}
    for end in ends.values():
        del end["aliases"]
    return {
        **ends,
        **kind(subtype),
        "masking": False,
        "certainty": "exact",
        "expression": expression,
        "plan": PLAN,
        "operator": "Project#1",
    }


def node(
    table: str, field: str | None, depth: int, subtype: str | None, certainty: str = "exact"
) -> dict[str, Any]:
    kinds = kind(subtype) if subtype else {"type": None, "subtype": None}
    own = {"certainty": certainty, "own_certainty": certainty}
    return {**vertex(table, field), "depth": depth, **kinds, "masking": False, **own}


def upstream_answer() -> dict[str, Any]:
    """One gold column, back to a file; `discount` is read twice, a struct's field once."""
    return {
        "schema_version": 1,
        "start": vertex("gold.revenue", "total"),
        "direction": "upstream",
        "depth": None,
        "nodes": [
            node("gold.revenue", "total", 0, None),
            node("gold.revenue", None, 0, None),
            node("silver.lines", "amount", 1, "AGGREGATION"),
            node("silver.lines", "order_id", 1, "JOIN"),
            node("bronze.items", "price.unit", 2, "AGGREGATION"),
            node("bronze.items", "quantity", 2, "AGGREGATION"),
            node("raw/items.json", "price", 3, "AGGREGATION"),
            node("raw/items.json", "quantity", 3, "AGGREGATION"),
        ],
        "edges": [
            edge(("bronze.items", "price.unit"), ("silver.lines", "amount"), "TRANSFORMATION", AMOUNT),
            edge(("bronze.items", "quantity"), ("silver.lines", "amount"), "TRANSFORMATION", AMOUNT),
            edge(("raw/items.json", "price"), ("bronze.items", "price"), "IDENTITY", "price"),
            edge(("raw/items.json", "quantity"), ("bronze.items", "quantity"), "IDENTITY", "quantity"),
            edge(("silver.lines", "amount"), ("gold.revenue", "total"), "AGGREGATION", "sum(amount)"),
            edge(("silver.lines", "order_id"), ("gold.revenue", None), "JOIN", "(order_id = order_id)"),
        ],
        "problems": [],
    }


def downstream_answer() -> dict[str, Any]:
    """One raw field, on to two gold tables; the rows of one depend on it."""
    return {
        "schema_version": 1,
        "start": vertex("raw/items.json", "price"),
        "direction": "downstream",
        "depth": 3,
        "nodes": [
            node("raw/items.json", "price", 0, None),
            node("bronze.items", "price", 1, "IDENTITY"),
            node("silver.lines", "amount", 2, "TRANSFORMATION", "over_approximate"),
            node("gold.best", None, 3, "FILTER"),
            node("gold.best", "line_id", 3, "FILTER"),
            node("gold.revenue", "label", 3, "TRANSFORMATION"),
        ],
        "edges": [
            edge(("raw/items.json", "price"), ("bronze.items", "price"), "IDENTITY", "price"),
            edge(
                ("bronze.items", "price"), ("silver.lines", "amount"), "TRANSFORMATION", "(price * quantity)"
            ),
            edge(("silver.lines", "amount"), ("gold.best", None), "FILTER", "(amount > ?)"),
            edge(("silver.lines", "amount"), ("gold.revenue", "label"), "IDENTITY", "amount"),
        ],
        "problems": [],
    }


def run(state: str, target: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": "8c0e:7",
        "part": 0,
        "kind": "write" if target else "application",
        "state": state,
        "job": "shop",
        "operation": "CREATE TABLE AS SELECT" if target else "",
        "target": dataset(target) if target else None,
        "plan": PLAN if target else None,
        "started_at": "2026-11-20T03:04:05.678Z",
        "ended_at": "2026-11-20T03:04:07.178Z",
        "rows": None,
        "bytes": None,
        "files": None,
        "error": None,
        "failed_operator": None,
        "decided_by": None,
        "left_out": None,
        "session": None,
        "application": {"id": "local-1", "name": "shop: refunds"},
        "user": "ann",
        "spark_version": "4.1.3",
        "description": None,
        "call_site": None,
        "sql_text": None,
        "query_id": None,
        "batch_id": None,
        **more,
    }


def runs_answer() -> dict[str, Any]:
    error = {
        "class": "org.apache.spark.SparkArithmeticException",
        "message": "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` to tolerate divisor being ? and return NULL.",
    }
    return {
        "schema_version": 1,
        "runs": [
            run("COMPLETE_WITH_FAILURES", None),
            run("FAILED", "finance/shares", error=error),
            run("COMPLETE", "gold.revenue", rows=1, ended_at=None),
        ],
    }


def summary(
    table: str, columns: list[str], runs: int = 0, state: str = "COMPLETE", **more: Any
) -> dict[str, Any]:
    last = {"id": "8c0e:7", "state": state, "started_at": "2026-11-20T03:04:05.678Z", "rows": None}
    return {
        **dataset(table),
        "format": None,
        "columns": columns,
        "certainty": "exact",
        "plans": [PLAN] if runs else [],
        "runs": runs,
        "last_run": last if runs else None,
        **more,
    }


def tables_answer() -> dict[str, Any]:
    """Two pipelines that share a table, one that reads itself, a failed one, and a result of a program."""

    def made_of(target: str, from_: str) -> dict[str, Any]:
        ends = {"source": dataset(from_), "target": dataset(target)}
        for end in ends.values():
            del end["aliases"]
        return {**ends, "kind": "data", "plans": [PLAN]}

    driver = {**summary("driver.collect", ["a"], 1), "namespace": "driver", "name": "collect", "aliases": []}
    return {
        "schema_version": 1,
        "tables": [
            driver,
            summary("bronze.items", ["price", "quantity"], 2),
            summary("gold.best", ["line_id"], 1, certainty="opaque"),
            summary("gold.revenue", ["day", "total"], 3, last_run={**run("COMPLETE", None), "rows": 40}),
            summary("finance/shares", [], 1, "FAILED"),
            summary("raw/items.json", ["price"]),
            summary("silver.lines", ["amount"], 2),
        ],
        "edges": [
            made_of("bronze.items", "raw/items.json"),
            made_of("gold.best", "silver.lines"),
            made_of("gold.revenue", "silver.lines"),
            made_of("silver.lines", "bronze.items"),
            made_of("silver.lines", "silver.lines"),
        ],
        "problems": [],
    }


def search_answer() -> dict[str, Any]:
    matches = [
        {"kind": "dataset", **vertex("raw/items.json", None), "expression": None, "plan": None},
        {"kind": "column", **vertex("bronze.items", "price"), "expression": None, "plan": None},
        {"kind": "expression", **vertex("silver.lines", "amount"), "expression": AMOUNT, "plan": PLAN},
    ]
    return {"schema_version": 1, "text": "item", "matches": matches}
