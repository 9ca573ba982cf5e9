"""What a write really wrote, from the SQL metrics of its commands and, where they say nothing, of its tasks.

A file write reports on its command's node; Delta's row-level commands report the rows they changed on theirs;
other writes (Delta's appends, streams, V2 sinks) only in the output metrics of the tasks that ran for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import RunState
from spark_lineage.pipeline.fold import FoldedWrite

_ROWS = (
    ("numOutputRows",),
    ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted"),
    ("numUpdatedRows",),
    ("numDeletedRows",),
)
_BYTES = (("numOutputBytes",), ("numTargetBytesAdded",), ("numAddedBytes",))
_FILES = (("numFiles",), ("numTargetFilesAdded",), ("numAddedFiles",))

_COMMANDS = frozenset({"DataWritingCommandExec", "ExecutedCommandExec"})


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows, bytes and files of one write; None where nothing says it."""

    rows: int | None = None
    bytes: int | None = None
    files: int | None = None


def measured(write: FoldedWrite, plans: Mapping[str, PlanTree | None]) -> Measured:
    """The totals of a write over all executions that ran for it, each query counted once.

    A multi-table INSERT is one execution with a command for each table, in order. Of a write that failed or was cancelled nothing is
    known: some commands count before they commit, as Delta's UPDATE does, and what tasks wrote is mostly thrown away.
    """
    if (
        write.write.operation == "CLONE"
    ):  # the log's entries are copied, and its command's counts of rows stay at 0
        return Measured()
    if write.outer.execution.state is RunState.COMPLETE or has_committed(write, plans):
        return _measured(write, plans)
    return Measured()


def has_committed(write: FoldedWrite, plans: Mapping[str, PlanTree | None]) -> bool:
    """Whether one command of a multi-table INSERT has done its work, whatever became of the others."""
    return write.inner.siblings > 1 and any(any(each.values()) for each in _own(write, plans))


def _own(write: FoldedWrite, plans: Mapping[str, PlanTree | None]) -> list[Mapping[str, int]]:
    commands = list(_command_metrics(write.inner.execution, plans))
    return commands[write.inner.position : write.inner.position + 1]


def _measured(write: FoldedWrite, plans: Mapping[str, PlanTree | None]) -> Measured:
    if write.inner.siblings > 1:
        own = _own(write, plans)
        return Measured(_total(own, _ROWS), _total(own, _BYTES), _total(own, _FILES))
    distinct: dict[object, ExecutionRecord] = {}
    for execution in write.helpers:
        identity = execution.query_execution_id
        distinct.setdefault(execution.execution_id if identity is None else ("query", identity), execution)
    commands = [metrics for each in distinct.values() for metrics in _command_metrics(each, plans)]
    rows = _total(commands, _ROWS)
    if rows is not None or not _reports_tasks(write):
        return Measured(rows, _total(commands, _BYTES), _total(commands, _FILES))
    stages = [stage.metrics for each in distinct.values() for stage in each.stages]
    rows, size = _total(stages, (("output_rows",),)), _total(stages, (("output_bytes",),))
    return Measured(rows, None if rows and not size else size)  # a database's tasks count rows and no bytes


def _reports_tasks(write: FoldedWrite) -> bool:
    """Topics and sinks without files or a database (noop, memory, console) leave their tasks' output metrics at zero.

    So do writes that note beside the files which rows were deleted (merge-on-read).
    """
    if write.inner.node.name == "WriteDelta":
        return False
    target = write.write.target
    if not target or target[0].dataset.format == "kafka":
        return False
    return target[0].dataset.namespace not in {"source", "sink"}


def _command_metrics(
    execution: ExecutionRecord, plans: Mapping[str, PlanTree | None]
) -> Iterator[Mapping[str, int]]:
    tree = plans.get(execution.plan or "")
    if tree is None:
        return
    for index, metrics in execution.metrics:
        if index < len(tree.nodes) and tree.nodes[index].name in _COMMANDS:
            yield metrics


def _total(metrics: Iterable[Mapping[str, int]], groups: tuple[tuple[str, ...], ...]) -> int | None:
    """The sum of all named metrics that are there; None where there is none."""
    values = [each[name] for each in metrics for group in groups for name in group if name in each]
    return sum(values) if values else None
