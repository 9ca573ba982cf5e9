"""Data that a commit added to a Delta table and that are unlike those of the commits before it: NULLs and ranges, by the table's own log.

A commit is compared with up to `HISTORY` commits before it of the same operation and mode, `LEAST_HISTORY` at least.

- *The share of NULLs* is a finding where it lies outside of all shares before, by 0.01 or more, and is no chance: more than `NULL_SIGMAS`
  standard deviations of a binomial count of its rows off the share of all rows before.
- *A value* is one where the smallest or largest lies outside of the range of all values before by more than `RANGES` times that range, or where
  numbers that never were below 0 are. A column that had one value alone has no range. So a column that grows, such
  as an id or a date, is none: it grows by a part of its range. Texts are not compared, their bounds are cut.

Counts of distinct values are not in Delta's statistics, so they are not compared.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from spark_lineage.compare.findings import Finding
from spark_lineage.compare.labels import label
from spark_lineage.compare.unusual.outside import CHANGES_NO_ROWS, versions
from spark_lineage.model import DatasetId, Severity
from spark_lineage.pipeline.logs.added_rows import AddedColumn, AddedRows
from spark_lineage.pipeline.logs.commits import Commit, Logs, Sought
from spark_lineage.pipeline.logs.log_files import location_of
from spark_lineage.query.snapshot import Snapshot

__all__ = ["added_data"]

HISTORY = 20
"""With how many commits one is compared at the most."""

LEAST_HISTORY = 5
"""And with how many at least: of fewer nobody can say what is usual."""

COMMITS_LIMIT = 200
"""Commits of one table that are compared: the newest."""

LOOK_BACK = 60
"""Commits before them that are looked at, for those of the same operation and mode."""

RANGES = 3.0
NULL_SIGMAS = 4.0
NULL_SHARE_STEP = 0.01


@dataclass(frozen=True, slots=True)
class _Added:
    commit: Commit
    added: AddedRows


def added_data(
    snapshot: Snapshot, since: int, logs: Logs, datasets: Collection[DatasetId] | None = None
) -> Iterator[Finding]:
    """What is unlike before in the commits since a time (epoch milliseconds) of the Delta tables that runs wrote; `datasets`: only these.

    Reads at most `COMMITS_LIMIT` + `LOOK_BACK` entries of a log. `logs` has what could not be read.
    """
    runs = _runs_by_version(snapshot)
    for id_, state in snapshot.states.items():
        dataset = snapshot.datasets[id_]
        is_wanted = datasets is None or id_ in datasets
        if dataset.format == "delta" and state.plans and state.ended_by is None and is_wanted:
            yield from _of_table(snapshot, id_, since, logs, runs)


def _of_table(
    snapshot: Snapshot,
    id_: DatasetId,
    since: int,
    logs: Logs,
    runs: Mapping[tuple[DatasetId, int], tuple[str, str]],
) -> Iterator[Finding]:
    location = location_of(id_)
    commits = [
        each
        for each in logs.between(location, Sought(None, since, None))
        if each.operation not in CHANGES_NO_ROWS
    ]
    if not commits:
        return
    earlier: dict[tuple[str | None, str | None], list[_Added]] = {}
    wanted = {each.version for each in commits[-COMMITS_LIMIT:]}
    for version in range(max(0, min(wanted) - LOOK_BACK), max(wanted) + 1):
        commit = logs.commit(location, version)
        added = None if commit is None else logs.added(location, version)
        if commit is None or added is None or commit.operation in CHANGES_NO_ROWS:
            continue
        same = earlier.setdefault((commit.operation, commit.mode), [])
        if version in wanted and len(same) >= LEAST_HISTORY:
            job, run_id = runs.get((id_, version), (None, None))
            name = label(snapshot, id_)
            yield from _compared(id_, name, _Added(commit, added), same[-HISTORY:], job, run_id)
        same.append(_Added(commit, added))


def _compared(
    id_: DatasetId, table: str, new: _Added, before: Sequence[_Added], job: str | None, run_id: str | None
) -> Iterator[Finding]:
    """What is unlike in one commit; of a column, those before that have it."""
    for name, column in new.added.columns.items():
        known = [(each.added.rows, each.added.columns[name]) for each in before if name in each.added.columns]
        if len(known) < LEAST_HISTORY:
            continue
        for kind, said, facts, strength in (
            *_nulls(column, new.added.rows, known),
            *_range(column, [each for _, each in known]),
        ):
            evidence = (
                ("version", str(new.commit.version)),
                ("commits_compared", str(len(known))),
                *facts,
            )
            yield Finding(
                kind, Severity.WARNING, f"{table}.{name}: version {new.commit.version} {said}",
                id_, name, job, run_id, new.commit.timestamp, evidence, strength,
            )  # fmt: skip


_Told = tuple[str, str, tuple[tuple[str, str], ...], float]


def _nulls(new: AddedColumn, rows: int, before: Sequence[tuple[int, AddedColumn]]) -> Iterator[_Told]:
    counted = [(count, each.nulls) for count, each in before if each.nulls is not None]
    if new.nulls is None or len(counted) < LEAST_HISTORY:
        return
    shares = [nulls / count for count, nulls in counted]
    share, low, high = new.nulls / rows, min(shares), max(shares)
    off = max(low - share, share - high)
    # Laplace's rule: a share of 0 of few rows is none for sure.
    usual = (sum(nulls for _, nulls in counted) + 1) / (sum(count for count, _ in counted) + 2)
    sigma = math.sqrt(usual * (1 - usual) / rows)
    if off < NULL_SHARE_STEP or abs(share - usual) <= NULL_SIGMAS * sigma:
        return
    said = f"added {share:.1%} NULLs, usual is {_span(f'{low:.1%}', f'{high:.1%}')}."
    facts = (("value", f"{share:.4f}"), ("usual", _span(f"{low:.4f}", f"{high:.4f}")), ("rows", str(rows)))
    yield "null_share_changed", said, facts, min(1.0, max(0.5, off))


def _range(new: AddedColumn, before: Sequence[AddedColumn]) -> Iterator[_Told]:
    known = [
        (each.minimum, each.maximum)
        for each in before
        if each.minimum is not None and each.maximum is not None and each.is_time == new.is_time
    ]
    if len(known) < LEAST_HISTORY:
        return
    low, high = min(each for each, _ in known), max(each for _, each in known)
    reach = RANGES * (high - low)
    usual = _span(_text(low, is_time=new.is_time), _text(high, is_time=new.is_time))
    for which, value, off in (
        ("smallest", new.minimum, low - (new.minimum if new.minimum is not None else low)),
        ("largest", new.maximum, (new.maximum if new.maximum is not None else high) - high),
    ):
        is_below_zero = which == "smallest" and not new.is_time and value is not None and value < 0 <= low
        if value is None or not (is_below_zero or (high > low and off > reach)):
            continue
        text = _text(value, is_time=new.is_time)
        facts = (("value", text), ("usual", usual), ("which", which))
        yield "values_out_of_range", f"added {text} as its {which} value, usual is {usual}.", facts, 1.0


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _text(value: float, *, is_time: bool) -> str:
    if not is_time:
        return f"{value:,}"
    moment = datetime.fromtimestamp(value, timezone.utc)
    return moment.strftime("%Y-%m-%d" if value % 86_400 == 0 else "%Y-%m-%d %H:%M:%S UTC")


def _runs_by_version(snapshot: Snapshot) -> Mapping[tuple[DatasetId, int], tuple[str, str]]:
    """The job and id of the run that made each version, where that is known."""
    jobs = dict(zip(snapshot.runs["run_id"].to_pylist(), snapshot.runs["job"].to_pylist(), strict=True))
    return {
        (id_, version): (jobs.get(run_id, ""), run_id)
        for (run_id, _, id_), version in versions(snapshot, "written").items()
    }
