"""Run every query of the corpora as CREATE TABLE AS SELECT over small dense tables, with lineage or without.

    python tests/corpora/harness.py --tables FOLDER --into report.json [--store FOLDER]

The rows of the tables are in FOLDER, or made there if it is not there yet. Writes one JSON object: `results` (query -> its outcome, the columns, the number and a digest of the rows that it
wrote) and with `--store` also `answers` (query -> `lineage.table(...).to_dict()`) and the `problems` of the whole
store. Each run is a process of its own: a session that once had the bridge is not a bare one any more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet
from execution.corpora import schemas
from execution.data import Density, Generator, arrow
from execution.domains import Domains, read_domains
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from queries import CORPORA, Query, read_queries, read_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def main() -> None:
    """Run the queries and write the report."""
    parser = argparse.ArgumentParser(description="Run the query corpora, with lineage or without.")
    parser.add_argument(
        "--tables", type=Path, required=True, help="the rows of the tables, made if they are not there"
    )
    parser.add_argument("--into", type=Path, required=True, help="the JSON report to write")
    parser.add_argument("--store", help="switch lineage on, with this store")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Path(folder) / "warehouse"
        spark = start_session(warehouse)
        create_tables(spark)
        fill_tables(spark, warehouse, arguments.tables)
        if arguments.store is None:
            report = run_queries(spark, warehouse)
        else:
            report = run_with_lineage(spark, warehouse, arguments.store)
        spark.stop()
    arguments.into.write_text(json.dumps(report, indent=1), encoding="utf-8")


def start_session(warehouse: Path) -> SparkSession:
    """A local session; everything that decides about plans is left as Spark has it."""
    builder = SparkSession.builder.master("local[2]").appName("corpora")
    builder = builder.config("spark.sql.warehouse.dir", str(warehouse)).config("spark.ui.enabled", "false")
    # One partition: the tables are tiny, and 200 tasks a shuffle would be all that is measured.
    spark = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def create_tables(spark: SparkSession) -> None:
    """One database a corpus, since TPC-H and SSB share table names with TPC-DS; all tables empty."""
    for corpus in CORPORA:
        spark.sql(f"CREATE DATABASE {corpus}")
        for table, columns in read_schema(corpus).items():
            spark.sql(f"CREATE TABLE {corpus}.{table} ({columns}) USING parquet")


def fill_tables(spark: SparkSession, warehouse: Path, kept: Path) -> None:
    """The same rows in every run, of the values that the queries of the corpus ask for."""
    if not kept.is_dir():
        unfinished = kept.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        for corpus in CORPORA:
            make_rows(spark, corpus, unfinished / f"{corpus}.db")
        unfinished.rename(kept)
    shutil.copytree(kept, warehouse, dirs_exist_ok=True)
    for corpus in CORPORA:
        for table in read_schema(corpus):
            spark.catalog.refreshTable(f"{corpus}.{table}")


def make_rows(spark: SparkSession, corpus: str, folder: Path) -> None:
    """A file of rows for each table of a corpus."""
    generator = Generator(
        _domains(spark, corpus), {}, Density(keys=3, rows=200, hits=0.9), random.Random(corpus)
    )
    types = schemas(corpus)
    for table, rows in generator.data(types).items():
        (folder / table).mkdir(parents=True)
        pyarrow.parquet.write_table(arrow(rows, types[table]), folder / table / "rows.parquet")


def _domains(spark: SparkSession, corpus: str) -> Domains:
    """What all queries of a corpus compare its columns with; where they want several values together is each one's own."""
    spark.catalog.setCurrentDatabase(corpus)
    merged = Domains()
    for query in read_queries(corpus):
        found = read_domains(spark.sql(query.sql)._jdf.queryExecution().optimizedPlan().toJSON())
        for name, literals in found.literals.items():
            merged.literals.setdefault(name, set()).update(literals)
        for name in found.leaders:
            merged.join({name, found.leader(name)})
    return merged


def run_with_lineage(spark: SparkSession, warehouse: Path, store: str) -> dict[str, Any]:
    """The report with lineage on."""
    import spark_lineage  # noqa: PLC0415  the bare run must not have it in its process

    lineage = spark_lineage.enable(spark, store=store)
    report = run_queries(spark, warehouse)
    lineage.flush(timeout_seconds=120)
    written = [query for query in all_queries() if report["results"][query.name]["outcome"] == "ok"]
    report["answers"] = {query.name: lineage.table(query.target).to_dict() for query in written}
    report["problems"] = lineage.problems().to_dict()["problems"]
    return report


def run_queries(spark: SparkSession, warehouse: Path) -> dict[str, Any]:
    """The report of what the queries themselves do."""
    return {"results": {query.name: run_query(spark, warehouse, query) for query in all_queries()}}


def all_queries() -> list[Query]:
    """Every query of every corpus."""
    return [query for corpus in CORPORA for query in read_queries(corpus)]


def run_query(spark: SparkSession, warehouse: Path, query: Query) -> dict[str, Any]:
    """Write the query to its table and describe what came out, without another Spark job."""
    spark.catalog.setCurrentDatabase(query.corpus)
    try:
        spark.sql(create_table_as(query, spark.sql(query.sql)))
    except PySparkException as error:
        return {"outcome": error.getCondition() or type(error).__name__}
    database, table = query.target.split(".")
    rows = pyarrow.parquet.read_table(warehouse / f"{database}.db" / table).to_pylist()
    lines = sorted(repr(list(row.values())) for row in rows)
    return {
        "outcome": "ok",
        "columns": spark.table(query.target).dtypes,
        "rows": len(rows),
        "digest": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    }


def create_table_as(query: Query, frame: DataFrame) -> str:
    """The statement; columns are called c1, c2, ... where the query repeats a name."""
    names = [name.lower() for name in frame.columns]
    if len(set(names)) == len(names):
        return f"CREATE TABLE {query.target} USING parquet AS {query.sql}"
    positional = ", ".join(f"c{position}" for position in range(1, len(names) + 1))
    select = f"SELECT * FROM ({query.sql}) AS q({positional})"  # noqa: S608  the text is Spark's own test query
    return f"CREATE TABLE {query.target} USING parquet AS {select}"


if __name__ == "__main__":
    main()
