"""What an operator's rule says of one operator: edges between expression ids, nothing resolved.

A rule is a pure function `Node -> Step`. It never looks below the operator's own fields (the joins below a
WHERE excepted), never recurses and never looks up a name: `spark_lineage.analyze.resolve` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from spark_lineage.decode.tree import Attribute, Node
from spark_lineage.model import Certainty, Subtype


@dataclass(frozen=True, slots=True)
class PartOf:
    """The part `name` of an expression's value, or field number `position` of the structs in an array.

    `name` counts there only if the array's type is not known.
    """

    expression: Any
    name: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One contribution: an expression over input number `input`, or over all inputs (None)."""

    expression: Any
    subtype: Subtype = Subtype.IDENTITY
    input: int | None = None


@dataclass(frozen=True, slots=True)
class Define:
    """A new column: its expression id, and the parts whose union it is."""

    expr: int
    parts: tuple[Part, ...]
    certainty: Certainty = Certainty.EXACT


@dataclass(frozen=True, slots=True)
class Step:
    """One operator: `inputs` are the plans below, `inherits` those whose columns stay visible.

    `passes` are the columns of the input that a select list names as they are: most of a wide one, so they are told from
    `defines`, which are evaluated one by one. `correlates` where the other inputs may name the first one's columns.
    `withdraws` are row-set effects of the operator directly below, and of no other, that this one shows to be none. `view` is the
    catalog view that ends here. `problem` is (code, sentence, hint).
    """

    inputs: tuple[Node, ...] = ()
    inherits: tuple[int, ...] = ()
    defines: tuple[Define, ...] = ()
    rows: tuple[Part, ...] = ()
    withdraws: tuple[Part, ...] = ()
    view: str | None = None
    certainty: Certainty = Certainty.EXACT
    problem: tuple[str, str, str] | None = None
    passes: tuple[Attribute, ...] = ()
    correlates: bool = False


Rule: TypeAlias = Callable[[Node], Step]


def plans(node: Node) -> tuple[Node, ...]:
    """The logical operators directly below an operator."""
    return node.plans


def passing(node: Node, **changes: Any) -> Step:
    """A step whose inputs' columns all stay visible."""
    inputs = plans(node)
    return Step(inputs=inputs, inherits=tuple(range(len(inputs))), **changes)


def expr_of(expression: Any) -> int | None:
    """The expression id that a named expression defines."""
    if isinstance(expression, Attribute):
        return expression.expr
    return expression.expr if isinstance(expression, Node) else None


def selecting(node: Node, expressions: Any, **changes: Any) -> Step:
    """A step that shows the columns of a select list and nothing else."""
    chosen = expressions or ()
    return Step(
        inputs=plans(node),
        passes=tuple([each for each in chosen if isinstance(each, Attribute)]),
        defines=named(each for each in chosen if not isinstance(each, Attribute)),
        **changes,
    )


def named(expressions: Any) -> tuple[Define, ...]:
    """A definition for each named expression of a list."""
    defines = []
    for each in expressions or ():
        expr = expr_of(each)
        if expr is not None:
            defines.append(Define(expr, (Part(each),)))
    return tuple(defines)


def effects(expressions: Any, subtype: Subtype, at: int | None = None) -> tuple[Part, ...]:
    """A row-set effect for each expression of a list."""
    return tuple(Part(each, subtype, at) for each in expressions or ())
