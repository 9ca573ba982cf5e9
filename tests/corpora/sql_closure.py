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
    """A temporary view USING a format without a path."""
    indexes = (each.get("location") for each in node.nodes(NodeKind.VALUE))
    return any(isinstance(index, Node) and index.facts.get("paths") == [] for index in indexes)


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
    """All attributes inside an expression; of a subquery only what it gives, since its correlation decides rows."""
    found: set[int] = set()
    seen: set[int] = set()
    stack: list[Any] = [expression]
    while stack:
        item = stack.pop()
        if isinstance(item, Attribute):
            found.add(item.expr)
        elif isinstance(item, Node) and item.index not in seen:
            seen.add(item.index)
            if item.nodes(NodeKind.LOGICAL):
                found.update(_outputs(item) if item.name != "Exists" else ())
            else:
                stack.extend(inner for value in item.fields.values() for inner in flatten(value))
    return found


def _all_below(column: int, below: dict[int, set[int]]) -> set[int]:
    reached = {column}
    stack = [column]
    while stack:
        for source in below.get(stack.pop(), ()):
            if source not in reached:
                reached.add(source)
                stack.append(source)
    return reached
