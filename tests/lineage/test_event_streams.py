"""Micro-batches: one run each, whatever the sink."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

from lineage.harness import spark_marks
from lineage.place import Place, fields

pytestmark = [*spark_marks(), pytest.mark.smoke35]


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


def test_foreach_batch_is_a_problem(place: Place) -> None:
    frame = stream(place)

    def act() -> None:
        writer = frame.writeStream.foreachBatch(
            lambda batch, _: batch.write.mode("append").saveAsTable("out")
        )
        writer.trigger(availableNow=True).start().awaitTermination()

    assert place.new_problems(act)
