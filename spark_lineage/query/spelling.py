"""One column under two spellings: Spark matches names in either case (`spark.sql.caseSensitive` is off by default).

An append by path brings its own spelling, and only the format may know that the table has another. Names of a dataset
that differ in case only are one column, under its first spelling, unless one write has both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import DatasetId

Spellings = Mapping[DatasetId, Mapping[str, str]]
"""Dataset -> other spelling of a column -> the first one; only what differs."""


def spellings(columns: Iterable[tuple[DatasetId, Sequence[str]]]) -> Spellings:
    """The spellings of all datasets, from the columns of each of their writes, those whose spelling counts first."""
    first: dict[tuple[DatasetId, str], str] = {}
    others: dict[DatasetId, dict[str, str]] = {}
    distinct: set[tuple[DatasetId, str]] = set()
    for dataset, names in columns:
        seen: set[str] = set()
        for name in names:
            lower = name.lower()
            spelling = first.setdefault((dataset, lower), name)
            if lower in seen:
                distinct.add((dataset, lower))
            elif spelling != name:
                others.setdefault(dataset, {})[name] = spelling
            seen.add(lower)
    return {
        dataset: {name: first_ for name, first_ in names.items() if (dataset, name.lower()) not in distinct}
        for dataset, names in others.items()
    }


def spelled(name: str, of: Mapping[str, str]) -> str:
    """A field, its column under the first spelling; what lies within the column keeps its own."""
    column, dot, rest = name.partition(".")
    return of.get(name) or of.get(column, column) + dot + rest


def spelled_edges(edges: pa.Table, of: Spellings) -> pa.Table:
    """The edges, both ends under the first spelling."""
    for end in ("source", "target") if of else ():
        field = edges[f"{end}_field"]
        for dataset, names in of.items():
            own = pc.and_(
                pc.equal(edges[f"{end}_namespace"], dataset.namespace),
                pc.equal(edges[f"{end}_name"], dataset.name),
            )
            new = [name and spelled(name, names) for name in field.filter(own).to_pylist()]
            field = pc.replace_with_mask(
                field.combine_chunks(), own.combine_chunks(), pa.array(new, field.type)
            )
        edges = edges.set_column(
            edges.schema.get_field_index(f"{end}_field"), edges.schema.field(f"{end}_field"), field
        )
    return edges
