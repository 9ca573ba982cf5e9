"""What a run was made of, in time: for each table upstream, the window in which a change could reach the output.

The walk goes back in time as well as upstream. A run read what its inputs were when it began, so what counts of an
input is what happened to it after the run before it had begun (that one read what was there then) and up to its own begin. An input that
was written in that window hands the question on to the run that wrote it; one that was not, to what kept it from being written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.compare.times import overlapping
from spark_lineage.model import Certainty, DatasetId, EdgeType, Run, RunState
from spark_lineage.query.graph import Graph, Key
from spark_lineage.query.snapshot import ReadableStore, Snapshot
from spark_lineage.store.schema import Row, from_rows

__all__ = ["Past", "Reach", "Round", "began_at", "end_of", "rounds_of"]


@dataclass(frozen=True, slots=True)
class Round:
    """One table upstream of an output: `hops` away, with the window (after `since`, up to `until`; epoch milliseconds) that counts.

    `since` None has no lower limit. `path` are the tables from this one to the output, both included. `reader` is the run that
    read it, None for the output's own table.
    """

    dataset: DatasetId
    hops: int
    since: int | None
    until: int
    path: tuple[DatasetId, ...]
    reader: Run | None = None

    def holds(self, at: int | None) -> bool:
        """Whether a moment lies in the window."""
        return at is not None and at <= self.until and (self.since is None or at > self.since)

    def widened(self, other: Round) -> Round:
        """The window of both."""
        since = None if self.since is None or other.since is None else min(self.since, other.since)
        return replace(self, since=since, until=max(self.until, other.until))


class Past:
    """The runs that wrote something, by target and in the order of their ends, and their plans."""

    def __init__(self, store: ReadableStore, snapshot: Snapshot) -> None:
        self.store = store
        self.snapshot = snapshot
        self._runs: dict[DatasetId, tuple[Run, ...]] = {}

    @cached_property
    def plans(self) -> Mapping[str, Row]:
        """What a plan reads and whether it replaces its table, by fingerprint."""
        columns = ("fingerprint", "overwrites", "datasets", "columns")
        return {row["fingerprint"]: row for row in self.store.read("plans", columns).to_pylist()}

    def runs(self, target: DatasetId) -> Sequence[Run]:
        """All runs that wrote a table or tried to, in the order of their ends; those of a table are made once."""
        if target not in self._runs:
            runs = self.snapshot.runs
            here = pc.and_(
                pc.equal(runs["target_name"], target.name),
                pc.equal(runs["target_namespace"], target.namespace),
            )
            writes = runs.filter(pc.and_(here, pc.equal(runs["kind"], "write")))
            self._runs[target] = tuple(from_rows("runs", writes.to_pylist()))
        return self._runs[target]

    def complete(self, target: DatasetId) -> list[Run]:
        """Those of them that are COMPLETE and whose end is known."""
        return [
            run for run in self.runs(target) if run.state is RunState.COMPLETE and run.ended_at is not None
        ]

    def sources(self, run: Run) -> list[DatasetId]:
        """What the run's plan reads, without the table that it writes itself."""
        plan = self.plans.get(run.fingerprint or "")
        found = self._read_by(plan) if plan else set()
        return sorted(each for each in found if each != run.target)

    def before(self, run: Run) -> Run | None:
        """The COMPLETE run that did the same before this one began; None for the first.

        A run of the same plan in the same application; else, of the job's last application before, the same plan, the same operation
        or whatever wrote the table last; else such a one of the same application.
        """
        if run.target is None:
            return None
        began = began_at(run)
        earlier = [
            each
            for each in self.complete(run.target)
            if each.job == run.job and each.run_id != run.run_id and end_of(each) <= began
        ]
        here = [each for each in earlier if _application(each) == _application(run)]
        others = [each for each in earlier if _application(each) != _application(run)]
        last = [each for each in others if _application(each) == _application(others[-1])]
        choices = (
            [each for each in here if each.fingerprint == run.fingerprint],
            [each for each in last if each.fingerprint == run.fingerprint],
            [each for each in last if each.operation == run.operation],
            last,
            [each for each in here if each.operation == run.operation],
            here,
        )
        return next((each[-1] for each in choices if each), None)

    def contributing(self, target: DatasetId, until: int) -> list[Run]:
        """The last COMPLETE run, up to a time, of each plan by which each job's last application, or those that overlap, wrote a table.

        What a later overwrite of the whole table replaced is left out.
        """
        found: dict[str, list[Run]] = {}
        for run in self.complete(target):
            if end_of(run) > until:
                continue
            plan = self.plans.get(run.fingerprint or "")
            if plan and plan["overwrites"] and target not in self._read_by(plan):
                found.clear()
            found.setdefault(run.job, []).append(run)
        last = (
            {run.fingerprint or "": run for run in _of_last_applications(runs)} for runs in found.values()
        )
        return [run for runs in last for run in runs.values()]

    @staticmethod
    def _read_by(plan: Row) -> set[DatasetId]:
        return {DatasetId(each["namespace"], each["name"]) for each in plan["datasets"]}


class Reach:
    """Which columns an output is made of, by the edges of the plans that were in play."""

    def __init__(self, past: Past, start: Key, fingerprints: Iterable[str]) -> None:
        edges = past.snapshot.edges_of(fingerprints)
        known = [
            (row["target_namespace"], row["target_name"], row["target_field"])
            for row in edges.select(["target_namespace", "target_name", "target_field"]).to_pylist()
        ]
        graph = Graph(edges, [start, *known], lambda _: Certainty.EXACT)
        self._start = start
        self._types: dict[DatasetId, EdgeType] = {}
        self._fields: dict[DatasetId, set[str]] = {}
        for node in graph.upstream(start, None).nodes:
            dataset = DatasetId(*node.key[:2])
            if node.key[2] is not None:
                self._fields.setdefault(dataset, set()).add(node.key[2])
            if node.subtype is not None and self._types.get(dataset) is not EdgeType.DIRECT:
                self._types[dataset] = node.subtype.type
        self._named = _named_sources(edges)

    def counts(self, dataset: DatasetId, reader: Run) -> bool:
        """Whether the output depends on the dataset: by a column, or as one that a plan reads without naming a column."""
        return dataset in self._types or (reader.fingerprint or "", dataset) not in self._named

    def type(self, dataset: DatasetId) -> EdgeType | None:
        """How the dataset reaches the output; None for the output's own table and where no column is named."""
        return self._types.get(dataset)

    def has(self, dataset: DatasetId, field: str | None) -> bool:
        """Whether the output depends on a field: it, what holds it or what lies within it was met. A whole table always counts."""
        if field is None or self._start[2] is None:
            return True
        met = self._fields.get(dataset, set())
        return any(
            field == each or field.startswith(f"{each}.") or each.startswith(f"{field}.") for each in met
        )


def rounds_of(past: Past, output: Run, field: str | None) -> tuple[list[Round], Reach]:
    """The tables that a run of an output depends on, the nearest first, then by name; and the columns.

    With a `field`, only those tables on which that column, or which rows there are, depends.
    """
    assert output.target is not None, "an output is a table"  # noqa: S101 - callers have resolved it
    everything = list(_walk(past, output, None))
    fingerprints = {run.fingerprint for _, runs in everything for run in runs if run.fingerprint}
    reach = Reach(past, (output.target.namespace, output.target.name, field), fingerprints)
    if field is None:
        return [each for each, _ in everything], reach
    return [each for each, _ in _walk(past, output, reach)], reach


def _walk(past: Past, output: Run, reach: Reach | None) -> Iterator[tuple[Round, list[Run]]]:
    """Level by level: each table once, at its smallest distance, with the runs that hand the question on."""
    assert output.target is not None, "an output is a table"  # noqa: S101 - callers have resolved it
    previous = past.before(output)
    own = Round(
        output.target,
        0,
        None if previous is None else end_of(previous),
        end_of(output),
        (output.target,),
    )
    # What other runs put into the table since then counts as well, such as an overwrite before an append.
    others = [
        run
        for run in past.contributing(output.target, began_at(output))
        if own.holds(run.ended_at) and run.run_id != output.run_id
    ]
    yield own, [output, *others]
    level = [
        each
        for run in (output, *others)
        for each in _inputs(past, own, run, _began(past.before(run)), began_at(run), reach)
    ]
    seen = {output.target}
    while level:
        merged: dict[DatasetId, Round] = {}
        for each in level:
            if each.dataset not in seen:
                known = merged.get(each.dataset)
                merged[each.dataset] = each if known is None else known.widened(each)
        seen.update(merged)
        level = []
        for dataset, each in sorted(merged.items()):
            writers = past.contributing(dataset, each.until)
            yield each, writers
            for run in writers:
                level += _inputs(past, each, run, *_window(past, each, run), reach)


def _window(past: Past, reached: Round, run: Run) -> tuple[int | None, int]:
    """The window of a run's inputs: its own, or that in which it should have run again."""
    if reached.holds(run.ended_at):
        return _began(past.before(run)), began_at(run)
    return began_at(run), reached.until


def _inputs(
    past: Past, at: Round, run: Run, since: int | None, until: int, reach: Reach | None
) -> list[Round]:
    return [
        Round(source, at.hops + 1, since, until, (source, *at.path), run)
        for source in past.sources(run)
        if reach is None or reach.counts(source, run)
    ]


def _application(run: Run) -> str:
    return run.run_id.partition(":")[0]


def _of_last_applications(runs: Sequence[Run]) -> Iterator[Run]:
    """The runs of one job's last application, and of those that wrote at the same time, in the order of their ends."""
    ends: dict[str, list[int]] = {}
    for run in runs:
        ends.setdefault(_application(run), []).append(end_of(run))
    last = overlapping({name: (min(own), max(own)) for name, own in ends.items()})[-1]
    return (run for run in runs if _application(run) in last)


def _began(run: Run | None) -> int | None:
    return None if run is None else began_at(run)


def began_at(run: Run) -> int:
    """When a run began, as well as it is known."""
    return run.started_at if run.started_at is not None else run.ended_at or 0


def end_of(run: Run) -> int:
    """When a run ended, as well as it is known."""
    return run.ended_at if run.ended_at is not None else began_at(run)


def _named_sources(edges: pa.Table) -> set[tuple[str, DatasetId]]:
    """The (plan, source) pairs of which a plan names columns."""
    columns = [edges[name].to_pylist() for name in ("fingerprint", "source_namespace", "source_name")]
    return {(plan, DatasetId(namespace, name)) for plan, namespace, name in zip(*columns, strict=True)}
