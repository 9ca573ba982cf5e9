"""A run beside its design, in a notebook."""

from __future__ import annotations

from spark_lineage.show.html.elements import files_part, page, part, safe, span, stacked, state, table, title
from spark_lineage.show.parts.design import STATUSES, column_notes, labels_of, write_title
from spark_lineage.show.words import Json

_CLASSES = {"confirmed": "sl-good", "not_designed": "sl-warn", "empty": "sl-warn"}


def design_html(answer: Json) -> str:
    """Each write of the run with its sources."""
    labels = labels_of(answer)
    shown = []
    for write in answer["writes"]:
        rows = []
        for source in write["sources"]:
            said = [safe(labels.of(source)), span("sl-dim", source["reason"])]
            said += [span("sl-dim", note) for note in column_notes(source)]
            status = source["status"]
            rows.append((span(_CLASSES.get(status, "sl-dim"), STATUSES.get(status, status)), stacked(said)))
        shown += [
            part(write_title(write, labels)),
            state(write["state"]),
            table(("status", "source"), rows) if rows else "",
        ]
    return page(title(f"run {answer['run']}"), *shown, files_part(labels))
