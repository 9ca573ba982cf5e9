"""Row-level commands: MERGE, UPDATE and DELETE say themselves what each column of the target gets.

Delta keeps them as the user wrote them. For the tables of other connectors (Iceberg) Spark's analyzer has put the plan
that does it in their place: one that writes the changed groups of rows anew (`ReplaceData`), or one that writes
what changed (`WriteDelta`). Both hold what is assigned, beside what only serves the writing. Where no table takes them over, they
stay as Spark has parsed them: Spark refuses them, unless a connector runs them itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spark_lineage.analyze.expressions import conjuncts
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.operators.merge import merge_instructions, outputs_of
from spark_lineage.analyze.rebuilt import evolved, type_of
from spark_lineage.analyze.relations import locate
from spark_lineage.analyze.steps import Part, effects
from spark_lineage.analyze.targets import TargetColumn, Write, target_of
from spark_lineage.decode.tree import Attribute, Node, NodeKind
from spark_lineage.model import Subtype

_OPERATION_COLUMN = "__row_operation"
"""What Spark adds to say what becomes of a row."""

_PLAIN = frozenset({"Alias", "Cast", "CheckOverflowInTableInsert", "CheckOverflowInTableWrite"})
"""Wrappers that pass a value on unchanged, unless the user wrote the cast."""


def merge(node: Node, naming: Naming) -> Write:
    """Delta's MERGE."""
    target, source = node.get("target"), node.get("source")
    clauses = _listed(node, "matchedClauses", "notMatchedClauses", "notMatchedBySourceClauses")
    actions = [
        action for clause in clauses for action in clause.get("actions") or () if isinstance(action, Node)
    ]
    columns = []
    for attribute in target.output or ():
        values = [action.get("expr") for action in actions if _action_target(action) == attribute.name]
        columns.append(_grown(_assigned(attribute, values), attribute, values))
    columns += _evolved(actions, {each.name for each in target.output or ()})
    rows = _matched(node.get("condition"), clauses)
    return Write("MERGE", target_of(target, naming), (target, source), tuple(columns), rows=rows)


def _listed(node: Node, *names: str) -> list[Node]:
    """The nodes in several lists of a command."""
    return [each for name in names for each in node.get(name) or () if isinstance(each, Node)]


def _matched(condition: Any, clauses: list[Node]) -> tuple[Part, ...]:
    """What decides the rows of a MERGE: what both sides are matched by, and the conditions of its clauses."""
    conditions = [each.get("condition") for each in clauses if each.get("condition") is not None]
    return effects([condition], Subtype.JOIN) + effects(conditions, Subtype.FILTER)


def _grown(column: TargetColumn, attribute: Attribute, values: list[Any]) -> TargetColumn:
    """The column with the fields that schema evolution adds to its structs: Delta has cast the values to the new type."""
    kind = attribute.type
    for value in values:
        kind = evolved(kind, type_of(value)) if kind.parts else kind
    return replace(column, type=kind.simple)


def _evolved(actions: list[Node], known: set[str]) -> list[TargetColumn]:
    """The columns that MERGE adds to its target by schema evolution, in the order of their first action."""
    added: dict[str, list[Any]] = {}
    for action in actions:
        name = _action_target(action)
        if name is not None and name not in known and len(action.get("targetColNameParts")) == 1:
            added.setdefault(name, []).append(action.get("expr"))
    return [
        TargetColumn(
            name, getattr(values[0].type, "simple", "unknown"), tuple(Part(value) for value in values)
        )
        for name, values in added.items()
    ]


def update(node: Node, naming: Naming) -> Write:
    """Delta's UPDATE."""
    target = node.get("target")
    output = target.output or ()
    values = node.get("updateExpressions") or ()
    columns = [_assigned(attribute, [value]) for attribute, value in zip(output, values, strict=False)]
    rows = effects(conjuncts(node.get("condition")), Subtype.FILTER)
    return Write("UPDATE", target_of(target, naming), (target,), tuple(columns), rows=rows)


def delete(node: Node, naming: Naming) -> Write:
    """DELETE of Delta, and of a table that deletes by a filter."""
    target = node.get("target") or node.get("table")
    columns = tuple(TargetColumn(each.name, each.type.simple, ()) for each in target.output or ())
    rows = effects(conjuncts(node.get("condition")), Subtype.FILTER)
    return Write("DELETE", target_of(target, naming), (target,), columns, rows=rows)


def plain_update(node: Node, naming: Naming) -> Write:
    """UPDATE as Spark has parsed it."""
    target = node.get("table")
    columns = _set(target, node.get("assignments") or ())
    rows = effects(conjuncts(node.get("condition")), Subtype.FILTER)
    return Write("UPDATE", target_of(target, naming), (target,), columns, rows=rows)


def plain_merge(node: Node, naming: Naming) -> Write:
    """MERGE as Spark has parsed it."""
    target, source = node.get("targetTable"), node.get("sourceTable")
    actions = _listed(node, "matchedActions", "notMatchedActions", "notMatchedBySourceActions")
    columns = _set(target, [each for action in actions for each in action.get("assignments") or ()])
    rows = _matched(node.get("mergeCondition"), actions)
    return Write("MERGE", target_of(target, naming), (target, source), columns, rows=rows)


def _set(target: Node, assignments: Any) -> tuple[TargetColumn, ...]:
    """What assignments put into the columns of a target; one to a field makes its column anew."""
    parts: dict[int, list[Part]] = {each.expr: [] for each in target.output or ()}
    for each in assignments:
        key, value = each.get("key"), each.get("value")
        column = key
        while isinstance(column, Node):
            column = column.get("child")
        if not isinstance(column, Attribute) or column.expr not in parts or _keeps(value, column):
            continue
        if key is column:
            parts[column.expr].append(Part(value))
        else:
            parts[column.expr] += effects([value, column], Subtype.TRANSFORMATION)
    return tuple(
        TargetColumn(each.name, each.type.simple, tuple(parts[each.expr])) for each in target.output or ()
    )


def rewritten(node: Node, naming: Naming) -> Write:
    """The command that `ReplaceData` or `WriteDelta` stands for, which their table's facts name."""
    relation = node.get("table")
    command = relation.get("table").facts.get("command")
    if command == "MERGE":
        return _rewritten_merge(node, relation, naming)
    values = _updated(node.get("query")) if command == "UPDATE" else {}
    columns = tuple(_assigned(each, list(values.get(each.name, ()))) for each in relation.output or ())
    rows = effects(conjuncts(node.get("condition")), Subtype.FILTER)
    return Write(str(command), locate(relation, naming), (relation,), columns, rows=rows)


def _updated(query: Any) -> dict[str, tuple[Any, ...]]:
    """Column -> what an UPDATE assigns to it. The rows that it leaves alone come from other branches, or from an IF's end."""
    while isinstance(query, Node):
        if query.name == "Expand":
            inserted = query.get("projections")[-1]
            return {
                each.name: (value,) for each, value in zip(query.get("output") or (), inserted, strict=False)
            }
        named = [each for each in query.get("projectList") or () if isinstance(each, Node)]
        names: dict[int | None, str] = {each.expr: each.name for each in query.output or ()}
        # An alias's own name is cut off where it is very long, its column's is there.
        assigned = {names.get(each.expr, str(each.get("name"))): (_new(each.get("child")),) for each in named}
        if query.name == "Project" and set(assigned) - {_OPERATION_COLUMN}:
            return assigned
        below = query.nodes(NodeKind.LOGICAL)
        query = below[0] if below else None
    return {}


def _new(value: Any) -> Any:
    """`IF(condition, new, old)` is the new value: the condition decides which rows are changed."""
    return value.get("trueValue") if isinstance(value, Node) and value.name == "If" else value


def _rewritten_merge(node: Node, relation: Node, naming: Naming) -> Write:
    rows_ = node.get("query")
    while rows_.name != "MergeRows":
        (rows_,) = rows_.nodes(NodeKind.LOGICAL)
    instructions = merge_instructions(rows_)
    position = {each.name: number for number, each in enumerate(rows_.get("output") or ())}
    columns = []
    for attribute in relation.output or ():
        at = position.get(attribute.name)
        given = (put for each in instructions for put in outputs_of(each))
        columns.append(_assigned(attribute, [] if at is None else [put[at] for put in given]))
    conditions = [each.get("condition") for each in instructions]
    # The command's condition is `true` where all groups of rows must be read, the join's lacks what was pushed below it.
    (join,) = rows_.nodes(NodeKind.LOGICAL)
    on = [each for part in (node, join) for each in conjuncts(part.get("condition"))]
    rows = effects(on, Subtype.JOIN) + effects(conditions, Subtype.FILTER)
    inputs = (relation, *_sources(join, relation))
    return Write("MERGE", locate(relation, naming), inputs, tuple(columns), rows=rows)


def _sources(join: Node, relation: Node) -> list[Node]:
    """What a MERGE joins its target with: the side of the join that has no column of the target."""
    own = {each.expr for each in relation.output or ()}
    return [
        side for side in join.nodes(NodeKind.LOGICAL) if not own & {each.expr for each in side.output or ()}
    ]


def _assigned(attribute: Attribute, values: list[Any]) -> TargetColumn:
    """What a row-level command puts into a column; a column that keeps its own value has no source."""
    parts = tuple(Part(value) for value in values if value is not None and not _keeps(value, attribute))
    return TargetColumn(attribute.name, attribute.type.simple, parts)


def _keeps(value: Any, attribute: Attribute) -> bool:
    while isinstance(value, Node) and value.name in _PLAIN and not value.user_cast:
        value = value.get("child")
    return isinstance(value, Attribute) and value.expr == attribute.expr


def _action_target(action: Node) -> str | None:
    parts = action.get("targetColNameParts")
    return ".".join(map(str, parts)) if isinstance(parts, tuple) else None
