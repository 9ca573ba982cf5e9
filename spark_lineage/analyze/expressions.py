"""Expressions -> values: the table of rules, and the iterative walk that applies them.

A rule gets a `Call` (the expression, and the values of its parts) and returns a `Value`. Rules never
recurse. An expression without a rule is a function of its arguments, TRANSFORMATION, which is right for
every deterministic function; what is not a function of its arguments has a rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from spark_lineage.analyze import aggregates, functions, lambdas, nested, subqueries
from spark_lineage.analyze.calls import (
    HASHES_AND_MASKS,
    Call,
    Environment,
    Rule,
    column,
    function_name,
)
from spark_lineage.analyze.render import call
from spark_lineage.analyze.values import (
    Value,
    derive,
    through,
)
from spark_lineage.decode.tree import Attribute, Node
from spark_lineage.model import Subtype


def evaluate(expression: Any, environment: Environment) -> Value:
    """The value of one expression or attribute in an environment."""
    if isinstance(expression, Attribute):
        return column(expression, environment)
    known: dict[Node, Value] = {}
    stack = [expression]
    while stack:
        node = stack[-1]
        if node in known:
            stack.pop()
            continue
        waiting = [each for each in _ordered_parts(node) if each not in known]
        if waiting and node.name in lambdas.BINDINGS:
            waiting = waiting[:1]
            if waiting[0].name == "LambdaFunction":
                lambdas.bind(Call(node, environment, known), waiting[0])
                if node.name in lambdas.COMPARING:
                    known.update(_comparator(waiting[0].get("function"), environment))
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        rule = _replaceable if _replacement(node) is not None else RULES.get(node.name, _function)
        known[node] = rule(Call(node, environment, known))
    return known[expression]


def _comparator(body: Any, environment: Environment) -> dict[Node, Value]:
    """The body of a comparator: its conditions give a value like any other. As deep as comparators stand in comparators."""
    if not isinstance(body, Node):
        return {}
    return {body: evaluate(body, replace(environment, deciding=Subtype.TRANSFORMATION))}


def subquery_plans(expressions: Iterable[Any]) -> list[Node]:
    """The logical plans inside expressions, in order: what must be resolved before they are evaluated."""
    found: list[Node] = []
    seen: set[Node] = set()
    stack = [each for each in expressions if isinstance(each, Node) and each.has_subquery]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        found.extend(node.plans)
        stack.extend([each for each in node.expressions if each.has_subquery])
    return found


def conjuncts(condition: Any) -> list[Any]:
    """The parts of a condition that top-level ANDs join, from left to right.

    BETWEEN is such an AND: Spark 3.5 parses it as one, Spark 4 as a function that it replaces by one.
    """
    result = []
    stack = [condition]
    while stack:
        part = stack.pop()
        both = _both(part)
        if both is not None:
            stack.extend(both[::-1])
        elif part is not None:
            result.append(part)
    return result


def _both(condition: Any) -> tuple[Any, Any] | None:
    """The two sides of an AND or of a BETWEEN; each of the latter with the common expressions that Spark puts around both."""
    if not isinstance(condition, Node):
        return None
    if condition.name == "And":
        return condition.get("left"), condition.get("right")
    replacement = _replacement(condition) if condition.name == "Between" else None
    if replacement is None or replacement.name != "With":
        return None if replacement is None else _both(replacement)
    inside = replacement.get("child")
    sides = _both(inside)
    if sides is None:
        return None
    left, right = (_around(side, replacement, inside) for side in sides)
    return left, right


def _around(side: Any, common: Node, inside: Node) -> Node:
    """The common expressions of a node with another one inside."""

    def exchanged(parts: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(side if each is inside else each for each in parts)

    return replace(
        common,
        fields={**common.fields, "child": side},
        parts=exchanged(common.parts),
        expressions=exchanged(common.expressions),
    )


def references(expression: Any) -> tuple[set[int], bool]:
    """The expression ids that an expression mentions, and whether it mentions an enclosing query's column.

    What stands inside its subqueries does not count.
    """
    found: set[int] = set()
    outer = False
    seen: set[Node] = set()
    stack = [expression]
    while stack:
        part = stack.pop()
        if isinstance(part, Attribute):
            found.add(part.expr)
        elif isinstance(part, Node) and part not in seen:
            seen.add(part)
            replacement = _replacement(part)
            if part.name == "OuterReference":
                outer = True
            elif replacement is not None:
                stack.append(replacement)
            elif not part.plans:
                stack.extend(part.parts)
    return found, outer


def literals_in(expression: Any) -> list[Node]:
    """The literals of an expression that have a number, in order; those of its subqueries are not among them."""
    found: list[Node] = []
    seen: set[Node] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        if not isinstance(node, Node) or node in seen:
            continue
        seen.add(node)
        if "l" in node.facts:
            found.append(node)
        stack.extend(reversed(_ordered_parts(node)))
    return found


def _ordered_parts(node: Node) -> tuple[Node, ...]:
    parts = node.expressions
    if not parts or node.name == "OuterReference":
        return ()
    replacement = _replacement(node)
    if replacement is not None:
        return (replacement,)
    if node.name == "With":  # the definitions must be known before the references
        return tuple(sorted(parts, key=lambda part: part.name != "CommonExpressionDef"))
    if node.name in lambdas.BINDINGS:  # what a lambda's variables stand for must be known before its body
        return tuple(sorted(parts, key=lambda part: part.name == "LambdaFunction"))
    return parts


def _replacement(node: Node) -> Node | None:
    replacement = node.get("replacement")
    return replacement if isinstance(replacement, Node) else None


def _function(call_: Call) -> Value:
    name = function_name(call_.node)
    values = call_.parts()
    if call_.node.plans:
        return subqueries.unknown_subquery(call_, values)
    term = call(name, [each.term for each in values])
    return call_.combine(values, Subtype.TRANSFORMATION, term, name, masking=name in HASHES_AND_MASKS)


def _replaceable(call_: Call) -> Value:
    """A function that Spark replaces by another: nvl, between, nullif, ...

    Its own fields may name columns that were renumbered since: the replacement alone is true.
    """
    name = function_name(call_.node)
    value = call_.value(_replacement(call_.node))
    masking = name in HASHES_AND_MASKS
    operator = call_.environment.operator
    return derive([value], lambda each: through(each[0], Subtype.IDENTITY, operator, name, masking=masking))


RULES: dict[str, Rule] = {
    "Alias": functions.passed_on,
    "KnownNotNull": functions.passed_on,
    "KnownNullable": functions.passed_on,
    "KnownNotContainsNull": functions.passed_on,
    "KnownFloatingPointNormalized": functions.passed_on,
    "NormalizeNaNAndZero": functions.passed_on,
    "AssertNotNull": functions.passed_on,
    "PromotePrecision": functions.passed_on,
    "CheckOverflow": functions.passed_on,
    "CheckOverflowInTableInsert": functions.passed_on,
    "CheckOverflowInTableWrite": functions.passed_on,
    "TempResolvedColumn": functions.passed_on,
    "UpCast": functions.passed_on,
    "IncrementMetric": functions.passed_on,
    "ConditionalIncrementMetric": functions.passed_on,
    "Cast": functions.cast,
    "Literal": functions.literal,
    "TypedNullLiteral": functions.null,
    "IsNull": functions.null_test,
    "IsNotNull": functions.null_test,
    "Not": functions.negation,
    "In": functions.in_list,
    "If": functions.if_else,
    "CaseWhen": functions.case_when,
    "Coalesce": functions.coalesce,
    "NaNvl": functions.coalesce,
    "SpecifiedWindowFrame": functions.no_source,
    "SortOrder": functions.sort_order,
    "PythonUDF": functions.user_function,
    "PythonUDAF": functions.user_function,
    "ScalaUDF": functions.user_function,
    "StaticInvoke": functions.static_invoke,
    "SQLScalarFunction": functions.sql_function,
    "TypeOf": functions.no_source,
    "Collation": functions.no_source,
    "PreciseTimestampConversion": functions.window_bound,
    "OuterReference": subqueries.outer_reference,
    "CommonExpressionDef": subqueries.common_definition,
    "CommonExpressionRef": subqueries.common_reference,
    "With": subqueries.with_common,
    "ScalarSubquery": subqueries.scalar_subquery,
    "Exists": subqueries.exists,
    "ListQuery": subqueries.list_query,
    "InSubquery": subqueries.in_subquery,
    **dict.fromkeys(functions.BINARY, functions.binary),
    **aggregates.RULES,
    **nested.RULES,
    **lambdas.RULES,
}
"""Expression class -> rule; everything else is a function of its arguments."""
