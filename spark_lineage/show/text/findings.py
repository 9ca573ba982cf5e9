"""Findings as text: the severity, the sentence, who and when, and the evidence that people want to see."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from spark_lineage.show.parts.findings import finding_notes, told
from spark_lineage.show.text.elements import grid
from spark_lineage.show.words import Json, clean

_STYLES = {"error": "bold red", "warning": "yellow"}
_SEVERITY_WIDTH = 7


def findings_table(findings: Sequence[Json]) -> RenderableType:
    """One row for each finding, in the given order."""
    table = grid(_SEVERITY_WIDTH, None)
    for finding, lines in told(findings):
        said = Text(clean(finding["message"]))
        for line in lines:
            said.append(f"\n{line}", style="cyan")
        said.append(f"\n{finding_notes(finding)}", style="dim")
        severity = finding["severity"]
        table.add_row(Text(clean(severity), style=_STYLES.get(severity, "cyan")), said)
    return table
