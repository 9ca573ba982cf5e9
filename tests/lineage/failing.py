"""Ways to fail inside one application: what is done, and what the run must say of it.

`t(a, b, c)` has the rows (1, p, 1.0), (2, q, 2.0), (3, p, 3.0), (4, r, 4.0), `u(a, v)` has (2, 20.0), (3, 30.0), (9, 90.0); `d(a, b)` is a Delta
table with the rows of `t` and a CHECK of `a > 0`, `n(a)` one whose column is never null. The condition is what Spark's own error says
(`error-conditions.json`), the operator the one that evaluates the expression or runs the function that raises.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark import cloudpickle
from pyspark.sql import Column
from pyspark.sql import functions as f

from lineage.place import Place

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the workers cannot import this module

NOTHING = "nothing"
"""State of what leaves no run: it never reached the engine."""

SAME = "same"
"""A condition that is no other on older or newer Sparks."""

EITHER = "either"
"""Spark 3.5 hands on the condition of a failed write (`TASK_WRITE_FAILED`) or not, by which task's error comes first."""

HANGS = (4, 2)
"""Spark 4.2.0 hangs where a Python function over a columnar scan raises or its worker dies, with lineage or without."""

ANY = (9, 9)

PYTHON = "PYTHON_EXCEPTION"
"""What Spark 4.2 calls whatever a Python function raises; before, it has no name."""


SQLSTATES = {
    "ARITHMETIC_OVERFLOW": "22003",
    "CAST_INVALID_INPUT": "22018",
    "CAST_OVERFLOW": "22003",
    "DIVIDE_BY_ZERO": "22012",
    "INVALID_ARRAY_INDEX": "22003",
    "INVALID_ARRAY_INDEX_IN_ELEMENT_AT": "22003",
    "PATH_ALREADY_EXISTS": "42K04",
    "SCALAR_SUBQUERY_TOO_MANY_ROWS": "21000",
}
"""Of the conditions that have one in every Spark, as its `error-conditions.json` has them."""


@dataclass(frozen=True)
class Way:
    """One way to fail: the state of its run, the condition and class of its error where they are told, the operator where it is known.

    `sqlstate` is that of a database.

    `kind` is that of the run, `old_condition` the condition before Spark 4 where it is another, `new_condition` since 4.2. `since` is the first Spark that says it so, `below` the first that cannot do it.
    """

    name: str
    do: Callable[[Place], Any]
    state: str = "FAILED"
    condition: str | None = None
    operator: str | None = None
    kind: str = "usage"
    error: str | None = None
    since: tuple[int, int] = (3, 5)
    below: tuple[int, int] = ANY
    old_condition: str | None = SAME
    new_condition: str | None = SAME
    sqlstate: str | None = None


def query(text: str) -> Callable[[Place], Any]:
    """Run a query and collect its rows."""
    return lambda place: place.spark.sql(text).collect()


def write(text: str) -> Callable[[Place], Any]:
    """Write what a query gives into a new table of files."""
    return lambda place: place.spark.sql(f"CREATE TABLE x{time.monotonic_ns()} USING parquet AS {text}")


def statement(text: str) -> Callable[[Place], Any]:
    """Run one statement."""
    return lambda place: place.spark.sql(text)


def _raise(_value: Any) -> Any:
    raise ValueError("secret 471108154711")


def _raising(column: str) -> Column:
    """A Python function without type hints, from which Spark would make an Arrow function."""
    return f.udf(lambda value: [_raise(value)][0], "int")(column)


def _raise_on_series(values: pd.Series) -> pd.Series:
    return values.map(_raise)


def _raise_on_frame(_frame: pd.DataFrame) -> pd.DataFrame:
    raise ValueError("secret 471108154711")


def _raise_on_frames(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for frame in frames:
        raise KeyError(len(frame))
        yield frame


def _python_udf(place: Place) -> Any:
    return place.spark.table("t").select(_raising("a")).collect()


def _pandas_udf(place: Place) -> Any:
    return place.spark.table("t").select(f.pandas_udf(_raise_on_series, "int")("a")).collect()


def _map_in_pandas(place: Place) -> Any:
    return place.spark.table("t").mapInPandas(_raise_on_frames, "a int").collect()


def _apply_in_pandas(place: Place) -> Any:
    return place.spark.table("t").groupBy("b").applyInPandas(_raise_on_frame, "a int").collect()


def _worker_dies(place: Place) -> Any:
    return place.spark.table("t").select(f.udf(lambda _: os._exit(1), "int")("a")).collect()


def _udf_in_write(place: Place) -> Any:
    return place.spark.table("t").select(_raising("a").alias("a")).write.parquet(f"{place.folder}/udf")


def _database_refuses(place: Place) -> Any:
    """Derby says 22001, the SQL standard's "string data, right truncation"."""
    long = place.spark.table("t").selectExpr("concat(b, ' secret 471108154711') AS b")
    long.write.option("createTableColumnTypes", "b VARCHAR(1)").jdbc(
        "jdbc:derby:memory:failing;create=true", "x"
    )


def _rdd_map(place: Place) -> Any:
    return place.spark.sparkContext.parallelize([1], 1).map(_raise).collect()


def _rdd_of_table(place: Place) -> Any:
    return place.spark.table("t").rdd.map(_raise).count()


def _foreach_partition(place: Place) -> Any:
    return place.spark.table("t").foreachPartition(_raise)


def _path_exists(place: Place) -> Any:
    place.spark.table("u").limit(0).write.parquet(f"{place.folder}/there")
    return place.spark.table("t").write.parquet(f"{place.folder}/there")


def _below_a_file(place: Place) -> Any:
    (place.folder / "file").write_text("x")
    return place.spark.table("t").write.parquet(f"{place.folder}/file/out")


def _file_gone(place: Place) -> Any:
    folder = place.folder / "gone"
    place.spark.table("t").coalesce(1).write.parquet(str(folder))
    frame = place.spark.read.parquet(str(folder))
    for path in folder.glob("*.parquet"):
        path.unlink()
    return frame.collect()


def _file_broken(place: Place) -> Any:
    folder = place.folder / "broken"
    place.spark.table("t").coalesce(1).write.parquet(str(folder))
    frame = place.spark.read.parquet(str(folder))
    for path in folder.glob("*.parquet"):
        path.write_bytes(b"x" * path.stat().st_size)
        path.with_name(f".{path.name}.crc").unlink()
    return frame.collect()


def _csv_fail_fast(place: Place) -> Any:
    (place.folder / "rows.csv").write_text("1\nx\n")
    return (
        place.spark.read.schema("a int").option("mode", "FAILFAST").csv(f"{place.folder}/rows.csv").collect()
    )


def _broadcast_timeout(place: Place) -> Any:
    slow = place.spark.table("u").select(f.udf(lambda a: (time.sleep(3), a)[1], "int")("a").alias("a"))
    place.spark.conf.set("spark.sql.broadcastTimeout", "1")
    place.spark.conf.set("spark.sql.adaptive.enabled", "false")
    try:
        return place.spark.table("t").join(f.broadcast(slow), "a").collect()
    finally:
        place.spark.conf.unset("spark.sql.broadcastTimeout")
        place.spark.conf.unset("spark.sql.adaptive.enabled")


def cancelled_by(cancel: Callable[[Place], Any], *, writes: bool) -> Callable[[Place], Any]:
    """Run a slow query under a job group and cancel it once its tasks run."""

    def do(place: Place) -> Any:
        context = place.spark.sparkContext
        running = place.folder / f"running{time.monotonic_ns()}"
        place.spark.udf.register("slow", _slow(str(running)), "int")

        def later() -> None:
            for _ in range(300):
                if running.exists():
                    break
                time.sleep(0.1)
            cancel(place)

        thread = threading.Thread(target=later)
        thread.start()
        context.setJobGroup("slow-group", "slow", interruptOnCancel=False)
        try:
            frame = place.spark.sql("SELECT slow(a) AS a FROM t")
            return frame.write.parquet(f"{place.folder}/slow") if writes else frame.collect()
        finally:
            thread.join()
            context.setLocalProperty("spark.jobGroup.id", None)
            context.setLocalProperty("spark.job.description", None)

    return do


def _slow(running: str) -> Callable[[int], int]:
    def slow(value: int) -> int:
        Path(running).touch()
        time.sleep(30)
        return value

    return slow


def _stream_fails(place: Place, into: Callable[[Any], Any]) -> Any:
    place.spark.table("t").coalesce(1).write.parquet(str(place.folder / "stream_in"))
    rows = place.spark.readStream.schema("a int, b string, c double").parquet(str(place.folder / "stream_in"))
    started = (
        into(rows).option("checkpointLocation", f"{place.folder}/checkpoint{time.monotonic_ns()}").start()
    )
    return started.awaitTermination()


def _stream_udf(place: Place) -> Any:
    return _stream_fails(
        place,
        lambda rows: (
            rows.select(_raising("a").alias("a"))
            .writeStream.format("parquet")
            .option("path", f"{place.folder}/stream_out")
            .trigger(availableNow=True)
        ),
    )


def _merge(text: str) -> Callable[[Place], Any]:
    return statement(f"MERGE INTO d USING {text} ON d.a = s.a WHEN MATCHED THEN UPDATE SET b = s.b")


WAYS = (
    # An expression that raises: the operator is the lowest that evaluates it, if the error says where the expression stands. Spark's CAST_OVERFLOW and
    # USER_RAISED_EXCEPTION do not; a join's condition is a filter of one side, too, where a key of the other stands for it.
    Way("divide by zero in a select list", query("SELECT a / (a - 1) FROM t"), condition="DIVIDE_BY_ZERO", operator="Project"),
    Way("divide by zero in WHERE", query("SELECT b FROM t WHERE 1 / (a - 1) > 0"), condition="DIVIDE_BY_ZERO", operator="Filter"),
    Way("divide by zero in an aggregate", query("SELECT sum(1 / (a - 1)) FROM t"), condition="DIVIDE_BY_ZERO", operator="HashAggregate"),
    Way("divide by zero in a write", write("SELECT a / (a - 1) AS x FROM t"), condition="DIVIDE_BY_ZERO", operator="Project", kind="write"),
    Way("a cast of what is no number", query("SELECT CAST(b AS int) FROM t"), condition="CAST_INVALID_INPUT", operator="Project"),
    Way("a cast that overflows", query("SELECT CAST(a * 1000 AS tinyint) FROM t"), condition="CAST_OVERFLOW"),
    Way("an addition that overflows", query("SELECT a + 2147483647 FROM t"), condition="ARITHMETIC_OVERFLOW", operator="Project"),
    Way("a decimal that overflows", query("SELECT CAST(a * 100 AS decimal(3,1)) FROM t"), condition="NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", operator="Project", since=(4, 0)),
    Way("an index out of bounds", query("SELECT array(a)[a] FROM t"), condition="INVALID_ARRAY_INDEX", operator="Project"),
    Way("element_at out of bounds", query("SELECT element_at(array(a), a) FROM t"), condition="INVALID_ARRAY_INDEX_IN_ELEMENT_AT", operator="Project"),
    Way("a date that is none", query("SELECT to_date(b, 'yyyy') FROM t"), condition="CANNOT_PARSE_TIMESTAMP", since=(4, 0)),
    Way("raise_error", write("SELECT if(a < 0, b, raise_error(b)) AS x FROM t"), condition="USER_RAISED_EXCEPTION", kind="write", since=(4, 0)),
    Way("assert_true", query("SELECT assert_true(a < 3) FROM t"), condition="USER_RAISED_EXCEPTION", since=(4, 0)),
    Way("a subquery with too many rows", query("SELECT (SELECT a FROM u) FROM t"), condition="SCALAR_SUBQUERY_TOO_MANY_ROWS", operator="Project"),
    Way("a pattern that is none", query("SELECT regexp_replace(b, concat('(', b), '') FROM t"), condition="INVALID_PARAMETER_VALUE.PATTERN", since=(4, 0)),
    Way("a join condition that raises", query("SELECT t.b FROM t JOIN u ON t.a = u.a AND 1 / (t.a - u.v / 10) > 0"), condition="DIVIDE_BY_ZERO", operator="Filter"),
    Way("a sort key that raises", query("SELECT b FROM t ORDER BY 1 / (a - 1)"), condition="DIVIDE_BY_ZERO", operator="Exchange"),
    Way("a window's argument that raises", query("SELECT sum(1 / (a - 1)) OVER (PARTITION BY b) FROM t"), condition="DIVIDE_BY_ZERO", operator="Project"),
    Way("a generator's argument that raises", query("SELECT explode(array(1 / (a - 1))) FROM t"), condition="DIVIDE_BY_ZERO", operator="Generate"),
    Way("a branch of a union that raises", query("SELECT a FROM u UNION ALL SELECT CAST(b AS int) FROM t"), condition="CAST_INVALID_INPUT", operator="Project"),
    Way("a constant that raises while it is folded", query("SELECT 1 / 0 FROM t"), condition="DIVIDE_BY_ZERO"),
    # Python.
    Way("a Python function raises", _python_udf, error="ValueError", operator="BatchEvalPython", below=HANGS),
    Way("a pandas function raises", _pandas_udf, error="ValueError", operator="ArrowEvalPython", new_condition=PYTHON),
    Way("mapInPandas raises", _map_in_pandas, error="KeyError", operator="MapInPandas", new_condition=PYTHON),
    Way("applyInPandas raises", _apply_in_pandas, error="ValueError", operator="FlatMapGroupsInPandas", new_condition=PYTHON),
    Way("a Python function raises in a write", _udf_in_write, error="ValueError", operator="BatchEvalPython", kind="write", old_condition=EITHER, below=HANGS),
    Way("a Python worker dies", _worker_dies, below=HANGS),
    Way("an RDD's function raises", _rdd_map, error="ValueError", kind="query", new_condition=PYTHON),
    Way("a function over a table's RDD raises", _rdd_of_table, error="ValueError", new_condition=PYTHON),
    Way("foreachPartition raises", _foreach_partition, error="ValueError", new_condition=PYTHON),
    # Files.
    Way("the path is there already", _path_exists, condition="PATH_ALREADY_EXISTS", kind="write"),
    Way("the path is below a file", _below_a_file, kind="write"),
    Way("a file is gone", _file_gone, condition="FAILED_READ_FILE.FILE_NOT_EXIST", operator="Scan parquet", since=(4, 0)),
    Way("a file is broken", _file_broken, condition="FAILED_READ_FILE.NO_HINT", operator="Scan parquet", since=(4, 0)),
    Way("a CSV row is malformed", _csv_fail_fast, condition="FAILED_READ_FILE.NO_HINT", operator="Scan csv", since=(4, 0)),
    # A database.
    Way("a database refuses a value", _database_refuses, kind="write", sqlstate="22001"),
    # Delta.
    Way("a CHECK is violated", statement("INSERT INTO d SELECT -a, b FROM t"), kind="write", condition="DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"),
    Way("a NOT NULL column gets a null", statement("INSERT INTO n SELECT nullif(a, 2) FROM t"), kind="write", condition="DELTA_NOT_NULL_CONSTRAINT_VIOLATED"),
    Way("MERGE meets a row twice", _merge("(SELECT 2 AS a, explode(array('x', 'y')) AS b) s"), kind="write", condition="DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE"),
    Way("UPDATE raises", statement("UPDATE d SET b = string(1 / (a - 1))"), kind="write", condition="DIVIDE_BY_ZERO", operator="Project"),
    Way("DELETE raises", statement("DELETE FROM d WHERE 1 / (a - 1) > 0"), kind="write", condition="DIVIDE_BY_ZERO", operator="Filter"),
    Way("an overwrite of Delta raises", statement("INSERT OVERWRITE d SELECT int(100 / (a - 1)), b FROM t"), kind="write", condition="DIVIDE_BY_ZERO", operator="Project"),
    Way("the version is not there", query("SELECT * FROM d VERSION AS OF 99"), kind="query", condition="DELTA_VERSION_NOT_FOUND", since=(4, 0)),
    # Before anything runs.
    Way("a column is not there", query("SELECT missing FROM t"), kind="query", condition="UNRESOLVED_COLUMN.WITH_SUGGESTION", since=(4, 0)),
    Way("a table is not there", query("SELECT * FROM missing"), kind="query", condition="TABLE_OR_VIEW_NOT_FOUND", since=(4, 0)),
    Way("a function is not there", query("SELECT missing(a) FROM t"), kind="query", condition="UNRESOLVED_ROUTINE", since=(4, 0)),
    Way("types do not match", query("SELECT a + array(1) FROM t"), kind="query", condition="DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", since=(4, 0)),
    Way("a column is not grouped", query("SELECT a, count(*) FROM t GROUP BY b"), kind="query", condition="MISSING_AGGREGATION", since=(4, 0)),
    Way("too few columns are inserted", statement("INSERT INTO d SELECT a FROM t"), kind="query", condition="DELTA_INSERT_COLUMN_ARITY_MISMATCH", since=(4, 0)),
    Way("the text is no SQL", statement("SELEC a FROM t"), state=NOTHING),
    Way("a table to drop is not there", statement("DROP TABLE missing"), state=NOTHING),
    # Somebody stops it.
    Way("its job group is cancelled", cancelled_by(lambda p: p.spark.sparkContext.cancelJobGroup("slow-group"), writes=True), state="CANCELLED", condition="SPARK_JOB_CANCELLED", kind="write", old_condition=None),
    Way("all jobs are cancelled", cancelled_by(lambda p: p.spark.sparkContext.cancelAllJobs(), writes=False), state="CANCELLED", condition="SPARK_JOB_CANCELLED", old_condition=None),
    # Slow, or streaming.
    Way("a broadcast takes too long", _broadcast_timeout, condition="_LEGACY_ERROR_TEMP_2097"),
    Way("a stream's function raises", _stream_udf, error="ValueError", kind="write", operator="BatchEvalPython", old_condition=EITHER, below=HANGS),
)  # fmt: skip
