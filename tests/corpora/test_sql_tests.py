"""A sample of Spark's own SQL tests under lineage; `make corpora-full` runs all of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sql_corpus
import sql_inputs
from queries import REPOSITORY
from sql_places import Places
from sql_runner import label

from spark_lineage.decode.records import ExecutionRecord, Failure, RddJobRecord

SAMPLE = (
    "cte-nested.sql",
    "group-by-all-mosha.sql",
    "map.sql",
    "pivot.sql",
    "session-variable-precedence.sql",
    "subquery/in-subquery/in-multiple-columns.sql",
    "udf/udf-natural-join.sql@TestScalaUDF",
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


def test_a_file_runs_with_each_combination_of_its_settings():
    names = [name for name in sql_inputs.file_names() if name.startswith("subquery/in-subquery/in-joins.sql")]
    settings = [dict(sql_inputs.read_file(name).settings) for name in names]
    threshold, anti = "spark.sql.autoBroadcastJoinThreshold", "spark.sql.optimizeNullAwareAntiJoin"
    assert [(each[threshold], each[anti]) for each in settings] == [
        ("10485760", "true"), ("10485760", "false"), ("-1", "true"), ("-1", "false"), ("-1", "true"), ("-1", "false"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "output", "outcome", "unlike"),
    [
        ("struct<a:int>", "1", {"outcome": "ok", "schema": "struct<a:int>"}, None),
        ("struct<a:int>", "1", {"outcome": "ok", "schema": "struct<b:int>"}, "schema struct<b:int>, in Spark's suite struct<a:int>"),
        ("struct<>", 'a.b.Wrong\n{\n  "errorClass" : "X"\n}', {"outcome": "X"}, None),
        ("struct<>", 'a.b.Wrong\n{\n  "errorClass" : "X"\n}', {"outcome": "Y"}, "X in Spark's suite: Y"),
        ("struct<>", "a.b.Wrong\nno condition", {"outcome": "Wrong"}, None),
        ("struct<>", "a.b.Wrong\nno condition", {"outcome": "ok", "schema": "struct<>"}, "fails in Spark's suite: ok"),
        ("struct<>", "", {"outcome": "X"}, "succeeds in Spark's suite: X"),
    ],
)  # fmt: skip
def test_what_ends_otherwise_than_in_sparks_suite_is_found(schema, output, outcome, unlike):
    assert sql_corpus.unlike_golden(sql_inputs.Golden("", schema, output), outcome) == unlike


def test_runs_without_a_label_have_the_place_that_their_error_or_their_time_says():
    files = {"a.sql": [{"outcome": "ok"}, {"outcome": "X"}], "b.sql": [{"outcome": "Y"}, {"outcome": "X"}]}
    executions = [
        ExecutionRecord(bridge="b", execution_id=1, description=label(0, 0), started_at=10),
        ExecutionRecord(bridge="b", execution_id=2, error=Failure(class_="c", condition="X")),
        ExecutionRecord(bridge="b", execution_id=3, error=Failure(class_="c", condition="Y")),
    ]
    places = Places(files, executions, [RddJobRecord(bridge="b", job_id=7, started_at=11)])
    found = [places.of_run(key) for key in ("1", "2", "3", "job-7", "4")]
    assert found == [{("a.sql", 0)}, {("a.sql", 1)}, {("b.sql", 0)}, {("a.sql", 0)}, set()]


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
