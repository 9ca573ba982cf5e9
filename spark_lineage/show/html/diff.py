"""Diffs and drifts in a notebook."""

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
from spark_lineage.show.parts.diff import VERDICTS, constants_line, diff_title, nothing_ran, run_line
from spark_lineage.show.parts.findings import findings_word
from spark_lineage.show.words import Json, Labels, count_word, time_word

_CLASSES = {"identical": "sl-good", "equivalent": "sl-good", "added": "sl-dim"}


def diff_html(answer: Json) -> str:
    """A job or table at two moments."""
    labels = Labels(write["target"] for write in answer["writes"])
    rows = []
    for write in answer["writes"]:
        what = [f"<b>{safe(labels.of(write['target']))}</b>", span("sl-dim", run_line(write))]
        what += [span("sl-dim", said) for said in (constants_line(write),) if said]
        rows.append((_verdict(write["verdict"]), safe(write["job"]), stacked(what)))
    head = title(diff_title(answer), _verdict(answer["verdict"]))
    writes = table(("verdict", "job", "write"), rows) if rows else ""
    return page(head, writes, findings_part(answer["findings"]), files_part(labels))


def drift_html(answer: Json) -> str:
    """What changed over the whole store."""
    problems = problems_part(answer["problems"])
    if not answer["writes"] and not answer["findings"]:
        return page(title(nothing_ran(answer)), problems)
    ran = f"{count_word(answer['writes'], 'write')} ran since {time_word(answer['since'])}"
    return page(
        title(findings_word(len(answer["findings"])), span("sl-dim", ran)),
        findings_part(answer["findings"]),
        problems,
    )


def _verdict(verdict: str) -> str:
    return span(_CLASSES.get(verdict, "sl-warn"), VERDICTS.get(verdict, verdict))
