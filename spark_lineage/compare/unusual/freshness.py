"""How old each table's data is: against its own rhythm, and against its inputs.

A table is *late* where its last write is longer ago than its writes usually are apart. It is *stale* where an input was written after the last
write that read it: by the version where both are known, else by the clock, and then only if the input's write ended after that
write did. A stale table is overdue when it waits longer than it usually does after such a write of its input.

The age of the data is not that of the lineage: an edge is as old as the last run in which it was seen.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow.compute as pc

from spark_lineage.compare.findings import Finding
from spark_lineage.compare.labels import label, reference
from spark_lineage.compare.times import parse_time
from spark_lineage.compare.unusual.outside import log_problems, outside_commits
from spark_lineage.compare.unusual.rhythm import Rhythm, rhythm, usual
from spark_lineage.model import (
    DRIVER_NAMESPACE,
    SCHEMA_VERSION,
    DatasetId,
    Problem,
    RunState,
    Severity,
)
from spark_lineage.pipeline.logs.commits import Logs
from spark_lineage.query.answers import DatasetReference, Json, iso_time, problems_json
from spark_lineage.query.names import resolve_table
from spark_lineage.query.snapshot import ReadableStore, Snapshot

__all__ = ["FreshnessAnswer", "InputAge", "TableAge", "freshness", "freshness_answer", "freshness_asked"]

_RUN_COLUMNS = (
    "run_id", "part", "fingerprint", "query_id", "target_namespace", "target_name", "started_at", "ended_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """A complete write of a table; times are epoch milliseconds, `version` is that of its commit where it is known."""

    run_id: str
    part: int
    fingerprint: str
    load: str
    started_at: int
    ended_at: int
    version: int | None


@dataclass(frozen=True, slots=True)
class InputAge:
    """An input of a table: when it was last written or changed, and when a run last read it for the table.

    `newer` says whether it was written after that read, None where nobody knows; `since` is the first such write, `usual_wait` how long
    the table usually takes to follow.
    """

    dataset: DatasetReference
    data_at: int | None
    edge_seen_at: int
    newer: bool | None
    since: int | None = None
    usual_wait: Rhythm | None = None

    def overdue(self, now: int) -> bool | None:
        """Whether the table has waited longer than usual; None where it waits for nothing or nothing is usual yet."""
        if self.since is None or self.usual_wait is None:
            return None
        return now - self.since > self.usual_wait.limit

    def to_dict(self, now: int) -> Json:
        """The input's JSON."""
        return {
            **self.dataset.to_dict(),
            "data_at": iso_time(self.data_at),
            "edge_seen_at": iso_time(self.edge_seen_at),
            "edge_age_seconds": _seconds(now - self.edge_seen_at),
            "newer": self.newer,
            "newer_since": iso_time(self.since),
            "usual_wait_seconds": None if self.usual_wait is None else _seconds(self.usual_wait.gap),
            "overdue": self.overdue(now),
        }


@dataclass(frozen=True, slots=True)
class TableAge:
    """One table: `data_at` is its last write, by whomever; `lineage_at` the last one that is known as a run.

    `rhythm` is what usually follows its last write. `stale_paths` lead from an input that is newer down to the table.
    """

    dataset: DatasetReference
    data_at: int
    lineage_at: int
    run_id: str
    rhythm: Rhythm | None
    inputs: tuple[InputAge, ...]
    stale_paths: tuple[tuple[DatasetReference, ...], ...] = ()
    overdue: bool | None = None

    def late(self, now: int) -> bool | None:
        """Whether the last write is longer ago than is usual; None without a rhythm."""
        return None if self.rhythm is None else now - self.data_at > self.rhythm.limit

    def state(self, now: int) -> str:
        """In one word: "late", else "stale" (overdue, or nobody knows what is usual), "behind" (it usually follows later), "fresh"."""
        if self.late(now):
            return "late"
        if self.stale_paths:
            return "behind" if self.overdue is False else "stale"
        return "fresh"

    def to_dict(self, now: int) -> Json:
        """The table's JSON."""
        known = self.rhythm
        return {
            **self.dataset.to_dict(),
            "state": self.state(now),
            "data_at": iso_time(self.data_at),
            "data_age_seconds": _seconds(now - self.data_at),
            "lineage_at": iso_time(self.lineage_at),
            "lineage_age_seconds": _seconds(now - self.lineage_at),
            "last_run": self.run_id,
            "rhythm": None
            if known is None
            else {
                "interval_seconds": _seconds(known.gap),
                "limit_seconds": _seconds(known.limit),
                "due_at": iso_time(self.data_at + known.gap),
                "late_at": iso_time(self.data_at + known.limit),
                "intervals": known.gaps,
            },
            "late": self.late(now),
            "inputs": [each.to_dict(now) for each in self.inputs],
            "stale_paths": [
                [{"namespace": step.namespace, "name": step.name} for step in path]
                for path in self.stale_paths
            ],
        }


@dataclass(frozen=True, slots=True)
class FreshnessAnswer:
    """The ages of tables at a time, epoch milliseconds, with what is late or stale as findings."""

    now: int
    tables: tuple[TableAge, ...]
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()

    def to_dict(self) -> Json:
        """The answer's JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "now": iso_time(self.now),
            "tables": [table.to_dict(self.now) for table in self.tables],
            "findings": [finding.to_dict() for finding in self.findings],
            "problems": problems_json(self.problems),
        }


def freshness(
    snapshot: Snapshot, now: int, *, datasets: Iterable[DatasetId] | None = None, logs: Logs | None = None
) -> tuple[Finding, ...]:
    """What is late or stale at `now`, epoch milliseconds; `datasets`: only these tables (None: all).

    With `logs` the tables' own logs are asked for later commits that no run made; without, nothing is read but the store.
    """
    return freshness_answer(snapshot, now, datasets=datasets, logs=logs).findings


def freshness_answer(
    snapshot: Snapshot, now: int, *, datasets: Iterable[DatasetId] | None = None, logs: Logs | None = None
) -> FreshnessAnswer:
    """The same as a whole answer. What ended after `now` has not happened yet."""
    ages = _Ages(snapshot, now, {} if logs is None else _outside(snapshot, logs, now))
    wanted = ages.writes if datasets is None else [id_ for id_ in sorted(datasets) if id_ in ages.writes]
    tables = tuple(ages.table(id_) for id_ in wanted)
    found = [
        finding
        for id_, table in zip(wanted, tables, strict=True)
        for finding in _findings(snapshot, id_, table, now)
    ]
    problems = () if logs is None else log_problems(logs)
    return FreshnessAnswer(now, tables, tuple(sorted(found, key=lambda each: each.order)), problems)


def freshness_asked(
    store: ReadableStore, table: str | None = None, now: str | None = None
) -> FreshnessAnswer:
    """The ages of one table (None: all) at a time that was typed (None: the present).

    Raises `NameLookupError` for an unknown table, `SettingError` for what is no time.
    """
    snapshot = Snapshot(store)
    datasets = None if table is None else [resolve_table(table, snapshot.datasets.values()).id]
    present = time.time_ns() // 1_000_000
    at = present if now is None else parse_time(now, present, "--now")
    return freshness_answer(snapshot, at, datasets=datasets, logs=Logs())


def _outside(snapshot: Snapshot, logs: Logs, now: int) -> Mapping[DatasetId, int]:
    """Table -> its last commit that no run explains."""
    return {
        id_: commit.timestamp for id_, commit in outside_commits(snapshot, 0, logs) if commit.timestamp <= now
    }


class _Ages:
    """The writes of a store until a time, and what follows from them."""

    def __init__(self, snapshot: Snapshot, now: int, outside: Mapping[DatasetId, int]) -> None:
        self._snapshot = snapshot
        self._now = now
        self._outside = outside

    @cached_property
    def writes(self) -> Mapping[DatasetId, Sequence[Write]]:
        """Table that is still there -> its complete writes in the order of their ends; tables in their order."""
        runs = self._snapshot.runs
        is_write = pc.and_(pc.equal(runs["state"], RunState.COMPLETE.value), pc.equal(runs["kind"], "write"))
        is_write = pc.and_(is_write, pc.less_equal(runs["ended_at"], self._now))
        runs = runs.filter(pc.fill_null(is_write, False))  # noqa: FBT003 - the value that stands for null
        versions = self._versions("written")
        found: dict[DatasetId, list[Write]] = {}
        for run_id, part, fingerprint, query, namespace, name, started, ended in zip(
            *(runs[each].to_pylist() for each in _RUN_COLUMNS), strict=True
        ):
            if fingerprint is None or name is None or namespace == DRIVER_NAMESPACE:
                continue
            id_ = DatasetId(namespace, name)
            # A stream writes as long as it runs; what another application writes is one load.
            load = run_id if query else run_id.rpartition(":")[0]
            version = versions.get((run_id, part, id_))
            write = Write(
                run_id, part, fingerprint, load, ended if started is None else started, ended, version
            )
            found.setdefault(id_, []).append(write)
        return {id_: found[id_] for id_ in sorted(found) if self._snapshot.state(id_).ended_by is None}

    @cached_property
    def _versions_read(self) -> Mapping[tuple[str, int, DatasetId], int]:
        return self._versions("read")

    def _versions(self, direction: str) -> dict[tuple[str, int, DatasetId], int]:
        """The version of each dataset that a run wrote or read; several reads of one count as the oldest."""
        names = ("run_id", "part", "namespace", "name", "version")
        rows = self._snapshot.read("observations", (*names, "direction"))
        rows = rows.filter(pc.and_(pc.equal(rows["direction"], direction), pc.is_valid(rows["version"])))
        found: dict[tuple[str, int, DatasetId], int] = {}
        for run_id, part, namespace, name, version in zip(
            *(rows[each].to_pylist() for each in names), strict=True
        ):
            key = (run_id, part, DatasetId(namespace, name))
            found[key] = min(version, found.get(key, version))
        return found

    @cached_property
    def _changed_outside(self) -> Mapping[DatasetId, int]:
        """Dataset -> when what runs read of it had last been changed, as its files or its log said then."""
        names = ("namespace", "name", "modified_until", "version_at")
        rows = self._snapshot.read("observations", (*names, "direction"))
        rows = rows.filter(pc.equal(rows["direction"], "read"))
        found: dict[DatasetId, int] = {}
        for namespace, name, *moments in zip(*(rows[each].to_pylist() for each in names), strict=True):
            for moment in moments:
                if moment is not None and moment <= self._now:
                    id_ = DatasetId(namespace, name)
                    found[id_] = max(moment, found.get(id_, moment))
        return found

    def table(self, id_: DatasetId) -> TableAge:
        """The age of one table."""
        last = self.writes[id_][-1]
        paths = self._stale_paths(id_)
        waits = [each.overdue(self._now) for path in paths for each in [self._input(path[1], path[0])]]
        return TableAge(
            dataset=reference(self._snapshot, id_),
            data_at=self._data_at(id_) or last.ended_at,
            lineage_at=last.ended_at,
            run_id=last.run_id,
            rhythm=rhythm(self._loads(id_)),
            inputs=tuple(self._inputs(id_)),
            stale_paths=tuple(tuple(reference(self._snapshot, step) for step in path) for path in paths),
            overdue=False if waits and all(each is False for each in waits) else any(waits) or None,
        )

    def _data_at(self, id_: DatasetId) -> int | None:
        known = self.writes.get(id_)
        times = [known[-1].ended_at] if known else []
        times += [each[id_] for each in (self._outside, self._changed_outside) if id_ in each]
        return max(times, default=None)

    def _loads(self, id_: DatasetId) -> list[int]:
        """When the loads of a table ended: the writes of one application are one load."""
        ends: dict[str, int] = {}
        for write in self.writes[id_]:
            ends[write.load] = write.ended_at
        return sorted(ends.values())

    def _inputs(self, id_: DatasetId) -> list[InputAge]:
        return [self._input(id_, each) for each in self._read_by.get(id_, ())]

    @cached_property
    def _read_by(self) -> Mapping[DatasetId, Mapping[DatasetId, Sequence[Write]]]:
        """Table -> source -> the writes of the table whose current plans read the source, in order."""
        found: dict[DatasetId, dict[DatasetId, list[Write]]] = {}
        for id_, writes in self.writes.items():
            plans = {plan.fingerprint: plan.datasets for plan in self._snapshot.state(id_).plans}
            sources: dict[DatasetId, list[Write]] = {}
            for write in writes:
                for source in dict.fromkeys(plans.get(write.fingerprint, ())):
                    if source != id_:
                        sources.setdefault(source, []).append(write)
            found[id_] = dict(sorted(sources.items()))
        return found

    def _input(self, id_: DatasetId, source: DatasetId) -> InputAge:
        readers = self._read_by[id_][source]
        last = readers[-1]
        newer, since = self._newer(last, source)
        return InputAge(
            dataset=reference(self._snapshot, source),
            data_at=self._data_at(source),
            edge_seen_at=last.ended_at,
            newer=newer,
            since=since,
            usual_wait=usual(self._waits(readers, source)) if newer else None,
        )

    def _newer(self, reader: Write, source: DatasetId) -> tuple[bool | None, int | None]:
        """Whether a source was written after a write that read it, and when first."""
        read = self._versions_read.get((reader.run_id, reader.part, source))
        unsure = False
        for write in self.writes.get(source, ()):
            if read is not None and write.version is not None:
                if write.version > read:
                    return True, write.ended_at
            elif write.ended_at > reader.ended_at:
                return True, write.ended_at
            elif write.ended_at > reader.started_at:
                unsure = True
        outside = self._outside.get(source)
        if outside is not None and outside > reader.ended_at:
            return True, outside
        if unsure or self._data_at(source) is None:
            return None, None
        return False, None

    def _waits(self, readers: Sequence[Write], source: DatasetId) -> list[int]:
        """How long it took after each write of a source until a table that reads it was written, milliseconds."""
        if source not in self.writes:
            return []
        starts = [write.started_at for write in readers]
        waits = []
        for end in self._loads(source):
            place = bisect_right(starts, end)
            if place < len(readers):
                waits.append(readers[place].ended_at - end)
        return waits

    def _stale_paths(self, id_: DatasetId) -> list[tuple[DatasetId, ...]]:
        """For each newer input of the table or of what is upstream of it, the shortest way down to the table, the nearest first."""
        paths: list[tuple[DatasetId, ...]] = []
        ways: dict[DatasetId, tuple[DatasetId, ...]] = {id_: (id_,)}
        waiting = deque([id_])
        while waiting:
            here = waiting.popleft()
            for each in self._inputs(here) if here in self.writes else ():
                source = DatasetId(each.dataset.namespace, each.dataset.name)
                if each.newer:
                    paths.append((source, *ways[here]))
                if source not in ways:
                    ways[source] = (source, *ways[here])
                    waiting.append(source)
        return paths


def _findings(snapshot: Snapshot, id_: DatasetId, table: TableAge, now: int) -> Iterable[Finding]:
    name = label(snapshot, id_)
    age = duration_word(now - table.data_at)
    if table.late(now) and table.rhythm is not None:
        beyond = now - table.data_at
        yield Finding(
            kind="late",
            severity=Severity.WARNING,
            message=f"{name}: last written {age} ago, usual is every {duration_word(table.rhythm.gap)}.",
            dataset=id_,
            run_id=table.run_id,
            at=table.data_at + table.rhythm.limit,
            evidence=(
                ("last_write_at", iso_time(table.data_at) or ""),
                ("due_at", iso_time(table.data_at + table.rhythm.gap) or ""),
                ("intervals_compared", str(table.rhythm.gaps)),
            ),
            strength=1 - table.rhythm.limit / (2 * beyond),
        )
    if table.stale_paths:
        yield _stale(snapshot, id_, table, name)
    if table.data_at > table.lineage_at:
        yield Finding(
            kind="lineage_older_than_data",
            severity=Severity.INFO,
            message=f"{name}: changed after the last run that is known, so its lineage may have changed too.",
            dataset=id_,
            run_id=table.run_id,
            at=table.data_at,
            evidence=(
                ("data_at", iso_time(table.data_at) or ""),
                ("lineage_at", iso_time(table.lineage_at) or ""),
            ),
        )


def _stale(snapshot: Snapshot, id_: DatasetId, table: TableAge, name: str) -> Finding:
    origin = table.stale_paths[0][0]
    source = label(snapshot, DatasetId(origin.namespace, origin.name))
    more = len(table.stale_paths) - 1
    others = f" and {more} other input{'s' if more > 1 else ''}" if more else ""
    waits = "; it usually follows later" if table.overdue is False else ""
    return Finding(
        kind="stale",
        severity=Severity.INFO if table.overdue is False else Severity.WARNING,
        message=f"{name}: {source}{others} changed after it was read for it{waits}.",
        dataset=id_,
        run_id=table.run_id,
        at=table.data_at,
        evidence=tuple(
            (f"path_{number}", " -> ".join(step.name for step in path))
            for number, path in enumerate(table.stale_paths, 1)
        ),
        strength=0.5 if table.overdue is False else 0.8,
    )


def duration_word(milliseconds: int) -> str:
    """A duration in the unit that fits, for people.

    >>> duration_word(90_000), duration_word(93_600_000), duration_word(3 * 86_400_000)
    ('2 min', '26 h', '3 days')
    """
    for unit, name, least in ((86_400_000, "days", 2), (3_600_000, "h", 2), (60_000, "min", 1)):
        if milliseconds >= least * unit:
            return f"{round(milliseconds / unit)} {name}"
    return f"{milliseconds / 1000:.0f} s"


def _seconds(milliseconds: int) -> int:
    return round(milliseconds / 1000)
