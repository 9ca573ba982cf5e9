"""What noting a write before it runs costs the program: the time that its thread spends in the bridge, in each mode of `spark.lineage.intent`.

    python bench/intent.py [--full]

Each run is a `spark-submit` of its own that writes a small table many times over; each round has all modes, in an order that is rotated. The
first writes of a run, with the JVM cold, are told apart: jobs have them, too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from spark_lineage.capture.session import flags
from spark_lineage.capture.spark_home import find_spark
from spark_lineage.settings import INTENTS, load_settings

JOB = Path(__file__).resolve().parent / "jobs" / "small_writes.py"
QUICK, FULL = (1, 60), (5, 200)
COLD = 10
"""So many writes of a run count as its first."""

LIMIT_MS = 2.0
"""Of the median in the default mode, `written`."""


def main() -> int:
    """Measure, print the table and the JSON line; returns 1 if the goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help=f"{FULL[0]} rounds of {FULL[1]} writes")
    rounds, writes = FULL if parser.parse_args().full else QUICK
    taken: dict[str, list[list[int]]] = defaultdict(list)
    for number in range(rounds):
        for mode in (*INTENTS[number % 4 :], *INTENTS[: number % 4]):
            with tempfile.TemporaryDirectory() as folder:
                taken[mode].append(run(mode, Path(folder), writes))
    print(
        f"{'intent':<10} {'median':>10} {'95th':>10} {'first ' + str(COLD):>10}   ({rounds} runs of {writes} writes)"
    )
    figures: dict[str, float] = {}
    for mode in INTENTS:
        warm = sorted(each / 1e6 for run_ in taken[mode] for each in run_[COLD:])
        cold = statistics.median(each / 1e6 for run_ in taken[mode] for each in run_[:COLD])
        median, late = statistics.median(warm), warm[int(len(warm) * 0.95)]
        print(f"{mode:<10} {median:>7.2f} ms {late:>7.2f} ms {cold:>7.2f} ms")
        figures |= {
            f"{mode}_ms": round(median, 3),
            f"{mode}_95_ms": round(late, 3),
            f"{mode}_first_ms": round(cold, 3),
        }
    goals = {"written_ms": {"op": "<=", "limit": LIMIT_MS}}
    met = figures["written_ms"] <= LIMIT_MS
    print(json.dumps({"bench": "intent", "figures": figures, "goals": goals, "met": met}))
    return 0 if met else 1


def run(mode: str, folder: Path, writes: int) -> list[int]:
    """Nanoseconds that each write was held up, in one application."""
    settings = load_settings(store=folder / "store", spool=folder / "spool", intent=mode)
    words = [str(Path(sys.executable).with_name("spark-submit")), "--master", "local[2]"]
    words += ["--conf", "spark.ui.enabled=false", "--conf", "spark.sql.shuffle.partitions=2"]
    words += [*flags(settings, find_spark()), str(JOB), str(folder), str(writes)]
    environment = {**os.environ, "SPARK_HOME": str(find_spark().folder), "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=folder, check=False)
    line = next((each for each in done.stdout.splitlines() if each.startswith("nanos ")), None)
    if done.returncode or line is None:
        sys.exit(f"The application with intent={mode} failed:\n{done.stderr[-2000:]}")
    found: list[int] = json.loads(line.removeprefix("nanos "))
    return found


if __name__ == "__main__":
    sys.exit(main())
