"""The long forms: what each proves, which seeds they take, and what of them has passed already, with the code as it stands.

    PYTHONPATH=tests python tests/support/torture.py    # prints what has passed (`make torture-passed` does)

A test is a piece of a proof by its mark (tests/support/pieces.py), or one that goes through seeds asks `Passed` itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from support.paths import REPOSITORY

ALL = os.environ.get("TORTURE") == "all"
FOLDER = REPOSITORY / ".cache" / "torture"
SPARK = metadata.version("pyspark")

BRIDGE = "jvm_bridge/src/main"
"""What the bridge's jar is made from: whoever runs a long form without make builds the jar first."""

INGEST = (
    "spark_lineage/*.py",
    *(f"spark_lineage/{each}" for each in ("capture", "decode", "analyze", "pipeline", "store")),
)
"""What an ingest runs, from the spool to the tables."""

ASKED = (*INGEST, "spark_lineage/query", "tests/bridge/records.py")
"""The same, and what a test runs that reads the spool or asks the store; what shows the answers is no part of them."""

PROOFS: dict[str, tuple[str, ...]] = {
    "cluster": (BRIDGE, *ASKED, "tests/harmless/*cluster.py"),
    "deliveries": (*INGEST, "tests/pipeline/deliveries.py", "tests/pipeline/s*.py", "tests/analyze/building.py"),
    "deliveries-delta-spark": (
        *INGEST, "tests/pipeline/deliveries.py", "tests/pipeline/s*.py", "tests/analyze/building.py",
    ),
    "endings": (
        BRIDGE, "tests/bridge/records.py", "tests/harmless/java", "tests/harmless/faulty.py",
        "tests/harmless/*ending*.py",
    ),
    "fuzzing": (*INGEST, "tests/fuzzing"),
    "fuzzing-spools": (*INGEST, "tests/fuzzing"),
    "hostile": (*INGEST, "tests/decode/*hostile.py"),
    "huge": (BRIDGE, *ASKED, "tests/harmless/*huge.py"),
    "kills": (BRIDGE, *ASKED, "tests/harmless/*kill*.py"),
    "leaks": (BRIDGE, "spark_lineage", "tests/leaks", "jvm_bridge/src/test/resources/secrets.txt"),
    "many": (BRIDGE, *ASKED, "tests/harmless/*many.py"),
    "simulation": (
        BRIDGE, *INGEST, "tests/simulation", "jvm_bridge/src/test/java/io/sparklineage/Sim*.java",
        "jvm_bridge/src/test/java/io/sparklineage/Frames.java",
    ),
    "stopping": (BRIDGE, *ASKED, "tests/harmless/*stopping.py", "tests/harmless/java"),
    "throwables": (
        BRIDGE, "tests/bridge/records.py", "tests/harmless/java", "tests/harmless/faulty.py",
        "tests/harmless/test_throw*.py",
    ),
}  # fmt: skip
"""Each proof with a long form: all the code that it proves something of, and the test's own files."""


def seeds(usual: int, first: int = 0) -> range:
    """The seeds that TORTURE_SEEDS names (`0-9`, `7`), else so many from the first on."""
    low, _, high = os.environ.get("TORTURE_SEEDS", f"{first}-{first + usual - 1}").partition("-")
    return range(int(low), int(high or low) + 1)


def parts(whole: range, size: int) -> list[range]:
    """A range in pieces of a size; the last one has what is left."""
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def version(sources: Iterable[str]) -> str:
    """A hash of files, patterns of files and folders of the repository: what has passed with others is done again."""
    found: set[Path] = set()
    for source in sources:
        files = set(_files(source))
        assert files, f"there is no {source}"
        found |= files
    digest = hashlib.sha256()
    for file in sorted(found):
        # Names and sizes, too: what moves from one file to another is another state of the code.
        content = file.read_bytes()
        digest.update(f"{file.relative_to(REPOSITORY)}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def _files(source: str) -> Iterator[Path]:
    pattern = f"{source}/**/*" if (REPOSITORY / source).is_dir() else source
    for each in REPOSITORY.glob(pattern):
        # A jar is made from sources that stand in the hash themselves, and is not the same twice.
        if each.is_file() and each.suffix not in {".pyc", ".jar"}:
            yield each


class Passed:
    """The pieces of one proof that have passed with its sources as they are on one Spark, kept from one run of it to the next."""

    def __init__(self, name: str, spark: str = SPARK) -> None:
        self.name, self.spark = name, spark
        self.version = version(PROOFS[name])
        self.file = FOLDER / name / f"{self.version}-spark-{spark}.jsonl"
        lines = self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []
        self.pieces: dict[str, dict[str, Any]] = {each["piece"]: each for each in map(json.loads, lines)}

    def __contains__(self, piece: str) -> bool:
        return piece in self.pieces

    def note(self, piece: str, seconds: float, **figures: int) -> None:
        """A piece has passed: how long it took, and what else it counted."""
        changed = (
            f"{self.name}: the code was changed while {piece} ran: nobody knows with which it has passed"
        )
        assert version(PROOFS[self.name]) == self.version, changed
        self.pieces[piece] = {"piece": piece, "seconds": round(seconds, 2), **figures}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.pieces[piece]) + "\n")

    def forget(self) -> None:
        """Nothing has passed with this code."""
        self.file.unlink(missing_ok=True)
        self.pieces.clear()

    def total(self, figure: str) -> float:
        """A figure (or `seconds`) of all pieces together."""
        return sum(each.get(figure, 0) for each in self.pieces.values())

    def __str__(self) -> str:
        names = dict.fromkeys(name for each in self.pieces.values() for name in each)
        counted = [f"{name}: {self.total(name):.0f}" for name in names if name not in {"piece", "seconds"}]
        began = f"{self.name}, Spark {self.spark}: {len(self.pieces)} pieces have passed with this code"
        return ", ".join([f"{began}, in {self.total('seconds'):.0f} s together", *counted])


def report() -> list[str]:
    """A line for each proof on each Spark on which something of it has passed with the code as it stands, or that nothing has."""
    lines = []
    for name, sources in PROOFS.items():
        start = f"{version(sources)}-spark-"
        files = sorted((FOLDER / name).glob(f"{start}*.jsonl"))
        lines += [str(Passed(name, file.stem.removeprefix(start))) for file in files]
        if not files:
            lines.append(f"{name}: nothing has passed with this code")
    return lines


if __name__ == "__main__":
    print("\n".join(report()))
