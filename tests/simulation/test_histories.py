"""The real writer on a disk that fails and the real ingester behind it: what was acknowledged is in the store, once.

`TORTURE=all` goes through 100,000 histories (`TORTURE_SEEDS=1-100000`) on as many processes as there are cores
(`TORTURE_PROCESSES`); what is done is kept in .cache/torture/simulation, by the state of the code that it was done with.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

import pytest
from support.paths import REPOSITORY
from support.torture import ALL, Passed, parts, seeds

from simulation.histories import CLASSES, run

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


def timed(piece: range) -> tuple[dict[int, list[str]], dict[str, int], float]:
    """`run`, and its seconds."""
    began = time.monotonic()
    wrong, figures = run(piece[0], piece[-1])
    return wrong, figures, time.monotonic() - began


@pytest.mark.skipif(not ALL, reason="100,000 histories: TORTURE=all")
def test_a_hundred_thousand_histories() -> None:
    passed = Passed("simulation")
    pieces = {f"{each[0]}-{each[-1]}": each for each in parts(seeds(100_000, first=1), PIECE)}
    left = [name for name in pieces if name not in passed]
    began = time.monotonic()
    wrong: dict[int, list[str]] = {}
    with ProcessPoolExecutor(int(os.environ.get("TORTURE_PROCESSES", os.cpu_count() or 1))) as pool:
        under_way = {pool.submit(timed, pieces[name]): name for name in left}
        for done in as_completed(under_way):
            found, figures, seconds = done.result()
            wrong |= found
            if not found:
                passed.note(under_way[done], seconds, **figures)
    print(passed)
    print(f"{len(left)} pieces now, on all processes in {time.monotonic() - began:.0f} s")
    assert wrong == {}
