"""How a Delta table's data differ from one version to another, by the statistics that its own log has of each file: no row is read.

    data_diff(store, "report")                              # the last version and the one before
    data_diff(store, "report", from_="7d", to="version:12")

Of each column: the share of NULLs, the smallest and the largest value. Delta's statistics have no count of distinct values, so there is none here.
Of texts they have but a beginning, so that their bounds may be outside of the values. The values are data: they are looked up in the table's log
when they are asked for, by who may read it, and are never stored.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.compare.drift.sentences import short_name
from spark_lineage.compare.findings import Finding
from spark_lineage.compare.labels import reference
from spark_lineage.compare.times import is_time, parse_time
from spark_lineage.errors import NameLookupError, StoreError, first_line
from spark_lineage.model import SCHEMA_VERSION, Dataset, DatasetId, Severity
from spark_lineage.pipeline.logs.log_files import location_of
from spark_lineage.query.answers import DatasetReference, Json, iso_time
from spark_lineage.query.names import resolve_table
from spark_lineage.query.snapshot import ReadableStore, Snapshot

if TYPE_CHECKING:
    from deltalake import DeltaTable

__all__ = ["ColumnDifference", "ColumnFacts", "DataAnswer", "Version", "data_diff"]

NULL_SHARE_STEP = 0.01
"""A share of NULLs that differs by this much is a finding."""

VERSION_PREFIX = "version:"

_PATIENCE = {"timeout": "30s", "connect_timeout": "5s", "max_retries": "2", "retry_timeout": "30s"}

Value: TypeAlias = bool | int | float | str | None
"""A bound as JSON has it: times in ISO 8601, decimals as text."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a table: when it was committed (epoch milliseconds), its rows and files; None where that is not known."""

    version: int
    at: int | None
    rows: int | None
    files: int

    def to_dict(self) -> Json:
        """The version's JSON."""
        return {"version": self.version, "at": iso_time(self.at), "rows": self.rows, "files": self.files}


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column at one version: its share of NULLs from 0 to 1, and its bounds; None where a file has no statistics of it."""

    null_share: float | None
    minimum: Value
    maximum: Value

    def to_dict(self) -> Json:
        """The facts' JSON; `distinct` is null: Delta's statistics do not have it."""
        share = None if self.null_share is None else round(self.null_share, 6)
        return {"null_share": share, "minimum": self.minimum, "maximum": self.maximum, "distinct": None}


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """A column at both versions; None where one of them does not have it."""

    name: str
    before: ColumnFacts | None
    after: ColumnFacts | None

    @property
    def change(self) -> str:
        """Whether it was added, removed, changed, or is the same."""
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        return "same" if self.before == self.after else "changed"

    def to_dict(self) -> Json:
        """The column's JSON."""
        return {
            "name": self.name,
            "change": self.change,
            "before": self.before and self.before.to_dict(),
            "after": self.after and self.after.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class DataAnswer:
    """A table's data at two versions; `notes` say what the figures leave open."""

    table: DatasetReference
    before: Version
    after: Version
    columns: tuple[ColumnDifference, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> Json:
        """The JSON of the comparison."""
        return {
            "schema_version": SCHEMA_VERSION,
            "table": self.table.to_dict(),
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "columns": [column.to_dict() for column in self.columns],
            "findings": [finding.to_dict() for finding in self.findings],
            "notes": list(self.notes),
        }


def data_diff(store: ReadableStore, name: str, from_: str | None = None, to: str | None = None) -> DataAnswer:
    """A Delta table's data at two versions: a time, how long ago, a run's id, or `version:3`; the last two where nothing is said.

    Raises `NameLookupError` for a table, run or version that is not there (any more), `StoreError` for a table that cannot be read.
    """
    snapshot = Snapshot(store)
    dataset = resolve_table(name, snapshot.datasets.values())
    table = _Table(snapshot, dataset)
    later = table.latest if to is None else table.meant(to, "--to")
    earlier = later - 1 if from_ is None else table.meant(from_, "--from")
    if earlier < 0:
        raise NameLookupError(
            f"{table.name} has no version before {later}: there is nothing to compare it with."
        )
    (before, old), (after, new) = table.facts(earlier), table.facts(later)
    columns = tuple(ColumnDifference(each, old.get(each), new.get(each)) for each in {**new, **old})
    findings = sorted(_findings(dataset.id, table.name, columns, after), key=lambda each: each.order)
    return DataAnswer(reference(snapshot, dataset.id), before, after, columns, tuple(findings), table.notes())


class _Table:
    """A Delta table's log."""

    def __init__(self, snapshot: Snapshot, dataset: Dataset) -> None:
        from deltalake import DeltaTable  # noqa: PLC0415 - few commands need it
        from deltalake.exceptions import DeltaError, TableNotFoundError  # noqa: PLC0415

        self._snapshot = snapshot
        self._id = dataset.id
        self.name = short_name(reference(snapshot, dataset.id))
        self._errors = (DeltaError, OSError)
        self._location = location_of(dataset.id)
        self._options = None if dataset.namespace == "file" else _PATIENCE
        if not self._location:
            raise NameLookupError(
                f"{self.name} is known by its name only, not by its place: the data of a table are compared where its Delta log is."
            )
        try:
            self._delta = DeltaTable(self._location, storage_options=self._options)
            self._times = {each["version"]: each.get("timestamp") for each in self._delta.history()}
        except TableNotFoundError:
            message = f"{self.name} is no Delta table that can be reached from here, at {self._location}: only Delta's logs have statistics of the data."
            raise NameLookupError(message) from None
        except self._errors as error:
            raise StoreError(
                f"The log of {self.name} at {self._location} cannot be read ({first_line(error)})."
            ) from error
        self.latest = int(self._delta.version())

    def meant(self, text: str, what: str) -> int:
        """The version that a text means."""
        if text.startswith(VERSION_PREFIX) and text.removeprefix(VERSION_PREFIX).isdecimal():
            version = int(text.removeprefix(VERSION_PREFIX))
            if version > self.latest:
                raise NameLookupError(
                    f"{what}: {self.name} has no version {version}, the last is {self.latest}."
                )
            return version
        return self._at(text, what) if is_time(text) else self._of_run(text, what)

    def _at(self, text: str, what: str) -> int:
        moment = parse_time(text, time.time_ns() // 1_000_000, what)
        known = [version for version, at in self._times.items() if at is not None and at <= moment]
        if not known:
            oldest = min(self._times, default=self.latest)
            begins = iso_time(self._times.get(oldest)) or "an unknown time"
            raise NameLookupError(
                f"{what}: the log of {self.name} has no version from {text} or before: it begins with version {oldest} of {begins}."
            )
        return int(max(known))

    def _of_run(self, text: str, what: str) -> int:
        rows = self._snapshot.read(
            "observations", ("run_id", "namespace", "name", "direction", "version")
        ).to_pylist()
        beginning, _, number = text.partition(":")
        found = {
            row["version"]
            for row in rows
            if DatasetId(row["namespace"], row["name"]) == self._id
            and row["direction"] == "written"
            and row["version"] is not None
            and row["run_id"].startswith(beginning)
            and row["run_id"].partition(":")[2] == number
        }
        if len(found) != 1:
            raise NameLookupError(
                f'{what}: it is not known which version of {self.name} a run "{text}" wrote: give a version such as version:3, a time such '
                "as 2026-11-20, or how long ago, such as 7d."
            )
        return int(found.pop())

    def facts(self, version: int) -> tuple[Version, dict[str, ColumnFacts]]:
        """A version with the facts of its columns, in the table's order."""
        from deltalake import DeltaTable  # noqa: PLC0415 - few commands need it

        try:
            delta = (
                self._delta if version == self.latest else DeltaTable(self._location, version, self._options)
            )
            files: Any = pa.table(delta.get_add_actions(flatten=True))
        except self._errors as error:
            raise NameLookupError(
                f"The log of {self.name} does not tell version {version} any more ({first_line(error)}): old entries are removed "
                f"after the table's log retention; ask for a later version, the last is {self.latest}."
            ) from None
        rows = _sum(files, "num_records")
        columns = {name: _column(files, name, rows) for name in _names(delta)}
        return Version(version, self._times.get(version), rows, files.num_rows), columns

    def notes(self) -> tuple[str, ...]:
        """What the figures leave open."""
        features = self._delta.protocol().reader_features or []
        if "deletionVectors" not in features:
            return ()
        return ("Rows that were deleted by a deletion vector are still in the statistics of their files.",)


def _names(delta: DeltaTable) -> list[str]:
    """The columns, and in their places the fields of structs by path: statistics are of these."""
    found: list[str] = []
    stack: list[tuple[str, Any]] = [(each.name, each.type) for each in reversed(delta.schema().fields)]
    while stack:
        name, kind = stack.pop()
        inner = getattr(kind, "fields", None)
        if inner is None:
            found.append(name)
        else:
            stack.extend((f"{name}.{each.name}", each.type) for each in reversed(inner))
    return found


def _column(files: pa.Table, name: str, rows: int | None) -> ColumnFacts:
    if f"partition.{name}" in files.column_names:
        return _partition(files, files[f"partition.{name}"], rows)
    nulls = _sum(files, f"null_count.{name}")
    share = None if nulls is None or not rows else nulls / rows
    return ColumnFacts(share, _bound(files, name, "min"), _bound(files, name, "max"))


def _partition(files: pa.Table, values: pa.ChunkedArray, rows: int | None) -> ColumnFacts:
    share = None
    if rows:
        share = (pc.sum(files["num_records"].filter(pc.is_null(values))).as_py() or 0) / rows
    return ColumnFacts(share, _value(_least(values, "min")), _value(_least(values, "max")))


def _bound(files: pa.Table, name: str, which: str) -> Value:
    """The smallest or largest value of all files; None where a file that has values does not say its own."""
    column = f"{which}.{name}"
    nulls = f"null_count.{name}"
    if column not in files.column_names or nulls not in files.column_names:
        return None
    is_empty = pc.fill_null(pc.equal(files[nulls], files["num_records"]), fill_value=False)
    if pc.any(pc.and_(pc.is_null(files[column]), pc.invert(is_empty))).as_py():
        return None
    return _value(_least(files[column], which))


def _least(values: pa.ChunkedArray, which: str) -> Any:
    if pa.types.is_string_view(values.type) or pa.types.is_large_string(values.type):
        values = values.cast(pa.string())
    return pc.min_max(values).as_py()[which] if len(values) else None


def _sum(files: pa.Table, column: str) -> int | None:
    """A sum over all files; None where one of them does not say it."""
    if column not in files.column_names or files[column].null_count:
        return None
    return int(pc.sum(files[column]).as_py() or 0)


def _value(value: Any) -> Value:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, datetime):
        whole = value if value.tzinfo is None else value.astimezone(timezone.utc)
        return whole.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def _findings(
    id_: DatasetId, table: str, columns: tuple[ColumnDifference, ...], after: Version
) -> Iterator[Finding]:
    for column in columns:
        old, new = (None if each is None else each.null_share for each in (column.before, column.after))
        if old is None or new is None or abs(new - old) < NULL_SHARE_STEP:
            continue
        message = f"{new:.1%} of {table}.{column.name} is NULL, before {old:.1%}."
        facts: Mapping[str, str] = {
            "before": f"{old:.4f}",
            "after": f"{new:.4f}",
            "version": str(after.version),
        }
        yield Finding(
            "null_share_changed",
            Severity.WARNING,
            message,
            id_,
            column.name,
            at=after.at,
            evidence=tuple(facts.items()),
            strength=min(1.0, abs(new - old)),
        )
