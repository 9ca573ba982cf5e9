"""Records of things that went wrong while they were recorded: clear words, no crash, and nothing else is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spark_lineage.pipeline import ingest
from spark_lineage.query.local import LocalEngine
from spark_lineage.show.parts.lists import run_notes
from spark_lineage.store.delta import DeltaStore
from tests.pipeline.segments import BRIDGE, END, application, copy_plan, execution, frame, write_segment

OTHER = "3f2504e0-4f89-11d3-9a0c-0305e82c3302"
PLAN = copy_plan("p", "file:/in", "file:/out")


def stage(number: int, **changes: Any) -> dict[str, Any]:
    return {"stage_id": number, "attempt": 0, "name": "save", "state": "COMPLETE", "tasks": 2, **changes}


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    return DeltaStore(tmp_path / "store")


def ingested(store: DeltaStore, *records: dict[str, Any]) -> list[str]:
    """Ingest records, and a good execution and the end after them; the problems' codes. The good one is always there."""
    spool = Path(store.path).parent / "spool"
    write_segment(spool, 0, PLAN, *records, execution(99, "p"), END)
    report = ingest(spool, store.path)
    assert (report.bad_records, report.bad_segments, report.messages) == (0, 0, ())
    runs = {row["run_id"]: row["state"] for row in store.read("runs").to_pylist()}
    assert runs[f"{BRIDGE}:99"] == "COMPLETE"
    return sorted(row["code"] for row in store.read("problems").to_pylist())


def test_metrics_that_never_arrive_are_not_zero(store: DeltaStore) -> None:
    assert ingested(store, execution(1, "p", metrics=[], metric_types={}, jobs=[], stages=[])) == []
    (run,) = [row for row in store.read("runs").to_pylist() if row["run_id"].endswith(":1")]
    assert (run["state"], run["rows"], run["bytes"], run["files"]) == ("COMPLETE", None, None, None)


def test_metrics_of_a_node_that_is_not_there_are_left_out(store: DeltaStore) -> None:
    assert ingested(store, execution(1, "p", metrics=[[9_999, {"numOutputRows": 4}]])) == []
    assert [row for row in store.read("operators").to_pylist() if row["run_id"].endswith(":1")] == []


def test_an_execution_without_stages_and_one_without_jobs(store: DeltaStore) -> None:
    jobs = [{"job_id": 0, "state": "COMPLETE", "started_at": 1, "ended_at": 2, "stages": [0, 1], "rdds": []}]
    assert ingested(store, execution(1, "p", jobs=jobs), execution(2, "p", stages=[stage(5)])) == []
    found = [(row["run_id"], row["stage_id"]) for row in store.read("stages").to_pylist()]
    assert found == [(f"{BRIDGE}:2", 5)]


def test_stages_without_an_execution_are_those_of_their_job(store: DeltaStore) -> None:
    leaf = {"id": 1, "class": "ParallelCollectionRDD", "leaf": True}
    job = {
        "kind": "rdd_job", "bridge": BRIDGE, "job_id": 4, "state": "FAILED", "call_site": None,
        "rdd": {"rdd": 1, "ancestry": [leaf]}, "stages": [stage(7, state="FAILED", failed_tasks=1)],
    }  # fmt: skip
    assert ingested(store, job) == []
    found = [(row["run_id"], row["stage_id"], row["state"]) for row in store.read("stages").to_pylist()]
    assert found == [(f"{BRIDGE}:job-4", 7, "FAILED")]


def test_an_execution_whose_plan_never_arrived_is_a_run_and_a_problem(store: DeltaStore) -> None:
    assert ingested(store, execution(1, "never")) == ["missing_plan"]


def test_a_clock_that_steps_back_is_said_and_orders_nothing_else(store: DeltaStore) -> None:
    back = execution(1, "p", started_at=5_000_000_000, ended_at=4_000_000_000)
    assert ingested(store, back) == ["clock_went_back"]
    runs = LocalEngine(store).runs().to_dict()["runs"]
    (run,) = [each for each in runs if each["id"] == f"{BRIDGE}:1"]
    assert "the clock went back while it ran" in run_notes(run)


def test_two_applications_of_one_name_and_id_are_two(store: DeltaStore, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    write_segment(spool, 0, PLAN, execution(1, "p"), END)
    second = [
        application(OTHER),
        PLAN,
        execution(1, "p") | {"bridge": OTHER},
        END | {"bridge": OTHER, "exit_code": 1},
    ]
    (spool / f"{OTHER}-00000000.seg").write_bytes(b"SLSPOOL1" + b"".join(map(frame, second)))
    ingest(spool, store.path)
    runs = sorted((row["run_id"], row["state"]) for row in store.read("runs").to_pylist())
    assert runs == [
        (BRIDGE, "COMPLETE"),
        (f"{BRIDGE}:1", "COMPLETE"),
        (OTHER, "FAILED"),
        (f"{OTHER}:1", "COMPLETE"),
    ]


def test_a_plan_that_was_cut_is_told_with_each_limit_and_keeps_what_it_has(store: DeltaStore) -> None:
    cut = copy_plan("c", "file:/in", "file:/cut") | {
        "truncated": [{"limit": "nodes", "value": 250_000}, {"limit": "bytes", "value": 33_554_432}]
    }
    assert ingested(store, cut, execution(7, "c")) == ["plan_truncated", "plan_truncated"]
    told = store.read("problems").to_pylist()
    (plan,) = [each for each in store.read("plans").to_pylist() if each["target_name"] == "/cut"]
    assert {(each["fingerprint"], each["severity"], each["where"]) for each in told} == {
        (plan["fingerprint"], "warning", "nodes"),
        (plan["fingerprint"], "warning", "bytes"),
    }
    assert [(each["source_name"], each["target_name"]) for each in store.read("edges").to_pylist()].count(
        ("/in", "/cut")
    ) == 1
    answer = LocalEngine(store).table("/cut").to_dict()
    assert [each["code"] for each in answer["problems"]] == ["plan_truncated", "plan_truncated"]
