"""Rules for aggregate functions and for functions over a window.

An aggregate function that hands on one of its inputs (`first`, `max_by`, `collect_list`) hands on its parts: the
rule of the function says which, as a TRANSFORMATION, and the aggregation makes AGGREGATION of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spark_lineage.analyze.calls import Call, Rule, function_name, is_expression
from spark_lineage.analyze.functions import conditional
from spark_lineage.analyze.nested import built, chosen, passing_elements
from spark_lineage.analyze.rebuilt import type_of
from spark_lineage.analyze.render import call, joined, without_parentheses
from spark_lineage.analyze.values import (
    ELEMENT,
    LENGTH,
    Constant,
    Term,
    Value,
    derive,
    field_keys,
    merge,
    part,
    through,
)
from spark_lineage.decode.tree import Attribute, Node, flatten
from spark_lineage.model import Subtype, weakest

RANKING = frozenset({"Rank", "DenseRank", "PercentRank", "CumeDist", "RowNumber", "NTile"})
"""Window functions whose result depends on the window's order alone, not on an argument."""

FOLDING = frozenset({"NthValue", "EWM", "LastNonNull", "NullIndex"})
"""Window functions that fold the rows of a window: AGGREGATION. All but the first are the pandas API's."""

SHIFTING = frozenset({"Lag", "Lead"})
"""Window functions that take another row's value: TRANSFORMATION."""


GROUPED_AGGREGATE_PANDAS = 202
"""`PythonEvalType.SQL_GROUPED_AGG_PANDAS_UDF`."""


def aggregate_expression(call_: Call) -> Value:
    """An aggregate function with its DISTINCT and FILTER."""
    function = call_.node.get("aggregateFunction")
    value = call_.of("aggregateFunction")
    if function.name != "PivotFirst":
        value = _aggregated(call_, function, value)
    if call_.node.get("filter") is None:
        return value
    condition = call_.of("filter")
    term = Term((value.term, " FILTER (WHERE ", condition.term, ")"))
    return conditional(call_, [condition], [value], term)


def _aggregated(call_: Call, function: Node, value: Value) -> Value:
    name = function_name(function)
    replacement = function.get("replacement")
    if isinstance(replacement, Node):  # its own fields may name columns that were renumbered since
        function = replacement
    arguments = [
        call_.value(item)
        for each in function.fields.values()
        for item in flatten(each)
        if is_expression(item)
    ]
    distinct = "DISTINCT " if call_.node.get("isDistinct") else ""
    term = Term((f"{name}({distinct}", *joined([without_parentheses(each.term) for each in arguments]), ")"))
    term = _without_nulls(function, term)
    return _of_group(call_, value, term, name)


def _of_group(call_: Call, value: Value, term: Term, name: str | None = None) -> Value:
    """A value, and each of its parts, after an aggregation."""
    operator = call_.environment.operator
    return derive([value], lambda each: through(each[0], Subtype.AGGREGATION, operator, name), term)


def pivot_first(call_: Call) -> Value:
    """What Spark plans a pivot with: the pivot column decides which value."""
    pivot, value = call_.of("pivotColumn"), call_.of("valueColumn")
    return conditional(call_, [pivot], [value], value.term)


def window_expression(call_: Call) -> Value:
    """A function OVER a window: partition and order columns are WINDOW."""
    function = call_.node.get("windowFunction")
    value = call_.of("windowFunction")
    if isinstance(function, Node) and function.name in RANKING:
        value = Value(term=call(function_name(function), []))
    elif isinstance(function, Node) and (function.name in FOLDING or _is_grouped_aggregate(function)):
        value = _of_group(call_, value, value.term)
    window = call_.of("windowSpec")
    if isinstance(function, Node):
        value = replace(value, term=_without_nulls(function, value.term))
    deciding = through(window.sources, Subtype.WINDOW, call_.environment.operator)
    frame = (
        _frame(call_.node) if isinstance(function, Node) and function.name not in RANKING | SHIFTING else ()
    )
    term = Term((value.term, " OVER (", window.term, " " if window.term.parts and frame else "", *frame, ")"))
    result = derive([value], lambda each: merge([each[0], deciding]), term)
    return Value(result.sources, term, weakest(value.certainty, window.certainty), result.parts)


def _without_nulls(function: Node, term: Term) -> Term:
    """The term of a function that may take no NULLs: `first(b) IGNORE NULLS`."""
    return Term((term, " IGNORE NULLS")) if function.get("ignoreNulls") is True else term


def _frame(node: Node) -> tuple[str | Constant, ...]:
    """`ROWS BETWEEN ? PRECEDING AND CURRENT ROW`; nothing for the frame that a window has by itself.

    The sign of a masked number is not known, but SQL's PRECEDING is a minus.
    """
    specification = node.get("windowSpec")
    frame = specification.get("frameSpecification") if isinstance(specification, Node) else None
    if not isinstance(frame, Node):
        return ()
    rows = "RowFrame" in str(frame.get("frameType"))
    ends = (_bound(frame.get("lower")), _bound(frame.get("upper")))
    usual_end = "CURRENT ROW" if specification.get("orderSpec") else "UNBOUNDED FOLLOWING"
    if ends == (("UNBOUNDED PRECEDING",), (usual_end,)) and rows != bool(specification.get("orderSpec")):
        return ()
    return (f"{'ROWS' if rows else 'RANGE'} BETWEEN ", *ends[0], " AND ", *ends[1])


def _bound(bound: Any) -> tuple[str | Constant, ...]:
    name = bound.name.rstrip("$") if isinstance(bound, Node) else ""
    if name in _BOUNDS:
        return (_BOUNDS[name],)
    number = bound.get("child") if name == "UnaryMinus" else bound
    is_literal = isinstance(number, Node) and "l" in number.facts
    return (Constant(number, "?") if is_literal else "?", *([" PRECEDING"] if name == "UnaryMinus" else []))


_BOUNDS = {
    "UnboundedPreceding": "UNBOUNDED PRECEDING",
    "UnboundedFollowing": "UNBOUNDED FOLLOWING",
    "CurrentRow": "CURRENT ROW",
}


def _is_grouped_aggregate(function: Node) -> bool:
    return function.name == "PythonUDF" and function.get("evalType") == GROUPED_AGGREGATE_PANDAS


def window_spec(call_: Call) -> Value:
    """PARTITION BY and ORDER BY of a window."""
    partitions, orders = call_.parts("partitionSpec"), call_.parts("orderSpec")
    parts: list[str | Term] = []
    if partitions:
        parts += ["PARTITION BY ", *joined([each.term for each in partitions])]
    if orders:
        parts += [" ORDER BY " if parts else "ORDER BY ", *joined([each.term for each in orders])]
    return call_.combine([*partitions, *orders], Subtype.IDENTITY, Term(tuple(parts)))


# aggregate functions whose result is, or holds, one of their inputs


def greatest(call_: Call) -> Value:
    """`max`, `min`: structs are compared field by field, so a field is chosen by those before it, too."""
    value = call_.of("child")
    names = field_keys(type_of(call_.node).fields) if type_of(call_.node).kind == "struct" else ()
    result = passing_elements(call_, [value], value.sources)
    if not names:
        return result
    fields = [part(value, name) for name in names]
    parts = {
        name: passing_elements(call_, [own], merge(each.sources for each in fields[:position]))
        for position, (name, own) in enumerate(zip(names, fields, strict=True))
    }
    return Value(result.sources, result.term, result.certainty, parts)


def most_frequent(call_: Call) -> Value:
    """`mode`: values are compared as a whole."""
    value = call_.of("child")
    return passing_elements(call_, [value], value.sources)


def collected(call_: Call) -> Value:
    """`collect_list`: the elements are the inputs that are not null; what never is has one for each row."""
    value = call_.of("child")
    length = Value() if _never_null(call_.node.get("child")) else value
    return built(call_, [value], {ELEMENT: value, LENGTH: length})


def _never_null(item: Any) -> bool:
    if isinstance(item, Attribute):
        return not item.nullable
    return isinstance(item, Node) and item.name in {"CreateNamedStruct", "CreateArray", "CreateMap"}


def collected_once(call_: Call) -> Value:
    """`collect_set`: the elements are inputs, compared as a whole."""
    value = call_.of("child")
    return built(call_, [value], {ELEMENT: passing_elements(call_, [value], value.sources)})


RULES: dict[str, Rule] = {
    "AggregateExpression": aggregate_expression,
    "PivotFirst": pivot_first,
    "WindowExpression": window_expression,
    "WindowSpecDefinition": window_spec,
    "First": chosen,
    "Last": chosen,
    "AnyValue": chosen,
    "MaxBy": chosen,
    "MinBy": chosen,
    "Lag": chosen,
    "Lead": chosen,
    "NthValue": chosen,
    "Max": greatest,
    "Min": greatest,
    "Mode": most_frequent,
    "CollectList": collected,
    "CollectSet": collected_once,
}
"""Expression class -> rule."""
