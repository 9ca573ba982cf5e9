"""What a plan reads that nobody can see into: any of it may be in all that the plan made.

The store has the plan's datasets and no edge from them. So that all answers say the same of what hangs on them, there is an edge for
each, from the whole dataset to each column of which nothing is known, or to the whole table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import Certainty, DatasetId, Edge, EdgeKind, Subtype
from spark_lineage.store.schema import TABLES, Row

__all__ = ["named_sources", "with_opaque_edges"]


class _Plan(Protocol):
    @property
    def fingerprint(self) -> str: ...

    @property
    def kind(self) -> EdgeKind: ...

    @property
    def certainty(self) -> Certainty: ...

    @property
    def columns(self) -> Sequence[Row]: ...

    @property
    def datasets(self) -> tuple[DatasetId, ...]: ...


def with_opaque_edges(edges: pa.Table, plans: Mapping[DatasetId, Sequence[_Plan]]) -> pa.Table:
    """The edges (rows of the table `edges`, sorted by plan) with those of the opaque plans of each target, sorted likewise."""
    opaque = {
        (plan.fingerprint, target): (plan, unknown)
        for target, known in plans.items()
        for plan in known
        for unknown in [_unknown(plan)]
        if unknown
    }
    if not opaque:
        return edges
    plans_of_them = pa.array(sorted({fingerprint for fingerprint, _ in opaque}), pa.string())
    named = named_sources(edges.filter(pc.is_in(edges["fingerprint"], plans_of_them)))
    made = list(_edges(opaque, named))
    if not made:
        return edges
    both = pa.concat_tables([edges, TABLES["edges"].arrow(made).select(edges.schema.names)])
    return both.take(pc.sort_indices(both["fingerprint"]))


def _unknown(plan: _Plan) -> tuple[str | None, ...]:
    """The columns of a plan of which nothing is known; None is the whole table."""
    columns = tuple(
        column["name"] for column in plan.columns if column["certainty"] == Certainty.OPAQUE.value
    )
    return columns or ((None,) if plan.certainty is Certainty.OPAQUE else ())


def named_sources(edges: pa.Table) -> set[tuple[str, DatasetId]]:
    """(plan, source) of all edges: what some column or row is said to come from."""
    columns = [edges[name].to_pylist() for name in ("fingerprint", "source_namespace", "source_name")]
    return {(plan, DatasetId(*source)) for plan, *source in zip(*columns, strict=True)}


def _edges(
    opaque: Mapping[tuple[str, DatasetId], tuple[_Plan, tuple[str | None, ...]]],
    named: set[tuple[str, DatasetId]],
) -> Iterator[Edge]:
    for (fingerprint, target), (plan, fields) in opaque.items():
        for source in dict.fromkeys(plan.datasets):
            if source == target or (fingerprint, source) in named:
                continue
            for field in fields:
                yield Edge(
                    fingerprint, plan.kind, source, None, target, field, Subtype.TRANSFORMATION, certainty=Certainty.OPAQUE
                )  # fmt: skip
