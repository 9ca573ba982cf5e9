"""Every way to fail leaves the run that it must, and nothing of what the program said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lineage.failing import EITHER, NOTHING, SAME, SQLSTATES, WAYS, Way
from lineage.harness import spark_marks, version_of
from lineage.place import Place, new_place
from spark_lineage.store.delta import DeltaStore

pytestmark = spark_marks()


@dataclass(frozen=True)
class Outcome:
    """What became of one way: the runs that it left, and the Java class of what was thrown."""

    runs: list[dict[str, Any]]
    thrown: str | None


@pytest.fixture(scope="module")
def outcomes(
    spark: SparkSession, lineage: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    """Fail in every way, one after another, and ingest once."""
    folder: Path = tmp_path_factory.mktemp("failing") / "files"
    folder.mkdir()
    place = new_place(spark, lineage, folder, "failing")
    place.sql(
        "CREATE TABLE d(a int, b string) USING delta",
        "CREATE TABLE n(a int NOT NULL) USING delta",
        "INSERT INTO d SELECT a, b FROM t",
        "ALTER TABLE d ADD CONSTRAINT positive CHECK (a > 0)",
    )
    place.spark.conf.set("spark.sql.ansi.enabled", "true")
    thrown, spans = {}, {}
    for way in _ways(spark):
        first = _numbers(place)
        thrown[way.name] = _thrown(way, place)
        spans[way.name] = first, _numbers(place)
    lineage.flush()
    store = DeltaStore(lineage._settings.store)
    operators = {(row["run_id"], row["operator"]): row["name"] for row in store.read("operators").to_pylist()}
    runs = [row for row in store.read("runs").to_pylist() if row["kind"] not in {"application", "control"}]
    return {
        name: Outcome(
            [
                {**row, "failed": operators.get((row["run_id"], row["failed_operator"]))}
                for row in runs
                if _within(row["run_id"].partition(":")[2], spans[name])
            ],
            thrown[name],
        )
        for name in spans
    }


def _ways(spark: SparkSession) -> list[Way]:
    return [way for way in WAYS if way.since <= version_of(spark.version) < way.below]


def _numbers(place: Place) -> tuple[int, int]:
    """The numbers of the next execution and of the next job."""
    context = place.spark.sparkContext
    counter = context._jvm.java.lang.Class.forName(
        "org.apache.spark.sql.execution.SQLExecution$"
    ).getDeclaredField("_nextExecutionId")
    counter.setAccessible(True)
    module = counter.getDeclaringClass().getField("MODULE$").get(None)
    return int(counter.get(module)), int(context._jsc.sc().dagScheduler().nextJobId())


def _within(number: str, span: tuple[tuple[int, int], tuple[int, int]]) -> bool:
    (execution, job), (execution_after, job_after) = span
    if number.startswith("job-"):
        return job <= int(number[4:]) < job_after
    return execution <= int(number) < execution_after


def _thrown(way: Way, place: Place) -> str | None:
    try:
        way.do(place)
    except Exception as error:  # noqa: BLE001 - which one it is, is the answer
        return type(error).__name__
    return None


def test_the_application_lives(outcomes: dict[str, Outcome], lineage: Any) -> None:
    """The bridge holds its lock for as long: no run says that the application ended."""
    assert outcomes
    stored = DeltaStore(lineage._settings.store).read("runs").to_pylist()
    assert [run["state"] for run in stored if run["kind"] == "application"] == []


def test_there_are_fifty_ways() -> None:
    assert len({way.name for way in WAYS}) == len(WAYS) >= 50


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_way_to_fail(way: Way, outcomes: dict[str, Outcome], spark: SparkSession) -> None:
    if way.since > version_of(spark.version):
        pytest.skip(f"Spark {spark.version} says it in other words, or not at all")
    if way.below <= version_of(spark.version):
        pytest.skip(f"Spark {spark.version} hangs")
    outcome = outcomes[way.name]
    assert outcome.thrown is not None
    if way.state == NOTHING:
        assert outcome.runs == []
        return
    failed = [run for run in outcome.runs if run["state"] != "COMPLETE"]
    assert [(run["kind"], run["state"]) for run in failed] == [(way.kind, way.state)]
    (run,) = failed
    condition = way.condition
    if version_of(spark.version) < (4, 0) and way.old_condition != SAME:
        condition = way.old_condition
    if version_of(spark.version) >= (4, 2) and way.new_condition != SAME:
        condition = way.new_condition
    if condition == EITHER:
        assert run["error_condition"] in {None, "TASK_WRITE_FAILED"}
        condition = run["error_condition"]
    assert (run["error_condition"], run["failed"] and run["failed"].split(" ")[0]) == (
        condition,
        way.operator and way.operator.split(" ")[0],
    )
    sqlstate = way.sqlstate or SQLSTATES.get(condition or "")
    if sqlstate is not None:
        assert run["error_sqlstate"] == sqlstate
    if way.error is not None:
        assert run["error_class"] == way.error
    assert run["error_class"]
    assert "471108154711" not in json.dumps(run)
