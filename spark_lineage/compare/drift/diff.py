"""A job or table at two moments: each of its writes with the lineage, constants and schemas before and after.

diff(store, "nightly")                                  # its last change
diff(store, "report", from_="7d")                       # a week ago and now
diff(store, "nightly", from_="8c0e...:7", to="8c0e...:9")   # two runs
diff(store, "nightly", from_="spark:3.5", to="spark:4.1")   # an upgrade
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from spark_lineage.compare.drift.constants import (
    UNKNOWN,
    ConstantChange,
    ConstantsOf,
    Place,
    compare_constants,
    constants_of,
    learn,
)
from spark_lineage.compare.drift.history import Change, History, Slot, WriteRun
from spark_lineage.compare.drift.lineages import (
    CHANGED,
    EQUIVALENT,
    IDENTICAL,
    LineageChange,
    PlanLineage,
    compare_plans,
)
from spark_lineage.compare.drift.moments import Moment, moment_of, refuse_backwards
from spark_lineage.compare.drift.schemas import SchemaChange, Schemas
from spark_lineage.compare.drift.sentences import findings_of
from spark_lineage.compare.findings import Finding
from spark_lineage.errors import NameLookupError
from spark_lineage.model import ROW_SET_SUBTYPES, SCHEMA_VERSION, Dataset, DatasetId
from spark_lineage.query.answers import DatasetReference, Json, iso_time
from spark_lineage.query.names import resolve_table
from spark_lineage.query.snapshot import ReadableStore
from spark_lineage.store.schema import from_rows

__all__ = ["Comparer", "DiffAnswer", "WriteDiff", "diff"]

ADDED, REMOVED, NOT_KNOWN = "added", "removed", "unknown"
"""Verdicts on one write besides those on two plans."""


@dataclass(frozen=True, slots=True)
class WriteDiff:
    """One write of a job at two runs; `before` None where it is new, `after` None where it is not done any more.

    `verdict` is identical, equivalent (other shape, same lineage), changed, added, removed or unknown (`after` is a run of whose plan the
    store has nothing); `is_first` where nothing of an added write was done before. `constants_state` says whether
    constants could be compared. `findings` say the same in sentences.
    """

    job: str
    target: DatasetReference
    before: WriteRun | None
    after: WriteRun | None
    lineage: LineageChange
    verdict: str
    constants_state: str
    constants: tuple[ConstantChange, ...]
    schemas: tuple[SchemaChange, ...]
    is_first: bool = False

    @property
    def differs(self) -> bool:
        """Whether anything at all is another than before."""
        return self.verdict != IDENTICAL or bool(self.constants or self.schemas)

    def to_dict(self) -> Json:
        """The write's JSON."""
        operations = self.lineage.operations or (None, None)
        return {
            "job": self.job,
            "target": self.target.to_dict(),
            "verdict": self.verdict,
            "before": _run(self.before),
            "after": _run(self.after),
            "operation_before": operations[0],
            "operation_after": operations[1],
            "selects": self.lineage.selects,
            "columns": [column.to_dict() for column in self.lineage.columns],
            "constants": {
                "state": self.constants_state,
                "changed": [each.to_dict() for each in self.constants],
            },
            "schemas": [schema.to_dict() for schema in self.schemas],
        }


@dataclass(frozen=True, slots=True)
class DiffAnswer:
    """A job (`job`) or a table (`table`) at two moments; `from_` and `to` as they were asked for, None where they were not."""

    job: str | None
    table: DatasetReference | None
    from_: str | None
    to: str | None
    writes: tuple[WriteDiff, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """That of all writes: changed, else unknown, equivalent or identical."""
        verdicts = {write.verdict for write in self.writes}
        if not verdicts <= {IDENTICAL, EQUIVALENT, NOT_KNOWN}:
            return CHANGED
        if NOT_KNOWN in verdicts:
            return NOT_KNOWN
        return EQUIVALENT if EQUIVALENT in verdicts else IDENTICAL

    def to_dict(self) -> Json:
        """The JSON of a diff."""
        return {
            "schema_version": SCHEMA_VERSION,
            "job": self.job,
            "table": self.table and self.table.to_dict(),
            "from": self.from_,
            "to": self.to,
            "verdict": self.verdict,
            "writes": [write.to_dict() for write in self.writes],
            "findings": [finding.to_dict() for finding in self.findings],
        }


class Comparer:
    """Compares runs of one store; what it needs of the store is read once."""

    def __init__(self, store: ReadableStore) -> None:
        self._store = store
        self._learned: dict[Slot, frozenset[Place]] = {}
        self.history = History(store)

    @cached_property
    def datasets(self) -> dict[DatasetId, Dataset]:
        """All datasets that the store names, and the targets that only runs name."""
        found = {each.id: each for each in from_rows("datasets", self._store.read("datasets").to_pylist())}
        for _, target in self.history.slots:
            found.setdefault(target, Dataset(target.namespace, target.name))
        return found

    @cached_property
    def references(self) -> dict[DatasetId, DatasetReference]:
        """How answers name the datasets."""
        return {
            id_: DatasetReference(id_.namespace, id_.name, each.aliases)
            for id_, each in self.datasets.items()
        }

    @cached_property
    def constants(self) -> ConstantsOf:
        """The constants of all runs."""
        return constants_of(from_rows("constants", self._store.read("constants").to_pylist()))

    @cached_property
    def schemas(self) -> Schemas:
        """The schemas that runs met."""
        return Schemas.of(self._store)

    def learned(self, slot: Slot) -> frozenset[Place]:
        """The constants of a write that always change."""
        if slot not in self._learned:
            self._learned[slot] = learn(self.history.slots.get(slot, ()), self.constants)
        return self._learned[slot]

    def reference(self, id_: DatasetId) -> DatasetReference:
        """How answers name a dataset."""
        return self.references.get(id_) or DatasetReference(id_.namespace, id_.name)

    def changes(self, slot: Slot) -> list[Change]:
        """Where a write changed, in order: its plans, and in runs of one plan its constants."""
        learned = self.learned(slot)
        found = self.history.changes(slot)
        last: dict[str, WriteRun] = {}
        for run in self.history.slots.get(slot, ()):
            before = last.get(run.fingerprint)
            last[run.fingerprint] = run
            if before is not None and compare_constants(before, run, self.constants, None, learned)[1]:
                found.append(Change(before, run, run.at))
        return sorted(found, key=lambda change: change.at)

    def not_known(self, run: WriteRun, before: WriteRun | None = None) -> WriteDiff:
        """A write by a run whose plan the store does not have."""
        return WriteDiff(
            run.job,
            self.reference(run.target),
            before,
            run,
            LineageChange(CHANGED),
            NOT_KNOWN,
            UNKNOWN,
            (),
            (),
        )

    def compare(
        self, before: WriteRun | None, after: WriteRun | None, *, is_first: bool = False
    ) -> WriteDiff:
        """One write at two runs; `is_first` where nothing of it was done before."""
        run = after or before
        assert run is not None, "there is a run to compare"  # noqa: S101 - callers give one at least
        target = self.reference(run.target)
        if before is None or after is None:
            verdict = ADDED if before is None else REMOVED
            return WriteDiff(
                run.job, target, before, after, LineageChange(CHANGED), verdict, UNKNOWN, (), (), is_first
            )
        edges = self.history.edges([before.fingerprint, after.fingerprint])
        lineages = [
            PlanLineage(self.history.plans[each.fingerprint], edges[each.fingerprint])
            for each in (before, after)
        ]
        change = compare_plans(lineages[0], lineages[1], self.references)
        places = None if change.verdict == IDENTICAL else _alike(lineages, change)
        state, constants = compare_constants(before, after, self.constants, places, self.learned(after.slot))
        schemas = self.schemas.between(before, after, self.reference)
        return WriteDiff(run.job, target, before, after, change, change.verdict, state, constants, schemas)


def diff(store: ReadableStore, name: str, from_: str | None = None, to: str | None = None) -> DiffAnswer:
    """A job or table at two moments: a time, how long ago, a run's id, or `spark:VERSION`.

    Without `from_`, the last change up to `to` (None: now); where nothing ever changed, the last two runs. A name that is a job's means
    the job. Raises `NameLookupError` for a name or run that is unknown, `SettingError` for a moment that is none.
    """
    comparer = Comparer(store)
    job, table, slots = _subject(comparer, name)
    now = time.time_ns() // 1_000_000
    history = comparer.history
    later = None if to is None else moment_of(history, slots, to, now, "--to")
    until = None if later is None else later.at
    if from_ is None:
        found = {slot: _last_change(comparer, slot, until) for slot in slots}
        since = None
    else:
        earlier = moment_of(history, slots, from_, now, "--from")
        since = earlier.at
        if later is not None:
            refuse_backwards(earlier, later)
        found = {
            slot: history.pairs(earlier.runs(slot), history.last(slot) if later is None else later.runs(slot))
            for slot in _meant(slots, earlier, later)
        }
    writes = (
        *(each for slot, pairs in found.items() for each in _compared(comparer, slot, pairs, since)),
        *_not_known(comparer, found, until),
    )
    findings = sorted((each for write in writes for each in findings_of(write)), key=lambda each: each.order)
    return DiffAnswer(job, table, from_, to, writes, tuple(findings))


_Pairs = Sequence[tuple[WriteRun | None, WriteRun | None]]


def _meant(slots: Sequence[Slot], earlier: Moment, later: Moment | None) -> list[Slot]:
    """The writes to compare: where runs were named, what they wrote."""
    named = [each.slots for each in (earlier, later) if each is not None and each.slots is not None]
    return [slot for slot in slots if not named or any(slot in each for each in named)]


def _compared(comparer: Comparer, slot: Slot, pairs: _Pairs, since: int | None) -> Iterator[WriteDiff]:
    """Each pair of a write; a plan that came after `since` by its first run."""
    is_first = not any(before for before, _ in pairs) and not any(
        run.at <= (since or 0) for run in comparer.history.without_plan.get(slot, ())
    )
    for before, after in pairs:
        if before is not None or after is None:
            yield comparer.compare(before, after)
            continue
        runs = comparer.history.slots[slot]
        same = (run for run in runs if run.fingerprint == after.fingerprint and run.at > (since or 0))
        yield comparer.compare(None, next(same, after), is_first=is_first)


def _not_known(comparer: Comparer, found: Mapping[Slot, _Pairs], until: int | None) -> Iterator[WriteDiff]:
    """For each write the last run of whose plan the store has nothing, where it is later than what is compared from."""
    for slot, pairs in found.items():
        since = min((before.at for before, _ in pairs if before is not None), default=0)
        runs = [
            run
            for run in comparer.history.without_plan.get(slot, ())
            if run.at >= since and (until is None or run.at <= until)
        ]
        known = [run for pair in pairs for run in pair if run is not None and runs and run.at <= runs[-1].at]
        if runs:
            yield comparer.not_known(runs[-1], max(known, key=lambda run: run.at, default=None))


def _subject(comparer: Comparer, name: str) -> tuple[str | None, DatasetReference | None, list[Slot]]:
    """The writes that a name means: all of a job, or all of a table."""
    slots = list(comparer.history.slots)
    jobs = sorted({job for job, _ in slots})
    if name in jobs:
        return name, None, [slot for slot in slots if slot[0] == name]
    try:
        table = resolve_table(name, comparer.datasets.values())
    except NameLookupError as error:
        close = difflib.get_close_matches(name, jobs, 3)
        if not close or error.candidates:
            raise
        candidates = tuple(sorted(close))
        message = f'There is no table or job "{name}" in the store: did you mean {" or ".join(candidates)}?'
        raise NameLookupError(message, candidates) from None
    found = [slot for slot in slots if slot[1] == table.id]
    if not found:
        raise NameLookupError(
            f'No job has written the table "{name}" to the end: there is nothing to compare.'
        )
    return None, comparer.reference(table.id), found


def _last_change(
    comparer: Comparer, slot: Slot, until: int | None
) -> list[tuple[WriteRun | None, WriteRun | None]]:
    """A write around its last change: all plans that changed in the same run of the job."""
    changes = [change for change in comparer.changes(slot) if until is None or change.at <= until]
    if changes:
        last = changes[-1]
        return [(each.before, each.after) for each in changes if each.at == last.at or _together(each, last)]
    runs = [run for run in comparer.history.slots[slot] if until is None or run.at <= until]
    current = comparer.history.last(slot, until)
    pairs: list[tuple[WriteRun | None, WriteRun | None]] = []
    for run in current:
        earlier = [each for each in runs if each.fingerprint == run.fingerprint and each != run]
        pairs.append((earlier[-1] if earlier else run, run))
    return pairs


def _together(one: Change, other: Change) -> bool:
    """Whether two changes came with the same run, or from one application to the next."""
    if one.before is None or one.after is None or other.before is None or other.after is None:
        return False
    return (one.before.application, one.after.application) == (
        other.before.application,
        other.after.application,
    ) and (one.before.application != one.after.application)


def _alike(lineages: Sequence[PlanLineage], change: LineageChange) -> list[str]:
    """The places of constants whose expressions are written alike in both plans."""
    differing = {column.name for column in change.columns}
    columns = {each["name"] for lineage in lineages for each in lineage.plan["columns"]}
    inner = {edge["target_field"] for lineage in lineages for edge in lineage.edges} - {None}
    alike = sorted((columns | inner) - differing)
    kinds = (*sorted(subtype.value for subtype in ROW_SET_SUBTYPES), "LIMIT")
    rows = [] if None in differing else [f"* {kind}" for kind in kinds]
    return [*alike, *rows]


def _run(run: WriteRun | None) -> Json | None:
    if run is None:
        return None
    return {
        "run": run.run_id,
        "part": run.part,
        "plan": run.fingerprint,
        "operation": run.operation,
        "spark_version": run.spark_version,
        "at": iso_time(run.at or None),
    }
