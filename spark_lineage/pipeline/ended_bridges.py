"""What the bridges of ended applications said of themselves, from the segments that still wait in a spool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from spark_lineage.capture.spool import Frame, Segment, SegmentState, frames
from spark_lineage.decode.records import ApplicationEndRecord, decode_record
from spark_lineage.errors import DecodeError

_SEGMENTS_READ = 20
_KIND_BYTES = 100
"""How far into a record its kind stands at most."""


def last_metrics(segments: Iterable[Segment]) -> dict[str, int] | None:
    """The numbers of the application that ended last (docs/metrics.md), of the newest 20 segments; None where none tells any."""
    newest = sorted(segments, key=lambda segment: _written_at(segment.path))[-_SEGMENTS_READ:]
    ends = [end for segment in newest if segment.state is SegmentState.SEALED for end in _ends(segment)]
    return max(ends, key=lambda end: end.ended_at or 0).metrics if ends else None


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # an ingest took it away
        return 0.0


def _ends(segment: Segment) -> Iterator[ApplicationEndRecord]:
    for frame in frames(segment.path):
        if isinstance(frame, Frame) and b'"application_end"' in frame.payload[:_KIND_BYTES]:
            with suppress(DecodeError):
                record = decode_record(frame.payload)
                if isinstance(record, ApplicationEndRecord) and record.metrics:
                    yield record
