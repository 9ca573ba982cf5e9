"""Records of things that went wrong while they were recorded, from the spool to the words of the commands: no crash, and the rest is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from spark_lineage.model import Batch, Dataset
from spark_lineage.pipeline import ingest
from spark_lineage.show import cli
from spark_lineage.store.delta import DeltaStore
from tests.pipeline.segments import BRIDGE, END, application, copy_plan, execution, frame, write_segment

OTHER = "4f2504e0-4f89-11d3-9a0c-0305e82c3301"
PLAN = copy_plan("p", "file:/in", "file:/out")
STAGE = {"stage_id": 7, "attempt": 0, "name": "save", "state": "FAILED", "tasks": 2, "failed_tasks": 1}
RDD_JOB = {
    "kind": "rdd_job", "bridge": BRIDGE, "job_id": 4, "state": "FAILED", "call_site": None, "stages": [STAGE],
    "rdd": {"rdd": 1, "ancestry": [{"id": 1, "class": "ParallelCollectionRDD", "leaf": True}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each test asks, and two applications of one name and id: the second one's program failed."""
    folder = tmp_path_factory.mktemp("odd")
    no_stages = [
        {"job_id": 0, "state": "COMPLETE", "started_at": 1, "ended_at": 2, "stages": [0, 1], "rdds": []}
    ]
    write_segment(
        folder / "spool", 0, PLAN,
        execution(1, "p", metrics=[], metric_types={}, jobs=[], stages=[]),
        execution(2, "p", jobs=no_stages),
        RDD_JOB,
        execution(5, "p", started_at=5_000_000, ended_at=4_000_000),
        execution(6, "never"),
        execution(99, "p"),
        END,
    )  # fmt: skip
    second = [application(OTHER), PLAN, execution(1, "p") | {"bridge": OTHER}, END | {"bridge": OTHER, "exit_code": 1}]  # fmt: skip
    (folder / "spool" / f"{OTHER}-00000000.seg").write_bytes(b"SLSPOOL1" + b"".join(map(frame, second)))
    ingest(folder / "spool", folder / "store")
    return folder / "store"


@pytest.fixture
def said(store: Path, capfd: pytest.CaptureFixture[str]) -> Any:
    """What a command says in one line of words: exit code and text."""

    def told(*words: str, at: Path = store) -> tuple[int, str]:
        code = cli.main([*words, "--store", str(at), "--no-ingest"])
        captured = capfd.readouterr()
        assert "this is a fault" not in captured.err
        return code, " ".join((captured.out + captured.err).split())

    return told


def test_metrics_that_never_arrived(said: Any) -> None:
    assert said("run", "3f2504e0:1") == (0, (
        "/out complete INSERT, in nightly, ann, Spark 4.1.3 1970-01-01 00:00:02 UTC, 1.0 s "
        f"run {BRIDGE}:1 Read /in nothing more is known Written /out nothing more is known"
    ))  # fmt: skip
    assert said("compare", "3f2504e0:1") == (
        0, f"/out complete unknown /in what the run's operators did is not recorded run {BRIDGE}:1"
    )  # fmt: skip


def test_stages_without_an_execution_and_an_execution_without_stages(said: Any) -> None:
    code, text = said("run", "3f2504e0:job-4")
    assert (code, text.partition(" Stages ")[0]) == (
        0, f"nightly failed query, in nightly, ann, Spark 4.1.3 start unknown run {BRIDGE}:job-4"
    )  # fmt: skip
    assert text.endswith(" 7 failed 2, 1 failed")
    code, text = said("run", "3f2504e0:2")
    assert (code, "Stages" in text, "Operators" in text) == (0, False, False)


def test_an_execution_whose_plan_never_arrived(said: Any) -> None:
    lost = "The plan of an execution is not there: what it read or wrote is unknown."
    assert lost in said("problems")[1]
    assert lost in said("run", "3f2504e0:6")[1]
    assert said("compare", "3f2504e0:6") == (
        0, f"nightly complete Its plan is not known. run {BRIDGE}:6"
    )  # fmt: skip
    assert said("impact", "3f2504e0:6") == (
        2, 'error: The run "3f2504e0:6" writes no table: name the table that you mean.'
    )  # fmt: skip


def test_a_clock_that_stepped_back(said: Any) -> None:
    """Begun at 01:23:20, ended at 01:06:40: no duration is told, the run is explained, and the table is as old as its end."""
    back = "A run ended 1000.0 s before it began: the clock of its driver was set back, its duration is not known."
    assert back in said("problems")[1]
    code, text = said("run", "3f2504e0:5")
    assert (code, back in text) == (0, True)
    assert "1970-01-01 01:23:20 UTC, the clock went back while it ran run" in text
    code, text = said("why", "/out", "--run", "3f2504e0:5")
    assert (code, text.startswith(f"/out made by the run {BRIDGE}:5 of 1970-01-01 01:23:20 UTC")) == (0, True)
    assert said("freshness", "--now", "1970-01-01T02:06:40")[1].startswith(
        "unknown /out written 60 min ago, "
    )


def test_two_applications_of_one_name(said: Any) -> None:
    listed = said("runs")[1]
    assert (
        "failed 1970-01-01 00:00:01 nightly 4f2504e0 application, 8.0 s the program failed with exit code 1"
        in listed
    )
    assert "with failures 1970-01-01 00:00:01 nightly 3f2504e0 application, 8.0 s" in listed
    assert said("run", "1") == (
        2, f'error: There is no run or table "1" in the store: did you mean {BRIDGE}:1 or {OTHER}:1?'
    )  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ("unusual", "--since", "1970-01-01"), ("freshness",), ("diff", "/out"), ("diff", "nightly"), ("drift", "--since", "1970-01-01"),
        ("impact", "/in"), ("impact", "--without", "/in"), ("why", "/out"), ("validate",), ("table", "/out"), ("tables",), ("upstream", "/out"),
        ("downstream", "/in"), ("check", "--require-lineage", "/out"), ("search", "a"), ("stream",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_everything_else_is_answered(said: Any, words: tuple[str, ...]) -> None:
    assert said(*words)[0] == 0
    assert said(*words, "--json")[0] == 0


def test_a_write_that_was_killed(said: Any, tmp_path: Path) -> None:
    """Nobody knows whether it wrote: no command claims that it did, or that it did not."""
    intent = {
        "v": 3, "kind": "intent", "bridge": BRIDGE, "execution_id": 7, "root_execution_id": 7, "query_execution_id": 7, "plan": "p",
        "started_at": 2_000, "started_order": 14, "sequence": 7, "call_site": None, "user": "ann",
    }  # fmt: skip
    segment = write_segment(tmp_path / "spool", 0, PLAN, intent)
    segment.rename(segment.with_suffix(".open"))
    at = tmp_path / "store"
    ingest(tmp_path / "spool", at)
    assert said("why", "/out", at=at)[1].startswith(
        f"/out perhaps made by the run {BRIDGE}:7 of 1970-01-01 00:00:02 UTC (unknown); none before it is known "
        "Nobody knows its end: what is told is what came before it began. 1 cause in 2 tables"
    )
    assert said("run", "/out", at=at)[1].startswith("/out unknown INSERT, in nightly, ann, Spark 4.1.3 1970-")
    assert said("freshness", at=at) == (0, "No table was written to the end by a run that is known.")
    assert said("unusual", at=at) == (0, "Nothing to judge: no write ended well.")
    assert said("check", "--require-lineage", "/out", at=at)[0] == 1


def test_a_delta_log_that_was_cleaned_up(said: Any, store: Path, tmp_path: Path) -> None:
    """The first commits are gone behind a checkpoint: of the time before nobody knows, and all else is answered."""
    place, copy = tmp_path / "orders", tmp_path / "store"
    for _ in range(4):
        write_deltalake(place, pa.table({"a": [1]}), mode="append")
    DeltaTable(place).create_checkpoint()
    for version in range(3):
        (place / "_delta_log" / f"{version:020}.json").unlink()
    shutil.copytree(store, copy)
    spool = tmp_path / "spool"
    plan = copy_plan("d", "file:/in", f"file:{place}")
    write_segment(spool, 0, plan, execution(7, "d"), END | {"bridge": OTHER}, bridge=BRIDGE)
    ingest(spool, copy)
    DeltaStore(copy).append(Batch(datasets=(Dataset("file", str(place), (), "delta"),)))
    forgotten = "The table's log no longer reaches back so far: writes that no run made are not seen."
    for words in (("unusual", "--since", "1970-01-01"), ("freshness",), ("why", str(place))):
        code, text = said(*words, at=copy)
        assert (code, forgotten in text) == (0, True), words
    assert said("run", str(place), at=copy)[0] == 0
