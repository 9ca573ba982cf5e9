"""Delta's transaction log: its commits by version and by time, each from the first bytes of its file.

The format is that of Delta's PROTOCOL.md: `_delta_log/<20 digits>.json`, one action a line; versions follow each other without a gap,
and clean-up takes the oldest away. So the newest is found by doubling steps from the last checkpoint, and a time by halving.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from spark_lineage.decode.plans import data_type
from spark_lineage.errors import DecodeError
from spark_lineage.model import SchemaColumn
from spark_lineage.pipeline.logs.added_rows import AddedRows, added_rows
from spark_lineage.pipeline.logs.log_entries import Commit
from spark_lineage.pipeline.logs.log_files import Files, UnreadableLogError

WINDOW_LIMIT = 2_000
"""Commits that are looked at for one run at the most."""

HEAD_BYTES = 1 << 20
"""How far into a commit's file its `commitInfo` is looked for: writers put it first, or last into small ones."""

ENTRY_BYTES = 4 << 20
"""The longest entry of which the statistics are read: some thousand files."""

SCHEMA_LIMIT = 100
"""Commits that are looked back over for the one that last changed a table's schema."""

DISORDER_MS = 60_000
"""How far the stamps of neighbouring commits may be out of order: a writer stamps its commit before it has to retry."""

_ROWS = {
    "WRITE": ("numOutputRows", "num_added_rows"),
    "STREAMING UPDATE": ("numOutputRows",),
    "UPDATE": ("numUpdatedRows", "num_updated_rows"),
    "DELETE": ("numDeletedRows", "num_deleted_rows"),
    "CREATE TABLE AS SELECT": ("numOutputRows",),
    "REPLACE TABLE AS SELECT": ("numOutputRows",),
    "CREATE OR REPLACE TABLE AS SELECT": ("numOutputRows",),
}
_MERGED_ROWS = ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")
_BYTES = ("numOutputBytes", "numTargetBytesAdded", "numAddedBytes")
_FILES = ("numFiles", "numTargetFilesAdded", "numAddedFiles", "num_added_files")


class DeltaLog:
    """The commits of one table. Every method may raise `UnreadableLogError`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._commits: dict[int, Commit | None] = {}
        self._latest: int | None = None
        self._last_checkpoint: int | None = None

    def commit(self, version: int) -> Commit | None:
        """The commit that made a version, None where its file is not there."""
        if version not in self._commits:
            self._commits[version] = self._read(version) if version >= 0 else None
        return self._commits[version]

    def latest(self) -> int | None:
        """The newest version; None where there is no log, or none that can be followed."""
        if self._latest is None:
            self._latest = self._find_latest()
        return self._latest if self._latest >= 0 else None

    def is_missing(self) -> bool:
        """Whether nothing of a log is there."""
        return self.latest() is None and not self._checkpoint()

    def between(self, started_at: int, ended_at: int | None) -> tuple[Commit, ...] | None:
        """The commits stamped from one time to another, by version; None where the log no longer reaches back that far."""
        latest = self.latest()
        if latest is None:
            return None if self._checkpoint() else ()
        first = self._first_since(started_at - DISORDER_MS, latest)
        if first > 0 and self.commit(first - 1) is None:
            return None
        found: list[Commit] = []
        for version in range(first, latest + 1):
            commit = self.commit(version)
            if commit is None or version - first > WINDOW_LIMIT:
                reason = (
                    "a commit is missing" if commit is None else "too many commits fall into the run's time"
                )
                raise UnreadableLogError(reason)
            if ended_at is not None and commit.timestamp > ended_at + DISORDER_MS:
                break
            if commit.timestamp >= started_at and (ended_at is None or commit.timestamp <= ended_at):
                found.append(commit)
        return tuple(found)

    def schema(self, version: int) -> tuple[SchemaColumn, ...]:
        """The columns of a version, from the newest `metaData` at or before it; none where that is too far back or gone."""
        for each in range(version, max(version - SCHEMA_LIMIT, -1), -1):
            head = self._files.head(_name(each), HEAD_BYTES)
            if head is None:
                return ()
            for line in head.split(b"\n"):
                metadata = _object(line).get("metaData") if line.startswith(b'{"metaData"') else None
                if isinstance(metadata, dict):
                    return _columns(metadata)
            if len(head) == HEAD_BYTES:
                return ()  # it may stand further on
        return ()

    def added(self, version: int) -> AddedRows | None:
        """What a version added, by the statistics of its files; None where it added nothing or its entry does not say it."""
        entry = self._files.head(_name(version), ENTRY_BYTES)
        return None if entry is None or len(entry) == ENTRY_BYTES else added_rows(entry)

    def _find_latest(self) -> int:
        low = self._checkpoint()
        if low == 0 and self.commit(0) is None:
            if any(name.endswith(".json") for name in self._files.names("_delta_log")):
                raise UnreadableLogError(
                    "its first commit is missing, and no checkpoint says where it goes on"
                )
            return -1
        step = 1
        while self.commit(low + step) is not None:
            low += step
            step *= 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.commit(middle) is not None else (low, middle)
        if self.commit(low + 2) is not None:
            raise UnreadableLogError("a commit is missing")
        return low if self.commit(low) is not None else -1

    def _checkpoint(self) -> int:
        """The version of the last checkpoint, 0 where there is none; read once, as the newest version is."""
        if self._last_checkpoint is None:
            text = self._files.head("_delta_log/_last_checkpoint", HEAD_BYTES)
            version = _object(text or b"").get("version")
            self._last_checkpoint = version if isinstance(version, int) and version > 0 else 0
        return self._last_checkpoint

    def _first_since(self, at: int, latest: int) -> int:
        """The first version that was stamped at a time or after it; what is no longer there is older."""
        low, high = -1, latest + 1
        while high - low > 1:
            middle = (low + high) // 2
            commit = self.commit(middle)
            low, high = (low, middle) if commit is not None and commit.timestamp >= at else (middle, high)
        return high

    def _read(self, version: int) -> Commit | None:
        name = _name(version)
        head = self._files.head(name, HEAD_BYTES)
        if head is None:
            return None
        if not _has_actions(head):
            raise UnreadableLogError(f"the entry of version {version} is damaged")
        modified = self._files.modified_at(name) or 0
        return _commit(version, modified, _info(head))


def _name(version: int) -> str:
    return f"_delta_log/{version:020}.json"


def _columns(metadata: Mapping[str, Any]) -> tuple[SchemaColumn, ...]:
    try:
        fields = json.loads(metadata["schemaString"])["fields"]
        return tuple(
            SchemaColumn(each["name"], data_type(each["type"]).simple, bool(each["nullable"]))
            for each in fields
        )
    except (ValueError, KeyError, TypeError, DecodeError, RecursionError):
        return ()


def _has_actions(head: bytes) -> bool:
    """Whether a commit's file begins with an action, a JSON object on a line; true as well of one that goes on beyond what was read."""
    line, end, _ = head.lstrip().partition(b"\n")
    return bool(_object(line)) or (not end and len(head) == HEAD_BYTES)


def _info(head: bytes) -> Mapping[str, Any]:
    """The content of `commitInfo`, empty where the commit has none."""
    for line in head.split(b"\n"):
        if b'"commitInfo"' in line:
            info = _object(line).get("commitInfo")
            if isinstance(info, dict):
                return info
    return {}


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _commit(version: int, modified: int, info: Mapping[str, Any]) -> Commit:
    operation = _text(info.get("operation"))
    parameters, metrics = _mapping(info, "operationParameters"), _mapping(info, "operationMetrics")
    in_commit = _number(info.get("inCommitTimestamp"))
    stamped = _number(info.get("timestamp"))
    return Commit(
        version=version,
        timestamp=stamped if stamped is not None else in_commit or modified,
        committed_at=in_commit or modified,
        operation=operation,
        mode=_text(parameters.get("mode")),
        read_version=_number(info.get("readVersion")),
        rows=_rows(operation, metrics),
        bytes=_first(metrics, _BYTES),
        files=_first(metrics, _FILES),
        query_id=_text(parameters.get("queryId")),
        epoch_id=_number(parameters.get("epochId")),
        engine=_text(info.get("engineInfo")),
    )


def _rows(operation: str | None, metrics: Mapping[str, Any]) -> int | None:
    if operation == "MERGE":
        parts = [_number(metrics.get(name)) for name in _MERGED_ROWS]
        return sum(each for each in parts if each is not None) if any(parts) or 0 in parts else None
    return _first(metrics, _ROWS.get(operation or "", ()))


def _first(metrics: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((number for name in names if (number := _number(metrics.get(name))) is not None), None)


def _mapping(info: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    content = info.get(name)
    return content if isinstance(content, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    """A whole number: Delta for Spark writes metrics and parameters as texts."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        return int(value)
    except ValueError:
        return None
