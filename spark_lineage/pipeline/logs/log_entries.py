"""One commit of a table, as its log tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: `version` is Delta's version or Iceberg's snapshot id. What the log does not say is None.

    `timestamp` is when its writer made it by the writer's clock, `committed_at` when the version counts as made (what time travel goes by): both epoch
    milliseconds. `rows` are those written or changed; `rows_are_exact` says whether a run that made the commit has counted the same.
    `read_version` is the version it was made from, `mode` a write's save mode, `query_id` and `epoch_id` those of a stream's batch,
    `application_id` Spark's.
    """

    version: int
    timestamp: int
    committed_at: int
    table_format: str = "delta"
    operation: str | None = None
    mode: str | None = None
    read_version: int | None = None
    rows: int | None = None
    rows_are_exact: bool = True
    bytes: int | None = None
    files: int | None = None
    query_id: str | None = None
    epoch_id: int | None = None
    application_id: str | None = None
    engine: str | None = None
