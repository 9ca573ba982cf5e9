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
    """The runs of one table: those by id, the last start of one that replaced all its rows, and the last write of each job."""

    runs: dict[str, Row] = field(default_factory=dict)
    replaced_at: int = -1
    written: dict[str, Row] = field(default_factory=dict)


def as_it_is_now(
    problems: Iterable[Problem],
    runs: pa.Table,
    replacing: Collection[str],
    datasets: Mapping[DatasetId, Dataset],
) -> Iterator[Problem]:
    """The problems, those of writes without an end as they stand after all `runs`: they name the table, the job, the run and its time.

    Such a problem is left out where the write's end is known by now, or where a run that began later replaced all that was in the table
    (its plan is one of `replacing`). Where a later run of the same job wrote the table without replacing it, the problem is a notice: what
    was killed may have been written all the same, and its rows be there twice. Another job's rows mend nothing: the problem stays.
    """
    problems = tuple(problems)
    tables = _tables(problems, runs, replacing)
    for problem in problems:
        id_ = problem.dataset
        table = tables.get(id_) if problem.code == WITHOUT_END and id_ is not None else None
        killed = table.runs.get(problem.run_id or "") if table is not None else None
        if id_ is None or table is None or killed is None:
            yield problem
            continue
        began = killed["started_at"]
        if killed["state"] != RunState.UNKNOWN.value or (began is not None and table.replaced_at > began):
            continue
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
        table.runs[run["run_id"]] = run
        if run["state"] != RunState.COMPLETE.value or run["started_at"] is None:
            continue
        if run["fingerprint"] in replacing:
            table.replaced_at = max(table.replaced_at, run["started_at"])
        known = table.written.get(run["job"])
        if run["kind"] == "write" and (known is None or run["started_at"] > known["started_at"]):
            table.written[run["job"]] = run
    return tables
