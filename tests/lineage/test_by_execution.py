"""The strongest check: change one input column at a time, run the query in plain Spark, and see what changes.

What changes must have the changed column among its sources, in the case's expectation and in the tool's answer. And
each source that is stated must, for one change at least, have changed something.

A change of a column that decides the row set may show in every output column, so `rows` excuses every column.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lineage.harness import Case, folder_of, load_all, run_case, source_text, spark_marks

pytestmark = spark_marks()

CASES = [case for case in load_all() if case.by_execution]
CHANGES_PER_COLUMN = 4
NULL_SHARE = 0.3
Table = dict[str, list[Any]]
Result = list[tuple[str, ...]]

TABLES: dict[str, Table] = {
    "t": {
        "a": [1, 2, 3, 3, 4, 5, 2, 1],
        "b": ["p", "q", "p", "r", "q", "p", "pq", "p"],
        "c": [1.0, 2.9, None, 3.2, 0.5, 6.0, 2.0, 5.0],
        "d": [date(2023 + n % 3, 1 + n, 3 + 2 * n) for n in (5, 2, 7, 0, 3, 6, 1, 4)],
    },
    "u": {"a": [1, 2, 3, 3, 5, 7], "k": [0, 1, 2, 3, 5, 2], "v": [1.5, 0.5, 3.0, 3.2, 2.0, 2.5]},
}
TYPES = {int: "INT", str: "STRING", float: "DOUBLE", date: "DATE"}


@dataclass(frozen=True)
class Observed:
    """What a query gave for the tables as they are, and for each change of one column (`t.a`)."""

    columns: tuple[str, ...]
    base: Result
    changed: Mapping[str, tuple[Result, ...]]


def changed_values(values: list[Any], kind: int, chance: random.Random) -> list[Any]:
    """The values changed in one of four ways: shuffled, moved, drawn anew, with nulls."""
    if kind == 0:
        return chance.sample(values, len(values))
    if kind == 1:
        return [moved(value, 1) for value in values]
    if kind == 2:
        return [chance.choice(values) for _ in values]
    return [None if chance.random() < NULL_SHARE else value for value in values]


def moved(value: Any, step: int) -> Any:
    """Another value of the same type, not far away; null stays null."""
    if value is None:
        return None
    if isinstance(value, str):
        return "pqr"[step] + value
    return value + (timedelta(days=400 * step) if isinstance(value, date) else step)


def literal(value: Any, type_: type) -> str:
    """A SQL literal of the type, for nulls too."""
    return f"CAST({'NULL' if value is None else repr(str(value))} AS {TYPES[type_]})"


def create_view(spark: SparkSession, name: str, table: Table) -> None:
    """A temporary view of inline values."""
    types = [type(next(value for value in values)) for values in TABLES[name].values()]
    rows = (
        ", ".join(literal(value, type_) for value, type_ in zip(row, types, strict=True))
        for row in zip(*table.values(), strict=True)
    )
    values = ", ".join(f"({row})" for row in rows)
    view = f"VALUES {values} AS x({', '.join(table)})"
    spark.sql(f"SELECT * FROM {view}").createOrReplaceTempView(name)  # noqa: S608  # our own values


def run(spark: SparkSession, select: str) -> tuple[tuple[str, ...], Result]:
    """Column names, and the rows as text."""
    frame = spark.sql(select)
    return tuple(frame.columns), [tuple(map(repr, row)) for row in frame.collect()]


def observe(spark: SparkSession, select: str) -> Observed:
    """Run the query for the tables as they are and for every change; the changes depend on the column's name only."""
    read = {name: table for name, table in TABLES.items() if re.search(rf"\b{name}\b", select)}
    for name, table in read.items():
        create_view(spark, name, table)
    columns, base = run(spark, select)
    changed = {}
    for name, table in read.items():
        for field, values in table.items():
            chance = random.Random(f"{name}.{field}")
            results = []
            for kind in range(CHANGES_PER_COLUMN):
                create_view(spark, name, table | {field: changed_values(values, kind, chance)})
                results.append(run(spark, select)[1])
            changed[f"{name}.{field}"] = tuple(results)
        create_view(spark, name, table)
    return Observed(columns, base, changed)


def project(rows: Result, places: Iterable[int]) -> Counter[tuple[str, ...]]:
    """How often each combination of the values at these places occurs."""
    kept = sorted(places)
    return Counter(tuple(row[place] for place in kept) for row in rows)


def contradictions(observed: Observed, sources: Mapping[str, set[str]], rows: set[str]) -> list[str]:
    """What was seen and is not stated, then what is stated and was never seen."""
    found = []
    for field, results in observed.changed.items():
        if field not in rows:
            found += _missing(observed, field, results, sources)
        apart = [n for n, column in enumerate(observed.columns) if field not in sources[column]]
        for n, column in enumerate(observed.columns):
            if field in sources[column] and not _differs(observed, results, [*apart, n]):
                found.append(f"{column} has the source {field}, but no change of it changed {column}")
        if field in rows and not _differs(observed, results, range(len(observed.columns))):
            found.append(f"rows have {field}, but no change of it changed any row")
    return found


def _missing(
    observed: Observed, field: str, results: tuple[Result, ...], sources: Mapping[str, set[str]]
) -> list[str]:
    if any(len(result) != len(observed.base) for result in results):
        return [f"a change of {field} changed the number of rows, but rows do not have it"]
    return [
        f"a change of {field} changed {column}, which does not have it as a source"
        for n, column in enumerate(observed.columns)
        if field not in sources[column] and _differs(observed, results, [n])
    ]


def _differs(observed: Observed, results: tuple[Result, ...], places: Iterable[int]) -> bool:
    places = list(places)
    base = project(observed.base, places)
    return any(project(result, places) != base for result in results)


def fields(texts: Iterable[str]) -> set[str]:
    """`t.a` of each `t.a IDENTITY`."""
    return {text.split(" ")[0] for text in texts}


@pytest.fixture(scope="module")
def observed_of(spark: SparkSession) -> Callable[[Case], Observed]:
    """Case -> what was seen; each is run once."""
    session = spark.newSession()
    session.conf.set("spark.sql.codegen.wholeStage", "false")  # tiny tables: compiling takes longest
    session.conf.set("spark.sql.shuffle.partitions", "1")
    known: dict[str, Observed] = {}

    def observed(case: Case) -> Observed:
        if case.database not in known:
            known[case.database] = observe(session, case.select)
        return known[case.database]

    return observed


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.family}: {case.name}")
def test_expectation_agrees_with_execution(case: Case, observed_of: Callable[[Case], Observed]) -> None:
    stated = {column: fields(sources) for column, sources in case.expected["columns"].items()}
    assert contradictions(observed_of(case), stated, fields(case.expected.get("rows", []))) == []


@pytest.fixture(scope="module")
def answer_of(
    spark: SparkSession, lineage: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Case], tuple[dict[str, set[str]], set[str]]]:
    """Case -> column -> sources, and the row set's sources, as the tool says; all cases run before one flush."""
    root = tmp_path_factory.mktemp("execution")
    own = [_renamed(case) for case in CASES]
    ran = {case.name: run_case(spark, case, folder_of(root, case)) for case in own}
    lineage.flush()

    def answer(case: Case) -> tuple[dict[str, set[str]], set[str]]:
        mine, result = _renamed(case), ran[_renamed(case).name]
        if result.error is not None:
            raise result.error
        found = lineage.table(result.lookup).to_dict()
        columns = {
            column["name"]: fields(source_text(source, mine, result) for source in column["sources"])
            for column in found["columns"]
        }
        return columns, fields(source_text(row, mine, result) for row in found["rows"])

    return answer


def _renamed(case: Case) -> Case:
    """The same case in a database of this file's own."""
    return replace(case, name=f"{case.family}: {case.name}", database=f"run_{case.database}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.family}: {case.name}")
def test_answer_agrees_with_execution(
    case: Case,
    observed_of: Callable[[Case], Observed],
    answer_of: Callable[[Case], tuple[dict[str, set[str]], set[str]]],
) -> None:
    sources, rows = answer_of(case)
    observed = observed_of(case)
    assert tuple(sources) == observed.columns
    assert contradictions(observed, sources, rows) == []
