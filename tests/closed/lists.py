"""The lists of plan classes in this folder, as `scripts/write_plan_classes.py` writes them."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
LISTS = sorted(FOLDER.glob("*.txt"))


def sections(path: Path) -> dict[str, list[str]]:
    """Section -> the Java names of its classes."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            names = found[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            names.append(line)
    return found


def node_name(class_name: str) -> str:
    """The name by which the analyzer's tables know a class."""
    return class_name.rpartition(".")[2]


def names_in(section: str, lists: list[Path] = LISTS) -> set[str]:
    """The names of all classes that a section has in any of the lists."""
    return {node_name(each) for path in lists for each in sections(path)[section]}
