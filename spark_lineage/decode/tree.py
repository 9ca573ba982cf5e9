"""Plan trees as values: what the analyzer walks.

A plan is a directed acyclic graph of `Node`s. Field values are plain Python (None, bool, int, float, str,
tuple), other nodes, and the small classes below. Nodes are compared by identity: what the bridge
found shared by reference is one object here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar

Found = TypeVar("Found")


class NodeKind(str, Enum):
    """What a node was in the JVM."""

    LOGICAL = "logical"
    EXPRESSION = "expression"
    PHYSICAL = "physical"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class DataType:
    """A Spark data type: `simple` is Spark's simpleString; `fields` the names where it is a struct or an array of one.

    `parts` are the types of a struct's fields, of an array's element, of a map's key and value.
    """

    simple: str
    fields: tuple[str, ...] = ()
    kind: str = ""
    parts: tuple[DataType, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """A resolved column of an operator's output; identity is `expr`, the local expression id."""

    expr: int
    name: str
    type: DataType
    qualifier: tuple[str, ...] = ()
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class ExprId:
    """A bare expression id."""

    expr: int


@dataclass(frozen=True, slots=True)
class MapValue:
    """A map, as pairs in the order of the JVM's iteration."""

    pairs: tuple[tuple[Any, Any], ...]

    def texts(self) -> dict[str, str]:
        """The pairs whose key and value both passed the masking, by lower-case key."""
        return {
            key.lower(): value for key, value in self.pairs if isinstance(key, str) and isinstance(value, str)
        }


@dataclass(frozen=True, slots=True)
class Masked:
    """A text that did not pass the masking."""

    length: int


@dataclass(frozen=True, slots=True)
class Opaque:
    """An object that the bridge did not enter: only its class name is known."""

    class_name: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A limit of the bridge was reached here: what stood here is not known, nor whether it was an operator or a value."""

    limit: str


NO_FACTS: Mapping[str, Any] = MappingProxyType({})


@dataclass(eq=False, slots=True)
class Node:
    """One operator, expression or value object.

    `name` is the class name without its package; `output` is None where Spark could not give it;
    `expr` is the expression id of an expression that has one outside its fields (Alias); `label` is
    an expression's `prettyName` or a physical operator's `nodeName`.

    What walkers ask of each node again and again, the decoder says once. All three open lists, maps and value objects in
    the fields, in field order: `parts` are the attributes and expressions (of an expression alone), `expressions` the
    expressions, `plans` the logical operators. `has_subquery` is whether one of the expressions in it, at any depth,
    has a plan. `below` and `beside` are what `spark_lineage.analyze.executed` has found of an operator that ran, once it was asked.
    """

    index: int
    kind: NodeKind
    class_name: str
    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    output: tuple[Attribute, ...] | None = None
    expr: int | None = None
    label: str = ""
    type: DataType | None = None
    user_cast: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Attribute | Node, ...] = ()
    expressions: tuple[Node, ...] = ()
    plans: tuple[Node, ...] = ()
    has_subquery: bool = False
    below: tuple[Node, ...] | None = None
    beside: tuple[Node, ...] | None = None

    def get(self, name: str) -> Any:
        """The value of a field, None where the class has no such field on this Spark."""
        return self.fields.get(name)

    def nodes(self, kind: NodeKind) -> tuple[Node, ...]:
        """The nodes of one kind directly in the fields, lists, maps and value objects opened, in field order."""
        if kind is NodeKind.EXPRESSION:
            return self.expressions
        if kind is NodeKind.LOGICAL:
            return self.plans
        inside = flatten(tuple(self.fields.values()))
        return tuple(value for value in inside if isinstance(value, Node) and value.kind is kind)

    def __repr__(self) -> str:
        return f"{self.name}#{self.index}"


@dataclass(frozen=True, slots=True)
class PlanTree:
    """A decoded plan section; `truncated` names the limits that the bridge reached, `found` is for `once`.

    `is_whole` is whether nothing was cut off that lineage goes through: of what ran, or of a name, something may be.
    """

    hash: str
    nodes: tuple[Node, ...]
    analyzed: Node | None
    executed: Node | None
    truncated: tuple[str, ...] = ()
    is_whole: bool = True
    found: dict[Hashable, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def once(self, key: Hashable, find: Callable[[], Found]) -> Found:
        """What `find` gives of this plan; it is asked once for each key, and many executions have the same plan."""
        if key not in self.found:
            self.found[key] = find()
        known: Found = self.found[key]
        return known


def flatten(value: Any) -> Iterator[Any]:
    """Every value inside nested tuples, maps and product values, in order; nodes that are trees stay closed."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(reversed(item))
        elif isinstance(item, MapValue):
            stack.extend(part for pair in reversed(item.pairs) for part in reversed(pair))
        elif isinstance(item, Node) and item.kind is NodeKind.VALUE and item.fields:
            stack.extend(reversed(tuple(item.fields.values())))
        else:
            yield item
