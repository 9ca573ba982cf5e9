"""The same store through delta-spark: for clusters, and for storage that only Spark reaches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import pyarrow as pa
from delta.tables import DeltaTable
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - PySpark's own name for it

from spark_lineage import owned
from spark_lineage.errors import StoreError
from spark_lineage.model import Batch
from spark_lineage.store import keys
from spark_lineage.store.checks import check_version, local_folder, no_store, refuse_other_files
from spark_lineage.store.durable import sync_tables
from spark_lineage.store.rights import narrow_tables
from spark_lineage.store.schema import LATER_TABLES, SCHEMA_VERSION, TABLES, VERSION_PROPERTY, Row, Table
from spark_lineage.store.turns import turn

__all__ = ["SparkStore"]

_SQL_TYPES = {pa.string(): "STRING", pa.int64(): "BIGINT", pa.bool_(): "BOOLEAN"}


class SparkStore:
    """The store of `DeltaStore`, read and written by a Spark session that has Delta's extension and catalog.

    Each reads what the other wrote, and both may write at once. Raises `StoreError` like it. Elsewhere than on a local disk
    (an object store, HDFS) two writers at once are as safe as the commits of Delta's LogStore there.

        store = SparkStore(spark, "abfss://lake@company.dfs.core.windows.net/lineage")
        LocalEngine(store).table("report")
    """

    def __init__(self, spark: SparkSession, path: Path | str) -> None:
        self._spark = spark
        self.path = str(path).rstrip("/") or "/"
        self._folder = _folder_of(spark, self.path)
        self._checked: set[str] = set()

    def exists(self) -> bool:
        """Whether a store is there, of whatever schema version."""
        return bool(DeltaTable.isDeltaTable(self._spark, self._location("runs")))

    def create(self) -> None:
        """Create the tables that are missing; a store that is there stays as it is."""
        if self.exists():
            self._check(TABLES["runs"])
            return
        if self._folder is not None:
            refuse_other_files(str(self._folder))
            with self._failing(TABLES["runs"], "created"):
                owned.make_folder(self._folder)
        for table in TABLES.values():
            self._create(table)
        narrow_tables(self._folder, TABLES)

    def append(self, batch: Batch, *, fresh: Collection[str] = frozenset()) -> dict[str, int]:
        """Add the rows that are not there yet, one commit per table that has some; rows added per table."""
        self._check(TABLES["runs"])
        return keys.append(batch, self._lookup, self._write, fresh=fresh)

    def sync(self) -> None:
        """Return when all that can be read survives a power cut: the files of a local disk are synced, and are for no more than the folder is."""
        narrow_tables(self._folder, TABLES)
        if self._folder is not None:
            sync_tables(str(self._folder), TABLES)

    def read(
        self,
        table: str,
        columns: Iterable[str] | None = None,
        *,
        scope: Collection[str] | None = None,
        under: Collection[str] | None = None,
    ) -> pa.Table:
        """The rows of a table, one per key, with the given columns (None: all), collected to the driver.

        `scope`: only those whose scope column (`Table.scope`, such as the run) has one of these values; `under`: where it begins with one.
        """
        spec = TABLES[table]
        wanted = spec.schema.names if columns is None else list(columns)
        needed = keys.columns_to_read(spec, columns)
        if self._lacks(spec):
            return spec.schema.empty_table().select(wanted)
        self._check(spec)
        with self._failing(spec, "read"):
            frame = self._frame(spec)
            if scope is not None:
                frame = frame.where(F.col(str(spec.scope)).isin(list(scope)))
            if under is not None:
                column, none = F.col(str(spec.scope)), F.lit(False)  # noqa: FBT003 - SQL's value
                frame = frame.where(reduce(or_, map(column.startswith, under), none))
            frame = frame.select(*map(_quoted, needed))
            rows = _collected(frame, pa.schema([spec.schema.field(name) for name in needed]))
        return keys.deduplicated(spec, rows).select(wanted)

    def _lookup(self, table: Table, columns: tuple[str, ...], values: list[str]) -> list[Row]:
        if self._lacks(table):
            return []
        with self._failing(table, "read"):
            frame = self._frame(table).where(F.col(str(table.scope)).isin(values))
            found = frame.select(*map(_quoted, columns)).collect()
        return [row.asDict(recursive=True) for row in found]

    def _write(self, table: Table, values: list[Any]) -> None:
        if self._lacks(table):
            self._create(table)
        cells = [
            tuple(_spark_cell(row[field.name], field.type) for field in table.schema)
            for row in table.rows(values)
        ]
        with self._failing(table, "written"), turn(self._folder):
            frame = self._spark.createDataFrame(cells, _ddl(table)).coalesce(1)
            frame.write.format("delta").mode("append").option("mergeSchema", "true").save(
                self._location(table.name)
            )

    def _lacks(self, table: Table) -> bool:
        """Whether the store was made before the table was thought of."""
        location = self._location(table.name)
        return table.name in LATER_TABLES and not DeltaTable.isDeltaTable(self._spark, location)

    def _create(self, table: Table) -> None:
        with self._failing(table, "created"), turn(self._folder):
            builder = DeltaTable.createIfNotExists(self._spark).location(self._location(table.name))
            builder = builder.property(VERSION_PROPERTY, str(SCHEMA_VERSION))
            builder.addColumns(self._spark.createDataFrame([], _ddl(table)).schema).execute()

    def _check(self, table: Table) -> None:
        """Refuse a table that is missing or of another schema version; it is looked at once."""
        if table.name in self._checked:
            return
        location = self._location(table.name)
        if not DeltaTable.isDeltaTable(self._spark, location):
            if table.name != "runs" and self.exists():
                raise self._error(table, "read", "there is no Delta table")
            raise no_store(self.path)
        with self._failing(table, "read"):
            properties = (
                DeltaTable.forPath(self._spark, location).detail().select("properties").collect()[0][0]
            )
        check_version(self.path, table.name, properties.get(VERSION_PROPERTY))
        self._checked.add(table.name)

    def _frame(self, table: Table) -> DataFrame:
        """The table's rows as stored, repeated keys and all; null in a column that the store is too old to have."""
        frame = self._spark.read.format("delta").load(self._location(table.name))
        new = [field for field in table.schema if field.name not in frame.columns]
        return frame.select(
            "*", *(F.lit(None).cast(_sql_type(field.type)).alias(field.name) for field in new)
        )

    def _location(self, name: str) -> str:
        return f"{self.path}/{name}"

    @contextmanager
    def _failing(self, table: Table, done: str) -> Iterator[None]:
        try:
            yield
        except (PySparkException, Py4JError, OSError) as error:
            raise self._error(table, done, str(error).strip().split("\n", 1)[0]) from error

    def _error(self, table: Table, done: str, reason: str) -> StoreError:
        return StoreError(
            f"The table {table.name} of the store at {self.path} cannot be {done} ({reason.rstrip('.')}): "
            "check the path, its permissions, and that the session has Delta's extension and catalog."
        )


def _folder_of(spark: SparkSession, path: str) -> Path | None:
    """The folder of this machine that Spark means by a path; None where it is on another file system, as the default one may be."""
    jvm = getattr(spark, "_jvm", None)
    if jvm is None or local_folder(path) is None:
        return local_folder(path)  # a client of Spark Connect has no other way
    try:
        hadoop = jvm.org.apache.hadoop.fs.Path(path)
        conf = spark._jsparkSession.sessionState().newHadoopConf()  # noqa: SLF001
        return local_folder(hadoop.getFileSystem(conf).makeQualified(hadoop).toUri().toString())
    except Py4JError as error:
        raise StoreError(
            f"Spark knows no file system for the store at {path} ({str(error).strip().splitlines()[0]}): "
            "check the path and the session's Hadoop configuration."
        ) from error


def _ddl(table: Table) -> str:
    """The table's columns as Spark SQL writes them."""
    return ", ".join(f"{_quoted(field.name)} {_sql_type(field.type)}" for field in table.schema)


def _sql_type(arrow_type: pa.DataType) -> str:
    if pa.types.is_list(arrow_type):
        return f"ARRAY<{_sql_type(arrow_type.value_type)}>"
    if pa.types.is_map(arrow_type):
        return f"MAP<{_sql_type(arrow_type.key_type)}, {_sql_type(arrow_type.item_type)}>"
    if pa.types.is_struct(arrow_type):
        return (
            f"STRUCT<{', '.join(f'{_quoted(field.name)}: {_sql_type(field.type)}' for field in arrow_type)}>"
        )
    return _SQL_TYPES[arrow_type]


def _quoted(name: str) -> str:
    return f"`{name}`"


def _spark_cell(cell: Any, arrow_type: pa.DataType) -> Any:
    """A cell as PySpark takes it: a map is a dict there, and a list of pairs in Arrow."""
    return dict(cell) if pa.types.is_map(arrow_type) else cell


def _collected(frame: DataFrame, schema: pa.Schema) -> pa.Table:
    """The rows of a frame; by Arrow where PySpark has a public way (from 4.0 on), else row by row."""
    if hasattr(frame, "toArrow"):
        return frame.toArrow().cast(schema)
    maps = [field.name for field in schema if pa.types.is_map(field.type)]
    rows = [row.asDict(recursive=True) for row in frame.collect()]
    for row in rows:
        # Null in a row that was written before there was the column.
        row.update({name: sorted(row[name].items()) for name in maps if row[name] is not None})
    return pa.Table.from_pylist(rows, schema=schema)
