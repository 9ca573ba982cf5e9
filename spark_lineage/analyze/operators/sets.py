"""Set operations: columns meet by position."""

from __future__ import annotations

from spark_lineage.analyze.steps import Define, Part, Step, effects, plans
from spark_lineage.decode.tree import Node
from spark_lineage.model import Subtype


def union(node: Node) -> Step:
    """UNION ALL: each column comes from the same position of every branch."""
    inputs = plans(node)
    defines = []
    for position, attribute in enumerate(node.output or ()):
        parts = [
            Part(child.output[position], input=number)
            for number, child in enumerate(inputs)
            if child.output is not None and position < len(child.output)
        ]
        defines.append(Define(attribute.expr, tuple(parts)))
    return Step(inputs=inputs, defines=tuple(defines))


def intersect_or_except(node: Node) -> Step:
    """INTERSECT, EXCEPT: the values are the left side's, both sides' columns are keys."""
    inputs = plans(node)
    left = inputs[0].output or ()
    defines = [
        Define(attribute.expr, (Part(source, input=0),))
        for attribute, source in zip(node.output or (), left, strict=False)
    ]
    rows = [
        effect
        for number, child in enumerate(inputs)
        for effect in effects(child.output, Subtype.GROUP_BY, number)
    ]
    return Step(inputs=inputs, defines=tuple(defines), rows=tuple(rows))
