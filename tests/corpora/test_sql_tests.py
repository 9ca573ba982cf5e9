"""A sample of Spark's own SQL tests under lineage; `make corpora-full` runs all of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sql_corpus
import sql_inputs
from queries import REPOSITORY

SAMPLE = (
    "cte-nested.sql",
    "group-by-all-mosha.sql",
    "grouping_set.sql",
    "intersect-all.sql",
    "map.sql",
    "pivot.sql",
    "session-variable-precedence.sql",
    "struct.sql",
    "subquery/exists-subquery/exists-within-and-or.sql",
    "subquery/in-subquery/in-multiple-columns.sql",
    "subquery/subquery-nested-data.sql",
    "udf/udf-natural-join.sql@TestScalaUDF",
    "union-resolution-edge-cases.sql",
    "unpivot.sql",
    "view-conf.sql",
)


@pytest.fixture(scope="module", autouse=True)
def files() -> None:
    subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "fetch_corpora.py")], check=True)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return sql_corpus.run_chunk(list(SAMPLE), tmp_path_factory.mktemp("sql"))


def test_every_file_is_read_as_spark_reads_it():
    # The golden results repeat the statements: as many, in the same words.
    for name in sql_inputs.file_names():
        golden = tuple(each.sql for each in sql_inputs.read_golden(name))
        assert golden == sql_inputs.read_file(name).statements, name


def test_every_reason_is_for_files_that_are_there():
    names = sql_inputs.file_names()
    for table in ("golden", "problems", "sourceless", "wrong"):
        for pattern in sql_corpus.explained()[table]:
            assert sql_corpus.matching(pattern, names), pattern


@pytest.mark.spark
def test_everything_is_answered_or_explained(results):
    assert sql_corpus.unexplained(results) == []


@pytest.mark.spark
def test_every_column_is_answered(results):
    print(sql_corpus.totals(results))
    assert sql_corpus.share_answered(results) == 1
