"""Decode, analyze and store in one go: from the spool's bytes to the store's tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spark_lineage.capture import spool as spools
from spark_lineage.pipeline.report import IngestReport

if TYPE_CHECKING:
    from spark_lineage.store.protocol import Store

__all__ = ["IngestReport", "ingest"]


def ingest(spool: Path, store: Path | str | Store) -> IngestReport:
    """Bring everything that waits in a spool into a store, which is created if it is missing.

    `store` is the place of Delta tables, or a store itself: a `SparkStore`, or a `MemoryStore` for tests.

    Raises `StoreError` where the store cannot be used, `BridgeError` where another ingest holds the spool.
    """
    if not spools.segments(spool):
        return IngestReport()
    # A command that only reads finds nothing to ingest, most times: it need not load the analyzer.
    from spark_lineage.pipeline.ingestion import ingest_segments  # noqa: PLC0415

    return ingest_segments(spool, store)
