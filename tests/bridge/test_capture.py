"""What one application with every kind of action leaves in the spool."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.conftest import Application, run_many
from bridge.records import of_kind, operators, paths, read_segment

pytestmark = [pytest.mark.spark, pytest.mark.smoke35]

WRITES = {
    "InsertIntoHadoopFsRelationCommand",
    "CreateDataSourceTableAsSelectCommand",
    "SaveIntoDataSourceCommand",
}
"""Root operators of the application's queries that write."""


def test_every_execution_of_every_session_is_captured(application: Application) -> None:
    captured = sorted(execution["execution_id"] for execution in application.executions)
    assert captured == application.facts["executions"]
    assert len({execution["session"] for execution in application.executions}) >= 2


def test_the_spool_begins_and_ends_as_written(application: Application) -> None:
    segments = sorted(application.spool.iterdir())
    assert {segment.suffix for segment in segments} == {".seg"}
    for segment in segments:
        records = read_segment(segment)
        assert records[0]["kind"] == "application"
        known: set[str] = set()
        for record in records:
            if record["kind"] == "plan":
                assert record["hash"] not in known
                known.add(record["hash"])
            if record["kind"] == "execution":
                named = {record["plan"]} | {origin["plan"] for _, origin in record["origins"]}
                assert named - {None} <= known
    assert application.records[-1]["kind"] == "application_end"
    assert of_kind(application.records, "gap") == []


def test_every_node_matches_its_class(application: Application) -> None:
    for plan in of_kind(application.records, "plan"):
        for node in plan["nodes"]:
            described = plan["classes"][node["c"]]
            assert len(node["f"]) == len(described["fields"])
            positional = described["fields"] == [f"_{i + 1}" for i in range(len(described["fields"]))]
            assert not positional or not described["fields"] or described["name"].startswith("scala.Tuple")


def test_a_write_has_its_plans_and_metrics(application: Application) -> None:
    execution = application.writing("out")
    plan = application.plan(execution)
    assert operators(plan, "analyzed") == [
        "InsertIntoHadoopFsRelationCommand", "Sort", "Aggregate", "SubqueryAlias", "View", "LogicalRelation",
    ]  # fmt: skip
    executed = operators(plan, "executed")
    assert executed[-1] == "FileSourceScanExec"
    assert {"AdaptiveSparkPlanExec", "DataWritingCommandExec", "HashAggregateExec"} <= set(executed)
    rows = {
        plan["classes"][plan["nodes"][index]["c"]]["name"].rsplit(".", 1)[1]: metrics["numOutputRows"]
        for index, metrics in execution["metrics"]
        if "numOutputRows" in metrics
    }
    assert rows["FileSourceScanExec"] == 100
    assert rows["DataWritingCommandExec"] == 7
    assert execution["sql_text"] == "SELECT key, sum(id) AS total FROM t GROUP BY key ORDER BY key"
    assert paths(plan["nodes"], "paths") == [f"file:{application.data / 'in'}"] * 2


def test_jobs_and_stages_are_joined(application: Application) -> None:
    execution = application.writing("out")
    assert {job["state"] for job in execution["jobs"]} == {"COMPLETE"}
    assert sum(stage["metrics"]["output_rows"] for stage in execution["stages"]) == 7
    assert sum(stage["metrics"]["input_rows"] for stage in execution["stages"]) == 100
    stages = {stage for job in execution["jobs"] for stage in job["stages"]}
    assert {stage["stage_id"] for stage in execution["stages"]} <= stages


def test_a_job_without_an_execution_is_captured(application: Application) -> None:
    call_sites = [job["call_site"] for job in of_kind(application.records, "rdd_job")]
    assert any(call_site.startswith("foreachPartition at ") for call_site in call_sites)


def test_a_job_without_an_execution_tells_what_it_reads(application: Application) -> None:
    (job,) = [
        each
        for each in of_kind(application.records, "rdd_job")
        if each["call_site"].startswith("foreachPartition at ")
    ]
    leaves = [each for each in job["rdd"]["ancestry"] if each.get("leaf")]
    assert [(each["class"], each["paths"]) for each in leaves] == [
        ("FileScanRDD", [f"file://{application.data / 'in'}"])
    ]
    assert leaves[0]["columns"]


@pytest.mark.parametrize(
    ("folder", "origin_operators"),
    [("checkpointed", ["Filter", "LogicalRelation"]), ("lazily", ["Project", "Filter", "LogicalRelation"])],
)
def test_a_checkpoint_names_its_origin(
    application: Application, folder: str, origin_operators: list[str]
) -> None:
    execution = application.writing(folder)
    plan = application.plan(execution)
    assert operators(plan, "analyzed")[-1] == "LogicalRDD"
    origins = [origin for _, origin in execution["origins"]]
    assert len(origins) == 1
    origin = next(plan for plan in of_kind(application.records, "plan") if plan["hash"] == origins[0]["plan"])
    assert operators(origin, "analyzed") == origin_operators


def test_failures_tell_their_class_and_no_value(application: Application) -> None:
    failures = [execution["error"] for execution in application.executions if execution["state"] == "FAILED"]
    assert all(execution["state"] != "CANCELLED" for execution in application.executions)
    raised, python, exists = failures
    assert raised["class"] in {"org.apache.spark.SparkRuntimeException", "org.apache.spark.SparkException"}
    assert python == {
        "class": "ValueError",
        "message": "a Python function raised ValueError",
        "condition": None,
    }
    assert (exists["condition"], exists["sqlstate"]) == ("PATH_ALREADY_EXISTS", "42K04")


def test_a_micro_batch_names_its_query(application: Application) -> None:
    batches = [execution["streaming"] for execution in application.executions if execution["streaming"]]
    expected = {
        "query_id": application.facts["query_id"],
        "run_id": application.facts["run_id"],
        "name": "doubling",
        "batch_id": 0,
    }
    assert batches == [expected]


def test_no_secret_and_no_literal_is_in_the_spool(application: Application) -> None:
    for segment in application.spool.iterdir():
        content = segment.read_bytes()
        found = content.find(b"s3cret")
        assert found < 0, content[max(0, found - 200) : found + 50]


def test_lineage_changes_no_result_starts_no_job_and_lists_nothing(
    application: Application, tmp_path: Path
) -> None:
    """Nor does it ask the metastore: Spark's own counters of files, partitions and calls are the same without it."""
    without = run_many(tmp_path)
    same = ("executions", "jobs", "rows", "listed")
    assert {name: without[name] for name in same} == {name: application.facts[name] for name in same}
    assert without["listed"]["files"] > 0


def test_every_write_is_noted_before_it_runs(application: Application) -> None:
    """Each once, with its plan before it; queries, explanations and micro-batches are none."""
    noted = [intent["execution_id"] for intent in of_kind(application.records, "intent")]
    assert len(set(noted)) == len(noted)
    writes = {
        execution["execution_id"]
        for execution in application.executions
        if execution["plan"] and operators(application.plan(execution), "analyzed")[0] in WRITES
    }
    done = {each["execution_id"] for each in application.executions if each["state"] == "COMPLETE"}
    assert writes & done
    assert writes & done <= set(noted) <= writes  # one that fails in analysis is never about to run
    order = [
        record.get("execution_id")
        for record in application.records
        if record["kind"] in {"intent", "execution"}
    ]
    assert all(order.index(number) < len(order) - 1 - order[::-1].index(number) for number in noted)
