"""Operators that run a program over whole rows, and operators that nobody has a rule for.

What such a program reads cannot be seen in the plan: every column of its input is taken as a source of
every column that it makes, a superset, marked `over_approximate`.
"""

from __future__ import annotations

from spark_lineage.analyze.steps import Define, Part, Step, effects, plans
from spark_lineage.decode.tree import Node, flatten
from spark_lineage.model import Certainty, Subtype


def superset(node: Node) -> Step:
    """Every new output column from every input column; grouping keys decide the rows."""
    inputs = plans(node)
    inherited = {each.expr for child in inputs for each in child.output or ()}
    parts = tuple(
        Part(each, Subtype.TRANSFORMATION, number)
        for number, child in enumerate(inputs)
        for each in child.output or ()
    )
    defines = [
        Define(each.expr, parts, Certainty.OVER_APPROXIMATE)
        for each in node.output or ()
        if each.expr not in inherited
    ]
    rows = effects([*flatten(node.get("groupingAttributes") or ())], Subtype.GROUP_BY)
    return Step(
        inputs=inputs,
        inherits=tuple(range(len(inputs))),
        defines=tuple(defines),
        rows=rows,
    )


def cogroup(node: Node) -> Step:
    """Two inputs, both grouped by keys.

    The keys lead each side's output; older Spark names them, newer Spark counts them.
    """
    step = superset(node)
    rows: list[Part] = []
    for number, (name, child) in enumerate(zip(("left", "right"), step.inputs, strict=False)):
        count = node.get(f"{name}GroupingLen")
        keys = (
            (child.output or ())[:count]
            if isinstance(count, int)
            else flatten(node.get(f"{name}Group") or ())
        )
        rows += effects([*keys], Subtype.GROUP_BY, number)
    return Step(step.inputs, step.inherits, step.defines, rows=tuple(rows))


def stateful(node: Node) -> Step:
    """`transformWithState` in Python: the keys lead the input's output, and the initial state's, and are counted."""
    step = superset(node)
    rows: list[Part] = []
    for number, (name, child) in enumerate(
        zip(("groupingAttributesLen", "initGroupingAttrsLen"), step.inputs, strict=False)
    ):
        count = node.get(name)
        rows += effects(
            (child.output or ())[: count if isinstance(count, int) else None], Subtype.GROUP_BY, number
        )
    return Step(step.inputs, step.inherits, step.defines, rows=tuple(rows))


def unknown(node: Node) -> Step:
    """An operator without a rule: the superset, and a problem that names it."""
    step = superset(node)
    problem = (
        "unknown_operator",
        f"the operator {node.name} has no rule: all its input columns are taken as sources of its output",
        "see SUPPORTED.md; please report the operator",
    )
    certainty = Certainty.OVER_APPROXIMATE if step.inputs else Certainty.OPAQUE
    return Step(step.inputs, step.inherits, step.defines, step.rows, certainty=certainty, problem=problem)
