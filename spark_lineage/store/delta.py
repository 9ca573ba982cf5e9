"""The store without a JVM: the tables through deltalake."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from spark_lineage import owned
from spark_lineage.errors import StoreError, first_line
from spark_lineage.model import Batch
from spark_lineage.store import keys
from spark_lineage.store.checks import check_version, local_folder, no_store, refuse_other_files
from spark_lineage.store.durable import sync_tables
from spark_lineage.store.rights import narrow_tables
from spark_lineage.store.schema import LATER_TABLES, SCHEMA_VERSION, TABLES, VERSION_PROPERTY, Row, Table
from spark_lineage.store.turns import turn

__all__ = ["DeltaStore"]

_LISTED_VALUES = 5_000
"""So many values stand in a predicate: deltalake 1.6 overflows its stack at some 30,000, which ends the process."""

_LISTED_BEGINNINGS = 100
"""So many beginnings stand in a predicate; with more of them every row is looked at here."""

_LAST = "\U0010ffff"
"""Comes after whatever else a text goes on with."""

_COMMIT = CommitProperties(max_commit_retries=100)
"""Appends do not conflict, they only race for the next version; each retry means that another writer got on."""


class DeltaStore:
    """The store in a folder or under an object-store address, one Delta table per sub-folder.

    Safe for many writers at once: appends never conflict, and rows that two writers both add are read once.
    Every method raises `StoreError` where the store is missing, unreadable or of another schema version.

        store = DeltaStore("lineage")
        store.create()
        store.append(batch)
        store.read("plans").to_pylist()
    """

    def __init__(self, path: Path | str) -> None:
        self.path = str(path).rstrip("/") or "/"
        self._folder = local_folder(self.path)

    def exists(self) -> bool:
        """Whether a store is there, of whatever schema version."""
        try:
            return bool(DeltaTable.is_deltatable(self._location("runs")))
        except (DeltaError, OSError):
            return False

    def create(self) -> None:
        """Create the tables that are missing; a store that is there stays as it is."""
        if self.exists():
            self._open(TABLES["runs"])
            return
        refuse_other_files(self.path)
        self._make_folder()
        for table in TABLES.values():
            self._create(table)
        narrow_tables(self._folder, TABLES)

    def append(self, batch: Batch, *, fresh: Collection[str] = frozenset()) -> dict[str, int]:
        """Add the rows that are not there yet, one commit per table that has some; rows added per table."""
        self._open(TABLES["runs"])
        return keys.append(batch, self._lookup, self._write, fresh=fresh)

    def sync(self) -> None:
        """Return when all that can be read survives a power cut: the files of a local disk are synced, and are for no more than the folder is."""
        narrow_tables(self._folder, TABLES)
        sync_tables(self.path, TABLES)

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
        if not (scope is None or scope) or not (under is None or under):
            return spec.schema.empty_table().select(wanted)
        predicate = None if scope is None else _predicate(spec, sorted(scope))
        if under is not None and len(under) <= _LISTED_BEGINNINGS:
            predicate = " OR ".join(_begins(spec, each) for each in sorted(under))
        needed = keys.columns_to_read(spec, columns)
        if under is not None and spec.scope not in needed:
            needed.append(str(spec.scope))
        rows = self._scan(spec, needed, predicate)
        if under is not None:
            rows = rows.filter(keys.is_under(rows[spec.scope], under))
        if scope is not None and len(scope) > _LISTED_VALUES:
            rows = rows.filter(pc.is_in(rows[spec.scope], pa.array(sorted(scope), pa.string())))
        return keys.deduplicated(spec, rows).select(wanted)

    def _lookup(self, table: Table, columns: tuple[str, ...], values: list[str]) -> list[Row]:
        found: list[Row] = self._scan(table, list(columns), _predicate(table, values)).to_pylist()
        return found

    def _scan(self, table: Table, columns: list[str], predicate: str | None = None) -> pa.Table:
        """Rows as they are stored, repeated keys and all; null in a column that the store is too old to have.

        Not `to_pyarrow_dataset`: its file system is written in Python, and pyarrow's reader threads that still
        hold it when the interpreter ends abort the process (seen in 4 of 10 runs, deltalake 1.6, pyarrow 26).
        """
        if self._lacks(table):
            return table.schema.empty_table().select(columns)
        delta = self._open(table)
        stored = {field.name for field in delta.schema().fields}
        try:
            # `pa.table` would import pandas, only to see that this is no DataFrame.
            rows = pa.RecordBatchReader.from_stream(
                delta.scan(columns=[name for name in columns if name in stored], predicate=predicate)
            ).read_all()
            for number, name in enumerate(columns):
                if name not in stored:
                    rows = rows.add_column(
                        number, name, pa.nulls(rows.num_rows, table.schema.field(name).type)
                    )
            return rows.cast(pa.schema([table.schema.field(name) for name in columns]))
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise self._unreadable(table, error) from error

    def _write(self, table: Table, values: list[Any]) -> None:
        if self._lacks(table):
            self._create(table)
        delta = self._open(table)
        has_all = {field.name for field in delta.schema().fields}.issuperset(table.schema.names)
        try:
            content = table.arrow(values)
            with turn(self._folder):
                write_deltalake(
                    delta,
                    content,
                    mode="append",
                    schema_mode=None if has_all else "merge",
                    commit_properties=_COMMIT,
                )
        except (DeltaError, OSError) as error:
            raise StoreError(
                f"The table {table.name} of the store at {self.path} cannot be written ({first_line(error)}): "
                "check that the folder is writable and that the disk has room."
            ) from error

    def _make_folder(self) -> None:
        """The folder of a local store is its owner's alone."""
        if self._folder is not None:
            try:
                owned.make_folder(self._folder)
            except OSError as error:
                raise StoreError(
                    f"The store at {self.path} cannot be created ({error.strerror}): check that the folder is writable."
                ) from error

    def _lacks(self, table: Table) -> bool:
        """Whether the store was made before the table was thought of."""
        return table.name in LATER_TABLES and not DeltaTable.is_deltatable(self._location(table.name))

    def _create(self, table: Table) -> None:
        try:
            with turn(self._folder):
                DeltaTable.create(
                    self._location(table.name),
                    schema=table.schema,
                    mode="ignore",
                    configuration={VERSION_PROPERTY: str(SCHEMA_VERSION)},
                    raise_if_key_not_exists=False,
                )
        except (DeltaError, OSError) as error:
            # Another writer may have been first, and then all is well.
            try:
                self._open(table)
            except StoreError:
                raise StoreError(
                    f"The store at {self.path} cannot be created ({first_line(error)}): "
                    "check that the folder is writable."
                ) from error

    def _open(self, table: Table) -> DeltaTable:
        try:
            delta = DeltaTable(self._location(table.name))
            version = delta.metadata().configuration.get(VERSION_PROPERTY)
        except (TableNotFoundError, DeltaError, OSError) as error:
            if self.exists():
                raise self._unreadable(table, error) from error
            raise no_store(self.path) from error
        check_version(self.path, table.name, version)
        return delta

    def _location(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _unreadable(self, table: Table, error: Exception) -> StoreError:
        return StoreError(
            f"The table {table.name} of the store at {self.path} cannot be read ({first_line(error)}): "
            "restore the folder from a copy, or choose another store and ingest into it."
        )


def _predicate(table: Table, values: Sequence[str]) -> str:
    """The rows whose scope column has one of the sorted values, as SQL; of very many values those in their range."""
    first, last = (_quoted(values[place]) for place in (0, -1))
    # The range lets files be skipped by their statistics, which a long list of values does not.
    within = f'"{table.scope}" >= {first} AND "{table.scope}" <= {last}'
    if len(values) > _LISTED_VALUES:
        return within
    return f'{within} AND "{table.scope}" IN ({", ".join(map(_quoted, values))})'


def _begins(table: Table, beginning: str) -> str:
    """The rows whose scope column begins with a text, and maybe some more."""
    return f'("{table.scope}" >= {_quoted(beginning)} AND "{table.scope}" < {_quoted(beginning + _LAST)})'


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
