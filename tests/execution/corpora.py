"""The queries of TPC-H, TPC-DS and SSB as subjects of the proof.

LIMIT is taken out, in subqueries too: what it keeps among equal rows is Spark's free choice, and it adds no source.
Fixed-length texts are plain strings here, since padding is no matter of lineage.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import goldens
import queries
import tomllib
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention
from pyspark.sql import types as T  # noqa: N812  # Spark's own convention

from execution.data import VARIANT, Data, Table, arrow, plain
from execution.domains import read_domains
from execution.proof import Rows, Subject, read_claims

HINTS = Path(__file__).parent / "hints.toml"
_LIMIT = re.compile(r"\blimit\s+\d+\b", re.IGNORECASE)
_TEXT = re.compile(r"\b(?:VAR)?CHAR\(\d+\)", re.IGNORECASE)


def schemas(corpus: str) -> dict[str, T.StructType]:
    """The tables of a corpus."""
    return {
        name: T.StructType.fromDDL(_TEXT.sub("STRING", columns))
        for name, columns in queries.read_schema(corpus).items()
    }


def hints() -> dict[str, dict[str, list[Any]]]:
    """Query -> column -> values to draw from, where the query's own literals do not do.

    `replace` changes the query's text; `as` names another query whose hints do.
    """
    found = tomllib.loads(HINTS.read_text(encoding="utf-8"))
    return {name: found[own["as"]] if "as" in own else own for name, own in found.items()}


def subject(spark: SparkSession, query: queries.Query, lineage: goldens.Lineage) -> Subject:
    """The subject of one query with what is said of it; its tables become temporary views of this session."""
    mine = hints().get(query.name, {})
    sql = _LIMIT.sub("", query.sql)
    for old, new in mine.get("replace", []):
        if old not in sql:
            raise ValueError(f"{HINTS.name}: {query.name} has no text {old!r}")
        sql = sql.replace(old, new)
    read = {
        name: schema
        for name, schema in schemas(query.corpus).items()
        if re.search(rf"\b{name}\b", sql, re.IGNORECASE)
    }
    for name, schema in read.items():
        put(spark, name, schema, {field.name: [] for field in schema})
    plan = spark.sql(sql)._jdf.queryExecution().optimizedPlan().toJSON()
    shown: dict[str, Table] = {}

    def run(data: Data) -> Rows:
        for name, table in data.items():
            if shown.get(name) is not table and shown.get(name) != table:
                put(spark, name, read[name], table)
                shown[name] = table
        return [tuple(map(repr, row)) for row in spark.sql(sql).collect()]

    claims = read_claims(lineage.columns, lineage.rows)
    return Subject(query.name, read, claims, read_domains(plan), mine, run)


def put(spark: SparkSession, name: str, schema: T.StructType, table: Table) -> None:
    """The table as a temporary view of rows in memory."""
    stored = plain(schema)
    frame = spark.createDataFrame(arrow(table, stored), schema=stored)
    made = {each.name: F.parse_json(each.name) for each in schema if isinstance(each.dataType, VARIANT)}
    frame.withColumns(made).createOrReplaceTempView(name)
