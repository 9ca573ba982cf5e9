"""What a store says about tables as they are now: current plans, last runs, columns, problems.

Everything but the edges is small next to them; edges are read only when an answer needs them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import (
    CATALOG_NAMESPACE,
    CONTROL_RUN,
    Certainty,
    Dataset,
    DatasetId,
    EdgeKind,
    Problem,
    RunState,
    Severity,
    weakest,
)
from spark_lineage.query.opaque import with_opaque_edges
from spark_lineage.query.spelling import Spellings, spelled, spelled_edges, spellings
from spark_lineage.query.unended import WITHOUT_END, as_it_is_now
from spark_lineage.query.unfinished import Attempt, attempts, namesakes, no_complete_write, write_by_name
from spark_lineage.store.schema import Row, from_rows

__all__ = ["CurrentPlan", "Field", "ReadableStore", "Snapshot", "TableState", "shown_runs", "sorted_problems"]


class ReadableStore(Protocol):
    """What the engine needs of a store."""

    def read(
        self, table: str, columns: Iterable[str] | None = None, *, scope: Collection[str] | None = None
    ) -> pa.Table:
        """The rows of a table, one per key; `scope`: only those of these runs (plans, applications: `Table.scope`)."""


@dataclass(frozen=True, slots=True)
class CurrentPlan:
    """What answers need of a plan. `columns` stay rows (name, type, certainty): there are as many as edges."""

    fingerprint: str
    kind: EdgeKind
    overwrites: bool
    reads_itself: bool
    certainty: Certainty
    columns: Sequence[Row]
    datasets: tuple[DatasetId, ...]

    @staticmethod
    def of(row: Row, target: DatasetId, names: Mapping[str, str]) -> CurrentPlan:
        """The plan of a row of the table `plans`; `names` are other spellings of the target's columns."""
        columns = row["columns"]
        if names:
            columns = [{**column, "name": spelled(column["name"], names)} for column in columns]
        datasets = tuple(DatasetId(each["namespace"], each["name"]) for each in row["datasets"])
        return CurrentPlan(
            fingerprint=row["fingerprint"],
            kind=EdgeKind(row["kind"]),
            overwrites=row["overwrites"],
            reads_itself=target in datasets,
            certainty=Certainty(row["certainty"]),
            columns=columns,
            datasets=datasets,
        )


_PLAN_COLUMNS = (
    "fingerprint", "kind", "operation", "target_namespace", "target_name", "overwrites", "certainty", "columns", "datasets",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableState:
    """One dataset's writes. Runs are numbered in their order; -1 where there is none.

    `plans` are current, the latest first; `walked` are those that a walk follows, `plans` and, behind an overwrite that
    reads its own table, those before it. `since` is the number of the run from which `plans` count. `ended_by` is what took the
    rows away after the last write, such as `DROP TABLE`, in the run `ended_run`: the plans are those of what was there before. `lost` are the
    ids of the COMPLETE runs from `since` on whose plan the store does not have: what they wrote is not known. `is_unknown`: no write has
    completed, and nobody has read the table.
    """

    plans: tuple[CurrentPlan, ...] = ()
    walked: tuple[CurrentPlan, ...] = ()
    since: int = -1
    runs: int = 0
    last_run: int = -1
    ended_by: str | None = None
    ended_run: int = -1
    lost: tuple[str, ...] = ()
    is_unknown: bool = False

    @property
    def certainty(self) -> Certainty:
        """The weakest of the current plans and their columns; opaque where a plan is lost, or there never was more than a wish."""
        if self.lost or self.is_unknown:
            return Certainty.OPAQUE
        of_columns = {column["certainty"] for plan in self.plans for column in plan.columns}
        return weakest(*(plan.certainty for plan in self.plans), *map(Certainty, of_columns))


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table as it is now."""

    name: str
    type: str
    certainty: Certainty = Certainty.EXACT


_NOTHING_WRITTEN = TableState()


class Snapshot:
    """A store as it was when it was first asked; reads what a writer commits last before what it commits first."""

    def __init__(self, store: ReadableStore) -> None:
        self._store = store

    @cached_property
    def runs(self) -> pa.Table:
        """All runs in their order: end time (start time where it did not end), ties by run id and part."""
        runs = self._store.read("runs")
        order = {
            "time": pc.coalesce(runs["ended_at"], runs["started_at"], pa.scalar(0, pa.int64())),
            # Execution ids of one bridge are numbers: 9 comes before 10.
            "length": pc.utf8_length(runs["run_id"]),
            "run_id": runs["run_id"],
            "part": runs["part"],
        }
        return runs.take(pc.sort_indices(pa.table(order), sort_keys=[(name, "ascending") for name in order]))

    def read(self, table: str, columns: Iterable[str] | None = None) -> pa.Table:
        """The rows of a table of the store, one per key, with the given columns (None: all)."""
        return self._store.read(table, columns)

    @cached_property
    def states(self) -> Mapping[DatasetId, TableState]:
        """The state of every dataset that a run wrote or tried to, driver results too."""
        by_target = _runs_by_target(self._numbered_runs)
        plans: dict[DatasetId, list[tuple[int, CurrentPlan]]] = {}
        for number, target, row in self._written_plans:
            plan = CurrentPlan.of(row, target, self._spellings.get(target, {}))
            plans.setdefault(target, []).append((number, plan))
        return {
            target: _state(
                plans.get(target, []),
                self._endings.get(target, []),
                self._lost.get(target, []),
                *by_target.get(target, (0, -1)),
                is_unknown=target in self.attempts and target not in self._ever_read,
            )
            for target in sorted({*plans, *by_target})
        }

    @cached_property
    def datasets(self) -> Mapping[DatasetId, Dataset]:
        """All datasets by id, sorted. What stands back for its `namesakes` has no alias, nor has a place that only a plan or a run names."""
        return {
            id_: replace(dataset, aliases=()) if id_ in self.namesakes else dataset
            for id_, dataset in self._met.items()
        }

    @cached_property
    def attempts(self) -> Mapping[DatasetId, Attempt]:
        """The last write of each table of which none has completed."""
        return attempts(self._numbered_runs)

    @cached_property
    def namesakes(self) -> Mapping[DatasetId, tuple[DatasetId, ...]]:
        """Table that a write which never completed knew by its name alone -> the tables with a place that have the name."""
        return namesakes(self.attempts, self._ever_read, self._met.values())

    @cached_property
    def edges(self) -> pa.Table:
        """The edges of all plans that a walk follows, sorted by plan."""
        return self.edges_of(plan.fingerprint for state in self.states.values() for plan in state.walked)

    @cached_property
    def walked_edges(self) -> pa.Table:
        """The same, with those of what no one can see into (`opaque`)."""
        return with_opaque_edges(self.edges, {target: state.walked for target, state in self.states.items()})

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """All problems; what became of a write without an end is told from the runs after it."""
        stored: tuple[Problem, ...] = from_rows("problems", self._store.read("problems").to_pylist())
        if not any(each.code == WITHOUT_END for each in stored):
            return stored
        return tuple(as_it_is_now(stored, self.runs, self._replacing, self.datasets))

    @cached_property
    def _replacing(self) -> frozenset[str]:
        """The plans that leave nothing of what was in their table before: overwrites that do not read it, and what takes all rows away."""
        return frozenset(
            row["fingerprint"]
            for _, target, row in self.complete_plans
            if row["overwrites"] and not CurrentPlan.of(row, target, {}).reads_itself
        )

    def edges_of(self, fingerprints: Iterable[str]) -> pa.Table:
        """The edges of some plans, sorted by plan, whether or not they are current."""
        wanted = pa.array(sorted(set(fingerprints)), pa.string())
        edges = self._edges
        return spelled_edges(edges.filter(pc.is_in(edges["fingerprint"], wanted)), self._spellings)

    def plan(self, fingerprint: str | None, target: DatasetId) -> CurrentPlan | None:
        """A plan, whether or not it is current or ever ran to its end; None where the store does not have it."""
        scope = set() if fingerprint is None else {fingerprint}
        rows = self._store.read("plans", _PLAN_COLUMNS, scope=scope).to_pylist() if scope else ()
        return next((CurrentPlan.of(row, target, {}) for row in rows), None)

    def plan_edges(self, plan: CurrentPlan, target: DatasetId) -> list[Row]:
        """The edges of one plan, with those of what no one can see into."""
        edges = self._edges.filter(pc.equal(self._edges["fingerprint"], plan.fingerprint))
        found: list[Row] = with_opaque_edges(edges, {target: (plan,)}).to_pylist()
        return found

    def state(self, id_: DatasetId) -> TableState:
        """The state of a dataset; one that was only read has no plans and no runs."""
        return self.states.get(id_, _NOTHING_WRITTEN)

    def fields(self, id_: DatasetId) -> tuple[Field, ...]:
        """The columns of a dataset as it is now, in the table's order: an append's own order does not count."""
        state = self.state(id_)
        plans = state.plans
        found: dict[str, Field] = {}
        for plan in plans:
            for column in plan.columns:
                name, certainty = column["name"], Certainty(column["certainty"])
                known = found.get(name)
                if known is None:
                    found[name] = Field(name, column["type"], certainty)
                elif certainty is not known.certainty:
                    found[name] = Field(name, known.type, weakest(known.certainty, certainty))
        in_order = dict.fromkeys(column["name"] for plan in reversed(plans) for column in plan.columns)
        found = {name: found[name] for name in in_order}
        for field, met in self._fields_of_others(id_).items():
            found.setdefault(field, Field(field, met[0][1]))
        if state.lost:
            return tuple(Field(each.name, each.type, Certainty.OPAQUE) for each in found.values())
        return tuple(found.values())

    def problems_of(self, ids: Iterable[DatasetId], *, walked: bool = False) -> tuple[Problem, ...]:
        """The problems that weaken what is said about datasets; `walked`: about plans behind self-overwrites too."""
        found: set[Problem] = set()
        for id_ in ids:
            state = self.state(id_)
            for plan in state.walked if walked else state.plans:
                found.update(self._problems_by_plan.get(plan.fingerprint, ()))
            for number, problem in self._problems_by_target.get(id_, ()):
                if problem.code == WITHOUT_END and problem.dataset is not None:
                    # It tells itself when it is over, and is about one of the tables of its run.
                    counts = problem.dataset == id_
                else:
                    is_current = problem.fingerprint is None and (number is None or number >= state.since)
                    counts = is_current or number == state.last_run
                if counts:
                    found.add(problem)
            found.update(self._varying_types(id_))
            found.update(self._without_plan(id_))
            if id_ in self.attempts:
                found.add(no_complete_write(id_, self.attempts[id_]))
            if not walked:
                found.update(self._by_name_alone(id_))
                found.update(self._ended(id_))
        return sorted_problems(found)

    @cached_property
    def problems_of_lost_plans(self) -> tuple[Problem, ...]:
        """A problem for each dataset whose current state a run made of which the store has no plan."""
        return tuple(problem for id_ in self.states for problem in self._without_plan(id_))

    @cached_property
    def _edges(self) -> pa.Table:
        return self._store.read("edges")

    @cached_property
    def complete_plans(self) -> list[tuple[int, DatasetId, Row]]:
        """The plans that ran to the end: number of the last such run, target, row; in the order of the numbers."""
        last = _last_complete(self._numbered_runs)
        return sorted(
            (
                (last[row["fingerprint"]], DatasetId(row["target_namespace"], row["target_name"]), row)
                for row in self._store.read("plans", _PLAN_COLUMNS).to_pylist()
                if row["fingerprint"] in last
            ),
            key=lambda plan: plan[:2],
        )

    @cached_property
    def _written_plans(self) -> list[tuple[int, DatasetId, Row]]:
        return [each for each in self.complete_plans if each[2]["kind"] != EdgeKind.CONTROL.value]

    @cached_property
    def _endings(self) -> Mapping[DatasetId, list[tuple[int, str]]]:
        """Where a table began anew, though nothing was written: the number of the run and its operation, in order."""
        found: dict[DatasetId, list[tuple[int, str]]] = {}
        for number, target, row in self.complete_plans:
            if row["kind"] == EdgeKind.CONTROL.value:
                found.setdefault(target, []).append((number, row["operation"]))
        return found

    @cached_property
    def _lost(self) -> Mapping[DatasetId, list[tuple[int, str]]]:
        """The COMPLETE writes of which the store does not have the plan: number and id of each, by what they wrote, in order."""
        known = pa.array([row["fingerprint"] for _, _, row in self.complete_plans], pa.string())
        runs = self._numbered_runs
        here = pc.and_(pc.equal(runs["state"], RunState.COMPLETE.value), pc.equal(runs["kind"], "write"))
        here = pc.and_(here, pc.invert(pc.is_in(runs["fingerprint"], known)))
        found: dict[DatasetId, list[tuple[int, str]]] = {}
        for row in runs.filter(pc.and_(here, pc.is_valid(runs["target_name"]))).to_pylist():
            id_ = DatasetId(row["target_namespace"], row["target_name"])
            found.setdefault(id_, []).append((row["number"], row["run_id"]))
        return found

    @cached_property
    def _spellings(self) -> Spellings:
        """What the last overwrite called a column counts before all that was written earlier."""
        since = {target: number for number, target, row in self.complete_plans if row["overwrites"]}
        ordered = sorted(self._written_plans, key=lambda plan: plan[0] < since.get(plan[1], -1))
        return spellings(
            (target, [column["name"] for column in row["columns"]]) for _, target, row in ordered
        )

    @cached_property
    def _numbered_runs(self) -> pa.Table:
        return self.runs.append_column("number", pa.array(range(self.runs.num_rows), pa.int64()))

    @cached_property
    def _met(self) -> Mapping[DatasetId, Dataset]:
        """All datasets by id, sorted, with all their aliases."""
        found = {
            dataset.id: dataset for dataset in from_rows("datasets", self._store.read("datasets").to_pylist())
        }
        for id_ in {*self.states, *self._read_datasets}:
            aliases = (id_.name,) if id_.namespace == CATALOG_NAMESPACE else ()
            found.setdefault(id_, Dataset(id_.namespace, id_.name, aliases))
        return dict(sorted(found.items()))

    @cached_property
    def _ever_read(self) -> frozenset[DatasetId]:
        """What a plan has read that ran to the end, current or not; only of interest beside attempts."""
        rows = (row for _, _, row in self.complete_plans) if self.attempts else ()
        return frozenset(
            DatasetId(each["namespace"], each["name"]) for row in rows for each in row["datasets"]
        )

    @cached_property
    def _attempts_by_namesake(self) -> Mapping[DatasetId, list[DatasetId]]:
        """What may have been a write of a table, where no other has its name: of many it would be said for nothing."""
        found: dict[DatasetId, list[DatasetId]] = {}
        for alone, others in self.namesakes.items():
            if len(others) == 1:
                found.setdefault(others[0], []).append(alone)
        return found

    @cached_property
    def _read_datasets(self) -> frozenset[DatasetId]:
        return frozenset(
            id_ for state in self.states.values() for plan in state.walked for id_ in plan.datasets
        )

    @cached_property
    def _stored_columns(self) -> Mapping[DatasetId, Mapping[str, list[tuple[int, str]]]]:
        """The (ordinal, type) pairs under which the fields of each dataset were ever met, in that order."""
        stored: dict[DatasetId, dict[str, list[tuple[int, str]]]] = {}
        columns = self._store.read("columns")
        order = [(name, "ascending") for name in ("namespace", "name", "ordinal", "type", "field")]
        for row in columns.take(pc.sort_indices(columns, sort_keys=order)).to_pylist():
            id_ = DatasetId(row["namespace"], row["name"])
            field = spelled(row["field"], self._spellings.get(id_, {}))
            fields = stored.setdefault(id_, {})
            fields.setdefault(field, []).append((row["ordinal"], row["type"]))
        return stored

    def _fields_of_others(self, id_: DatasetId) -> Mapping[str, list[tuple[int, str]]]:
        """The stored columns, where the current plans may not know all: of a table not yet overwritten as a whole.

        A table that was only ever written in vain has none.
        """
        state = self.state(id_)
        if state.plans and state.since >= 0:
            return {}
        if state.runs and not state.plans and id_ not in self._read_datasets:
            return {}
        return self._stored_columns.get(id_, {})

    def _varying_types(self, id_: DatasetId) -> Iterable[Problem]:
        """A problem for each column whose type is not known for sure: no current plan wrote it, and it was met as several."""
        written = {column["name"] for plan in self.state(id_).plans for column in plan.columns}
        for field, met in self._fields_of_others(id_).items():
            types = sorted({type_ for _, type_ in met})
            if len(types) > 1 and field not in written:
                yield Problem(
                    "column_type_varies",
                    Severity.INFO,
                    f"The column {field} was read as {' and as '.join(types)}; the answer shows {met[0][1]}.",
                    where=f"{id_.name}.{field}",
                    hint="Give the reader one schema if the jobs should agree.",
                )

    def _without_plan(self, id_: DatasetId) -> Iterable[Problem]:
        """What wrote without leaving a plan may have changed everything."""
        lost = self.state(id_).lost
        if lost:
            what = (
                "a run wrote it whose plan is"
                if len(lost) == 1
                else f"{len(lost)} runs wrote it whose plans are"
            )
            yield Problem(
                "plan_missing",
                Severity.WARNING,
                f"What it is made of is not known: {what} not in the store, the last was {lost[-1]}.",
                where=id_.name,
                hint="Ingest the spool of that run again, if it is still there.",
            )

    def _ended(self, id_: DatasetId) -> Iterable[Problem]:
        """What was written last is still told of a table that was dropped: what it fed has these sources."""
        ended_by = self.state(id_).ended_by
        if ended_by is not None:
            yield Problem(
                "table_ended",
                Severity.INFO,
                f"The rows went with {ended_by} after the last write: the answer says where they came from.",
                where=id_.name,
            )

    def _by_name_alone(self, id_: DatasetId) -> Iterable[Problem]:
        """What never completed and may have been a write of this table."""
        for alone in self._attempts_by_namesake.get(id_, ()):
            yield write_by_name(id_, alone, self.attempts[alone])

    @cached_property
    def _problems_by_plan(self) -> Mapping[str, list[Problem]]:
        found: dict[str, list[Problem]] = {}
        for problem in self.problems:
            if problem.fingerprint is not None:
                found.setdefault(problem.fingerprint, []).append(problem)
        return found

    @cached_property
    def _problems_by_target(self) -> Mapping[DatasetId, list[tuple[int | None, Problem]]]:
        """The problems by the dataset they are about, each with the number of its run if that wrote the dataset."""
        runs = self._numbered_runs.select(["run_id", "target_namespace", "target_name", "number"])
        wanted = pa.array(
            sorted({problem.run_id for problem in self.problems if problem.run_id}), pa.string()
        )
        targets: dict[str, list[tuple[DatasetId, int]]] = {}
        for row in runs.filter(pc.is_in(runs["run_id"], wanted)).to_pylist():
            if row["target_name"] is not None:
                target = DatasetId(row["target_namespace"], row["target_name"])
                targets.setdefault(row["run_id"], []).append((target, row["number"]))
        found: dict[DatasetId, list[tuple[int | None, Problem]]] = {}
        for problem in self.problems:
            wrote = targets.get(problem.run_id or "", [])
            for target, number in wrote:
                found.setdefault(target, []).append((number, problem))
            if problem.dataset is not None and problem.dataset not in {target for target, _ in wrote}:
                found.setdefault(problem.dataset, []).append((None, problem))
        return found


def sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The most severe first, then by code, where and message; each once, whatever its run, plan and dataset."""
    texts = {
        Problem(problem.code, problem.severity, problem.message, problem.where, problem.hint)
        for problem in problems
    }
    severities = (Severity.ERROR, Severity.WARNING, Severity.INFO)
    return tuple(
        sorted(texts, key=lambda p: (severities.index(p.severity), p.code, p.where, p.message, p.hint))
    )


def shown_runs(runs: pa.Table) -> pa.Table:
    """The runs that people see."""
    return runs.filter(pc.not_equal(runs["kind"], CONTROL_RUN))


def _last_complete(runs: pa.Table) -> dict[str, int]:
    """Fingerprint -> number of its last COMPLETE run."""
    complete = runs.filter(pc.equal(runs["state"], RunState.COMPLETE.value))
    return {key[0]: last for key, last, _ in _last_and_count(complete, "fingerprint")}


def _runs_by_target(runs: pa.Table) -> dict[DatasetId, tuple[int, int]]:
    """Dataset -> (number of runs, number of the last one)."""
    found = _last_and_count(shown_runs(runs), "target_namespace", "target_name")
    return {DatasetId(*key): (count, last) for key, last, count in found}


def _last_and_count(runs: pa.Table, *key: str) -> Iterable[tuple[tuple[Any, ...], int, int]]:
    groups = runs.group_by(list(key)).aggregate([("number", "max"), ("number", "count")])
    for row in groups.to_pylist():
        if row[key[-1]] is not None:
            yield tuple(row[name] for name in key), row["number_max"], row["number_count"]


def _state(
    plans: list[tuple[int, CurrentPlan]],
    endings: list[tuple[int, str]],
    lost: list[tuple[int, str]],
    runs: int,
    last_run: int,
    *,
    is_unknown: bool,
) -> TableState:
    """The state of one table from its plans with the numbers of their last COMPLETE runs.

    An ending counts once something was written after it: what was read from the table before came from the plans before.
    """
    written = max((number for number, _ in plans), default=-1)
    begin = max((number for number, _ in endings if number < written), default=-1)
    since = max((number for number, plan in plans if plan.overwrites), default=-1)
    since = max(since, begin)
    walked_since = max(
        (number for number, plan in plans if plan.overwrites and not plan.reads_itself), default=-1
    )
    walked_since = max(walked_since, begin)
    ended_run, ended_by = max((each for each in endings if each[0] > written >= 0), default=(-1, None))
    ordered = sorted(plans, key=lambda numbered: -numbered[0])
    return TableState(
        plans=tuple(plan for number, plan in ordered if number >= since),
        walked=tuple(plan for number, plan in ordered if number >= walked_since),
        since=since,
        runs=runs,
        last_run=last_run,
        ended_by=ended_by,
        ended_run=ended_run,
        lost=tuple(run_id for number, run_id in lost if number >= since),
        is_unknown=is_unknown,
    )
