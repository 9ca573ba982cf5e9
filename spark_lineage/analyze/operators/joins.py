"""Joins: the condition's columns, both sides, decide which rows there are."""

from __future__ import annotations

from spark_lineage.analyze.expressions import conjuncts
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
    """Whether a condition over `node`'s output, on the columns `mentioned`, is one of an inner join at or below it.

    It belongs to the lowest join that has all its columns: it passes other filters, and the side of an outer
    join that the join keeps whole. If that join is an inner one, the condition compares its two sides.
    """
    mentioned = mentioned & _ids(node)
    while True:
        if node.name == "Filter":
            (node,) = plans(node)
            continue
        if node.name != "Join":
            return False
        kind = _join_type(node)
        left, right = node.get("left"), node.get("right")
        if kind in _KEEP_LEFT and _all_of(left, right, mentioned):
            node = left
        elif kind in _KEEP_RIGHT and _all_of(right, left, mentioned):
            node = right
        else:
            return kind in _INNER and bool(mentioned)


_INNER = frozenset({"Inner", "Cross"})
_KEEP_LEFT = _INNER | {"LeftOuter", "LeftSemi", "LeftAnti"}
_KEEP_RIGHT = _INNER | {"RightOuter"}


def _join_type(node: Node) -> str:
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
