"""`MergeRows`: what Spark makes of a MERGE's clauses, each joined row put out by the first clause that it meets."""

from __future__ import annotations

from typing import Any

from spark_lineage.analyze.steps import Define, Part, Step, effects, plans
from spark_lineage.decode.tree import Node, Opaque
from spark_lineage.model import Subtype

_LEAVING = frozenset({"Copy$", "Delete$"})
"""Contexts of what a clause puts out only to leave a row as it is, or to have it deleted."""


def merge_rows(node: Node) -> Step:
    """Each output column is one of what the clauses put there; their conditions decide the rows."""
    instructions = merge_instructions(node)
    given = [put for each in instructions for put in outputs_of(each)]
    defines = tuple(
        Define(attribute.expr, tuple(Part(put[position]) for put in given))
        for position, attribute in enumerate(node.get("output") or ())
    )
    conditions = [each.get("condition") for each in instructions]
    return Step(inputs=plans(node), defines=defines, rows=effects(conditions, Subtype.FILTER))


def merge_instructions(node: Node) -> list[Node]:
    """The clauses of all three kinds, in their order."""
    names = ("matchedInstructions", "notMatchedInstructions", "notMatchedBySourceInstructions")
    return [each for name in names for each in node.get(name) or () if isinstance(each, Node)]


def outputs_of(instruction: Node) -> list[tuple[Any, ...]]:
    """The rows that a clause updates or inserts; the first of a split one is the row that it deletes."""
    context = instruction.get("context")
    name = (
        context.class_name.rpartition(".")[2].rpartition("MergeRows$")[2]
        if isinstance(context, Opaque)
        else ""
    )
    if name in _LEAVING:
        return []
    put = instruction.get("otherOutput" if "otherOutput" in instruction.fields else "output")
    return [put] if isinstance(put, tuple) else []
