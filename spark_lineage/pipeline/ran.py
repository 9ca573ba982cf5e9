"""All that ran for a run: the operators and stages of its executions, each query once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import OperatorMetrics, Problem, Severity, Stage
from spark_lineage.pipeline.designs import Design, Designs
from spark_lineage.pipeline.operators import operators_of, stage_of


@dataclass(frozen=True, slots=True)
class Joins:
    """What the operators of a run are joined to: its writes or its query, and the target's columns where it is one write."""

    known: Designs
    designs: Sequence[Design]
    columns: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """The rows of what ran."""

    operators: list[OperatorMetrics] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def ran_for(
    run_id: str, executions: Iterable[ExecutionRecord], plans: Mapping[str, PlanTree | None], joins: Joins
) -> Ran:
    """The operators and stages of some executions; one query may be told of by several. Nothing of those that are left out on purpose."""
    ran = Ran()
    seen: set[int | None] = set()
    for execution in executions:
        if execution.left_out is not None:
            continue
        ran.stages.extend(stage_of(run_id, execution.execution_id, each) for each in execution.stages)
        identity = execution.query_execution_id
        tree = plans.get(execution.plan or "")
        if (identity is None or identity not in seen) and tree is not None:
            ran.operators.extend(_operators(run_id, execution, tree, joins, ran.problems))
        seen.add(identity)
    return ran


def _operators(
    run_id: str, execution: ExecutionRecord, tree: PlanTree, joins: Joins, problems: list[Problem]
) -> list[OperatorMetrics]:
    try:
        own = joins.known.of_output(execution, tree, joins.columns)
        return operators_of(run_id, execution, tree, [*joins.designs, *own])
    except Exception as error:  # noqa: BLE001 - whatever plans look like, the run and its lineage stay
        message = (
            f"what the operators measured could not be joined to columns ({type(error).__name__}: {error})"
        )
        where = execution.call_site or execution.description or ""
        hint = "please report the plan"
        problems.append(Problem("operators_not_joined", Severity.WARNING, message, where, hint, run_id))
        return operators_of(run_id, execution, tree, [])
