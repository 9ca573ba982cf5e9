"""What a streaming query says of itself is in the store: each micro-batch, its start and its end, over restarts."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame

from lineage.harness import spark_marks
from lineage.place import Json, Place
from spark_lineage.model import ApplicationEvent, StreamBatch
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import from_rows

pytestmark = [*spark_marks(), pytest.mark.smoke35]


def add(place: Place, name: str, *rows: str) -> None:
    """Add a file of rows, such as `1 10:00`: an id and a time of the day."""
    parsed = [(int(number), f"2026-01-01 {time}:00") for number, time in (row.split() for row in rows)]
    frame = place.spark.createDataFrame(parsed, "id long, at string")
    frame = frame.selectExpr("id", "cast(at AS timestamp) AS at").coalesce(1)
    frame.write.mode("append").parquet(f"{place.folder}/{name}")


def read(place: Place, name: str, delay: str = "10 minutes") -> DataFrame:
    """The files as a stream, one file a micro-batch."""
    source = place.spark.readStream.schema("id long, at timestamp").option("maxFilesPerTrigger", 1)
    return source.parquet(f"{place.folder}/{name}").withWatermark("at", delay)


def run(place: Place, frame: DataFrame, **options: Any) -> Any:
    """Run a stream until nothing waits, and give the query that has ended."""
    writer = frame.writeStream.trigger(availableNow=True).option("checkpointLocation", f"{place.folder}/kept")
    writer = writer.format(options.pop("format", "delta")).queryName(options.pop("name", None) or "clicks")
    query = writer.options(**options).start(f"{place.folder}/out")
    query.awaitTermination()
    return query


def said(query: Any) -> list[Json]:
    """What the query's own progress says, in the store's words; -1 is Spark's for a number that is not known."""
    texts = [json.loads(each.json()) for each in query._jsq.recentProgress()]
    return [
        {
            "batch": each["batchId"],
            "stream run": each["runId"],
            "name": each["name"],
            "at": millis(each["timestamp"]),
            "duration": each["batchDuration"],
            "input": each["numInputRows"],
            "watermark": millis(each["eventTime"].get("watermark")) or None,
            "window": [millis(each["eventTime"].get(name)) for name in ("min", "max")],
            "sources": [
                [source["startOffset"], source["endOffset"], source["numInputRows"]]
                for source in each["sources"]
            ],
            "state": [[state[name] for name in STATE] for state in each["stateOperators"]],
            "durations": each["durationMs"],
            "output": None if each["sink"]["numOutputRows"] < 0 else each["sink"]["numOutputRows"],
        }
        for each in texts
    ]


STATE = (
    "operatorName",
    "numRowsTotal",
    "numRowsUpdated",
    "numRowsRemoved",
    "numRowsDroppedByWatermark",
    "memoryUsedBytes",
)


def stored(place: Place, *queries: Any) -> list[Json]:
    """What the store has of the queries' micro-batches, in the same words; their runs are checked."""
    rows = _batches(place, queries[0].id)
    runs = {each["id"]: each for each in place.lineage.runs().to_dict()["runs"]}
    for row in rows:
        if row.run_id is not None:
            each = runs[row.run_id]
            assert (each["query_id"], each["batch_id"], each["state"]) == (
                row.query_id,
                row.batch_id,
                "COMPLETE",
            )
    return [
        {
            "batch": row.batch_id,
            "stream run": row.stream_run_id,
            "name": row.name,
            "at": row.started_at,
            "duration": row.duration_ms,
            "input": row.input_rows,
            "watermark": row.watermark,
            "window": [row.events_from, row.events_until],
            "sources": [
                [json.loads(each.start or "null"), json.loads(each.end or "null"), each.rows]
                for each in row.sources
            ],
            "state": [
                [
                    each.name,
                    each.rows,
                    each.updated_rows,
                    each.removed_rows,
                    each.late_rows,
                    each.memory_bytes,
                ]
                for each in row.state
            ],
            "durations": dict(row.durations_ms),
            "output": row.output_rows,
        }
        for row in rows
    ]


def _batches(place: Place, query_id: str) -> list[StreamBatch]:
    place.lineage.flush()
    rows = from_rows("batches", DeltaStore(place.lineage.store).read("batches").to_pylist())
    return sorted(
        (row for row in rows if row.query_id == query_id), key=lambda row: (row.started_at, row.batch_id)
    )


def ends(place: Place, query_id: str) -> list[ApplicationEvent]:
    """The starts and ends of a query, in their order."""
    place.lineage.flush()
    rows = from_rows("events", DeltaStore(place.lineage.store).read("events").to_pylist())
    return sorted((row for row in rows if row.subject == query_id), key=lambda row: row.at)


def millis(time: str | None) -> int | None:
    """Epoch milliseconds of `2026-01-01T10:00:00.000Z`."""
    if time is None:
        return None
    return round(datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() * 1000)


def clock(time: str) -> int:
    """Epoch milliseconds of a time of the day of `add`."""
    found = millis(f"2026-01-01T{time}:00.000Z")
    assert found is not None
    return found


def test_duplicates_within_a_watermark_over_a_restart(place: Place) -> None:
    add(place, "in", "1 10:00", "2 10:00", "1 10:05")
    first = run(place, read(place, "in").dropDuplicatesWithinWatermark(["id"]))
    add(place, "in", "2 10:06", "3 11:00")
    add(place, "in", "5 11:01")
    add(place, "in", "4 10:30", "3 11:02")
    again = run(place, read(place, "in").dropDuplicatesWithinWatermark(["id"]))
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
