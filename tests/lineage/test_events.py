"""Each kind of action that Spark reports: how many runs it makes, of what kind, and what they say.

The rows follow the table of what Spark reports for each kind of action: nested and repeated executions are one run,
helper queries are none, and failures add no plan. `t` has four rows, three of them with `a > 1`; `u` has three.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

from lineage.harness import version_of

pytestmark = [
    pytest.mark.spark,
    # PySpark leaves the sockets of its results to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

SETUP = """
CREATE TABLE t(a int, b string, c double) USING parquet;
INSERT INTO t VALUES (1, 'p', 1.0), (2, 'q', 2.0), (3, 'p', 3.0), (4, 'r', 4.0);
CREATE TABLE u(a int, v double) USING parquet;
INSERT INTO u VALUES (2, 20.0), (3, 30.0), (9, 90.0)
"""
QUERY = "SELECT a, upper(b) AS big FROM t WHERE a > 1"
NUMBERS = itertools.count()
Json = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where one test works: a session with a database and a folder of its own, and the lineage of it all."""

    spark: SparkSession
    database: str
    folder: Path
    lineage: Any

    def sql(self, *texts: str) -> None:
        """Run statements, one after another."""
        for text in texts:
            self.spark.sql(text.replace("{tmp}", str(self.folder)))

    def new_runs(self, action: Callable[[], Any]) -> list[Json]:
        """The runs that an action made, the oldest first."""
        known = {(run["id"], run["part"]) for run in self._runs()}
        action()
        return [run for run in reversed(self._runs()) if (run["id"], run["part"]) not in known]

    def new_problems(self, action: Callable[[], Any]) -> list[Json]:
        """The problems that an action made."""
        known = self.lineage.problems().to_dict()["problems"]
        action()
        return [problem for problem in self.lineage.problems().to_dict()["problems"] if problem not in known]

    def _runs(self) -> list[Json]:
        return [run for run in self.lineage.runs().to_dict()["runs"] if run["kind"] != "application"]

    def table(self, name: str = "out") -> Json:
        """The answer for a table of this database."""
        return self.lineage.table(f"{self.database}.{name}").to_dict()

    def is_table(self, target: Json, name: str) -> bool:
        """Whether a dataset is that table of this database: by its location and by its alias."""
        return (
            target["namespace"] == "file"
            and target["name"].endswith(f"/{self.database}.db/{name}")
            and f"spark_catalog.{self.database}.{name}" in target["aliases"]
        )

    def reaches_driver(self, column: str) -> bool:
        """Whether a column is used by what an action handed to the program."""
        found = self.lineage.downstream(f"{self.database}.{column}", depth=1).to_dict()
        return any(node["namespace"] == "driver" for node in found["nodes"])


@pytest.fixture
def place(spark: SparkSession, lineage: Any, folder: Path) -> Place:
    session = spark.newSession()
    database = f"events_{next(NUMBERS):02d}"
    session.sql(f"CREATE DATABASE {database}")
    session.sql(f"USE {database}")
    for statement in SETUP.split(";\n"):
        session.sql(statement)
    return Place(session, database, folder, lineage)


def shape(runs: list[Json]) -> list[tuple[str, str, str]]:
    """Kind, operation and state of each run."""
    return [(run["kind"], run["operation"], run["state"]) for run in runs]


def fields(sources: list[Json]) -> list[str]:
    """`a IDENTITY` of each source, the table's name left out."""
    return [f"{source['field']} {source['subtype']}" for source in sources]


def lineage_of_query(answer: Json) -> None:
    """The answer is that of `QUERY`, and is sure of it."""
    assert answer["certainty"] == "exact"
    assert answer["problems"] == []
    assert [(column["name"], fields(column["sources"])) for column in answer["columns"]] == [
        ("a", ["a IDENTITY"]),
        ("big", ["b TRANSFORMATION"]),
    ]
    assert fields(answer["rows"]) == ["a FILTER"]


# Writes of tables: (name, what is there before, the action, the operation that the run shows)
TABLE_WRITES: list[tuple[str, tuple[str, ...], Callable[[Place], Any], str]] = [
    (
        "saveAsTable, Parquet",
        (),
        lambda at: at.spark.sql(QUERY).write.saveAsTable("out"),
        "CREATE TABLE AS SELECT",
    ),
    (
        "CTAS, Parquet",
        (),
        lambda at: at.sql(f"CREATE TABLE out USING parquet AS {QUERY}"),
        "CREATE TABLE AS SELECT",
    ),
    (
        "INSERT INTO, Parquet",
        ("CREATE TABLE out(a int, big string) USING parquet",),
        lambda at: at.sql(f"INSERT INTO out {QUERY}"),
        "INSERT",
    ),
    (
        "insertInto, Parquet",
        ("CREATE TABLE out(a int, big string) USING parquet",),
        lambda at: at.spark.sql(QUERY).write.insertInto("out"),
        "INSERT",
    ),
    (
        "INSERT OVERWRITE, Parquet",
        ("CREATE TABLE out(a int, big string) USING parquet",),
        lambda at: at.sql(f"INSERT OVERWRITE out {QUERY}"),
        "OVERWRITE",
    ),
    (
        "INSERT whose result is collected",
        ("CREATE TABLE out(a int, big string) USING parquet",),
        lambda at: at.spark.sql(f"INSERT INTO out {QUERY}").collect(),
        "INSERT",
    ),
    (
        "Delta append",
        ("CREATE TABLE out(a int, big string) USING delta",),
        lambda at: at.spark.sql(QUERY).write.format("delta").mode("append").saveAsTable("out"),
        "INSERT",
    ),
    (
        "Delta INSERT",
        ("CREATE TABLE out(a int, big string) USING delta",),
        lambda at: at.sql(f"INSERT INTO out {QUERY}"),
        "INSERT",
    ),
    (
        "Delta writeTo append",
        ("CREATE TABLE out(a int, big string) USING delta",),
        lambda at: at.spark.sql(QUERY).writeTo("out").append(),
        "INSERT",
    ),
    (
        "Delta new table",
        (),
        lambda at: at.spark.sql(QUERY).write.format("delta").saveAsTable("out"),
        "CREATE TABLE AS SELECT",
    ),
    (
        "Delta CTAS",
        (),
        lambda at: at.sql(f"CREATE TABLE out USING delta AS {QUERY}"),
        "CREATE TABLE AS SELECT",
    ),
    (
        "Delta RTAS",
        ("CREATE TABLE out USING delta AS SELECT 1 AS old",),
        lambda at: at.sql(f"REPLACE TABLE out USING delta AS {QUERY}"),
        "REPLACE TABLE AS SELECT",
    ),
    (
        "Delta INSERT OVERWRITE",
        ("CREATE TABLE out(a int, big string) USING delta",),
        lambda at: at.sql(f"INSERT OVERWRITE out {QUERY}"),
        "OVERWRITE",
    ),
]


@pytest.mark.parametrize(
    ("before", "action", "operation"), [row[1:] for row in TABLE_WRITES], ids=[row[0] for row in TABLE_WRITES]
)
def test_table_write(
    place: Place, before: tuple[str, ...], action: Callable[[Place], Any], operation: str
) -> None:
    place.sql(*before)
    runs = place.new_runs(lambda: action(place))
    assert shape(runs) == [("write", operation, "COMPLETE")]
    assert place.is_table(runs[0]["target"], "out")
    assert runs[0]["rows"] == 3
    assert runs[0]["error"] is None
    answer = place.table()
    assert answer["last_run"] == {
        "id": runs[0]["id"],
        "state": "COMPLETE",
        "started_at": runs[0]["started_at"],
        "rows": 3,
    }
    lineage_of_query(answer)


def test_delta_overwrite_by_saveastable(place: Place) -> None:
    place.sql("CREATE TABLE out USING delta AS SELECT 1 AS a, 'x' AS big")
    runs = place.new_runs(
        lambda: place.spark.sql(QUERY).write.format("delta").mode("overwrite").saveAsTable("out")
    )
    assert [(run["kind"], run["state"], run["rows"]) for run in runs] == [("write", "COMPLETE", 3)]
    answer = place.table()
    assert answer["plans"] == [runs[0]["plan"]]
    lineage_of_query(answer)


# Writes of folders: (name, the action)
PATH_WRITES: list[tuple[str, Callable[[Place], Any]]] = [
    ("Parquet", lambda at: at.spark.sql(QUERY).write.parquet(f"{at.folder}/out")),
    ("CSV", lambda at: at.spark.sql(QUERY).write.csv(f"{at.folder}/out")),
    ("Delta", lambda at: at.spark.sql(QUERY).write.format("delta").save(f"{at.folder}/out")),
    (
        "INSERT OVERWRITE DIRECTORY",
        lambda at: at.sql(f"INSERT OVERWRITE DIRECTORY '{{tmp}}/out' USING parquet {QUERY}"),
    ),
]


@pytest.mark.parametrize("action", [row[1] for row in PATH_WRITES], ids=[row[0] for row in PATH_WRITES])
def test_path_write(place: Place, action: Callable[[Place], Any]) -> None:
    runs = place.new_runs(lambda: action(place))
    assert [(run["kind"], run["state"], run["rows"]) for run in runs] == [("write", "COMPLETE", 3)]
    target = runs[0]["target"]
    assert (target["namespace"], target["name"]) == ("file", f"{place.folder}/out")
    lineage_of_query(place.lineage.table(f"{place.folder}/out").to_dict())


def test_multi_insert_is_two_writes(place: Place) -> None:
    place.sql("CREATE TABLE one(x int) USING parquet", "CREATE TABLE two(x string) USING parquet")
    runs = place.new_runs(
        lambda: place.sql("FROM t INSERT INTO one SELECT a WHERE a > 1 INSERT INTO two SELECT b WHERE a < 2")
    )
    assert shape(runs) == [("write", "INSERT", "COMPLETE")] * 2
    rows = {
        name: run["rows"] for run in runs for name in ("one", "two") if place.is_table(run["target"], name)
    }
    assert rows == {"one": 3, "two": 1}
    assert fields(place.table("one")["columns"][0]["sources"]) == ["a IDENTITY"]
    assert fields(place.table("two")["columns"][0]["sources"]) == ["b IDENTITY"]


def test_noop_write(place: Place) -> None:
    runs = place.new_runs(lambda: place.spark.sql(QUERY).write.format("noop").mode("overwrite").save())
    assert [(run["kind"], run["state"]) for run in runs] == [("write", "COMPLETE")]


def test_delta_merge(place: Place) -> None:
    place.sql("CREATE TABLE out USING delta AS SELECT a, c FROM t")
    runs = place.new_runs(
        lambda: place.sql(
            "MERGE INTO out USING u ON out.a = u.a WHEN MATCHED AND u.v > 25 THEN DELETE "
            "WHEN MATCHED THEN UPDATE SET c = u.v WHEN NOT MATCHED THEN INSERT (a, c) VALUES (u.a, u.v)"
        )
    )
    assert shape(runs) == [("write", "MERGE", "COMPLETE")]
    assert place.is_table(runs[0]["target"], "out")
    assert runs[0]["rows"] == 3  # one updated, one deleted, one inserted; rows that are copied do not count
    answer = place.table()
    assert answer["runs"] == 2
    assert sorted(fields(answer["columns"][1]["sources"])) == ["c IDENTITY", "v IDENTITY"]


def test_delta_update(place: Place) -> None:
    place.sql("CREATE TABLE out USING delta AS SELECT a, c FROM t")
    runs = place.new_runs(lambda: place.sql("UPDATE out SET c = c * 2 WHERE a > 1"))
    assert shape(runs) == [("write", "UPDATE", "COMPLETE")]
    assert place.is_table(runs[0]["target"], "out")
    assert runs[0]["rows"] == 3


def test_delta_delete(place: Place) -> None:
    place.sql("CREATE TABLE out USING delta AS SELECT a, c FROM t")
    runs = place.new_runs(lambda: place.sql("DELETE FROM out WHERE a > 2"))
    assert shape(runs) == [("write", "DELETE", "COMPLETE")]
    assert place.is_table(runs[0]["target"], "out")
    assert runs[0]["rows"] == 2


def test_jdbc_write(place: Place) -> None:
    url = f"jdbc:derby:memory:{place.database};create=true"
    runs = place.new_runs(lambda: place.spark.sql(QUERY).write.jdbc(url, "events_written"))
    assert [(run["kind"], run["state"], run["rows"]) for run in runs] == [("write", "COMPLETE", 3)]
    assert runs[0]["target"]["name"].rpartition(".")[2].lower() == "events_written"
    lineage_of_query(place.lineage.table("events_written").to_dict())


# Commands that move no data of the user's.
QUIET: list[tuple[str, Callable[[Place], Any]]] = [
    ("ANALYZE", lambda at: at.sql("ANALYZE TABLE t COMPUTE STATISTICS FOR COLUMNS a")),
    ("CACHE TABLE", lambda at: at.sql("CACHE TABLE t", "UNCACHE TABLE t")),
    ("EXPLAIN", lambda at: at.spark.sql(f"EXPLAIN {QUERY}").collect()),
    ("EXPLAIN of a write", lambda at: at.spark.sql("EXPLAIN INSERT INTO t SELECT a, b, c FROM t").collect()),
    ("explain()", lambda at: at.spark.sql(QUERY).explain(extended=True)),
    ("schema", lambda at: at.spark.sql(QUERY).schema),
    ("SHOW TABLES", lambda at: at.spark.sql("SHOW TABLES").collect()),
    ("DESCRIBE", lambda at: at.spark.sql("DESCRIBE TABLE t").collect()),
    ("SET", lambda at: at.sql("SET spark.sql.shuffle.partitions = 2")),
    ("CREATE TABLE", lambda at: at.sql("CREATE TABLE made(a int) USING parquet")),
    ("CREATE TEMPORARY VIEW", lambda at: at.sql(f"CREATE TEMPORARY VIEW made AS {QUERY}")),
]


@pytest.mark.parametrize("action", [row[1] for row in QUIET], ids=[row[0] for row in QUIET])
def test_command_without_lineage(place: Place, action: Callable[[Place], Any]) -> None:
    assert place.new_runs(lambda: action(place)) == []


def test_optimize_has_no_lineage(place: Place) -> None:
    place.sql("CREATE TABLE out USING delta AS SELECT a FROM t", "INSERT INTO out SELECT a FROM u")
    before = place.table()
    assert place.new_runs(lambda: place.sql("OPTIMIZE out")) == []
    assert place.table() == before


# What hands rows to the program: (name, the action)
USAGES: list[tuple[str, Callable[[Place], Any]]] = [
    ("collect", lambda at: at.spark.sql(QUERY).collect()),
    ("toPandas", lambda at: at.spark.sql(QUERY).toPandas()),
    ("show", lambda at: at.spark.sql(QUERY).show()),
    ("first", lambda at: at.spark.sql(QUERY).first()),
    ("toLocalIterator", lambda at: list(at.spark.sql(QUERY).toLocalIterator())),
]


@pytest.mark.parametrize("action", [row[1] for row in USAGES], ids=[row[0] for row in USAGES])
def test_action_is_a_usage(place: Place, action: Callable[[Place], Any]) -> None:
    runs = place.new_runs(lambda: action(place))
    assert [(run["kind"], run["state"], run["target"]["namespace"]) for run in runs] == [
        ("usage", "COMPLETE", "driver")
    ]
    assert place.reaches_driver("t.a")
    assert place.reaches_driver("t.b")
    assert not place.reaches_driver("t.c")


def test_count_uses_what_decides_the_rows(place: Place) -> None:
    runs = place.new_runs(lambda: place.spark.sql(QUERY).count())
    assert [(run["kind"], run["state"]) for run in runs] == [("usage", "COMPLETE")]
    assert place.reaches_driver("t.a")
    assert not place.reaches_driver("t.b")


def test_rows_of_a_local_iterator_are_unknown(place: Place) -> None:
    runs = place.new_runs(lambda: list(place.spark.sql(QUERY).toLocalIterator()))
    assert [run["rows"] for run in runs] == [None]


def test_cached_then_written(place: Place) -> None:
    kept = place.spark.sql(QUERY).cache()
    assert [run["kind"] for run in place.new_runs(kept.count)] == ["usage"]
    runs = place.new_runs(lambda: kept.write.saveAsTable("out"))
    kept.unpersist()
    assert shape(runs) == [("write", "CREATE TABLE AS SELECT", "COMPLETE")]
    assert runs[0]["rows"] == 3
    lineage_of_query(place.table())


def test_local_checkpoint_then_written(place: Place) -> None:
    kept = place.spark.sql(QUERY).localCheckpoint()
    runs = place.new_runs(lambda: kept.write.saveAsTable("out"))
    assert shape(runs) == [("write", "CREATE TABLE AS SELECT", "COMPLETE")]
    assert runs[0]["rows"] == 3
    lineage_of_query(place.table())


def test_two_checkpoints_of_one_table_are_told_apart(place: Place) -> None:
    base = place.spark.table("t")
    high = base.where("c > 2").localCheckpoint()
    base.where("b = 'p'").localCheckpoint()
    place.new_runs(lambda: high.write.saveAsTable("out"))
    assert fields(place.table()["rows"]) == ["c FILTER"]


def stream(place: Place) -> Any:
    """A file stream of two files, one file a micro-batch, with one column and a filter."""
    place.spark.range(0, 4).coalesce(1).write.parquet(f"{place.folder}/in")
    place.spark.range(4, 8).coalesce(1).write.mode("append").parquet(f"{place.folder}/in")
    source = (
        place.spark.readStream.schema("id long").option("maxFilesPerTrigger", 1).parquet(f"{place.folder}/in")
    )
    return source.where("id <> 1").select((F.col("id") * 2).alias("x"))


def run_stream(place: Place, **options: str) -> None:
    """Run the stream into the table `out` until nothing waits."""
    writer = stream(place).writeStream.trigger(availableNow=True)
    writer = writer.option("checkpointLocation", f"{place.folder}/checkpoint")
    writer.format(options["format"]).toTable(f"{place.database}.out").awaitTermination()


@pytest.mark.parametrize("format_", ["parquet", "delta"])
def test_stream_into_a_table_is_one_run_per_batch(place: Place, format_: str) -> None:
    runs = place.new_runs(lambda: run_stream(place, format=format_))
    writes = [run for run in runs if run["target"] and place.is_table(run["target"], "out")]
    assert [(run["kind"], run["state"], run["batch_id"]) for run in writes] == [
        ("write", "COMPLETE", 0),
        ("write", "COMPLETE", 1),
    ]
    assert len({run["query_id"] for run in writes}) == 1
    # The rest are the two writes that made the stream's input.
    assert [run["target"]["name"] for run in runs if run not in writes] == [f"{place.folder}/in"] * 2
    answer = place.table()
    assert answer["certainty"] == "exact"
    assert [(column["name"], fields(column["sources"])) for column in answer["columns"]] == [
        ("x", ["id TRANSFORMATION"])
    ]
    assert {source["name"] for source in answer["columns"][0]["sources"]} == {f"{place.folder}/in"}
    assert fields(answer["rows"]) == ["id FILTER"]
    assert len(answer["plans"]) == 1


def test_stream_into_delta_counts_rows(place: Place) -> None:
    runs = place.new_runs(lambda: run_stream(place, format="delta"))
    writes = [run for run in runs if place.is_table(run["target"], "out")]
    assert sum(run["rows"] for run in writes) == 7


def test_stream_into_memory_is_one_run_per_batch(place: Place) -> None:
    frame = stream(place)

    def act() -> None:
        writer = frame.writeStream.format("memory").queryName(f"{place.database}_memory")
        writer.trigger(availableNow=True).start().awaitTermination()

    runs = place.new_runs(act)
    assert [(run["state"], run["batch_id"]) for run in runs] == [("COMPLETE", 0), ("COMPLETE", 1)]


def failure(action: Callable[[], Any]) -> str:
    """The Java class of the error that an action raises."""
    with pytest.raises(Exception) as raised:  # noqa: PT011  # which one it is, is the answer
        action()
    origin = getattr(raised.value, "_origin", None) or raised.value.java_exception
    return str(origin.getClass().getName())


def test_failure_while_running(place: Place) -> None:
    place.sql("CREATE TABLE out(a int, big string) USING parquet", f"INSERT INTO out {QUERY}")
    before = place.table()
    thrown: list[str] = []
    runs = place.new_runs(
        lambda: thrown.append(
            failure(lambda: place.sql("INSERT INTO out SELECT a, CAST(raise_error(b) AS string) FROM t"))
        )
    )
    assert shape(runs) == [("write", "INSERT", "FAILED")]
    assert runs[0]["error"]["class"] == thrown[0]
    assert place.is_table(runs[0]["target"], "out")
    answer = place.table()
    assert answer["last_run"]["state"] == "FAILED"
    assert answer["last_run"]["rows"] in (None, 0)
    assert answer["runs"] == before["runs"] + 1
    assert answer["plans"] == before["plans"]
    lineage_of_query(answer)


def test_failed_overwrite_replaces_nothing(place: Place) -> None:
    place.sql("CREATE TABLE out(a int, big string) USING delta", f"INSERT INTO out {QUERY}")
    runs = place.new_runs(
        lambda: failure(
            lambda: place.sql("INSERT OVERWRITE out SELECT a, CAST(raise_error(b) AS string) FROM t")
        )
    )
    assert shape(runs) == [("write", "OVERWRITE", "FAILED")]
    lineage_of_query(place.table())


def test_failed_collect_is_a_failed_usage(place: Place) -> None:
    runs = place.new_runs(lambda: failure(lambda: place.spark.sql("SELECT raise_error(b) FROM t").collect()))
    assert [(run["kind"], run["state"]) for run in runs] == [("usage", "FAILED")]


def test_path_exists(place: Place) -> None:
    place.spark.sql(QUERY).write.parquet(f"{place.folder}/out")
    thrown: list[str] = []
    runs = place.new_runs(
        lambda: thrown.append(failure(lambda: place.spark.table("u").write.parquet(f"{place.folder}/out")))
    )
    assert [(run["kind"], run["state"], run["target"]["name"]) for run in runs] == [
        ("write", "FAILED", f"{place.folder}/out")
    ]
    assert runs[0]["error"]["class"] == thrown[0]
    lineage_of_query(place.lineage.table(f"{place.folder}/out").to_dict())


def test_table_exists(place: Place) -> None:
    place.spark.sql(QUERY).write.saveAsTable("out")
    runs = place.new_runs(lambda: failure(lambda: place.spark.table("u").write.saveAsTable("out")))
    expected = [] if version_of(place.spark.version) < (4, 1) else [("write", "FAILED")]
    assert [(run["kind"], run["state"]) for run in runs] == expected
    lineage_of_query(place.table())


def test_analysis_error(place: Place) -> None:
    place.sql("CREATE TABLE out(a int, big string) USING parquet", f"INSERT INTO out {QUERY}")
    runs = place.new_runs(lambda: failure(lambda: place.sql("INSERT INTO out SELECT missing, b FROM t")))
    expected = [] if version_of(place.spark.version) < (4, 0) else ["FAILED"]
    assert [run["state"] for run in runs] == expected
    lineage_of_query(place.table())


# What is not followed yet is said, never dropped: (name, the action)
SAID: list[tuple[str, Callable[[Place], Any]]] = [
    ("RDD action", lambda at: at.spark.sql(QUERY).rdd.map(lambda row: row.a).collect()),
    ("foreachPartition", lambda at: at.spark.sql(QUERY).foreachPartition(lambda _: None)),
    ("saveAsTextFile", lambda at: at.spark.sql(QUERY).rdd.saveAsTextFile(f"{at.folder}/text")),
    (
        "RDD round trip",
        lambda at: at.spark.createDataFrame(
            at.spark.sql(QUERY).rdd.map(tuple), "a int, big string"
        ).write.saveAsTable("out"),
    ),
]


@pytest.mark.parametrize("action", [row[1] for row in SAID], ids=[row[0] for row in SAID])
def test_what_is_not_followed_is_a_problem(place: Place, action: Callable[[Place], Any]) -> None:
    problems = place.new_problems(lambda: action(place))
    assert problems
    assert all(problem["message"] and problem["hint"] for problem in problems)


def test_rdd_round_trip_is_not_called_exact(place: Place) -> None:
    rows = place.spark.sql(QUERY).rdd.map(tuple)
    place.spark.createDataFrame(rows, "a int, big string").write.saveAsTable("out")
    answer = place.table()
    assert answer["certainty"] != "exact"
    assert answer["problems"]


def test_rows_from_the_program_are_exact_and_without_source(place: Place) -> None:
    place.spark.createDataFrame([(1, "x"), (2, "y")], "a int, big string").write.saveAsTable("out")
    answer = place.table()
    assert answer["certainty"] == "exact"
    assert [column["sources"] for column in answer["columns"]] == [[], []]
    assert answer["last_run"]["rows"] == 2


def test_foreach_batch_is_a_problem(place: Place) -> None:
    frame = stream(place)

    def act() -> None:
        writer = frame.writeStream.foreachBatch(
            lambda batch, _: batch.write.mode("append").saveAsTable("out")
        )
        writer.trigger(availableNow=True).start().awaitTermination()

    assert place.new_problems(act)


def test_execute_immediate_is_not_silent(place: Place) -> None:
    if version_of(place.spark.version) < (4, 0):
        pytest.skip(f"EXECUTE IMMEDIATE needs Spark 4, this is {place.spark.version}")
    place.sql("CREATE TABLE out(a int, big string) USING parquet")
    problems = place.new_problems(lambda: place.sql(f"EXECUTE IMMEDIATE 'INSERT INTO out {QUERY}'"))
    if not problems:
        lineage_of_query(place.table())
