"""What README.md and docs/promises.md show and count."""

import json
import re

import pytest
from support.paths import REPOSITORY

from spark_lineage.show.words import NOT_FOLLOWED

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PROMISES = (REPOSITORY / "docs" / "promises.md").read_text(encoding="utf-8")
JUNIT = REPOSITORY / "jvm_bridge" / "src" / "test" / "java" / "io" / "sparklineage"


def promises() -> list[tuple[str, list[str]]]:
    """Each promise of docs/promises.md and the names that are said to hold it."""
    first, *entries = re.split(r"^- \*\*", PROMISES, flags=re.MULTILINE)
    assert first.startswith("# What it promises\n")
    found = []
    for entry in entries:
        parts = re.fullmatch(r"(.+?)\*\*\n  - held by: (.+?)\n  - last result: (.+)", entry, re.DOTALL)
        assert parts is not None, entry
        found.append((" ".join(parts[1].split()), re.findall(r"`([^`]+)`", parts[2])))
    return found


def test_the_readme_counts_the_promises_and_has_their_figures() -> None:
    section = README.split("## What it promises\n")[1].split("\n## ")[0]
    assert f"`docs/promises.md` has all {len(promises())} promises" in section
    held = {name for _, names in promises() for name in names}
    rows = [row.strip("|").split(" | ") for row in section.splitlines() if row.startswith("| ")][1:]
    assert len(rows) == 18
    assert [
        name for _, names, _ in rows for name in re.findall(r"`([^`]+)`", names) if name not in held
    ] == []
    figures = re.findall(r"\d[\d.,]*\d|\d", section.replace(str(len(promises())), "", 1))
    assert [each for each in figures if each not in PROMISES] == []


@pytest.mark.parametrize(("promise", "names"), promises())
def test_a_promise_is_held_by_what_there_is(promise: str, names: list[str]) -> None:
    """Each name is a file or folder, a file beside the one before, a JUnit class, or a target of the Makefile."""
    targets = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert names, promise
    folder = REPOSITORY
    for name in names:
        if name.startswith("make "):
            assert re.search(rf"^{name.removeprefix('make ')}:", targets, re.MULTILINE), name
        elif name.endswith("Test"):
            assert (JUNIT / f"{name}.java").is_file(), name
        else:
            place = (REPOSITORY if "/" in name else folder) / name
            assert place.is_dir() or (place.is_file() and place.suffix == ".py"), name
            folder = place.parent


def test_the_picture_is_whole():
    picture = README.split("```")[1]
    assert f"  {NOT_FOLLOWED}\n\nFull names\n  raw/order_items.csv  " in picture


def test_the_notebooks_cells():
    notebook = json.loads((REPOSITORY / "notebooks" / "quickstart.ipynb").read_text(encoding="utf-8"))
    assert [cell["cell_type"] for cell in notebook["cells"]].count("code") == 9
    assert "nine cells of code" in README
