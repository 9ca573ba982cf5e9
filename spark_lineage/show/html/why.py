"""Causes in a notebook."""

from __future__ import annotations

from spark_lineage.show.html.elements import (
    code,
    files_part,
    page,
    part,
    problems_part,
    safe,
    span,
    stacked,
    table,
    title,
)
from spark_lineage.show.parts.why import cause_expressions, head_lines, labels_of, link_line, why_lines
from spark_lineage.show.words import Json, Labels

__all__ = ["why_html"]

_CLASSES = {"error": "sl-bad", "warning": "sl-warn"}


def why_html(answer: Json) -> str:
    """An answer of `why` as a self-contained fragment of HTML."""
    labels = labels_of(answer)
    rows = [_cause(cause, labels) for cause in answer["causes"]]
    return page(
        title(labels.column(answer["start"])),
        *(f"<div>{safe(line)}</div>" for line in head_lines(answer)),
        table(("score", "what changed"), rows) if rows else "",
        _critical_path(answer, labels),
        problems_part(answer["problems"]),
        files_part(labels),
    )


def _cause(cause: Json, labels: Labels) -> tuple[str, str]:
    said = [safe(cause["message"]), *(code(line) for line in cause_expressions(cause))]
    said += [span("sl-dim", line) for line in why_lines(cause, labels)]
    return span(_CLASSES.get(cause["severity"], "sl-dim"), f"{cause['score']:.2f}"), stacked(said)


def _critical_path(answer: Json, labels: Labels) -> str:
    if len(answer["critical_path"]) < 2:
        return ""
    rows = [
        (f"<b>{safe(labels.of(link['dataset']))}</b>", safe(link_line(link)))
        for link in answer["critical_path"]
    ]
    return part("What it waited for") + table(("table", "run"), rows)
