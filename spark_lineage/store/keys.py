"""What makes two rows the same: which rows of a batch are new, and one row per key when reading.

Writers check keys before they commit, but two writers may commit the same rows at once. So a repeated row
is never wrong, only superfluous, and readers drop it here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import Batch, RunState
from spark_lineage.store.schema import TABLES, Row, Table

__all__ = ["append", "columns_to_read", "deduplicated", "is_more_final", "is_under"]

Lookup = Callable[[Table, tuple[str, ...], list[str]], Iterable[Row]]
"""(table, columns, scope values) -> those columns of the stored rows whose scope column has one of the values."""

Write = Callable[[Table, list[Any]], None]
"""Commit the rows of model values to a table, all or none, in one commit."""

_STATES_BY_FINALITY = (
    RunState.RUNNING,
    RunState.UNKNOWN,
    RunState.COMPLETE,
    RunState.COMPLETE_WITH_FAILURES,
    RunState.CANCELLED,
    RunState.FAILED,
)

_OF_APPLICATIONS = frozenset({"run_id", "application"})
"""Columns whose values are an application's bridge, or begin with it and a colon."""

_READING_KEYS = {"datasets": ("namespace", "name"), "runs": ("run_id", "part")}
"""Tables whose rows are folded over a shorter key than the one they are appended by."""

_LEARNED = {"observations": "rows"}
"""Columns outside of the key that may be known later, when the end of a write is found: then there is another row."""


def append(
    batch: Batch, lookup: Lookup, write: Write, *, fresh: Collection[str] = frozenset()
) -> dict[str, int]:
    """Write the rows of a batch that are not stored yet, table by table, in write order.

    Edges are looked up by their plan: a stored plan has all its edges. What ran in the `fresh` applications is not looked up.
    Returns the rows written per table.
    """
    plans = TABLES["plans"]
    fingerprints = sorted({each.fingerprint for each in batch.edges})
    known = (
        {row["fingerprint"] for row in lookup(plans, ("fingerprint",), fingerprints)}
        if fingerprints
        else set()
    )
    batch = replace(batch, edges=tuple(each for each in batch.edges if each.fingerprint not in known))
    added = {}
    for name, table in TABLES.items():
        new = _new(table, getattr(batch, name), lookup, fresh)
        if new:
            write(table, new)
        added[name] = len(new)
    return added


def _new(table: Table, values: Sequence[Any], lookup: Lookup, fresh: Collection[str]) -> list[Any]:
    """The values whose key is not stored, each key once, the first one, in their order."""
    learned = _LEARNED.get(table.name)
    keys = table.keys(values)
    if learned is not None:
        keys = [(*key, getattr(each, learned)) for key, each in zip(keys, values, strict=True)]
    by_key: dict[tuple[Any, ...], Any] = {}
    for key, each in zip(keys, values, strict=True):
        by_key.setdefault(key, each)
    among = set() if table.scope is None else {getattr(each, table.scope) for each in values}
    if fresh and table.scope in _OF_APPLICATIONS:
        among = {each for each in among if each.partition(":")[0] not in fresh}
    if among:
        columns = tuple(dict.fromkeys((*table.key, *([learned] if learned else ()), str(table.scope))))
        for stored in lookup(table, columns, sorted(among)):
            key = table.key_of(stored)
            by_key.pop(key if learned is None else (*key, stored[learned]), None)
    return list(by_key.values())


def is_more_final(one: RunState, other: RunState) -> bool:
    """Whether a run that is told in both states is in the first."""
    return _STATES_BY_FINALITY.index(one) > _STATES_BY_FINALITY.index(other)


def columns_to_read(table: Table, columns: Iterable[str] | None) -> list[str]:
    """The columns that must be read so that `deduplicated` can give `columns` (None: all)."""
    if columns is None or table.name == "datasets":
        return list(table.schema.names)
    return list(
        dict.fromkeys((*table.key, *([_LEARNED[table.name]] if table.name in _LEARNED else ()), *columns))
    )


def is_under(column: pa.ChunkedArray, beginnings: Collection[str]) -> pa.ChunkedArray:
    """Which of the texts begin with one of some texts."""
    found = [pc.starts_with(column, each) for each in beginnings]
    return functools.reduce(pc.or_, found) if found else pa.chunked_array([pa.array([False] * len(column))])


def deduplicated(table: Table, rows: pa.Table) -> pa.Table:
    """One row per key, the first one; the order of the others stays.

    A dataset has the sorted union of the aliases that its rows know and the smallest format that is known. A run is
    in the most final of its states, and what it wrote has its version, or else its rows, where one of the rows knows them.
    """
    if table.name == "datasets":
        return _folded_datasets(table, rows)
    if rows.num_rows == 0:
        return rows
    key = _READING_KEYS.get(table.name, table.key)
    codes = {name: _codes(rows[name]) for name in key}
    # The largest number wins: the most final state, then the first row.
    number = pc.subtract(rows.num_rows, pa.array(range(rows.num_rows), pa.int64()))
    if table.name == "runs":
        finality = pc.index_in(rows["state"], pa.array([state.value for state in _STATES_BY_FINALITY]))
        number = pc.add(number, pc.multiply(finality.cast(pa.int64()), rows.num_rows))
    if table.name == "observations":
        written, known = pc.equal(rows["direction"], "written"), pc.is_valid(rows["version"])
        codes["version"] = _codes(pc.if_else(written, pa.scalar(None, pa.int64()), rows["version"]))
        counted = pc.and_(written, pc.is_valid(rows["rows"])).cast(pa.int64())
        better = pc.add(counted, pc.multiply(pc.and_(written, known).cast(pa.int64()), 2))
        number = pc.add(number, pc.multiply(better, rows.num_rows))
    best = pa.table({**codes, "number": number}).group_by(list(codes)).aggregate([("number", "max")])
    if best.num_rows == rows.num_rows:
        return rows
    return rows.filter(pc.is_in(number, best["number_max"].combine_chunks()))


def _codes(column: pa.ChunkedArray) -> pa.Array:
    """Small integers that are equal where the cells are: grouping by them is faster than by text."""
    return column.combine_chunks().dictionary_encode(null_encoding="encode").indices


def _folded_datasets(table: Table, rows: pa.Table) -> pa.Table:
    aliases: dict[tuple[str, str], set[str]] = {}
    formats: dict[tuple[str, str], set[str]] = {}
    for row in rows.to_pylist():
        key = (row["namespace"], row["name"])
        aliases.setdefault(key, set()).update(row["aliases"])
        formats.setdefault(key, set()).update([row["format"]] if row["format"] else [])
    return pa.Table.from_pylist(
        [
            {
                "namespace": key[0],
                "name": key[1],
                "aliases": sorted(names),
                "format": min(formats[key], default=None),
            }
            for key, names in aliases.items()
        ],
        schema=table.schema,
    )
