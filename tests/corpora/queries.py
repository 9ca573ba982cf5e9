"""The query corpora that Spark's own test jar carries, and the tables that they read.

`scripts/fetch_corpora.py` unpacks the queries into `.cache/spark-sql-tests`. TPC-DS's columns come from the jar too;
those of TPC-H and SSB are written down beside this file, from their specifications.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
CACHE = REPOSITORY / ".cache"
SOURCES = Path(os.environ.get("SPARK_SQL_TESTS", CACHE / "spark-sql-tests")).resolve()
"""Where the corpora are unpacked; another Spark's are fetched elsewhere and named by the variable."""
CORPORA = {"tpcds": 103, "tpcds_v27": 32, "tpch": 22, "ssb": 13}
"""Name of each corpus, which is its database's too, and how many queries it has."""
FOLDERS = {"tpcds_v27": "tpcds-v2.7.0"}
"""Where a corpus stands in the jar, if not under its own name."""


@dataclass(frozen=True)
class Query:
    """One query: `name` is such as `tpcds/q3`, `sql` the file's text."""

    name: str
    sql: str

    @property
    def corpus(self) -> str:
        """The database that the query runs in."""
        return self.name.partition("/")[0]

    @property
    def target(self) -> str:
        """The table that the query is written to: `tpcds.out_q3` for `tpcds/q3`."""
        return f"{self.corpus}.out_{self.name.partition('/')[2].replace('.', '_')}"


def read_queries(corpus: str) -> tuple[Query, ...]:
    """All queries of a corpus, in the order of their numbers."""
    files = sorted(source_folder(corpus).glob("*.sql"), key=lambda file: _in_number_order(file.stem))
    return tuple(Query(f"{corpus}/{file.stem}", file.read_text(encoding="utf-8").strip()) for file in files)


def source_folder(corpus: str) -> Path:
    """The folder of a corpus's query files."""
    return SOURCES / FOLDERS.get(corpus, corpus)


def read_schema(corpus: str) -> dict[str, str]:
    """Table name -> column definitions, as they stand between the brackets of CREATE TABLE."""
    if corpus in {"tpcds", "tpcds_v27"}:
        return dict(json.loads((SOURCES / "TPCDSSchema.json").read_text(encoding="utf-8")))
    script = (HERE / f"{corpus}_schema.sql").read_text(encoding="utf-8")
    return dict(re.findall(r"CREATE TABLE (\w+) \(\n(.*?)\n\) USING parquet;", script, re.DOTALL))


def column_names(definitions: str) -> tuple[str, ...]:
    """The names in a list of column definitions.

    >>> column_names("`a` INT, b DECIMAL(7,2)")
    ('a', 'b')
    """
    return tuple(re.findall(r"`?(\w+)`? [A-Z]+", definitions))


def _in_number_order(stem: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(number), letter) for number, letter in re.findall(r"(\d+)([a-z]?)", stem))
