"""Which operator of a failed run failed, where that can be told.

The bridge names it where the error names an expression. Otherwise the kind of the error tells the kind of the operator, and it is known if
the stages that failed have only one of that kind: a Python function's error comes from the operator that runs Python, an error of
reading a file from the scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import Node, NodeKind, PlanTree
from spark_lineage.model import RunState

__all__ = ["failed_operator"]

_PYTHON = frozenset({
    "AggregateInPandasExec", "ArrowAggregatePythonExec", "ArrowEvalPythonExec", "ArrowEvalPythonUDTFExec", "ArrowWindowPythonExec",
    "BatchEvalPythonExec", "BatchEvalPythonUDTFExec", "FlatMapCoGroupsInArrowExec", "FlatMapCoGroupsInPandasExec",
    "FlatMapGroupsInArrowExec", "FlatMapGroupsInPandasExec", "MapInArrowExec", "MapInPandasExec", "PythonMapInArrowExec",
    "FlatMapGroupsInPandasWithStateExec", "TransformWithStateInPandasExec", "TransformWithStateInPySparkExec", "WindowInPandasExec",
})  # fmt: skip
_SCANS = frozenset({"FileSourceScanExec", "BatchScanExec"})


def failed_operator(
    executions: Iterable[ExecutionRecord], plans: Mapping[str, PlanTree | None]
) -> str | None:
    """The `operator` of the table `operators` in which one of a run's executions failed; None where it is not known."""
    failed = [each for each in executions if each.state is RunState.FAILED]
    for execution in failed:
        if execution.failed_node is not None:
            return f"{execution.execution_id}:{execution.failed_node}"
    found = {
        f"{execution.execution_id}:{node.index}"
        for execution in failed
        for node in _suspects(execution, plans.get(execution.plan or ""))
    }
    return found.pop() if len(found) == 1 else None


def _suspects(execution: ExecutionRecord, tree: PlanTree | None) -> list[Node]:
    """The operators of the kind that raises such an error."""
    error = execution.error
    if tree is None or error is None:
        return []
    if (error.message or "").startswith("a Python function raised"):
        kinds = _PYTHON
    elif (error.condition or "").startswith("FAILED_READ_FILE"):
        kinds = _SCANS
    else:
        return []
    return [node for node in tree.nodes if node.kind is NodeKind.PHYSICAL and node.name in kinds]
