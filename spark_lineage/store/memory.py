"""A store in memory: the answers of the Delta tables, without a file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa

from spark_lineage.model import Batch
from spark_lineage.store import keys
from spark_lineage.store.schema import TABLES, Row, Table

__all__ = ["MemoryStore"]


class MemoryStore:
    """The store of one process, gone with it; for many thousand ingests in a row and for one that is only looked at.

    One thread writes. `rows` has what was written, by table and in order, repeated keys and all.

        store = MemoryStore()
        ingest(spool, store)
        store.read("runs").to_pylist()
    """

    def __init__(self, path: str = "/memory") -> None:
        self.path = path
        self.rows: dict[str, list[Row]] = {name: [] for name in TABLES}

    def create(self) -> None:
        """Nothing is missing."""

    def append(self, batch: Batch, *, fresh: Collection[str] = frozenset()) -> dict[str, int]:
        """Add the rows that are not there yet; rows added per table."""
        return keys.append(batch, self._lookup, self._write, fresh=fresh)

    def sync(self) -> None:
        """Nothing here outlives the process."""

    def read(
        self,
        table: str,
        columns: Iterable[str] | None = None,
        *,
        scope: Collection[str] | None = None,
        under: Collection[str] | None = None,
    ) -> pa.Table:
        """The rows of a table, one per key, with the given columns (None: all, in the schema's order).

        `scope`: only those whose scope column (`Table.scope`, such as the run) has one of these values; `under`: where it begins with one.
        """
        spec = TABLES[table]
        wanted = spec.schema.names if columns is None else list(columns)
        found = self.rows[table]
        if scope is not None:
            among = set(scope)
            found = [row for row in found if row[str(spec.scope)] in among]
        if under is not None:
            beginnings = tuple(under)
            found = [row for row in found if row[str(spec.scope)].startswith(beginnings)]
        if not found:
            return spec.schema.empty_table().select(wanted)
        return keys.deduplicated(spec, pa.Table.from_pylist(found, schema=spec.schema)).select(wanted)

    def _lookup(self, table: Table, columns: tuple[str, ...], values: list[str]) -> list[Row]:
        among = set(values)
        found = (row for row in self.rows[table.name] if row[str(table.scope)] in among)
        return [{name: row[name] for name in columns} for row in found]

    def _write(self, table: Table, values: list[Any]) -> None:
        self.rows[table.name].extend(table.rows(values))
