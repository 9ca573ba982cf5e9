"""Where a test of events works: a session, a database, a folder, and what is asked of the lineage.

`t` has four rows, three of them with `a > 1`; `u` has three.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from support.stores import tidy

SETUP = """
CREATE TABLE t USING parquet AS SELECT * FROM VALUES
    (1, 'p', 1.0D), (2, 'q', 2.0D), (3, 'p', 3.0D), (4, 'r', 4.0D) AS rows(a, b, c);
CREATE TABLE u USING parquet AS SELECT * FROM VALUES (2, 20.0D), (3, 30.0D), (9, 90.0D) AS rows(a, v)
"""
TIDY_EVERY = 4
"""So many tests write between one tidying of the store and the next."""
QUERY = "SELECT a, upper(b) AS big FROM t WHERE a > 1"
Json = dict[str, Any]
_MADE = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """Where one test works: a session with a database and a folder of its own, and the lineage of it all."""

    spark: SparkSession
    database: str
    folder: Path
    lineage: Any

    def sql(self, *texts: str) -> None:
        """Run statements, one after another."""
        for text in texts:
            self.spark.sql(text.replace("{tmp}", str(self.folder)))

    def new_runs(self, action: Callable[[], Any]) -> list[Json]:
        """The runs that an action made, the oldest first."""
        known = {(run["id"], run["part"]) for run in self._runs()}
        action()
        return [run for run in reversed(self._runs()) if (run["id"], run["part"]) not in known]

    def new_problems(self, action: Callable[[], Any]) -> list[Json]:
        """The problems that an action made."""
        known = self.lineage.problems().to_dict()["problems"]
        action()
        return [problem for problem in self.lineage.problems().to_dict()["problems"] if problem not in known]

    def _runs(self) -> list[Json]:
        return [run for run in self.lineage.runs().to_dict()["runs"] if run["kind"] != "application"]

    def table(self, name: str = "out") -> Json:
        """The answer for a table of this database."""
        return self.lineage.table(f"{self.database}.{name}").to_dict()

    def is_table(self, target: Json, name: str) -> bool:
        """Whether a dataset is that table of this database: by its location and by its alias."""
        return (
            target["namespace"] == "file"
            and target["name"].endswith(f"/{self.database}.db/{name}")
            and f"spark_catalog.{self.database}.{name}" in target["aliases"]
        )

    def reaches_driver(self, column: str) -> bool:
        """Whether a column is used by what an action handed to the program."""
        found = self.lineage.downstream(f"{self.database}.{column}", depth=1).to_dict()
        return any(node["namespace"] == "driver" for node in found["nodes"])


def shape(runs: list[Json]) -> list[tuple[str, str, str]]:
    """Kind, operation and state of each run."""
    return [(run["kind"], run["operation"], run["state"]) for run in runs]


def fields(sources: list[Json]) -> list[str]:
    """`a IDENTITY` of each source, the table's name left out."""
    return [f"{source['field']} {source['subtype']}" for source in sources]


def lineage_of_query(answer: Json) -> None:
    """The answer is that of `QUERY`, and is sure of it."""
    assert answer["certainty"] == "exact"
    assert answer["problems"] == []
    assert [(column["name"], fields(column["sources"])) for column in answer["columns"]] == [
        ("a", ["a IDENTITY"]),
        ("big", ["b TRANSFORMATION"]),
    ]
    assert fields(answer["rows"]) == ["a FILTER"]


def failure(action: Callable[[], Any]) -> str:
    """The Java class of the error that an action raises."""
    with pytest.raises(Exception) as raised:  # noqa: PT011  # which one it is, is the answer
        action()
    origin = getattr(raised.value, "_origin", None) or raised.value.java_exception
    return str(origin.getClass().getName())


def new_place(spark: SparkSession, lineage: Any, folder: Path, database: str) -> Place:
    """A place with the tables `t` and `u` in a database of this name."""
    if next(_MADE) % TIDY_EVERY == 0:
        tidy(lineage)
    session = spark.newSession()
    session.sql(f"CREATE DATABASE {database}")
    session.sql(f"USE {database}")
    for statement in SETUP.split(";\n"):
        session.sql(statement)
    return Place(session, database, folder, lineage)
