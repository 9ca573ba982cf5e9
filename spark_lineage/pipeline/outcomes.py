"""What became of a write whose end was never recorded, as its target's own log tells it.

A commit that fits the write by operation, read version and time, that no other run made, and that fits no other such write
decides it: the write is COMPLETE. Otherwise nobody knows, and the run stays as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from spark_lineage.decode.records import ApplicationEndRecord
from spark_lineage.model import DatasetId, Run, RunState
from spark_lineage.pipeline.logs.commits import Commit, Logs, Sought, only

__all__ = ["BY_APPLICATION", "BY_LOG", "Undecided", "application_state", "decide", "later_state"]

BY_LOG = "log"
"""`Run.decided_by` where the target's own log decided."""

BY_APPLICATION = "application_end"
"""`Run.decided_by` where the run had not ended when its application did."""

_LOGS = frozenset({"delta", "iceberg"})

Version = tuple[DatasetId, int]
RunKey = tuple[str, int]
"""A run's id and part."""

_WHY = {
    None: "the application left no word of its end: it was killed, or lost its spool",
    "exit": "System.exit was called, or the Python program that owned the JVM is gone: its exit code is not known",
    "signal": "a signal ended the JVM",
}


_RUN_UNKNOWN = "the end of one of its writes is not known"


@dataclass(frozen=True, slots=True)
class Undecided:
    """A write without an end: its run, the table's location (empty where only its name is known) and format, and until when it can have committed.

    `alive_until` is the last sign of life of its application, epoch milliseconds; None where there is none: then no log decides.
    """

    run: Run
    location: str
    format: str | None
    read_version: int | None
    alive_until: int | None


def decide(
    undecided: Sequence[Undecided], claims: Mapping[Version, Collection[RunKey]], logs: Logs
) -> dict[RunKey, tuple[Run, Commit]]:
    """The runs as their targets' logs decide them, and their commits; those that a log does not decide are left out.

    `claims` has the runs that are known to have made a version.
    """
    found = [(each.run, _candidates(each, claims, logs)) for each in undecided]
    wanted = Counter((run.target, commit.version) for run, commits in found for commit in commits)
    decided = {}
    for run, commits in found:
        commit = only(commits)
        if commit is not None and wanted[run.target, commit.version] == 1:
            decided[run.run_id, run.part] = _complete(run, commit), commit
    return decided


def _complete(run: Run, commit: Commit) -> Run:
    rows = commit.rows if run.rows is None and commit.rows_are_exact else run.rows
    return replace(run, state=RunState.COMPLETE, ended_at=commit.timestamp, rows=rows, decided_by=BY_LOG)


def _candidates(each: Undecided, claims: Mapping[Version, Collection[RunKey]], logs: Logs) -> list[Commit]:
    run = each.run
    table_format = each.format or "delta"  # a path that a plan names without a format may have a log, too
    if run.target is None or each.alive_until is None or run.started_at is None or table_format not in _LOGS:
        return []
    sought = Sought(
        operation=run.operation,
        started_at=run.started_at,
        ended_at=each.alive_until,
        read_version=each.read_version,
        query_id=run.query_id,
        batch_id=run.batch_id,
        spark_version=run.spark_version,
    )
    found = logs.candidates(each.location, sought, table_format)
    own = {(run.run_id, run.part)}
    return [commit for commit in found if own.issuperset(claims.get((run.target, commit.version), ()))]


def later_state(told: RunState, why: str | None, states: set[RunState]) -> tuple[RunState, str | None]:
    """What `application_state` says of more runs than those by which it told a state, and why, before."""
    if told is RunState.UNKNOWN and why == _WHY[None]:
        return application_state(None, states)
    if told in {RunState.COMPLETE, RunState.UNKNOWN} and states & {RunState.FAILED, RunState.CANCELLED}:
        return RunState.COMPLETE_WITH_FAILURES, None if why == _RUN_UNKNOWN else why
    if why == _RUN_UNKNOWN and RunState.UNKNOWN not in states:
        return RunState.COMPLETE, None
    return told, why


def application_state(end: ApplicationEndRecord | None, states: set[RunState]) -> tuple[RunState, str | None]:
    """The state of an application from its end (None: there is no word of it) and its runs' states, and why, where it is not plain.

    Spark knows an exit code only where it was told one before the JVM went down.
    """
    if end is None:
        if RunState.FAILED in states:
            return RunState.FAILED, f"one of its queries failed, and {_WHY[None]}"
        return RunState.UNKNOWN, _WHY[None]
    why = _WHY.get(end.stopped) if end.stopped else None
    if end.exit_code or end.stopped == "failed":
        code = f" with exit code {end.exit_code}" if end.exit_code else ": spark-submit gave it up"
        return RunState.FAILED, f"the program failed{code}"
    if states & {RunState.FAILED, RunState.CANCELLED}:
        return RunState.COMPLETE_WITH_FAILURES, why
    if why is None and RunState.UNKNOWN in states:
        why = _RUN_UNKNOWN
    return (RunState.COMPLETE if why is None else RunState.UNKNOWN), why
