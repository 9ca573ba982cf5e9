"""What a stream's test needs: files as a stream, what the query's own progress says, and what the store has of it."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame

from lineage.place import Json, Place
from spark_lineage.model import ApplicationEvent, StreamBatch
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import from_rows


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


def run(place: Place, frame: DataFrame, form: str = "delta", mode: str = "append") -> Any:
    """Run a stream until nothing waits or it fails, and give the query that has ended."""
    writer = frame.writeStream.trigger(availableNow=True).option("checkpointLocation", f"{place.folder}/kept")
    query = writer.format(form).outputMode(mode).queryName("clicks").start(f"{place.folder}/out")
    with suppress(StreamingQueryException):
        query.awaitTermination()
    return query


def said(query: Any) -> list[Json]:
    """What the query's own progress says, in the store's words; -1 is Spark's for a number that is not known."""
    # Spark 3.5 does not write the duration into the JSON
    texts = [
        {**json.loads(each.json()), "batchDuration": each.batchDuration()}
        for each in query._jsq.recentProgress()
    ]
    return [
        {
            "batch": each["batchId"],
            "stream run": each["runId"],
            "name": each["name"],
            "at": millis(each["timestamp"]),
            "duration": each["batchDuration"],
            "input": each["numInputRows"],
            "watermark": millis(each.get("eventTime", {}).get("watermark")) or None,
            "window": [millis(each.get("eventTime", {}).get(name)) for name in ("min", "max")],
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


def stored(place: Place, query: Any) -> list[Json]:
    """What the store has of the query's micro-batches, in the same words; their runs are checked."""
    rows = _batches(place, query.id)
    runs = {each["id"]: each for each in place.lineage.runs().to_dict()["runs"]}
    for attempt in place.lineage.stream(query.id).to_dict()["batches"]:
        # what foreachBatch ran has runs of its own; a batch without rows may have run nothing
        assert attempt["runs"] or not attempt["input_rows"]
        assert {(runs[each]["query_id"], runs[each]["batch_id"]) for each in attempt["runs"]} <= {
            (query.id, attempt["batch_id"])
        }
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


def newest(place: Place) -> str:
    """The query that was last at work."""
    return str(place.lineage.streams().to_dict()["streams"][0]["query_id"])


def bounds(place: Place) -> list[str]:
    """The bounds of the operators of the stream that was last at work."""
    return [each["detail"] for each in place.lineage.stream(newest(place)).to_dict()["operators"]]


def clock(time: str) -> int:
    """Epoch milliseconds of a time of the day of `add`."""
    found = millis(f"2026-01-01T{time}:00.000Z")
    assert found is not None
    return found
