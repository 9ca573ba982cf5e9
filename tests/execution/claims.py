"""What the tool says about every query of the corpora: run each as CREATE TABLE AS SELECT over empty tables.

    python -m execution.claims --into claims.json

The JSON has, by query, the answer of `lineage.table(...)`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import harness
from pyspark.sql import SparkSession

NOT_OVER_NOTHING = frozenset({"tpcds/q90"})
"""Queries that divide by zero over empty tables: there ANSI mode is off, and the division gives null."""


def main() -> None:
    """Run the queries with lineage on and write the answers."""
    parser = argparse.ArgumentParser(description="What the tool says about every query of the corpora.")
    parser.add_argument("--into", type=Path, required=True, help="the JSON file to write")
    into = parser.parse_args().into
    with tempfile.TemporaryDirectory() as folder:
        spark = harness.start_session(Path(folder) / "warehouse")
        harness.create_tables(spark)
        answers = ask(spark, folder)
        spark.stop()
    unfinished = into.with_suffix(".part")
    unfinished.write_text(json.dumps(answers), encoding="utf-8")
    unfinished.replace(into)


def ask(spark: SparkSession, folder: str) -> dict[str, object]:
    """Query -> answer."""
    import spark_lineage  # noqa: PLC0415  # what only runs queries needs no lineage

    lineage = spark_lineage.enable(spark, store=f"{folder}/store")
    for query in harness.all_queries():
        spark.catalog.setCurrentDatabase(query.corpus)
        spark.conf.set("spark.sql.ansi.enabled", str(query.name not in NOT_OVER_NOTHING).lower())
        spark.sql(harness.create_table_as(query, spark.sql(query.sql)))
    lineage.flush(timeout_seconds=120)
    return {query.name: lineage.table(query.target).to_dict() for query in harness.all_queries()}


if __name__ == "__main__":
    main()
