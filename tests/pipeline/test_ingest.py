"""Spool to store, on hand-made segments: what is ingested, what waits, what is kept aside, and that nothing is lost."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from spark_lineage.pipeline import IngestReport, ingest, ingestion
from spark_lineage.store.delta import DeltaStore
from tests.pipeline.segments import BRIDGE, END, application, copy_plan, execution, frame, write_segment


def rows(store: Path, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = DeltaStore(store).read(table).to_pylist()
    return sorted(found, key=repr)


def runs(store: Path) -> list[tuple[Any, ...]]:
    wanted = ("run_id", "kind", "operation", "target_name", "state")
    return [tuple(row[name] for name in wanted) for row in rows(store, "runs")]


def whole(store: Path) -> dict[str, list[dict[str, Any]]]:
    tables = (
        "datasets",
        "columns",
        "plans",
        "edges",
        "runs",
        "operators",
        "stages",
        "observations",
        "problems",
    )
    return {table: rows(store, table) for table in tables}


def test_a_write_is_in_the_store_and_its_segment_is_gone(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out/dt=2026-11-20"), execution(7, "p"), END)
    assert ingest(spool, store) == IngestReport(segments=1, records=4, executions=1, writes=1)
    assert runs(store) == [
        (BRIDGE, "application", "APPLICATION", None, "COMPLETE"),
        (f"{BRIDGE}:7", "write", "INSERT", "/out", "COMPLETE"),
    ]
    (edge,) = rows(store, "edges")
    assert (edge["source_name"], edge["source_field"], edge["target_name"], edge["target_field"], edge["subtype"]) == (
        "/in", "a", "/out", "a", "IDENTITY",
    )  # fmt: skip
    written = [row for row in rows(store, "observations") if row["direction"] == "written"]
    assert [(row["name"], row["path"], row["partitions"]) for row in written] == [
        ("/out", "file:/out/dt=2026-11-20", ["dt=2026-11-20"])
    ]
    assert [path.name for path in spool.glob("*.seg")] == []
    assert ingest(spool, store) == IngestReport()


def test_many_applications_are_brought_in_some_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reads what the one before it wrote, and the last one's segment is damaged."""
    whole_spool, contents, reports, appended = tmp_path / "whole", [], [], []
    names = "abcd"
    for number, (read, written) in enumerate(itertools.pairwise(names)):
        bridge = f"{number}{BRIDGE[1:]}"
        plan, end = copy_plan(f"p{number}", f"file:/{read}", f"file:/{written}"), END | {"bridge": bridge}
        ran = (execution(each, f"p{number}") | {"bridge": bridge} for each in (1, 2))
        write_segment(whole_spool, 0, plan, next(ran), bridge=bridge)
        write_segment(whole_spool, 1, next(ran), end, bridge=bridge)
    last = max(whole_spool.iterdir())
    last.write_bytes(last.read_bytes() + b"no record")
    for limit in (ingestion.PART_RECORDS, 7, 1):
        monkeypatch.setattr(ingestion, "PART_RECORDS", limit)
        spool, store = tmp_path / f"spool{limit}", tmp_path / f"store{limit}"
        shutil.copytree(whole_spool, spool)
        reports.append(ingest(spool, store))
        contents.append(whole(store))
        appended.append(DeltaTable(store / "runs").version())
        assert list(spool.glob("*.seg")) == []
    assert [len(contents[0][each]) for each in ("runs", "edges", "problems")] == [9, 3, 1]
    assert contents == contents[:1] * 3
    assert reports[0].segments == 6
    assert [replace(each, messages=()) for each in reports] == [replace(reports[0], messages=())] * 3
    assert appended == [1, 2, 3]


def test_the_same_segments_twice_and_in_any_order_give_the_same_tables(tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_segment(source, 0, copy_plan("p", "file:/a", "file:/b"), execution(1, "p"))
    write_segment(source, 1, copy_plan("q", "file:/b", "file:/c"), execution(2, "q"))
    write_segment(source, 2, copy_plan("p", "file:/a", "file:/b"), execution(3, "p"), END)
    contents = []
    for number, order in enumerate(itertools.permutations(sorted(source.iterdir()))):
        spool, store = tmp_path / f"spool{number}", tmp_path / f"store{number}"
        for path in (*order, order[0]):
            spool.mkdir(exist_ok=True)
            shutil.copy(path, spool)
            ingest(spool, store)
        contents.append(whole(store))
    assert all(content == contents[0] for content in contents)
    assert len(contents[0]["runs"]) == 4
    assert len(contents[0]["plans"]) == 2


def test_an_execution_waits_for_its_root_while_the_application_lives(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    inner = execution(2, "p", root=1, started_order=3, ended_order=4)
    outer = execution(1, "p", started_order=1, ended_order=9)
    write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), inner)
    (spool / f"{BRIDGE}-00000001.open").write_bytes(b"SLSPOOL1")
    with _LiveWriter(spool / f"{BRIDGE}-00000001.open"):
        report = ingest(spool, store)
        assert (report.executions, report.writes, report.pending) == (0, 0, 1)
        assert (spool / f"{BRIDGE}-00000000.seg").exists()
    (spool / f"{BRIDGE}-00000001.open").unlink()
    write_segment(spool, 1, copy_plan("p", "file:/in", "file:/out"), outer, END)
    report = ingest(spool, store)
    assert (report.executions, report.writes, report.pending) == (2, 1, 0)
    assert [run[0] for run in runs(store)] == [BRIDGE, f"{BRIDGE}:1"]


def test_an_execution_that_failed_before_it_was_announced_is_a_failed_run(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    failed = execution(1, "p", state="FAILED", started_at=None, started_order=None, description=None)
    write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), failed, END)
    report = ingest(spool, store)
    assert (report.executions, report.bad_records, report.messages) == (1, 0, ())
    assert [run[0] for run in runs(store)] == [BRIDGE, f"{BRIDGE}:1"]


class _LiveWriter:
    """Another process that holds the lock a bridge would hold."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        code = (
            "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); "
            "print('locked', flush=True); sys.stdin.read()"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(self.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"locked\n"

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def test_bad_records_are_kept_aside_and_the_good_ones_around_them_are_ingested(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    newer = b'{"v":4,"kind":"execution"}'
    broken = b'{"v":1,"kind":"execution","bridge":7}'
    write_segment(
        spool,
        0,
        copy_plan("p", "file:/in", "file:/out"),
        newer,
        execution(1, "p"),
        broken,
        execution(2, "p"),
        END,
    )
    report = ingest(spool, store)
    assert (report.records, report.executions, report.bad_records, report.bad_segments) == (5, 2, 2, 0)
    assert report.messages[0].startswith(f"segment {BRIDGE}-00000000.seg, byte ")
    assert "a record has version 4, this reader knows up to 3: update spark-lineage" in report.messages[0]
    assert "a record does not fit the format: Expected `str`, got `int` - at `$.bridge`" in report.messages[1]
    assert [row["code"] for row in rows(store, "problems")] == ["bad_record", "bad_record"]
    kept = sorted(path.read_bytes() for path in (spool / "bad").iterdir() if path.suffix == ".frame")
    assert kept == sorted([newer, broken])


def test_a_flipped_byte_costs_one_record(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    path = write_segment(
        spool, 0, copy_plan("p", "file:/in", "file:/out"), execution(1, "p"), execution(2, "p"), END
    )
    content = bytearray(path.read_bytes())
    position = content.index(b'"execution_id": 1') + 3
    content[position] ^= 1
    path.write_bytes(bytes(content))
    report = ingest(spool, store)
    assert (report.executions, report.bad_records) == (1, 1)
    assert [run[0] for run in runs(store)] == [BRIDGE, f"{BRIDGE}:2"]
    assert [row["code"] for row in rows(store, "problems")] == ["segment_checksum"]


def test_a_segment_of_other_bytes_is_one_segment_however_much_is_wrong_with_it(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    path = write_segment(spool, 0, END)
    path.write_bytes(b"\xff" * 5_000)
    report = ingest(spool, store)
    assert (report.bad_segments, report.bad_records, len(report.messages)) == (1, 0, 2)
    assert [row["code"] for row in rows(store, "problems")] == ["segment_magic", "segment_too_long"]
    kept = [each for each in (spool / "bad").iterdir() if each.read_bytes() == b"\xff" * 5_000]
    assert len(kept) == 1


def test_the_torn_tail_of_a_writer_that_died_is_cut(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    path = write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), execution(1, "p"))
    path.rename(path.with_suffix(".open"))
    torn = frame(execution(2, "p"))[:-5]
    with path.with_suffix(".open").open("ab") as file:
        file.write(torn)
    report = ingest(spool, store)
    assert (report.executions, report.writes, report.messages) == (1, 1, ())
    assert (report.problems, report.bad_records, report.bad_segments) == (0, 0, 0)
    assert runs(store) == [
        (BRIDGE, "application", "APPLICATION", None, "UNKNOWN"),
        (f"{BRIDGE}:1", "write", "INSERT", "/out", "COMPLETE"),
    ]


def test_failures_make_the_application_complete_with_failures(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    error = {"class": "org.apache.spark.SparkException", "message": "[X] ?", "condition": "X"}
    failed = execution(1, "p", state="FAILED", error=error)
    write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), failed)
    ingest(spool, store)
    write_segment(spool, 1, copy_plan("p", "file:/in", "file:/out"), execution(2, "p"), END)
    ingest(spool, store)
    assert runs(store) == [
        (BRIDGE, "application", "APPLICATION", None, "COMPLETE_WITH_FAILURES"),
        (f"{BRIDGE}:1", "write", "INSERT", "/out", "FAILED"),
        (f"{BRIDGE}:2", "write", "INSERT", "/out", "COMPLETE"),
    ]


def test_a_run_has_what_its_error_says_also_of_a_bridge_without_sqlstates(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    error = {"class": "java.sql.SQLException", "message": None, "condition": None}
    old, new = (
        execution(number, "p", state="FAILED", error=each)
        for number, each in ((1, error), (2, error | {"sqlstate": "23505"}))
    )
    write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), old, new)
    ingest(spool, store)
    assert [
        tuple(run[f"error_{name}"] for name in ("class", "message", "condition", "sqlstate"))
        for run in rows(store, "runs")
        if run["kind"] == "write"
    ] == [
        ("java.sql.SQLException", None, None, None),
        ("java.sql.SQLException", None, None, "23505"),
    ]


def test_jobs_without_a_query_and_gaps_are_problems(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    job = {"kind": "rdd_job", "bridge": BRIDGE, "job_id": 3, "call_site": "foreachPartition at job.py:7"}
    gap = {"kind": "gap", "bridge": BRIDGE, "reason": "writer_queue_full", "count": 12, "at": 5_000}
    deleted, doubted = gap | {"reason": "spool_full", "count": 3}, gap | {"reason": "sync_failed", "count": 4}
    write_segment(spool, 0, job, gap, deleted, doubted)
    assert ingest(spool, store).problems == 4
    assert [(row["code"], row["severity"], row["message"]) for row in rows(store, "problems")] == [
        ("gap", "error", "3 record(s) were deleted before they were ingested (spool_full)"),
        ("gap", "error", "the bridge lost 12 record(s) (writer_queue_full)"),
        ("gap", "warning", "the disk of the spool failed: 4 record(s) may be lost (sync_failed)"),
        (
            "rdd_job",
            "warning",
            "an RDD job of nightly (foreachPartition at job.py:7) had ended before it could be looked at: what it read or wrote is not known",
        ),
    ]
    places = {row["where"] for row in rows(store, "problems")}
    assert places == {"foreachPartition at job.py:7", "nightly, 1970-01-01 00:00:05 UTC"}


def test_a_job_over_no_partitions_runs_nothing(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    job = {"kind": "rdd_job", "bridge": BRIDGE, "job_id": 3, "call_site": None, "stages": []}
    write_segment(spool, 0, job)
    assert ingest(spool, store).problems == 0


def test_a_plan_that_cannot_be_read_is_a_problem_and_the_run_is_there(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    bad = {**copy_plan("bad", "file:/in", "file:/out"), "analyzed": {"@": 99}}
    write_segment(
        spool, 0, bad, copy_plan("p", "file:/in", "file:/out"), execution(1, "bad"), execution(2, "p"), END
    )
    report = ingest(spool, store)
    assert (report.executions, report.writes, report.problems, report.bad_records) == (2, 1, 2, 1)
    assert [row["code"] for row in rows(store, "problems")] == ["bad_record", "missing_plan"]
    assert [path.suffix for path in sorted((spool / "bad").iterdir())] == [".frame", ".reason"]
    assert [run[0] for run in runs(store)] == [BRIDGE, f"{BRIDGE}:1", f"{BRIDGE}:2"]


def test_records_that_contradict_each_other_cost_their_execution_only(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    plan = copy_plan("p", "file:/in", "file:/out")
    far = execution(1, "p", origins=[[10_000, {"execution_id": 0, "plan": "p"}]])
    odd = execution(2, "p", state="CONFUSED")
    write_segment(spool, 0, plan, far, odd, execution(3, "p"), END)
    report = ingest(spool, store)
    assert (report.executions, report.bad_records) == (2, 1)
    assert [run[0] for run in runs(store)] == [BRIDGE, f"{BRIDGE}:3"]
    assert sorted((row["code"], row["run_id"]) for row in rows(store, "problems")) == [
        ("bad_execution", f"{BRIDGE}:1"),
        ("bad_record", None),
    ]


def test_a_job_that_makes_no_sense_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No record is known to do this: whatever the analyzer does not foresee stays where it is."""

    def failing(*_: object) -> None:
        raise ValueError("what is this")

    monkeypatch.setattr("spark_lineage.pipeline.application.rdd_job_of", failing)
    spool, store = tmp_path / "spool", tmp_path / "store"
    job = {"kind": "rdd_job", "bridge": BRIDGE, "job_id": 3, "rdd": {"ancestry": []}}
    write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), job, execution(1, "p"), END)
    assert ingest(spool, store).writes == 1
    assert [run[0] for run in runs(store)] == [BRIDGE, f"{BRIDGE}:1"]
    [problem] = rows(store, "problems")
    assert (problem["code"], problem["run_id"], problem["where"], problem["message"]) == (
        "bad_execution", f"{BRIDGE}:job-3", "job-3 of nightly", "records contradict each other (ValueError: what is this)"
    )  # fmt: skip


def test_records_before_the_application_are_refused(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    spool.mkdir()
    (spool / f"{BRIDGE}-00000000.seg").write_bytes(b"SLSPOOL1" + frame(END) + frame(application()))
    report = ingest(spool, store)
    assert (report.records, report.bad_records) == (1, 1)
    assert "a record stands before the one that names its application" in report.messages[0]
