"""What the operators of a run are joined to: the analyzed plan of a write, or of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from spark_lineage.analyze.flows import Flows, flows_of
from spark_lineage.analyze.lineage import Lineage
from spark_lineage.analyze.links import Logical, links, logical_of
from spark_lineage.analyze.reaching import target_columns
from spark_lineage.analyze.targets import TargetColumn
from spark_lineage.analyze.writes import by_position
from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import Node, PlanTree
from spark_lineage.pipeline.fold import Event, FoldedUsage

_Met = tuple[Node | None, tuple[int | None, ...]]
"""The root of an executed plan, and the analyzed plan's id for each of its own: the same in most runs of a job."""


@dataclass(frozen=True, slots=True)
class Analyzed:
    """One analyzed plan, ready to be compared with executed ones; `columns` and `names` are what came of that so far."""

    tree: PlanTree
    flows: Flows = field(default_factory=Flows)
    logical: Logical = field(default_factory=Logical)
    columns: dict[_Met, dict[int, tuple[str, ...]]] = field(default_factory=dict, compare=False)
    names: dict[_Met, dict[int, str]] = field(default_factory=dict, compare=False)


def plan_of(
    inputs: Sequence[Node], columns: Sequence[TargetColumn], tree: PlanTree, lineage: Lineage | None
) -> Analyzed:
    """The plan of a command that writes `columns`; without a lineage its operators have no names."""
    try:
        logical = Logical() if lineage is None else logical_of(inputs, tree, lineage.operators)
        return Analyzed(tree, flows_of(inputs, columns, tree), logical)
    except Exception:  # noqa: BLE001 - a plan of a shape that no Spark makes: `analyze.lineage` reports it
        return Analyzed(tree)


@dataclass(frozen=True, slots=True)
class Design:
    """A plan as one execution met it."""

    plan: Analyzed
    execution: ExecutionRecord

    def target_columns(self, execution: ExecutionRecord, tree: PlanTree) -> dict[int, tuple[str, ...]]:
        """The target's columns that each operator of an execution has a part in, by index."""
        ids = self._ids(execution, tree)
        key = (tree.executed, ids)
        if key not in self.plan.columns:
            self.plan.columns[key] = target_columns(tree, ids, self.plan.flows)
        return self.plan.columns[key]

    def links(self, execution: ExecutionRecord, tree: PlanTree) -> dict[int, str]:
        """The plan's operators that those of an execution carry out, by index."""
        ids = self._ids(execution, tree)
        key = (tree.executed, ids)
        if key not in self.plan.names:
            self.plan.names[key] = links(tree, ids, self.plan.logical)
        return self.plan.names[key]

    def _ids(self, execution: ExecutionRecord, tree: PlanTree) -> tuple[int | None, ...]:
        """The plan's id for each of the execution's; the ids that Spark gave are the same in all plans of a session."""
        if execution is self.execution and tree is self.plan.tree:
            return tuple(range(len(execution.expressions)))
        own = {raw: local for local, raw in enumerate(self.execution.expressions) if raw is not None}
        return tuple([None if raw is None else own.get(raw) for raw in execution.expressions])


class Designs:
    """The designs of plans: what does not change from run to run is made once."""

    def __init__(self) -> None:
        self._plans: dict[tuple[Node, str | None], Analyzed] = {}

    def forget(self) -> None:
        """Let go of all: plans have other nodes from here on."""
        self._plans.clear()

    def of_write(self, event: Event, lineage: Lineage | None = None) -> Design:
        """The design of a write; without its lineage, the operators have no names."""
        key = (event.node, lineage.plan.fingerprint if lineage else None)
        if key not in self._plans:
            write = event.write
            self._plans[key] = plan_of(write.inputs, write.columns, event.tree, lineage)
        return Design(self._plans[key], event.execution)

    def of_output(self, execution: ExecutionRecord, tree: PlanTree, names: Sequence[str]) -> list[Design]:
        """The design of an execution whose tasks wrote rows with the columns of the target: empty for any other.

        The plans in which Delta carries out MERGE, UPDATE and DELETE have ids of their own, but the names of the table.
        """
        root = tree.analyzed
        shown = {each.name for each in (root.output if root is not None else None) or ()}
        wrote = any(stage.metrics.get("output_rows") for stage in execution.stages)
        if root is None or not wrote or not names or not shown.issuperset(names):
            return []
        key = (root, None)
        if key not in self._plans:
            columns = [each for each in by_position(root) if each.name in names]
            self._plans[key] = plan_of((root,), columns, tree, None)
        return [Design(self._plans[key], execution)]

    def of_query(self, usage: FoldedUsage, lineage: Lineage) -> Design:
        """The design of a query, whose columns have the names that the lineage gives them."""
        key = (usage.query, lineage.plan.fingerprint)
        if key not in self._plans:
            columns = by_position(usage.query, [each.name for each in lineage.plan.columns])
            self._plans[key] = plan_of((usage.query,), columns, usage.tree, lineage)
        return Design(self._plans[key], usage.execution)
