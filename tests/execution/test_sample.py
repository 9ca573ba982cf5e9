"""A sample of the check by execution, and the check itself.

`make check-by-execution` runs all queries and cases with more data. Here the claims on queries are the golden files,
which `corpora/test_corpora.py` holds the tool's answers to; those on cases are their expectations always.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import goldens
import pytest
import queries
from lineage.harness import load_all, spark_marks
from pyspark.sql import SparkSession
from support.paths import REPOSITORY
from support.spark import end_jvm

from execution import corpora, matrix
from execution.check import start
from execution.proof import Result, prove

pytestmark = spark_marks()

QUERIES = ("q1", "q13", "q16")
CASES = (
    "writes: INSERT INTO with a reordered column list",
    "nested: fields by their path",
    "generate: explode an array and use no element",
    "generate: explode what a lambda makes and what it leaves",
)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The check's own session; the queries are fetched."""
    subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "fetch_corpora.py")], check=True)
    end_jvm()
    yield start(tmp_path_factory.mktemp("spark"))
    end_jvm()


def golden(name: str) -> tuple[queries.Query, goldens.Lineage]:
    found, lineage = goldens.read_golden(queries.HERE / "golden" / f"{name}.toml")
    return next(query for query in queries.read_queries("tpcds") if query.name == found), lineage


def never_seen(result: Result) -> list[str]:
    return [claim for claim, mattered in result.seen.items() if not mattered]


@pytest.mark.parametrize("name", QUERIES)
def test_query(name, spark):
    result = prove(corpora.subject(spark.newSession(), *golden(name)), seed=1)
    assert result.rows > 0
    assert result.violations == []
    assert never_seen(result) == []


@pytest.mark.parametrize("name", CASES)
def test_case(name, spark, tmp_path):
    case = next(case for case in matrix.cases() if matrix.name_of(case) == name)
    result = prove(matrix.subject(spark, case, tmp_path / "files"), seed=1)
    assert result.rows > 0
    assert result.violations == []
    assert never_seen(result) == []


def test_a_claim_that_is_missing_is_found(spark):
    query, lineage = golden("q1")
    less = replace(lineage, rows=tuple(row for row in lineage.rows if row.split()[0] != "store.s_state"))
    found = prove(corpora.subject(spark.newSession(), query, less), seed=1).violations
    assert found == [
        f"c_customer_id: changed, though nothing it claims was ({kind})" for kind in ("redrawn", "nulls")
    ]


def test_a_claim_too_many_is_never_seen(spark):
    query, lineage = golden("q1")
    more = replace(lineage, rows=(*lineage.rows, "store.s_city FILTER"))
    result = prove(corpora.subject(spark.newSession(), query, more), seed=1)
    assert result.violations == []
    assert never_seen(result) == ["rows <- store.s_city"]


def test_what_is_left_out_or_hinted_is_there():
    cases = {matrix.name_of(case) for case in load_all()}
    known = {query.name for corpus in queries.CORPORA for query in queries.read_queries(corpus)}
    assert matrix.left_out().keys() - cases == set()
    assert matrix.decided().keys() - cases == set()
    assert corpora.hints().keys() - cases - known == set()
