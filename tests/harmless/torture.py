"""The long forms: which seeds they take, and what of them is done already."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from support.paths import REPOSITORY

FOLDER = REPOSITORY / ".cache" / "torture"


def seeds(usual: int) -> range:
    """The seeds that TORTURE_SEEDS names (`0-9`, `7`), else the first so many."""
    words = os.environ.get("TORTURE_SEEDS", f"0-{usual - 1}")
    first, _, last = words.partition("-")
    return range(int(first), int(last or first) + 1)


@cache
def done_before(name: str) -> frozenset[str]:
    """What earlier runs of a proof have done, one line each."""
    done = _done(name)
    return frozenset(done.read_text(encoding="utf-8").splitlines()) if done.exists() else frozenset()


def note_done(name: str, key: str) -> None:
    """Note that one piece of a proof has passed."""
    _done(name).parent.mkdir(parents=True, exist_ok=True)
    with _done(name).open("a", encoding="utf-8") as file:
        file.write(key + "\n")


def _done(name: str) -> Path:
    return FOLDER / name / "done.txt"
