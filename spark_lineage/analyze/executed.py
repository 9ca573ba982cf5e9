"""The executed plan as a graph of operators: what gives which rows, without the nodes that do nothing themselves.

Operators are those that Spark's own pages show: a query stage and what only adapts between row formats of
generated code (`InputAdapter`) is the operator inside it.
"""

from __future__ import annotations

from collections.abc import Iterator

from spark_lineage.decode.tree import Node, NodeKind, PlanTree, flatten

_SHELLS = ("InputAdapter", "QueryStageExec")
"""Endings of the classes of nodes that do nothing themselves."""


def executed(tree: PlanTree) -> Iterator[Node]:
    """The operators of the executed plan, subqueries included, depth first, each once."""
    if tree.executed is None:
        return
    seen: set[Node] = set()
    stack = list(_opened(tree.executed))
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield node
            stack.extend(reversed((*children(node), *subqueries(node))))


def children(node: Node) -> tuple[Node, ...]:
    """The operators that give an operator its rows."""
    if node.below is None:
        node.below = tuple(each for child in _physical(node, "children") for each in _opened(child))
    return node.below


def subqueries(node: Node) -> tuple[Node, ...]:
    """The operators whose result an operator's expressions use."""
    if node.beside is None:
        node.beside = tuple(each for child in _physical(node, "subqueries") for each in _opened(child))
    return node.beside


def never_begun(tree: PlanTree) -> set[Node]:
    """The operators that an empty relation took the place of before they ran: those above the stages that had."""
    found: set[Node] = set()
    stack = [
        child
        for node in executed(tree)
        if node.name == "EmptyRelationExec"
        for child in _physical(node, "children")
    ]
    while stack:
        node = stack.pop()
        if not node.name.endswith("QueryStageExec") and node not in found:
            found.add(node)
            stack.extend(_physical(node, "children"))
    return found


def _physical(node: Node, field: str) -> tuple[Node, ...]:
    found = flatten(node.get(field) or ())
    return tuple(each for each in found if isinstance(each, Node) and each.kind is NodeKind.PHYSICAL)


def _opened(node: Node) -> tuple[Node, ...]:
    """The node, or what is inside it where it is a shell."""
    while node.name.endswith(_SHELLS):
        inside = _physical(node, "children")
        if len(inside) != 1:
            return inside
        node = inside[0]
    return (node,)
