"""What streaming queries said of themselves -> rows of the store: their micro-batches, starts and ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from spark_lineage.decode.records import (
    Failure,
    ProgressRecord,
    StreamEndRecord,
    StreamRecord,
    StreamStartRecord,
)
from spark_lineage.model import ApplicationEvent, StateOperator, StreamBatch, StreamSource

STREAM_STARTED = "stream_started"
STREAM_ENDED = "stream_ended"


@dataclass(slots=True)
class StreamRows:
    """The rows of the tables `batches` and `events` that streaming queries make."""

    batches: list[StreamBatch] = field(default_factory=list)
    events: list[ApplicationEvent] = field(default_factory=list)

    def add(self, record: StreamRecord) -> None:
        """Add the row of one record; a start or end without a time says nothing and makes none."""
        match record:
            case ProgressRecord():
                self.batches.append(_batch(record))
            case StreamStartRecord(at=int(at)):
                self._event(record, at, STREAM_STARTED, record.name or "")
            case StreamEndRecord(at=int(at)):
                self._event(record, at, STREAM_ENDED, _reason(record.error))

    def _event(self, record: StreamStartRecord | StreamEndRecord, at: int, kind: str, detail: str) -> None:
        self.events.append(ApplicationEvent(record.bridge, at, kind, record.query_id, detail, record.run_id))


def _reason(error: Failure | None) -> str:
    """Why a query failed, `class [condition]: message`; empty where it did not."""
    if error is None:
        return ""
    condition = f" [{error.condition}]" if error.condition else ""
    message = (error.message or "").removeprefix(f"[{error.condition}] ")
    return f"{error.class_ or 'unknown error'}{condition}" + (f": {message}" if message else "")


def _batch(record: ProgressRecord) -> StreamBatch:
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
    )
