"""A stop straight after a write loses nothing, also where Spark's bus does not wait; events that the bus drops are counted exactly.

`make test` has ten stops, TORTURE=all a thousand, a hundred in each JVM.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
import pytest
from bridge.records import of_kind, read_spool
from support.paths import JAR
from support.spark import run_script
from support.torture import ALL

import spark_lineage
from spark_lineage.pipeline import ingest

pytestmark = [pytest.mark.spark, pytest.mark.torture("stopping")]

SCRIPT = Path(__file__).with_name("stopping.py")
JVMS, RACES = (10, 100) if ALL else (1, 10)
IN_TIME = pyspark.__version__ >= "4"
"""Whether this Spark can be told not to wait for its bus."""


@dataclass(frozen=True)
class Ended:
    """What the script left."""

    folder: Path
    counts: dict[str, Any]

    def records(self, name: str) -> list[dict[str, Any]]:
        return read_spool(self.folder / name)

    def states(self, name: str) -> dict[str, str]:
        """Table -> state of the write, of one application, as stored."""
        store = self.folder / f"store-{name}"
        ingest(self.folder / name, store)
        runs = spark_lineage.open(store=store, ingest=False).runs().to_dict()["runs"]
        writes = [run for run in runs if run["kind"] == "write"]
        tables = [Path(run["target"]["name"]).name for run in writes]
        assert len(set(tables)) == len(tables)
        return {table: run["state"] for table, run in zip(tables, writes, strict=True) if "held" not in table}

    def has_three_unknown(self, name: str) -> bool:
        """Whether all events of a write came, and the ends of three more did not; a queue of four may drop those of the first, too."""
        states = self.states(name)
        first = states.pop(f"{name}-0")
        whole = first == "COMPLETE" or (first == "UNKNOWN" and self.counts[f"{name}-0"] > 0)
        return whole and states == {f"{name}-{number}": "UNKNOWN" for number in range(1, 4)}


@pytest.fixture(scope="module", params=range(JVMS))
def ended(tmp_path_factory: pytest.TempPathFactory, helpers: Path) -> Ended:
    folder = tmp_path_factory.mktemp("stopping")
    run_script(SCRIPT, 3_000, FOLDER=folder, RACES=RACES, JARS=f"{JAR},{helpers}")
    return Ended(folder, json.loads((folder / "counts.json").read_text(encoding="utf-8")))


def dropped(records: list[dict[str, Any]]) -> int:
    """How many events the gaps say were dropped; there are no other gaps."""
    gaps = of_kind(records, "gap")
    assert {each["reason"] for each in gaps} <= {"listener_queue_dropped"}
    return sum(each["count"] for each in gaps)


def test_a_stop_straight_after_a_write_loses_nothing(
    ended: Ended, record_property: Callable[[str, object], None]
) -> None:
    records = ended.records("races")
    kinds = Counter(each["kind"] for each in records)
    assert list((ended.folder / "races").glob("*.open")) == []
    # A write of files is one execution with one intent.
    assert (kinds["execution"], kinds["intent"], kinds["gap"]) == (RACES, RACES, 0)
    assert {each["state"] for each in of_kind(records, "execution")} == {"COMPLETE"}
    ends = [(each["stopped"], each["running"]) for each in of_kind(records, "application_end")]
    assert ends == [("program", [])] * RACES
    record_property("stops", RACES)


def test_what_the_bus_still_tells_when_the_program_ends_is_waited_for(ended: Ended) -> None:
    assert ended.counts["held"] is IN_TIME  # the stop came back before the queue was empty
    records = ended.records("behind")
    assert len(of_kind(records, "application_end")) == 1
    assert dropped(records) == 0
    assert ended.states("behind") == {f"behind-{number}": "COMPLETE" for number in range(6)}


def test_what_operators_counted_is_that_of_their_own_run(ended: Ended) -> None:
    """The metrics of a plan that is run again begin anew, before the bridge has heard of the end of its first run."""
    read = [each for each in of_kind(ended.records("again"), "execution") if len(each["jobs"]) == 1]
    counted = [
        [values["numOutputRows"] for _, values in each["metrics"] if "numOutputRows" in values]
        for each in read
        if "collect" in each["call_site"]
    ]
    assert counted == [[1_000]] * 3


def test_events_that_the_bus_drops_are_a_gap_of_their_number(ended: Ended) -> None:
    """Writes whose ends were dropped did not end with the application: what became of them is unknown, and nobody says otherwise."""
    records = ended.records("goes_on")
    assert ended.counts["goes_on"] > 10
    assert dropped(records) == ended.counts["goes_on"]
    (end,) = of_kind(records, "application_end")
    assert end["running"] == []
    assert ended.has_three_unknown("goes_on")


def test_an_application_whose_end_is_dropped_is_told_of_when_the_program_ends(ended: Ended) -> None:
    records = ended.records("ends")
    assert of_kind(records, "application_end") == []
    assert dropped(records) == ended.counts["ends"] > 10
    assert ended.has_three_unknown("ends")


def test_what_the_bus_never_tells_before_the_program_ends_is_a_gap_of_its_number(
    tmp_path: Path, helpers: Path
) -> None:
    """Its thread is held up for good: what waits behind it is counted, and the writes are said to be unknown."""
    if not IN_TIME:
        pytest.skip("Spark 3.5 waits for its bus for ever")
    run_script(SCRIPT, 600, FOLDER=tmp_path, RACES=0, NEVER=1, JARS=f"{JAR},{helpers}")
    ended = Ended(tmp_path, json.loads((tmp_path / "counts.json").read_text(encoding="utf-8")))
    # Spark waits for a second, the bridge for ten at most (docs/operations.md); the rest is for a machine that is slow.
    assert ended.counts["stop_seconds"] < 30
    records = ended.records("never")
    assert list((tmp_path / "never").glob("*.open")) == []
    assert of_kind(records, "application_end") == []
    # What the stop posts, and the mark of the queue's end, came to what waited before.
    assert dropped(records) == ended.counts["waiting"] - 1 > ended.counts["posted"] >= 3 * 6
    states = ended.states("never")
    assert states == {"never-0": "COMPLETE"} | {f"never-{number}": "UNKNOWN" for number in range(1, 4)}
