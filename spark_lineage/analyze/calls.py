"""What a rule for an expression gets: the expression, the values of its parts, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from spark_lineage.analyze.scopes import RowSet, Scope
from spark_lineage.analyze.values import (
    NOTHING,
    Term,
    Value,
    merge,
    through,
)
from spark_lineage.decode.tree import Attribute, Node, NodeKind, flatten
from spark_lineage.model import Certainty, Problem, Severity, Subtype, weakest

HASHES_AND_MASKS = frozenset({
    "md5", "sha", "sha1", "sha2", "crc32", "hash", "xxhash64", "hivehash", "hive_hash", "mask", "aes_encrypt",
    "try_aes_encrypt",
})  # fmt: skip
"""Functions (by `prettyName`) after which a value cannot be read: they set `masking`."""


@dataclass(slots=True)
class Environment:
    """What an operator's expressions may see, and where their effects on the row set go.

    `decides_rows` where they stand in a condition: there a subquery's test is a join. `deciding` is the kind of what
    a condition reads: in a comparator it is what any other expression reads.
    """

    operator: str
    columns: Mapping[int, Value]
    plans: Mapping[Node, Scope]
    decides_rows: bool = False
    deciding: Subtype = Subtype.CONDITIONAL
    rows: list[RowSet] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    common: dict[Any, Value] = field(default_factory=dict)
    variables: dict[int | str, Value] = field(default_factory=dict)

    def problem(self, code: str, message: str, hint: str = "") -> None:
        """Note a problem at this operator."""
        self.problems.append(Problem(code, Severity.WARNING, message, self.operator, hint))


@dataclass(slots=True)
class Call:
    """One expression under evaluation: its node, and the values of its parts."""

    node: Node
    environment: Environment
    known: Mapping[Node, Value]

    def value(self, part: Any) -> Value:
        """The value of one part: an expression, an attribute, or anything else (nothing)."""
        if isinstance(part, Node) and part.kind is NodeKind.EXPRESSION:
            return self.known[part]
        if isinstance(part, Attribute):
            return column(part, self.environment)
        return Value()

    def of(self, name: str) -> Value:
        """The value of a field."""
        return self.value(self.node.get(name))

    def parts(self, *names: str) -> list[Value]:
        """The values of the expressions in some fields (all fields if none is named), lists opened."""
        if not names:
            return [self.value(item) for item in self.node.parts]
        chosen = [self.node.get(name) for name in names]
        return [self.value(item) for each in chosen for item in flatten(each) if is_expression(item)]

    def combine(
        self,
        values: list[Value],
        subtype: Subtype,
        term: Term,
        function: str | None = None,
        *,
        masking: bool = False,
    ) -> Value:
        """One value from several, all of one kind."""
        sources = merge(each.sources for each in values)
        return Value(
            through(sources, subtype, self.environment.operator, function, masking=masking),
            term,
            weakest(*(each.certainty for each in values)),
        )


Rule: TypeAlias = Callable[[Call], Value]


def is_expression(item: Any) -> bool:
    """Whether a field item is something that has a value."""
    return isinstance(item, Attribute) or (isinstance(item, Node) and item.kind is NodeKind.EXPRESSION)


def column(attribute: Attribute, environment: Environment) -> Value:
    """The value of an attribute in the operator's input."""
    value = environment.columns.get(attribute.expr)
    if value is None:
        environment.problem(
            "unresolved_attribute",
            f"the column {attribute.name} of {environment.operator} is not an output of its inputs",
            "please report the plan: its sources are unknown",
        )
        return Value(NOTHING, Term((attribute.name,)), Certainty.OPAQUE)
    return value


def function_name(node: Node) -> str:
    """The name that SQL knows a function by."""
    return node.label or node.name.lower()
