"""What text and HTML share on causes: the words for runs, paths, evidence and the critical path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spark_lineage.show.parts.findings import expression_lines
from spark_lineage.show.words import Json, Labels, clean, count_word, duration_word, state_word, time_word

__all__ = [
    "cause_expressions",
    "evidence_line",
    "head_lines",
    "labels_of",
    "link_line",
    "path_line",
    "why_lines",
]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

_MANY_STAGES = 6

_MADE = {
    "COMPLETE": "made by the run",
    "RUNNING": "being made by the run",
    "UNKNOWN": "perhaps made by the run",
}
_OPEN = {
    "RUNNING": "It has not ended: what is told is what came before it began.",
    "UNKNOWN": "Nobody knows its end: what is told is what came before it began.",
}

_TOLD_ELSEWHERE = frozenset({
    "expression_before", "expression_after", "plan_before", "plan_after", "run_before", "place", "before", "after", "change", "source", "position", "of",
})  # fmt: skip
"""Evidence that the sentence or the lines below it tell already, and ids for programs."""


def labels_of(answer: Json) -> Labels:
    """Labels of all datasets of the answer."""
    on_paths = [each for cause in answer["causes"] for each in cause["path"]]
    return Labels([answer["start"], *on_paths, *(link["dataset"] for link in answer["critical_path"])])


def head_lines(answer: Json) -> Iterator[str]:
    """Which run is explained, and what was looked at."""
    run, previous = answer["run"], answer["previous_run"]
    if run is None:
        yield "No run that is known here wrote it."
        return
    before = "none before it is known"
    if previous is not None:
        before = f"the one before was of {time_word(previous['started_at'])}"
    made = _MADE.get(run["state"], "not made by the run")
    yield f"{made} {run['id']} of {time_word(run['started_at'])} ({state_word(run['state'])}); {before}"
    if run["state"] in _OPEN:
        yield _OPEN[run["state"]]
    tables, runs = count_word(answer["tables"], "table"), count_word(answer["runs"], "run")
    found = (
        count_word(len(answer["causes"]), "cause") if answer["causes"] else "nothing that would explain it"
    )
    yield f"{found} in {tables} and {runs} that could reach it"


def path_line(cause: Json, labels: Labels) -> str:
    """The way from the cause's table to the output: `a > b > c`."""
    return " > ".join(map(labels.of, cause["path"]))


def evidence_line(cause: Json) -> str:
    """The evidence that the sentence does not tell."""
    told = ((name, text) for name, text in cause["evidence"].items() if name not in _TOLD_ELSEWHERE)
    return ", ".join(f"{name.replace('_', ' ')} {_fact(text)}" for name, text in told)


def _fact(text: str) -> str:
    """A fact, a time as people read it."""
    return time_word(text) if _TIME.fullmatch(text) else clean(text)


def why_lines(cause: Json, labels: Labels) -> Iterator[str]:
    """The lines below a cause's sentence, the expressions excepted: kind, who and when, way, evidence."""
    notes = [cause["kind"].replace("_", " ")]
    notes += [f"run {clean(cause['run'])}"] if cause["run"] else []
    notes += [time_word(cause["at"])] if cause["at"] else []
    yield ", ".join(notes)
    if cause["hops"]:
        yield path_line(cause, labels) + (" (decides its rows)" if cause["bond"] == "INDIRECT" else "")
    evidence = evidence_line(cause)
    if evidence:
        yield evidence


def cause_expressions(cause: Json) -> list[str]:
    """The expression before and after, where there is one."""
    return expression_lines(cause["evidence"])


def link_line(link: Json) -> str:
    """A run of the critical path in words."""
    parts = []
    if link["waited_ms"] is not None and link["waited_ms"] >= 0:
        parts.append(f"waited {duration_word(link['waited_ms'])}")
    if link["took_ms"] is not None:
        parts.append(f"took {duration_word(link['took_ms'])}")
    if link["ended_at"]:
        parts.append(f"ready {time_word(link['ended_at'])}")
    if len(link["stages"]) > 1:
        known = [stage for stage in link["stages"] if stage["took_ms"] is not None]
        longest = max(known, key=lambda stage: (stage["took_ms"], -stage["id"]), default=None)
        names = "stages " + ", ".join(str(stage["id"]) for stage in link["stages"])
        if len(link["stages"]) > _MANY_STAGES:
            names = f"{len(link['stages'])} stages one after the other"
        most = f", the longest {longest['id']} with {duration_word(longest['took_ms'])}" if longest else ""
        parts.append(f"{names}{most}")
    return ", ".join(parts)
