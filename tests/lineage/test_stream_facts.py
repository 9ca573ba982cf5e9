"""What a streaming query says of itself is in the store: each micro-batch, its start and its end, over restarts."""

from __future__ import annotations

import re
from typing import Any

from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

from lineage.harness import spark_marks
from lineage.place import Place
from lineage.streaming import add, bounds, clock, ends, read, run, said, stored

pytestmark = spark_marks()


def test_duplicates_within_a_watermark_over_a_restart(place: Place) -> None:
    add(place, "in", "1 10:00", "2 10:00", "1 10:05")
    first = run(place, read(place, "in").dropDuplicatesWithinWatermark(["id"]))
    report = "CREATE OR REPLACE TABLE report USING delta AS SELECT id FROM delta.`{tmp}/out`"
    place.sql(report)
    add(place, "in", "2 10:06", "3 11:00")
    add(place, "in", "5 11:01")
    add(place, "in", "4 10:30", "3 11:02")
    again = run(place, read(place, "in").dropDuplicatesWithinWatermark(["id"]))
    place.sql(report)
    told = stored(place, first)
    assert told == [*said(first), *said(again)]
    # one history: the batches of the second start go on where the first one ended
    assert (first.id, first.runId != again.runId) == (again.id, True)
    assert [each["batch"] for each in told] == list(range(len(told)))
    with_rows = [each for each in told if each["input"]]
    assert [each["input"] for each in with_rows] == [3, 2, 1, 2]
    # 4 is late: the watermark has been at 10:50 since the batch before
    assert [sum(state[4] for state in each["state"]) for each in with_rows] == [0, 0, 0, 1]
    assert place.spark.read.format("delta").load(f"{place.folder}/out").count() == 4
    assert bounds(place) == ["watermark 10 minutes behind at", "one row for each id within the watermark"]
    assert [each["watermark"] for each in with_rows] == [None, clock("09:55"), clock("10:50"), clock("10:51")]
    assert [each["window"] for each in with_rows] == [
        [clock("10:00"), clock("10:05")],
        [clock("10:06"), clock("11:00")],
        [clock("11:01"), clock("11:01")],
        [clock("10:30"), clock("11:02")],
    ]
    assert [(each.kind, each.detail, each.stream_run_id) for each in ends(place, first.id)] == [
        ("stream_started", "clicks", first.runId),
        ("stream_ended", "", first.runId),
        ("stream_started", "clicks", again.runId),
        ("stream_ended", "", again.runId),
    ]
    # between the two reports the stream ended and began again
    why = place.lineage.why(f"{place.database}.report").to_dict()
    assert [(each["kind"], each["hops"], each["evidence"]["query"]) for each in why["causes"]] == [
        ("stream_restarted", 1, first.id)
    ]
    assert [each["dataset"]["name"].rpartition("/")[2] for each in why["critical_path"]] == ["out", "report"]


def test_late_rows_in_overlapping_windows(place: Place) -> None:
    add(place, "in", "1 10:01", "2 10:02")
    add(place, "in", "3 11:00")
    add(place, "in", "4 11:01")
    add(place, "in", "5 10:03", "6 11:02")
    windows = F.window("at", "10 minutes", "5 minutes", "1 minute")
    frame = read(place, "in", "30 minutes 30 seconds").groupBy(windows, "id").count()
    query = run(place, frame, "noop", "update")
    told = stored(place, query)
    assert told == said(query)
    with_rows = [each for each in told if each["input"]]
    # 5 is too late for both of its windows, which end at 10:06 and 10:11, since the watermark has been at 10:29:30
    assert [sum(state[4] for state in each["state"]) for each in with_rows] == [0, 0, 0, 2]
    assert [each["input"] for each in with_rows] == [2, 1, 1, 2]
    assert bounds(place) == [
        "watermark 30 minutes 30 seconds behind at",
        "windows of 10 minutes every 5 minutes from 1 minute on over at",
        "groups by window, id",
    ]


def test_a_batch_that_fails_runs_again_after_a_restart(place: Place) -> None:
    add(place, "in", "1 10:00")
    add(place, "in", "9 10:01", "2 10:01")
    frame = read(place, "in")
    fails = F.when(F.col("id") == 9, F.raise_error(F.lit("s3cret"))).otherwise(F.col("id")).alias("id")
    failed = run(place, frame.select(fails))
    again = run(place, frame.select("id"))
    assert failed.exception() is not None
    told = stored(place, failed)
    assert told == [*said(failed), *said(again)]
    answer = place.lineage.stream(failed.id).to_dict()
    attempts = [
        (each["batch_id"], each["stream_run_id"], each["outcome"], each["input_rows"], each["repeated"])
        for each in reversed(answer["batches"])
        if each["input_rows"] != 0
    ]
    assert attempts == [
        (0, failed.runId, "COMPLETE", 1, False),
        (1, failed.runId, "FAILED", None, False),
        (1, again.runId, "COMPLETE", 2, False),
    ]
    assert [(each["stream_run_id"], each["state"]) for each in answer["starts"]] == [
        (again.runId, "ended"),
        (failed.runId, "failed"),
    ]
    (ended,) = [each for each in ends(place, failed.id) if each.detail not in {"", "clicks"}]
    assert answer["starts"][1]["error"] == ended.detail
    assert re.match(
        r"org\.apache\.spark\.SparkException \[(TASK_WRITE_FAILED|USER_RAISED_EXCEPTION)\]: ", ended.detail
    )
    assert "s3cret" not in str(answer)
    # what is in the table now came in a batch that had failed, and after the restart that made it good
    causes = place.lineage.why(f"{place.folder}/out").to_dict()["causes"]
    assert [(each["kind"], each["hops"], each["evidence"].get("query")) for each in causes] == [
        ("run_failed", 0, None),
        ("stream_restarted", 0, failed.id),
    ]
    assert causes[1]["message"] == "The stream that writes files/out was restarted once from its checkpoint."
    tables = place.lineage.tables().to_dict()["tables"]
    assert [each["format"] for each in tables if each["name"] == f"{place.folder}/out"] == [
        "delta"
    ]  # no one read it
    for log in (place.folder / "kept" / "offsets").iterdir():
        log.unlink() if log.name.startswith(".") else log.write_text("s3cret", encoding="utf-8")
    broken = run(place, frame.select("id"))
    assert broken.exception() is not None
    answer = place.lineage.stream(failed.id).to_dict()
    newest = answer["starts"][0]
    assert (newest["state"], newest["batches_count"]) == ("failed", 0)
    assert answer["error"] == answer["starts"][0]["error"]
    assert "s3cret" not in str(answer)


def test_a_batch_of_a_function_has_all_that_the_function_ran(place: Place) -> None:
    add(place, "in", "1 10:00", "2 10:00")
    writer = read(place, "in").writeStream.trigger(availableNow=True).queryName("twice")

    def both(batch: Any, _: int) -> None:
        for name in ("first", "second"):
            batch.write.mode("append").parquet(f"{place.folder}/{name}")

    query = writer.option("checkpointLocation", f"{place.folder}/kept").foreachBatch(both).start()
    query.awaitTermination()
    answer = place.lineage.stream(query.id).to_dict()
    targets = {f"{place.folder}/{name}" for name in ("first", "second")}
    assert {each["name"] for each in answer["targets"]} == targets
    first = answer["batches"][-1]
    assert (first["outcome"], first["output_rows"], first["sink"]) == ("COMPLETE", None, "ForeachBatchSink")
    # Spark counts what was read: each of the two writes read both rows
    assert [first["input_rows"], said(query)[0]["input"]] == [4, 4]
    runs = [each for each in place.lineage.runs().to_dict()["runs"] if each["query_id"] == query.id]
    assert set(first["runs"]) == {each["id"] for each in runs if each["batch_id"] == 0}
    assert len(first["runs"]) == 2
