"""How runs and applications ended, on hand-made records: what runs, what was stopped, what was killed, and what a log decides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

import spark_lineage
from spark_lineage.pipeline import ingest
from spark_lineage.store.delta import DeltaStore
from tests.analyze.building import PlanBuilder
from tests.pipeline.segments import BRIDGE, END, copy_plan, execution, write_segment

OTHER = "3f2504e0-4f89-11d3-9a0c-0305e82c3302"
DIED_AT = 1_700_000_010_000


def intent(number: int, plan: str, **changes: Any) -> dict[str, Any]:
    return {
        "v": 3, "kind": "intent", "bridge": BRIDGE, "execution_id": number, "root_execution_id": number,
        "query_execution_id": number, "plan": plan, "started_at": 1_700_000_000_000, "started_order": 2 * number,
        "sequence": number, "call_site": "save at job.py:7", "user": "ann", **changes,
    }  # fmt: skip


def runs(store: Path) -> dict[str, tuple[Any, ...]]:
    """State, plan known, and what decided it, of each run by the end of its id; `app` is the application's."""
    rows = DeltaStore(store).read("runs").to_pylist()
    return {
        row["run_id"].partition(":")[2] or "app": (
            row["state"],
            row["fingerprint"] is not None,
            row["decided_by"],
        )
        for row in rows
    }


def problems(store: Path) -> list[str]:
    return sorted(row["code"] for row in DeltaStore(store).read("problems").to_pylist())


def die(segment: Path, at: int = DIED_AT) -> None:
    """Make a segment look as its writer left it when it was killed at that time."""
    path = segment.rename(segment.with_suffix(".open"))
    os.utime(path, (at / 1_000, at / 1_000))


@contextmanager
def alive(spool: Path, number: int = 99) -> Iterator[None]:
    """While another process holds the lock that a bridge would hold."""
    path = spool / f"{BRIDGE}-{number:08d}.open"
    path.write_bytes(b"SLSPOOL1")
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); "
        "print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield
        process.communicate()
    path.unlink()


def commit(table: Path, version: int, at: int, **info: Any) -> None:
    """One commit of Delta's log."""
    log = table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    said = {"timestamp": at, "operation": "WRITE", "operationParameters": {"mode": "Append"}, **info}
    (log / f"{version:020d}.json").write_text(json.dumps({"commitInfo": said}) + "\n")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_write_runs_until_its_end_is_recorded(spool: Path, store: Path) -> None:
    plan = copy_plan("p", "file:/in", "file:/out")
    first = write_segment(spool, 0, plan, intent(7, "p"))
    with alive(spool):
        report = ingest(spool, store)
        assert (report.executions, report.writes, report.pending) == (0, 0, 1)
        assert runs(store) == {"7": ("RUNNING", False, None)}
        assert first.exists()
        write_segment(spool, 1, plan, execution(7, "p"))
        assert ingest(spool, store).pending == 0
        assert runs(store) == {"7": ("COMPLETE", True, None)}
        assert not first.exists()


def test_a_write_of_a_killed_application_is_unknown_and_has_its_lineage(spool: Path, store: Path) -> None:
    die(write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), intent(7, "p")))
    ingest(spool, store)
    assert runs(store) == {"7": ("UNKNOWN", True, None), "app": ("UNKNOWN", False, None)}
    (edge,) = DeltaStore(store).read("edges").to_pylist()
    assert (edge["source_name"], edge["target_name"]) == ("/in", "/out")
    assert problems(store) == ["run_without_end"]
    assert [*spool.glob("*.seg"), *spool.glob("*.open")] == []


def test_an_intent_whose_plan_never_arrived_is_a_run_and_a_problem(spool: Path, store: Path) -> None:
    die(write_segment(spool, 0, intent(7, "never")))
    ingest(spool, store)
    assert runs(store) == {"7": ("UNKNOWN", False, None), "app": ("UNKNOWN", False, None)}
    assert problems(store) == ["missing_plan"]


def test_an_intent_that_writes_nothing_is_a_usage_and_alarms_nobody(spool: Path, store: Path) -> None:
    """What an action was to read: it changed nothing, whether or not it ended."""
    plan = PlanBuilder()
    leaf, _ = plan.files("file:/in", ["a"])
    die(write_segment(spool, 0, plan.section(leaf) | {"hash": "q"}, intent(7, "q")))
    ingest(spool, store)
    assert runs(store) == {"7": ("UNKNOWN", True, None), "app": ("UNKNOWN", False, None)}
    kinds = [row["kind"] for row in DeltaStore(store).read("runs").to_pylist()]
    assert kinds == ["usage", "application"]
    assert problems(store) == []


def test_nobody_is_alarmed_where_the_end_may_come_with_the_next_segment(spool: Path, store: Path) -> None:
    """Sealed segments alone, as in a remote spool: their writer may live."""
    plan = copy_plan("p", "file:/in", "file:/out")
    write_segment(spool, 0, plan, intent(7, "p"))
    ingest(spool, store)
    assert (runs(store), problems(store)) == ({"7": ("UNKNOWN", True, None)}, [])
    write_segment(spool, 1, plan, execution(7, "p"))
    ingest(spool, store)
    assert (runs(store), problems(store)) == ({"7": ("COMPLETE", True, None)}, [])


def test_what_had_not_ended_when_the_application_did_is_cancelled(spool: Path, store: Path) -> None:
    plan = copy_plan("p", "file:/in", "file:/out")
    write_segment(spool, 0, plan, intent(7, "p"), intent(8, "p"), {**END, "running": [7]})
    ingest(spool, store)
    assert runs(store) == {
        "7": ("CANCELLED", True, "application_end"),
        "8": ("UNKNOWN", True, None),  # neither ended nor running: its end was lost
        "app": ("COMPLETE_WITH_FAILURES", False, None),
    }


def test_one_commit_in_the_targets_log_decides(spool: Path, store: Path, tmp_path: Path) -> None:
    table = tmp_path / "out"
    commit(table, 0, 1_600_000_000_000)
    commit(table, 1, 1_700_000_005_000, operationMetrics={"numOutputRows": "42"})
    commit(table, 2, 1_700_000_006_000, operation="OPTIMIZE")
    commit(table, 3, 1_700_000_900_000)  # long after the application died: a later run's
    die(write_segment(spool, 0, _delta_plan(table), intent(7, "p")))
    ingest(spool, store)
    assert runs(store) == {"7": ("COMPLETE", True, "log"), "app": ("UNKNOWN", False, None)}
    (run,) = [row for row in DeltaStore(store).read("runs").to_pylist() if row["kind"] == "write"]
    assert (run["ended_at"], run["rows"]) == (1_700_000_005_000, 42)
    written = [
        row for row in DeltaStore(store).read("observations").to_pylist() if row["direction"] == "written"
    ]
    assert [(row["version"], row["rows"]) for row in written] == [(1, 42)]
    assert problems(store) == []


@pytest.mark.parametrize(
    "commits",
    [
        pytest.param([(0, 1_600_000_000_000)], id="none"),
        pytest.param([(0, 1_700_000_004_000), (1, 1_700_000_005_000)], id="two"),
        pytest.param([(0, 1_600_000_000_000), (1, 1_700_000_900_000)], id="too-late"),
    ],
)
def test_no_commit_or_several_decide_nothing(
    spool: Path, store: Path, tmp_path: Path, commits: list[tuple[int, int]]
) -> None:
    for version, at in commits:
        commit(tmp_path / "out", version, at)
    die(write_segment(spool, 0, _delta_plan(tmp_path / "out"), intent(7, "p")))
    ingest(spool, store)
    assert runs(store)["7"] == ("UNKNOWN", True, None)
    assert problems(store) == ["run_without_end"]


def test_one_commit_does_not_decide_two_writes(spool: Path, store: Path, tmp_path: Path) -> None:
    commit(tmp_path / "out", 0, 1_700_000_005_000)
    die(write_segment(spool, 0, _delta_plan(tmp_path / "out"), intent(7, "p"), intent(8, "p")))
    ingest(spool, store)
    assert {runs(store)["7"][0], runs(store)["8"][0]} == {"UNKNOWN"}


def test_a_name_of_a_catalog_is_never_looked_for_as_a_path(
    spool: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither below the folder at hand nor where the name itself looks like a path: the logs there are other tables'."""
    monkeypatch.chdir(tmp_path)
    names = [
        "orders",
        "spark_catalog.default.orders",
        str(tmp_path / "elsewhere"),
        "../above",
        "s3://bucket/orders",
    ]
    for place in (tmp_path / "catalog" / "orders", tmp_path / "catalog" / names[1], tmp_path / "elsewhere", tmp_path / "above"):  # fmt: skip
        commit(place, 0, 1_700_000_005_000, operation="CREATE TABLE AS SELECT")
    plans = [_by_name_alone(f"p{number}", name) for number, name in enumerate(names)]
    intents = [intent(7 + number, f"p{number}") for number in range(len(names))]
    ended = [execution(17 + number, f"p{number}", ended_at=1_700_000_009_000) for number in range(len(names))]
    die(write_segment(spool, 0, *plans, *intents, *ended))
    ingest(spool, store)
    states = {f"{7 + number}": ("UNKNOWN", True, None) for number in range(len(names))}
    states |= {f"{17 + number}": ("COMPLETE", True, None) for number in range(len(names))}
    assert runs(store) == {**states, "app": ("UNKNOWN", False, None)}
    assert problems(store) == ["run_without_end"] * len(names)
    versions = DeltaStore(store).read("observations").filter(pc.field("direction") == "written")
    assert versions["version"].to_pylist() == [None] * 2 * len(names)


def _by_name_alone(hash_: str, name: str) -> dict[str, Any]:
    """`CREATE TABLE name AS SELECT a FROM in`, as Spark plans it before the table has a place."""
    plan = PlanBuilder()
    query, _ = plan.files("file:/in", ["a"])
    table = plan.node("org.example.CatalogTable", "value", {}, x={"identifier": [name]})
    fields = {"table": table, "mode": "ErrorIfExists", "query": query, "outputColumnNames": ["a"]}
    return plan.section(plan.operator("CreateDataSourceTableAsSelectCommand", [], **fields)) | {"hash": hash_}


def test_ingesting_a_killed_application_twice_changes_nothing(
    spool: Path, store: Path, tmp_path: Path
) -> None:
    commit(tmp_path / "out", 0, 1_700_000_005_000)
    answers = []
    for _ in range(2):
        die(write_segment(spool, 0, _delta_plan(tmp_path / "out"), intent(7, "p")))
        ingest(spool, store)
        answers.append(runs(store))
    assert answers[0] == answers[1]
    assert answers[0]["7"] == ("COMPLETE", True, "log")


def test_the_writes_inside_a_write_are_one_run(spool: Path, store: Path) -> None:
    plan = copy_plan("p", "file:/in", "file:/out")
    inner = intent(8, "p", root_execution_id=7)
    with_end = execution(8, "p", root=7, started_order=15, ended_order=16)
    die(write_segment(spool, 0, plan, intent(7, "p"), inner, with_end))
    ingest(spool, store)
    assert runs(store) == {"7": ("UNKNOWN", True, None), "app": ("UNKNOWN", False, None)}


@pytest.mark.parametrize(
    ("end", "state"),
    [
        pytest.param({"exit_code": 0, "stopped": "program"}, "COMPLETE", id="stopped"),
        pytest.param({"exit_code": None, "stopped": "program"}, "COMPLETE", id="stopped-on-3.5"),
        pytest.param({"exit_code": 3, "stopped": "program"}, "FAILED", id="exit-code"),
        pytest.param({"exit_code": None, "stopped": "returned"}, "COMPLETE", id="main-returned"),
        pytest.param({"exit_code": None, "stopped": "failed"}, "FAILED", id="submit-failed"),
        pytest.param({"exit_code": None, "stopped": "exit"}, "UNKNOWN", id="exit"),
        pytest.param({"exit_code": None, "stopped": "signal"}, "UNKNOWN", id="signal"),
        pytest.param({"exit_code": 0}, "COMPLETE", id="older-bridge"),
    ],
)
def test_how_an_application_ended(spool: Path, store: Path, end: dict[str, Any], state: str) -> None:
    write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), execution(1, "p"), {**END, **end})
    ingest(spool, store)
    assert runs(store)["app"][0] == state


@pytest.mark.parametrize("stopped", ["program", "returned", "exit", "signal"])
def test_an_application_whose_query_failed_is_never_complete(spool: Path, store: Path, stopped: str) -> None:
    failed = execution(1, "p", state="FAILED", error={"class": "E", "message": None, "condition": None})
    end = {**END, "stopped": stopped, "exit_code": None}
    write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), failed, end)
    ingest(spool, store)
    assert runs(store)["app"][0] == "COMPLETE_WITH_FAILURES"


def test_an_application_without_an_end_failed_where_one_of_its_queries_did(spool: Path, store: Path) -> None:
    failed = execution(1, "p", state="FAILED", error={"class": "E", "message": None, "condition": None})
    die(write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), failed))
    ingest(spool, store)
    (application,) = DeltaStore(store).read("runs").filter(pc.field("kind") == "application").to_pylist()
    assert application["state"] == "FAILED"
    assert application["error_message"] == (
        "one of its queries failed, and the application left no word of its end: it was killed, or lost its spool"
    )


def test_a_failed_job_without_a_query_is_a_run(spool: Path, store: Path) -> None:
    error = {"class": "org.apache.spark.SparkException", "message": "Job aborted.", "condition": None}
    job = {
        "kind": "rdd_job", "bridge": BRIDGE, "job_id": 3, "state": "FAILED", "call_site": "count at job.py:7",
        "rdd": {"rdd": 1, "ancestry": [{"id": 1, "class": "ParallelCollectionRDD", "leaf": True}]}, "error": error,
    }  # fmt: skip
    write_segment(spool, 0, job, END)
    ingest(spool, store)
    assert runs(store) == {
        "job-3": ("FAILED", False, None),
        "app": ("COMPLETE_WITH_FAILURES", False, None),
    }


def test_speculative_and_retried_stages_do_not_fail_a_run(spool: Path, store: Path) -> None:
    stages = [
        {"stage_id": 0, "attempt": 0, "name": "save", "state": "FAILED", "tasks": 4, "failed_tasks": 1},
        {"stage_id": 0, "attempt": 1, "name": "save", "state": "COMPLETE", "tasks": 4, "failed_tasks": 2},
    ]
    plan = copy_plan("p", "file:/in", "file:/out")
    write_segment(spool, 0, plan, execution(1, "p", stages=stages), END)
    ingest(spool, store)
    assert runs(store) == {"1": ("COMPLETE", True, None), "app": ("COMPLETE", False, None)}
    rows = DeltaStore(store).read("stages").to_pylist()
    assert [(row["attempt"], row["state"], row["failed_tasks"]) for row in rows] == [
        (0, "FAILED", 1),
        (1, "COMPLETE", 2),
    ]


def test_executors_come_and_go_as_events(spool: Path, store: Path) -> None:
    added = {
        "v": 3,
        "kind": "executor",
        "bridge": BRIDGE,
        "at": 5,
        "event": "added",
        "executor": "1",
        "reason": None,
    }
    removed = {**added, "at": 6, "event": "removed", "reason": "Executor heartbeat timed out"}
    write_segment(spool, 0, added, removed)
    ingest(spool, store)
    rows = DeltaStore(store).read("events").to_pylist()
    assert [(row["application"], row["at"], row["kind"], row["subject"], row["detail"]) for row in rows] == [
        (BRIDGE, 5, "executor_added", "1", ""),
        (BRIDGE, 6, "executor_removed", "1", "Executor heartbeat timed out"),
    ]


def _delta_plan(table: Path) -> dict[str, Any]:
    return copy_plan("p", "file:/in", f"file:{table}")


@pytest.mark.parametrize(("state", "ended"), [("COMPLETE", ["table_ended"]), (None, [])])
def test_a_truncation_that_was_killed_takes_no_rows_from_an_answer(
    spool: Path, store: Path, state: str | None, ended: list[str]
) -> None:
    """Nobody knows whether they are gone; that it had begun is told."""
    builder = PlanBuilder()
    table, _ = builder.files("file:/out", ["a"])
    truncation = builder.section(builder.operator("TruncateTable", [], table=table)) | {"hash": "t" * 32}
    last = [intent(8, "t" * 32), *([execution(8, "t" * 32, ended_order=40)] if state else [])]
    first = [copy_plan("p", "file:/in", "file:/out"), execution(7, "p")]
    die(write_segment(spool, 0, *first, truncation, *last))
    ingest(spool, store)
    assert runs(store)["8"] == (state or "UNKNOWN", True, None)
    answer = spark_lineage.open(store=store, ingest=False).table("/out").to_dict()
    assert [each["code"] for each in answer["problems"]] == ended


def test_a_command_without_a_query_that_was_killed_is_told(spool: Path, store: Path) -> None:
    builder = PlanBuilder()
    table, _ = builder.files("file:/out", ["a"])
    restored = builder.section(builder.operator("RestoreTableCommand", [], sourceTable=table))
    die(write_segment(spool, 0, restored | {"hash": "r" * 32}, intent(7, "r" * 32)))
    ingest(spool, store)
    assert runs(store) == {"7": ("UNKNOWN", False, None), "app": ("UNKNOWN", False, None)}
    (told,) = DeltaStore(store).read("problems").to_pylist()
    assert (told["code"], told["dataset_name"]) == ("command_not_followed", "/out")
    assert "RestoreTableCommand" in told["message"]
