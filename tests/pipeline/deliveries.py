"""Every segment delivered three times, shuffled, by four ingesters at once that are killed, into the same tables.

    TORTURE_SEEDS=0-99 python tests/pipeline/deliveries.py               # all four through deltalake
    TORTURE_SEEDS=0-9 python tests/pipeline/deliveries.py delta-spark    # two of them through delta-spark

`tests` is on the path, too. What has passed is kept in .cache/torture, and a second run goes on with the seeds that are left.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from support.torture import Passed, seeds

from spark_lineage.capture import spool as spools
from spark_lineage.pipeline import ingest
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.digest import table_digests
from spark_lineage.store.memory import MemoryStore
from tests.analyze.building import PlanBuilder
from tests.pipeline.segments import BRIDGE, END, copy_plan, execution, write_segment

DELIVERIES = 3
OTHER = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
THIRD = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
BRIDGES = (BRIDGE, OTHER, THIRD)

_INGESTER = """
import sys
from pathlib import Path
from spark_lineage.pipeline import ingest
print(ingest(Path(sys.argv[1]), sys.argv[2]).bad_records, flush=True)
"""


class Ingester(Protocol):
    """Somebody who ingests from one spool, once."""

    def runs(self) -> bool:
        """Whether it is still at work."""

    def kill(self) -> bool:
        """End it wherever it is; whether it was still at work."""

    def said(self) -> list[str]:
        """What it said that it should not have, when it is over; nothing if it was killed."""


Start = Callable[[Path, Path], Ingester]
"""(spool, store) -> one that ingests."""


class Process:
    """An ingester in a process of its own, killed with all that it started."""

    def __init__(self, *command: str) -> None:
        self._killed = False
        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def runs(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> bool:
        if not self.runs():
            return False
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        self._killed = self._process.returncode < 0
        return self._killed

    def said(self) -> list[str]:
        if self._killed:
            return []
        out, error = self._process.communicate()
        return [] if self._process.returncode == 0 and out.splitlines()[-1:] == ["0"] else [out + error]


def through_deltalake(spool: Path, store: Path) -> Ingester:
    """A process that ingests without a JVM."""
    return Process("-c", _INGESTER, str(spool), str(store))


class SparkProcess(Process):
    """One with a Spark session of its own; it lives until that is there: to be killed before proves nothing."""

    def __init__(self, spool: Path, store: Path) -> None:
        self._ready = spool / "ready"
        self._ready.unlink(missing_ok=True)
        super().__init__(str(Path(__file__).with_name("spark_ingester.py")), str(spool), str(store))

    def kill(self) -> bool:
        return self._ready.exists() and super().kill()


@dataclass(frozen=True)
class Form:
    """Who ingests, how many of them are killed, how many segments come to one at once, and how many seconds at most
    go by between two looks at them, each of which may end in a kill."""

    ingesters: Sequence[Start]
    kills: int
    at_once: int
    pause: float
    bridges: Sequence[str] = BRIDGES


FORMS = {
    "deltalake": Form(4 * (through_deltalake,), kills=40, at_once=4, pause=0.4),
    "delta-spark": Form(
        (through_deltalake, SparkProcess, through_deltalake, SparkProcess), kills=8, at_once=10, pause=3
    ),
}


@dataclass(frozen=True)
class Told:
    """What the tables say after all deliveries and after a clean one, how often an ingester was killed, what was refused."""

    digests: dict[str, str]
    clean: dict[str, str]
    kills: int
    refused: list[str]


def write_applications(spool: Path, bridges: Sequence[str] = BRIDGES) -> None:
    """The segments of applications; of all three, two of which end, with 11 writes and 11 queries of 33 executions.

    There are writes with an execution inside, failures, streams, executors, losses, and jobs without a query.
    """
    plans = [copy_plan(f"{number:032x}", f"file:/{number}", f"file:/{number + 1}") for number in range(4)]
    query = PlanBuilder()
    leaf, _ = query.files("file:/4", ["a"])
    usage = query.section(leaf) | {"hash": "c" * 32}
    for bridge in bridges:
        for number in range(4):
            first, plan = 10 * number, plans[number]["hash"]
            state = "FAILED" if number == 2 else "COMPLETE"
            ran = [
                execution(
                    first + 1, plan, root=first, started_order=2 * first + 1, ended_order=2 * first + 2
                ),
                execution(first, plan, ended_order=2 * first + 3, stages=[_stage(first)]),
                execution(first + 2, usage["hash"], state=state),
            ]
            records = [usage, *plans, *ran, *_others(number, bridge)]
            if number == 3:
                records = [*_others(number, bridge)] if bridge == THIRD else [*records, END]
            write_segment(spool, number, *(_of(each, bridge) for each in records), bridge=bridge)


def _stage(number: int) -> dict[str, Any]:
    return {
        "stage_id": number,
        "tasks": 2,
        "metrics": {"output_rows": number + 5, "output_bytes": 70},
        "job_id": number,
    }


def _others(number: int, bridge: str) -> list[dict[str, Any]]:
    query = {"query_id": f"query of {bridge}", "run_id": "r"}
    return [
        {"kind": "executor", "v": 3, "at": 5 + number, "event": "added", "executor": str(number)},
        {"kind": "gap", "reason": "queue_full", "count": number + 1, "at": number},
        {"kind": "progress", "v": 3, **query, "batch_id": number, "started_at": 50 + number, "sources": [{"rows": 3}]},
        {
            "kind": "rdd_job", "job_id": number, "call_site": "saveAsTextFile at x.py:1", "started_at": 1, "ended_at": 2,
            "output": f"file:/text/{number}",
            "rdd": {"ancestry": [{"id": 1, "class": "HadoopRDD", "leaf": True, "paths": [f"file:/{number}"]}]},
        },
    ]  # fmt: skip


def _of(record: dict[str, Any], bridge: str) -> dict[str, Any]:
    return record if record["kind"] == "plan" else record | {"bridge": bridge}


def deliver(seed: int, folder: Path, form: Form) -> Told:
    """Deliver the segments of `write_applications`, and ingest them once more as they are."""
    chosen = random.Random(seed)
    source, store = folder / "source", folder / "store"
    write_applications(source, form.bridges)
    waiting = [path for path in sorted(source.iterdir()) for _ in range(DELIVERIES)]
    chosen.shuffle(waiting)
    homes = {folder / f"spool{number}": start for number, start in enumerate(form.ingesters)}
    running: dict[Path, Ingester] = {}
    killed, refused = 0, []
    while waiting or running or any(spools.segments(home) for home in homes):
        for home, start in homes.items():
            if home in running:
                if running[home].runs():
                    continue
                refused += running.pop(home).said()
            for _ in range(chosen.randrange(form.at_once)):
                _put(waiting, home)
            if spools.segments(home):
                running[home] = start(home, store)
        time.sleep(chosen.random() * form.pause)
        if killed < form.kills and running and chosen.random() < 0.5:
            killed += running[chosen.choice(sorted(running))].kill()
    clean = MemoryStore(str(store))
    ingest(source, clean)
    return Told(table_digests(DeltaStore(store)), table_digests(clean), killed, refused)


def _put(waiting: list[Path], home: Path) -> None:
    """Deliver the next segment: under a name of the spool's own that stands aside until it is whole."""
    if not waiting:
        return
    path = waiting.pop()
    home.mkdir(exist_ok=True)
    shutil.copy(path, home / "arriving")
    (home / "arriving").rename(home / path.name)


def main() -> int:
    """Do the seeds of `TORTURE_SEEDS` that are left, in the form that is named; 1 if one fails."""
    name = sys.argv[1] if len(sys.argv) > 1 else "deltalake"
    passed = Passed("deliveries" if name == "deltalake" else f"deliveries-{name}")
    failed = 0
    for seed in seeds(100 if name == "deltalake" else 10):
        if str(seed) in passed:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            result = deliver(seed, Path(folder), FORMS[name])
        if result.digests != result.clean or result.refused:
            failed += 1
            differ = [name for name, digest in result.digests.items() if digest != result.clean[name]]
            print(f"seed {seed}: differs in {differ}, refused {result.refused}", flush=True)
            continue
        passed.note(str(seed), time.monotonic() - began, kills=result.kills)
    print(f"{passed}; {failed} seeds are wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
