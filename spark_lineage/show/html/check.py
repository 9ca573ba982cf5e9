"""What a check found, in a notebook."""

from __future__ import annotations

from spark_lineage.show.html.elements import page, safe, span, stacked, table, title
from spark_lineage.show.parts.check import evidence, place, summary
from spark_lineage.show.words import Json

_CLASSES = {"error": "sl-bad", "warning": "sl-warn"}


def check_html(answer: Json) -> str:
    """The findings, and how many expectations hold."""
    rows = [
        (
            span(_CLASSES.get(finding["severity"], "sl-dim"), finding["severity"]),
            stacked([safe(finding["message"]), *(span("sl-dim", line) for line in evidence(finding))]),
            span("sl-dim", place(answer, finding)),
        )
        for finding in answer["findings"]
    ]
    return page(title(summary(answer)), table(("severity", "what", "declared"), rows) if rows else "")
