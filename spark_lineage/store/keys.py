"""What makes two rows the same: which rows of a batch are new, and one row per key when reading.

Writers check keys before they commit, but two writers may commit the same rows at once. So a repeated row
is never wrong, only superfluous, and readers drop it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import Batch, RunState
from spark_lineage.store.schema import TABLES, Row, Table, to_rows

__all__ = ["append", "columns_to_read", "deduplicated"]

Lookup = Callable[[Table, tuple[str, ...], list[str]], Iterable[Row]]
"""(table, columns, scope values) -> those columns of the stored rows whose scope column has one of the values."""

Write = Callable[[Table, list[Row]], None]
"""Commit rows to a table, all or none, in one commit."""

_STATES_BY_FINALITY = (
    RunState.RUNNING,
    RunState.UNKNOWN,
    RunState.COMPLETE,
    RunState.COMPLETE_WITH_FAILURES,
    RunState.CANCELLED,
    RunState.FAILED,
)

_READING_KEYS = {"datasets": ("namespace", "name"), "runs": ("run_id", "part")}
"""Tables whose rows are folded over a shorter key than the one they are appended by."""


def append(batch: Batch, lookup: Lookup, write: Write) -> dict[str, int]:
    """Write the rows of a batch that are not stored yet, table by table, in write order.

    Edges are looked up by their plan: a stored plan has all its edges. Returns the rows written per table.
    """
    rows = to_rows(batch)
    plans = TABLES["plans"]
    fingerprints = sorted({row["fingerprint"] for row in rows["edges"]})
    known = (
        {row["fingerprint"] for row in lookup(plans, ("fingerprint",), fingerprints)}
        if fingerprints
        else set()
    )
    rows["edges"] = [row for row in rows["edges"] if row["fingerprint"] not in known]
    added = {}
    for name, table in TABLES.items():
        new = _new_rows(table, rows[name], lookup)
        if new:
            write(table, new)
        added[name] = len(new)
    return added


def _new_rows(table: Table, rows: list[Row], lookup: Lookup) -> list[Row]:
    """The rows whose key is not stored, each key once, in their order."""
    by_key: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        by_key.setdefault(table.key_of(row), row)
    if table.scope and rows:
        columns = tuple(dict.fromkeys((*table.key, table.scope)))
        for stored in lookup(table, columns, sorted({row[table.scope] for row in rows})):
            by_key.pop(table.key_of(stored), None)
    return list(by_key.values())


def columns_to_read(table: Table, columns: Iterable[str] | None) -> list[str]:
    """The columns that must be read so that `deduplicated` can give `columns` (None: all)."""
    if columns is None or table.name == "datasets":
        return list(table.schema.names)
    return list(dict.fromkeys((*table.key, *columns)))


def deduplicated(table: Table, rows: pa.Table) -> pa.Table:
    """One row per key, the first one; the order of the others stays.

    A dataset has the sorted union of the aliases that its rows know and the smallest format that is known. A run is
    in the most final of its states, and what it wrote has its version where one of the rows knows it.
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
        number = pc.add(number, pc.multiply(pc.and_(written, known).cast(pa.int64()), rows.num_rows))
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
