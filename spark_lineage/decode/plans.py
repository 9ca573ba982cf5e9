"""A flat plan record -> a `PlanTree`, within limits and without trust.

Whatever the bytes say, the result is a finite acyclic graph whose references exist, or a `DecodeError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from spark_lineage.decode.facts import PlanFacts
from spark_lineage.decode.lost import has_lost_part
from spark_lineage.decode.parts import describe
from spark_lineage.decode.records import (
    NO_FACTS_JSON,
    NO_OUTPUT_JSON,
    AttributeRecord,
    NodeRecord,
    PlanRecord,
    SpanRecord,
)
from spark_lineage.decode.room import (
    ATTRIBUTE_BYTES,
    COLUMN_BYTES,
    ELEMENT_BYTES,
    NODE_BYTES,
    TEXT_BYTES,
    TYPE_BYTES,
    Room,
    object_bytes,
)
from spark_lineage.decode.spans import Spans
from spark_lineage.decode.tree import (
    NO_FACTS,
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

MAX_NODES = 250_000
"""The bridge's own limit."""

MAX_COLUMNS = 250_000
"""Of one operator: the analyzer gives each a name, a type and its sources."""

MAX_VALUE_DEPTH = 64

MANY_FIELDS = 64
"""More than a class of Spark has: they are counted as a list's values."""

LONG_BYTES = 100_000
"""What is longer is weighed before it is read."""

Found = TypeVar("Found")

_PRIMITIVE_NAMES = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}


def decode_plan(record: PlanRecord) -> PlanTree:
    """Build the tree of one plan record; raises `DecodeError` for anything that is not a plan."""
    if len(record.nodes) > MAX_NODES:
        raise DecodeError(
            f"plan {record.hash[:64]} has {len(record.nodes):,} nodes, more than the {MAX_NODES:,} that are read"
        )
    try:
        return _Builder(record).build()
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        msgspec.MsgspecError,
        RecursionError,
        MemoryError,
    ) as error:
        raise DecodeError(
            f"plan {record.hash[:64]} does not fit the format ({type(error).__name__}: {error})"
        ) from error


def data_type(json: Any, depth: int = 0, take: Callable[[int], None] = lambda _: None) -> DataType:
    """Spark's `DataType.json`, decoded, as a `DataType`; `take` is told how much memory each takes.

    >>> data_type({"type": "array", "elementType": "long", "containsNull": True}).simple
    'array<bigint>'
    """
    if depth > MAX_VALUE_DEPTH:
        raise ValueError("a data type is nested too deeply")
    found = _data_type(json, depth + 1, take)
    take(TYPE_BYTES + len(found.simple))
    return found


def _data_type(json: Any, inner: int, take: Callable[[int], None]) -> DataType:
    if isinstance(json, str):
        return DataType(_PRIMITIVE_NAMES.get(json, json))
    match json["type"]:
        case "struct":
            names = tuple(each["name"] for each in json["fields"])
            parts = tuple(data_type(each["type"], inner, take) for each in json["fields"])
            texts = (f"{name}:{part.simple}" for name, part in zip(names, parts, strict=True))
            return DataType(f"struct<{','.join(texts)}>", names, "struct", parts)
        case "array":
            element = data_type(json["elementType"], inner, take)
            return DataType(f"array<{element.simple}>", element.fields, "array", (element,))
        case "map":
            key, value = data_type(json["keyType"], inner, take), data_type(json["valueType"], inner, take)
            return DataType(f"map<{key.simple},{value.simple}>", kind="map", parts=(key, value))
        case "udt":
            return data_type(json["sqlType"], inner, take)
        case other:
            raise ValueError(f"unknown data type {other!r}")


_INSIDE = frozenset({dict, list})
"""What JSON's values with something inside are; all others stand for themselves."""

_attributes = msgspec.json.Decoder(list[AttributeRecord])
_fields = msgspec.json.Decoder(list[Any])
_output: msgspec.json.Decoder[list[int] | SpanRecord | None] = msgspec.json.Decoder(
    list[int] | SpanRecord | None
)
_facts = msgspec.json.Decoder(PlanFacts)


class _Builder:
    """Two passes: nodes without fields first, so that references may point anywhere; then their fields.

    Spans name those before them, so they are read in the second, in the order in which they were written.

    A plan of 10,000 operators has millions of values: what is done for each of them is written out and kept in local names.
    """

    def __init__(self, record: PlanRecord) -> None:
        self.record = record
        self.room = Room(record.hash)
        self.room.take(len(record.nodes), NODE_BYTES)
        self.room.take(sum(map(len, record.types)), TEXT_BYTES)
        self.types = [data_type(msgspec.json.decode(text), take=self.room.take) for text in record.types]
        self.attributes = self._attributes()
        self.tags: dict[str, Callable[[Any], Any]] = {
            "e": lambda expr: ExprId(int(expr)),
            "t": lambda index: self.types[index],
            "?": lambda length: Masked(int(length)),
            "o": lambda name: Opaque(str(name)),
            "cut": lambda limit: self._marked(Cut(str(limit))),
        }
        kinds = [(NodeKind(each.kind), each.name, each.name.rpartition(".")[2]) for each in record.classes]
        self.nodes = [self._bare(index, raw, *kinds[raw.c]) for index, raw in enumerate(record.nodes)]
        self.cut = self._cut()
        self.found: list[Attribute | Node] = []
        self.has_mark = False
        self.spans = Spans(self.attributes, self.room)

    def _cut(self) -> dict[int, Cut]:
        """The value objects that waited when the bridge reached a limit: no other one has neither fields nor facts."""
        if not self.record.truncated:
            return {}
        left = Cut(str(self.record.truncated[0].get("limit", "")))
        classes = self.record.classes
        return {
            node.index: left
            for node, raw in zip(self.nodes, self.record.nodes, strict=True)
            if node.kind is NodeKind.VALUE and not classes[raw.c].fields and raw.x is NO_FACTS_JSON
        }

    def _attributes(self) -> list[Attribute]:
        raws = _attributes.decode(self.record.attributes)
        self.room.take(len(raws), ATTRIBUTE_BYTES)
        raws.reverse()
        types, made = self.types, []
        while raws:  # each is let go of when it is read
            each = raws.pop()
            made.append(Attribute(each.expr, each.name, types[each.type], each.qualifier, each.nullable))
        return made

    def build(self) -> PlanTree:
        names = [each.fields for each in self.record.classes]
        inside, marked = [], []
        value = self._value
        for node, raw in zip(self.nodes, self.record.nodes, strict=True):
            self.found = []
            raws = self._read(_fields, raw.f)
            if raws or names[raw.c]:
                if len(raws) > MANY_FIELDS:
                    self.room.take(len(raws), ELEMENT_BYTES)
                values = [value(each) if type(each) in _INSIDE else each for each in raws]
                node.fields = dict(zip(names[raw.c], values, strict=True))
            inside.append(self.found)
            if self.has_mark:
                marked.append(node)
                self.has_mark = False
            if raw.o is not NO_OUTPUT_JSON:
                node.output = self._output(self._read(_output, raw.o))
        describe(self.nodes, inside)
        return PlanTree(
            hash=self.record.hash,
            nodes=tuple(self.nodes),
            analyzed=self._root(self.record.analyzed),
            executed=self._root(self.record.executed),
            truncated=tuple(str(each.get("limit", "")) for each in self.record.truncated),
            is_whole=not has_lost_part(self.nodes, marked, self.record.truncated),
        )

    def _marked(self, mark: Cut) -> Cut:
        """A `Cut` of the node that is read."""
        self.has_mark = True
        return mark

    def _read(self, decoder: msgspec.json.Decoder[Found], raw: msgspec.Raw) -> Found:
        """What of a node was left as JSON; where it is long, it is weighed first."""
        if memoryview(raw).nbytes > LONG_BYTES:
            self.room.check(bytes(raw))
        return decoder.decode(raw)

    def _output(self, raw: list[int] | SpanRecord | None) -> tuple[Attribute, ...] | None:
        if raw is None:
            return None
        if isinstance(raw, SpanRecord):
            output = self.spans.read(raw.a)
        else:
            self.room.take(len(raw), COLUMN_BYTES)
            attributes = self.attributes
            output = tuple([attributes[each] for each in raw])
        if len(output) > MAX_COLUMNS:
            raise DecodeError(
                f"plan {self.record.hash[:64]} has an operator of {len(output):,} columns, more than the {MAX_COLUMNS:,} that are read"
            )
        return output

    def _bare(self, index: int, raw: NodeRecord, kind: NodeKind, class_name: str, name: str) -> Node:
        return Node(
            index,
            kind,
            class_name,
            name,
            NO_FACTS,
            None,
            raw.e,
            raw.n,
            None if raw.t is None else self.types[raw.t],
            raw.s,
            self._facts(raw.x),
        )

    def _facts(self, raw: msgspec.Raw) -> Mapping[str, Any]:
        if raw is NO_FACTS_JSON:
            return NO_FACTS
        self.room.take(object_bytes(bytes(raw)))
        return _facts.decode(raw)

    def _root(self, reference: dict[str, Any] | None) -> Node | None:
        return None if reference is None else self.nodes[reference["@"]]

    def _value(self, raw: Any, depth: int = 0) -> Any:
        """The value of a field; attributes and nodes in it are noted in `found`, in order."""
        if isinstance(raw, dict):
            ((tag, content),) = raw.items()
            if tag == "a" or tag == "@":  # noqa: PLR1714 - a set would cost more than the rest
                if self.cut and tag == "@" and content in self.cut:
                    return self._marked(self.cut[content])
                item = self.attributes[content] if tag == "a" else self.nodes[content]
                self.found.append(item)
                return item
            if tag != "m":
                return self.tags[tag](content)
        elif not isinstance(raw, list):
            return raw
        if depth > MAX_VALUE_DEPTH:
            raise ValueError("a value is nested too deeply")
        if isinstance(raw, list):
            return self._list(raw, depth + 1)
        self.room.take(len(raw["m"]), ELEMENT_BYTES)
        pairs = ((self._value(key, depth + 1), self._value(value, depth + 1)) for key, value in raw["m"])
        return MapValue(tuple(pairs))

    def _list(self, raw: list[Any], depth: int) -> tuple[Any, ...]:
        """The values of a list: mostly the attributes of a select list, so those are not passed on one by one."""
        self.room.take(len(raw), ELEMENT_BYTES)
        attributes, found = self.attributes, self.found
        values: list[Any] = []
        for each in raw:
            if isinstance(each, dict) and "a" in each:
                content = each["a"]
                if isinstance(content, list):
                    span = self.spans.read(content)
                    found += span
                    values += span
                    continue
                value = attributes[content]
                found.append(value)
            else:
                value = self._value(each, depth)
            values.append(value)
        return tuple(values)
