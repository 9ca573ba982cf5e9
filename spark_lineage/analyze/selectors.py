"""What makes another lineage besides the edges: the version that a read asked for, and literals that select a part.

`m['x']` and `m['y']` read different values of one column: their lineage is not the same though their sources are. So
the keyed hash of such a literal is part of the fingerprint. All other literals are not: a job that filters by another
date every day has one fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from spark_lineage.analyze.relations import RELATIONS, requested_version
from spark_lineage.decode.tree import Node, PlanTree, flatten

_SELECTING = {
    "GetMapValue": "key",
    "GetArrayItem": "ordinal",
    "Get": "right",
    "ElementAt": "right",
    "GetJsonObject": "path",
    "JsonTuple": "children",
    "VariantGet": "path",
    "XPathBoolean": "path",
    "XPathDouble": "path",
    "XPathFloat": "path",
    "XPathInt": "path",
    "XPathList": "path",
    "XPathLong": "path",
    "XPathShort": "path",
    "XPathString": "path",
}
"""Expression -> the field whose literals select a part of a value."""


def selectors(tree: PlanTree, literals: Sequence[str | None]) -> tuple[str, ...]:
    """The versions asked for and the hashes of selecting literals, in the order of the plan's nodes.

    `literals` are the keyed hashes of the plan's literals, by number.
    """
    return tuple(text for node in tree.nodes for text in _of(node, literals))


def selecting(tree: PlanTree, literals: Sequence[str | None]) -> tuple[str | None, ...]:
    """All that `selectors` takes of the literals: where these are the same, a plan's lineage is."""
    numbers: tuple[int, ...] = tree.once("selecting", lambda: _selecting_numbers(tree))
    return tuple([literals[each] if each < len(literals) else "" for each in numbers])


def _selecting_numbers(tree: PlanTree) -> tuple[int, ...]:
    found = (each for node in tree.nodes for each in _numbers(node))
    return tuple(dict.fromkeys(each for each in found if isinstance(each, int)))


def _of(node: Node, literals: Sequence[str | None]) -> Iterator[str]:
    version = requested_version(node) if node.name in RELATIONS else None
    if version is not None:
        yield f"version:{version}"
    for index in _numbers(node):
        if isinstance(index, int) and index < len(literals):
            yield f"{node.name}:{literals[index]}"


def _numbers(node: Node) -> list[Any]:
    """The numbers of the literals by which an expression selects."""
    if node.name in _SELECTING:
        return [_number(item) for item in flatten(node.get(_SELECTING[node.name]))]
    if node.name == "PivotFirst":
        return list(node.facts.get("values", ()))
    if node.name == "If":
        return [_pivot_value(node.get("predicate"))]
    return []


def _number(item: Any) -> Any:
    return item.facts.get("l") if isinstance(item, Node) else None


def _pivot_value(condition: Any) -> Any:
    """The number of a pivot's value where Spark plans the pivot with conditions: `if(x <=> CAST(value AS ...), ...)`."""
    if not isinstance(condition, Node) or condition.name != "EqualNullSafe":
        return None
    value = condition.get("right")
    if isinstance(value, Node) and value.name == "Cast" and not value.user_cast:
        return _number(value.get("child"))
    return None
