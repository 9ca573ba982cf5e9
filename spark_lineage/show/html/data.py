"""A table's data at two versions, in a notebook."""

from __future__ import annotations

from spark_lineage.show.html.elements import files_part, page, safe, span, stacked, table, title
from spark_lineage.show.html.findings import findings_part
from spark_lineage.show.parts.data import FIGURES, data_head, figure, shown_columns
from spark_lineage.show.words import Json, Labels


def data_html(answer: Json) -> str:
    """Each column that differs with its figures before and after, then what was found."""
    labels = Labels([answer["table"]])
    rows = []
    for column in shown_columns(answer):
        name = f"<b>{safe(column['name'])}</b> {span('sl-dim', column['change'])}"
        figures = [
            stacked(safe(f"{word} {figure(column[when], key)}") for key, word in FIGURES)
            for when in ("before", "after")
        ]
        rows.append((name, *figures))
    drawn = table(("column", "before", "after"), rows) if rows else ""
    head = stacked(span("sl-dim", line) for line in data_head(answer))
    notes = stacked(span("sl-dim", note) for note in answer["notes"])
    return page(
        title(labels.of(answer["table"])),
        head,
        drawn,
        findings_part(answer["findings"]),
        notes,
        files_part(labels),
    )
