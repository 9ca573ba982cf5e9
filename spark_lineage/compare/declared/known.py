"""What a store knows, as declarations ask for it: vertices by globs, direct edges, graphs of some kinds of edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.compare.declared.declaration import Flows
from spark_lineage.compare.declared.patterns import column_matches, nested_fields, short_name, table_matches
from spark_lineage.errors import NameLookupError
from spark_lineage.model import DRIVER_NAMESPACE, Certainty, Dataset, DatasetId, Subtype, weakest
from spark_lineage.query.graph import Graph, Key
from spark_lineage.query.names import resolve_table
from spark_lineage.query.snapshot import Snapshot, shown_runs
from spark_lineage.query.snapshot_graph import graph_of
from spark_lineage.store.schema import Row

__all__ = ["Known"]

_DIRECT = [subtype.value for subtype in Subtype if subtype.type.value == "DIRECT"]


class Known:
    """A snapshot, with what is computed from it kept."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._certainties: dict[DatasetId, dict[str, Certainty]] = {}
        self._graphs: dict[tuple[Flows, bool, bool], Graph] = {}

    @property
    def datasets(self) -> Iterable[Dataset]:
        """All datasets, sorted."""
        return self.snapshot.datasets.values()

    def written(self) -> Iterator[Dataset]:
        """The tables that some complete run wrote."""
        for dataset in self.datasets:
            state = self.snapshot.state(dataset.id)
            if dataset.namespace != DRIVER_NAMESPACE and (state.plans or state.lost):
                yield dataset

    def table(self, name: str) -> Dataset | None:
        """The table of a name as commands take it, None where there is none; `NameLookupError` for one that means several."""
        try:
            return resolve_table(name, self.snapshot.datasets.values())
        except NameLookupError as error:
            if "is ambiguous" in str(error):
                raise
            return None

    def label(self, key: Key) -> str:
        """A vertex as people write it."""
        table = short_name(self.snapshot.datasets.get(DatasetId(*key[:2]), Dataset(*key[:2])))
        return table if key[2] is None else f"{table}.{key[2]}"

    def fields(self, id_: DatasetId) -> Mapping[str, str]:
        """All fields of a table by their paths, those within columns too; the type of a column, else an empty text."""
        return self._fields[id_]

    def columns(self, id_: DatasetId) -> list[str]:
        """The columns that the current plans of a table write; those that were met, where none is known."""
        written = [
            column["name"] for plan in reversed(self.snapshot.state(id_).plans) for column in plan.columns
        ]
        return list(dict.fromkeys(written)) or [field.name for field in self.snapshot.fields(id_)]

    def certainty(self, id_: DatasetId, field: str | None) -> Certainty:
        """How surely the direct sources of a column (None: of the rows) are known."""
        if self.snapshot.state(id_).lost:
            return Certainty.OPAQUE
        columns = self._certainties.get(id_)
        if columns is None:
            columns = self._certainties[id_] = {
                each.name: each.certainty for each in self.snapshot.fields(id_)
            }
        parts = (field or "").split(".")
        outer = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        of_columns = [columns[name] for name in outer if name in columns]
        of_plans = [plan.certainty for plan in self.snapshot.state(id_).plans if not plan.columns]
        of_edges = (Certainty(row["certainty"]) for row in self.into(id_, field))
        return weakest(*of_columns, *of_plans, *of_edges)

    def certainty_of_table(self, id_: DatasetId) -> Certainty:
        """How surely the sources of a table and what decides its rows are known."""
        plans = self.snapshot.state(id_).plans
        of_plans = (Certainty.OPAQUE for plan in plans if plan.certainty is Certainty.OPAQUE)
        return weakest(self.certainty(id_, None), *of_plans)

    def into(self, id_: DatasetId, field: str | None) -> list[Row]:
        """The edges of the current plans that end in a column; in the set of rows for None."""
        return self._into.get((id_, field), [])

    def direct(self, id_: DatasetId) -> list[Row]:
        """The edges of the current plans that end in a table."""
        return self._direct.get(id_, [])

    def jobs(self, id_: DatasetId) -> set[str]:
        """The jobs that made the table what it is now."""
        fingerprints = {plan.fingerprint for plan in self.snapshot.state(id_).plans}
        return {job for job, fingerprint in self._runs if fingerprint in fingerprints}

    def vertices(self, patterns: Iterable[str]) -> set[Key]:
        """What globs name: a table as a whole where one names the table, otherwise its columns."""
        found: set[Key] = set()
        texts = tuple(patterns)
        for dataset in self.datasets:
            if any(table_matches(text, dataset) for text in texts):
                found.add((dataset.namespace, dataset.name, None))
                continue
            for field in self.fields(dataset.id):
                if any(column_matches(text, dataset, field) for text in texts):
                    found.add((dataset.namespace, dataset.name, field))
        return found

    def graph(self, flows: Flows, *, masked: bool = True, certain: bool = False) -> Graph:
        """The graph of DIRECT or all edges, without those that mask (`masked` false), or of the exact ones alone (`certain`)."""
        key = (flows, masked, certain)
        if key not in self._graphs:
            self._graphs[key] = graph_of(self.snapshot, self.edges(flows, masked=masked, certain=certain))
        return self._graphs[key]

    def edges(self, flows: Flows, *, masked: bool = True, certain: bool = False) -> pa.Table:
        """The edges of such a graph."""
        edges = self.snapshot.edges
        if flows is Flows.DIRECT:
            edges = edges.filter(pc.is_in(edges["subtype"], pa.array(_DIRECT)))
        if not masked:
            edges = edges.filter(pc.invert(edges["masking"]))
        if certain:
            edges = edges.filter(pc.equal(edges["certainty"], Certainty.EXACT.value))
        return edges

    def opaque(self) -> Iterator[Key]:
        """The vertices of which nobody knows what they are made of."""
        for id_, state in self.snapshot.states.items():
            fields = [field for field in self.snapshot.fields(id_) if field.certainty is Certainty.OPAQUE]
            yield from ((id_.namespace, id_.name, field.name) for field in fields)
            is_opaque = state.lost or any(plan.certainty is Certainty.OPAQUE for plan in state.walked)
            if not fields and is_opaque:
                yield id_.namespace, id_.name, None
        edges = self.snapshot.edges
        for row in edges.filter(pc.equal(edges["certainty"], Certainty.OPAQUE.value)).to_pylist():
            yield row["target_namespace"], row["target_name"], row["target_field"]

    def names(self, key: Key, pattern: str) -> bool:
        """Whether a glob names a vertex, or the table that it belongs to."""
        dataset = self.snapshot.datasets.get(DatasetId(*key[:2]), Dataset(*key[:2]))
        if key[2] is not None and column_matches(pattern, dataset, key[2]):
            return True
        return table_matches(pattern, dataset)

    @cached_property
    def _direct(self) -> Mapping[DatasetId, list[Row]]:
        current = {
            (plan.fingerprint, target)
            for target, state in self.snapshot.states.items()
            for plan in state.plans
        }
        found: dict[DatasetId, list[Row]] = {}
        for row in self.snapshot.edges.to_pylist():
            target = DatasetId(row["target_namespace"], row["target_name"])
            if (row["fingerprint"], target) in current:
                found.setdefault(target, []).append(row)
        return found

    @cached_property
    def _into(self) -> Mapping[tuple[DatasetId, str | None], list[Row]]:
        found: dict[tuple[DatasetId, str | None], list[Row]] = {}
        for target, rows in self._direct.items():
            for row in rows:
                found.setdefault((target, row["target_field"]), []).append(row)
        return found

    @cached_property
    def _fields(self) -> Mapping[DatasetId, Mapping[str, str]]:
        found: dict[DatasetId, dict[str, str]] = {}
        for id_ in self.snapshot.datasets:
            known = found.setdefault(id_, {})
            for field in self.snapshot.fields(id_):
                known[field.name] = field.type
                for path in nested_fields(field.name, field.type):
                    known.setdefault(path, "")
        edges = self.snapshot.edges
        for end in ("source", "target"):
            names = [f"{end}_namespace", f"{end}_name", f"{end}_field"]
            for row in edges.select(names).group_by(names).aggregate([]).to_pylist():
                namespace, name, field = (row[each] for each in names)
                if field is not None:
                    found.setdefault(DatasetId(namespace, name), {}).setdefault(field, "")
        return found

    @cached_property
    def _runs(self) -> set[tuple[str, str]]:
        runs = shown_runs(self.snapshot.runs).select(["job", "fingerprint"])
        rows = runs.group_by(["job", "fingerprint"]).aggregate([]).to_pylist()
        return {(row["job"], row["fingerprint"]) for row in rows if row["fingerprint"] is not None}
