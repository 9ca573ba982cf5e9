"""Generators: explode and its kin, and functions that make rows."""

from __future__ import annotations

from typing import Any

from spark_lineage.analyze.steps import Define, Part, PartOf, Step, effects, passing
from spark_lineage.analyze.values import ELEMENT, KEY, LENGTH, VALUE
from spark_lineage.decode.tree import Attribute, Node, NodeKind, flatten
from spark_lineage.model import Certainty, Subtype

RULED = frozenset({"Explode", "Inline", "PosExplode", "Stack"})
"""Generators whose columns come from parts of their arguments; `GeneratorOuter` is taken off before."""

OF_ALL_ARGUMENTS = frozenset({"Collations", "JsonTuple", "SQLKeywords", "VariantExplode"})
"""Generators whose columns are computed from all arguments, or from none."""

TABLE_FUNCTIONS = frozenset({"HiveGenericUDTF", "PythonUDTF", "UserDefinedGenerator"})
"""Programs: which argument a column depends on cannot be seen."""


def generate(node: Node) -> Step:
    """LATERAL VIEW, explode in a select list, table functions: the generator defines new columns."""
    generator = node.get("generator")
    while isinstance(generator, Node) and generator.name == "GeneratorOuter":
        generator = generator.get("child")
    output = tuple(each for each in node.get("generatorOutput") or () if isinstance(each, Attribute))
    if not isinstance(generator, Node):
        return passing(
            node, problem=("unknown_generator", "a generator was cut by a limit of the bridge", "")
        )
    return passing(node, defines=_defines(generator, output), rows=_rows(generator))


def _rows(generator: Node) -> tuple[Part, ...]:
    """What decides how many rows a generator joins to each row: a length, or all that a program is given."""
    if generator.name in {"Explode", "Inline", "PosExplode"}:
        return (Part(PartOf(generator.get("child"), LENGTH), Subtype.JOIN),)
    if generator.name in TABLE_FUNCTIONS or generator.name == "VariantExplode":
        return effects(_arguments(generator), Subtype.JOIN)
    return ()  # as many for every row


def _defines(generator: Node, output: tuple[Attribute, ...]) -> tuple[Define, ...]:
    child = generator.get("child")
    match generator.name:
        case "Explode":
            return _held(child, output)
        case "Inline":
            return tuple(
                Define(each.expr, (Part(PartOf(child, each.name, position)),))
                for position, each in enumerate(output)
            )
        case "PosExplode":
            position, *elements = output
            return (
                Define(position.expr, (Part(PartOf(child, LENGTH), Subtype.TRANSFORMATION),)),
                *_held(child, tuple(elements)),
            )
        case "Stack":
            return _stack(generator, output)
    certainty = Certainty.OVER_APPROXIMATE if generator.name in TABLE_FUNCTIONS else Certainty.EXACT
    arguments = tuple(Part(item, Subtype.TRANSFORMATION) for item in _arguments(generator))
    return tuple(Define(each.expr, arguments, certainty) for each in output)


def _held(child: Any, output: tuple[Attribute, ...]) -> tuple[Define, ...]:
    """What an exploded array or map holds: its elements, or its keys and its values."""
    names = (ELEMENT,) if len(output) == 1 else (KEY, VALUE)
    return tuple(
        Define(each.expr, (Part(PartOf(child, name)),)) for each, name in zip(output, names, strict=False)
    )


def _stack(generator: Node, output: tuple[Attribute, ...]) -> tuple[Define, ...]:
    """`stack(n, a, b, c, d)` fills its columns row by row: column i has every k-th value from i on."""
    _, *values = flatten(generator.get("children"))
    width = len(output)
    return tuple(
        Define(each.expr, tuple(Part(value) for value in values[position::width]))
        for position, each in enumerate(output)
    )


def _arguments(generator: Node) -> list[Any]:
    return [
        item
        for each in generator.fields.values()
        for item in flatten(each)
        if isinstance(item, Attribute) or (isinstance(item, Node) and item.kind is NodeKind.EXPRESSION)
    ]
