"""The real writer on a disk that fails and the real ingester behind it: what was acknowledged is in the store, once.

`TORTURE=all` goes through 100,000 histories (`TORTURE_SEEDS=1-100000`) on as many processes as there are cores
(`TORTURE_PROCESSES`); what is done is kept in .cache/torture/simulation, by the state of the code that it was done with.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pytest
from support.paths import REPOSITORY

from simulation.histories import CLASSES, run

STATE = REPOSITORY / ".cache" / "torture" / "simulation"
PIECE = 500
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


def _version() -> str:
    """A hash of what is simulated: what was done with other code is done again."""
    sources = [
        *(REPOSITORY / "jvm_bridge" / "src").rglob("io/sparklineage/S[ei]*.java"),
        *(REPOSITORY / "jvm_bridge" / "src").rglob("io/sparklineage/Spool*.java"),
        REPOSITORY / "jvm_bridge" / "src" / "main" / "java" / "io" / "sparklineage" / "Gaps.java",
        REPOSITORY / "spark_lineage" / "capture" / "spool.py",
        REPOSITORY / "spark_lineage" / "pipeline" / "ingestion.py",
        Path(__file__).parent / "histories.py",
        Path(__file__).parent / "records.jsonl",
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()[:12]


@pytest.mark.skipif(os.environ.get("TORTURE") != "all", reason="100,000 histories: TORTURE=all")
def test_a_hundred_thousand_histories() -> None:
    first, _, last = os.environ.get("TORTURE_SEEDS", "1-100000").partition("-")
    pieces = [(low, min(low + PIECE - 1, int(last))) for low in range(int(first), int(last) + 1, PIECE)]
    folder = STATE / _version()
    folder.mkdir(parents=True, exist_ok=True)
    left = [piece for piece in pieces if not (folder / f"{piece[0]}-{piece[1]}.json").exists()]
    processes = int(os.environ.get("TORTURE_PROCESSES", os.cpu_count() or 1))
    began = time.monotonic()
    wrong: dict[int, list[str]] = {}
    with ProcessPoolExecutor(processes) as pool:
        under_way = {pool.submit(run, *piece): piece for piece in left}
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
    print(f"{len(left)} of {len(pieces)} pieces in {time.monotonic() - began:.0f} s, the others before")
    assert wrong == {}
