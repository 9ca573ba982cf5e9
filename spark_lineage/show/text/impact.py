"""What hangs on a table, and what would be without one, as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.parts.impact import (
    OUTCOMES,
    head_line,
    how_words,
    impact_labels,
    loss_lines,
    outage_head,
    outage_labels,
    reached_lines,
    uses_line,
)
from spark_lineage.show.text.elements import files_part
from spark_lineage.show.words import Json, clean, count_word

__all__ = ["impact_text", "outage_text"]

_STYLES = {"lost": "bold red", "some_columns": "yellow", "some_rows": "yellow"}


def impact_text(answer: Json) -> RenderableType:
    """An answer of `impact` for people."""
    labels = impact_labels(answer)
    parts: list[RenderableType] = [
        Text.assemble((labels.column(answer["start"]), "bold"), f" {head_line(answer)}")
    ]
    for table in answer["tables"]:
        title = Text.assemble((labels.of(table), "bold"), (f"  {count_word(table['hops'], 'hop')}", "dim"))
        for word in how_words(table):
            title.append(f"  {word}", style="dim")
        lines = [Text(clean(line), style="dim") for line in reached_lines(table)]
        parts.append(Padding(Group(title, *(Padding(line, (0, 0, 0, 2)) for line in lines)), (1, 0, 0, 0)))
    uses = uses_line(answer)
    parts += [Padding(Text(uses, style="dim"), (1, 0, 0, 0))] if uses else []
    return Group(*parts, *files_part(labels))


def outage_text(answer: Json) -> RenderableType:
    """An answer of `impact --without` for people."""
    labels = outage_labels(answer)
    parts: list[RenderableType] = [Text(clean(outage_head(answer, labels)), style="bold")]
    for table in answer["tables"]:
        outcome = table["outcome"]
        title = Text.assemble(
            (labels.of(table), "bold"), "  ", (OUTCOMES[outcome], _STYLES.get(outcome, "cyan")),
            (f"  {count_word(table['hops'], 'hop')}", "dim"),
        )  # fmt: skip
        lines = [Text(clean(line), style="dim") for line in loss_lines(table, labels)]
        parts.append(Padding(Group(title, *(Padding(line, (0, 0, 0, 2)) for line in lines)), (1, 0, 0, 0)))
    return Group(*parts, *files_part(labels))
