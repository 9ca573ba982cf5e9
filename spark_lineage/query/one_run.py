"""What happened in one run: outcome, datasets as they were, operators, stages, micro-batch, events.

A run is meant by its id, by an id cut short (`8c0e:7` for `8c0e1a2b-...:7`, as long as one run alone fits), or by a table: the last
run that wrote it or tried to. All parts of an execution (a multi-table INSERT has several) are one answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.errors import NameLookupError
from spark_lineage.model import (
    SCHEMA_VERSION,
    ApplicationEvent,
    Certainty,
    DatasetId,
    Distribution,
    Observation,
    OperatorMetrics,
    Problem,
    Run,
    RunState,
    Schema,
    Stage,
    StreamBatch,
    weakest,
)
from spark_lineage.query.answers import (
    ColumnAnswer,
    DatasetReference,
    Json,
    Source,
    iso_time,
    json_or_text,
    problems_json,
    run_json,
)
from spark_lineage.query.columns import columns_of, reference, sources_of
from spark_lineage.query.names import resolve_table
from spark_lineage.query.snapshot import ReadableStore, Snapshot, sorted_problems
from spark_lineage.query.stage_chain import RUN_TIME_METRICS, is_skewed, stage_chain
from spark_lineage.query.streams import batch_json
from spark_lineage.store.schema import from_rows

__all__ = ["RunAnswer", "find_run", "run_answer", "run_named"]

_CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """What a part of a run that did not complete would have written; `certainty` is that of its plan's lineage, not of its having happened."""

    part: int
    certainty: Certainty
    columns: tuple[ColumnAnswer, ...]
    rows: tuple[Source, ...]

    def to_dict(self) -> Json:
        """Its JSON, with columns and rows as those of a table."""
        return {
            "part": self.part,
            "certainty": self.certainty.value,
            "columns": [column.to_dict() for column in self.columns],
            "rows": [source.to_dict(of_rows=True) for source in self.rows],
        }


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """One execution with all that is known of it; lists are in the order of their JSON."""

    runs: tuple[tuple[Run, DatasetReference | None], ...]
    datasets: tuple[tuple[Observation, DatasetReference, Schema | None], ...]
    operators: tuple[OperatorMetrics, ...]
    stages: tuple[Stage, ...]
    batch: StreamBatch | None
    events: tuple[ApplicationEvent, ...]
    problems: tuple[Problem, ...]
    planned: tuple[PlannedWrite, ...] = ()

    def to_dict(self) -> Json:
        """The run's JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "id": self.runs[0][0].run_id,
            "runs": [run_json(run, target) for run, target in self.runs],
            "planned": [each.to_dict() for each in self.planned],
            "datasets": [_dataset(*each) for each in self.datasets],
            "operators": list(map(_operator, self.operators)),
            "stages": list(map(_stage, self.stages)),
            "longest_chain": [_stage_name(stage) for stage in stage_chain(self.stages)],
            "batch": self.batch and batch_json(self.batch),
            "events": [
                {
                    "at": iso_time(event.at),
                    "kind": event.kind,
                    "subject": event.subject,
                    "detail": event.detail,
                }
                for event in self.events
            ],
            "problems": problems_json(self.problems),
        }


def find_run(text: str, snapshot: Snapshot) -> str:
    """The id of the run that `text` means; see the module's docstring.

    Raises `NameLookupError`: unknown, ambiguous, or a table that no run wrote.
    """
    wanted = text.strip()
    named = run_named(wanted, snapshot)
    if named is not None:
        return named
    try:
        dataset = resolve_table(wanted, snapshot.datasets.values())
    except NameLookupError as error:
        raise _of_number(wanted, snapshot) or error from None
    number = snapshot.state(dataset.id).last_run
    if number < 0:
        raise NameLookupError(
            f'No run that is known here wrote the table "{wanted}": `spark-lineage runs` lists what ran.'
        )
    run_id: str = snapshot.runs["run_id"][number].as_py()
    return run_id


def _of_number(wanted: str, snapshot: Snapshot) -> NameLookupError | None:
    """What is said of a number alone, that of an execution in some application; None for another text."""
    if not wanted.removeprefix("job-").isdecimal():
        return None
    known = sorted({each for each in snapshot.runs["run_id"].to_pylist() if each.partition(":")[2] == wanted})
    candidates = tuple(known[-_CANDIDATES:])
    remedy = (
        f"did you mean {' or '.join(candidates)}?" if candidates else "`spark-lineage runs` lists what ran."
    )
    return NameLookupError(f'There is no run or table "{wanted}" in the store: {remedy}', candidates)


def run_named(text: str, snapshot: Snapshot) -> str | None:
    """The id of the run whose id, whole or cut short, a text is; None where it can only be the name of a table.

    Raises `NameLookupError` for an id that is unknown or ambiguous.
    """
    wanted = text.strip()
    found = _runs_named(wanted, snapshot.runs["run_id"])
    if len(found) == 1:
        return found[0]
    if found:
        candidates = tuple(found[:_CANDIDATES])
        raise NameLookupError(
            f'The run "{wanted}" is ambiguous: write more of its id, so that it means one of {", ".join(candidates)}.',
            candidates,
        )
    if _is_id(wanted):
        raise NameLookupError(
            f'There is no run "{wanted}" in the store: `spark-lineage runs` lists what ran.'
        )
    return None


def run_answer(store: ReadableStore, snapshot: Snapshot, text: str) -> RunAnswer:
    """All that is known of the run that `text` means (see `find_run`)."""
    run_id = find_run(text, snapshot)
    table = snapshot.runs
    runs: list[Run] = list(from_rows("runs", table.filter(pc.equal(table["run_id"], run_id)).to_pylist()))
    runs.sort(key=lambda run: run.part)
    operators = _rows(store, "operators", {run_id})
    observed = sorted(_rows(store, "observations", {run_id}), key=_observation_order)
    schemas = {
        schema.schema_id: schema
        for schema in _rows(store, "schemas", {each.schema_id for each in observed if each.schema_id})
    }
    return RunAnswer(
        runs=tuple((run, _target(snapshot, run)) for run in runs),
        datasets=tuple(
            (
                each,
                reference(snapshot, DatasetId(each.namespace, each.name)),
                schemas.get(each.schema_id or ""),
            )
            for each in observed
        ),
        operators=_from_the_root(operators),
        stages=tuple(
            sorted(_rows(store, "stages", {run_id}), key=lambda stage: (stage.stage_id, stage.attempt))
        ),
        batch=_batch_of(store, runs[0]),
        events=_events_during(store, runs),
        problems=sorted_problems(_problems_of(snapshot, runs)),
        planned=tuple(each for each in (_planned(snapshot, run) for run in runs) if each is not None),
    )


def _planned(snapshot: Snapshot, run: Run) -> PlannedWrite | None:
    """The design of a write that did not complete; None of one that did, and where there is no plan."""
    if run.kind != "write" or run.state is RunState.COMPLETE or run.target is None:
        return None
    plan = snapshot.plan(run.fingerprint, run.target)
    if plan is None:
        return None
    edges = snapshot.plan_edges(plan, run.target)
    fields = {each["name"]: (each["type"], Certainty(each["certainty"])) for each in plan.columns}
    columns = columns_of(snapshot, fields, edges)
    rows = [edge for edge in edges if edge["target_field"] is None]
    sure = (*(column.certainty for column in columns), *(Certainty(row["certainty"]) for row in rows))
    return PlannedWrite(run.part, weakest(plan.certainty, *sure), columns, sources_of(snapshot, rows))


def _runs_named(wanted: str, run_ids: pa.ChunkedArray) -> list[str]:
    """The ids that `wanted` is, or is short for: of an execution `<beginning>:<number>`, of an application its beginning."""
    known: set[str] = set(run_ids.to_pylist())
    if wanted in known:
        return [wanted]
    beginning, colon, rest = wanted.partition(":")
    if not beginning or not (colon or _is_id(wanted)):
        return []
    found = (each.partition(":") for each in known)
    return sorted(
        "".join(each) for each in found if each[0].startswith(beginning) and each[1:] == (colon, rest)
    )


def _is_id(text: str) -> bool:
    """Whether a text can only be a run's id: hexadecimal digits (eight at least) and, after a colon, a number.

    >>> _is_id("8c0e1a2b-77:7"), _is_id("8c0e1a2b:job-3"), _is_id("8c0e1a2b"), _is_id("report"), _is_id("feed")
    (True, True, True, False, False)
    """
    beginning, colon, rest = text.partition(":")
    has_number = rest.removeprefix("job-").isdigit() if colon else len(beginning) >= 8
    return has_number and bool(beginning) and not set(beginning) - set("0123456789abcdef-")


def _rows(store: ReadableStore, table: str, scope: Collection[str]) -> list[Any]:
    return list(from_rows(table, store.read(table, scope=scope).to_pylist()))


def _target(snapshot: Snapshot, run: Run) -> DatasetReference | None:
    return None if run.target is None else reference(snapshot, run.target)


def _observation_order(each: Observation) -> tuple[Any, ...]:
    return (
        each.direction,
        each.namespace,
        each.name,
        each.part,
        each.path,
        each.version or 0,
        each.operator or "",
    )


def _from_the_root(operators: Iterable[OperatorMetrics]) -> tuple[OperatorMetrics, ...]:
    """Each operator before those that gave it rows, executions in their order; iterative, each once."""
    by_id = {each.operator: each for each in sorted(operators, key=lambda each: _number(each.operator))}
    below = {child for each in by_id.values() for child in each.children}
    waiting = [*reversed([name for name in by_id if name not in below])]
    ordered: dict[str, OperatorMetrics] = {}
    while waiting:
        name = waiting.pop()
        if name in by_id and name not in ordered:
            ordered[name] = by_id[name]
            waiting.extend(reversed(by_id[name].children))
    # What is left lies on a circle, which no plan has: it is shown all the same.
    return (*ordered.values(), *(each for name, each in by_id.items() if name not in ordered))


def _number(operator: str) -> tuple[int, ...]:
    """The two numbers of `<execution id>:<number>`, to sort by."""
    return tuple(int(part) if part.isdigit() else -1 for part in operator.split(":"))


def _batch_of(store: ReadableStore, run: Run) -> StreamBatch | None:
    """The micro-batch that the run is, or that it is a write of; of several attempts the run's own, else the last."""
    if run.query_id is None or run.batch_id is None:
        return None
    batches: list[StreamBatch] = [
        each for each in _rows(store, "batches", {run.query_id}) if each.batch_id == run.batch_id
    ]
    own = [each for each in batches if each.run_id == run.run_id]
    return max(own or batches, key=lambda each: (each.started_at or 0, each.stream_run_id), default=None)


def _events_during(store: ReadableStore, runs: Sequence[Run]) -> tuple[ApplicationEvent, ...]:
    """What happened to the application between the run's start and end; without an end, all that came after its start."""
    application = runs[0].run_id.partition(":")[0]
    starts = [run.started_at for run in runs if run.started_at is not None]
    ends = [run.ended_at for run in runs]
    first = min(starts, default=None)
    last = None if None in ends else max(each for each in ends if each is not None)
    if first is None:
        return ()
    events: list[ApplicationEvent] = _rows(store, "events", {application})
    during = (each for each in events if first <= each.at and (last is None or each.at <= last))
    return tuple(sorted(during, key=lambda each: (each.at, each.kind, each.subject, each.detail)))


def _problems_of(snapshot: Snapshot, runs: Sequence[Run]) -> Iterable[Problem]:
    """The problems of the run itself and of its plans."""
    plans = {run.fingerprint for run in runs if run.fingerprint}
    for problem in snapshot.problems:
        if problem.run_id == runs[0].run_id or (problem.run_id is None and problem.fingerprint in plans):
            yield problem


def _dataset(observed: Observation, reference: DatasetReference, schema: Schema | None) -> Json:
    columns = None
    if schema is not None:
        columns = [
            {"name": each.name, "type": each.type, "nullable": each.nullable} for each in schema.columns
        ]
    return {
        **reference.to_dict(),
        "direction": observed.direction,
        "part": observed.part,
        "path": observed.path,
        "partitions": list(observed.partitions),
        "version": observed.version,
        "version_at": iso_time(observed.version_at),
        "rows": observed.rows,
        "bytes": observed.bytes,
        "files": observed.files,
        "partitions_read": observed.partitions_read,
        "modified_from": iso_time(observed.modified_from),
        "modified_until": iso_time(observed.modified_until),
        "offsets": json_or_text(observed.offsets),
        "operator": observed.operator,
        "columns": columns,
    }


def _operator(each: OperatorMetrics) -> Json:
    units = dict(each.units)
    return {
        "id": each.operator,
        "name": each.name,
        "children": list(each.children),
        "rows": each.rows,
        "bytes": each.bytes,
        "files": each.files,
        "time_ms": each.time_ms,
        "spill_bytes": each.spill_bytes,
        "peak_memory_bytes": each.peak_memory_bytes,
        "columns": list(each.columns),
        "target_columns": list(each.target_columns),
        "logical": each.logical,
        "stages": list(each.stages),
        "note": each.note,
        "metrics": [
            {"name": name, "value": value, "unit": units.get(name)} for name, value in sorted(each.metrics)
        ],
    }


def _stage_name(stage: Stage) -> Json:
    return {"id": stage.stage_id, "attempt": stage.attempt}


def _stage(stage: Stage) -> Json:
    return {
        **_stage_name(stage),
        "name": stage.name,
        "state": stage.state.value,
        "tasks": stage.tasks,
        "failed_tasks": stage.failed_tasks,
        "killed_tasks": stage.killed_tasks,
        "speculative_tasks": stage.speculative_tasks,
        "started_at": iso_time(stage.started_at),
        "ended_at": iso_time(stage.ended_at),
        "execution": stage.execution_id,
        "job": stage.job_id,
        "failure": stage.failure,
        "metrics": [{"name": name, "value": value} for name, value in sorted(stage.metrics)],
        "distributions": [_distribution(each) for each in stage.distributions],
        "run_time": next((_distribution(each) for each in _run_times(stage)), None),
        "skewed": is_skewed(stage),
    }


def _run_times(stage: Stage) -> Iterable[Distribution]:
    by_metric: Mapping[str, Distribution] = {each.metric: each for each in stage.distributions}
    return (by_metric[metric] for metric in RUN_TIME_METRICS if metric in by_metric)


def _distribution(each: Distribution) -> Json:
    return {
        "metric": each.metric,
        "minimum": each.minimum,
        "lower_quartile": each.lower_quartile,
        "median": each.median,
        "upper_quartile": each.upper_quartile,
        "maximum": each.maximum,
    }
