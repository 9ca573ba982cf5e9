"""What lineage keeps in a driver's heap: many small writes, each of another plan, with nothing and with this project listening.

    python bench/heap.py [--full] [--queries N]     # 1,000 queries, or 10,000

Both run with `-Xmx512m`. What is alive after a collection is measured at a tenth, half and all of the queries. `added_mb` is what is alive
at the end more than without lineage, `growth_mb` how much of that came in the second half.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path[1:1] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from support.spark import SMALL  # noqa: E402

from spark_lineage.capture.session import flags  # noqa: E402
from spark_lineage.capture.spark_home import find_spark  # noqa: E402
from spark_lineage.settings import load_settings  # noqa: E402

JOB = HERE / "jobs" / "many_queries.py"
QUICK_QUERIES, FULL_QUERIES = 1_000, 10_000
LIMITS = {"added_mb": 32.0, "growth_mb": 16.0}
"""The second: plans are remembered up to 16 MiB, and that fills at some time."""


def main() -> int:
    """Measure, print the table and the JSON line; returns 1 if a goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--full", action="store_true", help=f"{FULL_QUERIES:,} queries instead of {QUICK_QUERIES:,}"
    )
    parser.add_argument("--queries", type=int, help="another number of them")
    arguments = parser.parse_args()
    queries = arguments.queries or (FULL_QUERIES if arguments.full else QUICK_QUERIES)
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(store=Path(folder) / "store", spool=Path(folder) / "spool")
        bare = run(Path(folder), queries, ())
        ours = run(Path(folder), queries, flags(settings, find_spark()))
    print(
        f"{'alive after a collection, MB':<30}{'a tenth':>10}{'half':>10}{'all':>10}   of {queries:,} queries"
    )
    for name, found in (("nothing", bare), ("spark_lineage", ours)):
        print(f"{name:<30}" + "".join(f"{each / 1e6:>10.1f}" for each in found))
    added = [(more - less) / 1e6 for less, more in zip(bare, ours, strict=True)]
    figures = {
        "queries": queries,
        "bare_mb": round(bare[-1] / 1e6, 1),
        "added_mb": round(added[-1], 1),
        "growth_mb": round(added[-1] - added[-2], 1),
    }
    goals = {name: {"op": "<=", "limit": limit} for name, limit in LIMITS.items()}
    met = all(figures[name] <= limit for name, limit in LIMITS.items())
    print(json.dumps({"bench": "heap", "figures": figures, "goals": goals, "met": met}))
    return 0 if met else 1


def run(folder: Path, queries: int, words: tuple[str, ...]) -> list[int]:
    """Bytes that are alive at the three moments of one application; an exit code that is not 0 ends the bench."""
    conf = [word for item in SMALL.items() for word in ("--conf", "=".join(item))]
    command = [
        str(Path(sys.executable).with_name("spark-submit")),
        "--master",
        "local[2]",
        "--driver-memory",
        "512m",
        *conf,
    ]
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "XDG_STATE_HOME": str(folder / "state")}
    answer = folder / "alive.json"
    done = subprocess.run(
        [*command, *words, str(JOB), str(queries), str(answer)],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"The application failed:\n{done.stderr[-3000:]}")
    return [int(each) for each in json.loads(answer.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    sys.exit(main())
