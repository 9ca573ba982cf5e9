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
    return Step(inputs=inputs, inherits=tuple(range(len(inputs))), rows=rows)


def is_inner_join(node: Node) -> bool:
    """Whether a join keeps exactly the pairs that its condition accepts."""
    kind = node.get("joinType")
    if node.name != "Join" or kind is None:
        return False
    name = kind.class_name if isinstance(kind, Opaque | Node) else str(kind)
    return name.rpartition(".")[2].rstrip("$") in {"Inner", "Cross"}
