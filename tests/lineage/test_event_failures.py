"""What fails adds a run and no plan; what is not followed is a problem, never silence."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from lineage.harness import spark_marks, version_of
from lineage.place import QUERY, Place, failure, fields, lineage_of_query, shape

pytestmark = spark_marks()


@pytest.mark.smoke35
def test_failure_while_running(place: Place) -> None:
    place.sql("CREATE TABLE out(a int, big string) USING parquet", f"INSERT INTO out {QUERY}")
    before = place.table()
    thrown: list[str] = []
    runs = place.new_runs(
        lambda: thrown.append(
            failure(lambda: place.sql("INSERT INTO out SELECT a, CAST(raise_error(b) AS string) FROM t"))
        )
    )
    assert shape(runs) == [("write", "INSERT", "FAILED")]
    assert runs[0]["error"]["class"] == thrown[0]
    assert place.is_table(runs[0]["target"], "out")
    answer = place.table()
    assert answer["last_run"]["state"] == "FAILED"
    assert answer["last_run"]["rows"] is None
    assert answer["runs"] == before["runs"] + 1
    assert answer["plans"] == before["plans"]
    lineage_of_query(answer)


def test_failed_overwrite_replaces_nothing(place: Place) -> None:
    place.sql("CREATE TABLE out(a int, big string) USING delta", f"INSERT INTO out {QUERY}")
    runs = place.new_runs(
        lambda: failure(
            lambda: place.sql("INSERT OVERWRITE out SELECT a, CAST(raise_error(b) AS string) FROM t")
        )
    )
    assert shape(runs) == [("write", "OVERWRITE", "FAILED")]
    lineage_of_query(place.table())


@pytest.mark.smoke35
@pytest.mark.parametrize("format_", ["parquet", "delta"])
def test_what_tasks_wrote_is_not_written_where_the_run_failed(place: Place, format_: str) -> None:
    """The first of two tasks has written its two rows when the second one fails: the table has none of them."""
    place.sql(f"CREATE TABLE out(a bigint) USING {format_}")
    query = "INSERT INTO out SELECT IF(id < 2, id, raise_error('late')) FROM range(0, 4, 1, 2)"
    (run,) = place.new_runs(lambda: failure(lambda: place.sql(query)))
    assert (run["state"], run["rows"], run["bytes"], run["files"]) == ("FAILED", None, None, None)
    assert place.spark.table("out").count() == 0


def test_an_update_that_lost_against_another_writer_claims_no_rows(place: Place) -> None:
    """While it runs, another commit takes its files away; Delta had counted the rows before it tried to commit."""
    place.sql("CREATE TABLE out USING delta AS SELECT a, c FROM t")
    (detail,) = place.spark.sql("DESCRIBE DETAIL out").collect()
    log = Path(detail.location.removeprefix("file:"), "_delta_log")
    actions = map(json.loads, (log / f"{0:020}.json").read_text().splitlines())
    gone = [
        {"path": each["add"]["path"], "deletionTimestamp": 1, "dataChange": True}
        for each in actions
        if "add" in each
    ]
    info = {
        "timestamp": 1,
        "operation": "DELETE",
        "operationParameters": {},
        "readVersion": 0,
        "isBlindAppend": False,
    }
    commit = "\n".join(map(json.dumps, [{"commitInfo": info}, *({"remove": each} for each in gone)]))
    target = log / f"{1:020}.json"

    def overtake(value: float) -> float:
        with contextlib.suppress(FileExistsError), target.open("x") as file:
            file.write(commit)
        return value

    place.spark.udf.register("overtake", overtake, "double")

    def act() -> None:
        with pytest.raises(Exception, match="CONCURRENT"):
            place.sql("UPDATE out SET c = overtake(c)")

    runs = place.new_runs(act)
    assert [(run["operation"], run["state"], run["rows"], run["bytes"], run["files"]) for run in runs] == [
        ("UPDATE", "FAILED", None, None, None)
    ]


def test_what_a_multi_insert_had_done_before_it_failed_is_complete(place: Place) -> None:
    """Spark runs its tables one after the other, each with a commit of its own."""
    place.sql("CREATE TABLE one(x int) USING parquet", "CREATE TABLE two(x string) USING parquet")
    query = "FROM t INSERT INTO one SELECT a INSERT INTO two SELECT CAST(raise_error(b) AS string)"
    runs = place.new_runs(lambda: failure(lambda: place.sql(query)))
    by_name = {name: run for run in runs for name in ("one", "two") if place.is_table(run["target"], name)}
    assert {
        name: (run["state"], run["rows"], run["error"] is None) for name, run in by_name.items()
    } == {"one": ("COMPLETE", 4, True), "two": ("FAILED", None, False)}  # fmt: skip
    assert (place.spark.table("one").count(), place.spark.table("two").count()) == (4, 0)
    assert fields(place.table("one")["columns"][0]["sources"]) == ["a IDENTITY"]
    assert place.table("two")["plans"] == []


@pytest.mark.smoke35
def test_failed_collect_is_a_failed_usage(place: Place) -> None:
    runs = place.new_runs(lambda: failure(lambda: place.spark.sql("SELECT raise_error(b) FROM t").collect()))
    assert [(run["kind"], run["state"]) for run in runs] == [("usage", "FAILED")]


def test_path_exists(place: Place) -> None:
    place.spark.sql(QUERY).write.parquet(f"{place.folder}/out")
    thrown: list[str] = []
    runs = place.new_runs(
        lambda: thrown.append(failure(lambda: place.spark.table("u").write.parquet(f"{place.folder}/out")))
    )
    assert [(run["kind"], run["state"], run["target"]["name"]) for run in runs] == [
        ("write", "FAILED", f"{place.folder}/out")
    ]
    assert runs[0]["error"]["class"] == thrown[0]
    lineage_of_query(place.lineage.table(f"{place.folder}/out").to_dict())


def test_table_exists(place: Place) -> None:
    place.spark.sql(QUERY).write.saveAsTable("out")
    runs = place.new_runs(lambda: failure(lambda: place.spark.table("u").write.saveAsTable("out")))
    expected = [] if version_of(place.spark.version) < (4, 1) else [("write", "FAILED")]
    assert [(run["kind"], run["state"]) for run in runs] == expected
    lineage_of_query(place.table())


@pytest.mark.smoke35
def test_analysis_error(place: Place) -> None:
    place.sql("CREATE TABLE out(a int, big string) USING parquet", f"INSERT INTO out {QUERY}")
    runs = place.new_runs(lambda: failure(lambda: place.sql("INSERT INTO out SELECT missing, b FROM t")))
    expected = [] if version_of(place.spark.version) < (4, 0) else ["FAILED"]
    assert [run["state"] for run in runs] == expected
    lineage_of_query(place.table())


def test_update_and_merge_of_a_table_of_files_fail_as_what_they_are(place: Place) -> None:
    """Spark refuses both once it has the plan."""
    place.sql("CREATE TABLE out(a int, big string) USING parquet", f"INSERT INTO out {QUERY}")
    merge = "MERGE INTO out USING t ON out.a = t.a WHEN MATCHED THEN UPDATE SET big = t.b"
    update = "UPDATE out SET big = CAST(a AS string)"
    runs = place.new_runs(lambda: failure(lambda: place.sql(merge)))
    runs += place.new_runs(lambda: failure(lambda: place.sql(update)))
    assert shape(runs) == [("write", "MERGE", "FAILED"), ("write", "UPDATE", "FAILED")]
    assert all(place.is_table(run["target"], "out") for run in runs)
    answer = place.table()
    assert answer["problems"] == []
    lineage_of_query(answer)


def test_what_is_not_followed_is_a_problem(place: Place) -> None:
    problems = place.new_problems(lambda: place.spark.sql(QUERY).foreachPartition(lambda _: None))
    assert problems
    assert all(problem["message"] and problem["hint"] for problem in problems)


def test_a_command_that_is_not_followed_is_a_problem_where_it_succeeds(place: Place) -> None:
    place.sql("CREATE TABLE out(a int) USING parquet")
    assert place.new_problems(lambda: failure(lambda: place.sql("ALTER TABLE out RENAME TO t"))) == []
    problems = place.new_problems(lambda: place.sql("ALTER TABLE out RENAME TO renamed"))
    assert [problem["code"] for problem in problems] == ["command_not_followed"]


def test_rows_from_the_program_are_exact_and_without_source(place: Place) -> None:
    place.spark.createDataFrame([(1, "x"), (2, "y")], "a int, big string").write.saveAsTable("out")
    answer = place.table()
    assert answer["certainty"] == "exact"
    assert [column["sources"] for column in answer["columns"]] == [[], []]
    assert answer["last_run"]["rows"] == 2


def test_execute_immediate_is_not_silent(place: Place) -> None:
    if version_of(place.spark.version) < (4, 0):
        pytest.skip(f"EXECUTE IMMEDIATE needs Spark 4, this is {place.spark.version}")
    place.sql("CREATE TABLE out(a int, big string) USING parquet")
    problems = place.new_problems(lambda: place.sql(f"EXECUTE IMMEDIATE 'INSERT INTO out {QUERY}'"))
    if not problems:
        lineage_of_query(place.table())
