"""What would be without a table or column: who loses all, who loses columns, who still gets data by another path.

The rules, by the current plans and their edges:

- A plan reads one row set, or several that a UNION puts together. Without a UNION, all tables that it reads are inputs of one row set; with one, those that
  its joins tie together. A join condition whose partners are not known ties all tables that are joined.
- A row set is lost with any of its tables, and with any column by which it joins or filters. So a JOIN input that is lost takes the rows with
  it: **every join is taken as an inner one**, since which rows an outer join would keep is not recorded. What is told as lost may
  be less than that, never more remains than is told.
- A table is lost when every plan that writes it has lost all of its row sets. A table that reads itself is no source of itself.
- A column is lost when in every plan that is left all the columns that it is made of (DIRECT) are lost; it is incomplete when only some are, or one of those that decide its
  value (CONDITIONAL, WINDOW). A column that is made of none (a constant, a count) stays.
- A table that stays has lost rows when a row set of it is lost, or when a table that it is made of has lost rows.

Tables that are made of nothing but each other keep what they hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from spark_lineage.compare.causes.impact import Readers
from spark_lineage.compare.labels import reference
from spark_lineage.model import SCHEMA_VERSION, DatasetId, EdgeType, Subtype
from spark_lineage.query.answers import DatasetReference, Json, Vertex
from spark_lineage.query.local import LocalEngine
from spark_lineage.query.snapshot import ReadableStore, Snapshot
from spark_lineage.store.schema import Row

__all__ = ["OutageAnswer", "TableLoss", "outage"]

LOST, SOME_COLUMNS, SOME_ROWS, INCOMPLETE = "lost", "some_columns", "some_rows", "incomplete"
_OUTCOMES = (LOST, SOME_COLUMNS, SOME_ROWS, INCOMPLETE)

_Column = tuple[DatasetId, str]
_DECIDING = frozenset({Subtype.JOIN.value, Subtype.FILTER.value})


@dataclass(frozen=True, slots=True)
class TableLoss:
    """What one table loses. `outcome` is the worst of lost, some_columns, some_rows and incomplete (columns with some of their sources).

    `lost_sources` are the tables that it reads and that are gone or have lost something, `left_sources` those by which it still gets data.
    """

    dataset: DatasetReference
    hops: int
    outcome: str
    lost_columns: tuple[str, ...]
    incomplete_columns: tuple[str, ...]
    lost_sources: tuple[DatasetReference, ...]
    left_sources: tuple[DatasetReference, ...]

    @property
    def order(self) -> tuple[int, int, str, str]:
        """The worst first, then the nearest, then by name."""
        return (_OUTCOMES.index(self.outcome), self.hops, self.dataset.namespace, self.dataset.name)

    def to_dict(self) -> Json:
        """The loss's JSON."""
        return {
            **self.dataset.to_dict(),
            "hops": self.hops,
            "outcome": self.outcome,
            "lost_columns": list(self.lost_columns),
            "incomplete_columns": list(self.incomplete_columns),
            "lost_sources": [each.to_dict() for each in self.lost_sources],
            "left_sources": [each.to_dict() for each in self.left_sources],
        }


@dataclass(frozen=True, slots=True)
class OutageAnswer:
    """What would be without `without`: the tables that lose something; of `asked` and what is made of it alone, where that is given."""

    without: Vertex
    asked: Vertex | None
    tables: tuple[TableLoss, ...]

    def to_dict(self) -> Json:
        """The JSON of an outage."""
        return {
            "schema_version": SCHEMA_VERSION,
            "without": self.without.to_dict(),
            "asked": self.asked and self.asked.to_dict(),
            "tables": [each.to_dict() for each in self.tables],
        }


@dataclass(frozen=True, slots=True)
class _Plan:
    """A current plan of a table: its row sets, each with the tables and the columns that it cannot do without.

    Column -> the columns whose values flow into it (`made_of`), and those with the ones that it is decided by (`needs`).
    """

    target: DatasetId
    row_sets: tuple[tuple[frozenset[DatasetId], frozenset[_Column]], ...]
    columns: tuple[str, ...]
    made_of: Mapping[str, frozenset[tuple[DatasetId, str | None]]]
    needs: Mapping[str, frozenset[tuple[DatasetId, str | None]]]


def outage(store: ReadableStore, without: str, asked: str | None = None) -> OutageAnswer:
    """What would be without a table or `table.column`; `asked` a table: only it and what is made of it. Raises `NameLookupError`."""
    engine = LocalEngine(store)
    snapshot = engine.snapshot
    dataset, field = engine.resolve(without)
    plans = list(_plans(store, snapshot))
    before = _Left(snapshot, plans, None, None)
    after = _Left(snapshot, plans, (dataset.id, field), before)
    readers = Readers(snapshot)
    hops = _hops(readers, dataset.id)
    wanted: Collection[DatasetId] = hops
    start = None
    if asked is not None:
        table, column = engine.resolve(asked)
        start = Vertex(reference(snapshot, table.id), column)
        wanted = {table.id, *readers.below(table.id, hops)}
    losses = (_loss(snapshot, id_, hops[id_], before, after) for id_ in sorted(hops) if id_ in wanted)
    return OutageAnswer(
        without=Vertex(reference(snapshot, dataset.id), field),
        asked=start,
        tables=tuple(sorted((each for each in losses if each is not None), key=lambda each: each.order)),
    )


class _Left:
    """What is left: tables and columns that can still be made, grown from the sources until nothing is added."""

    def __init__(
        self,
        snapshot: Snapshot,
        plans: Sequence[_Plan],
        lost: tuple[DatasetId, str | None] | None,
        before: _Left | None,
    ) -> None:
        self._lost = lost
        self.by_target: dict[DatasetId, list[_Plan]] = {}
        for plan in plans:
            self.by_target.setdefault(plan.target, []).append(plan)
        self.tables: set[DatasetId] = set()
        self.columns: set[_Column] = set()
        self._sources = {id_ for id_ in snapshot.datasets if id_ not in self.by_target}
        if before is not None:
            self._sources |= before._sources  # noqa: SLF001 - another of this class
        self._grow(snapshot)
        if before is None:
            # What nothing leads to is made of itself alone: it is there as a source is.
            self._sources |= {id_ for id_ in self.by_target if id_ not in self.tables}
            self._grow(snapshot)
        self.reduced = self._reduced() if lost is not None else set()

    @property
    def lost_dataset(self) -> DatasetId | None:
        """The table that is gone, or has lost a column."""
        return None if self._lost is None else self._lost[0]

    def _grow(self, snapshot: Snapshot) -> None:
        for id_ in self._sources:
            if self._lost != (id_, None):
                self.tables.add(id_)
                self.columns |= {
                    (id_, each.name) for each in snapshot.fields(id_) if self._lost != (id_, each.name)
                }
        grown = True
        while grown:
            before = len(self.tables) + len(self.columns)
            for plans in self.by_target.values():
                for plan in plans:
                    self._make(plan)
            grown = len(self.tables) + len(self.columns) > before

    def _make(self, plan: _Plan) -> None:
        if self._lost == (plan.target, None) or not self.sets_left(plan):
            return
        self.tables.add(plan.target)
        for column in plan.columns:
            made_of = plan.made_of.get(column)
            if self._lost != (plan.target, column) and (not made_of or any(self.arriving(plan, made_of))):
                self.columns.add((plan.target, column))

    def arriving(self, plan: _Plan, columns: Iterable[tuple[DatasetId, str | None]]) -> list[bool]:
        """For each column, whether it is left and in a row set of the plan that is."""
        tables = frozenset().union(*self.sets_left(plan))
        return [each[0] in tables and self.has(each) for each in columns]

    def sets_left(self, plan: _Plan) -> list[frozenset[DatasetId]]:
        """The tables of each row set of a plan that is left."""
        return [
            tables for tables, keys in plan.row_sets if tables <= self.tables and all(map(self.has, keys))
        ]

    def has(self, column: tuple[DatasetId, str | None]) -> bool:
        """Whether a column is left; of a field, the column that it lies in. One that is not known is there with its table."""
        id_, field = column
        if id_ not in self.tables:
            return False
        if field is None or (id_, field) in self.columns:
            return True
        lost, inner = (None, None) if self._lost is None else self._lost
        if id_ == lost and inner is not None and _touches(field, inner):
            return False
        known = {name for plan in self.by_target.get(id_, ()) for name in plan.columns}
        outer = next((name for name in known if _touches(field, name)), None)
        return outer is None or (id_, outer) in self.columns

    def _reduced(self) -> set[DatasetId]:
        """The tables that are left with fewer rows: a row set of theirs is gone, or a table that they read has fewer."""
        found: set[DatasetId] = set()
        grown = True
        while grown:
            grown = False
            for target, plans in self.by_target.items():
                if (
                    target in self.tables
                    and target not in found
                    and any(self._reduces(each, found) for each in plans)
                ):
                    found.add(target)
                    grown = True
        return found

    def _reduces(self, plan: _Plan, reduced: set[DatasetId]) -> bool:
        left = self.sets_left(plan)
        return len(left) < len(plan.row_sets) or any(tables & reduced for tables in left)


def _plans(store: ReadableStore, snapshot: Snapshot) -> Iterator[_Plan]:
    """The current plans of all tables."""
    operators = {
        row["fingerprint"]: {each["name"] for each in row["operators"]}
        for row in store.read("plans", ("fingerprint", "operators")).to_pylist()
    }
    by_plan: dict[str, list[Row]] = {}
    for edge in snapshot.edges.to_pylist():
        by_plan.setdefault(edge["fingerprint"], []).append(edge)
    for target, state in snapshot.states.items():
        for plan in state.plans:
            edges = [edge for edge in by_plan.get(plan.fingerprint, ()) if _source(edge) != target]
            others = {each for each in plan.datasets if each != target}
            if plan.reads_itself and not others:
                # It hands on what is there: that is no way for data to come.
                continue
            is_union = "Union" in operators.get(plan.fingerprint, ())
            groups = _groups(others, edges) if is_union else [frozenset(others)]
            yield _Plan(
                target=target,
                row_sets=tuple((group, _keys(group, edges)) for group in groups or [frozenset()]),
                columns=tuple(each["name"] for each in plan.columns),
                made_of=_sources(edges, {EdgeType.DIRECT}),
                needs=_sources(edges, set(EdgeType)),
            )


def _groups(tables: Iterable[DatasetId], edges: Iterable[Row]) -> list[frozenset[DatasetId]]:
    """The tables that joins tie together, sorted."""
    by_operator: dict[str, set[DatasetId]] = {}
    for edge in edges:
        if edge["subtype"] == Subtype.JOIN.value:
            by_operator.setdefault(edge["operator"] or "", set()).add(_source(edge))
    joined = set().union(*by_operator.values())
    # An edge has one operator: a column of two joins is tied to the first alone, and its partner in the second stands by itself.
    ties = [group if len(group) > 1 else joined for group in by_operator.values()]
    groups = [{each} for each in sorted(tables)]
    for tie in ties:
        together = [group for group in groups if group & tie]
        groups = [group for group in groups if not group & tie]
        if together:
            groups.append(set().union(*together))
    return sorted((frozenset(group) for group in groups), key=sorted)


def _keys(group: frozenset[DatasetId], edges: Iterable[Row]) -> frozenset[_Column]:
    """The columns by which a row set is joined or filtered."""
    return frozenset(
        (_source(edge), edge["source_field"])
        for edge in edges
        if edge["subtype"] in _DECIDING and edge["source_field"] is not None and _source(edge) in group
    )


def _sources(
    edges: Iterable[Row], types: Collection[EdgeType]
) -> Mapping[str, frozenset[tuple[DatasetId, str | None]]]:
    """Column -> the columns that reach it by edges of these types."""
    found: dict[str, set[tuple[DatasetId, str | None]]] = {}
    for edge in edges:
        if edge["target_field"] is not None and Subtype(edge["subtype"]).type in types:
            found.setdefault(edge["target_field"], set()).add((_source(edge), edge["source_field"]))
    return {column: frozenset(sources) for column, sources in found.items()}


def _loss(snapshot: Snapshot, id_: DatasetId, hops: int, before: _Left, after: _Left) -> TableLoss | None:
    """What a table loses; None where it loses nothing."""
    lost_columns = sorted(name for dataset, name in before.columns - after.columns if dataset == id_)
    incomplete: set[str] = set()
    for plan in after.by_target.get(id_, ()):
        for column, needs in plan.needs.items():
            if column not in lost_columns and not all(after.arriving(plan, needs)):
                incomplete.add(column)
    if id_ not in after.tables:
        outcome = LOST
    elif lost_columns:
        outcome = SOME_COLUMNS
    elif id_ in after.reduced:
        outcome = SOME_ROWS
    elif incomplete:
        outcome = INCOMPLETE
    else:
        return None
    plans = after.by_target.get(id_, ())
    left = {each for plan in plans for tables in after.sets_left(plan) for each in tables}
    read = {each for plan in plans for tables, _ in plan.row_sets for each in tables}
    hit = {each for each in read if _is_hit(each, before, after)}
    return TableLoss(
        dataset=reference(snapshot, id_),
        hops=hops,
        outcome=outcome,
        lost_columns=() if outcome == LOST else tuple(lost_columns),
        incomplete_columns=() if outcome == LOST else tuple(sorted(incomplete)),
        lost_sources=tuple(reference(snapshot, each) for each in sorted(hit)),
        left_sources=tuple(reference(snapshot, each) for each in sorted(left - hit)),
    )


def _is_hit(id_: DatasetId, before: _Left, after: _Left) -> bool:
    if id_ not in after.tables or id_ in after.reduced or id_ == after.lost_dataset:
        return True
    return any(dataset == id_ for dataset, _ in before.columns - after.columns)


def _hops(readers: Readers, start: DatasetId) -> dict[DatasetId, int]:
    """The tables that are made of the start, and how far they are."""
    found = {start: 0}
    waiting = [start]
    for each in waiting:
        for target in readers.targets.get(each, ()):
            if target not in found:
                found[target] = found[each] + 1
                waiting.append(target)
    del found[start]
    return found


def _touches(field: str, other: str) -> bool:
    return field == other or field.startswith(f"{other}.") or other.startswith(f"{field}.")


def _source(edge: Row) -> DatasetId:
    return DatasetId(edge["source_namespace"], edge["source_name"])
