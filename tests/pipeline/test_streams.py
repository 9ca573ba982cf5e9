"""Records of streaming queries become rows, whatever they lack and in whatever order they come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from spark_lineage.model import ApplicationEvent, StateOperator, StreamBatch, StreamSource
from spark_lineage.pipeline import IngestReport, ingest
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import from_rows
from tests.pipeline.segments import BRIDGE, END, write_segment

QUERY = "11111111-1111-1111-1111-111111111111"
FIRST = "22222222-2222-2222-2222-222222222222"


def record(kind: str, **changes: Any) -> dict[str, Any]:
    return {"v": 3, "kind": kind, "bridge": BRIDGE, "query_id": QUERY, "run_id": FIRST, **changes}


def rows(store: Path, table: str) -> tuple[Any, ...]:
    """What a table says, in some order, but for the hashes of the records."""
    found = from_rows(table, DeltaStore(store).read(table).to_pylist())
    assert all(len(each.record) == 16 for each in found)
    return tuple(sorted((replace(each, record=None) for each in found), key=repr))


def test_a_whole_progress_is_a_row(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    source = {"description": "KafkaV2[Subscribe[t]]", "start": None, "end": '{"t":{"0":2}}', "rows": 2}
    state = {
        "name": "dedupe", "rows": 1, "updated_rows": 2, "removed_rows": 3, "late_rows": 4, "memory_bytes": 5,
    }  # fmt: skip
    facts = {
        "name": "clicks", "batch_id": 0, "execution_id": 7, "started_at": 10, "duration_ms": 20,
        "durations_ms": {"walCommit": 2, "addBatch": 1, "odd": None},
        "event_time": {"min": 1, "max": 3, "avg": 2, "watermark": 0},
        "sources": [source, {**source, "description": "FileStreamSource[file:/in]", "rows": 1}], "state": [state],
        "sink": "ForeachBatchSink", "output_rows": None,
    }  # fmt: skip
    write_segment(spool, 0, record("progress", **facts))
    assert ingest(spool, store) == IngestReport(segments=1, records=2)
    kafka = StreamSource("KafkaV2[Subscribe[t]]", None, '{"t":{"0":2}}', 2)
    files = StreamSource("FileStreamSource[file:/in]", None, '{"t":{"0":2}}', 1)
    assert rows(store, "batches") == (
        StreamBatch(
            QUERY, 0, FIRST, BRIDGE, "clicks", f"{BRIDGE}:7", 10, 20, 3, None, (kafka, files),
            (StateOperator("dedupe", 1, 2, 3, 4, 5),), (("addBatch", 1), ("walCommit", 2)),
            "ForeachBatchSink", None, 1, 3,
        ),
    )  # fmt: skip


def test_a_progress_that_says_nothing_is_a_row_of_what_is_known(tmp_path: Path) -> None:
    """Its start was not seen, its batch goes backwards, it had no source: null is not 0."""
    spool, store = tmp_path / "spool", tmp_path / "store"
    write_segment(
        spool,
        0,
        record("progress", batch_id=3),
        record("progress", batch_id=2, sources=[{"description": "x", "rows": None}]),
        record("progress", batch_id=-1, sources=[{"rows": 4}, {}]),
        END,
    )
    report = ingest(spool, store)
    assert (report.bad_records, report.problems) == (0, 0)
    assert [(each.batch_id, each.input_rows, each.run_id) for each in rows(store, "batches")] == [
        (-1, None, None),
        (2, None, None),
        (3, None, None),
    ]


def test_starts_and_ends_are_events_once(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    error = {
        "class": "org.apache.spark.SparkArithmeticException",
        "message": "[DIVIDE_BY_ZERO] Division by zero.",
        "condition": "DIVIDE_BY_ZERO",
    }
    records = (
        record("stream_end", run_id="a", at=2, error=error),
        record("stream_end", run_id="b", at=4, error={"class": "ValueError", "message": None}),
        record("stream_end", run_id="c", at=6, error=None),
        record("stream_end", run_id="d"),
        record("stream_start", run_id="a", at=1, name="clicks"),
    )
    for number in range(2):
        write_segment(spool, number, *records)
        ingest(spool, store)
    assert rows(store, "events") == (
        ApplicationEvent(BRIDGE, 1, "stream_started", QUERY, "clicks", "a"),
        ApplicationEvent(
            BRIDGE,
            2,
            "stream_ended",
            QUERY,
            "org.apache.spark.SparkArithmeticException [DIVIDE_BY_ZERO]: Division by zero.",
            "a",
        ),
        ApplicationEvent(BRIDGE, 4, "stream_ended", QUERY, "ValueError", "b"),
        ApplicationEvent(BRIDGE, 6, "stream_ended", QUERY, "", "c"),
    )


def test_a_record_without_its_query_is_kept_aside(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    bad = record("progress", batch_id=1)
    del bad["query_id"]
    write_segment(spool, 0, bad, record("progress", batch_id="one"), record("progress", batch_id=5))
    report = ingest(spool, store)
    assert report.bad_records == 2
    assert [each.batch_id for each in rows(store, "batches")] == [5]
