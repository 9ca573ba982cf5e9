"""A second opinion on the columns of a plan, which shares no rule with the analyzer.

It asks one question: which stored columns can reach an output column at all, if every attribute that an expression
mentions counts, and every column below an operator counts for those of its outputs that no expression defines (in
Expand, those at its place)? So a column that nothing reaches truly has no source, and a source that does not reach its
column is wrong. It knows the expression ids of one plan only and mixes branches that share them: what it finds is too much
rather than too little, and that a column is reached proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spark_lineage.decode.tree import Attribute, Node, NodeKind, PlanTree, flatten

MADE = frozenset(
    {
        "LocalRelation",
        "ResolvedInlineTable",
        "OneRowRelation",
        "Range",
        "EmptyRelation",
        "CommandResult",
        "LogicalRDD",
    }
)
"""Leaves whose rows are not stored anywhere."""
BY_POSITION = frozenset({"Union", "Intersect", "Except", "UnionLoop", "CTERelationRef", "UnionLoopRef"})
"""Operators whose columns are those below, by their place."""

OF_TYPES = frozenset({"TypeOf", "Collation"})
"""Functions that look at the type of their argument alone."""


def reaching(tree: PlanTree, root: Node) -> list[set[str]]:
    """For each output column of `root`, the names of the stored columns that can reach it."""
    below: dict[int, set[int]] = {}
    stored: dict[int, str] = {}
    references = _definitions(tree)
    for node in tree.nodes:
        if node.kind is NodeKind.EXPRESSION and node.expr is not None:
            below.setdefault(node.expr, set()).update(_mentioned(node))
        elif node.kind is NodeKind.LOGICAL:
            _link(node, references, below, stored)
    return [
        {stored[expr] for expr in _all_below(each.expr, below) if expr in stored}
        for each in root.output or ()
    ]


def _definitions(tree: PlanTree) -> dict[Any, Node]:
    """What references by number stand for: common table expressions and recursive queries."""
    found = {}
    for node in tree.nodes:
        if node.name == "CTERelationDef":
            found["cte", node.get("id")] = node
        elif node.name == "UnionLoop":
            found["loop", node.get("id")] = node
    return found


def _link(
    node: Node, definitions: dict[Any, Node], below: dict[int, set[int]], stored: dict[int, str]
) -> None:
    children = list(node.nodes(NodeKind.LOGICAL))
    if node.name == "CTERelationRef":
        children = [each for each in [definitions.get(("cte", node.get("cteId")))] if each is not None]
    elif node.name == "UnionLoopRef":
        children = [each for each in [definitions.get(("loop", node.get("loopId")))] if each is not None]
    output = node.output or ()
    if not children:
        if node.name not in MADE and not _is_of_no_files(node):
            stored.update((each.expr, each.name) for each in output)
        return
    inputs = [child.output or () for child in children]
    by_position = node.name in BY_POSITION
    inherited = {each.expr for columns in inputs for each in columns}
    inherited.update(expr for part in _expressions(node) for expr in _outputs(part))
    defined = {part.expr for part in _expressions(node) if part.expr is not None}
    projections = node.get("projections") if node.name == "Expand" else ()
    for position, column in enumerate(output):
        links = below.setdefault(column.expr, set())
        if projections:
            links.update(expr for each in projections for expr in _mentioned(each[position]))
            continue
        if by_position:
            links.update(columns[position].expr for columns in inputs if position < len(columns))
        elif column.expr not in inherited and column.expr not in defined:
            links.update(inherited if node.name != "Generate" else ())
            links.update(expr for part in _expressions(node) for expr in _mentioned(part))


def _is_of_no_files(node: Node) -> bool:
    """A temporary view USING a format without a path: its index of files has none."""
    return any(index.facts.get("paths") == [] for index in node.nodes(NodeKind.VALUE))


def _expressions(node: Node) -> Iterator[Node]:
    """The expressions directly in an operator's fields."""
    for value in node.fields.values():
        for item in flatten(value):
            if isinstance(item, Node) and item.kind is NodeKind.EXPRESSION:
                yield item


def _outputs(expression: Node) -> set[int]:
    """The output of a subquery's plan."""
    return {each.expr for plan in expression.nodes(NodeKind.LOGICAL) for each in plan.output or ()}


def _mentioned(expression: Any) -> set[int]:
    """All attributes inside an expression whose values can count in it.

    A subquery counts by what it gives, since its correlation decides rows; but EXISTS gives whether there is a match.
    """
    found: set[int] = set()
    seen: set[int] = set()
    stack: list[Any] = [expression]
    while stack:
        item = stack.pop()
        if isinstance(item, Attribute):
            found.add(item.expr)
        elif isinstance(item, Node) and item.index not in seen:
            seen.add(item.index)
            if item.name in OF_TYPES:
                continue
            if item.nodes(NodeKind.LOGICAL):
                found.update(_matched(item) if item.name == "Exists" else _outputs(item))
            else:
                stack.extend(inner for value in item.fields.values() for inner in flatten(value))
    return found


def _matched(exists: Node) -> set[int]:
    """The columns that a correlated subquery's rows are matched by: those in the conjuncts that have an outer column."""
    found: set[int] = set()
    operators = list(exists.nodes(NodeKind.LOGICAL))
    while operators:
        operator = operators.pop()
        operators += operator.nodes(NodeKind.LOGICAL)
        conjuncts = list(_expressions(operator))
        while conjuncts:
            conjunct = conjuncts.pop()
            if conjunct.name == "And":
                conjuncts += _expressions(conjunct)
            elif _has_outer(conjunct):
                found |= _mentioned(conjunct)
    return found


def _has_outer(expression: Node) -> bool:
    return expression.name == "OuterReference" or any(_has_outer(each) for each in _expressions(expression))


def _all_below(column: int, below: dict[int, set[int]]) -> set[int]:
    reached = {column}
    stack = [column]
    while stack:
        for source in below.get(stack.pop(), ()):
            if source not in reached:
                reached.add(source)
                stack.append(source)
    return reached
