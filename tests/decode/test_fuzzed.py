"""What hours of fuzzing have found to be ways of their own through decoder and analyzer (`tests/fuzzing/keep.py`)."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

from fuzzing.invariants import REFUSED, outcome


def test_each_input_is_read_or_refused_and_the_same_twice() -> None:
    with zipfile.ZipFile(Path(__file__).with_name("fuzzed.zip")) as archive:
        found = Counter(outcome(archive.read(name)) for name in archive.namelist())
    assert min(found[REFUSED], found["PlanRecord"]) > 100
