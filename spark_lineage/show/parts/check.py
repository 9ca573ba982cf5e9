"""What text and HTML share on a check: its summary, places and evidence."""

from __future__ import annotations

from collections.abc import Iterator

from spark_lineage.show.words import Json, count_word


def summary(answer: Json) -> str:
    """How many expectations hold, fail, or cannot be shown.

    >>> summary({"outcome": "failed", "counts": {"met": 2, "unsure": 0, "failed": 1}})
    'Failed: 2 of 3 expectations hold, 1 does not.'
    >>> summary({"outcome": "passed", "counts": {"met": 0, "unsure": 0, "failed": 0}})
    'Passed: nothing was expected, so nothing was checked.'
    """
    counts = answer["counts"]
    total = sum(counts.values())
    if not total:
        return f"{answer['outcome'].capitalize()}: nothing was expected, so nothing was checked."
    verb = "holds" if 1 in {counts["met"], total} else "hold"
    said = f"{counts['met']:,} of {count_word(total, 'expectation')} {verb}"
    said += (
        f", {counts['failed']:,} {'does' if counts['failed'] == 1 else 'do'} not" if counts["failed"] else ""
    )
    said += f", {counts['unsure']:,} cannot be shown" if counts["unsure"] else ""
    return f"{answer['outcome'].capitalize()}: {said}."


def place(answer: Json, finding: Json) -> str:
    """`file:line` of the expectation; empty where it is in no file."""
    return f"{answer['file']}:{finding['line']}" if answer["file"] and finding["line"] else ""


def evidence(finding: Json) -> Iterator[str]:
    """The evidence, a line each; what the message says already is left out."""
    for name, value in finding["evidence"].items():
        if value and value not in finding["message"]:
            yield f"{name}: {value}"
