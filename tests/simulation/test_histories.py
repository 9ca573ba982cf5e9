"""The real writer on a disk that fails and the real ingester behind it: what was acknowledged is in the store, once.

`TORTURE=all` goes through 100,000 histories (`TORTURE_SEEDS=1-100000`) on as many processes as there are cores
(`TORTURE_PROCESSES`); what is done is kept in .cache/torture/simulation, by the state of the code that it was done with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

import pytest
from support.paths import REPOSITORY
from support.torture import seeds, version

from simulation.histories import CLASSES, run

STATE = REPOSITORY / ".cache" / "torture" / "simulation"
PIECE = 500
SIMULATED = (
    "jvm_bridge/src/*/java/io/sparklineage/S[ei]*.java",
    "jvm_bridge/src/*/java/io/sparklineage/Spool*.java",
    "jvm_bridge/src/main/java/io/sparklineage/Gaps.java",
    "spark_lineage/capture/spool.py",
    "spark_lineage/pipeline/ingestion.py",
    "tests/simulation/histories.py",
    "tests/simulation/records.jsonl",
)
BUILT = (CLASSES / "test-classes" / "io" / "sparklineage" / "Simulation.class").exists()
pytestmark = pytest.mark.skipif(
    not BUILT, reason="the bridge's test classes are not built: make test builds them"
)


def test_what_was_acknowledged_is_in_the_store_once() -> None:
    wrong, figures = run(1, 300)
    assert wrong == {}
    # A history in which nothing happens finds nothing.
    ends = ("applications that ended", "were killed", "lost their power", "ingesters killed")
    assert all(figures[end] > 100 for end in ends), figures
    assert figures["of these forced"] > 500, figures
    assert figures["counted as lost"] > 50, figures


def test_a_seed_is_one_history() -> None:
    command = [sys.executable, "-m", "simulation.histories", "17-19"]
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}"}
    said = {
        subprocess.run(command, capture_output=True, text=True, env=environment | {"PYTHONHASHSEED": seed}, check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1, said


def timed(low: int, high: int) -> tuple[dict[int, list[str]], dict[str, float]]:
    """`run`, and its seconds beside the figures."""
    began = time.monotonic()
    wrong, figures = run(low, high)
    return wrong, {**figures, "seconds": round(time.monotonic() - began, 1)}


@pytest.mark.skipif(os.environ.get("TORTURE") != "all", reason="100,000 histories: TORTURE=all")
def test_a_hundred_thousand_histories() -> None:
    chosen = seeds(100_000, first=1)
    pieces = [(low, min(low + PIECE, chosen.stop) - 1) for low in chosen[::PIECE]]
    folder = STATE / version(SIMULATED)
    folder.mkdir(parents=True, exist_ok=True)
    left = [piece for piece in pieces if not (folder / f"{piece[0]}-{piece[1]}.json").exists()]
    processes = int(os.environ.get("TORTURE_PROCESSES", os.cpu_count() or 1))
    began = time.monotonic()
    wrong: dict[int, list[str]] = {}
    with ProcessPoolExecutor(processes) as pool:
        under_way = {pool.submit(timed, *piece): piece for piece in left}
        for done in as_completed(under_way):
            low, high = under_way[done]
            found, figures = done.result()
            wrong |= found
            if not found:
                (folder / f"{low}-{high}.json").write_text(json.dumps(figures))
    total: Counter[str] = Counter()
    for low, high in pieces:
        file = folder / f"{low}-{high}.json"
        total.update(json.loads(file.read_text()) if file.exists() else {})
    print(", ".join(f"{name}: {count}" for name, count in total.items()))
    print(
        f"{len(left)} of {len(pieces)} pieces in {time.monotonic() - began:.0f} s, the others before (`seconds` are those of all processes)"
    )
    assert wrong == {}
