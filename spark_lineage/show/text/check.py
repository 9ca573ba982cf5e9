"""What a check found, as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.parts.check import evidence, summary
from spark_lineage.show.text.elements import grid
from spark_lineage.show.words import Json, clean

_STYLES = {"error": "bold red", "warning": "yellow"}
_SEVERITY_WIDTH = 7


def check_text(answer: Json) -> RenderableType:
    """The findings, each with its evidence, and in the end how many expectations hold."""
    return Group(*map(_finding, answer["findings"]), Text(summary(answer), style="bold"))


def _finding(finding: Json) -> RenderableType:
    said = Text(clean(finding["message"]))
    for line in evidence(finding):
        said.append(f"\n{clean(line)}", style="dim")
    if finding["line"]:
        said.append(f"\nline {finding['line']}", style="dim")
    row = grid(_SEVERITY_WIDTH, None)
    row.add_row(Text(finding["severity"], style=_STYLES.get(finding["severity"], "cyan")), said)
    return Padding(row, (0, 0, 1, 0))
