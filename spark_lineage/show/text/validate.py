"""Stored edges beside the current columns, as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.parts.findings import findings_word
from spark_lineage.show.text.findings import findings_table
from spark_lineage.show.words import Json, Labels, clean, count_word

__all__ = ["checked_word", "unchecked", "validate_text"]


def validate_text(answer: Json) -> RenderableType:
    """What was found, and what could not be checked."""
    labels = Labels(answer["datasets"])
    parts: list[RenderableType] = [Text(checked_word(answer), style="bold")]
    if answer["findings"]:
        parts.append(Padding(findings_table(answer["findings"]), (1, 0, 0, 0)))
    left_out = [Text(line, style="dim") for line in unchecked(answer, labels)]
    if left_out:
        parts.append(Padding(Group(Text("Not checked", style="bold underline"), *left_out), (1, 0, 0, 0)))
    return Group(*parts)


def checked_word(answer: Json) -> str:
    """How much was checked, and how much was found."""
    if not answer["ends_checked"]:
        edges = count_word(answer["edges"], "edge")
        return (
            f"{edges}: nothing could be checked" if answer["ends"] else "No column has an edge to be checked"
        )
    found = (
        findings_word(len(answer["findings"]))
        if answer["findings"]
        else "nothing is gone or has another type"
    )
    ends = f"{answer['ends_checked']:,} of {count_word(answer['ends'], 'end')}"
    return f"{count_word(answer['edges'], 'edge')}, {ends} checked: {found}"


def unchecked(answer: Json, labels: Labels) -> list[str]:
    """The datasets whose columns are not known now, each with the reason."""
    return [
        f"{labels.of(dataset)}: {clean(dataset['reason'])}"
        for dataset in answer["datasets"]
        if dataset["checked_by"] is None
    ]
