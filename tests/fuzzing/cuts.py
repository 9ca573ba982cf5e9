"""A plan record as the bridge writes it when one of its limits is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

Json = Any


def cut_at_bytes(record: Json, kept: int) -> Json:
    """The first `kept` nodes whole; of the others those that they name, with their class and nothing of what they have."""
    named = [number for node in record["nodes"][:kept] for number in _named(node["f"])]
    count = max([kept, *(number + 1 for number in named)])
    classes = list(record["classes"])
    nodes = list(record["nodes"][:kept])
    for node in record["nodes"][kept:count]:
        bare = record["classes"][node["c"]] | {"fields": []}
        if bare not in classes:
            classes.append(bare)
        nodes.append({"c": classes.index(bare), "f": []})
    return _ended(record, nodes, "bytes") | {"classes": classes}


def cut_at_nodes(record: Json, kept: int) -> Json:
    """The first `kept` nodes; where they name another one there is a mark."""
    nodes = [node | {"f": _marked(node["f"], kept)} for node in record["nodes"][:kept]]
    return _ended(record, nodes, "nodes")


def with_a_mark(record: Json) -> Iterator[Json]:
    """The record with a mark in the place of a node, for each place that names one."""
    for number, node in enumerate(record["nodes"]):
        for named in dict.fromkeys(_named(node["f"])):
            nodes = list(record["nodes"])
            nodes[number] = node | {"f": _marked(node["f"], named, named)}
            yield record | {"nodes": nodes, "truncated": [{"limit": "nodes", "value": 1}]}


CUTS: dict[str, Callable[[Json, int], Json]] = {"bytes": cut_at_bytes, "nodes": cut_at_nodes}
"""Limit -> what it leaves of a record."""


def _ended(record: Json, nodes: list[Json], limit: str) -> Json:
    roots = {name: record[name] for name in ("analyzed", "executed")}
    left = {
        name: root if root is not None and root["@"] < len(nodes) else None for name, root in roots.items()
    }
    return record | left | {"nodes": nodes, "truncated": [{"limit": limit, "value": 1}]}


def _named(value: Json) -> list[int]:
    """The numbers of the nodes that a value names."""
    if isinstance(value, list):
        return [number for each in value for number in _named(each)]
    if not isinstance(value, dict):
        return []
    return [value["@"]] if "@" in value else _named(value.get("m"))


def _marked(value: Json, first: int, last: float = inf) -> Json:
    """The value with a mark for each node from the first to the last."""
    if isinstance(value, list):
        return [_marked(each, first, last) for each in value]
    if not isinstance(value, dict):
        return value
    if "m" in value:
        return {"m": _marked(value["m"], first, last)}
    return {"cut": "nodes"} if first <= value.get("@", -1) <= last else value
