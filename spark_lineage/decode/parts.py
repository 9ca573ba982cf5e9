"""What each node of a plan has directly inside, and the order that makes it cheap to say: from the leaves up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spark_lineage.decode.tree import Attribute, Node, NodeKind
from spark_lineage.errors import DecodeError

MAX_PARTS = 2_000_000
"""More than any record within the limits has: value objects that hold each other many times would unfold without end."""


def describe(nodes: Sequence[Node], inside: Sequence[list[Attribute | Node]]) -> None:
    """Fill in `parts`, `expressions`, `plans` and `has_subquery` of all nodes.

    `inside` has the attributes and nodes in the fields of each node, in order. Raises `DecodeError` where a node contains
    itself, which would hang every walker, or where the value objects unfold to more than `MAX_PARTS`.
    """
    below = [[each for each in found if type(each) is Node] if found else [] for found in inside]
    opened: dict[Node, list[Attribute | Node]] = {}
    total = 0
    for node in _from_the_leaves(nodes, below):
        found, nodes_found = inside[node.index], below[node.index]
        if nodes_found and not opened.keys().isdisjoint(nodes_found):
            total += sum(len(opened.get(each, ())) for each in nodes_found)
            if total > MAX_PARTS:
                raise DecodeError(f"the value objects of a plan unfold to more than {MAX_PARTS:,} values")
            found = [part for each in found for part in _opened(each, opened)]
            nodes_found = [each for each in found if type(each) is Node]
        if node.kind is NodeKind.VALUE and node.fields:
            opened[node] = found
        if nodes_found:
            node.expressions = tuple([each for each in nodes_found if each.kind is NodeKind.EXPRESSION])
            node.plans = tuple([each for each in nodes_found if each.kind is NodeKind.LOGICAL])
            node.has_subquery = any([each.has_subquery for each in node.expressions])  # noqa: C419 - twice as fast
        if node.kind is NodeKind.EXPRESSION:
            node.has_subquery = node.has_subquery or bool(node.plans)
            if len(node.expressions) == len(nodes_found):
                node.parts = tuple(found)
            else:
                node.parts = tuple(
                    [
                        each
                        for each in found
                        if isinstance(each, Attribute) or each.kind is NodeKind.EXPRESSION
                    ]
                )


def _opened(
    item: Attribute | Node, opened: Mapping[Node, list[Attribute | Node]]
) -> Iterable[Attribute | Node]:
    return opened.get(item, (item,)) if isinstance(item, Node) else (item,)


def _from_the_leaves(nodes: Sequence[Node], below: Sequence[list[Node]]) -> Iterable[Node]:
    """The nodes in an order in which each comes after those inside it.

    The bridge numbers a node when it is first named, so most plans' nodes stand before all that is inside them; only
    what is shared may stand elsewhere.
    """
    if all(each.index > node.index for node, found in zip(nodes, below, strict=True) for each in found):
        return reversed(nodes)
    order: list[Node] = []
    state = bytearray(len(nodes))  # 0 new, 1 open, 2 done
    for start in nodes:
        stack = [start]
        while stack:
            node = stack[-1]
            if state[node.index]:
                stack.pop()
                if state[node.index] == 1:
                    state[node.index] = 2
                    order.append(node)
                continue
            state[node.index] = 1
            for each in below[node.index]:
                if state[each.index] == 1:
                    raise DecodeError(f"a plan is not a tree: {each!r} contains itself")
                if not state[each.index]:
                    stack.append(each)
    return order
