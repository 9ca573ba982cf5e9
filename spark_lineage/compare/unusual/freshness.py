"""How old each table's data is: against its own rhythm, and against its inputs.

A table is *late* where its last write is longer ago than its writes usually are apart. It is *stale* where an input was written after the last
write that read it: by the version where both are known, else by the clock, and then only if the input's write ended after that
write did. A stale table is overdue when it waits longer than it usually does after such a write of its input.

What is neither late nor stale is fresh only where that is known: there is a rhythm, or nothing upstream of it is newer as far up as is known. Else
its state is unknown. A table that was dropped has no age.

The age of the data is not that of the lineage: an edge is as old as the last run in which it was seen.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow.compute as pc

from spark_lineage.analyze.writes import VIEW_OPERATIONS
from spark_lineage.compare.findings import Finding
from spark_lineage.compare.labels import label
from spark_lineage.compare.times import parse_time
from spark_lineage.compare.unusual.ages import Ages
from spark_lineage.compare.unusual.outside import log_problems
from spark_lineage.compare.unusual.table_age import DroppedTable, InputAge, TableAge
from spark_lineage.model import SCHEMA_VERSION, DatasetId, Problem, Severity
from spark_lineage.pipeline.logs.commits import Logs
from spark_lineage.query.answers import Json, iso_time, problems_json
from spark_lineage.query.names import resolve_table
from spark_lineage.query.snapshot import ReadableStore, Snapshot, sorted_problems

__all__ = ["FreshnessAnswer", "InputAge", "TableAge", "freshness", "freshness_answer", "freshness_asked"]

_CLOCKS_DIFFER = 60_000
"""Milliseconds by which the clocks of two machines may differ without a word."""


@dataclass(frozen=True, slots=True)
class FreshnessAnswer:
    """The ages of tables at a time, epoch milliseconds, with what is late or stale as findings; `dropped` are no longer there."""

    now: int
    tables: tuple[TableAge, ...]
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()
    dropped: tuple[DroppedTable, ...] = ()

    def to_dict(self) -> Json:
        """The answer's JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "now": iso_time(self.now),
            "tables": [table.to_dict(self.now) for table in self.tables],
            "dropped": [table.to_dict() for table in self.dropped],
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
    ages = Ages(snapshot, now, logs)
    wanted = None if datasets is None else sorted(datasets)
    there = [id_ for id_ in (ages.writes if wanted is None else wanted) if id_ in ages.writes]
    tables = tuple(ages.table(id_) for id_ in there)
    found = [
        finding
        for id_, table in zip(there, tables, strict=True)
        for finding in _findings(snapshot, id_, table, now)
    ]
    return FreshnessAnswer(
        now,
        tables,
        tuple(sorted(found, key=lambda each: each.order)),
        (*(() if logs is None else log_problems(logs)), *_not_followed(snapshot, there)),
        tuple(table for id_, table in ages.dropped.items() if wanted is None or id_ in wanted),
    )


def freshness_asked(
    store: ReadableStore, table: str | None = None, now: str | None = None
) -> FreshnessAnswer:
    """The ages of one table (None: all) at a time that was typed (None: the present).

    Raises `NameLookupError` for an unknown table, `SettingError` for what is no time.
    """
    snapshot = Snapshot(store)
    datasets = (
        None if table is None else _with_data(snapshot, resolve_table(table, snapshot.datasets.values()).id)
    )
    present = time.time_ns() // 1_000_000
    at = present if now is None else parse_time(now, present, "--now")
    answer = freshness_answer(snapshot, at, datasets=datasets, logs=Logs())
    return answer if now is not None else replace(answer, problems=(*answer.problems, *_ahead(snapshot, at)))


def _ahead(snapshot: Snapshot, now: int) -> Iterator[Problem]:
    """That some runs ended later than now: a clock is wrong, theirs or the one here."""
    ends = snapshot.runs["ended_at"]
    runs = snapshot.runs.filter(pc.fill_null(pc.greater(ends, now + _CLOCKS_DIFFER), fill_value=False))
    count = len({*runs["run_id"].to_pylist()})
    if count:
        last = iso_time(pc.max(runs["ended_at"]).as_py()) or "no time that can be shown"
        said = f"{count:,} runs ended" if count > 1 else "1 run ended"
        yield Problem(
            "clock_ahead",
            Severity.WARNING,
            f"{said} later than now, the last at {last}: a clock is wrong, and what {'they' if count > 1 else 'it'} wrote is not counted.",
            hint="set the clocks of the drivers and of this machine",
        )


def _not_followed(snapshot: Snapshot, tables: Collection[DatasetId]) -> tuple[Problem, ...]:
    """The commands that moved or changed some tables in a way that their ages do not show, such as a RENAME."""
    known = frozenset(tables)
    return sorted_problems(
        each for each in snapshot.problems if each.code == "command_not_followed" and each.dataset in known
    )


def _with_data(snapshot: Snapshot, id_: DatasetId) -> tuple[DatasetId, ...]:
    """The table itself; of a view, the tables that it is made of."""
    plans = [row for _, target, row in snapshot.complete_plans if target == id_]
    is_view = bool(plans) and all(row["operation"] in VIEW_OPERATIONS for row in plans)
    current = snapshot.state(id_).plans if is_view else ()
    return tuple(source for plan in current for source in plan.datasets) or (id_,)


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
