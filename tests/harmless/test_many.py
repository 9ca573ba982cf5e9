"""Very many tasks and queries in one application of 512 MB: every answer is right, every one is recorded, and memory grows by less than 32 MB.

`make test` has 5,000 tasks and 80 queries, TORTURE=all a million and 10,000.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from bridge.records import of_kind, read_spool
from support.paths import JAR
from support.spark import run_script
from support.torture import ALL

import spark_lineage
from spark_lineage.pipeline import ingest

pytestmark = [pytest.mark.spark, pytest.mark.torture("many")]

SCRIPT = Path(__file__).with_name("many.py")
TASKS, QUERIES = (1_000_000, 10_000) if ALL else (5_000, 80)
WRITTEN = range(10, QUERIES + 1, 10)
"""The numbers of the queries that write."""

GROWTH_BYTES = 32 << 20
AFTERWARDS = 3
"""Tasks of the last query: two that count and one that adds up."""


@dataclass(frozen=True)
class Ran:
    """What the script found, and what the spool has of it."""

    folder: Path
    found: dict[str, Any]
    records: list[dict[str, Any]]

    def tasks(self, kind: str) -> int:
        """How many tasks the stages of the records of a kind had."""
        stages = (stage for each in of_kind(self.records, kind) for stage in each["stages"])
        return sum(stage["tasks"] for stage in stages)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("many")
    run_script(SCRIPT, 7_200, FOLDER=folder, TASKS=TASKS, QUERIES=QUERIES, JARS=JAR)
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    print({name: found[name] for name in ("tasks", "queries")})
    return Ran(folder, found, read_spool(folder / "spool"))


def test_every_answer_is_right_and_the_bridge_lives(
    ran: Ran, record_property: Callable[[str, object], None]
) -> None:
    assert ran.found["wrong"] == []
    assert ran.found["status"]["alive"]
    for number in WRITTEN:
        files = (ran.folder / "data" / f"written-{number}").glob("*.parquet")
        assert sum(pq.read_metadata(each).num_rows for each in files) == number % 50 + 1
    record_property("tasks", TASKS)
    record_property("queries", QUERIES)


def test_what_the_bus_dropped_is_all_that_is_missing(ran: Ran) -> None:
    """A record is missing, or has fewer tasks, only where events were dropped; and then their number is told."""
    gaps = of_kind(ran.records, "gap")
    assert {each["reason"] for each in gaps} <= {"listener_queue_dropped"}
    dropped = ran.found["dropped"]
    assert sum(each["count"] for each in gaps) == dropped == ran.found["status"]["lost"]
    rounds, parts = ran.found["tasks"]["rounds"], ran.found["tasks"]["parts"]
    assert rounds * 2 * parts >= TASKS
    expected = {"execution": rounds + QUERIES + 1, "rdd_job": rounds}
    kinds = Counter(each["kind"] for each in ran.records)
    missing = {kind: number - kinds[kind] for kind, number in expected.items()}
    tasks = {
        "execution": rounds * (parts + 1) + QUERIES + AFTERWARDS - ran.tasks("execution"),
        "rdd_job": rounds * parts - ran.tasks("rdd_job"),
    }
    if dropped == 0:
        assert missing == tasks == {"execution": 0, "rdd_job": 0}
    assert all(number >= 0 for number in (*missing.values(), *tasks.values()))
    assert sum(missing.values()) <= dropped
    assert kinds["intent"] == len(WRITTEN)


def test_each_write_is_in_the_store_once(ran: Ran) -> None:
    store = ran.folder / "store"
    ingest(ran.folder / "spool", store)
    runs = spark_lineage.open(store=store, ingest=False).runs(limit=None).to_dict()["runs"]
    states = Counter(
        (Path(run["target"]["name"]).name, run["state"]) for run in runs if run["kind"] == "write"
    )
    assert set(states.values()) == {1}
    assert {name for name, _ in states} == {f"written-{number}" for number in WRITTEN}
    assert {state for _, state in states} <= (
        {"COMPLETE", "UNKNOWN"} if ran.found["dropped"] else {"COMPLETE"}
    )


def test_what_lives_in_memory_does_not_grow(ran: Ran) -> None:
    for part in ("tasks", "queries"):
        assert ran.found[part]["end"] - ran.found[part]["tenth"] < GROWTH_BYTES, ran.found
