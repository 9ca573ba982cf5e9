"""Findings in a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from spark_lineage.show.html.elements import code, safe, span, stacked, table
from spark_lineage.show.parts.findings import finding_notes, told
from spark_lineage.show.words import Json

_CLASSES = {"error": "sl-bad", "warning": "sl-warn"}


def findings_part(findings: Sequence[Json]) -> str:
    """A table with one row for each finding; nothing where there is none."""
    rows = []
    for finding, lines in told(findings):
        said = [safe(finding["message"])]
        said += [code(line) for line in lines]
        said.append(span("sl-dim", finding_notes(finding)))
        severity = span(_CLASSES.get(finding["severity"], "sl-dim"), finding["severity"])
        rows.append((severity, stacked(said)))
    return table(("severity", "what"), rows) if rows else ""
