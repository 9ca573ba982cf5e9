"""The quickstart notebook runs from top to bottom, and shows what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="only the main environment has the notebook's tools")
NotebookClient = pytest.importorskip("nbclient").NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "quickstart.ipynb"

WINNERS_TOTAL = """\
default.winners.total
└── default.report.total  identity
    sum(amount)
    └── default.orders.amount  aggregation
        CAST(amount AS double)
        └── """


@pytest.mark.spark
def test_the_quickstart_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=180, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = {
        cell.source.splitlines()[-1]: output.data
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    }
    assert shown["report.writes"]["text/plain"] == "3"
    assert "text/html" in shown['lineage.table("report")']
    assert shown['lineage.upstream("winners.total")']["text/plain"].startswith(WINNERS_TOTAL)
    assert shown['lineage.downstream("orders.amount")']["text/plain"].startswith(
        "default.orders.amount reaches "
    )
