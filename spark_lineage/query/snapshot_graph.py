"""A snapshot's edges as a graph to walk."""

from __future__ import annotations

import pyarrow as pa

from spark_lineage.model import Certainty
from spark_lineage.query.graph import Graph, Key
from spark_lineage.query.snapshot import Snapshot

__all__ = ["graph_of"]


def graph_of(snapshot: Snapshot, edges: pa.Table | None = None) -> Graph:
    """The graph of all current edges, or of those in `edges` alone (some of the rows of `snapshot.walked_edges`)."""
    columns: list[Key] = []
    unsure: dict[Key, Certainty] = {}
    unknown = {(id_.namespace, id_.name) for id_, state in snapshot.states.items() if state.is_unknown}
    for id_ in snapshot.datasets:
        certainty = snapshot.state(id_).certainty
        if certainty is not Certainty.EXACT:
            unsure[id_.namespace, id_.name, None] = certainty
        for field in snapshot.fields(id_):
            columns.append((id_.namespace, id_.name, field.name))
            if field.certainty is not Certainty.EXACT:
                unsure[columns[-1]] = field.certainty

    def certainty_of(key: Key) -> Certainty:
        """That of the table or column, or of the column within which the field lies."""
        namespace, name, field = key
        if (namespace, name) in unknown:
            return Certainty.OPAQUE
        parts = (field or "").split(".")
        outer = (".".join(parts[:length]) or None for length in range(len(parts), 0, -1))
        return next(
            (unsure[namespace, name, each] for each in outer if (namespace, name, each) in unsure),
            Certainty.EXACT,
        )

    return Graph(snapshot.walked_edges if edges is None else edges, columns, certainty_of)
