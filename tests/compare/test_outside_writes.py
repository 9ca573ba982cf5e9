"""Commits that no run made, in real Delta tables: runs are rows, commits are deltalake's."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from spark_lineage.compare.unusual.freshness import freshness_answer
from spark_lineage.compare.unusual.runs import unusual_answer
from spark_lineage.model import Batch, Dataset, DatasetId, Observation, RunState
from spark_lineage.pipeline.logs.commits import Logs
from spark_lineage.query.snapshot import Snapshot
from tests.query.lineage_rows import plan, run, store_of

ROWS = pa.table({"a": [1, 2, 3]})


@pytest.fixture
def table(tmp_path):
    """A table with three commits: 0 and 1 of runs, 2 of somebody else."""
    path = str(tmp_path / "orders")
    for _ in range(3):
        write_deltalake(path, ROWS, mode="append")
    return path


def times(path):
    """Version -> when its writer made it."""
    return {each["version"]: each["timestamp"] for each in DeltaTable(path).history()}


def snapshot(tmp_path, path, runs, versions=(), format_="delta"):
    id_ = DatasetId("file", path)
    batch = Batch(
        datasets=(Dataset("file", path, ("spark_catalog.shop.orders",), format_),),
        plans=(replace(plan("p1", "orders", "a:int", "raw"), target=id_),),
        runs=tuple(replace(each, target=id_) for each in runs),
        observations=tuple(
            Observation(run_id, 0, "file", path, "written", path, version=version)
            for run_id, version in versions
        ),
    )
    return Snapshot(store_of(tmp_path / "store", batch))


def write(number, at, **others):
    """A run around a commit."""
    facts = {"started_at": at - 5, "ended_at": at + 5, "operation": "INSERT", **others}
    return run(number, "p1", "orders", 1, run_id=f"app:{number}", **facts)


def versions_found(snapshot, since=0):
    logs = Logs()
    answer = unusual_answer(snapshot, since=since, logs=logs)
    return [
        dict(each.evidence)["version"] for each in answer.findings if each.kind == "write_outside"
    ], answer.problems


def test_a_commit_by_somebody_else(tmp_path, table):
    """Both runs ended long before the third commit was made by delta-rs: it is told, with what the log says of it."""
    at = times(table)
    early = at[0] - 60_000
    runs = [write(0, early, spark_version="4.1.3"), write(1, early + 20, spark_version="4.1.3")]
    store = snapshot(tmp_path, table, runs, [("app:0", 0), ("app:1", 1)])
    (found,) = unusual_answer(store, since=0, logs=Logs()).findings
    assert (found.kind, found.dataset, found.run_id, found.at) == (
        "write_outside", DatasetId("file", table), None, at[2],
    )  # fmt: skip
    assert found.message.startswith("shop.orders: version 2 (WRITE by delta-rs:")
    assert found.message.endswith(") was made by no known run.")
    evidence = dict(found.evidence)
    assert (evidence["version"], evidence["operation"], evidence["rows"]) == ("2", "WRITE", "3")


def test_without_logs_only_the_store_is_read(tmp_path, table):
    store = snapshot(tmp_path, table, [write(0, times(table)[0] - 60_000)], [("app:0", 0)])
    assert unusual_answer(store, since=0).findings == ()


@pytest.mark.parametrize(("operation", "told"), [("INSERT", ["1"]), ("MERGE", ["2", "1"])])
def test_a_run_whose_version_is_not_known_may_explain_a_commit(tmp_path, table, operation, told):
    """Commits of Spark 4.1.3, and a run at the time of the last: an INSERT may have made it, a MERGE not."""
    at = times(table)
    for log in (tmp_path / "orders" / "_delta_log").glob("*.json"):
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        for info in (line["commitInfo"] for line in lines if "commitInfo" in line):
            info["engineInfo"] = "Apache-Spark/4.1.3 Delta-Lake/4.4.0"
            info["timestamp"] = at[0] + 60_000 * int(log.stem)
        log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    runs = [write(0, at[0]), write(2, at[0] + 120_000, operation=operation)]
    assert versions_found(snapshot(tmp_path, table, runs, [("app:0", 0)])) == (told, ())


def test_upkeep_is_no_write(tmp_path, table):
    at = times(table)
    store = snapshot(
        tmp_path, table, [write(n, at[0] - 60_000 + n) for n in range(3)], [(f"app:{n}", n) for n in range(3)]
    )
    DeltaTable(table).optimize.compact()
    DeltaTable(table).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert versions_found(store) == ([], ())


def test_what_was_before_the_first_run_is_not_ours(tmp_path, table):
    at = times(table)
    store = snapshot(tmp_path, table, [write(2, at[2] + 60_000)], [])
    assert versions_found(store) == ([], ())


def test_a_log_that_is_gone_and_one_that_cannot_be_read(tmp_path, table):
    store = snapshot(tmp_path, table, [write(0, times(table)[0] - 60_000)], [("app:0", 0)])
    at = times(table)[2]
    (Path(table) / "_delta_log" / f"{2:020}.json").write_text("not json\n")
    damaged = "The table's log cannot be read (the entry of version 2 is damaged): writes that no run made are not seen."
    shutil.copytree(table, tmp_path / "copy")
    shutil.rmtree(table)
    gone = "There is no log at the table's place, seen from here: writes that no run made are not seen."
    for code, message in (("log_missing", gone), ("log_unreadable", damaged)):
        if code == "log_unreadable":
            shutil.move(tmp_path / "copy", table)
        found, problems = versions_found(store)
        ages = freshness_answer(store, at + 1000, logs=Logs())
        assert (found, [(each.code, each.message) for each in problems]) == ([], [(code, message)])
        # what was written outside is not known, so the data are as old as the last run
        assert (ages.problems, ages.tables[0].data_at) == (problems, ages.tables[0].lineage_at)


def test_a_table_that_was_dropped_has_no_log_to_miss(tmp_path, table):
    store = snapshot(tmp_path, table, [write(0, times(table)[0] - 60_000, state=RunState.FAILED)])
    shutil.rmtree(table)
    assert versions_found(store) == ([], ())


def test_only_delta_tables_have_such_a_log(tmp_path, table):
    store = snapshot(tmp_path, table, [write(0, times(table)[0] - 60_000)], [("app:0", 0)], "parquet")
    assert versions_found(store) == ([], ())


def test_data_that_is_younger_than_its_lineage(tmp_path, table):
    at = times(table)
    early = at[0] - 60_000
    store = snapshot(tmp_path, table, [write(0, early), write(1, early + 20)], [("app:0", 0), ("app:1", 1)])
    answer = freshness_answer(store, at[2] + 1000, logs=Logs())
    (shown,) = answer.tables
    assert (shown.data_at, shown.lineage_at) == (at[2], early + 25)
    assert [(each.kind, each.message) for each in answer.findings] == [
        (
            "lineage_older_than_data",
            "shop.orders: changed after the last run that is known, so its lineage may have changed too.",
        )
    ]


def test_a_table_that_was_only_ever_created_is_no_dataset(tmp_path, table):
    """`CREATE TABLE` is a run with a target that nothing has read or written yet."""
    at = times(table)
    created = run(9, None, "empty", 5, kind="control", operation="CREATE TABLE")
    store = store_of(
        tmp_path / "store",
        Batch(
            datasets=(Dataset("file", table, (), "delta"),),
            plans=(replace(plan("p1", "orders", "a:int", "raw"), target=DatasetId("file", table)),),
            runs=(created, replace(write(1, at[0]), target=DatasetId("file", table))),
        ),
    )
    logs = Logs()
    found = unusual_answer(Snapshot(store), since=0, logs=logs).to_dict()["findings"]
    assert [each["kind"] for each in found] == ["write_outside"] * 3


@pytest.mark.parametrize(
    ("version", "is_gone", "newer", "state"),
    [(1, False, True, "stale"), (2, False, False, "fresh"), (2, True, None, "unknown")],
)
def test_the_log_of_a_source_that_runs_only_read(tmp_path, table, version, is_gone, newer, state):
    """A copy was made of a version of the orders, which no known run writes: their log says whether there is a newer one."""
    at = times(table)
    id_ = DatasetId("file", table)
    batch = Batch(
        datasets=(Dataset("file", table, (), "delta"),),
        plans=(replace(plan("c", "copy", "a:int", "orders"), datasets=(id_,)),),
        runs=(run(1, "c", "copy", at[2] // 1000 + 60),),
        observations=(Observation(run(1, "c", "copy", 1).run_id, 0, "file", table, "read", table, version=version),),
    )  # fmt: skip
    if is_gone:
        shutil.rmtree(table)
    store = Snapshot(store_of(tmp_path / "store", batch))
    now = at[2] + 120_000
    (shown,) = freshness_answer(store, now, logs=Logs()).tables
    assert (shown.inputs[0].newer, shown.state(now)) == (newer, state)
