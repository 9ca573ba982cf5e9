"""What is unusual and how old tables are, in a notebook."""

from __future__ import annotations

from spark_lineage.show.html.elements import (
    files_part,
    page,
    problems_part,
    safe,
    span,
    stacked,
    table,
    title,
)
from spark_lineage.show.html.findings import findings_part
from spark_lineage.show.parts.age import dropped_lines, labels_of, path_lines, table_notes, unusual_title
from spark_lineage.show.words import Json, count_word

_CLASSES = {"fresh": "sl-good", "stale": "sl-warn", "emptied": "sl-warn", "late": "sl-bad"}


def unusual_html(answer: Json) -> str:
    """What was unusual, the newest first."""
    return page(
        title(unusual_title(answer)), findings_part(answer["findings"]), problems_part(answer["problems"])
    )


def freshness_html(answer: Json) -> str:
    """Each table with its state, its age and the ways by which it is stale; then those that were dropped."""
    labels = labels_of(answer)
    rows = []
    for each in answer["tables"]:
        said = [f"<b>{safe(labels.of(each))}</b>", span("sl-dim", table_notes(each))]
        said += [safe(line) for line in path_lines(each, labels)]
        rows.append((span(_CLASSES.get(each["state"], "sl-dim"), each["state"]), stacked(said)))
    count = count_word(len(rows), "table")
    rows += [(span("sl-dim", "dropped"), safe(line)) for line in dropped_lines(answer, labels)]
    drawn = table(("state", "table"), rows) if rows else ""
    return page(title(count), drawn, problems_part(answer["problems"]), files_part(labels))
