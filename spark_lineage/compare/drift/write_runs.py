"""The runs of one write, and what follows from their order alone: applications, those that overlap, plans that take turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from spark_lineage.compare.times import overlapping
from spark_lineage.model import DatasetId

__all__ = [
    "Change",
    "Slot",
    "WriteRun",
    "added_within",
    "by_application",
    "first_runs",
    "in_order_of_time",
    "in_time",
    "last_runs",
    "match",
    "turns",
]

Slot: TypeAlias = tuple[str, DatasetId]
"""A job and what it writes."""


@dataclass(frozen=True, slots=True)
class WriteRun:
    """One COMPLETE run of a write; `application` is the bridge that recorded it, times are epoch milliseconds UTC.

    `fingerprint` is empty where the run has none.
    """

    run_id: str
    part: int
    fingerprint: str
    job: str
    target: DatasetId
    operation: str
    spark_version: str
    started_at: int | None
    ended_at: int | None

    @property
    def application(self) -> str:
        """Which start of the job it belongs to."""
        return self.run_id.partition(":")[0]

    @property
    def number(self) -> tuple[int, str]:
        """The key by which the runs of one application are in order: execution ids are numbers, 9 comes before 10."""
        return len(self.run_id), self.run_id

    @property
    def slot(self) -> Slot:
        """The write that it is a run of."""
        return self.job, self.target

    @property
    def at(self) -> int:
        """When it was over; 0 where no time is known."""
        return self.ended_at or self.started_at or 0


@dataclass(frozen=True, slots=True)
class Change:
    """A write from one run to another: `before` None where it is new, `after` None where it is not done any more."""

    before: WriteRun | None
    after: WriteRun | None
    at: int

    @property
    def slot(self) -> Slot:
        """The write that changed."""
        run = self.after or self.before
        assert run is not None, "a change has a run"  # noqa: S101 - what the class promises
        return run.slot


def match(
    gone: list[WriteRun], came: list[WriteRun], likeness: Callable[[WriteRun, WriteRun], Any]
) -> list[tuple[WriteRun | None, WriteRun | None]]:
    """Pairs of those that went and those that came, the most alike first; what is left stands alone."""
    ranked = sorted(
        ((likeness(old, new), -i, -j) for i, old in enumerate(gone) for j, new in enumerate(came)),
        reverse=True,
    )
    old_of: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in ranked:
        if -i not in taken and -j not in old_of:
            old_of[-j] = -i
            taken.add(-i)
    pairs: list[tuple[WriteRun | None, WriteRun | None]] = [
        (gone[old_of[j]] if j in old_of else None, new) for j, new in enumerate(came)
    ]
    return [*pairs, *((old, None) for i, old in enumerate(gone) if i not in taken)]


def in_order_of_time(run: WriteRun) -> tuple[int, int, str, int]:
    """The key by which runs are sorted: their ends, of equal ones the ids."""
    return run.at, *run.number, run.part


def by_application(runs: Iterable[WriteRun]) -> list[list[list[WriteRun]]]:
    """The runs of each application, by the numbers of their executions: a clock may step back. Applications that overlap are together."""
    found: dict[str, list[WriteRun]] = {}
    for run in runs:
        found.setdefault(run.application, []).append(run)
    spans = {name: _span([run.at for run in own if run.at]) for name, own in found.items()}
    return [
        [sorted(found[name], key=lambda run: (run.number, run.part)) for name in names]
        for names in overlapping(spans)
    ]


def _span(times: Sequence[int]) -> tuple[int, int]:
    return min(times, default=0), max(times, default=0)


def in_time(applications: Sequence[Sequence[WriteRun]]) -> list[WriteRun]:
    """All runs in the order of time; of one application in its own order."""
    timed: list[tuple[int, WriteRun]] = []
    for runs in applications:
        clock = 0
        for run in runs:
            clock = max(clock, run.at)
            timed.append((clock, run))
    return [run for _, run in sorted(timed, key=lambda each: each[0])]


def turns(runs: Sequence[WriteRun]) -> list[Change]:
    """Where plans that stand for each other, in applications that overlap, took each other's place; `runs` in the order of time."""
    last = {(run.application, run.fingerprint): place for place, run in enumerate(runs)}
    found: list[Change] = []
    seen = {runs[0].fingerprint}
    told = runs[0]
    for place, run in enumerate(runs):
        if run.fingerprint != told.fingerprint:
            takes_turns = last[told.application, told.fingerprint] > place
            if run.fingerprint in seen and takes_turns:
                continue
            found.append(Change(told, run, run.at))
            seen.add(run.fingerprint)
        told = run
    return found


def added_within(runs: Sequence[WriteRun], came_within: set[str]) -> list[Change]:
    """The plans that come, and take no other's place, between the runs of one that had run twice: the program had begun anew."""
    last = {run.fingerprint: place for place, run in enumerate(runs)}
    counts: dict[str, int] = {}
    found: list[Change] = []
    for place, run in enumerate(runs):
        begun_anew = any(count > 1 and last[each] > place for each, count in counts.items())
        if run.fingerprint not in counts and run.fingerprint not in came_within and begun_anew:
            found.append(Change(None, run, run.at))
        counts[run.fingerprint] = counts.get(run.fingerprint, 0) + 1
    return found


def first_runs(runs: Iterable[WriteRun]) -> dict[str, WriteRun]:
    """The first run of each plan, in the order in which they are given."""
    found: dict[str, WriteRun] = {}
    for run in runs:
        found.setdefault(run.fingerprint, run)
    return found


def last_runs(runs: Iterable[WriteRun]) -> dict[str, WriteRun]:
    """The last run of each plan, in the order in which they are given."""
    return {run.fingerprint: run for run in runs}
