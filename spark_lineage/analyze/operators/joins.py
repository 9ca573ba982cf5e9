"""Joins: the condition's columns, both sides, decide which rows there are."""

from __future__ import annotations

from typing import Any

from spark_lineage.analyze.expressions import conjuncts, references
from spark_lineage.analyze.steps import Step, effects, passing, plans
from spark_lineage.decode.tree import Node, NodeKind, Opaque
from spark_lineage.model import Subtype


def join(node: Node) -> Step:
    """Every join type; semi and anti joins show the left side's columns alone (Spark's output says so)."""
    return passing(node, rows=effects(conjuncts(node.get("condition")), Subtype.JOIN))


def lateral_join(node: Node) -> Step:
    """LATERAL: the right side is a subquery over the left side's columns."""
    right = node.get("right")
    inner = right.nodes(NodeKind.LOGICAL) if isinstance(right, Node) else ()
    inputs = (*plans(node), *inner)
    rows = effects(conjuncts(node.get("condition")), Subtype.JOIN)
    return Step(inputs=inputs, inherits=tuple(range(len(inputs))), rows=rows, correlates=True)


def as_of_join(node: Node) -> Step:
    """`merge_asof`: of the rows that fit, the one that is nearest by the order."""
    conditions = [*conjuncts(node.get("asOfCondition")), *conjuncts(node.get("condition"))]
    return passing(node, rows=effects([*conditions, node.get("orderExpression")], Subtype.JOIN))


def nearest_by_join(node: Node) -> Step:
    """JOIN ... NEAREST BY: the rows of the right side that the ranking puts first."""
    return passing(node, rows=effects([node.get("rankingExpression")], Subtype.JOIN))


def is_join_condition(node: Node, mentioned: set[int]) -> bool:
    """Whether a condition over `node`'s output compares, by the columns `mentioned`, two sides of an inner join at or below it.

    It belongs to the lowest join that has all its columns: it passes what leaves rows and columns as they are,
    and the side of an outer join that the join keeps whole. A column that a select list or a generator makes stands for
    those that it is made of. If that join is an inner one, the condition compares its two sides.
    """
    mentioned = mentioned & _ids(node)
    while len(mentioned) > 1:
        if node.name in _TRANSPARENT:
            (node,) = plans(node)
        elif node.name in {"Project", "Generate"}:
            mentioned = _made_of(node, mentioned)
            (node,) = plans(node)
        elif node.name in {"Join", "LateralJoin"}:
            kind = join_type(node)
            left, right = _sides(node)
            if kind in _KEEP_LEFT and _all_of(left, right, mentioned):
                node = left
            elif kind in _KEEP_RIGHT and _all_of(right, left, mentioned):
                node = right
            else:
                return kind in _INNER
        else:
            return False
    return False


_TRANSPARENT = frozenset({
    "Filter", "SubqueryAlias", "PipeOperator", "ResolvedHint", "Sort", "Repartition", "RepartitionByExpression", "RebalancePartitions",
    "CollectMetrics", "EventTimeWatermark",
})  # fmt: skip
"""Operators that a condition may stand below as well as above. A view and a CTE are relations of their own, as a table is."""


def _made_of(node: Node, mentioned: set[int]) -> set[int]:
    """The columns below a select list or a generator that the mentioned ones are, or are made of."""
    made: dict[int | None, Any] = {
        each.expr: each for each in node.get("projectList") or () if isinstance(each, Node)
    }
    made |= {each.expr: node.get("generator") for each in node.get("generatorOutput") or ()}
    computed = (references(made[expr])[0] for expr in mentioned if expr in made)
    return {expr for expr in mentioned if expr not in made}.union(*computed)


def _sides(node: Node) -> tuple[Node, Node]:
    """The two inputs of a join; a lateral one has its right one inside a subquery."""
    left, right = node.get("left"), node.get("right")
    inner = right.nodes(NodeKind.LOGICAL) if node.name == "LateralJoin" else ()
    return left, inner[0] if inner else right


_INNER = frozenset({"Inner", "Cross"})
_KEEP_LEFT = _INNER | {"LeftOuter", "LeftSemi", "LeftAnti"}
_KEEP_RIGHT = _INNER | {"RightOuter"}


def join_type(node: Node) -> str:
    """The kind of a join as Spark's class says it: `Inner`, `LeftOuter`, ..."""
    kind = node.get("joinType")
    name = kind.class_name if isinstance(kind, Opaque | Node) else str(kind)
    return name.rpartition(".")[2].rstrip("$")


def _all_of(side: Node, other: Node, mentioned: set[int]) -> bool:
    """Whether columns of a join are all of one side.

    The narrower side is asked: one of a star join of 2,000 tables has thousands of columns, at each of 2,000 joins.
    """
    if len(side.output or ()) <= len(other.output or ()):
        return mentioned <= _ids(side)
    return mentioned.isdisjoint(_ids(other))


def _ids(node: Node) -> set[int]:
    return {each.expr for each in node.output or ()}
