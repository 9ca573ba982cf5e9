"""A run beside its design: whether each source of the plan was really read, and whether the run read anything else.

    compare(store, "report")          # the last run that wrote the table
    compare(store, "8c0e1a2b:7")      # one run

A source is *confirmed* where rows of it were read, *pruned* where no file was left after pruning, *empty* where it was read and had no row,
and *never executed* where its scan is part of the executed plan, or no scan of it is, and no job ran it. All else is *unknown*, and
the answer says why: what was not measured confirms nothing. Adaptive execution takes operators out of the plan that have run already (an
empty input of an anti join): a stage that ran and that no operator of the final plan names leaves it open what it read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spark_lineage.compare.drift.sentences import short_name
from spark_lineage.compare.findings import Finding
from spark_lineage.model import (
    SCHEMA_VERSION,
    DatasetId,
    Edge,
    Observation,
    OperatorMetrics,
    Plan,
    Run,
    RunState,
    Severity,
    Stage,
    Subtype,
)
from spark_lineage.query.answers import DatasetReference, Json, iso_time, total
from spark_lineage.query.one_run import find_run
from spark_lineage.query.snapshot import ReadableStore, Snapshot
from spark_lineage.store.schema import from_rows

__all__ = ["DesignAnswer", "Source", "SourceColumn", "Write", "compare", "compare_write"]

CONFIRMED, PRUNED, EMPTY, NEVER, UNKNOWN = "confirmed", "pruned", "empty", "never_executed", "unknown"
"""What became of a designed source."""

_OF_A_LOG = (
    frozenset({"path", "partitionValues", "size", "modificationTime", "dataChange"}),
    frozenset({"add", "remove", "metaData", "protocol"}),
)
"""The columns of what Delta reads of its own log, its actions (PROTOCOL.md) and those of them that add files: no dataset is behind them."""

_WITH_PLAN = frozenset({"write", "usage"})
"""The kinds of runs that have a plan, once they are complete."""

NOT_READ = "not_read"
"""Said of a column: its dataset was read without it."""

NOT_DESIGNED = "not_designed"
"""What the run read and its plan does not have."""


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of a designed source, and what became of it."""

    name: str
    status: str

    def to_dict(self) -> Json:
        """The column's JSON."""
        return {"name": self.name, "status": self.status}


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset that the plan or the run has; `reason` says in words on what the status rests."""

    dataset: DatasetReference
    status: str
    reason: str
    rows: int | None
    files: int | None
    partitions_read: int | None
    columns: tuple[SourceColumn, ...]

    def to_dict(self) -> Json:
        """The source's JSON."""
        return {
            **self.dataset.to_dict(),
            "status": self.status,
            "reason": self.reason,
            "rows": self.rows,
            "files": self.files,
            "partitions_read": self.partitions_read,
            "columns": [column.to_dict() for column in self.columns],
        }


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a run (a multi-table INSERT has several), or a usage, with its sources by namespace and name.

    Where the store does not have the plan, `sources` are what the run read.
    """

    run: Run
    target: DatasetReference | None
    sources: tuple[Source, ...]
    plan_is_known: bool = True

    def to_dict(self) -> Json:
        """The write's JSON."""
        return {
            "part": self.run.part,
            "job": self.run.job,
            "operation": self.run.operation,
            "target": self.target and self.target.to_dict(),
            "state": self.run.state.value,
            "plan": self.run.fingerprint,
            "plan_known": self.plan_is_known,
            "started_at": iso_time(self.run.started_at),
            "sources": [source.to_dict() for source in self.sources],
        }


@dataclass(frozen=True, slots=True)
class DesignAnswer:
    """One run beside its design."""

    run_id: str
    writes: tuple[Write, ...]
    findings: tuple[Finding, ...]

    def to_dict(self) -> Json:
        """The JSON of the comparison."""
        return {
            "schema_version": SCHEMA_VERSION,
            "run": self.run_id,
            "writes": [write.to_dict() for write in self.writes],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def compare(store: ReadableStore, text: str) -> DesignAnswer:
    """A run, or the last run that wrote a table, beside its design. Raises `NameLookupError` for what is neither."""
    snapshot = Snapshot(store)
    run_id = find_run(text, snapshot)
    runs: list[Run] = sorted(_rows(store, "runs", run_id), key=lambda run: run.part)
    wanted = {run.fingerprint for run in runs if run.fingerprint}
    plans = {
        plan.fingerprint: plan
        for plan in from_rows("plans", store.read("plans").to_pylist())
        if plan.fingerprint in wanted
    }
    edges: list[Edge] = [
        edge for edge in from_rows("edges", store.read("edges").to_pylist()) if edge.fingerprint in wanted
    ]
    observed: list[Observation] = _rows(store, "observations", run_id)
    operators: list[OperatorMetrics] = _rows(store, "operators", run_id)
    stages: list[Stage] = _rows(store, "stages", run_id)

    def reference(id_: DatasetId) -> DatasetReference:
        known = snapshot.datasets.get(id_)
        return DatasetReference(id_.namespace, id_.name, () if known is None else known.aliases)

    cut = {problem.fingerprint for problem in snapshot.problems if problem.code == "plan_truncated"}
    writes = tuple(
        compare_write(
            run,
            plans.get(run.fingerprint or ""),
            [edge for edge in edges if edge.fingerprint == run.fingerprint],
            [each for each in observed if each.part == run.part and each.direction == "read"],
            operators,
            reference,
            stages=stages,
            is_whole=run.fingerprint not in cut,
        )
        for run in runs
        if run.kind != "application"
    )
    findings = sorted((each for write in writes for each in _findings(write)), key=lambda each: each.order)
    return DesignAnswer(run_id, writes, tuple(findings))


def compare_write(
    run: Run,
    plan: Plan | None,
    edges: Sequence[Edge],
    reads: Sequence[Observation],
    operators: Sequence[OperatorMetrics],
    reference: Callable[[DatasetId], DatasetReference],
    *,
    stages: Sequence[Stage] = (),
    is_whole: bool = True,
) -> Write:
    """One write: its plan with the edges, and what was observed: its reads, and all operators and stages of the run.

    `is_whole` is false where the bridge cut the plan, so that operators may be missing.
    """
    by_dataset: dict[DatasetId, list[Observation]] = {}
    for each in reads:
        by_dataset.setdefault(DatasetId(each.namespace, each.name), []).append(each)
    facts = _Facts(
        run, {each.operator: each for each in operators}, by_dataset, _unnamed(stages, operators), is_whole
    )
    designed = dict.fromkeys(plan.datasets if plan else ())
    sources = [_source(facts, id_, edges, reference(id_)) for id_ in designed]
    for id_, observations in by_dataset.items():
        if id_ not in designed and _is_measured(observations):
            status = NOT_DESIGNED if plan is not None and is_whole else UNKNOWN
            found = _source(facts, id_, (), reference(id_), status)
            if status == UNKNOWN:
                why = "not known" if plan is None else "not whole"
                found = replace(found, reason=f"{found.reason}, and the plan is {why}")
            sources.append(found)
    target = None if run.target is None else reference(run.target)
    ordered = tuple(sorted(sources, key=lambda each: (each.dataset.namespace, each.dataset.name)))
    return Write(run, target, ordered, plan_is_known=plan is not None)


@dataclass(frozen=True, slots=True)
class _Facts:
    run: Run
    operators: Mapping[str, OperatorMetrics]
    reads: Mapping[DatasetId, Sequence[Observation]]
    unnamed_stages: Sequence[int]
    is_whole: bool

    @property
    def are_known(self) -> bool:
        """Whether the executed query is among the operators: of a command whose inner execution was lost it is not."""
        return self.is_whole and any(
            (each.stages or each.rows is not None) and not _is_of_a_log(each)
            for each in self.operators.values()
        )

    def operator(self, reads: Iterable[Observation]) -> OperatorMetrics | None:
        """The one scan of a dataset."""
        names = {each.operator for each in reads if each.operator}
        return self.operators.get(next(iter(names))) if len(names) == 1 else None


def _source(
    facts: _Facts, id_: DatasetId, edges: Sequence[Edge], reference: DatasetReference, status: str = ""
) -> Source:
    reads = facts.reads.get(id_, ())
    found, reason = _status(facts, reads)
    if found == PRUNED and not any(_may_prune(edge) for edge in edges if edge.source == id_):
        found, reason = EMPTY, "it has no file"
    columns = sorted(
        {edge.source_field.partition(".")[0] for edge in edges if edge.source == id_ and edge.source_field}
    )
    return Source(
        reference,
        status or found,
        reason,
        _counted(each.rows for each in reads),
        _counted(each.files for each in reads),
        _counted(each.partitions_read for each in reads),
        tuple(SourceColumn(name, _column_status(found, name, facts.operator(reads))) for name in columns),
    )


def _may_prune(edge: Edge) -> bool:
    """Whether an edge's condition may have left files out; without one a source without files has none."""
    return edge.subtype in {Subtype.FILTER, Subtype.JOIN, Subtype.CONDITIONAL}


def _status(facts: _Facts, reads: Sequence[Observation]) -> tuple[str, str]:
    """What became of a source, and why that is said: each version of it that was read has to agree."""
    groups = _by_version(reads)
    is_complete = facts.run.state is RunState.COMPLETE
    if any(group.rows for group in groups):
        return CONFIRMED, f"{sum(group.rows or 0 for group in groups):,} rows were read"
    if any(group.offsets for group in groups):
        return CONFIRMED, "offsets were read"
    if groups and all(group.files == 0 for group in groups):
        return PRUNED, "no file was left after pruning"
    if groups and is_complete and all(0 in (group.rows, group.files, group.offsets) for group in groups):
        return EMPTY, "it was read and gave no row"
    if any(group.is_measured for group in groups):
        return UNKNOWN, f"it was read, and {_what_is_wrong(reads)}"
    return _not_measured(facts, reads)


def _what_is_wrong(reads: Sequence[Observation]) -> str:
    """Why it is not known how many rows a source gave that was read."""
    if any((_offsets(each) or 0) < 0 for each in reads):
        return "its offsets run backwards"
    if any((count or 0) < 0 for each in reads for count in (each.rows, each.files)):
        return "a count of what it gave is below 0"
    return "how many rows it gave is not known"


def _not_measured(facts: _Facts, reads: Sequence[Observation]) -> tuple[str, str]:
    """Nothing was counted of a source: its scan did not run, or it is only not known."""
    scan = facts.operator(reads)
    if not facts.are_known:
        return UNKNOWN, "what the run's operators did is not recorded"
    if facts.run.state is not RunState.COMPLETE:
        return UNKNOWN, f"the run is {facts.run.state.value}, and nothing of it was counted"
    if scan is not None and scan.rows is None and not scan.stages:
        return NEVER, "its scan is in the executed plan, and no job ran it"
    if scan is not None:
        return UNKNOWN, "its scan counted nothing"
    return _without_scan(facts)


def _without_scan(facts: _Facts) -> tuple[str, str]:
    """No operator of the final plan names a source: something else may stand for it, or may have been taken out."""
    claimed = {each.operator for own in facts.reads.values() for each in own}
    others = (each for name, each in facts.operators.items() if name not in claimed)
    unclaimed = sorted({each.name for each in others if _stands_for_others(each)})
    if unclaimed:
        return UNKNOWN, f"no scan names it: it may be behind {', '.join(unclaimed)}"
    if facts.unnamed_stages:
        stage = facts.unnamed_stages[0]
        return (
            UNKNOWN,
            f"it may have been read in stage {stage}, of which no operator is left in the final plan",
        )
    return NEVER, "the executed plan has no scan of it"


@dataclass(frozen=True, slots=True)
class _Version:
    """What was counted of one version of a dataset; `offsets` is how many offsets lie between starts and ends."""

    rows: int | None
    files: int | None
    offsets: int | None
    is_measured: bool


def _by_version(reads: Sequence[Observation]) -> list[_Version]:
    """A read of several paths has a row for each path, and its figures stand in one of the rows."""
    versions: dict[int | None, list[Observation]] = {}
    for each in reads:
        versions.setdefault(each.version, []).append(each)
    return [
        _Version(
            _counted(each.rows for each in group),
            _counted(each.files for each in group),
            _counted(_offsets(each) for each in group),
            _is_measured(group),
        )
        for group in versions.values()
    ]


def _unnamed(stages: Iterable[Stage], operators: Iterable[OperatorMetrics]) -> list[int]:
    """The stages in which no operator of the final plan ran."""
    named = {stage for each in operators for stage in each.stages}
    return sorted({each.stage_id for each in stages if each.tasks} - named)


def _stands_for_others(operator: OperatorMetrics) -> bool:
    """Whether a dataset may be behind an operator that does not name it: a cache, metadata, an RDD, an empty relation."""
    if _is_of_a_log(operator):
        return False
    return "Scan" in operator.name or "EmptyRelation" in operator.name or "empty" in operator.note


def _is_of_a_log(operator: OperatorMetrics) -> bool:
    return any(own.issubset(operator.columns) for own in _OF_A_LOG)


def _column_status(status: str, name: str, scan: OperatorMetrics | None) -> str:
    """A column is confirmed by the scan that gave it: the optimizer may have seen that it is not needed."""
    if status != CONFIRMED:
        return status
    if scan is None or not scan.columns:
        return UNKNOWN
    return CONFIRMED if name.lower() in {each.lower() for each in scan.columns} else NOT_READ


def _is_measured(reads: Iterable[Observation]) -> bool:
    """Whether a run counted anything of a dataset, so that it was surely read."""
    return any(
        value is not None for each in reads for value in (each.rows, each.bytes, each.files, each.offsets)
    )


def _offsets(each: Observation) -> int | None:
    """How many offsets lie between the starts and ends of a topic's partitions, -1 where one runs backwards; None where that is not known."""
    if each.offsets is None:
        return None
    try:
        topics = json.loads(each.offsets)
        counts = [int(end) - int(start) for ranges in topics.values() for start, end in ranges.values()]
        return sum(counts) if min(counts, default=0) >= 0 else -1
    except (ValueError, TypeError, AttributeError):
        return None


def _counted(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where nothing is, and where a count is below 0: then none of them can be relied on."""
    found = list(values)
    return None if any(value is not None and value < 0 for value in found) else total(found)


def _findings(write: Write) -> Iterator[Finding]:
    of = f"of the run that wrote {short_name(write.target)}" if write.target else "of the run"
    if not write.plan_is_known and write.run.state is RunState.COMPLETE and write.run.kind in _WITH_PLAN:
        yield _of_write(
            write, f"The plan {of} is not in the store: what it read cannot be compared with its design."
        )
    for source in write.sources:
        name = short_name(source.dataset)
        kind, severity, message = {
            PRUNED: (
                "source_pruned",
                Severity.INFO,
                f"No file of {name}, a source {of}, was left after pruning.",
            ),
            EMPTY: ("source_empty", Severity.WARNING, f"{name}, a source {of}, gave no row."),
            NEVER: (
                "source_never_executed",
                Severity.INFO,
                f"{name}, a source {of}, was not read: {source.reason}.",
            ),
            NOT_DESIGNED: (
                "source_not_designed",
                Severity.WARNING,
                f"{name} was read, and is no source of the plan {of}.",
            ),
        }.get(source.status, ("", Severity.INFO, ""))
        if kind:
            yield _finding(write, source, kind, severity, message)


def _of_write(write: Write, message: str) -> Finding:
    run = write.run
    return Finding(
        "plan_missing", Severity.WARNING, message, run.target, None, run.job, run.run_id, run.ended_at or run.started_at,
        (("plan", run.fingerprint),) if run.fingerprint else (),
    )  # fmt: skip


def _finding(write: Write, source: Source, kind: str, severity: Severity, message: str) -> Finding:
    facts = {"reason": source.reason, "rows": source.rows, "files": source.files}
    return Finding(
        kind, severity, message,
        dataset=DatasetId(source.dataset.namespace, source.dataset.name),
        job=write.run.job,
        run_id=write.run.run_id,
        at=write.run.ended_at or write.run.started_at,
        evidence=tuple((key, str(value)) for key, value in facts.items() if value is not None),
    )  # fmt: skip


def _rows(store: ReadableStore, table: str, run_id: str) -> list[Any]:
    return list(from_rows(table, store.read(table, scope={run_id}).to_pylist()))
