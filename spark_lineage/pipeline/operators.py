"""The executed plan of an execution -> rows of its operators and stages: what really ran, and what it measured.

Every operator of the final plan has a row, with metrics or without; `spark_lineage.analyze.executed` says which those are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from spark_lineage.analyze.executed import children, executed, never_begun
from spark_lineage.decode.records import ExecutionRecord, StageRecord
from spark_lineage.decode.tree import Node, PlanTree
from spark_lineage.model import Distribution, OperatorMetrics, RunState, Stage
from spark_lineage.pipeline.designs import Design

_TYPE_UNITS = {"size": "bytes", "timing": "ms", "nsTiming": "ns", "average": "tenths"}

_NAME_UNITS = (("bytes", "bytes"), ("files", "files"), ("rows", "rows"), ("records", "rows"))

_ROWS = ("numOutputRows", "pythonNumRowsReceived")
_BYTES = ("numOutputBytes", "filesSize")
_MOVED_ROWS = (*_ROWS, "shuffleRecordsWritten")
_MOVED_BYTES = ("shuffleBytesWritten", "dataSize")
"""Of an exchange: what it wrote is what it gives. Other operators that may shuffle (a limit, a sorted head) give less, or did not."""

_FILES = ("numFiles", "numTargetFilesAdded", "numAddedFiles")

_TIMES = {"timing": 1, "nsTiming": 1_000_000}
"""How many of a metric's units are a millisecond, by Spark's type of it."""

_WHOLE_TIMES = ("executionTimeMs", "pythonTotalTime")
"""Times that have an operator's other times inside them."""

_INNER_TIMES = frozenset({"remoteReqsDuration", "remoteMergedReqsDuration"})
"""Times that pass while another one of the operator is counted."""


def operators_of(
    run_id: str, execution: ExecutionRecord, tree: PlanTree, designs: Sequence[Design]
) -> list[OperatorMetrics]:
    """A row for each operator of the executed plan, each once, parents before children.

    `designs` are the run's writes, or its query. Where there are several writes, a row has the columns of all, and the
    operators of the first.
    """
    metrics, types = dict(execution.metrics), execution.metric_types
    shape = tree.once("operators", lambda: _shape(tree))
    stages = _stages(execution, shape)
    reached = [each.target_columns(execution, tree) for each in designs]
    linked = designs[0].links(execution, tree) if designs else {}
    ended = execution.state is RunState.COMPLETE and bool(execution.jobs)
    found = []
    for each in shape.operators:
        own = metrics.get(each.index, {})
        metrics_of = tuple(sorted(own.items()))
        rows = _first(own, _MOVED_ROWS if each.moves else _ROWS)
        files = _first(own, _FILES)
        ran = stages.get(each.index, ())
        if not ran and not (ended and each.began):
            # it may never have begun, or, in a lazy checkpoint, run for a later execution
            rows, files = rows or None, files or None
        found.append(
            OperatorMetrics(
                run_id,
                f"{execution.execution_id}:{each.index}",
                each.name,
                rows,
                _first(own, _MOVED_BYTES if each.moves else _BYTES),
                _time(own, types),
                metrics_of,
                tuple([(name, unit(name, types.get(name, ""))) for name, _ in metrics_of]),
                tuple([f"{execution.execution_id}:{index}" for index in each.children]),
                each.columns,
                _joined([columns[each.index] for columns in reached if each.index in columns]),
                linked.get(each.index),
                ran,
                files=files,
                spill_bytes=own.get("spillSize"),
                peak_memory_bytes=own.get("peakMemory"),
                note=each.note,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Operator:
    """What an executed plan says of one operator, whatever it measures."""

    index: int
    name: str
    columns: tuple[str, ...]
    children: tuple[int, ...]
    note: str
    moves: bool
    began: bool


@dataclass(frozen=True, slots=True)
class _Shape:
    """The operators of an executed plan, and which of them run in the same tasks, by index."""

    operators: tuple[_Operator, ...]
    pipelines: tuple[tuple[int, ...], ...]


def _shape(tree: PlanTree) -> _Shape:
    left_out = never_begun(tree)
    operators = [
        _Operator(
            node.index,
            node.label.strip() or node.name,
            tuple(each.name for each in node.output or ()),
            tuple(each.index for each in children(node)),
            _note(node),
            node.name.endswith("ExchangeExec"),
            node not in left_out,
        )
        for node in executed(tree)
    ]
    return _Shape(tuple(operators), tuple(tuple(each.index for each in group) for group in _pipelines(tree)))


def _joined(columns: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The names of all, each once."""
    return columns[0] if len(columns) == 1 else tuple(dict.fromkeys(each for one in columns for each in one))


@lru_cache(4096)
def unit(name: str, metric_type: str) -> str:
    """What a metric counts, by Spark's type of it and, of a plain sum, by its name.

    Spark keeps averages as tenths and adds them over the tasks.

    >>> unit("numOutputRows", "sum"), unit("scanTime", "timing"), unit("avgHashProbe", "average")
    ('rows', 'ms', 'tenths')
    """
    known = _TYPE_UNITS.get(metric_type)
    if known is not None:
        return known
    lower = name.lower()
    return next(
        (each for word, each in _NAME_UNITS if word in lower), "ms" if name.endswith("Ms") else "count"
    )


def _first(metrics: Mapping[str, int], names: Sequence[str]) -> int | None:
    for name in names:
        if name in metrics:
            return metrics[name]
    return None


def _time(metrics: Mapping[str, int], types: Mapping[str, str]) -> int | None:
    """The operator's own times added up, in milliseconds over all its tasks."""
    times = {}
    for name, value in metrics.items():
        kind = types.get(name)
        if kind in _TIMES and name not in _INNER_TIMES:
            times[name] = value // _TIMES[kind]
    whole = _first(times, _WHOLE_TIMES)
    return whole if whole is not None else sum(times.values()) if times else None


def _note(node: Node) -> str:
    """What adaptive execution made of an operator, in the words of Spark's plans."""
    notes = []
    if node.name.startswith("Reused"):
        notes.append("reused")
    if node.name == "EmptyRelationExec" or node.facts.get("empty"):
        notes.append("empty")
    if node.label.endswith("(skew=true)"):
        notes.append("skew split")
    notes += [_READ_NOTES[each] for each in node.facts.get("read", ()) if each in _READ_NOTES]
    if isinstance(node.facts.get("planned"), str):
        notes.append(f"planned as {node.facts['planned']}")
    return ", ".join(notes)


_READ_NOTES = {"local": "local read", "coalesced": "coalesced", "skewed": "skew split"}


def _stages(execution: ExecutionRecord, shape: _Shape) -> dict[int, tuple[int, ...]]:
    """The stages in which each operator ran, by its index.

    Where an operator has changed none of its metrics, those with which it is pipelined say it: what stands between two
    exchanges runs in the same tasks. If they name one stage, it is this one's, too.
    """
    known = {index: tuple(sorted(set(stages))) for index, stages in execution.operator_stages}
    if not known:
        return {}
    for pipeline in shape.pipelines:
        named = {stages for each in pipeline if (stages := known.get(each))}
        if len(named) == 1 and len(only := named.pop()) == 1:
            known |= {each: only for each in pipeline if each not in known}
    return known


_ELSEWHERE = (
    "CommandExec",
    "Exchange",
    "ExchangeExec",
    "ReusedSubqueryExec",
    "SubqueryExec",
    "SubqueryBroadcastExec",
)
"""Endings of the classes of operators that do not run in the tasks of those around them."""

_DRIVERS = frozenset({
    "AdaptiveSparkPlanExec", "CollectLimitExec", "CollectTailExec", "CommandResultExec", "EmptyRelationExec",
    "ResultQueryStageExec", "TakeOrderedAndProjectExec",
})  # fmt: skip
"""Operators that the driver runs, or that may run several jobs of their own."""


def _pipelines(tree: PlanTree) -> Iterator[list[Node]]:
    """The groups of operators that run in the same tasks."""
    group_of: dict[Node, list[Node]] = {}
    groups = []
    for node in executed(tree):
        if _is_apart(node):
            continue
        group = group_of.get(node)
        if group is None:
            group = group_of[node] = []
            groups.append(group)
        group.append(node)
        for child in children(node):
            if not _is_apart(child):
                group_of.setdefault(child, group)
    yield from groups


def _is_apart(node: Node) -> bool:
    writes = node.name.startswith(
        ("AppendData", "Overwrite", "Replace", "WriteToDataSource", "AtomicReplace", "AtomicCreate")
    )
    return node.name.endswith(_ELSEWHERE) or node.name in _DRIVERS or writes


def stage_of(run_id: str, execution_id: int | None, stage: StageRecord) -> Stage:
    """The row of a stage attempt; `execution_id` is None for a job without an SQL execution."""
    return Stage(
        run_id,
        stage.stage_id,
        stage.attempt,
        stage.name,
        stage.state,
        stage.tasks,
        stage.failed_tasks,
        stage.started_at,
        stage.ended_at,
        tuple(sorted(stage.metrics.items())),
        execution_id=execution_id,
        job_id=stage.job_id,
        distributions=tuple(
            Distribution(name, *values) for name, values in sorted(stage.distributions.items())
        ),
        killed_tasks=stage.killed_tasks,
        speculative_tasks=stage.speculative_tasks,
        failure=stage.failure,
    )
