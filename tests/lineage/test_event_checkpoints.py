"""Checkpoints and caches: whoever reads them reads what they were made of."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

from lineage.harness import spark_marks
from lineage.place import QUERY, Place, fields, lineage_of_query

pytestmark = spark_marks()


def keep(place: Place, frame: Any, how: str) -> Any:
    """Keep a frame in the given way."""
    place.spark.sparkContext.setCheckpointDir(str(place.folder / "checkpoints"))
    kind, _, when = how.partition(" ")
    return getattr(frame, kind)(eager=when != "lazy")


WAYS = ["checkpoint", "localCheckpoint", "checkpoint lazy", "localCheckpoint lazy"]


@pytest.mark.smoke35
@pytest.mark.parametrize("how", WAYS)
def test_a_checkpoint_that_is_written(place: Place, how: str) -> None:
    keep(place, place.spark.sql(QUERY), how).write.saveAsTable("out")
    lineage_of_query(place.table())


@pytest.mark.parametrize("how", ["checkpoint", "localCheckpoint lazy"])
def test_a_checkpoint_of_a_checkpoint_that_is_read_in_later_jobs(place: Place, how: str) -> None:
    """Between them the records of the checkpoints are ingested, and their segments go."""
    first = keep(place, place.spark.table("t").where("a > 1"), how)
    place.lineage.flush()
    second = keep(place, first.where("b <> 'r'"), how)
    place.lineage.flush()
    third = keep(place, second.where("c < 9").selectExpr("a", "upper(b) AS big"), how)
    third.count()
    place.lineage.flush()
    third.write.saveAsTable("out")
    answer = place.table()
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert [(column["name"], fields(column["sources"])) for column in answer["columns"]] == [
        ("a", ["a IDENTITY"]),
        ("big", ["b TRANSFORMATION"]),
    ]
    assert fields(answer["rows"]) == ["a FILTER", "b FILTER", "c FILTER"]


@pytest.mark.parametrize("how", ["checkpoint", "localCheckpoint"])
def test_two_checkpoints_of_one_table_in_one_query(place: Place, how: str) -> None:
    base = place.spark.table("t")
    high = keep(place, base.where("c > 2"), how)
    named = keep(place, high.where("b = 'p'"), how)
    high.write.saveAsTable("high")
    named.write.saveAsTable("named")
    high.select("a").unionAll(named.select("a")).write.saveAsTable("both")
    answers = [place.table(name) for name in ("high", "named", "both")]
    assert [(answer["certainty"], answer["problems"]) for answer in answers] == [("exact", [])] * 3
    assert [fields(answer["rows"]) for answer in answers] == [
        ["c FILTER"],
        ["b FILTER", "c FILTER"],
        ["b FILTER", "c FILTER"],
    ]


@pytest.mark.parametrize("how", ["checkpoint", "localCheckpoint"])
def test_two_checkpoints_beside_each_other_in_one_query(place: Place, how: str) -> None:
    """They share the ids of the table's columns, and have columns of one name."""
    base = place.spark.table("t")
    high = keep(place, base.where("c > 2").withColumn("x", F.upper("b")), how)
    named = keep(place, base.where("b = 'p'").withColumn("x", F.col("c").cast("string")), how)
    high.write.saveAsTable("high")
    named.write.saveAsTable("named")
    high.select("x").unionAll(named.select("x")).write.saveAsTable("both")
    pairs = high.alias("h").join(named.alias("n"), F.col("h.a") == F.col("n.a"))
    pairs.select(F.col("h.x").alias("p"), F.col("n.x").alias("q")).write.saveAsTable("pairs")
    answers = {name: place.table(name) for name in ("high", "named", "both", "pairs")}
    assert {(answer["certainty"], *answer["problems"]) for answer in answers.values()} == {("exact",)}
    assert {name: fields(answer["rows"]) for name, answer in answers.items()} == {
        "high": ["c FILTER"],
        "named": ["b FILTER"],
        "both": ["b FILTER", "c FILTER"],
        "pairs": ["a JOIN", "b FILTER", "c FILTER"],
    }
    upper, text = ["b TRANSFORMATION"], ["c TRANSFORMATION"]
    own = {"a": ["a IDENTITY"], "b": ["b IDENTITY"], "c": ["c IDENTITY"]}
    columns = {
        name: {column["name"]: fields(column["sources"]) for column in answer["columns"]}
        for name, answer in answers.items()
    }
    assert columns == {
        "high": own | {"x": upper},
        "named": own | {"x": text},
        "both": {"x": [*upper, *text]},
        "pairs": {"p": upper, "q": text},
    }


@pytest.mark.parametrize("how", ["checkpoint", "localCheckpoint"])
def test_a_checkpoint_of_a_self_join_with_two_columns_of_one_name(place: Place, how: str) -> None:
    left = place.spark.table("t")
    right = left.selectExpr("a AS k", "c AS b")
    kept = keep(place, left.join(right, left["a"] == right["k"] + 1).select(left["b"], right["b"]), how)
    kept.toDF("p", "q").write.saveAsTable("out")
    answer = place.table()
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert [(column["name"], fields(column["sources"])) for column in answer["columns"]] == [
        ("p", ["b IDENTITY"]),
        ("q", ["c IDENTITY"]),
    ]
    assert fields(answer["rows"]) == ["a JOIN"]


def test_lazy_checkpoints_that_cannot_be_told_apart_are_a_superset(place: Place) -> None:
    base = place.spark.table("t")
    high = keep(place, base.where("c > 2"), "localCheckpoint lazy")
    keep(place, base.where("b = 'p'"), "localCheckpoint lazy")
    high.write.saveAsTable("out")
    answer = place.table()
    assert (answer["certainty"], answer["problems"]) == ("over_approximate", [])
    assert fields(answer["rows"]) == ["b FILTER", "c FILTER"]


@pytest.mark.smoke35
def test_a_loop_of_checkpoints(place: Place) -> None:
    """Each round runs the same plan over the rows of the one before."""
    frame = place.spark.table("t").select("a", "c")
    for _ in range(4):
        frame = keep(place, frame.where("c > 0").selectExpr("a", "c + a AS c"), "localCheckpoint")
    frame.write.saveAsTable("out")
    answer = place.table()
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert [(column["name"], fields(column["sources"])) for column in answer["columns"]] == [
        ("a", ["a IDENTITY"]),
        ("c", ["a TRANSFORMATION", "c TRANSFORMATION"]),
    ]
    assert fields(answer["rows"]) == ["a FILTER", "c FILTER"]


def test_a_checkpoint_of_rows_from_an_rdd(place: Place) -> None:
    rows = place.spark.createDataFrame(place.spark.table("u").rdd.map(tuple), "a int, v double")
    kept = keep(place, rows.where("v > 1"), "localCheckpoint")
    place.lineage.flush()
    kept.select("v").write.saveAsTable("out")
    answer = place.table()
    assert answer["certainty"] == "opaque"  # through the RDD of a query
    assert [problem["code"] for problem in answer["problems"]] == ["rdd_round_trip"]
    assert fields(answer["columns"][0]["sources"]) == ["a TRANSFORMATION", "v TRANSFORMATION"]
    assert fields(answer["rows"]) == ["a FILTER", "v FILTER"]


def test_a_cached_frame_is_never_a_source(place: Place) -> None:
    kept = place.spark.sql(QUERY).persist()
    kept.count()
    kept.where("big <> 'x'").select("a").write.saveAsTable("cached")
    kept.unpersist()
    kept.write.saveAsTable("out")
    answer = place.table("cached")
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert fields(answer["columns"][0]["sources"]) == ["a IDENTITY"]
    assert fields(answer["rows"]) == ["a FILTER", "b FILTER"]
    lineage_of_query(place.table())
