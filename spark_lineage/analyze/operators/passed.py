"""Operators that change neither values nor, in lineage's sense, which rows there are."""

from __future__ import annotations

from spark_lineage.analyze.steps import Define, Step, passing
from spark_lineage.decode.tree import Attribute, Node


def passed(node: Node) -> Step:
    """LIMIT, SAMPLE, hints, aliases, repartitioning: columns pass as they are."""
    return passing(node)


def numbered(node: Node) -> Step:
    """The pandas API on Spark numbers the rows: one more column, of no source."""
    number = node.get("sequenceAttr")
    return passing(node, defines=(Define(number.expr, ()),) if isinstance(number, Attribute) else ())


def with_cte(node: Node) -> Step:
    """WITH: the query alone; its CTEs come in where they are referred to."""
    return Step(inputs=(node.get("plan"),), inherits=(0,))


def view(node: Node) -> Step:
    """A view: temporary ones dissolve, a catalog view is named in its columns' `via`."""
    description = node.get("desc")
    identifier = description.facts.get("identifier") if isinstance(description, Node) else None
    name = ".".join(map(str, identifier)) if identifier and node.get("isTempView") is False else None
    return passing(node, view=name)
