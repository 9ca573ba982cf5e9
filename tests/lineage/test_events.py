"""Each kind of action that Spark reports: how many runs it makes, of what kind, and what they say.

The tests follow the table of what Spark reports for each kind of action: nested and repeated executions are one run,
helper queries are none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lineage.harness import spark_marks
from lineage.place import QUERY, Place, fields, lineage_of_query, shape

pytestmark = spark_marks()


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


@pytest.mark.smoke35
@pytest.mark.parametrize("action", [row[1] for row in PATH_WRITES], ids=[row[0] for row in PATH_WRITES])
def test_path_write(place: Place, action: Callable[[Place], Any]) -> None:
    runs = place.new_runs(lambda: action(place))
    assert [(run["kind"], run["state"], run["rows"]) for run in runs] == [("write", "COMPLETE", 3)]
    target = runs[0]["target"]
    assert (target["namespace"], target["name"]) == ("file", f"{place.folder}/out")
    lineage_of_query(place.lineage.table(f"{place.folder}/out").to_dict())


@pytest.mark.smoke35
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


@pytest.mark.smoke35
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
    ("CREATE TABLE and DROP", lambda at: at.sql("CREATE TABLE made(a int) USING parquet", "DROP TABLE made")),
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


@pytest.mark.smoke35
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


@pytest.mark.parametrize("form", ["parquet", "delta"])
def test_what_a_dropped_table_fed_still_has_its_sources(place: Place, form: str) -> None:
    """Staging tables are dropped, or emptied, when they have done their work."""

    def work() -> None:
        place.sql(
            f"CREATE TABLE stage USING {form} AS {QUERY}",
            "CREATE TABLE kept(a int) USING parquet",
            "INSERT INTO kept SELECT a FROM u",
            "CREATE TABLE out USING parquet AS SELECT stage.big, kept.a FROM stage JOIN kept ON stage.a = kept.a",
            "DROP TABLE stage",
            "TRUNCATE TABLE kept",
        )

    runs = place.new_runs(work)
    assert [(run["kind"], run["operation"]) for run in runs] == [
        ("write", "CREATE TABLE AS SELECT"),
        ("write", "INSERT"),
        ("write", "CREATE TABLE AS SELECT"),
        ("query", "TRUNCATE TABLE"),
    ]
    assert place.is_table(runs[-1]["target"], "kept")
    found = place.lineage.upstream(f"{place.database}.out").to_dict()
    assert found["problems"] == []
    names = {node["name"].rpartition("/")[2] for node in found["nodes"]}
    assert names == {"out", "stage", "kept", "t", "u"}
    assert [each["code"] for each in place.table("stage")["problems"]] == ["table_ended"]
    assert [each["code"] for each in place.table("kept")["problems"]] == ["table_ended"]


def test_what_is_not_in_a_query_is_told_as_such(place: Place) -> None:
    place.sql("CREATE TABLE out USING parquet AS SELECT b FROM t WHERE a NOT IN (SELECT a FROM u)")
    rows = place.table()["rows"]
    assert [(row["subtype"], row["field"], row["expression"]) for row in rows] == [
        ("JOIN", "a", "(NOT (t.a IN (u.a)))"),
        ("JOIN", "a", "(NOT (t.a IN (u.a)))"),
    ]


@pytest.mark.smoke35
def test_two_versions_of_one_delta_table_are_two_sources(place: Place) -> None:
    place.sql("CREATE TABLE d USING delta AS SELECT a, c FROM t", "INSERT INTO d SELECT a, v FROM u")
    place.sql(
        "CREATE TABLE out USING parquet AS SELECT new.a, old.c, now.c AS last FROM d VERSION AS OF 1 new "
        "JOIN d VERSION AS OF 0 old ON new.a = old.a JOIN d now ON now.a = old.a"
    )
    answer = place.table()
    assert [
        (column["name"], [(source["field"], source.get("version")) for source in column["sources"]])
        for column in answer["columns"]
    ] == [("a", [("a", "1")]), ("c", [("c", "0")]), ("last", [("c", None)])]
    assert [(row["field"], row.get("version"), row["expression"]) for row in answer["rows"]] == [
        ("a", None, "(d.a = d@0.a)"),
        ("a", "0", "(d@1.a = d@0.a)"),
        ("a", "1", "(d@1.a = d@0.a)"),
    ]
    text = str(place.lineage.table(f"{place.database}.out"))
    assert f"{place.database}.d@0.c" in text
