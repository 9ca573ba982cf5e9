"""Iceberg's snapshots, from a table's newest metadata file.

The format is that of Iceberg's table specification: `metadata/v3.metadata.json` or `metadata/00003-<uuid>.metadata.json`, each with all
snapshots that have not expired. A lost race may leave two files of one number behind: only the snapshots of both are certain then.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

from spark_lineage.pipeline.logs.log_entries import Commit
from spark_lineage.pipeline.logs.log_files import Files, UnreadableLogError

METADATA_BYTES = 64 << 20
"""The largest metadata file that is read."""

_NAME = re.compile(r"v?(\d+)(?:-[0-9a-fA-F-]+)?(?:\.gz)?\.metadata\.json(?:\.gz)?")


class IcebergLog:
    """The snapshots of one table. Every method may raise `UnreadableLogError`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._snapshots: tuple[Commit, ...] | None = None

    def commit(self, version: int) -> Commit | None:
        """The snapshot of an id, None where it has expired."""
        return next((each for each in self._all() if each.version == version), None)

    def between(self, started_at: int, ended_at: int | None) -> tuple[Commit, ...] | None:
        """The snapshots made from one time to another, in their order; None where older ones have expired."""
        snapshots = self._all()
        if snapshots and started_at < snapshots[0].timestamp and snapshots[0].read_version is not None:
            return None
        return tuple(
            each
            for each in snapshots
            if each.timestamp >= started_at and (ended_at is None or each.timestamp <= ended_at)
        )

    def _all(self) -> tuple[Commit, ...]:
        if self._snapshots is None:
            self._snapshots = self._load()
        return self._snapshots

    def _load(self) -> tuple[Commit, ...]:
        numbered: dict[int, list[str]] = {}
        for name in self._files.names("metadata"):
            match = _NAME.fullmatch(name)
            if match:
                numbered.setdefault(int(match[1]), []).append(name)
        if not numbered:
            return ()
        read = [self._snapshots_in(f"metadata/{name}") for name in numbered[max(numbered)]]
        certain = {each for each in read[0] if all(each in others for others in read[1:])}
        return tuple(sorted(certain, key=lambda each: (each.timestamp, each.version)))

    def _snapshots_in(self, name: str) -> frozenset[Commit]:
        content = self._files.head(name, METADATA_BYTES + 1)
        if content is None or len(content) > METADATA_BYTES:
            raise UnreadableLogError(
                "its metadata file is gone" if content is None else "its metadata file is too large"
            )
        try:
            metadata = json.loads(_plain(content))
            return frozenset(_commit(each) for each in metadata.get("snapshots") or ())
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
            EOFError,
            OSError,
            zlib.error,
        ) as error:
            raise UnreadableLogError("its metadata file is damaged") from error


def _plain(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    with gzip.open(io.BytesIO(content)) as file:
        text = file.read(METADATA_BYTES + 1)
    if len(text) > METADATA_BYTES:
        raise UnreadableLogError("its metadata file is too large")
    return text


def _commit(snapshot: Mapping[str, Any]) -> Commit:
    summary = snapshot.get("summary") or {}
    operation, timestamp = summary.get("operation"), int(snapshot["timestamp-ms"])
    return Commit(
        version=int(snapshot["snapshot-id"]),
        timestamp=timestamp,
        committed_at=timestamp,
        table_format="iceberg",
        operation=operation,
        read_version=snapshot.get("parent-snapshot-id"),
        rows=_number(summary.get("added-records")),
        rows_are_exact=operation == "append",  # a row-level command copies rows that it does not change
        bytes=_number(summary.get("added-files-size")),
        files=_number(summary.get("added-data-files")),
        query_id=summary.get("spark.sql.streaming.queryId"),
        epoch_id=_number(summary.get("spark.sql.streaming.epochId")),
        application_id=summary.get("spark.app.id"),
    )


def _number(text: Any) -> int | None:
    return int(text) if isinstance(text, (str, int)) and not isinstance(text, bool) else None
