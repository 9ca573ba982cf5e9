"""The writes of a store until a time, and how old each table is by them."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

import pyarrow.compute as pc

from spark_lineage.analyze.endings import DROP
from spark_lineage.analyze.writes import VIEW_OPERATIONS
from spark_lineage.compare.labels import reference
from spark_lineage.compare.unusual.loads import Write, load_ends
from spark_lineage.compare.unusual.loops import Loop, loops
from spark_lineage.compare.unusual.outside import CHANGES_NO_ROWS, outside_commits, versions
from spark_lineage.compare.unusual.rhythm import rhythm, usual
from spark_lineage.compare.unusual.table_age import DroppedTable, InputAge, TableAge
from spark_lineage.model import DRIVER_NAMESPACE, DatasetId, RunState
from spark_lineage.pipeline.logs.commits import Logs, Sought
from spark_lineage.pipeline.logs.log_files import location_of
from spark_lineage.query.snapshot import Snapshot

__all__ = ["Ages"]

_RUN_COLUMNS = (
    "run_id", "part", "fingerprint", "target_namespace", "target_name", "started_at", "ended_at", "operation",
)  # fmt: skip


class Ages:
    """The writes of a store until `now`, epoch milliseconds, and what follows from them.

    With `logs` the tables' own logs are asked for commits that no run made; without, nothing is read but the store.
    """

    def __init__(self, snapshot: Snapshot, now: int, logs: Logs | None = None) -> None:
        self._snapshot = snapshot
        self._now = now
        self._logs = logs
        self._newer_known: dict[tuple[DatasetId, DatasetId], tuple[bool | None, int | None]] = {}

    @cached_property
    def writes(self) -> Mapping[DatasetId, Sequence[Write]]:
        """Table that is still there -> its complete writes in the order of their ends; tables in their order."""
        return {id_: writes for id_, writes in self._all_writes.items() if id_ not in self.dropped}

    @cached_property
    def _all_writes(self) -> Mapping[DatasetId, Sequence[Write]]:
        """The same of tables that were dropped too: what was made of one has what it had."""
        runs = self._snapshot.runs
        is_write = pc.and_(pc.equal(runs["state"], RunState.COMPLETE.value), pc.equal(runs["kind"], "write"))
        is_write = pc.and_(is_write, pc.less_equal(runs["ended_at"], self._now))
        runs = runs.filter(pc.fill_null(is_write, False))  # noqa: FBT003 - the value that stands for null
        made = versions(self._snapshot, "written")
        found: dict[DatasetId, list[Write]] = {}
        for run_id, part, fingerprint, namespace, name, started, ended, operation in zip(
            *(runs[each].to_pylist() for each in _RUN_COLUMNS), strict=True
        ):
            # A view has no data of its own: it is as old as what it is made of.
            if name is None or namespace == DRIVER_NAMESPACE or operation in VIEW_OPERATIONS:
                continue
            id_ = DatasetId(namespace, name)
            version = made.get((run_id, part, id_))
            begin = ended if started is None else min(started, ended)
            found.setdefault(id_, []).append(Write(run_id, part, fingerprint, begin, ended, version))
        return dict(sorted(found.items()))

    @cached_property
    def dropped(self) -> Mapping[DatasetId, DroppedTable]:
        """The tables that are no longer there, in their order."""
        return {
            id_: DroppedTable(reference(self._snapshot, id_), at, run_id)
            for id_, (operation, at, run_id) in self._ended.items()
            if operation == DROP
        }

    @cached_property
    def _ended(self) -> Mapping[DatasetId, tuple[str, int, str]]:
        """Table -> what took its rows away after its last write (an operation), when, and which run."""
        runs = self._snapshot.runs
        found = {}
        for id_, state in self._snapshot.states.items():
            if state.ended_by is None:
                continue
            run = {each: runs[each][state.ended_run].as_py() for each in ("run_id", "started_at", "ended_at")}
            at = run["started_at"] if run["ended_at"] is None else run["ended_at"]
            if at is not None and at <= self._now:
                found[id_] = (state.ended_by, at, run["run_id"])
        return found

    @cached_property
    def _versions_read(self) -> Mapping[tuple[str, int, DatasetId], int]:
        return versions(self._snapshot, "read")

    @cached_property
    def _outside(self) -> Mapping[DatasetId, int]:
        """Table -> its last commit that no run explains."""
        if self._logs is None:
            return {}
        found = outside_commits(self._snapshot, 0, self._logs)
        return {id_: commit.timestamp for id_, commit in found if commit.timestamp <= self._now}

    @cached_property
    def _seen_changed(self) -> Mapping[DatasetId, int]:
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
        last = self._all_writes[id_][-1]
        paths, is_known = self._stale_paths(id_)
        waits = [self._input(path[1], path[0]).overdue(self._now) for path in paths]
        return TableAge(
            dataset=reference(self._snapshot, id_),
            data_at=self._data_at(id_) or last.ended_at,
            lineage_at=last.ended_at,
            run_id=last.run_id,
            rhythm=rhythm(self._loads(id_)),
            inputs=tuple(self._input(id_, source, (id_,)) for source in self._read_by[id_]),
            stale_paths=tuple(tuple(reference(self._snapshot, step) for step in path) for path in paths),
            overdue=False if waits and all(each is False for each in waits) else any(waits) or None,
            up_to_date=False if paths else True if is_known else None,
            emptied_at=self._ended[id_][1] if id_ in self._ended else None,
        )

    def _data_at(self, id_: DatasetId) -> int | None:
        known = self._all_writes.get(id_) or self._logged.get(id_)
        times = [known[-1].ended_at] if known else []
        times += [each[id_] for each in (self._outside, self._seen_changed) if id_ in each]
        return max(times, default=None)

    def _loads(self, id_: DatasetId) -> list[int]:
        return load_ends(self._all_writes[id_])

    @cached_property
    def _read_by(self) -> Mapping[DatasetId, Mapping[DatasetId, Sequence[Write]]]:
        """Table -> source -> the writes of the table whose current plans read the source, in order."""
        found: dict[DatasetId, dict[DatasetId, list[Write]]] = {}
        for id_, writes in self._all_writes.items():
            plans = {plan.fingerprint: plan.datasets for plan in self._snapshot.state(id_).plans}
            sources: dict[DatasetId, list[Write]] = {}
            for write in writes:
                for source in dict.fromkeys(plans.get(write.fingerprint or "", ())):
                    if source != id_:
                        sources.setdefault(source, []).append(write)
            found[id_] = dict(sorted(sources.items()))
        return found

    @cached_property
    def _loops(self) -> Mapping[DatasetId, Loop]:
        """The tables that are made of each other."""
        found = loops(self._read_by)
        sources = {
            row["fingerprint"]: [DatasetId(each["namespace"], each["name"]) for each in row["datasets"]]
            for _, _, row in (self._snapshot.complete_plans if found else ())
        }
        for loop in {id(each): each for each in found.values()}.values():
            loop.learn(self._all_writes, sources, self._versions_read)
        return found

    @cached_property
    def _logged(self) -> Mapping[DatasetId, Sequence[Write]]:
        """Delta table that runs only read -> the version that was read and all later ones, as its own log has them."""
        found: dict[DatasetId, Sequence[Write]] = {}
        read: dict[DatasetId, int | None] = {}
        for sources in self._read_by.values() if self._logs is not None else ():
            for source, readers in sources.items():
                if source not in self._all_writes and self._is_delta(source):
                    met = [self._version_read(readers[-1], source), read.get(source)]
                    read[source] = min((each for each in met if each is not None), default=None)
        for source, version in sorted(read.items()):
            commits = None if version is None else self._commits(source, version)
            if commits is not None:
                found[source] = commits
        return found

    def _commits(self, source: DatasetId, version: int) -> Sequence[Write] | None:
        """The commits from a version on that changed rows; None where the log does not tell them all."""
        location = location_of(source)
        first = None if self._logs is None else self._logs.commit(location, version)
        if self._logs is None or first is None:
            return None
        found = self._logs.between(location, Sought(None, first.timestamp, None))
        if location in self._logs.unreadable or location in self._logs.forgotten:
            return None
        return [
            Write("", 0, None, commit.timestamp, commit.timestamp, commit.version)
            for commit in found
            if commit.timestamp <= self._now
            and (commit.version == version or commit.operation not in CHANGES_NO_ROWS)
        ]

    def _is_delta(self, id_: DatasetId) -> bool:
        dataset = self._snapshot.datasets.get(id_)
        return dataset is not None and dataset.format == "delta"

    def _version_read(self, reader: Write, source: DatasetId) -> int | None:
        return self._versions_read.get((reader.run_id, reader.part, source))

    def _input(self, id_: DatasetId, source: DatasetId, own: Collection[DatasetId] = ()) -> InputAge:
        readers = self._read_by[id_][source]
        newer, since = self._newer(id_, source, own)
        return InputAge(
            dataset=reference(self._snapshot, source),
            data_at=self._data_at(source),
            edge_seen_at=readers[-1].ended_at,
            newer=newer,
            since=since,
            usual_wait=usual(self._waits(readers, source)) if newer else None,
        )

    def _newer(
        self, id_: DatasetId, source: DatasetId, own: Collection[DatasetId] = ()
    ) -> tuple[bool | None, int | None]:
        """Whether a source was written after the last write of a table that read it, and when first.

        Where they are made of each other, what came from the table itself or from one of `own` does not count.
        """
        loop = self._loops.get(id_)
        if loop is not None and source in loop.members:
            return self._newer_of(id_, source, loop, {id_, *own})
        if (id_, source) not in self._newer_known:
            self._newer_known[id_, source] = self._newer_of(id_, source, None, ())
        return self._newer_known[id_, source]

    def _newer_of(
        self, id_: DatasetId, source: DatasetId, loop: Loop | None, own: Collection[DatasetId]
    ) -> tuple[bool | None, int | None]:
        reader = self._read_by[id_][source][-1]
        read = self._version_read(reader, source)
        known = self._all_writes.get(source) or self._logged.get(source, ())
        unsure = False
        for write in known:
            by_version = read is not None and write.version is not None
            is_later = (write.version or 0) > (read or 0) if by_version else write.ended_at > reader.ended_at
            if not is_later and (by_version or write.ended_at <= reader.started_at):
                continue
            if loop is not None and not loop.brings(source, write, id_, reader, own):
                continue
            if is_later:
                return True, write.ended_at
            unsure = True
        others = list(self._other_changes(source))
        later = [each for each in others if each > reader.ended_at]
        if later:
            return True, min(later)
        unsure = unsure or any(each > reader.started_at for each in others)
        return (None, None) if unsure or not known else (False, None)

    def _other_changes(self, source: DatasetId) -> Iterator[int]:
        """When a source was changed by what is no known write of rows."""
        if source in self._outside:
            yield self._outside[source]
        if source in self._ended and source not in self.dropped:
            yield self._ended[source][1]
        if source not in self._all_writes and source not in self._logged and source in self._seen_changed:
            yield self._seen_changed[source]

    def _waits(self, readers: Sequence[Write], source: DatasetId) -> list[int]:
        """How long each write of a table took after the first load of a source that it waited for, milliseconds.

        That is what `since` of a newer input is: loads that one write followed count once, and say nothing of what is usual.
        """
        if source not in self._all_writes:
            return []
        starts = [write.started_at for write in readers]
        first: dict[int, int] = {}
        for end in self._loads(source):
            first.setdefault(bisect_right(starts, end), end)
        return [readers[place].ended_at - end for place, end in first.items() if place < len(readers)]

    def _stale_paths(self, id_: DatasetId) -> tuple[list[tuple[DatasetId, ...]], bool]:
        """For each newer input of the table or of what is upstream of it, the shortest way down to the table, the nearest first.

        And whether all of these inputs are known to be newer or not, and there is one.
        """
        paths: list[tuple[DatasetId, ...]] = []
        is_known = bool(self._read_by[id_])
        ways: dict[DatasetId, tuple[DatasetId, ...]] = {id_: (id_,)}
        waiting = deque([id_])
        while waiting:
            here = waiting.popleft()
            is_known = is_known and not self._snapshot.state(here).lost
            for source in self._read_by.get(here, ()):
                if source in ways[here]:
                    continue  # around a loop, what comes back to a table is its own
                newer, _ = self._newer(here, source, (id_,))
                is_known = is_known and newer is not None
                if newer:
                    paths.append((source, *ways[here]))
                if source not in ways:
                    ways[source] = (source, *ways[here])
                    waiting.append(source)
        return paths, is_known
