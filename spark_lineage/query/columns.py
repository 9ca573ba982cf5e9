"""The rows of edges as the columns of an answer, each with its sources."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from spark_lineage.model import Certainty, DatasetId, Subtype, weakest
from spark_lineage.query.answers import ColumnAnswer, DatasetReference, FieldAnswer, Source, Vertex
from spark_lineage.query.snapshot import Snapshot
from spark_lineage.store.schema import Row

__all__ = ["columns_of", "end_of", "reference", "sources_of"]


def columns_of(
    snapshot: Snapshot, fields: Mapping[str, tuple[str, Certainty]], edges: Iterable[Row]
) -> tuple[ColumnAnswer, ...]:
    """The columns (name: type, certainty) in their order; fields that only edges name come after them, by name.

    `edges` are those to one target; such as are to it as a whole do not count here.
    """
    by_field: dict[str, list[Row]] = {}
    for edge in edges:
        if edge["target_field"] is not None:
            by_field.setdefault(edge["target_field"], []).append(edge)
    known = dict(fields)
    within: dict[str, list[FieldAnswer]] = {}
    for name in sorted(by_field.keys() - known.keys()):
        column = _column_of(name, known)
        if column is None:
            known[name] = ("", Certainty.EXACT)
        else:
            field = FieldAnswer(name, sources_of(snapshot, by_field[name]))
            within.setdefault(column, []).append(field)
    return tuple(
        ColumnAnswer(
            name,
            type_,
            weakest(certainty, *(Certainty(edge["certainty"]) for edge in by_field.get(name, ()))),
            sources_of(snapshot, by_field.get(name, ())),
            tuple(within.get(name, ())),
        )
        for name, (type_, certainty) in known.items()
    )


def sources_of(snapshot: Snapshot, edges: Iterable[Row]) -> tuple[Source, ...]:
    """The sources of one column, or of a table's rows."""
    sources = (
        Source(
            end_of(snapshot, edge, "source"),
            Subtype(edge["subtype"]),
            edge["masking"],
            edge["expression"],
            edge["fingerprint"],
            tuple(edge["via"]),
            tuple(edge["transformations"]),
            edge["source_version"],
        )
        for edge in edges
    )
    return tuple(sorted(sources, key=lambda source: source.order))


def end_of(snapshot: Snapshot, edge: Row, end: str) -> Vertex:
    """The `source` or `target` of an edge."""
    id_ = DatasetId(edge[f"{end}_namespace"], edge[f"{end}_name"])
    return Vertex(reference(snapshot, id_), edge[f"{end}_field"])


def reference(snapshot: Snapshot, id_: DatasetId) -> DatasetReference:
    """A dataset with the aliases that are known of it."""
    dataset = snapshot.datasets.get(id_)
    return DatasetReference(id_.namespace, id_.name, () if dataset is None else dataset.aliases)


def _column_of(field: str, columns: Collection[str]) -> str | None:
    """The column that a field lies in.

    >>> _column_of("info.addr.zip", ["info", "addr"])
    'info'
    """
    names = field.split(".")
    outer = (".".join(names[:length]) for length in range(len(names) - 1, 0, -1))
    return next((each for each in outer if each in columns), None)
