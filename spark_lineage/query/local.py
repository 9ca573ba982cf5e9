"""The local engine: every question, answered from a snapshot of the store in memory.

An engine reads each table of the store once, when it is first needed; a new engine sees what was written since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import Certainty, Dataset, DatasetId, Run, RunState, Subtype, weakest
from spark_lineage.query import answers
from spark_lineage.query.columns import columns_of, end_of, reference, sources_of
from spark_lineage.query.graph import Graph, Key
from spark_lineage.query.names import resolve_column, resolve_table
from spark_lineage.query.one_run import RunAnswer, run_answer
from spark_lineage.query.snapshot import ReadableStore, Snapshot, shown_runs, sorted_problems
from spark_lineage.query.snapshot_graph import graph_of
from spark_lineage.query.streams import StreamAnswer, StreamsAnswer, stream_answer, streams_answer
from spark_lineage.query.unnamed import read_without_column, walk_problems
from spark_lineage.store.schema import Row, from_rows

__all__ = ["LocalEngine"]


class LocalEngine:
    """Answers about one store.

    Every method raises `StoreError` for a store that is missing or cannot be read, and those that take a name
    `NameLookupError` for one that is unknown or ambiguous. The values are described in docs/json.md.

        engine = LocalEngine(DeltaStore("lineage"))
        engine.table("report").to_dict()
        engine.upstream("report.total", depth=3).to_dict()
    """

    def __init__(self, store: ReadableStore) -> None:
        self._store = store
        self._snapshot = Snapshot(store)

    @property
    def snapshot(self) -> Snapshot:
        """The store as the engine sees it."""
        return self._snapshot

    def resolve(self, name: str) -> tuple[Dataset, str | None]:
        """The dataset and field that `table.column` means; the field is None where it is a table."""
        return resolve_column(name, self._snapshot.datasets.values(), self._known_fields)

    def table(self, name: str) -> answers.TableAnswer:
        """The direct sources of each column of a table, and what decides its rows."""
        dataset = resolve_table(name, self._snapshot.datasets.values())
        id_ = dataset.id
        state = self._snapshot.state(id_)
        edges = self._direct_edges(id_)
        fields = {field.name: (field.type, field.certainty) for field in self._snapshot.fields(id_)}
        columns = columns_of(self._snapshot, fields, edges)
        rows = [edge for edge in edges if edge["target_field"] is None]
        return answers.TableAnswer(
            dataset=self._reference(id_),
            certainty=weakest(
                state.certainty,
                *(column.certainty for column in columns),
                *(Certainty(row["certainty"]) for row in rows),
            ),
            plans=tuple(sorted(plan.fingerprint for plan in state.plans)),
            runs=state.runs,
            last_run=self._last_run(id_),
            columns=columns,
            rows=sources_of(self._snapshot, rows),
            problems=self._snapshot.problems_of([id_]),
        )

    def upstream(self, name: str, depth: int | None = None) -> answers.WalkAnswer:
        """What `table.column`, or a whole table, is made of, at most `depth` hops away (None: no limit)."""
        return self._walk("upstream", name, depth)

    def downstream(self, name: str, depth: int | None = None) -> answers.WalkAnswer:
        """What is made of `table.column`, or of a whole table, at most `depth` hops away (None: no limit)."""
        return self._walk("downstream", name, depth)

    def tables(self) -> answers.TablesAnswer:
        """All tables, and which is made directly of which."""
        snapshot = self._snapshot
        edges: dict[tuple[DatasetId, DatasetId, str], list[str]] = {}
        for target, state in snapshot.states.items():
            for plan in state.plans:
                for source in set(plan.datasets):
                    edges.setdefault((source, target, plan.kind.value), []).append(plan.fingerprint)
        return answers.TablesAnswer(
            tables=tuple(map(self._summary, snapshot.datasets.values())),
            edges=tuple(
                answers.TableEdge(
                    self._reference(source), self._reference(target), kind, tuple(sorted(plans))
                )
                for (source, target, kind), plans in sorted(edges.items())
            ),
            problems=snapshot.problems_of(snapshot.datasets),
        )

    def runs(self, limit: int | None = None, state: RunState | None = None) -> answers.RunsAnswer:
        """What ran, the newest first; at most `limit` runs (None: all), only those in `state` (None: any)."""
        runs = shown_runs(self._snapshot.runs)
        if state is not None:
            runs = runs.filter(pc.equal(runs["state"], state.value))
        count = runs.num_rows if limit is None else max(0, min(limit, runs.num_rows))
        newest: list[Run] = list(from_rows("runs", runs.slice(runs.num_rows - count).to_pylist()))
        return answers.RunsAnswer(
            tuple(
                (run, None if run.target is None else self._reference(run.target)) for run in reversed(newest)
            )
        )

    def run(self, name: str) -> RunAnswer:
        """What happened in one run: by its id, an id cut short, or a table, whose last run it then is."""
        return run_answer(self._store, self._snapshot, name)

    def streams(self) -> StreamsAnswer:
        """All streaming queries, the one that was last at work first."""
        return streams_answer(self._store, self._snapshot)

    def stream(self, name: str, limit: int | None = None) -> StreamAnswer:
        """The history of one streaming query, by name, id or its beginning; at most its newest `limit` micro-batches."""
        return stream_answer(self._store, self._snapshot, name, limit)

    def problems(self) -> answers.ProblemsAnswer:
        """All that was not understood, not captured or cut, whether or not it still matters."""
        snapshot = self._snapshot
        return answers.ProblemsAnswer(sorted_problems((*snapshot.problems, *snapshot.problems_of_lost_plans)))

    def search(self, text: str) -> answers.SearchAnswer:
        """The datasets, columns and expressions that have `text` in them, and the transformations of that name, in either case."""
        wanted = text.casefold()
        matches = {*self._matching_expressions(text), *self._matching_transformations(wanted)}
        for id_, dataset in self._snapshot.datasets.items():
            if any(wanted in name.casefold() for name in (dataset.name, *dataset.aliases)):
                matches.add(answers.Match("dataset", self._vertex(id_, None)))
            for field in self._snapshot.fields(id_):
                if wanted in field.name.casefold():
                    matches.add(answers.Match("column", self._vertex(id_, field.name)))
        return answers.SearchAnswer(text, tuple(sorted(matches, key=lambda match: match.order)))

    def _walk(self, direction: str, name: str, depth: int | None) -> answers.WalkAnswer:
        dataset, field = self.resolve(name)
        start: Key = (dataset.namespace, dataset.name, field)
        graph = self.graph
        walk = graph.upstream(start, depth) if direction == "upstream" else graph.downstream(start, depth)
        nodes = [
            answers.WalkNode(
                self._vertex(DatasetId(*node.key[:2]), node.key[2]),
                node.depth,
                node.subtype,
                node.masking,
                node.certainty,
                node.own,
            )
            for node in walk.nodes
        ]
        met = {DatasetId(*node.key[:2]) for node in walk.nodes}
        ends = {
            (DatasetId(*node.key[:2]), node.key[2] is None)
            for node in walk.nodes
            if depth is None or node.depth < depth
        }
        problems = {
            *self._snapshot.problems_of(met, walked=True),
            *walk_problems(self._readers, direction, ends),
        }
        edges = graph.edges.take(pa.array(walk.edges, pa.int64())).to_pylist()
        return answers.WalkAnswer(
            start=self._vertex(dataset.id, field),
            direction=direction,
            depth=depth,
            nodes=tuple(nodes),
            edges=tuple(sorted(map(self._walk_edge, edges), key=lambda edge: edge.order)),
            problems=sorted_problems(problems),
        )

    @cached_property
    def _readers(self) -> Mapping[DatasetId, tuple[DatasetId, ...]]:
        return read_without_column(self._snapshot)

    @cached_property
    def graph(self) -> Graph:
        """The index over the edges of all current plans that walks go over."""
        return graph_of(self._snapshot)

    def _known_fields(self, dataset: Dataset) -> set[str]:
        """The columns of a dataset, and the fields (of structs too) that edges name."""
        edges = self._snapshot.walked_edges
        known = {field.name for field in self._snapshot.fields(dataset.id)}
        for end in ("source", "target"):
            known.update(_at(edges, end, dataset.id)[f"{end}_field"].drop_null().to_pylist())
        return known | self._attempted_fields.get(dataset.id, frozenset())

    @cached_property
    def _attempted_fields(self) -> Mapping[DatasetId, frozenset[str]]:
        """The columns that a write would have made which did not complete: they can be asked for, the answer says so."""
        attempts = {id_: each.fingerprint or "" for id_, each in self._snapshot.attempts.items()}
        if not attempts:
            return {}
        plans = self._store.read("plans", ("fingerprint", "columns"), scope=set(attempts.values()))
        names = {
            plan["fingerprint"]: frozenset(column["name"] for column in plan["columns"])
            for plan in plans.to_pylist()
        }
        return {id_: names.get(fingerprint, frozenset()) for id_, fingerprint in attempts.items()}

    def _direct_edges(self, target: DatasetId) -> list[Row]:
        plans = pa.array([plan.fingerprint for plan in self._snapshot.state(target).plans], pa.string())
        edges = _at(self._snapshot.walked_edges, "target", target)
        found: list[Row] = edges.filter(pc.is_in(edges["fingerprint"], plans)).to_pylist()
        return found

    def _walk_edge(self, edge: Row) -> answers.WalkEdge:
        return answers.WalkEdge(
            source=self._end(edge, "source"),
            target=self._end(edge, "target"),
            subtype=Subtype(edge["subtype"]),
            masking=edge["masking"],
            certainty=Certainty(edge["certainty"]),
            expression=edge["expression"],
            plan=edge["fingerprint"],
            operator=edge["operator"],
            transformations=tuple(edge["transformations"]),
            version=edge["source_version"],
        )

    def _summary(self, dataset: Dataset) -> answers.TableSummary:
        state = self._snapshot.state(dataset.id)
        return answers.TableSummary(
            dataset=self._reference(dataset.id),
            format=dataset.format,
            columns=tuple(field.name for field in self._snapshot.fields(dataset.id)),
            certainty=state.certainty,
            plans=tuple(sorted(plan.fingerprint for plan in state.plans)),
            runs=state.runs,
            last_run=self._last_run(dataset.id),
        )

    def _last_run(self, id_: DatasetId) -> answers.LastRun | None:
        number = self._snapshot.state(id_).last_run
        if number < 0:
            return None
        run: dict[str, Any] = self._snapshot.runs.slice(number, 1).to_pylist()[0]
        return answers.LastRun(run["run_id"], RunState(run["state"]), run["started_at"], run["rows"])

    def _matching_expressions(self, text: str) -> Iterable[answers.Match]:
        edges = self._snapshot.walked_edges
        found = edges.filter(pc.match_substring(edges["expression"], text, ignore_case=True))
        for edge in found.to_pylist():
            yield answers.Match(
                "expression", self._end(edge, "target"), edge["expression"], edge["fingerprint"]
            )

    def _matching_transformations(self, wanted: str) -> Iterable[answers.Match]:
        edges = self._snapshot.walked_edges
        names = edges["transformations"].combine_chunks()
        here = pc.equal(pc.utf8_lower(names.flatten()), wanted)
        found = pc.unique(pc.list_parent_indices(names).filter(here))
        for edge in edges.take(found).to_pylist():
            yield answers.Match(
                "transformation", self._end(edge, "target"), edge["expression"], edge["fingerprint"]
            )

    def _end(self, edge: Row, end: str) -> answers.Vertex:
        return end_of(self._snapshot, edge, end)

    def _vertex(self, id_: DatasetId, field: str | None) -> answers.Vertex:
        return answers.Vertex(self._reference(id_), field)

    def _reference(self, id_: DatasetId) -> answers.DatasetReference:
        return reference(self._snapshot, id_)


def _at(edges: pa.Table, end: str, id_: DatasetId) -> pa.Table:
    """The edges with this dataset at one end."""
    here = pc.and_(
        pc.equal(edges[f"{end}_name"], id_.name), pc.equal(edges[f"{end}_namespace"], id_.namespace)
    )
    return edges.filter(here)
