"""The history of every job and table, as columns: one series for what a job does to a table by one operation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import DatasetId, RunState
from spark_lineage.query.snapshot import Snapshot

__all__ = ["History", "Series", "SeriesKey", "history_of"]

RunKey = tuple[str, int]
"""A write: run id and part."""

_RUN_COLUMNS = (
    "run_id", "part", "job", "operation", "target_namespace", "target_name", "fingerprint", "started_at", "ended_at", "rows", "bytes",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What is compared with itself: a job, the table that it writes, and how (an append is no measure for an overwrite)."""

    job: str
    target: DatasetId
    operation: str


@dataclass(slots=True)
class Series:
    """The complete runs of one key in the order of their ends: lists of the same length, one place for each run.

    Times are epoch milliseconds, `rows_read` the rows of each input as far as the run tells; None is not known.
    """

    key: SeriesKey
    runs: list[RunKey] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    started: list[int | None] = field(default_factory=list)
    rows: list[int | None] = field(default_factory=list)
    bytes: list[int | None] = field(default_factory=list)
    inputs: list[frozenset[DatasetId]] = field(default_factory=list)
    rows_read: list[Mapping[DatasetId, int | None]] = field(default_factory=list)

    def durations(self) -> list[int | None]:
        """How long each run took, milliseconds; None where a time is missing or the clock went backwards."""
        return [
            None if start is None or end < start else end - start
            for start, end in zip(self.started, self.times, strict=True)
        ]


@dataclass(frozen=True)
class History:
    """All series by key, sorted."""

    series: Mapping[SeriesKey, Series]

    @cached_property
    def writers(self) -> Mapping[DatasetId, tuple[SeriesKey, ...]]:
        """Dataset -> the series that write it."""
        found: dict[DatasetId, list[SeriesKey]] = {}
        for key in self.series:
            found.setdefault(key.target, []).append(key)
        return {target: tuple(keys) for target, keys in found.items()}

    def is_first(self, key: SeriesKey) -> bool:
        """Whether none of what a series read last is written by a known job: it brings data in from outside."""
        inputs = self.series[key].inputs[-1] - {key.target}
        return not any(each in self.writers for each in inputs)

    def upstream(self, target: DatasetId) -> frozenset[DatasetId]:
        """A dataset and all that its writers read, and so on, as of their last runs."""
        found = {target}
        waiting = [target]
        while waiting:
            for key in self.writers.get(waiting.pop(), ()):
                new = self.series[key].inputs[-1] - found
                found |= new
                waiting += new
        return frozenset(found)


def history_of(snapshot: Snapshot) -> History:
    """The history of all complete writes of a store."""
    runs = snapshot.runs
    here = pc.and_(pc.equal(runs["state"], RunState.COMPLETE.value), pc.equal(runs["kind"], "write"))
    here = pc.and_(
        here, pc.and_(pc.is_valid(runs["target_name"]), pc.is_valid(pc.coalesce(runs["ended_at"])))
    )
    runs = runs.filter(here).select(_RUN_COLUMNS)
    designed = _designed_inputs(snapshot)
    read = _read(snapshot, runs)
    nothing: Mapping[DatasetId, int | None] = {}
    series: dict[SeriesKey, Series] = {}
    columns = [runs[name].to_pylist() for name in _RUN_COLUMNS]
    for run_id, part, job, operation, namespace, name, fingerprint, started, ended, rows, size in zip(
        *columns, strict=True
    ):
        key = SeriesKey(job, DatasetId(namespace, name), operation)
        each = series.get(key)
        if each is None:
            each = series[key] = Series(key)
        rows_read = read.get((run_id, part), nothing)
        each.runs.append((run_id, part))
        each.times.append(ended)
        each.started.append(started)
        each.rows.append(_counted(rows))
        each.bytes.append(_counted(size))
        each.rows_read.append(rows_read)
        each.inputs.append(_inputs(designed.get(fingerprint, frozenset()), rows_read))
    return History(dict(sorted(series.items())))


def _counted(number: int | None) -> int | None:
    """A count; one below 0 is none, whoever wrote it."""
    return None if number is None or number < 0 else number


def _inputs(designed: frozenset[DatasetId], read: Collection[DatasetId]) -> frozenset[DatasetId]:
    # Mostly they are the same: a million runs then share the sets of their plans.
    return designed if designed.issuperset(read) else designed | frozenset(read)


def _designed_inputs(snapshot: Snapshot) -> Mapping[str, frozenset[DatasetId]]:
    """Fingerprint -> the datasets that the plan reads."""
    plans = snapshot.read("plans", ["fingerprint", "datasets"])
    return {
        row["fingerprint"]: frozenset(DatasetId(each["namespace"], each["name"]) for each in row["datasets"])
        for row in plans.to_pylist()
    }


def _read(snapshot: Snapshot, runs: pa.Table) -> Mapping[RunKey, Mapping[DatasetId, int | None]]:
    """What each write read, with the rows; one dataset that was scanned at several places has the sum of them."""
    names = ("run_id", "part", "namespace", "name", "path", "rows")
    table = snapshot.read("observations", (*names, "direction"))
    table = table.filter(pc.equal(table["direction"], "read"))
    table = table.filter(pc.is_in(table["run_id"], runs["run_id"]))
    found: dict[RunKey, dict[DatasetId, int | None]] = {}
    totals: dict[RunKey, dict[DatasetId, int | None]] = {}
    ids: dict[tuple[str, str], DatasetId] = {}
    for run_id, part, namespace, name, path, rows in zip(
        *(table[each].to_pylist() for each in names), strict=True
    ):
        id_ = ids.setdefault((namespace, name), DatasetId(namespace, name))
        # Of a read of several paths the row under the dataset's own name has the figures of all.
        for read in (found, totals) if path == name else (found,):
            of_run = read.setdefault((run_id, part), {})
            known = of_run.get(id_, 0)
            count = _counted(rows)
            of_run[id_] = None if known is None or count is None else known + count
    for run, of_run in totals.items():
        found[run].update(of_run)
    return found


def total_read(read: Mapping[DatasetId, int | None], target: DatasetId) -> int | None:
    """The rows of all inputs but the target itself; None where those of one are not known, or there is none."""
    counts = [rows for id_, rows in read.items() if id_ != target]
    known: Iterable[int] = [rows for rows in counts if rows is not None]
    return None if not counts or any(rows is None for rows in counts) else sum(known)
