"""Stored edges beside the current columns, in a notebook."""

from __future__ import annotations

from spark_lineage.show.html.elements import page, part, safe, stacked, title
from spark_lineage.show.html.findings import findings_part
from spark_lineage.show.text.validate import checked_word, unchecked
from spark_lineage.show.words import Json, Labels


def validate_html(answer: Json) -> str:
    """What was found, and what could not be checked."""
    left_out = unchecked(answer, Labels(answer["datasets"]))
    below = part("Not checked") + stacked(map(safe, left_out)) if left_out else ""
    return page(title(checked_word(answer)), findings_part(answer["findings"]), below)
