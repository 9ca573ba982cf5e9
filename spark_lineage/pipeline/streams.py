"""What streaming queries said of themselves -> rows of the store: their micro-batches, starts and ends."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from spark_lineage.decode.records import (
    Failure,
    ProgressRecord,
    StreamEndRecord,
    StreamRecord,
    StreamStartRecord,
)
from spark_lineage.model import ApplicationEvent, StateOperator, StreamBatch, StreamSource
from spark_lineage.store.protocol import Store

STREAM_STARTED = "stream_started"
STREAM_ENDED = "stream_ended"

Run = tuple[str, str, str]
"""What is told of a run of a stream: "progress" or the kind of the event, the query's id and the run's."""


def told_of(record: StreamRecord) -> tuple[Run, int]:
    """What a record tells of: a start, an end or batches of a run, and which batch (0 for the others). No two records tell of the same."""
    match record:
        case StreamStartRecord():
            return (STREAM_STARTED, record.query_id, record.run_id), 0
        case ProgressRecord():
            return ("progress", record.query_id, record.run_id), record.batch_id
        case StreamEndRecord():
            return (STREAM_ENDED, record.query_id, record.run_id), 0


def stored_records(target: Store, bridge: str, runs: Collection[Run]) -> dict[tuple[Run, int], set[str]]:
    """The hashes of the records that the store has of some runs of streams, by what they tell of."""
    columns = ["query_id", "stream_run_id", "batch_id", "record"]
    batches = target.read("batches", columns, scope={query for _, query, _ in runs}).to_pylist()
    found = [
        (("progress", each["query_id"], each["stream_run_id"]), each["batch_id"], each["record"])
        for each in batches
    ]
    columns = ["kind", "subject", "stream_run_id", "record"]
    events = target.read("events", columns, scope={bridge}).to_pylist()
    found += [((each["kind"], each["subject"], each["stream_run_id"]), 0, each["record"]) for each in events]
    known: dict[tuple[Run, int], set[str]] = {}
    for run, batch, record in found:
        if record is not None and run in runs:
            known.setdefault((run, batch), set()).add(record)
    return known


@dataclass(slots=True)
class StreamRows:
    """The rows of the tables `batches` and `events` that streaming queries make."""

    batches: list[StreamBatch] = field(default_factory=list)
    events: list[ApplicationEvent] = field(default_factory=list)

    def add(self, record: StreamRecord, content: str) -> None:
        """Add the row of one record, whose hash is `content`; a start or end without a time says nothing and makes none."""
        match record:
            case ProgressRecord():
                self.batches.append(_batch(record, content))
            case StreamStartRecord(at=int(at)):
                self._event(record, at, record.name or "", content)
            case StreamEndRecord(at=int(at)):
                self._event(record, at, _reason(record.error), content)

    def _event(self, record: StreamStartRecord | StreamEndRecord, at: int, detail: str, content: str) -> None:
        (kind, query, run), _ = told_of(record)
        self.events.append(ApplicationEvent(record.bridge, at, kind, query, detail, run, content))


def _reason(error: Failure | None) -> str:
    """Why a query failed, `class [condition]: message`; empty where it did not."""
    if error is None:
        return ""
    condition = f" [{error.condition}]" if error.condition else ""
    message = (error.message or "").removeprefix(f"[{error.condition}] ")
    return f"{error.class_ or 'unknown error'}{condition}" + (f": {message}" if message else "")


def _batch(record: ProgressRecord, content: str) -> StreamBatch:
    # Its run may be ingested before or after it, so nothing is looked up: the root execution gives the id.
    run_id = None if record.execution_id is None else f"{record.bridge}:{record.execution_id}"
    rows = [each.rows for each in record.sources]
    return StreamBatch(
        query_id=record.query_id,
        batch_id=record.batch_id,
        stream_run_id=record.run_id,
        application=record.bridge,
        name=record.name,
        run_id=run_id,
        started_at=record.started_at,
        duration_ms=record.duration_ms,
        input_rows=None if None in rows or not rows else sum(each for each in rows if each is not None),
        watermark=record.event_time.get("watermark") or None,  # Spark's word for "none yet" is 1970
        sources=tuple(
            StreamSource(each.description or "", each.start, each.end, each.rows) for each in record.sources
        ),
        state=tuple(
            StateOperator(
                each.name, each.rows, each.updated_rows, each.removed_rows, each.late_rows, each.memory_bytes
            )
            for each in record.state
        ),
        durations_ms=tuple(
            sorted((name, value) for name, value in record.durations_ms.items() if value is not None)
        ),
        sink=record.sink,
        output_rows=record.output_rows,
        events_from=record.event_time.get("min"),
        events_until=record.event_time.get("max"),
        record=content,
    )
