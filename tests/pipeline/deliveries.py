"""Every segment delivered three times, shuffled, by four ingesters at once that are killed, into the same tables.

    TORTURE_SEEDS=0-99 python tests/pipeline/deliveries.py

What is done is kept in .cache/torture/deliveries, and a second run goes on with the seeds that are left.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_lineage.capture import spool as spools
from spark_lineage.pipeline import ingest
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.digest import table_digests
from spark_lineage.store.memory import MemoryStore
from tests.analyze.building import PlanBuilder
from tests.pipeline.segments import BRIDGE, END, copy_plan, execution, write_segment

INGESTERS = 4
DELIVERIES = 3
OTHER = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
THIRD = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

_INGESTER = """
import sys
from pathlib import Path
from spark_lineage.pipeline import ingest
print(ingest(Path(sys.argv[1]), sys.argv[2]).bad_records, flush=True)
"""


@dataclass(frozen=True)
class Told:
    """What the tables say after all deliveries and after a clean one, how often an ingester was killed, what was refused."""

    digests: dict[str, str]
    clean: dict[str, str]
    kills: int
    refused: list[str]


def write_applications(spool: Path) -> None:
    """The segments of three applications, two of which end, with 11 writes and 11 queries of 33 executions in all.

    There are writes with an execution inside, failures, streams, executors, losses, and jobs without a query.
    """
    plans = [copy_plan(f"{number:032x}", f"file:/{number}", f"file:/{number + 1}") for number in range(4)]
    query = PlanBuilder()
    leaf, _ = query.files("file:/4", ["a"])
    usage = query.section(leaf) | {"hash": "c" * 32}
    for bridge in (BRIDGE, OTHER, THIRD):
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


def deliver(seed: int, folder: Path, kills: int, at_once: int = 4) -> Told:
    """Deliver the segments of `write_applications` and of one clean ingest; `kills` ingesters are killed
    at random moments, and up to `at_once` segments come to one before it starts."""
    chosen = random.Random(seed)
    source, store = folder / "source", folder / "store"
    write_applications(source)
    waiting = [path for path in sorted(source.iterdir()) for _ in range(DELIVERIES)]
    chosen.shuffle(waiting)
    homes = [folder / f"spool{number}" for number in range(INGESTERS)]
    running: dict[Path, subprocess.Popen[str]] = {}
    killed, refused = 0, []
    while waiting or running or any(spools.segments(home) for home in homes):
        for home in homes:
            process = running.get(home)
            if process is not None and process.poll() is None:
                continue
            if process is not None:
                refused += _said(process)
                del running[home]
            for _ in range(chosen.randrange(at_once)):
                _put(waiting, home)
            if spools.segments(home):
                running[home] = _start(home, store)
        time.sleep(chosen.random() * 0.4)
        if killed < kills and running and chosen.random() < 0.5:
            victim = running[chosen.choice(sorted(running))]
            victim.kill()  # SIGKILL
            victim.wait()
            killed += victim.returncode < 0
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


def _start(spool: Path, store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _INGESTER, str(spool), str(store)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _said(process: subprocess.Popen[str]) -> list[str]:
    """What an ingester said that it should not have; nothing of one that was killed."""
    out, error = process.communicate()
    if process.returncode < 0:
        return []
    return [] if process.returncode == 0 and out == "0\n" else [out + error]


def main() -> int:
    """Do the seeds of `TORTURE_SEEDS` that are left; 1 if one fails."""
    first, _, last = os.environ.get("TORTURE_SEEDS", "0-99").partition("-")
    done = Path(".cache/torture/deliveries")
    done.mkdir(parents=True, exist_ok=True)
    begun, failed, told = time.monotonic(), 0, 0
    seeds = range(int(first), int(last or first) + 1)
    for seed in seeds:
        if (done / f"{seed}.json").exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            result = deliver(seed, Path(folder), kills=40)
        told += 1
        if result.digests != result.clean or result.refused:
            failed += 1
            differ = [name for name, digest in result.digests.items() if digest != result.clean[name]]
            print(f"seed {seed}: differs in {differ}, refused {result.refused}")
            continue
        (done / f"{seed}.json").write_text(json.dumps({"kills": result.kills}))
    results = [json.loads(path.read_text()) for path in done.glob("*.json")]
    killed = sum(each["kills"] for each in results)
    print(
        f"deliveries: {len(results)} seeds right ({killed} ingesters killed), {failed} wrong; "
        f"{told} of them now, in {time.monotonic() - begun:.0f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
