"""What the bridges of ended applications said of themselves: in the segments that still wait in a spool, and in the store."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow.compute as pc

from spark_lineage.capture.spool import Frame, Segment, SegmentState, frames
from spark_lineage.decode.records import ApplicationEndRecord, decode_record
from spark_lineage.errors import DecodeError
from spark_lineage.store.protocol import Store

_End = tuple[int, dict[str, int]]
"""When an application ended, epoch milliseconds, and its bridge's numbers."""

_SEGMENTS_READ = 20
_KIND_BYTES = 100
"""How far into a record its kind stands at most."""


def last_metrics(segments: Iterable[Segment], store: Store | None) -> dict[str, int] | None:
    """The numbers of the application that ended last (docs/metrics.md), of the store or the newest 20 segments; None where none tells any.

    Raises `StoreError` where the store cannot be read.
    """
    newest = sorted(segments, key=lambda segment: _written_at(segment.path))[-_SEGMENTS_READ:]
    ends = [end for segment in newest if segment.state is SegmentState.SEALED for end in _ends(segment)]
    if store is not None:
        ends += _stored_ends(store)
    return max(ends, key=operator.itemgetter(0))[1] if ends else None


def _stored_ends(store: Store) -> Iterator[_End]:
    runs = store.read("runs", ["kind", "ended_at", "metrics"])
    for run in runs.filter(pc.equal(runs["kind"], "application")).to_pylist():
        if run["metrics"]:
            yield run["ended_at"] or 0, dict(run["metrics"])


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # an ingest took it away
        return 0.0


def _ends(segment: Segment) -> Iterator[_End]:
    for frame in frames(segment.path):
        if isinstance(frame, Frame) and b'"application_end"' in frame.payload[:_KIND_BYTES]:
            with suppress(DecodeError):
                record = decode_record(frame.payload)
                if isinstance(record, ApplicationEndRecord) and record.metrics:
                    yield record.ended_at or 0, record.metrics
