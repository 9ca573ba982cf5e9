"""A script, run with a session that only analyzes: it reads empty tables, what it writes is a plan, what it looks at is empty.

All of PySpark's ways to data are replaced here; one that is not known to be harmless is refused, and the script ends there.
"""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, NoReturn

from spark_lineage.analyze.identity import Naming
from spark_lineage.planning.guards import guard_files, guard_jvm, is_spark_calling, line_in
from spark_lineage.planning.session import Columns, quoted
from spark_lineage.planning.sql_file import Statement
from spark_lineage.planning.statements import Analyzed, Refusal, Statements, columns_of
from spark_lineage.planning.told import line_of, said_at_end

__all__ = ["Script"]

_FILE_FORMATS = frozenset({"parquet", "csv", "json", "orc", "text", "delta", "avro", "xml"})
_SAFE_SETTING = re.compile(r"spark\.sql\.(?!warehouse|catalog|runSQLOnFiles|extensions)[\w.]+")
_SOURCES, _TARGETS = "spark_lineage_sources", "spark_lineage_targets"
_LOOKED = "The script looks at data here ({}): it got no rows, and may go another way when it runs."


class Script:
    """One run of a script. `places` are the columns of known datasets by `namespace|name`, `renamed` the real datasets behind tables made here."""

    def __init__(
        self, path: Path, folder: Path, cwd: Path, work: Statements, places: Mapping[str, Columns]
    ) -> None:
        self.renamed: dict[str, tuple[str, str]] = {}
        self._path = path
        self._folder = folder
        self._work = work
        self._places = places
        self._spark: Any = work.catalog.spark
        self._table = type(self._spark).table
        self._sql = type(self._spark).sql
        self._cwd = cwd

    def run(self, arguments: list[str]) -> None:
        """Run the script to its end, or to what is refused; the outcomes are in the statements' `done`."""
        self._replace_session()
        self._replace_readers_and_writers()
        self._replace_frames()
        sys.argv = [str(self._path), *arguments]
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(self._path.parent))
        guard_jvm(self._refuse)
        guard_files(self._folder, self._refuse)
        try:
            runpy.run_path(str(self._path), run_name="__main__")
        except Refusal:
            pass
        except SystemExit as end:
            if end.code not in {None, 0}:  # a text as the code is printed, and the code is 1
                code = end.code & 0xFF if isinstance(end.code, int) else 1
                self._ended(f"The script ended with exit code {code}", 0)
        except BaseException as error:  # noqa: BLE001 - whatever a script raises is told
            self._ended(
                f"The script stopped with {said_at_end(error, self._work.bridge)}",
                line_of(error, str(self._path)),
            )

    def _ended(self, why: str, line: int) -> None:
        looked = any(each.message for each in self._work.done if each.outcome == "analyzed")
        because = "; it was given no rows where it looked at data" if looked else ""
        self._work.done.append(Analyzed(line, "refused", f"{why}{because}. What comes after is not planned."))

    def _refuse(self, why: str) -> NoReturn:
        """Note what is refused and end the script; that it ends is no Exception, so that the script cannot go on."""
        refusal = Refusal(f"{why} That cannot be planned, and the script was stopped here.")
        self._work.done.append(Analyzed(line_in(str(self._path)), "refused", str(refusal)))
        raise refusal

    def _noted(self, call: Callable[[], Any]) -> Any:
        """The result of a call; its refusal is noted, since a script may catch even that."""
        try:
            return call()
        except Refusal as refusal:
            self._work.done.append(Analyzed(line_in(str(self._path)), "refused", str(refusal)))
            raise

    def _refusing(self, what: str) -> Callable[..., NoReturn]:
        return lambda *_, **__: self._refuse(f"It uses {what}.")

    # -- sessions ------------------------------------------------------------------------------------------------

    def _replace_session(self) -> None:
        from pyspark import SparkContext  # noqa: PLC0415 - only the child has Spark
        from pyspark.sql import SparkSession  # noqa: PLC0415
        from pyspark.sql.catalog import Catalog  # noqa: PLC0415

        spark, kind = self._spark, type(self._spark)
        builder: Any = SparkSession.Builder
        builder.getOrCreate = builder.create = lambda told: self._configured(told)
        kind.sql = lambda _, text, *args, **words: self._statement(text, args, words)
        kind.table = lambda _, name: self._read_table(name)
        kind.createDataFrame = lambda _, data, schema=None, *__, **___: self._rows_of(data, schema)
        kind.newSession = lambda _: spark
        kind.stop = SparkContext.stop = lambda _: None
        setting = type(spark.conf)
        set_original = setting.set
        setting.set = lambda conf, key, value: (
            set_original(conf, key, value) if _SAFE_SETTING.fullmatch(key) else None
        )
        for name in ("readStream", "streams", "dataSource"):
            setattr(kind, name, property(self._refusing(f"`spark.{name}`")))
        for name in ("addArtifact", "addArtifacts", "copyFromLocalToFs"):
            setattr(kind, name, self._refusing(f"`spark.{name}`"))
        for name in ("createTable", "createExternalTable", "refreshByPath", "recoverPartitions"):
            setattr(Catalog, name, self._refusing(f"`spark.catalog.{name}`"))
        for name in ("textFile", "wholeTextFiles", "binaryFiles", "binaryRecords", "sequenceFile", "newAPIHadoopFile", "newAPIHadoopRDD",
                     "hadoopFile", "hadoopRDD", "pickleFile", "parallelize", "range", "union", "emptyRDD", "runJob", "addFile", "addPyFile",
                     "addArchive", "addJar", "setCheckpointDir", "dump_profiles"):  # fmt: skip
            setattr(SparkContext, name, self._refusing(f"`sparkContext.{name}`: RDDs have no plan"))

    def _configured(self, builder: Any) -> Any:
        """The session that analyzes, with the settings of SQL that a builder names."""
        for key, value in builder._options.items():
            self._spark.conf.set(key, str(value))
        return self._spark

    def _statement(self, text: str, args: tuple[Any, ...], words: Mapping[str, Any]) -> Any:
        line = line_in(str(self._path))
        if self._work.is_query(text):
            return self._noted(
                lambda: self._work.with_tables(lambda: self._sql(self._spark, text, *args, **words))
            )
        if args or words:
            self._refuse("It gives parameters to a statement that is no query.")
        found = self._work.analyze(Statement(line, text))
        if found.outcome == "refused":
            raise Refusal(found.message)
        return self._nothing([("result", "string")])

    def _read_table(self, name: str) -> Any:
        return self._noted(lambda: self._work.with_tables(lambda: self._table(self._spark, name)))

    def _rows_of(self, data: Any, schema: Any) -> Any:
        """Rows that a program makes: their columns, and none of the rows."""
        return self._noted(
            lambda: self._nothing(self._columns(schema if _is_schema(schema) else _inferred(data, schema)))
        )

    def _nothing(self, columns: Columns) -> Any:
        listed = ", ".join(f"CAST(NULL AS {type_}) AS {quoted([name])}" for name, type_ in columns)
        return self._sql(self._spark, f"SELECT {listed} LIMIT 0")

    def _columns(self, schema: Any) -> Columns:
        """Names and types of a schema, a StructType or its DDL."""
        if isinstance(schema, str):
            parsed = self._spark._jvm.org.apache.spark.sql.types.StructType.fromDDL(schema)
        else:
            parsed = self._spark._jvm.org.apache.spark.sql.types.DataType.fromJson(schema.json())
        return columns_of(parsed)

    # -- readers and writers -------------------------------------------------------------------------------------

    def _replace_readers_and_writers(self) -> None:
        from pyspark.sql.readwriter import DataFrameReader, DataFrameWriter  # noqa: PLC0415 - only the child has Spark

        reader, writer = DataFrameReader, DataFrameWriter
        for kind in (reader, writer):
            _remember(kind, "format")
            _remember_options(kind)
        _remember(reader, "schema")
        _remember(writer, "mode")
        reader.load = lambda it, path=None, format=None, schema=None, **options: self._load(
            it, path, format, schema, options
        )
        reader.table = lambda _, name: self._read_table(name)
        reader.jdbc = self._refusing("`read.jdbc`")
        for name in ("parquet", "csv", "json", "orc", "text", "xml"):
            if hasattr(reader, name):
                setattr(reader, name, self._reader_of(name))
                setattr(writer, name, self._writer_of(name))
        writer.save = lambda it, path=None, format=None, mode=None, partitionBy=None, **options: self._save(
            it, path, format, mode, options
        )
        writer.saveAsTable = lambda it, name, format=None, mode=None, partitionBy=None, **_: (
            self._save_as_table(it, name, mode)
        )
        writer.insertInto = lambda it, tableName, overwrite=None: self._insert_into(it, tableName, overwrite)
        writer.jdbc = self._refusing("`write.jdbc`")

    def _reader_of(self, name: str) -> Callable[..., Any]:
        def read(reader: Any, *paths: Any, **options: Any) -> Any:
            schema = options.pop("schema", None)
            if name in {"csv", "json"} and len(paths) > 1:
                schema = paths[1]
            if name not in {"parquet", "orc"}:
                paths = paths[:1]  # their other arguments are options
            found = [
                each
                for path in (*paths, options.pop("path", None))
                if path
                for each in (path if isinstance(path, list) else [path])
            ]
            return self._load(reader, found, name, schema, options)

        return read

    def _load(
        self, reader: Any, path: Any, format_: str | None, schema: Any, options: Mapping[str, Any]
    ) -> Any:
        told = reader.__dict__
        name = (format_ or told.get("_lineage_format") or "parquet").lower()
        if name not in _FILE_FORMATS:
            self._refuse(f"It reads by {name}.")
        places = path or options.get("path") or told.get("_lineage_path")
        if not places or not all(
            isinstance(each, str) for each in ([places] if isinstance(places, str) else places)
        ):
            self._refuse("It reads from no path.")
        given = schema or told.get("_lineage_schema") or ("value string" if name == "text" else None)
        frames = [
            self._source(each, name, given) for each in ([places] if isinstance(places, str) else places)
        ]
        return reduce(lambda one, other: one.unionByName(other), frames)

    def _source(self, path: str, format_: str, schema: Any) -> Any:
        """An empty table with the columns of what is at a path."""
        id_ = self._dataset(path)
        columns = self._columns(schema) if schema else self._places.get(f"{id_[0]}|{id_[1]}")
        if columns is None:
            self._refuse(
                f"It reads {path} ({format_}) without a schema, and Spark would look into the files for it: give the reader a "
                "schema, or name a store that knows it with --against."
            )
        return self._table(self._spark, quoted(self._made(_SOURCES, id_, columns)))

    def _writer_of(self, name: str) -> Callable[..., None]:
        def write(writer: Any, path: str, mode: str | None = None, *_: Any, **__: Any) -> None:
            self._save(writer, path, name, mode, {})

        return write

    def _save(
        self, writer: Any, path: str | None, format_: str | None, mode: str | None, options: Mapping[str, Any]
    ) -> None:
        told = writer.__dict__
        name = (format_ or told.get("_lineage_format") or "parquet").lower()
        place = path or options.get("path") or told.get("_lineage_path")
        if name == "noop":
            return self._look(writer._df, "write to noop")
        if name not in _FILE_FORMATS or not place:
            self._refuse(f"It writes by {name}{'' if place else ' to no path'}.")
        query = writer._df._jdf
        table = self._made(_TARGETS, self._dataset(place), columns_of(query.schema()))
        overwrites = (mode or told.get("_lineage_mode")) == "overwrite"
        return self._insert(table, query, overwrites=overwrites, by_name=False)

    def _save_as_table(self, writer: Any, name: str, mode: str | None) -> None:
        query, told = writer._df._jdf, mode or writer.__dict__.get("_lineage_mode")
        parts = self._work.parts_of(name)
        if told == "append" and self._exists(parts):
            return self._insert(parts, query, overwrites=False, by_name=True)
        return self._told(
            self._work.create_from(line_in(str(self._path)), parts, query, replaces=told == "overwrite")
        )

    def _insert_into(self, writer: Any, name: str, overwrite: bool | None) -> None:  # noqa: FBT001 - PySpark's
        mode = writer.__dict__.get("_lineage_mode")
        overwrites = mode == "overwrite" if overwrite is None else overwrite
        parts = self._work.parts_of(name)
        if not self._exists(parts):
            self._refuse(
                f"The table {name} is not defined: put its CREATE TABLE into a file of --ddl, or name a store that knows it with --against."
            )
        self._insert(parts, writer._df._jdf, overwrites=overwrites, by_name=False)

    def _insert(self, table: list[str], query: Any, *, overwrites: bool, by_name: bool) -> None:
        verb, how = "OVERWRITE" if overwrites else "INTO", " BY NAME" if by_name else ""
        text = f"INSERT {verb} {quoted(table)}{how} SELECT 1"
        self._told(self._work.with_query(line_in(str(self._path)), text, query))

    def _told(self, found: Analyzed) -> None:
        if found.outcome == "refused":
            raise Refusal(found.message)

    def _exists(self, name: list[str]) -> bool:
        return bool(self._spark.catalog.tableExists(quoted(name))) or self._work.catalog.make_known(name)

    def _made(self, database: str, id_: tuple[str, str], columns: Columns) -> list[str]:
        """A table that stands for a dataset."""
        name = [database, f"d{len(self.renamed)}"]
        self._work.catalog.make(name, columns)
        self.renamed[f"spark_catalog.{'.'.join(name)}"] = id_
        return name

    def _dataset(self, path: str) -> tuple[str, str]:
        place = path if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", path) else str(self._cwd / path)
        id_ = Naming().locate(str(self._work.bridge.place(place))).id
        return id_.namespace, id_.name

    # -- frames --------------------------------------------------------------------------------------------------

    def _replace_frames(self) -> None:
        from pyspark.sql.group import GroupedData  # noqa: PLC0415 - only the child has Spark

        frame: Any = type(self._nothing([("a", "int")]))
        for name, result in _EMPTY.items():
            setattr(frame, name, self._looking(name, result))
        to_pandas = frame.toPandas

        def empty_pandas(it: Any) -> Any:
            self._look(it, "toPandas")
            return to_pandas(self._nothing(columns_of(it._jdf.schema())))

        def head(it: Any, n: int | None = None) -> Any:
            self._look(it, "head")
            return None if n is None else []

        frame.toPandas, frame.head = empty_pandas, head
        for name in ("checkpoint", "localCheckpoint", "cache", "persist", "unpersist"):
            setattr(frame, name, lambda it, *_, **__: it)
        for name in ("rdd", "writeStream", "plot"):
            setattr(frame, name, property(self._refusing(f"`DataFrame.{name}`")))
        for name in (
            "toJSON",
            "pandas_api",
            "mergeInto",
            "approxQuantile",
            "corr",
            "cov",
            "crosstab",
            "freqItems",
            "toArrow",
            "writeTo",
        ):
            if hasattr(frame, name):
                setattr(frame, name, self._refusing(f"`DataFrame.{name}`"))
        frame.writeTo = lambda it, table: _TableWriter(self, it, table)
        pivot = GroupedData.pivot
        without = self._refusing("`pivot` without values, which looks at the data for them")
        GroupedData.pivot = lambda it, column, values=None: (
            without() if values is None else pivot(it, column, values)
        )

    def _looking(self, name: str, result: Callable[[], Any]) -> Callable[..., Any]:
        def look(frame: Any, *_: Any, **__: Any) -> Any:
            if not is_spark_calling():  # as `toPandas` calls `collect`
                self._look(frame, name)
            return result()

        return look

    def _look(self, frame: Any, how: str) -> None:
        """An action: what it looks at is a usage, and what it gets is empty."""
        plan = frame._jdf.queryExecution().analyzed()
        found = self._work.encode(line_in(str(self._path)), plan)
        self._work.done.append(
            Analyzed(found.line, "analyzed", _LOOKED.format(how), found.plan, found.literals)
        )


class _TableWriter:
    """`DataFrame.writeTo(table)`."""

    def __init__(self, script: Script, frame: Any, table: str) -> None:
        self._script, self._frame, self._table = script, frame, table

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in {"using", "option", "options", "tableProperty", "partitionedBy", "clusterBy"}:
            return lambda *_, **__: self
        if name in {"create", "createOrReplace", "replace"}:
            return lambda: self._script._save_as_table(
                self._frame.write, self._table, "error" if name == "create" else "overwrite"
            )
        if name == "append":
            return lambda: self._script._save_as_table(self._frame.write, self._table, "append")
        return lambda *_: self._script._refuse(f"It uses `writeTo(...).{name}`.")


_EMPTY: Mapping[str, Callable[[], Any]] = {
    "collect": list,
    "count": int,
    "take": list,
    "tail": list,
    "first": lambda: None,
    "show": lambda: None,
    "isEmpty": lambda: True,
    "toLocalIterator": lambda: iter(()),
    "foreach": lambda: None,
    "foreachPartition": lambda: None,
    "inputFiles": list,
}
"""Actions, and what they give for no rows."""


def _remember(kind: Any, name: str) -> None:
    """Let a reader or writer keep what it was told."""

    def told(it: Any, value: Any) -> Any:
        it.__dict__[f"_lineage_{name}"] = value
        return it

    setattr(kind, name, told)


def _remember_options(kind: Any) -> None:
    def option(it: Any, key: str, value: Any) -> Any:
        if key.lower() == "path":
            it.__dict__["_lineage_path"] = value
        return it

    def options(it: Any, **given: Any) -> Any:
        for key, value in given.items():
            option(it, key, value)
        return it

    kind.option, kind.options = option, options


def _is_schema(schema: Any) -> bool:
    return isinstance(schema, str) or hasattr(schema, "json")


def _inferred(data: Any, names: Any) -> Any:
    """The schema of rows that a program holds, as PySpark infers it."""
    from pyspark.sql.types import StructField, StructType, _infer_schema, _merge_type  # noqa: PLC0415 - only the child has Spark

    if hasattr(data, "dtypes") and hasattr(data, "to_dict"):  # a pandas frame
        data = data.head(100).to_dict("records")
    if not isinstance(data, (list, tuple)) or not data:
        raise Refusal("It makes a frame of rows whose types are not said: give createDataFrame a schema.")
    schema = reduce(_merge_type, (_infer_schema(row, names) for row in data))
    if names is not None and not hasattr(names, "json"):
        fields = [StructField(name, each.dataType) for name, each in zip(names, schema.fields, strict=False)]
        return StructType(fields)
    return schema
