"""What text and HTML share on findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spark_lineage.show.words import Json, clean, count_word, time_word


def told(findings: Sequence[Json]) -> Iterator[tuple[Json, list[str]]]:
    """Each finding with its expressions before and after, which stand but once where findings follow each other."""
    last: list[str] = []
    for finding in findings:
        lines = expression_lines(finding["evidence"])
        yield finding, [] if lines == last else lines
        last = lines


def expression_lines(evidence: Json) -> list[str]:
    """An expression before and after, where the evidence has them and they differ."""
    before, after = evidence.get("expression_before"), evidence.get("expression_after")
    if before == after:
        return []
    lines = (("before", before), ("after", after))
    return [f"{word}: {clean(text)}" for word, text in lines if text]


def finding_notes(finding: Json) -> str:
    """The finding's kind, and who did it and when, where that is known."""
    notes = [finding["kind"].replace("_", " ")]
    notes += [clean(finding["job"])] if finding["job"] else []
    notes += [time_word(finding["at"])] if finding["at"] else []
    return ", ".join(notes)


def findings_word(count: int) -> str:
    """How many findings there are."""
    return count_word(count, "finding")
