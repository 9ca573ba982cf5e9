"""Operators that choose, order or fold rows: filter, sort, aggregate, distinct, window, expand."""

from __future__ import annotations

from typing import Any

from spark_lineage.analyze.expressions import conjuncts, references
from spark_lineage.analyze.operators.joins import is_join_condition
from spark_lineage.analyze.steps import Define, Part, Step, effects, named, passing, plans, selecting
from spark_lineage.decode.tree import Node, NodeKind
from spark_lineage.model import Subtype


def project(node: Node) -> Step:
    """SELECT list: each entry defines a column, nothing else stays."""
    return selecting(node, node.get("projectList"))


def filter_rows(node: Node) -> Step:
    """WHERE and HAVING, conjunct by conjunct.

    A conjunct that compares two sides of an inner join below is a join condition: `FROM a, b WHERE
    a.id = b.id` is `a JOIN b ON a.id = b.id`. One that mentions the enclosing query's columns is the
    condition of the join that a correlated subquery is.
    """
    (child,) = plans(node)
    rows = []
    for condition in conjuncts(node.get("condition")):
        mentioned, outer = references(condition)
        joins = outer or is_join_condition(child, mentioned)
        rows.append(Part(condition, Subtype.JOIN if joins else Subtype.FILTER))
    return passing(node, rows=tuple(rows))


def sort(node: Node) -> Step:
    """ORDER BY and SORT BY."""
    return passing(node, rows=effects(node.get("order"), Subtype.SORT))


def aggregate(node: Node) -> Step:
    """GROUP BY: keys decide the rows, the select list defines the columns.

    Spark plans a pivot as two aggregates; the lower one groups by the pivot column too, which the upper one
    undoes: its effect on the row set is withdrawn.
    """
    expressions = node.get("aggregateExpressions")
    return selecting(
        node,
        expressions,
        rows=effects(node.get("groupingExpressions"), Subtype.GROUP_BY),
        withdraws=effects(_pivot_columns(expressions), Subtype.GROUP_BY),
    )


def window(node: Node) -> Step:
    """Window functions: new columns beside those of the input."""
    return passing(node, defines=named(node.get("windowExpressions")))


def distinct(node: Node) -> Step:
    """SELECT DISTINCT: every column is a key."""
    (child,) = plans(node)
    return passing(node, rows=effects(child.output, Subtype.GROUP_BY))


def deduplicate(node: Node) -> Step:
    """`dropDuplicates`: the named columns are keys."""
    return passing(node, rows=effects(node.get("keys"), Subtype.GROUP_BY))


def expand(node: Node) -> Step:
    """Grouping sets and unpivot: each output column is one of several expressions, row by row."""
    projections = node.get("projections") or ()
    defines = [
        Define(attribute.expr, tuple(Part(projection[position]) for projection in projections))
        for position, attribute in enumerate(node.get("output") or ())
    ]
    return Step(inputs=plans(node), defines=tuple(defines))


def _pivot_columns(expressions: Any) -> list[Any]:
    found = []
    stack = list(expressions or ())
    while stack:
        item = stack.pop()
        if isinstance(item, Node):
            if item.name == "PivotFirst":
                found.append(item.get("pivotColumn"))
            stack.extend(item.nodes(NodeKind.EXPRESSION))
    return found
