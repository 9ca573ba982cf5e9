"""What each job wrote, run by run, and where its writes changed.

A *write* here is a job and a target. Its COMPLETE runs are grouped by application, since one application may well write a
table by several plans (an overwrite and an append). Between two applications the plans that went are matched with those that came,
by the operation and by how much of their lineage they share. Within one application a plan takes another's place
where both are the same operation, the earlier one does not come back, and either the later one replaces the whole table
or the earlier one had run at least twice: notebooks and long-running services change so. One that takes no other's place is
added, where it comes between the runs of a plan that had run twice before: the program had begun anew.

Applications that wrote the same at overlapping times have no order of their own. Their plans are matched in the same way, though
only those of one operation, and what counts is which of the plans that belong together wrote last: a plan is told where it first
comes, and one that was there before where it comes back after the last run of the application that had taken its place. What
takes turns in between is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.compare.drift.write_runs import (
    Change,
    Slot,
    WriteRun,
    added_within,
    by_application,
    first_runs,
    in_order_of_time,
    in_time,
    last_runs,
    match,
    turns,
)
from spark_lineage.model import DatasetId, EdgeKind, RunState
from spark_lineage.query.snapshot import ReadableStore
from spark_lineage.store.schema import Row

__all__ = ["Change", "History", "Slot", "WriteRun"]

_PLAN_COLUMNS = (
    "fingerprint",
    "kind",
    "operation",
    "overwrites",
    "columns",
    "operators",
    "datasets",
    "certainty",
)


class History:
    """The writes of a store; each table is read once, when it is first needed."""

    def __init__(self, store: ReadableStore) -> None:
        self._store = store

    @cached_property
    def slots(self) -> Mapping[Slot, tuple[WriteRun, ...]]:
        """The COMPLETE runs of every write, in the order of their ends; empty where the store has no plan of any of them."""
        found: dict[Slot, list[WriteRun]] = {run.slot: [] for run in self._runs}
        for run in self._runs:
            if run.fingerprint in self.plans:
                found[run.slot].append(run)
        return {slot: tuple(runs) for slot, runs in sorted(found.items(), key=lambda item: item[0])}

    @cached_property
    def without_plan(self) -> Mapping[Slot, tuple[WriteRun, ...]]:
        """The COMPLETE runs of every write whose plan the store does not have, in the order of their ends."""
        found: dict[Slot, list[WriteRun]] = {}
        for run in self._runs:
            if run.fingerprint not in self.plans:
                found.setdefault(run.slot, []).append(run)
        return {slot: tuple(runs) for slot, runs in found.items()}

    @cached_property
    def plans(self) -> Mapping[str, Row]:
        """The rows of the table `plans` that write something, by fingerprint."""
        return {row["fingerprint"]: row for row in self._all_plans if row["kind"] == EdgeKind.DATA.value}

    def edges(self, fingerprints: Iterable[str]) -> Mapping[str, list[Row]]:
        """The edges of some plans, by fingerprint."""
        wanted = sorted(set(fingerprints))
        found: dict[str, list[Row]] = {fingerprint: [] for fingerprint in wanted}
        here = pc.is_in(self._edges["fingerprint"], pa.array(wanted, pa.string()))
        for row in self._edges.filter(here).to_pylist():
            found[row["fingerprint"]].append(row)
        return found

    def changes(self, slot: Slot) -> list[Change]:
        """Where the plans of a write changed, in order."""
        found: list[Change] = []
        before: Sequence[Sequence[WriteRun]] = ()
        for applications in by_application(self.slots.get(slot, ())):
            known = {run.fingerprint for runs in before for run in runs}
            inner, _ = self._within(applications, known)
            first = first_runs(in_time(applications))
            came_within = {
                each.after.fingerprint for each in inner if each.after and each.after in first.values()
            }
            if before:
                found += self._between(before, applications, came_within)
            elif len(applications) == 1:
                found += added_within(applications[0], came_within)
            found += inner
            before = applications
        return sorted(found, key=lambda change: change.at)

    def last(self, slot: Slot, until: int | None = None) -> list[WriteRun]:
        """The last run of each plan by which a write was done last, up to a time."""
        return self._current([run for run in self.slots.get(slot, ()) if until is None or run.at <= until])

    def under(self, slot: Slot, version: str) -> list[WriteRun]:
        """The last run of each plan by which a write was done last under a Spark version, such as `4.1` or `4.1.3`."""
        runs = self.slots.get(slot, ())
        return self._current([run for run in runs if f"{run.spark_version}.".startswith(f"{version}.")])

    def pairs(
        self, before: Sequence[WriteRun], after: Sequence[WriteRun]
    ) -> list[tuple[WriteRun | None, WriteRun | None]]:
        """Runs of one write beside each other: those of one plan first, then those that are most alike; None where one is alone."""
        earlier, later = last_runs(before), last_runs(after)
        same = [(earlier[each], later[each]) for each in later if each in earlier]
        gone = [run for each, run in earlier.items() if each not in later]
        came = [run for each, run in later.items() if each not in earlier]
        return [*same, *self._matched(gone, came)]

    @cached_property
    def _all_plans(self) -> list[Row]:
        rows: list[Row] = self._store.read("plans", _PLAN_COLUMNS).to_pylist()
        return rows

    @cached_property
    def _edges(self) -> pa.Table:
        return self._store.read("edges")

    @cached_property
    def _runs(self) -> list[WriteRun]:
        columns = ("run_id", "part", "kind", "state", "fingerprint", "job", "operation", "target_namespace", "target_name",
                   "spark_version", "started_at", "ended_at")  # fmt: skip
        runs = self._store.read("runs", columns)
        here = pc.and_(pc.equal(runs["kind"], "write"), pc.equal(runs["state"], RunState.COMPLETE.value))
        others = {row["fingerprint"] for row in self._all_plans} - self.plans.keys()
        found = [
            WriteRun(
                row["run_id"], row["part"], row["fingerprint"] or "", row["job"],
                DatasetId(row["target_namespace"], row["target_name"]), row["operation"], row["spark_version"],
                row["started_at"], row["ended_at"],
            )
            for row in runs.filter(here).to_pylist()
            if row["fingerprint"] not in others and row["target_name"] is not None
        ]  # fmt: skip
        return sorted(found, key=in_order_of_time)

    def _current(self, runs: Sequence[WriteRun]) -> list[WriteRun]:
        """The last run of each plan by which the last application, or those that overlap, wrote in the end."""
        if not runs:
            return []
        applications = by_application(runs)[-1]
        _, gone = self._within(applications, set())
        return [run for each, run in last_runs(in_time(applications)).items() if each not in gone]

    def _between(
        self, before: Sequence[Sequence[WriteRun]], after: Sequence[Sequence[WriteRun]], came_within: set[str]
    ) -> list[Change]:
        """What changed from one application, or several that overlap, to the next."""
        later_runs = in_time(after)
        earlier, later = last_runs(in_time(before)), first_runs(later_runs)
        _, replaced = self._within(before, set())
        gone = [run for each, run in earlier.items() if each not in later and each not in replaced]
        came = [run for each, run in later.items() if each not in earlier and each not in came_within]
        return [
            Change(old, new, new.at if new is not None else max(run.at for run in later_runs))
            for old, new in self._matched(gone, came)
        ]

    def _within(
        self, applications: Sequence[Sequence[WriteRun]], known: set[str]
    ) -> tuple[list[Change], set[str]]:
        """Where a plan took another's place in one application, or in several that overlap; and the plans that went by that."""
        if len(applications) == 1:
            found = self._replaced_within(applications[0], known)
            return found, {each.before.fingerprint for each in found if each.before}
        changes: list[Change] = []
        gone: set[str] = set()
        for plans in self._standing_for_each_other(applications):
            runs = [run for run in in_time(applications) if run.fingerprint in plans]
            changes += turns(runs)
            gone |= plans - {runs[-1].fingerprint}
        return changes, gone

    def _standing_for_each_other(self, applications: Sequence[Sequence[WriteRun]]) -> list[set[str]]:
        """The plans of applications that overlap, those together that are one write of the program in several versions."""
        groups = {run.fingerprint: {run.fingerprint} for runs in applications for run in runs}
        lasting: list[set[str]] = []

        def join(one: str, other: str) -> None:
            joined = groups[one] | groups[other]
            # What one application does beside each other is not one write.
            if not any(len(joined & own) > 1 for own in lasting):
                groups.update(dict.fromkeys(joined, joined))

        for runs in applications:
            for change in self._replaced_within(runs, set()):
                if change.before is not None and change.after is not None:
                    join(change.before.fingerprint, change.after.fingerprint)
        lasting += (
            {run.fingerprint for run in runs} - self._within([runs], set())[1] for runs in applications
        )
        met: dict[str, WriteRun] = {}
        for runs in applications:
            own = last_runs(runs)
            gone = [run for each, run in met.items() if each not in own]
            came = [run for each, run in own.items() if each not in met]
            for old, new in self._matched(gone, came):
                if old is not None and new is not None and old.operation == new.operation:
                    join(old.fingerprint, new.fingerprint)
            met.update(own)
        return list({id(group): group for group in groups.values()}.values())

    def _replaced_within(self, runs: Sequence[WriteRun], known: set[str]) -> list[Change]:
        """Where one plan took another's place within one application; plans in `known` were there before."""
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        counts: dict[str, int] = {}
        for place, run in enumerate(runs):
            first.setdefault(run.fingerprint, place)
            last[run.fingerprint] = place
            counts[run.fingerprint] = counts.get(run.fingerprint, 0) + 1
        found: list[Change] = []
        gone: set[str] = set()
        for fingerprint, begin in first.items():
            run = runs[begin]
            earlier = [
                end
                for other, end in last.items()
                if end < begin
                and other not in gone
                and runs[end].operation == run.operation
                and (self.plans[fingerprint]["overwrites"] or counts[other] > 1)
            ]
            if earlier and fingerprint not in known:
                before = runs[max(earlier)]
                gone.add(before.fingerprint)
                found.append(Change(before, run, run.at))
        return found

    def _matched(
        self, gone: list[WriteRun], came: list[WriteRun]
    ) -> list[tuple[WriteRun | None, WriteRun | None]]:
        """One-to-one: each plan that came with the one that went and is most like it."""
        shapes = {} if not gone or not came else self._shapes([run.fingerprint for run in (*gone, *came)])
        return match(gone, came, lambda old, new: self._likeness(old, new, shapes))

    def _shapes(self, fingerprints: Iterable[str]) -> dict[str, set[Any]]:
        return {
            fingerprint: {
                (row["source_namespace"], row["source_name"], row["source_field"], row["target_field"])
                for row in rows
            }
            for fingerprint, rows in self.edges(fingerprints).items()
        }

    def _likeness(self, old: WriteRun, new: WriteRun, shapes: Mapping[str, set[Any]]) -> tuple[bool, float]:
        one, other = shapes[old.fingerprint], shapes[new.fingerprint]
        shared = len(one & other) / max(1, len(one | other))
        return old.operation == new.operation, shared
