"""A flat plan record -> a `PlanTree`, within limits and without trust.

Whatever the bytes say, the result is a finite acyclic graph whose references exist, or a `DecodeError`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from spark_lineage.decode.records import PlanRecord
from spark_lineage.decode.tree import (
    Attribute,
    Cut,
    DataType,
    ExprId,
    MapValue,
    Masked,
    Node,
    NodeKind,
    Opaque,
    PlanTree,
)
from spark_lineage.errors import DecodeError

MAX_NODES = 1_000_000
MAX_VALUE_DEPTH = 64

_PRIMITIVE_NAMES = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}


def decode_plan(record: PlanRecord) -> PlanTree:
    """Build the tree of one plan record; raises `DecodeError` for anything that is not a plan."""
    if len(record.nodes) > MAX_NODES:
        raise DecodeError(
            f"plan {record.hash} has {len(record.nodes):,} nodes, more than the {MAX_NODES:,} that are read"
        )
    try:
        tree = _Builder(record).build()
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        msgspec.MsgspecError,
        RecursionError,
    ) as error:
        detail = f"{type(error).__name__}: {error}"
        raise DecodeError(f"plan {record.hash} does not fit the format ({detail})") from error
    _refuse_cycles(tree)
    return tree


def data_type(json: Any, depth: int = 0) -> DataType:
    """Spark's `DataType.json`, decoded, as a `DataType`.

    >>> data_type({"type": "array", "elementType": "long", "containsNull": True}).simple
    'array<bigint>'
    """
    if depth > MAX_VALUE_DEPTH:
        raise ValueError("a data type is nested too deeply")
    if isinstance(json, str):
        return DataType(_PRIMITIVE_NAMES.get(json, json))
    inner = depth + 1
    match json["type"]:
        case "struct":
            names = tuple(each["name"] for each in json["fields"])
            parts = (f"{each['name']}:{data_type(each['type'], inner).simple}" for each in json["fields"])
            return DataType(f"struct<{','.join(parts)}>", names)
        case "array":
            element = data_type(json["elementType"], inner)
            return DataType(f"array<{element.simple}>", element.fields)
        case "map":
            key, value = data_type(json["keyType"], inner), data_type(json["valueType"], inner)
            return DataType(f"map<{key.simple},{value.simple}>")
        case "udt":
            return data_type(json["sqlType"], inner)
        case other:
            raise ValueError(f"unknown data type {other!r}")


class _Builder:
    """Two passes: nodes without fields first, so that references may point anywhere; then their fields."""

    def __init__(self, record: PlanRecord) -> None:
        self.record = record
        self.types = [data_type(msgspec.json.decode(text)) for text in record.types]
        self.attributes = [
            Attribute(int(expr), str(name), self.types[kind], tuple(map(str, qualifier)), bool(nullable))
            for expr, name, kind, qualifier, nullable in record.attributes
        ]
        self.tags: dict[str, Callable[[Any], Any]] = {
            "@": lambda index: self.nodes[index],
            "a": lambda index: self.attributes[index],
            "e": lambda expr: ExprId(int(expr)),
            "t": lambda index: self.types[index],
            "?": lambda length: Masked(int(length)),
            "o": lambda name: Opaque(str(name)),
            "cut": lambda limit: Cut(str(limit)),
        }
        self.nodes = [self._bare(index, raw) for index, raw in enumerate(record.nodes)]

    def build(self) -> PlanTree:
        for node, raw in zip(self.nodes, self.record.nodes, strict=True):
            names = self.record.classes[raw["c"]].get("fields", ())
            values = raw.get("f", ())
            node.fields = {name: self._value(value) for name, value in zip(names, values, strict=True)}
        return PlanTree(
            hash=self.record.hash,
            nodes=tuple(self.nodes),
            analyzed=self._root(self.record.analyzed),
            executed=self._root(self.record.executed),
            truncated=tuple(str(each.get("limit", "")) for each in self.record.truncated),
        )

    def _bare(self, index: int, raw: dict[str, Any]) -> Node:
        spec = self.record.classes[raw["c"]]
        class_name = str(spec["name"])
        output = raw.get("o")
        kind = raw.get("t")
        return Node(
            index=index,
            kind=NodeKind(spec["kind"]),
            class_name=class_name,
            name=class_name.rpartition(".")[2],
            output=None if output is None else tuple(self.attributes[each] for each in output),
            expr=raw.get("e"),
            label=str(raw.get("n", "")),
            type=None if kind is None else self.types[kind],
            user_cast=bool(raw.get("s", False)),
            facts=dict(raw.get("x", {})),
        )

    def _root(self, reference: dict[str, Any] | None) -> Node | None:
        return None if reference is None else self.nodes[reference["@"]]

    def _value(self, raw: Any, depth: int = 0) -> Any:
        if raw is None or isinstance(raw, bool | int | float | str):
            return raw
        if depth > MAX_VALUE_DEPTH:
            raise ValueError("a value is nested too deeply")
        if isinstance(raw, list):
            return tuple(self._value(each, depth + 1) for each in raw)
        ((tag, content),) = raw.items()
        if tag == "m":
            pairs = ((self._value(key, depth + 1), self._value(value, depth + 1)) for key, value in content)
            return MapValue(tuple(pairs))
        return self.tags[tag](content)


def _refuse_cycles(tree: PlanTree) -> None:
    """A cycle would hang every walker: found here, by depth-first colouring, iteratively."""
    state = bytearray(len(tree.nodes))  # 0 new, 1 open, 2 done
    for start in tree.nodes:
        stack = [start]
        while stack:
            node = stack[-1]
            if state[node.index]:
                stack.pop()
                state[node.index] = 2
                continue
            state[node.index] = 1
            for value in _references(node):
                if state[value.index] == 1:
                    raise DecodeError(f"plan {tree.hash} is not a tree: {value!r} contains itself")
                if not state[value.index]:
                    stack.append(value)


def _references(node: Node) -> list[Node]:
    found = []
    stack = list(node.fields.values())
    while stack:
        value = stack.pop()
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, tuple):
            stack.extend(value)
        elif isinstance(value, MapValue):
            stack.extend(part for pair in value.pairs for part in pair)
    return found
