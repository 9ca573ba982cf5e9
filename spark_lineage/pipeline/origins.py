"""Which executions made the rows of the RDDs that a plan reads: checkpoints, and the micro-batch around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from spark_lineage.analyze.ancestry import ancestry
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.origins import RDD_RELATIONS, Origin, kept_rows
from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import Node, PlanTree

EXECUTION_LIMIT = 64
"""Executions that the rows of one plan are followed through: a loop makes a chain of checkpoints without an end."""

_HANDED_OVER = "SQLExecutionRDD"
"""What a micro-batch hands to foreachBatch: its query's RDD itself, where every other relation has a copy of one."""

_LOST = PlanTree("", (), None, None)

Makers: TypeAlias = dict[Node, tuple[int, ...]]
"""Relations over RDDs, each with the executions that may have made its rows."""


@dataclass(slots=True)
class Origins:
    """The origins of one application's executions.

    `numbers` gives equal origins equal numbers: what an analysis depends on beside the plan.
    """

    plans: Mapping[str, PlanTree | None]
    executions: Mapping[int, ExecutionRecord]
    naming: Naming
    numbers: dict[Any, int] = field(default_factory=dict)
    _number: dict[Origin, int] = field(default_factory=dict)

    def of(self, execution: ExecutionRecord, batch: ExecutionRecord | None) -> Origin:
        """The execution as an origin: its plan, its facts, and the origins of the relations over RDDs in it."""
        self._number.clear()
        known = {execution.execution_id: execution}
        recorded = self._recorded(execution)
        makers: dict[int, Makers] = {}
        queue = deque([execution])
        while queue:
            current = queue.popleft()
            makers[current.execution_id] = found = self._makers(current, batch)
            for each in (number for numbers in found.values() for number in numbers):
                maker = self.executions.get(each) or recorded.get(each)
                if each not in known and maker is not None and len(known) < EXECUTION_LIMIT:
                    known[each] = maker
                    queue.append(maker)
        return self._built(execution.execution_id, known, makers)

    def _recorded(self, execution: ExecutionRecord) -> dict[int, ExecutionRecord]:
        """What an execution's own record says of its origins: their records may have been ingested before."""
        bare = {
            origin.execution_id: ExecutionRecord(
                bridge=execution.bridge, execution_id=origin.execution_id, plan=origin.plan
            )
            for _, origin in execution.origins
            if origin.plan is not None
        }
        whole = {
            each.execution_id: ExecutionRecord(
                bridge=execution.bridge,
                execution_id=each.execution_id,
                plan=each.plan,
                facts=each.facts,
                origins=each.origins,
            )
            for each in execution.origin_executions
        }
        return {**bare, **whole}

    def number(self, origin: Origin) -> int:
        """The same number for the same lineage (plan, facts that matter, origins), of what `of` gave last."""
        return self._number[origin]

    def _built(self, top: int, known: Mapping[int, ExecutionRecord], makers: Mapping[int, Makers]) -> Origin:
        """The origins bottom-up; an execution that is not known, or that needs itself, is one without a plan."""
        built: dict[int, Origin] = {}
        under_way: set[int] = set()
        stack = [top]
        while stack:
            current = stack[-1]
            if current in built:
                stack.pop()
                continue
            below = [each for numbers in makers.get(current, {}).values() for each in numbers]
            waiting = [each for each in below if each not in built and each not in under_way]
            if current in known and waiting:
                under_way.add(current)
                stack.extend(waiting)
                continue
            stack.pop()
            under_way.discard(current)
            built[current] = self._origin(known.get(current), makers.get(current, {}), built)
        return built[top]

    def _origin(
        self, execution: ExecutionRecord | None, makers: Makers, built: Mapping[int, Origin]
    ) -> Origin:
        tree = self.plans.get(execution.plan or "") if execution is not None else None
        if execution is None or tree is None:
            return self._numbered(Origin(_LOST))
        facts = {tree.nodes[index]: each for index, each in execution.facts if index < len(tree.nodes)}
        lost = Origin(_LOST)
        found = {
            node: tuple(built.get(each) or self._numbered(lost) for each in numbers)
            for node, numbers in makers.items()
        }
        return self._numbered(Origin(tree, facts, found))

    def _makers(self, execution: ExecutionRecord, batch: ExecutionRecord | None) -> Makers:
        tree = self.plans.get(execution.plan or "")
        if tree is None:
            return {}
        found: dict[Node, list[int]] = {}
        for index, origin in execution.origins:
            found.setdefault(tree.nodes[index], []).append(origin.execution_id)
        if (
            batch is not None
            and execution.execution_id != batch.execution_id
            and execution.root == batch.root
        ):
            facts = dict(execution.facts)
            for node in tree.nodes:
                if node.name in RDD_RELATIONS and self._is_batch(execution, node, facts, batch):
                    found[node] = [batch.execution_id]
        return {node: tuple(numbers) for node, numbers in found.items()}

    def _is_batch(
        self, execution: ExecutionRecord, node: Node, facts: Mapping[int, Any], batch: ExecutionRecord
    ) -> bool:
        """Whether a relation stands for the rows that the micro-batch handed to its function."""
        handed = self.plans.get(batch.plan or "")
        rows = kept_rows(handed) if handed is not None else None
        if rows is None or node.output is None or rows.output is None:
            return False
        own = [_raw(execution, each.expr) for each in node.output]
        rdd = node.get("rdd")
        ancestry = facts.get(rdd.index, {}).get("ancestry") if isinstance(rdd, Node) else None
        is_handed = not ancestry or ancestry[0].get("class") == _HANDED_OVER
        return is_handed and None not in own and own == [_raw(batch, each.expr) for each in rows.output]

    def _numbered(self, origin: Origin) -> Origin:
        facts = tuple(
            (
                node.index,
                ancestry(each, self.naming) if "ancestry" in each else None,
                frozenset(self.naming.locate(path).id for path in each.get("paths") or ()),
            )
            for node, each in origin.facts.items()
        )
        below = tuple(
            (node.index, tuple(self._number[each] for each in origins))
            for node, origins in origin.origins.items()
        )
        self._number[origin] = self.numbers.setdefault((origin.tree.hash, facts, below), len(self.numbers))
        return origin


def _raw(execution: ExecutionRecord, expr: int) -> int | None:
    """Spark's own id of a local expression id."""
    return execution.expressions[expr] if expr < len(execution.expressions) else None
