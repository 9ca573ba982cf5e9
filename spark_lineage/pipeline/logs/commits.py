"""Which commit a run made: looked up in the table's own log, and only certain where exactly one commit fits.

The plan of a write does not say the version that it made. Delta's log and Iceberg's metadata say of each commit when it was
made, by which operation, from which version and, mostly, how many rows it wrote; a stream's commit says the query and the batch. What
does not fit a run is ruled out. If one commit is left, it is the run's; if there are none or several, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from spark_lineage.model import SchemaColumn
from spark_lineage.pipeline.logs.added_rows import AddedRows
from spark_lineage.pipeline.logs.delta_log import DeltaLog
from spark_lineage.pipeline.logs.iceberg_log import IcebergLog
from spark_lineage.pipeline.logs.log_entries import Commit
from spark_lineage.pipeline.logs.log_files import (
    UnreachableStorageError,
    UnreadableLogError,
    files_of,
    storage_of,
)

__all__ = ["Commit", "Logs", "Sought", "candidates", "fits", "only"]

_CREATES = frozenset(
    {"CREATE TABLE AS SELECT", "REPLACE TABLE AS SELECT", "CREATE OR REPLACE TABLE AS SELECT"}
)

_DELTA_OPERATIONS = {
    "INSERT": frozenset({"WRITE"}),
    "OVERWRITE": frozenset({"WRITE"}),
    "CREATE TABLE AS SELECT": _CREATES,
    "REPLACE TABLE AS SELECT": _CREATES,
    "CLONE": frozenset({"CLONE"}),
    "MERGE": frozenset({"MERGE"}),
    "UPDATE": frozenset({"UPDATE"}),
    "DELETE": frozenset({"DELETE"}),
    "TRUNCATE TABLE": frozenset({"DELETE", "TRUNCATE"}),
    "STREAM": frozenset({"STREAMING UPDATE"}),
}
"""An operation of a plan -> what Delta's `commitInfo` calls it (`DeltaOperations.scala`)."""

_MODES = {"INSERT": frozenset({"Append", "Ignore"}), "OVERWRITE": frozenset({"Overwrite", "ErrorIfExists"})}
"""The save modes of a WRITE: one that fails where the table exists leaves a table that has nothing else."""

_ROW_LEVEL = frozenset({"overwrite", "append", "delete"})

_ICEBERG_OPERATIONS = {
    "INSERT": frozenset({"append"}),
    "OVERWRITE": _ROW_LEVEL,
    "CREATE TABLE AS SELECT": frozenset({"append"}),
    "REPLACE TABLE AS SELECT": frozenset({"append", "overwrite"}),
    "MERGE": _ROW_LEVEL,
    "UPDATE": _ROW_LEVEL,
    "DELETE": _ROW_LEVEL,
    "TRUNCATE TABLE": _ROW_LEVEL,
    "STREAM": frozenset({"append", "overwrite"}),
}
"""The same for the `operation` of an Iceberg snapshot's summary: a row-level command replaces or adds files."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is known of a run whose commit is looked for; None where it is not known, which rules nothing out.

    Times are epoch milliseconds of the clock that stamped the run. `read_version` is the newest version of the target that the
    run is known to have met before it wrote: its commit read that one or a later one. `rows` are the rows it wrote or changed.
    """

    operation: str | None
    started_at: int | None
    ended_at: int | None
    read_version: int | None = None
    rows: int | None = None
    query_id: str | None = None
    batch_id: int | None = None
    application_id: str | None = None
    spark_version: str | None = None


@dataclass(slots=True)
class Logs:
    """The logs of tables, each opened once: one object serves one ingest. An empty location is of a table whose place is not known: it has no commits.

    Nothing raises: what could not be read is in `unreadable`, table location -> half a sentence, and has no commits.
    A storage that does not answer for one table is not asked for the next. `forgotten` are the locations whose logs no longer
    reach back to the time that was asked for, `missing` those at which there is no Delta log at all.
    """

    unreadable: dict[str, str] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    _open: dict[str, DeltaLog | IcebergLog | None] = field(default_factory=dict)
    _unreachable: set[str] = field(default_factory=set)

    def candidates(self, location: str, sought: Sought, table_format: str = "delta") -> tuple[Commit, ...]:
        """The commits of a table that fit what is known of a run, by version; none where its log does not tell them all.

        `location` is the table's path or URI, `table_format` "delta" or "iceberg".
        """
        return tuple(each for each in self.between(location, sought, table_format) if fits(each, sought))

    def between(self, location: str, sought: Sought, table_format: str = "delta") -> tuple[Commit, ...]:
        """All commits of a table from the start to the end of a run, whoever made them."""
        log = self._log(location, table_format)
        if log is None or sought.started_at is None:
            return ()
        try:
            found = log.between(sought.started_at, sought.ended_at)
            self._note_missing(location, log)
        except UnreadableLogError as error:
            self._give_up(location, error)
            return ()
        if found is None:
            self.forgotten.add(location)
        return found or ()

    def commit(self, location: str, version: int, table_format: str = "delta") -> Commit | None:
        """The commit that made a version; None where the log does not have it any more."""
        log = self._log(location, table_format)
        try:
            self._note_missing(location, log)
            return None if log is None else log.commit(version)
        except UnreadableLogError as error:
            self._give_up(location, error)
            return None

    def added(self, location: str, version: int) -> AddedRows | None:
        """What a version of a Delta table added; None where nothing, or where its log does not say it."""
        log = self._log(location, "delta")
        try:
            return log.added(version) if isinstance(log, DeltaLog) else None
        except UnreadableLogError as error:
            self._give_up(location, error)
            return None

    def schema(self, location: str, version: int) -> tuple[SchemaColumn, ...]:
        """The columns of a Delta table at a version; none where its log does not say them nearby."""
        log = self._log(location, "delta")
        try:
            return log.schema(version) if isinstance(log, DeltaLog) else ()
        except UnreadableLogError as error:
            self._give_up(location, error)
            return ()

    def _log(self, location: str, table_format: str) -> DeltaLog | IcebergLog | None:
        if not location or storage_of(location) in self._unreachable:
            return None
        if location not in self._open:
            self._open[location] = None
            try:
                files = files_of(location)
                self._open[location] = IcebergLog(files) if table_format == "iceberg" else DeltaLog(files)
            except UnreadableLogError as error:
                self._give_up(location, error)
        return self._open[location]

    def _note_missing(self, location: str, log: DeltaLog | IcebergLog | None) -> None:
        if isinstance(log, DeltaLog) and location not in self.forgotten and log.is_missing():
            self.missing.add(location)

    def _give_up(self, location: str, error: UnreadableLogError) -> None:
        self.unreadable[location] = str(error)
        self._open[location] = None
        if isinstance(error, UnreachableStorageError):
            self._unreachable.add(storage_of(location))


def candidates(
    table_location: str,
    operation: str | None,
    started_at: int | None,
    ended_at: int | None,
    read_version: int | None = None,
    *,
    table_format: str = "delta",
    logs: Logs | None = None,
) -> tuple[Commit, ...]:
    """The commits of a table that a run may have made, by version.

    `operation` is a plan's ("INSERT", "MERGE", ...; None: any), times are epoch milliseconds (`ended_at` None: until now),
    `read_version` the newest version that the run is known to have met. `logs` keeps what is read from one call to the next. None fits
    also where the log is missing, unreadable or no longer reaches back: `logs` says which.
    """
    sought = Sought(operation, started_at, ended_at, read_version)
    return (Logs() if logs is None else logs).candidates(table_location, sought, table_format)


def only(found: Iterable[Commit]) -> Commit | None:
    """The commit, where it is the only one."""
    commits = tuple(found)
    return commits[0] if len(commits) == 1 else None


def fits(commit: Commit, sought: Sought) -> bool:
    """Whether nothing that is known of a run speaks against its having made a commit."""
    return (
        _in_time(commit, sought)
        and _by_operation(commit, sought.operation)
        and _not_before(commit, sought.read_version)
        and _equal(commit.query_id, sought.query_id)
        and (sought.query_id is None or _equal(commit.epoch_id, sought.batch_id))
        and _equal(commit.application_id, sought.application_id)
        and _by_engine(commit, sought.spark_version)
        and (not commit.rows_are_exact or _equal(commit.rows, sought.rows))
    )


def _in_time(commit: Commit, sought: Sought) -> bool:
    return (sought.started_at is None or commit.timestamp >= sought.started_at) and (
        sought.ended_at is None or commit.timestamp <= sought.ended_at
    )


def _by_operation(commit: Commit, operation: str | None) -> bool:
    """A commit that does not say its operation may be of any."""
    if operation is None or commit.operation is None:
        return True
    table = _ICEBERG_OPERATIONS if commit.table_format == "iceberg" else _DELTA_OPERATIONS
    if commit.operation not in table.get(operation, frozenset()):
        return False
    modes = _MODES.get(operation)
    return modes is None or commit.table_format == "iceberg" or commit.mode is None or commit.mode in modes


def _not_before(commit: Commit, read_version: int | None) -> bool:
    """A run's commit comes after each version that the run has met, and a transaction reads no older one than its analysis."""
    if read_version is None or commit.table_format == "iceberg":
        return True
    return commit.version > read_version and (
        commit.read_version is None or commit.read_version >= read_version
    )


def _by_engine(commit: Commit, spark_version: str | None) -> bool:
    """Delta for Spark writes `Apache-Spark/4.1.3 Delta-Lake/4.4.0`; what other engines say of themselves rules them out."""
    if spark_version is None or commit.engine is None:
        return True
    name, _, rest = commit.engine.partition("/")
    if name == "Apache-Spark":
        return rest.split(" ")[0] == spark_version
    return not name.startswith(("delta-rs", "Kernel", "Trino", "Flink"))


def _equal(stated: object, known: object) -> bool:
    return stated is None or known is None or stated == known
