"""The long forms: which seeds they take, and what of them has passed already, with the code as it stands."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from support.paths import REPOSITORY

FOLDER = REPOSITORY / ".cache" / "torture"
BRIDGE = "jvm_bridge/src/main"


def seeds(usual: int, first: int = 0) -> range:
    """The seeds that TORTURE_SEEDS names (`0-9`, `7`), else so many from the first on."""
    low, _, high = os.environ.get("TORTURE_SEEDS", f"{first}-{first + usual - 1}").partition("-")
    return range(int(low), int(high or low) + 1)


def version(sources: Iterable[str]) -> str:
    """A hash of files, patterns of files and folders of the repository: what has passed with others is done again."""
    found: set[Path] = set()
    for source in sources:
        files = set(_files(source))
        assert files, f"there is no {source}"
        found |= files
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(found))).hexdigest()[:12]


def _files(source: str) -> Iterable[Path]:
    if (REPOSITORY / source).is_dir():
        return (each for each in (REPOSITORY / source).rglob("*") if each.suffix in {".java", ".py"})
    return REPOSITORY.glob(source)


class Passed:
    """The pieces of one proof that have passed with `sources` as they are, kept from one run of it to the next."""

    def __init__(self, name: str, *sources: str) -> None:
        self.name = name
        self.file = FOLDER / name / f"{version(sources)}.jsonl"
        lines = self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []
        self.pieces: dict[str, dict[str, Any]] = {each["piece"]: each for each in map(json.loads, lines)}

    def __contains__(self, piece: str) -> bool:
        return piece in self.pieces

    def note(self, piece: str, seconds: float, **figures: int) -> None:
        """A piece has passed: how long it took, and what else it counted."""
        self.pieces[piece] = {"piece": piece, "seconds": round(seconds, 2), **figures}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.pieces[piece]) + "\n")

    def total(self, figure: str) -> float:
        """A figure (or `seconds`) of all pieces together."""
        return sum(each.get(figure, 0) for each in self.pieces.values())

    def __str__(self) -> str:
        return f"{self.name}: {len(self.pieces)} pieces have passed with this code, in {self.total('seconds'):.0f} s together"
