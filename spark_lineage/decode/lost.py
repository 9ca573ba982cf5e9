"""Whether a limit of the bridge took away something that lineage goes through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spark_lineage.decode.tree import Cut, Node, NodeKind

FACTS_BYTES = 8 << 20
"""The value of the limit `bytes` where it is that of the paths beside a plan, `RunFacts.FACTS_LIMIT` of the bridge."""

_NAMED = frozenset({"Alias", "AttributeReference"})
"""Expressions whose `name` nothing is found by: a column's name is its attribute's."""


def has_lost_part(
    nodes: Iterable[Node], marked: Iterable[Node], truncated: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether something of the analyzed plan was cut off, or may be where no mark says so.

    `marked` are the nodes with a `Cut` in their fields. All that is no physical operator is of the analyzed plan: the bridge
    enters neither expressions nor values of what ran.
    """
    return (
        any(_is_silent(each) for each in truncated)
        or any(_lacks_more_than_its_name(node) for node in marked)
        or (bool(truncated) and any(_is_bare(node) for node in nodes))
    )


def _is_silent(limit: Mapping[str, Any]) -> bool:
    """Whether a limit leaves no mark: a map just ends at that of elements, and paths are not in the nodes."""
    return limit.get("limit") == "elements" or (
        limit.get("limit") == "bytes" and limit.get("value") == FACTS_BYTES
    )


def _lacks_more_than_its_name(node: Node) -> bool:
    if node.kind is NodeKind.PHYSICAL:
        return False
    cut = [name for name, value in node.fields.items() if isinstance(value, Cut)]
    return node.name not in _NAMED or cut != ["name"]


def _is_bare(node: Node) -> bool:
    """Whether nothing of a node is there but its class, or an operator's columns are not.

    An operator without them may be one whose columns the rules go by (a union's branch, what a command writes), so it is a loss;
    where only the executed plan's are missing, it is none. An expression that has no fields has its name, a value its facts.
    """
    if node.kind is NodeKind.LOGICAL:
        return node.output is None
    return node.kind is NodeKind.EXPRESSION and not node.fields and not node.label
