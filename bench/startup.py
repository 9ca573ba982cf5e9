"""How long the commands that only read take to start, next to a Python that does nothing or loads their libraries.

    python bench/startup.py [--full]

Each command runs in a process of its own, in turn with the others, so that what else the machine does falls on all of
them alike. The store that is read is small and made here; no Spark is started.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from spark_lineage.model import (
    Batch,
    Certainty,
    Dataset,
    DatasetId,
    EdgeKind,
    Plan,
    PlanColumn,
    Run,
    RunState,
)
from spark_lineage.store.delta import DeltaStore

QUICK_ROUNDS = 7
FULL_ROUNDS = 31

BARE = "python -c pass"
LIBRARIES = "its libraries alone"
LIMITS = {"help_ratio": 20.0, "table_to_libraries": 4.0}
"""`--help` in times of a bare Python; `table` in times of one that loads the libraries without which no Python reads
Delta and draws: what a person at a terminal still takes for at once on a machine of today."""


def main() -> int:
    """Measure, print the table and the JSON line; returns 1 if a goal is not met."""
    parser = argparse.ArgumentParser(description="Start-up of the reading commands.")
    parser.add_argument("--full", action="store_true", help=f"{FULL_ROUNDS} rounds instead of {QUICK_ROUNDS}")
    rounds = FULL_ROUNDS if parser.parse_args().full else QUICK_ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        make_store(Path(folder) / "store")
        medians = measure(commands(Path(folder)), rounds, Path(folder))
    bare, libraries = medians[BARE], medians[LIBRARIES]
    print(f"{'command':<34} {'median':>9} {'of bare':>9} {'of libraries':>13}   ({rounds} rounds)")
    for name, seconds in medians.items():
        print(f"{name:<34} {seconds * 1000:>6.0f} ms {seconds / bare:>8.1f}x {seconds / libraries:>12.2f}x")
    figures = {
        "bare_ms": round(bare * 1000, 1),
        "libraries_ms": round(libraries * 1000, 1),
        "libraries_ratio": round(libraries / bare, 2),
        "help_ms": round(medians["spark-lineage --help"] * 1000, 1),
        "help_ratio": round(medians["spark-lineage --help"] / bare, 2),
        "table_ms": round(medians["spark-lineage table report"] * 1000, 1),
        "table_ratio": round(medians["spark-lineage table report"] / bare, 2),
        "table_to_libraries": round(medians["spark-lineage table report"] / libraries, 2),
    }
    goals = {name: {"op": "<=", "limit": limit} for name, limit in LIMITS.items()}
    met = all(figures[name] <= limit for name, limit in LIMITS.items())
    print(json.dumps({"bench": "startup", "figures": figures, "goals": goals, "met": met}))
    return 0 if met else 1


def commands(folder: Path) -> dict[str, list[str]]:
    """What is measured: name -> words."""
    ours = [sys.executable, "-m", "spark_lineage"]
    return {
        BARE: [sys.executable, "-c", "pass"],
        LIBRARIES: [sys.executable, "-c", "import deltalake, pyarrow, pyarrow.compute, typer, rich"],
        "spark-lineage --help": [*ours, "--help"],
        "spark-lineage table report": [*ours, "table", "report", "--store", str(folder / "store")],
    }


def measure(measured: dict[str, list[str]], rounds: int, home: Path) -> dict[str, float]:
    """Median wall-clock seconds of each command, after one round that does not count."""
    environment = os.environ | {
        f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "STATE")
    }
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    for turn in range(rounds + 1):
        for name, words in measured.items():
            started = time.perf_counter()
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=environment)
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def make_store(folder: Path) -> None:
    """A store with one table that one plan wrote."""
    report = DatasetId("file", "/warehouse/report")
    plan = Plan(
        fingerprint="f" * 64,
        kind=EdgeKind.DATA,
        job="shop",
        operation="write",
        target=report,
        overwrites=True,
        certainty=Certainty.EXACT,
        columns=(PlanColumn("total", "double"),),
    )
    run = Run(
        "bench:0", 0, "execution", plan.fingerprint, "shop", "write", report, RunState.COMPLETE,
        "local-1", "shop", "ann", "4.1.3", 1_700_000_000_000, 1_700_000_001_000,
    )  # fmt: skip
    store = DeltaStore(folder)
    store.create()
    store.append(Batch(datasets=(Dataset(report.namespace, report.name),), plans=(plan,), runs=(run,)))


if __name__ == "__main__":
    sys.exit(main())
