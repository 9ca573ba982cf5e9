"""What README.md shows and counts."""

import json

from support.paths import REPOSITORY

from spark_lineage.show.words import NOT_FOLLOWED

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_picture_is_whole():
    picture = README.split("```")[1]
    assert f"  {NOT_FOLLOWED}\n\nFull names\n  raw/order_items.csv  " in picture


def test_the_notebooks_cells():
    notebook = json.loads((REPOSITORY / "notebooks" / "quickstart.ipynb").read_text(encoding="utf-8"))
    assert [cell["cell_type"] for cell in notebook["cells"]].count("code") == 9
    assert "nine cells of code" in README
