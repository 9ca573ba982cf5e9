"""A run beside its design, as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.parts.design import STATUSES, column_notes, labels_of, write_title
from spark_lineage.show.text.elements import files_part, grid, state_text
from spark_lineage.show.words import Json, clean

_STYLES = {"confirmed": "green", "not_designed": "yellow", "empty": "yellow"}
_STATUS_WIDTH = 14


def design_text(answer: Json) -> RenderableType:
    """Each write of the run with its sources, and what became of them."""
    labels = labels_of(answer)
    parts: list[RenderableType] = []
    for write in answer["writes"]:
        title = (
            Text(write_title(write, labels), style="bold")
            .append("  ")
            .append_text(state_text(write["state"]))
        )
        table = grid(_STATUS_WIDTH, None)
        for source in write["sources"]:
            said = Text(labels.of(source)).append(f"\n{clean(source['reason'])}", style="dim")
            for note in column_notes(source):
                said.append(f"\n{note}", style="dim")
            status = source["status"]
            table.add_row(Text(STATUSES.get(status, clean(status)), style=_STYLES.get(status, "")), said)
        shown = table if write["sources"] else Text(nothing(write), style="dim")
        parts += [title, Padding(shown, (0, 0, 1, 2))]
    return Group(*parts, Text(f"run {clean(answer['run'])}", style="dim"), *files_part(labels))


def nothing(write: Json) -> str:
    """What is said of a write without sources."""
    return (
        "Its plan has no source, and nothing was read." if write["plan_known"] else "Its plan is not known."
    )
