"""Micro-batches: one run each, whatever the sink."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

from lineage.harness import spark_marks
from lineage.place import Place, fields
from lineage.streaming import newest, said, stored

pytestmark = spark_marks()


MERGE = """
MERGE INTO out USING batch ON out.x = batch.x
WHEN MATCHED THEN UPDATE SET seen = out.seen + 1
WHEN NOT MATCHED THEN INSERT (x, seen) VALUES (batch.x, 1)
"""


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


@pytest.mark.smoke35
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


@pytest.mark.smoke35
def test_a_delta_table_as_a_stream(place: Place) -> None:
    """The log that Delta reads by itself is no source, and nothing is told of it."""
    place.sql(
        f"CREATE TABLE {place.database}.base(id bigint, v string) USING delta",
        "INSERT INTO base VALUES (1, 'a'), (2, 'b')",
    )
    frame = place.spark.readStream.table("base").where("id > 1").selectExpr("upper(v) AS x")

    def act() -> None:
        writer = frame.writeStream.trigger(availableNow=True).format("delta")
        writer = writer.option("checkpointLocation", f"{place.folder}/checkpoint")
        query = writer.toTable(f"{place.database}.out")
        query.awaitTermination()
        assert stored(place, query) == said(query)

    runs = place.new_runs(act)
    assert [(run["kind"], run["state"], run["batch_id"], run["rows"]) for run in runs] == [
        ("write", "COMPLETE", 0, 1)
    ]
    assert place.is_table(runs[0]["target"], "out")
    answer = place.table()
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    (column,) = answer["columns"]
    assert [*fields(column["sources"]), *fields(answer["rows"])] == ["v TRANSFORMATION", "id FILTER"]
    assert all(place.is_table(each, "base") for each in [*column["sources"], *answer["rows"]])
    assert not [each for each in place.lineage.tables().to_dict()["tables"] if "_delta_log" in each["name"]]


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


@pytest.mark.parametrize(
    ("sink", "name", "problems"),
    [
        (lambda writer: writer.format("console"), "console", []),
        (lambda writer: writer.format("noop"), "noop-table", []),
        (lambda writer: writer.foreach(lambda _: None), "ForeachSink", ["foreach_sink"]),
    ],
    ids=["console", "noop", "foreach"],
)
def test_stream_into_a_sink_that_keeps_nothing(
    place: Place, sink: Any, name: str, problems: list[str]
) -> None:
    writer = sink(stream(place).writeStream).trigger(availableNow=True)
    writer = writer.option("checkpointLocation", f"{place.folder}/checkpoint")
    runs = place.new_runs(lambda: writer.start().awaitTermination())
    assert [(run["kind"], run["operation"], run["state"], run["batch_id"]) for run in runs] == [
        ("write", "STREAM", "COMPLETE", 0),
        ("write", "STREAM", "COMPLETE", 1),
    ]
    assert {(run["target"]["namespace"], run["target"]["name"]) for run in runs} == {("sink", name)}
    answer = place.lineage.table(name).to_dict()
    assert [each["code"] for each in answer["problems"]] == problems
    found = {source["name"] for column in answer["columns"] for source in column["sources"]}
    assert f"{place.folder}/in" in found


def run_each_batch(place: Place, frame: Any, function: Any) -> None:
    """Run a stream whose batches go to a function, until nothing waits."""
    failed: list[BaseException] = []

    def guarded(batch: Any, number: int) -> None:
        try:
            function(batch, number)
        except BaseException as error:
            failed.append(error)
            raise

    writer = frame.writeStream.option("checkpointLocation", f"{place.folder}/checkpoint")
    writer.foreachBatch(guarded).trigger(availableNow=True).start().awaitTermination()
    assert not failed


def doubled(answer: dict[str, Any], folder: Any) -> None:
    """The answer is that of `stream`, and is sure of it."""
    assert answer["problems"] == []
    assert answer["certainty"] == "exact"
    # The first batch may create the table: then it has two plans.
    assert [(column["name"], set(fields(column["sources"]))) for column in answer["columns"]] == [
        ("x", {"id TRANSFORMATION"})
    ]
    assert {source["name"] for source in answer["columns"][0]["sources"]} == {f"{folder}/in"}
    assert set(fields(answer["rows"])) == {"id FILTER"}


@pytest.mark.smoke35
@pytest.mark.parametrize("format_", ["parquet", "delta"])
def test_what_foreach_batch_appends_has_the_streams_sources(place: Place, format_: str) -> None:
    frame = stream(place)

    def act() -> None:
        run_each_batch(
            place,
            frame,
            lambda batch, _: batch.write.mode("append").format(format_).saveAsTable(f"{place.database}.out"),
        )

    problems: list[Any] = []
    runs = place.new_runs(lambda: problems.extend(place.new_problems(act)))
    assert problems == []
    assert [(run["kind"], run["state"], run["batch_id"]) for run in runs] == [
        ("write", "COMPLETE", 0),
        ("write", "COMPLETE", 1),
    ]
    assert len({run["query_id"] for run in runs}) == 1
    assert [place.is_table(run["target"], "out") for run in runs] == [True, True]
    assert sum(run["rows"] for run in runs) == 7
    doubled(place.table(), place.folder)


def test_two_writes_of_one_batch_that_is_kept(place: Place) -> None:
    def both(batch: Any, _: int) -> None:
        batch.persist()
        batch.write.mode("append").parquet(f"{place.folder}/all")
        high = batch.where("x > 6").localCheckpoint()
        high.selectExpr("x AS y").write.mode("append").format("delta").save(f"{place.folder}/high")
        batch.unpersist()

    run_each_batch(place, stream(place), both)
    doubled(place.lineage.table(f"{place.folder}/all").to_dict(), place.folder)
    answer = place.lineage.table(f"{place.folder}/high").to_dict()
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert [(column["name"], fields(column["sources"])) for column in answer["columns"]] == [
        ("y", ["id TRANSFORMATION"])
    ]
    assert fields(answer["rows"]) == ["id FILTER"]


def test_merge_of_a_batch_into_delta(place: Place) -> None:
    place.sql("CREATE TABLE out(x bigint, seen int) USING delta")

    def merge(batch: Any, _: int) -> None:
        batch.createOrReplaceTempView("batch")
        batch.sparkSession.sql(f"USE {place.database}")
        batch.sparkSession.sql(MERGE)

    run_each_batch(place, stream(place), merge)
    answer = place.table()
    assert (answer["certainty"], answer["problems"]) == ("exact", [])
    assert [(column["name"], fields(column["sources"])) for column in answer["columns"]] == [
        ("x", ["id TRANSFORMATION"]),
        ("seen", ["seen TRANSFORMATION"]),
    ]
    assert {
        (source["name"].rpartition("/")[2], source["field"], source["subtype"]) for source in answer["rows"]
    } == {
        ("in", "id", "FILTER"),
        ("in", "id", "JOIN"),
        ("out", "x", "JOIN"),
    }


def test_rows_that_a_batch_hands_to_the_program_are_a_usage(place: Place) -> None:
    frame = stream(place)
    runs = place.new_runs(lambda: run_each_batch(place, frame, lambda batch, _: batch.collect()))
    assert [(run["kind"], run["state"], run["batch_id"]) for run in runs] == [
        ("usage", "COMPLETE", 0),
        ("usage", "COMPLETE", 1),
    ]
    found = place.lineage.downstream(f"{place.folder}/in.id", depth=1).to_dict()
    assert any(node["namespace"] == "driver" for node in found["nodes"])


def test_a_batch_function_without_a_query_is_a_problem(place: Place) -> None:
    frame = stream(place)
    problems = place.new_problems(lambda: run_each_batch(place, frame, lambda _batch, _number: None))
    assert [problem["code"] for problem in problems] == ["foreach_batch"]


def test_a_batch_function_that_fails_is_a_failed_run(place: Place) -> None:
    frame = stream(place)

    def act() -> None:
        def function(batch: Any, _: int) -> None:
            batch.write.mode("append").saveAsTable(f"{place.database}.out")
            raise ValueError(place.folder.name)

        query = frame.writeStream.option("checkpointLocation", f"{place.folder}/checkpoint")
        with pytest.raises(Exception, match="ValueError"):
            query.foreachBatch(function).trigger(availableNow=True).start().awaitTermination()

    runs = place.new_runs(act)
    assert [(run["kind"], run["operation"], run["state"]) for run in runs] == [
        ("write", "CREATE TABLE AS SELECT", "COMPLETE"),
        ("query", "STREAM", "FAILED"),
    ]
    doubled(place.table(), place.folder)
    answer = place.lineage.stream(newest(place)).to_dict()
    assert (answer["state"], answer["failed_batches"], answer["input_rows"]) == ("failed", 1, None)
    assert [(each["outcome"], len(each["runs"])) for each in answer["batches"]] == [("FAILED", 2)]
    assert place.folder.name not in answer["error"]


def test_a_batch_that_is_stopped_in_its_function_is_cancelled(place: Place) -> None:
    """Spark itself tells the stop from a failure: the query ends without an error."""
    frame, begun = stream(place), threading.Event()

    def act() -> None:
        def function(batch: Any, _: int) -> None:
            begun.set()
            batch.selectExpr("reflect('java.lang.Thread', 'sleep', 60000L)").collect()

        query = frame.writeStream.option("checkpointLocation", f"{place.folder}/checkpoint")
        running = query.foreachBatch(function).start()
        assert begun.wait(120)
        running.stop()
        assert running.exception() is None

    runs = place.new_runs(act)
    assert {run["state"] for run in runs} == {"CANCELLED"}
    answer = place.lineage.stream(newest(place)).to_dict()
    assert (answer["state"], answer["error"], answer["failed_batches"]) == ("ended", None, 0)
    assert [each["outcome"] for each in answer["batches"]] == ["CANCELLED"]
