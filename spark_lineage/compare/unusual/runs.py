"""Runs that are not like those before: rows, bytes, duration and inputs of each job and table against their own history.

What is measured is in `compare.measures`, what was expected and how far off is unusual in `compare.expectation`. A deviation that has an
ordinary reason is told as information, not as a warning: what a job reads was unusual in the same direction, or most of
the tables that have nothing to do with this one were, on the same day (a holiday).

Rows written for each row read tell on a job that rows alone do not: twice the rows for the same input.

A new or a vanished input is unusual where the n runs before agreed: the probability that the next differs all the
same is 1 / (n + 2), or (k + 1) / (n + 2) where k of them differed: Laplace's rule of succession.

`bench/unusual.py` measures recall and false alarms over simulated years.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from spark_lineage.compare.findings import Finding
from spark_lineage.compare.labels import label, reference
from spark_lineage.compare.times import parse_time
from spark_lineage.compare.unusual.expectation import FALSE_ALARMS, LEAST_VALUES, LONG, SHORT
from spark_lineage.compare.unusual.measures import MEASURES, Judged, judge, judge_drift
from spark_lineage.compare.unusual.outside import log_problems, outside_writes
from spark_lineage.compare.unusual.reasons import NOTICEABLE, Reasons
from spark_lineage.compare.unusual.robust import threshold
from spark_lineage.compare.unusual.seasons import DAY
from spark_lineage.compare.unusual.series import History, Series, history_of
from spark_lineage.model import SCHEMA_VERSION, DatasetId, Problem, Severity
from spark_lineage.pipeline.logs.commits import Logs
from spark_lineage.query.answers import DatasetReference, Json, iso_time, problems_json
from spark_lineage.query.names import resolve_table
from spark_lineage.query.snapshot import ReadableStore, Snapshot

__all__ = ["PERIOD_DAYS", "UnusualAnswer", "unusual", "unusual_answer", "unusual_asked", "unusual_of"]

PERIOD_DAYS = 7
"""Without a start, what ended in the last days before the newest run is judged."""


@dataclass(frozen=True, slots=True)
class UnusualAnswer:
    """What is unusual since a time until the newest run (epoch milliseconds, None without one).

    `runs` were looked at; `runs_without_history` of them came after too few of the same job, table and operation to be judged.
    """

    since: int
    until: int | None
    runs: int
    runs_without_history: int
    findings: tuple[Finding, ...]
    datasets: tuple[DatasetReference, ...]
    problems: tuple[Problem, ...] = ()

    def to_dict(self) -> Json:
        """The answer's JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "since": iso_time(self.since),
            "until": iso_time(self.until),
            "runs": self.runs,
            "runs_without_history": self.runs_without_history,
            "findings": [finding.to_dict() for finding in self.findings],
            "datasets": [each.to_dict() for each in self.datasets],
            "problems": problems_json(self.problems),
        }


_RUNS_FOR_INPUTS = 6
_RUNS_ASKED_FOR_INPUTS = 60
_RARELY_MISSING = 0.05
_MANY = 100_000


def unusual(
    snapshot: Snapshot,
    *,
    since: int | None = None,
    datasets: Iterable[DatasetId] | None = None,
    logs: Logs | None = None,
) -> tuple[Finding, ...]:
    """What is unusual about the runs that ended at `since` or later, the newest first.

    `since` is epoch milliseconds, None the last week before the newest run. `datasets`: only what is about one of these (None: all).
    With `logs` the tables' own logs are asked for commits that no run explains, and hold what could not be read; without, nothing
    is read but the store.
    """
    return unusual_answer(snapshot, since=since, datasets=datasets, logs=logs).findings


def unusual_answer(
    snapshot: Snapshot,
    *,
    since: int | None = None,
    datasets: Iterable[DatasetId] | None = None,
    logs: Logs | None = None,
) -> UnusualAnswer:
    """The same as a whole answer."""
    history = history_of(snapshot)
    newest = max((series.times[-1] for series in history.series.values()), default=None)
    begin = (newest or 0) - PERIOD_DAYS * DAY if since is None else since
    wanted = None if datasets is None else frozenset(datasets)
    found = list(unusual_of(history, begin, wanted, lambda id_: label(snapshot, id_)))
    if logs is not None:
        found += outside_writes(snapshot, begin, logs, wanted)
    found.sort(key=lambda finding: (-(finding.at or 0), finding.order))
    named = sorted({each.dataset for each in found if each.dataset is not None})
    places = [
        place
        for key, series in history.series.items()
        if wanted is None or key.target in wanted
        for place, end in enumerate(series.times)
        if end >= begin
    ]
    return UnusualAnswer(
        since=begin,
        until=newest,
        runs=len(places),
        runs_without_history=sum(place < LEAST_VALUES for place in places),
        findings=tuple(found),
        datasets=tuple(reference(snapshot, id_) for id_ in named),
        problems=() if logs is None else log_problems(logs),
    )


def unusual_asked(store: ReadableStore, table: str | None = None, since: str | None = None) -> UnusualAnswer:
    """What is unusual about one table (None: all) since a time that was typed.

    Raises `NameLookupError` for an unknown table, `SettingError` for what is no time.
    """
    snapshot = Snapshot(store)
    datasets = None if table is None else [resolve_table(table, snapshot.datasets.values()).id]
    begin = None if since is None else parse_time(since, time.time_ns() // 1_000_000)
    return unusual_answer(snapshot, since=begin, datasets=datasets, logs=Logs())


def unusual_of(
    history: History,
    since: int,
    wanted: frozenset[DatasetId] | None = None,
    name_of: Callable[[DatasetId], str] = lambda id_: id_.name,
    false_alarms: float = FALSE_ALARMS,
) -> Iterator[Finding]:
    """The findings on runs alone, in no order; `false_alarms` is for one measure of one run."""
    first = {key: _first_place(series, since) for key, series in history.series.items()}
    judged = {
        key: _judge_all(series, first[key], false_alarms)
        for key, series in history.series.items()
        if first[key] < len(series.times)
    }
    reasons = Reasons(history, judged)
    for key, judgements in judged.items():
        if wanted is None or key.target in wanted:
            yield from _of_measures(history.series[key], judgements, reasons, name_of)
            yield from _of_drift(history.series[key], first[key], reasons, name_of, false_alarms)
            yield from _of_inputs(history.series[key], first[key], name_of)


def _first_place(series: Series, since: int) -> int:
    return next((place for place, end in enumerate(series.times) if end >= since), len(series.times))


def _judge_all(series: Series, first: int, false_alarms: float) -> Mapping[int, Mapping[str, Judged]]:
    found: dict[int, dict[str, Judged]] = {}
    for name, measure in MEASURES.items():
        for place, judgement in judge(series, measure, first, false_alarms).items():
            found.setdefault(place, {})[name] = judgement
    return found


Naming = Callable[[DatasetId], str]


def _of_measures(
    series: Series, judged: Mapping[int, Mapping[str, Judged]], reasons: Reasons, name_of: Naming
) -> Iterator[Finding]:
    for place, judgements in judged.items():
        told: dict[str, Judged] = {}
        for name, judgement in judgements.items():
            if judgement.direction and not judgement.deviation.continues and _counts(name, judgements, told):
                told[name] = judgement
        ratio = judgements.get("yield")
        for judgement in told.values():
            # What a job makes of its input is its own doing, whatever the input was.
            own = judgement.measure in {"yield", "duration"} or (
                ratio is not None and ratio.direction == judgement.direction
            )
            reason = (
                None
                if own
                else reasons.of(series, place, judgement.deviation.error, judgement.deviation.score)
            )
            yield _volume(series, place, judgement, reason, name_of)


def _of_drift(
    series: Series, first: int, reasons: Reasons, name_of: Naming, false_alarms: float
) -> Iterator[Finding]:
    """Where the rows of the last days begin to be far from those of many more, no single run being the reason."""
    told: Severity | None = None
    new_level = -LONG
    for day, (place, rows) in enumerate(judge_drift(series, first, false_alarms).items()):
        drift = rows.deviation.drift
        new_level = day if rows.direction and rows.deviation.continues else new_level
        if abs(drift) <= 1:
            told = told if abs(drift) > NOTICEABLE else None
        elif 2 * (day - new_level) <= LONG:
            told = (
                Severity.WARNING
            )  # a run was off and the next ones stayed there: that was told, and the long median follows
        elif place >= first and told is not Severity.WARNING and not rows.direction:
            # The median of the last days is off when half of them are: their reasons count, until all of them are past.
            days = SHORT // 2 + 1 if told is None else SHORT
            last = range(max(0, place - days + 1), place + 1)
            known = [
                reason for each in last if (reason := reasons.of(series, each, rows.deviation.drifted, 0))
            ]
            reason = known[-1] if len(known) >= (2 if told is None else 1) else None
            if reason is None or told is None:
                yield _drift(series, place, drift, reason, name_of)
            told = Severity.WARNING if reason is None else Severity.INFO


def _drift(
    series: Series, place: int, drift: float, reason: tuple[str, str] | None, name_of: Naming
) -> Finding:
    word = "more" if drift > 0 else "fewer"
    return Finding(
        kind="drift",
        severity=Severity.WARNING if reason is None else Severity.INFO,
        message=f"{name_of(series.key.target)}: the runs of the last days wrote {word} and {word} rows.",
        dataset=series.key.target,
        job=series.key.job,
        run_id=series.runs[place][0],
        at=series.times[place],
        evidence=(("operation", series.key.operation), *([] if reason is None else [reason])),
        strength=1 - 1 / (2 * abs(drift)),
    )


def _counts(name: str, judgements: Mapping[str, Judged], told: Mapping[str, Judged]) -> bool:
    """Whether a measure that is off says more than those that were told already."""
    judgement = judgements[name]
    if name == "bytes":
        # Rows that are off have bytes that are.
        return "rows" not in told and not (
            "rows" in judgements
            and 2 * abs(judgements["rows"].deviation.error) >= abs(judgement.deviation.error)
        )
    if name == "yield":
        return "rows" not in told and "bytes" not in told and _is_own(judgement, judgements)
    if name == "rows_read":
        return "rows" not in told
    if name == "duration":
        return judgement.direction > 0 and not any(
            judgements[each].deviation.score > NOTICEABLE
            for each in ("rows", "rows_read")
            if each in judgements
        )
    return True


def _is_own(ratio: Judged, judgements: Mapping[str, Judged]) -> bool:
    """Whether rows written for each row read are off by the job's own doing.

    Not, where an input to which the output does not answer would do it: by how far both are usually off. And not by the chance of
    small counts: Poisson's, of what was read and of what should have been written.
    """
    read = judgements.get("rows_read")
    if read is None or abs(ratio.deviation.score) - abs(read.deviation.score) <= 1:
        return False
    should = ratio.expected * (read.number + 1)
    chance = math.sqrt(1 / (read.number + 1) + 1 / (should + 1))
    return abs(ratio.deviation.error) > threshold(_MANY, FALSE_ALARMS) * chance


_WORDS = {
    "rows": ("{} rows written", "unusual_rows"),
    "bytes": ("{} bytes written", "unusual_bytes"),
    "rows_read": ("{} rows read", "unusual_input"),
    "yield": ("{} rows written for each row read", "unusual_yield"),
    "duration": ("it took {}", "unusual_duration"),
}


def _volume(
    series: Series, place: int, judgement: Judged, reason: tuple[str, str] | None, name_of: Naming
) -> Finding:
    words, kind = _WORDS[judgement.measure]
    if judgement.measure == "rows" and judgement.number == 0:
        kind = "empty_output"
    shown = {
        name: _shown(judgement.measure, getattr(judgement, name))
        for name in ("number", "expected", "low", "high")
    }
    said = words.format(shown["number"])
    message = f"{name_of(series.key.target)}: {said}, usual is {shown['low']} to {shown['high']}."
    run_id, _ = series.runs[place]
    evidence = (
        ("value", shown["number"]),
        ("expected", shown["expected"]),
        ("usual", f"{shown['low']} to {shown['high']}"),
        ("runs_compared", str(judgement.deviation.values)),
        ("operation", series.key.operation),
        *([] if reason is None else [reason]),
    )
    return Finding(
        kind=kind,
        severity=Severity.WARNING if reason is None else Severity.INFO,
        message=message,
        dataset=series.key.target,
        job=series.key.job,
        run_id=run_id,
        at=series.times[place],
        evidence=evidence,
        strength=1 - 1 / (2 * abs(judgement.deviation.score)),
    )


def _shown(measure: str, number: float) -> str:
    if measure == "duration":
        return _time_shown(number)
    if measure == "yield":
        return f"{number:.3g}"
    return f"{round(number):,}"


def _time_shown(milliseconds: float) -> str:
    """A duration in the unit that fits.

    >>> _time_shown(1_500), _time_shown(150_000), _time_shown(7_200_000)
    ('1.5 s', '2.5 min', '2.0 h')
    """
    for unit, name in ((3_600_000, "h"), (60_000, "min")):
        if milliseconds >= unit:
            return f"{milliseconds / unit:.1f} {name}"
    return f"{milliseconds / 1000:.1f} s"


def _of_inputs(series: Series, first: int, name_of: Naming) -> Iterator[Finding]:
    """New and vanished inputs; who has none (a program's own rows) is told of when there is one."""
    for place in range(max(first, _RUNS_FOR_INPUTS), len(series.inputs)):
        now = series.inputs[place]
        if now == series.inputs[place - 1]:
            continue
        before = series.inputs[max(0, place - _RUNS_ASKED_FOR_INPUTS) : place]
        for id_ in sorted(now - frozenset().union(*before)):
            yield _input(series, place, id_, "input_new", len(before), name_of)
        for id_ in sorted(series.inputs[place - 1] - now):
            missing = sum(id_ not in each for each in before)
            differs = (missing + 1) / (len(before) + 2)
            if missing == 0 or differs <= _RARELY_MISSING:
                yield _input(series, place, id_, "input_vanished", len(before) - missing, name_of)


def _input(series: Series, place: int, id_: DatasetId, kind: str, runs: int, name_of: Naming) -> Finding:
    is_new = kind == "input_new"
    said = (
        "reads {}, which the {} runs before did not"
        if is_new
        else "does not read {}, which the {} runs before did"
    )
    run_id, _ = series.runs[place]
    return Finding(
        kind=kind,
        severity=Severity.WARNING,
        message=f"{name_of(series.key.target)}: the run {said.format(name_of(id_), runs)}.",
        dataset=series.key.target,
        job=series.key.job,
        run_id=run_id,
        at=series.times[place],
        evidence=(
            ("input", id_.name),
            ("input_namespace", id_.namespace),
            ("runs_compared", str(runs)),
            ("run_before_at", iso_time(series.times[place - 1]) or "unknown"),
            ("operation", series.key.operation),
        ),
        strength=1 - 1 / (runs + 2),
    )
