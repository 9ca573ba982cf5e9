"""Decode, analyze and store in one go: from the spool's bytes to the store's tables."""

from spark_lineage.pipeline.ingestion import IngestReport, ingest

__all__ = ["IngestReport", "ingest"]
