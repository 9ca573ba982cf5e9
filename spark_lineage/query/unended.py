"""What became of a write without an end: its problem is open until a later run of its table has ended well.

The problem is stored when the killed write is ingested. What the runs after it did is known only later, so an answer looks at them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import Dataset, DatasetId, Problem, RunState, Severity, told_time
from spark_lineage.query.names import short_alias, short_id
from spark_lineage.store.schema import Row

__all__ = ["WITHOUT_END", "as_it_is_now"]

WITHOUT_END = "run_without_end"
"""The code of the problem that nobody knows how a write ended."""

_COLUMNS = (
    "run_id", "kind", "state", "job", "operation", "fingerprint", "started_at", "target_namespace", "target_name",
)  # fmt: skip


@dataclass(slots=True)
class _Table:
    """The runs of one table: those without an end, the last starts of such as replaced all its rows, the last write of each job."""

    without_end: dict[str, Row] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    replaced_at: int = -1
    replaced_by: dict[str, int] = field(default_factory=dict)
    written: dict[str, Row] = field(default_factory=dict)

    def is_replaced(self, killed: Row, alive_at: int) -> bool:
        """Whether all rows were replaced since: by a later run of its own application, or of another one after the last of its own."""
        began, own = killed["started_at"], self.replaced_by.get(_bridge(killed["run_id"]), -1)
        return began is not None and (own > began or self.replaced_at > max(began, alive_at))


def as_it_is_now(
    problems: Iterable[Problem],
    runs: pa.Table,
    replacing: Collection[str],
    datasets: Mapping[DatasetId, Dataset],
) -> Iterator[Problem]:
    """The problems, those of writes without an end as they stand after all `runs`: they name the table, the job, the run and its time.

    Such a problem is left out where the write's end is known by now, or where a run that began later replaced all that was in the table
    (its plan is one of `replacing`); one of another application counts where none of the runs of the killed one is as late, since a write
    that went on beside it may have come after it. Where a later run of the same job wrote the table without replacing it, the problem is a
    notice: what was killed may have been written all the same, and its rows be there twice. Another job's rows mend nothing: the problem
    stays.
    """
    problems = tuple(problems)
    tables = _tables(problems, runs, replacing)
    alive_at = _last_known(runs)
    for problem in problems:
        id_ = problem.dataset
        table = tables.get(id_) if problem.code == WITHOUT_END and id_ is not None else None
        killed = table.without_end.get(problem.run_id or "") if table is not None else None
        if id_ is None or table is None or killed is None:
            if table is None or problem.run_id not in table.ended:
                yield problem
            continue
        if table.is_replaced(killed, alive_at.get(_bridge(killed["run_id"]), -1)):
            continue
        began = killed["started_at"]
        again = table.written.get(killed["job"])
        named = short_alias(datasets[id_].aliases if id_ in datasets else (), id_.name)
        if again is not None and began is not None and again["started_at"] > began:
            yield _notice(problem, killed, again, named)
        else:
            yield _open(problem, killed, named)


def _open(problem: Problem, killed: Row, table: str) -> Problem:
    message = f"{_began(killed, table)}: its application was killed, or the record of it was lost"
    hint = f"look whether {table} has what it should have, and run {killed['job']} again where it has not"
    return replace(problem, message=message, hint=hint)


def _notice(problem: Problem, killed: Row, again: Row, table: str) -> Problem:
    message = f"{_began(killed, table)}; {killed['job']} wrote it again at {told_time(again['started_at'])} (run {short_id(again['run_id'])})"
    hint = f"look whether {table} has rows twice: what was killed may have been written all the same"
    return replace(problem, severity=Severity.INFO, message=message, hint=hint)


def _began(killed: Row, table: str) -> str:
    began = told_time(killed["started_at"])
    run = f"run {short_id(killed['run_id'])}"
    return f"{killed['operation']} into {table} by {killed['job']} ({run}) began at {began} and its end is not known"


def _tables(
    problems: Iterable[Problem], runs: pa.Table, replacing: Collection[str]
) -> Mapping[DatasetId, _Table]:
    tables = {each.dataset: _Table() for each in problems if each.code == WITHOUT_END and each.dataset}
    names = pa.array(sorted({id_.name for id_ in tables}), pa.string())
    for run in runs.filter(pc.is_in(runs["target_name"], names)).select(_COLUMNS).to_pylist():
        table = tables.get(DatasetId(run["target_namespace"], run["target_name"]))
        if table is None:
            continue
        # One part of a run may have an end, and another not.
        if run["state"] == RunState.UNKNOWN.value:
            table.without_end[run["run_id"]] = run
        else:
            table.ended.add(run["run_id"])
        if run["state"] != RunState.COMPLETE.value or run["started_at"] is None:
            continue
        if run["fingerprint"] in replacing:
            table.replaced_at = max(table.replaced_at, run["started_at"])
            own = table.replaced_by.get(_bridge(run["run_id"]), -1)
            table.replaced_by[_bridge(run["run_id"])] = max(own, run["started_at"])
        known = table.written.get(run["job"])
        if run["kind"] == "write" and (known is None or run["started_at"] > known["started_at"]):
            table.written[run["job"]] = run
    return tables


def _last_known(runs: pa.Table) -> Mapping[str, int]:
    """Bridge -> the last time that a run of its application has, epoch milliseconds."""
    times = pa.table(
        {
            "bridge": pc.list_element(pc.split_pattern(runs["run_id"], ":", max_splits=1), 0),
            "time": pc.coalesce(runs["ended_at"], runs["started_at"], pa.scalar(-1, pa.int64())),
        }
    )
    last = times.group_by("bridge").aggregate([("time", "max")])
    return dict(zip(last["bridge"].to_pylist(), last["time_max"].to_pylist(), strict=True))


def _bridge(run_id: str) -> str:
    return run_id.partition(":")[0]
