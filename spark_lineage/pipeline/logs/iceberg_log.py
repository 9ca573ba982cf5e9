"""Iceberg's snapshots and columns, from a table's newest metadata file.

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

_DAMAGED = "its metadata file is damaged"

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

    def schema(self) -> Mapping[str, Any] | None:
        """The columns of now, a struct in the JSON of Iceberg's specification; None where there is no metadata file.

        Raises `UnreadableLogError` also where two newest files say different things.
        """
        found = [_schema(each) for each in self._newest()]
        if any(each is None or each != found[0] for each in found):
            raise UnreadableLogError("it does not say its columns")
        return found[0] if found else None

    def _all(self) -> tuple[Commit, ...]:
        if self._snapshots is None:
            self._snapshots = self._load()
        return self._snapshots

    def _load(self) -> tuple[Commit, ...]:
        read = [_snapshots(each) for each in self._newest()]
        certain = {each for each in read[0] if all(each in others for others in read[1:])} if read else set()
        return tuple(sorted(certain, key=lambda each: (each.timestamp, each.version)))

    def _newest(self) -> list[Mapping[str, Any]]:
        """The newest metadata files: several, where a race left more than one of a number behind."""
        numbered: dict[int, list[str]] = {}
        for name in self._files.names("metadata"):
            match = _NAME.fullmatch(name)
            if match:
                numbered.setdefault(int(match[1]), []).append(name)
        names = sorted(numbered[max(numbered)]) if numbered else []
        return [self._metadata(f"metadata/{name}") for name in names]

    def _metadata(self, name: str) -> Mapping[str, Any]:
        content = self._files.head(name, METADATA_BYTES + 1)
        if content is None or len(content) > METADATA_BYTES:
            raise UnreadableLogError(
                "its metadata file is gone" if content is None else "its metadata file is too large"
            )
        try:
            metadata = json.loads(_plain(content))
        except (ValueError, RecursionError, EOFError, OSError, zlib.error) as error:
            raise UnreadableLogError(_DAMAGED) from error
        if not isinstance(metadata, dict):
            raise UnreadableLogError(_DAMAGED)
        return metadata


def _schema(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The current one of `schemas`, or the only one, which version 1 of the format has as `schema`."""
    wanted, schemas = metadata.get("current-schema-id"), metadata.get("schemas")
    known = schemas if isinstance(schemas, list) else []
    of_id = (each for each in known if isinstance(each, dict) and each.get("schema-id", 0) == wanted)
    found = next(of_id, None if known else metadata.get("schema"))
    return found if isinstance(found, dict) else None


def _snapshots(metadata: Mapping[str, Any]) -> frozenset[Commit]:
    try:
        return frozenset(_commit(each) for each in metadata.get("snapshots") or ())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableLogError(_DAMAGED) from error


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
