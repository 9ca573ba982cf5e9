"""Streams with state: joins, duplicates within a watermark, and programs over groups."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

from lineage.harness import spark_marks, version_of
from lineage.place import Json, Place, fields
from lineage.streaming import bounds, newest, said, stored

pytestmark = spark_marks()


def events(place: Place, name: str) -> DataFrame:
    """A file stream with an id, a value and a time, and a watermark on that."""
    frame = place.spark.range(4).select("id", (F.col("id") * 10).alias("v"), F.lit("2026-01-01").alias("day"))
    frame.select("id", "v", F.to_timestamp("day").alias("at")).coalesce(1).write.parquet(
        f"{place.folder}/{name}"
    )
    stream = place.spark.readStream.schema("id long, v long, at timestamp").parquet(f"{place.folder}/{name}")
    return stream.withWatermark("at", "1 minute")


def written(place: Place, frame: DataFrame, mode: str = "append") -> Json:
    """The answer for the table `out`, into which the stream ran."""
    writer = frame.writeStream.outputMode(mode).trigger(availableNow=True)
    writer = writer.option("checkpointLocation", f"{place.folder}/checkpoint")
    query = writer.foreachBatch(
        lambda batch, _: batch.write.mode("append").format("delta").saveAsTable(f"{place.database}.out")
    ).start()
    query.awaitTermination()
    assert stored(place, query) == said(query)
    return place.table()


def by_name(sources: list[Json]) -> set[tuple[str, str, str]]:
    """Folder, field and kind of each source."""
    return {(each["name"].rpartition("/")[2], each["field"], each["subtype"]) for each in sources}


def test_a_join_of_two_streams(place: Place) -> None:
    left, right = (
        events(place, "left"),
        events(place, "right").selectExpr("id AS other", "v AS w", "at AS then"),
    )
    joined = left.join(right, F.expr("id = other AND then >= at AND then <= at + INTERVAL 1 MINUTE"))
    answer = written(place, joined.select("id", "w"))
    assert bounds(place)[:2] == ["watermark 1 minute behind at"] * 2
    assert bounds(place)[2].startswith("Inner on ((id = other) AND (then >= at)) AND (then <= ")
    first = place.lineage.stream(newest(place)).to_dict()["batches"][-1]
    # four rows of either side wait for others within the hour that the watermark leaves them
    assert [(each["name"], each["rows"], each["late_rows"]) for each in first["state"]] == [
        ("symmetricHashJoin", 8, 0)
    ]
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert [(column["name"], by_name(column["sources"])) for column in answer["columns"]] == [
        ("id", {("left", "id", "IDENTITY")}),
        ("w", {("right", "v", "IDENTITY")}),
    ]
    assert by_name(answer["rows"]) == {
        ("left", "id", "JOIN"),
        ("left", "at", "JOIN"),
        ("right", "id", "JOIN"),
        ("right", "at", "JOIN"),
    }


def test_a_left_outer_join_of_two_streams(place: Place) -> None:
    left = events(place, "left")
    right = events(place, "right").selectExpr("id AS other", "v + 1 AS w", "at AS then")
    within = F.expr("id = other AND then >= at AND then <= at + INTERVAL 1 MINUTE")
    answer = written(place, left.join(right, within, "leftOuter").select("v", "w"))
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert [(column["name"], by_name(column["sources"])) for column in answer["columns"]] == [
        ("v", {("left", "v", "IDENTITY")}),
        ("w", {("right", "v", "TRANSFORMATION")}),
    ]
    assert by_name(answer["rows"]) == {
        ("left", "id", "JOIN"),
        ("left", "at", "JOIN"),
        ("right", "id", "JOIN"),
        ("right", "at", "JOIN"),
    }


@pytest.mark.parametrize("mode", ["update", "complete"])
def test_an_aggregation_in_windows_of_time(place: Place, mode: str) -> None:
    """Spark leaves rows without a time out before it groups them."""
    grouped = events(place, "in").groupBy(F.window("at", "10 minutes").alias("x"), "id")
    answer = written(place, grouped.agg(F.sum("v").alias("total")).selectExpr("x.start", "id", "total"), mode)
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert [(column["name"], by_name(column["sources"])) for column in answer["columns"]] == [
        ("start", {("in", "at", "TRANSFORMATION")}),
        ("id", {("in", "id", "IDENTITY")}),
        ("total", {("in", "v", "AGGREGATION")}),
    ]
    assert by_name(answer["rows"]) == {
        ("in", "at", "FILTER"),
        ("in", "at", "GROUP_BY"),
        ("in", "id", "GROUP_BY"),
    }
    assert bounds(place) == [
        "watermark 1 minute behind at",
        "windows of 10 minutes over at",
        "groups by window, id",
    ]


def test_duplicates_within_a_watermark(place: Place) -> None:
    answer = written(place, events(place, "in").dropDuplicatesWithinWatermark(["id"]).select("id", "v"))
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert [(column["name"], set(fields(column["sources"]))) for column in answer["columns"]] == [
        ("id", {"id IDENTITY"}),
        ("v", {"v IDENTITY"}),
    ]
    assert set(fields(answer["rows"])) == {"id GROUP_BY"}


def superset(answer: Json) -> None:
    """Every column of the input is a source of each column, and the key groups the rows."""
    assert (answer["certainty"], answer["problems"]) == ("over_approximate", [])
    assert [(column["name"], set(fields(column["sources"]))) for column in answer["columns"]] == [
        (name, {"at TRANSFORMATION", "id TRANSFORMATION", "v TRANSFORMATION"}) for name in ("id", "total")
    ]
    assert set(fields(answer["rows"])) == {"id GROUP_BY"}


needs_pandas = pytest.mark.skipif(
    not (find_spec("pandas") and find_spec("pyarrow")), reason="programs over groups need pandas and pyarrow"
)


@needs_pandas
def test_a_program_over_groups_with_state(place: Place) -> None:
    def total(key: Any, frames: Iterator[Any], state: Any) -> Iterator[Any]:
        import pandas as pd  # noqa: PLC0415  # in the Python worker

        found = (state.get[0] if state.exists else 0) + sum(int(frame["v"].sum()) for frame in frames)
        state.update((found,))
        yield pd.DataFrame({"id": [key[0]], "total": [found]})

    frame = events(place, "in").groupBy("id")
    made = frame.applyInPandasWithState(total, "id long, total long", "sum long", "append", "NoTimeout")
    superset(written(place, made))
    assert bounds(place) == ["watermark 1 minute behind at", "for each id, append mode, NoTimeout"]


def state_in_files(place: Place) -> None:
    """Processors of state need RocksDB."""
    rocks = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    place.spark.conf.set("spark.sql.streaming.stateStore.providerClass", rocks)


@needs_pandas
def test_a_processor_of_state(place: Place) -> None:
    if version_of(place.spark.version) < (4, 0):
        pytest.skip(f"transformWithStateInPandas needs Spark 4, this is {place.spark.version}")
    from pyspark.sql.streaming.stateful_processor import StatefulProcessor  # noqa: PLC0415  # Spark 4 only

    class Total(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self.sum = handle.getValueState("sum", "sum long")

        def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: Any) -> Iterator[Any]:  # noqa: ARG002, N802, N803
            import pandas as pd  # noqa: PLC0415  # in the Python worker

            found = (self.sum.get()[0] if self.sum.exists() else 0) + sum(
                int(each["v"].sum()) for each in rows
            )
            self.sum.update((found,))
            yield pd.DataFrame({"id": [key[0]], "total": [found]})

        def close(self) -> None:
            pass

    state_in_files(place)
    grouped = events(place, "in").groupBy("id")
    made = grouped.transformWithStateInPandas(Total(), "id long, total long", "Append", "None")
    superset(written(place, made))
    assert place.spark.table("out").agg(F.sum("total")).collect()[0][0] == 60
    assert bounds(place) == ["watermark 1 minute behind at", "append mode, NoTime"]


@needs_pandas
def test_a_processor_of_state_over_rows(place: Place) -> None:
    if version_of(place.spark.version) < (4, 1):
        pytest.skip(f"transformWithState needs Spark 4.1, this is {place.spark.version}")
    from pyspark.sql.streaming.stateful_processor import StatefulProcessor  # noqa: PLC0415  # Spark 4 only

    class Total(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self.sum = handle.getValueState("sum", "sum long")

        def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: Any) -> Iterator[Any]:  # noqa: ARG002, N802, N803
            found = (self.sum.get()[0] if self.sum.exists() else 0) + sum(row.v for row in rows)
            self.sum.update((found,))
            yield Row(id=key[0], total=found)

        def close(self) -> None:
            pass

    state_in_files(place)
    grouped = events(place, "in").groupBy("id")
    superset(written(place, grouped.transformWithState(Total(), "id long, total long", "Append", "None")))
    assert place.spark.table("out").agg(F.sum("total")).collect()[0][0] == 60


@pytest.mark.parametrize(
    ("form", "name"), [("rate", "RateStream"), ("rate-micro-batch", "RatePerMicroBatch")]
)
def test_a_stream_that_makes_its_own_rows(place: Place, form: str, name: str) -> None:
    """Until rows have come: those of `rate` come by the second."""
    frame = place.spark.readStream.format(form)
    frame = frame.option("rowsPerSecond" if form == "rate" else "rowsPerBatch", 3).load()
    writer = frame.select((F.col("value") + 1).alias("x")).writeStream.format("delta")
    query = writer.option("checkpointLocation", f"{place.folder}/checkpoint").toTable(f"{place.database}.out")
    while not any(progress["numInputRows"] for progress in query.recentProgress):
        assert query.exception() is None
        query.awaitTermination(0.1)
    query.stop()
    answer = place.table()
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    (column,) = answer["columns"]
    (source,) = column["sources"]
    assert (column["name"], source["namespace"], source["name"]) == ("x", "source", name)
    assert (source["field"], source["subtype"]) == ("value", "TRANSFORMATION")
    assert answer["rows"] == []
    assert stored(place, query) == said(query)
    assert place.lineage.stream(query.id).to_dict()["state"] == "ended"
