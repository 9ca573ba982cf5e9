"""The notebook of the bad number runs from top to bottom: the cause is found in what really ran, and the fix is told from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="only the main environment has the notebook's tools")
NotebookClient = pytest.importorskip("nbclient").NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "what_happened.ipynb"

# A hundred orders of 10 and the rest of their number by 7: 1,000 + 14 x 21 + 1 + 2 = 1,297, with 19 % and with 91 % tax.
RIGHT, WRONG = 1543.43, 2477.27


@pytest.mark.spark
def test_the_bad_number_is_found_explained_and_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == 5
    texts = [
        [
            output.data["text/plain"]
            for output in cell.outputs
            if output.output_type in {"execute_result", "display_data"}
        ]
        for cell in code
    ]
    pages = [output.data["text/html"] for cell in code[2:] for output in cell.outputs if "data" in output]
    assert texts[0] == []
    assert texts[1] == [
        repr({f"2026-11-0{day}": RIGHT if day < 7 else WRONG for day in range(1, 8)}).replace(", ", ",\n ")
    ]
    (why,) = texts[2]
    head, first, *others = why.split("\n\n")
    assert head.endswith("1 cause in 3 tables and 3 runs that could reach it")
    assert first.startswith("0.56  Constant 2 of 2 in default.sales.gross has another value than before.\n")
    assert first.endswith("      default.sales > default.revenue")
    assert re.findall(r"^  (\S+)$", others[0], re.MULTILINE)[1:] == ["default.sales", "default.revenue"]
    run, impact = texts[3]
    assert run.startswith("default.sales  complete\nOVERWRITE, in shop, ")
    # 100 rows went in and came out
    assert "\n    100 rows, " in run.partition("\nRead\n")[2].partition("\nWritten\n")[0]
    assert "\n    100 rows, " in run.partition("\nWritten\n")[2].partition("\nOperators\n")[0]
    assert "makes country, gross" in run
    assert impact.startswith("default.sales.gross reaches 1 table and 1 column; 1 result went to a program\n")
    (fixed,) = texts[4]
    assert fixed.splitlines()[0] == "default.sales  the same plan"
    assert "constant" not in fixed.lower()
    assert len(pages) == 4
    assert all(page.startswith('<div class="spark-lineage">') for page in pages)
