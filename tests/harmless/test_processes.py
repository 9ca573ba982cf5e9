"""A driver that forks and spawns processes, and one whose files the system does not let grow: harmless, and what is lost is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from bridge.records import of_kind
from support.spark import run_script

import spark_lineage
from harmless.faulty import read_all
from spark_lineage.pipeline import ingest

pytestmark = [pytest.mark.spark, pytest.mark.smoke35]

SCRIPT = Path(__file__).with_name("processes.py")
UNLIMITED = ("first", "after_fork", "after_spawn", "after_a_child", "after_the_limit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the application ran; it ended by itself, with 0."""
    folder = tmp_path_factory.mktemp("processes")
    run_script(
        SCRIPT,
        300,
        FOLDER=folder,
        SPARK_LINEAGE_SPOOL=folder / "spool",
        SPARK_LINEAGE_STORE=folder / "store",
        XDG_STATE_HOME=folder / "state",
        XDG_DATA_HOME=folder / "share",
    )
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
