"""How long the reader of records takes to refuse one that is made to hurt it: CPU seconds, for each kind of `tests/decode/hostile.py`.

    python bench/hostile.py [--full]

Each record is read by a process of its own with 512 MB beside Python itself, from its bytes to the rows of the store. Records that say
nothing wrong are read; how long that takes is shown, and is no part of the goal.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parent.parent
READER = REPOSITORY / "tests" / "decode" / "hostile.py"
QUICK, FULL = 1, 5
"""How often each record is read."""

LIMIT_SECONDS = 1.0
"""Of the slowest refusal."""


def main() -> int:
    """Measure, print the table and the JSON line; returns 1 if the goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help=f"each record {FULL} times")
    rounds = FULL if parser.parse_args().full else QUICK
    found = {name: [run(name) for _ in range(rounds)] for name in run()}
    seconds = {name: statistics.median(each[2] for each in readings) for name, readings in found.items()}
    refused = [name for name, readings in found.items() if readings[0][1] != "read"]
    table = Table("record", "MB", "is", "CPU seconds", "most", box=None)
    for name in sorted(seconds, key=seconds.__getitem__, reverse=True):
        readings = found[name]
        most = max(each[2] for each in readings)
        size = f"{readings[0][4] / 1e6:.1f}"
        table.add_row(
            name, size, "refused" if name in refused else "read", f"{seconds[name]:.3f}", f"{most:.3f}"
        )
    Console(width=110).print(table)
    slowest = max(refused, key=seconds.__getitem__)
    slow = [name for name in refused if seconds[name] > LIMIT_SECONDS]
    print(f"The slowest refusal: {slowest}. Slower than {LIMIT_SECONDS} s: {', '.join(slow) or 'none'}.")
    figures = {"refused": len(refused), "slowest_refusal_seconds": seconds[slowest]}
    goals = {"slowest_refusal_seconds": {"op": "<=", "limit": LIMIT_SECONDS}}
    print(json.dumps({"bench": "hostile", "figures": figures, "goals": goals, "met": not slow}))
    return 1 if slow else 0


def run(*name: str) -> list[Any]:
    """What the reader's process prints: of one record, or the names of all."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, str(READER), *name], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"The reader failed: {' '.join(name)}\n{done.stderr[-2000:]}")
    answer: list[Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    sys.exit(main())
