"""What hangs on a table or column: all that is made of it, the most that would be hit first.

**The rank.** What a DIRECT value reaches comes before what is reached by deciding rows or conditions alone (INDIRECT). Then counts, each the more the
earlier: the tables that are made of the table on their part, the columns reached in it and in those, the recent runs and usages that read it
(of the 30 days before the newest run in the store), the results of programs made of it. Then the fewer hops, and the name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow.compute as pc

from spark_lineage.compare.labels import reference
from spark_lineage.errors import NameLookupError
from spark_lineage.model import (
    DRIVER_NAMESPACE,
    SCHEMA_VERSION,
    Certainty,
    Dataset,
    DatasetId,
    EdgeType,
    Subtype,
    weakest,
)
from spark_lineage.query.answers import DatasetReference, Json, Vertex, iso_time
from spark_lineage.query.graph import Key, Node
from spark_lineage.query.local import LocalEngine
from spark_lineage.query.one_run import run_named
from spark_lineage.query.snapshot import ReadableStore, Snapshot
from spark_lineage.query.unnamed import read_without_column

__all__ = ["RECENT_DAYS", "ImpactAnswer", "ReachedTable", "Readers", "impact"]

RECENT_DAYS = 30
_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class ReachedTable:
    """One table that is made of the start, `hops` away.

    `certainty` is the weakest on the ways to it. `columns` are those that are reached, each by its strongest bond, None (INDIRECT) where a table is read without naming a column; `rows` is true where which rows there are depends on the start.
    `tables_on_it` and `results_on_it` are the tables and the results of programs made of it on their part, `columns_on_it` the columns
    reached in it and in those tables; `runs` and `usages` read it recently. `ended_by` is what took its rows away after its last write.
    """

    dataset: DatasetReference
    hops: int
    certainty: Certainty
    columns: tuple[tuple[str, Subtype | None], ...]
    rows: bool
    tables_on_it: int
    columns_on_it: int
    results_on_it: int
    runs: int
    usages: int
    ended_by: str | None = None

    @property
    def type(self) -> EdgeType:
        """DIRECT where one value is."""
        is_direct = any(_type(subtype) is EdgeType.DIRECT for _, subtype in self.columns)
        return EdgeType.DIRECT if is_direct else EdgeType.INDIRECT

    @property
    def order(self) -> tuple[bool, int, int, int, int, int, str, str]:
        """The rank of the module's docstring, as a sort key."""
        return (
            self.type is EdgeType.INDIRECT, -self.tables_on_it, -self.columns_on_it, -(self.runs + self.usages),
            -self.results_on_it, self.hops, self.dataset.namespace, self.dataset.name,
        )  # fmt: skip

    def to_dict(self) -> Json:
        """The table's JSON."""
        return {
            **self.dataset.to_dict(),
            "hops": self.hops,
            "type": self.type.value,
            "certainty": self.certainty.value,
            "columns": [
                {"name": name, "type": _type(subtype).value, "subtype": subtype and subtype.value}
                for name, subtype in self.columns
            ],
            "rows": self.rows,
            "tables_on_it": self.tables_on_it,
            "columns_on_it": self.columns_on_it,
            "results_on_it": self.results_on_it,
            "runs": self.runs,
            "usages": self.usages,
            "ended_by": self.ended_by,
        }


@dataclass(frozen=True, slots=True)
class ImpactAnswer:
    """All tables that are made of the start, by rank; `results` went to programs. Uses are counted from `since` to `until`."""

    start: Vertex
    since: int | None
    until: int | None
    tables: tuple[ReachedTable, ...]
    results: tuple[DatasetReference, ...]

    def to_dict(self) -> Json:
        """The JSON of an impact."""
        return {
            "schema_version": SCHEMA_VERSION,
            "start": self.start.to_dict(),
            "since": iso_time(self.since),
            "until": iso_time(self.until),
            "tables": [each.to_dict() for each in self.tables],
            "results": [each.to_dict() for each in self.results],
        }


class Readers:
    """Which dataset is made of which by the current plans, and whether a plan names a column of what it reads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @cached_property
    def targets(self) -> Mapping[DatasetId, tuple[DatasetId, ...]]:
        """Dataset -> those that are made of it, itself left out, sorted."""
        found: dict[DatasetId, set[DatasetId]] = {}
        for target, state in self._snapshot.states.items():
            for plan in state.walked:
                for source in plan.datasets:
                    if source != target:
                        found.setdefault(source, set()).add(target)
        return {source: tuple(sorted(targets)) for source, targets in found.items()}

    @cached_property
    def unnamed(self) -> Mapping[DatasetId, tuple[DatasetId, ...]]:
        """The same for plans that name no column of what they read, as `count(*)` does."""
        return read_without_column(self._snapshot)

    def below(self, start: DatasetId, among: Iterable[DatasetId]) -> set[DatasetId]:
        """All that is made of a dataset on paths through `among`, itself left out."""
        allowed = set(among)
        found: set[DatasetId] = set()
        waiting = [start]
        while waiting:
            new = [
                each for each in self.targets.get(waiting.pop(), ()) if each in allowed and each not in found
            ]
            found.update(new)
            waiting += new
        return found - {start}


def impact(store: ReadableStore, name: str) -> ImpactAnswer:
    """What is made of `table.column`, of a whole table, or of what a run writes or failed to write, ranked.

    Raises `NameLookupError`, also for a run that writes no table or several.
    """
    engine = LocalEngine(store)
    snapshot = engine.snapshot
    written = _target_of(snapshot, name)
    dataset, field = (
        engine.resolve(name) if written is None else (Dataset(written.namespace, written.name), None)
    )
    readers = Readers(snapshot)
    nodes = _reached(engine, readers, (dataset.namespace, dataset.name, field))
    by_dataset: dict[DatasetId, list[Node]] = {}
    for node in nodes:
        if node.depth > 0:
            by_dataset.setdefault(DatasetId(*node.key[:2]), []).append(node)
    by_dataset.pop(dataset.id, None)
    uses = _Uses(store, snapshot)
    columns = {id_: _columns(found) for id_, found in by_dataset.items()}
    tables = []
    for id_, found in by_dataset.items():
        if id_.namespace == DRIVER_NAMESPACE:
            continue
        below = readers.below(id_, by_dataset)
        results = {each for each in below if each.namespace == DRIVER_NAMESPACE}
        tables.append(
            ReachedTable(
                dataset=reference(snapshot, id_),
                hops=min(node.depth for node in found),
                certainty=weakest(*(node.certainty for node in found)),
                columns=columns[id_],
                rows=any(node.key[2] is None for node in found),
                tables_on_it=len(below - results),
                columns_on_it=sum(len(columns[each]) for each in {id_, *below} - results),
                results_on_it=len(results),
                runs=uses.count(id_, "write"),
                usages=uses.count(id_, "usage"),
                ended_by=snapshot.state(id_).ended_by,
            )
        )
    programs = sorted(id_ for id_ in by_dataset if id_.namespace == DRIVER_NAMESPACE)
    return ImpactAnswer(
        start=Vertex(reference(snapshot, dataset.id), field),
        since=uses.since,
        until=uses.until,
        tables=tuple(sorted(tables, key=lambda each: each.order)),
        results=tuple(reference(snapshot, id_) for id_ in programs),
    )


def _target_of(snapshot: Snapshot, name: str) -> DatasetId | None:
    """The table that a run writes; None where `name` is no run's."""
    run_id = run_named(name, snapshot)
    if run_id is None:
        return None
    runs = snapshot.runs.filter(pc.equal(snapshot.runs["run_id"], run_id)).to_pylist()
    targets = {
        DatasetId(run["target_namespace"], run["target_name"])
        for run in runs
        if run["target_name"] is not None
    }
    if len(targets) == 1:
        return targets.pop()
    what = f"writes {len(targets)} tables" if targets else "writes no table"
    candidates = tuple(sorted(target.name for target in targets))
    raise NameLookupError(f'The run "{name}" {what}: name the table that you mean.', candidates)


def _reached(engine: LocalEngine, readers: Readers, start: Key) -> list[Node]:
    """All that the start reaches; what reads a table without naming a column is reached through its rows."""
    found: dict[Key, Node] = {}
    waiting: deque[tuple[Key, int]] = deque([(start, 0)])
    begun = {start}
    while waiting:
        key, offset = waiting.popleft()
        for node in engine.graph.downstream(key, None).nodes:
            depth = node.depth + offset
            # Through rows that were read without a column nothing reaches anything as a value.
            is_value = node.subtype is not None and node.subtype.type is EdgeType.DIRECT
            subtype = None if offset and is_value else node.subtype
            known = found.get(node.key)
            if known is None:
                found[node.key] = replace(node, depth=depth, subtype=subtype)
            else:
                depth = min(depth, known.depth)
                certainty = weakest(known.certainty, node.certainty)
                found[node.key] = replace(known, depth=depth, certainty=certainty)
            if node.key[2] is None:
                for target in readers.unnamed.get(DatasetId(*node.key[:2]), ()):
                    next_key: Key = (target.namespace, target.name, None)
                    if next_key not in begun:
                        begun.add(next_key)
                        waiting.append((next_key, depth + 1))
    return list(found.values())


def _columns(nodes: Iterable[Node]) -> tuple[tuple[str, Subtype | None], ...]:
    found = {node.key[2]: node.subtype for node in nodes if node.key[2] is not None}
    return tuple(sorted(found.items()))


def _type(subtype: Subtype | None) -> EdgeType:
    return EdgeType.INDIRECT if subtype is None else subtype.type


class _Uses:
    """How often datasets were read in the last days before the newest run."""

    def __init__(self, store: ReadableStore, snapshot: Snapshot) -> None:
        runs = snapshot.runs
        times = pc.coalesce(runs["ended_at"], runs["started_at"])
        newest: int | None = pc.max(times).as_py()
        self.until = newest
        self.since = None if newest is None else newest - RECENT_DAYS * _DAY_MS
        self._counts: dict[tuple[DatasetId, str], int] = {}
        if self.since is None:
            return
        recent = runs.filter(pc.fill_null(pc.greater_equal(times, self.since), fill_value=False))
        rows = store.read("plans", ("fingerprint", "datasets")).to_pylist()
        reads = {row["fingerprint"]: row["datasets"] for row in rows}
        for kind, fingerprint in zip(
            recent["kind"].to_pylist(), recent["fingerprint"].to_pylist(), strict=True
        ):
            for each in reads.get(fingerprint, ()):
                key = DatasetId(each["namespace"], each["name"]), kind
                self._counts[key] = self._counts.get(key, 0) + 1

    def count(self, id_: DatasetId, kind: str) -> int:
        """How many runs of a kind read a dataset."""
        return self._counts.get((id_, kind), 0)
