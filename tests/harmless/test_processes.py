"""A driver that forks and spawns processes, one whose files the system does not let grow, and one that is stopped for a while: harmless,
and what is lost is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from bridge.records import of_kind, read_spool
from support.spark import run_script

import spark_lineage
from harmless.faulty import HANG_SECONDS, read_all
from harmless.test_kills import stop
from spark_lineage.pipeline import ingest

pytestmark = [pytest.mark.spark, pytest.mark.matrix35]

SCRIPT = Path(__file__).with_name("processes.py")
UNLIMITED = ("first", "after_fork", "after_spawn", "after_a_child", "after_the_limit")


PAUSED = Path(__file__).with_name("paused.py")
PAUSE_SECONDS = 3


def places(folder: Path) -> dict[str, str]:
    """All that lineage keeps lies in a folder."""
    return {
        "FOLDER": str(folder),
        "SPARK_LINEAGE_SPOOL": str(folder / "spool"),
        "SPARK_LINEAGE_STORE": str(folder / "store"),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_DATA_HOME": str(folder / "share"),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the application ran; it ended by itself, with 0."""
    folder = tmp_path_factory.mktemp("processes")
    run_script(SCRIPT, 300, **places(folder))
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "found.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def records(folder: Path) -> list[dict[str, Any]]:
    return read_all(folder / "spool", set())


def test_other_processes_do_their_work_and_leave_lineage_alone(
    folder: Path, found: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    assert {name: found[name] for name in found if name != "limited"} == {
        "fork": [0, 1, 4, 9], "fork_exit": 0, "spawn": [0, 1, 4, 9], "spawn_exit": 0, "child": 7,
    }  # fmt: skip
    assert len({each["bridge"] for each in of_kind(records, "application")}) == 1
    spools = {each.parent for each in folder.rglob("*.seg")}
    assert spools == {folder / "spool"}


def test_a_limit_on_the_size_of_files_costs_records_that_are_counted_and_no_write(
    folder: Path, found: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    """The limit is the system's own (RLIMIT_FSIZE, as of a batch system): a write beyond it takes a part of a record, or nothing."""
    limited = found["limited"]
    status = limited["status"]
    assert status["alive"]
    assert status["lost"] > 0
    assert status["last_error"].startswith("spool_failed: java.io.IOException: File too large")
    names = [*UNLIMITED, *(f"limited_{number}" for number in range(limited["writes"]))]
    for name in names:
        files = (folder / "data" / name).glob("*.parquet")
        assert sum(pq.read_metadata(each).num_rows for each in files) == 3
    gaps = of_kind(records, "gap")
    assert {each["reason"] for each in gaps} == {"spool_failed"}
    lost = sum(each["count"] for each in gaps)
    kinds = ("execution", "intent")
    assert 2 * len(names) - lost == sum(len(of_kind(records, kind)) for kind in kinds)
    ingest(folder / "spool", folder / "store")
    runs = spark_lineage.open(store=folder / "store", ingest=False).runs().to_dict()["runs"]
    written = [(Path(run["target"]["name"]).name, run["state"]) for run in runs if run["kind"] == "write"]
    assert len(dict(written)) == len(written)
    assert dict(written).items() >= dict.fromkeys(UNLIMITED, "COMPLETE").items()
    assert set(dict(written)) <= set(names)


def wait_until(paused: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Come back when it has, while the driver goes on."""
    until = time.monotonic() + HANG_SECONDS
    while not happened():
        assert paused.poll() is None, paused.communicate()[1][-3000:]
        assert time.monotonic() < until
        time.sleep(0.05)


def is_told(spool: Path) -> bool:
    """Whether the end of the first write and the note of the second one are in sealed segments."""
    kinds = [each["kind"] for each in read_spool(spool)]
    return (kinds.count("execution"), kinds.count("intent")) == (1, 2)


def states(folder: Path) -> list[tuple[str, str]]:
    """Table and state of each write that is known after one more ingest, which must find nothing wrong."""
    report = ingest(folder / "spool", folder / "store")
    assert (report.bad_segments, report.bad_records, report.messages) == (0, 0, ())
    lineage = spark_lineage.open(store=folder / "store", ingest=False)
    assert lineage.problems().to_dict()["problems"] == []
    runs = lineage.runs().to_dict()["runs"]
    return sorted((Path(run["target"]["name"]).name, run["state"]) for run in runs if run["kind"] == "write")


def test_a_driver_that_is_stopped_for_a_while_lives(tmp_path: Path) -> None:
    """Its spool is ingested meanwhile: who cannot answer is not dead."""
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable} | places(tmp_path)
    paused = subprocess.Popen(
        [sys.executable, str(PAUSED)], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(paused, (tmp_path / "runs").exists)
        wait_until(paused, lambda: is_told(tmp_path / "spool"))
        driver = int((tmp_path / "runs").read_text(encoding="utf-8"))
        stop(driver)
        try:
            stopped_at = time.monotonic()
            assert states(tmp_path) == [("before", "COMPLETE"), ("meanwhile", "RUNNING")]
            (tmp_path / "go").touch()
            time.sleep(max(0.0, stopped_at + PAUSE_SECONDS - time.monotonic()))
        finally:
            os.kill(driver, signal.SIGCONT)
        _, said = paused.communicate(timeout=HANG_SECONDS)
    finally:
        paused.kill()
        paused.wait()
    assert paused.returncode == 0, said[-3000:]
    assert states(tmp_path) == [(name, "COMPLETE") for name in ("after", "before", "meanwhile")]
