"""What hangs on a table, and what would be without one, in a notebook."""

from __future__ import annotations

from spark_lineage.show.html.elements import files_part, page, safe, span, stacked, table, title
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
from spark_lineage.show.words import Json, count_word

__all__ = ["impact_html", "outage_html"]

_CLASSES = {"lost": "sl-bad", "some_columns": "sl-warn", "some_rows": "sl-warn"}


def impact_html(answer: Json) -> str:
    """An answer of `impact` as a self-contained fragment of HTML."""
    labels = impact_labels(answer)
    rows = []
    for each in answer["tables"]:
        how = safe(", ".join(how_words(each)) or "direct")
        name = f"<b>{safe(labels.of(each))}</b> {span('sl-dim', count_word(each['hops'], 'hop'))}"
        rows.append((name, how, stacked(map(safe, reached_lines(each)))))
    uses = uses_line(answer)
    return page(
        title(labels.column(answer["start"]), safe(head_line(answer))),
        table(("table", "how", "what"), rows) if rows else "",
        f"<div>{span('sl-dim', uses)}</div>" if uses else "",
        files_part(labels),
    )


def outage_html(answer: Json) -> str:
    """An answer of `impact --without` as a self-contained fragment of HTML."""
    labels = outage_labels(answer)
    rows = []
    for each in answer["tables"]:
        name = f"<b>{safe(labels.of(each))}</b> {span('sl-dim', count_word(each['hops'], 'hop'))}"
        outcome = span(_CLASSES.get(each["outcome"], "sl-dim"), OUTCOMES[each["outcome"]])
        rows.append((name, outcome, stacked(map(safe, loss_lines(each, labels)))))
    head = title(outage_head(answer, labels))
    return page(head, table(("table", "outcome", "what"), rows) if rows else "", files_part(labels))
