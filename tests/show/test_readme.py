"""What README.md shows and counts."""

import json
import re

import pytest
from support.paths import REPOSITORY

from spark_lineage.show.words import NOT_FOLLOWED

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
JUNIT = REPOSITORY / "jvm_bridge" / "src" / "test" / "java" / "io" / "sparklineage"


def promises() -> list[tuple[str, list[str]]]:
    """Each promise and the names in the column "held by"."""
    rows = README[README.index("| promise |") :].split("\n\n", 1)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert {len(each) for each in cells} == {3}
    return [(promise, re.findall(r"`([^`]+)`", held_by)) for promise, held_by, _ in cells]


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
