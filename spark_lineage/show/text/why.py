"""Causes as text: the strongest first, each with its evidence and the way to the output."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.parts.why import cause_expressions, head_lines, labels_of, link_line, why_lines
from spark_lineage.show.text.elements import files_part, grid, heading, problems_part
from spark_lineage.show.words import Json, Labels, clean

__all__ = ["why_text"]

_SCORE_WIDTH = 4
_STYLES = {"error": "bold red", "warning": "yellow"}


def why_text(answer: Json) -> RenderableType:
    """An answer of `why` for people; cuts nothing."""
    labels = labels_of(answer)
    head = [
        Text(labels.column(answer["start"]), style="bold"),
        *(Text(line) for line in map(clean, head_lines(answer))),
    ]
    causes = [Padding(_cause(cause, labels), (1, 0, 0, 0)) for cause in answer["causes"]]
    return Group(
        *head,
        *causes,
        *_critical_path(answer, labels),
        *problems_part(answer["problems"]),
        *files_part(labels),
    )


def _cause(cause: Json, labels: Labels) -> RenderableType:
    said = Text(clean(cause["message"]))
    for line in cause_expressions(cause):
        said.append(f"\n{line}", style="cyan")
    for line in why_lines(cause, labels):
        said.append(f"\n{line}", style="dim")
    table = grid(_SCORE_WIDTH, None)
    table.add_row(Text(f"{cause['score']:.2f}", style=_STYLES.get(cause["severity"], "cyan")), said)
    return table


def _critical_path(answer: Json, labels: Labels) -> list[RenderableType]:
    if len(answer["critical_path"]) < 2:
        return []
    shown: list[RenderableType] = []
    for link in answer["critical_path"]:
        shown += [Text(labels.of(link["dataset"])), Padding(Text(link_line(link), style="dim"), (0, 0, 0, 2))]
    title = heading("What it waited for")
    return [Padding(title, (1, 0, 0, 0)), Padding(Group(*shown), (0, 0, 0, 2))]
