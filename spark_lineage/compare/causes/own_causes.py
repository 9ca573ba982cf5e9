"""What went wrong with the runs of one table in its window: outcomes, punctuality, stages, executors, restarts.

Each is a `Finding`; what is not known (no stages recorded, no end) finds nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from spark_lineage.compare.causes.rounds import Past, Round, began_at, end_of
from spark_lineage.compare.findings import Finding
from spark_lineage.model import ApplicationEvent, DatasetId, Run, RunState, Severity, Stage
from spark_lineage.query.answers import iso_time
from spark_lineage.query.stage_chain import RUN_TIME_METRICS, is_skewed
from spark_lineage.store.schema import from_rows

__all__ = ["Work", "own_causes"]

LEAST_READINGS = 3
"""Earlier runs of the reader that are needed before a table can be called usually written between two of them."""

USUAL_SHARE = 0.8
"""The share of them from which it is."""

_LAST_READINGS = 20
_RETRIED_STRENGTH = 0.3

_OUTCOMES = {
    RunState.FAILED: ("run_failed", "failed"),
    RunState.CANCELLED: ("run_cancelled", "was cancelled"),
    RunState.UNKNOWN: ("run_unknown", "has no known end"),
}

_LOST = {
    "executor_removed": ("executor_lost", "lost the executor"),
    "executor_excluded": ("executor_excluded", "excluded the executor"),
}


@dataclass(frozen=True)
class Work:
    """Stages by run, events by application, and what the tables' sentences call them by."""

    stages: Mapping[str, Sequence[Stage]]
    events: Mapping[str, Sequence[ApplicationEvent]]
    streams: Mapping[str, Sequence[tuple[int, str]]]
    name_of: Callable[[DatasetId], str] = field(default=lambda id_: id_.name)

    @staticmethod
    def of(past: Past, runs: Iterable[Run], name_of: Callable[[DatasetId], str]) -> Work:
        """What the store says of these runs; each of its tables is read once."""
        ids = {run.run_id for run in runs}
        applications = {run_id.partition(":")[0] for run_id in ids}
        queries = {run.query_id for run in runs if run.query_id}
        stages: dict[str, list[Stage]] = {}
        for stage in from_rows("stages", past.store.read("stages", scope=ids).to_pylist()):
            stages.setdefault(stage.run_id, []).append(stage)
        events: dict[str, list[ApplicationEvent]] = {}
        for event in from_rows("events", past.store.read("events", scope=applications).to_pylist()):
            events.setdefault(event.application, []).append(event)
        streams: dict[str, list[tuple[int, str]]] = {}
        columns = ("query_id", "started_at", "stream_run_id")
        for row in past.store.read("batches", columns, scope=queries).to_pylist():
            streams.setdefault(row["query_id"], []).append((row["started_at"] or 0, row["stream_run_id"]))
        return Work(stages, events, streams, name_of)


def own_causes(past: Past, work: Work, at: Round, runs: Sequence[Run]) -> Iterator[Finding]:
    """What went wrong with `runs`, those of the round's table that ended (or began) in its window, in their order."""
    yield from _outcomes(work, at, runs)
    if at.reader is not None:
        yield from _punctuality(past, work, at)
    for run in runs:
        yield from _stages(work, run)
        yield from _executors(work, run)
    yield from _restarts(work, at, runs)


def _finding(
    kind: str,
    severity: Severity,
    message: str,
    run: Run | None,
    strength: float = 1.0,
    **evidence: str | None,
) -> Finding:
    return Finding(
        kind,
        severity,
        message,
        dataset=run.target if run else None,
        job=run.job if run else None,
        run_id=run.run_id if run else None,
        at=end_of(run) or None if run else None,
        evidence=tuple((name, text) for name, text in evidence.items() if text is not None),
        strength=strength,
    )


def _outcomes(work: Work, at: Round, runs: Sequence[Run]) -> Iterator[Finding]:
    """For each way to end badly the last such run of each job; one that a later run made good is weak."""
    complete = [run for run in runs if run.state is RunState.COMPLETE]
    bad: dict[tuple[str, RunState], list[Run]] = {}
    for run in runs:
        if run.state in _OUTCOMES:
            bad.setdefault((run.job, run.state), []).append(run)
    for (job, state), found in bad.items():
        kind, said = _OUTCOMES[state]
        run = found[-1]
        mended = [each for each in complete if each.job == job and end_of(each) >= end_of(run)]
        message = f"The run of {job} that writes {work.name_of(at.dataset)} {said}"
        if run.error_class or run.error_message:
            name = (run.error_class or "").rpartition(".")[2]
            message += f" ({': '.join(each for each in (name, run.error_message) if each)})"
        message += ", and ran again to its end." if mended else "."
        severity = Severity.WARNING if mended or state is RunState.CANCELLED else Severity.ERROR
        yield _finding(
            kind, severity, message, run, _RETRIED_STRENGTH if mended else 1.0,
            runs=f"{len(found)} of {len(runs)}", condition=run.error_condition,
            complete_at=iso_time(end_of(mended[0])) if mended else None,
        )  # fmt: skip


def _punctuality(past: Past, work: Work, at: Round) -> Iterator[Finding]:
    """A table that was not written in its window, though it usually is, or that was being written when it was read."""
    assert at.reader is not None, "callers ask where there is a reader"  # noqa: S101
    complete = past.complete(at.dataset)
    if not complete or any(at.holds(end_of(run)) for run in complete):
        return
    usual, counted = _usual(past, at, at.reader, [end_of(run) for run in complete])
    is_usual = counted >= LEAST_READINGS and usual >= USUAL_SHARE * counted and _is_due(at, complete)
    running = any(began_at(run) <= at.until < end_of(run) for run in complete)
    if not is_usual and not running:
        return
    name, reader = work.name_of(at.dataset), work.name_of(at.path[1])
    habit = f"{usual} of {counted}" if counted else None
    strength = usual / counted if is_usual else 1.0
    late = next((run for run in complete if end_of(run) > at.until), None)
    if late is not None:
        message = f"{name} was written too late: {reader} had begun before, and read what was there."
        yield _finding(
            "run_late", Severity.WARNING, message, late, strength, usual=habit, reader_began_at=iso_time(at.until),
            late_by_seconds=f"{(end_of(late) - at.until) / 1000:.0f}",
        )  # fmt: skip
        return
    message = (
        f"{name} was not written before {reader} was made of it, as it had been {usual} of {counted} times."
    )
    evidence = (("usual", f"{usual} of {counted}"), ("last_written_at", iso_time(end_of(complete[-1])) or ""))
    yield Finding(
        "run_missing", Severity.WARNING, message, at.dataset, None, complete[-1].job, None, at.until, evidence, strength
    )  # fmt: skip


def _is_due(at: Round, complete: Sequence[Run]) -> bool:
    """Whether the window is long enough for a write: half of the usual time between two; a job that ran twice waits for none."""
    ends = [end_of(run) for run in complete if end_of(run) <= at.until][-_LAST_READINGS:]
    gaps = sorted(after - before for before, after in pairwise(ends))
    return at.since is None or not gaps or 2 * (at.until - at.since) >= gaps[len(gaps) // 2]


def _usual(past: Past, at: Round, reader: Run, ends: Sequence[int]) -> tuple[int, int]:
    """How many of the reader's last runs before the window's end had a fresh write of the table since the run before, and how many there were."""
    if reader.target is None:
        return 0, 0
    began = [
        began_at(run)
        for run in past.complete(reader.target)
        if run.job == reader.job and began_at(run) < at.until
    ]
    ordered = sorted(ends)
    pairs = list(pairwise(sorted(began)))[-_LAST_READINGS:]
    fresh = sum(bisect_right(ordered, before) < bisect_right(ordered, after) for before, after in pairs)
    return fresh, len(pairs)


def _stages(work: Work, run: Run) -> Iterator[Finding]:
    """Stages that failed, that lost tasks, or in which one task took far longer than the others."""
    stages = work.stages.get(run.run_id, ())
    severity = Severity.INFO if run.state is RunState.COMPLETE else Severity.WARNING
    ordered = sorted(stages, key=lambda stage: (stage.stage_id, stage.attempt))
    attempts = {stage.stage_id: stage.attempt for stage in ordered}
    failed = [stage for stage in ordered if stage.state is RunState.FAILED]
    fetch = [stage for stage in failed if "fetch" in (stage.failure or "").lower()]
    again = [stage for stage in failed if stage.attempt < attempts[stage.stage_id]]
    last = next(reversed(fetch or again or failed), None)
    retried = 0 if last is None else attempts[last.stage_id]
    # A stage that took its run with it is told by the run's own failure.
    if last is not None and (retried or fetch or run.state is not RunState.FAILED):
        kind = "fetch_failed" if fetch else "stage_failed"
        what = "could not fetch shuffled rows" if fetch else "failed"
        message = f"Stage {last.stage_id} of the run that writes {_target(work, run)} {what}"
        message += f" ({last.failure})" if last.failure else ""
        message += f" and was tried again, {retried + 1} attempts in all." if retried else "."
        yield _finding(kind, severity, message, run, attempts=str(retried + 1), stages=str(len(failed)))
    lost = sum(stage.failed_tasks for stage in stages)
    if lost and not failed:
        tasks = sum(stage.tasks for stage in stages)
        message = f"{lost:,} of {tasks:,} tasks of the run that writes {_target(work, run)} failed and were tried again."
        yield _finding("tasks_failed", severity, message, run, min(1.0, lost / max(1, tasks)))
    for stage in stages:
        if is_skewed(stage):
            times = {each.metric: each for each in stage.distributions}
            spread = next(times[metric] for metric in RUN_TIME_METRICS if metric in times)
            message = f"One task of stage {stage.stage_id} of the run that writes {_target(work, run)} took far longer than the others."
            yield _finding(
                "stage_skewed", Severity.INFO, message, run, 1 - spread.median / spread.maximum,
                longest_ms=str(spread.maximum), median_ms=str(spread.median),
            )  # fmt: skip


def _executors(work: Work, run: Run) -> Iterator[Finding]:
    """Executors that went while the run was on; one that was idle was given back, not lost.

    The end of its process is told once more of one that was decommissioned: it is not lost, too.
    """
    events = [
        event
        for event in work.events.get(run.run_id.partition(":")[0], ())
        if began_at(run) <= event.at <= end_of(run)
        and event.kind in _LOST
        and "idle" not in event.detail.lower()
    ]
    severity = Severity.INFO if run.state is RunState.COMPLETE else Severity.WARNING
    for kind, words in _LOST.items():
        found = sorted(
            (event for event in events if event.kind == kind), key=lambda event: (event.at, event.subject)
        )
        gone = [event for event in found if "decommission" in event.detail.lower()]
        given_up = {event.subject for event in gone}
        for name, said, group in (
            (*words, [event for event in found if event.subject not in given_up]),
            ("executor_decommissioned", "gave up the executor", gone),
        ):
            if group:
                which = ", ".join(dict.fromkeys(event.subject for event in group))
                detail = f" ({group[-1].detail})" if group[-1].detail else ""
                message = f"The run that writes {_target(work, run)} {said} {which}{detail}."
                yield _finding(name, severity, message, run, executors=which, at=iso_time(group[0].at))


def _restarts(work: Work, at: Round, runs: Sequence[Run]) -> Iterator[Finding]:
    """Streaming queries that were started again in the window."""
    last: dict[str, Run] = {run.query_id: run for run in runs if run.query_id}
    for query, run in sorted(last.items()):
        batches = sorted(work.streams.get(query, ()))
        first = bisect_left(batches, (at.since, "") if at.since is not None else (0, ""))
        inside = [(began, attempt) for began, attempt in batches[max(0, first - 1) :] if began <= at.until]
        starts = [began for (_, before), (began, after) in pairwise(inside) if before != after]
        if starts:
            times = "once" if len(starts) == 1 else f"{len(starts)} times"
            message = (
                f"The stream that writes {_target(work, run)} was restarted {times} from its checkpoint."
            )
            yield _finding(
                "stream_restarted", Severity.INFO, message, run, query=query, at=iso_time(starts[-1])
            )


def _target(work: Work, run: Run) -> str:
    return "nothing" if run.target is None else work.name_of(run.target)
