"""Rules for expressions that are not just functions of their arguments, by what they do with their values.

What counts as IDENTITY is decided here and nowhere else: a column, an alias, a cast that the user did not
write, a struct field, an array element or map value, the branches of CASE, IF and COALESCE.
"""

from __future__ import annotations

from typing import Any

from spark_lineage.analyze.calls import (
    Call,
    function_name,
    is_expression,
)
from spark_lineage.analyze.render import call, joined, without_parentheses
from spark_lineage.analyze.values import (
    Term,
    Value,
    extend_path,
    merge,
    through,
)
from spark_lineage.decode.tree import Attribute, Node, Opaque, flatten
from spark_lineage.model import Subtype, weakest

BINARY = {
    "Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "Remainder": "%", "IntegralDivide": "div",
    "EqualTo": "=", "EqualNullSafe": "<=>", "LessThan": "<", "LessThanOrEqual": "<=", "GreaterThan": ">",
    "GreaterThanOrEqual": ">=", "And": "AND", "Or": "OR", "BitwiseAnd": "&", "BitwiseOr": "|", "BitwiseXor": "^",
    "Like": "LIKE", "RLike": "RLIKE",
}  # fmt: skip


RANKING = frozenset({"Rank", "DenseRank", "PercentRank", "CumeDist", "RowNumber", "NTile"})
"""Window functions whose result depends on the window's order alone, not on an argument."""

FOLDING = frozenset({"NthValue", "EWM", "LastNonNull", "NullIndex"})
"""Window functions that fold the rows of a window: AGGREGATION. All but the first are the pandas API's."""

SHIFTING = frozenset({"Lag", "Lead"})
"""Window functions that take another row's value: TRANSFORMATION."""


GROUPED_AGGREGATE_PANDAS = 202
"""`PythonEvalType.SQL_GROUPED_AGG_PANDAS_UDF`."""


def passed_on(call_: Call) -> Value:
    """A wrapper: its value is its only child's."""
    return next(iter(call_.parts()), Value())


def cast(call_: Call) -> Value:
    """CAST: what the user wrote changes the value, what Spark added to fit types does not."""
    value = call_.of("child")
    if not call_.node.user_cast:
        return value
    kind = call_.node.get("dataType")
    name = getattr(kind, "simple", "?")
    return call_.combine([value], Subtype.TRANSFORMATION, Term(("CAST(", value.term, f" AS {name})")), "cast")


def binary(call_: Call) -> Value:
    """An operator between two values."""
    symbol = BINARY[call_.node.name]
    left, right = call_.of("left"), call_.of("right")
    term = Term(("(", left.term, f" {symbol} ", right.term, ")"))
    return call_.combine([left, right], Subtype.TRANSFORMATION, term, symbol.lower())


def literal(call_: Call) -> Value:
    """A constant: no source; NULL is not masked."""
    facts = call_.node.facts
    text = "NULL" if facts.get("null") else str(facts["value"]) if "value" in facts else "?"
    return Value(term=Term((text,)))


def null(_: Call) -> Value:
    """NULL of the type of something else."""
    return Value(term=Term(("NULL",)))


def null_test(call_: Call) -> Value:
    """IS NULL and IS NOT NULL."""
    value = call_.of("child")
    word = "IS NULL" if call_.node.name == "IsNull" else "IS NOT NULL"
    term = Term(("(", value.term, f" {word})"))
    return call_.combine([value], Subtype.TRANSFORMATION, term, function_name(call_.node))


def negation(call_: Call) -> Value:
    """NOT."""
    value = call_.of("child")
    return call_.combine([value], Subtype.TRANSFORMATION, Term(("(NOT ", value.term, ")")), "not")


def in_list(call_: Call) -> Value:
    """IN a list of values."""
    tested, *candidates = call_.parts("value", "list")
    term = Term(("(", tested.term, " IN (", *joined([each.term for each in candidates]), "))"))
    return call_.combine([tested, *candidates], Subtype.TRANSFORMATION, term, "in")


def _conditional(call_: Call, conditions: list[Value], branches: list[Value], term: Term) -> Value:
    operator = call_.environment.operator
    deciding = merge(each.sources for each in conditions)
    return Value(
        merge([*(each.sources for each in branches), through(deciding, Subtype.CONDITIONAL, operator)]),
        term,
        weakest(*(each.certainty for each in (*conditions, *branches))),
    )


def if_else(call_: Call) -> Value:
    """IF: the condition decides, a branch passes on."""
    condition, yes, no = call_.of("predicate"), call_.of("trueValue"), call_.of("falseValue")
    if _is_null_check(call_.node):
        return no
    return _conditional(call_, [condition], [yes, no], call("if", [condition.term, yes.term, no.term]))


def _is_null_check(node: Node) -> bool:
    """Whether Spark itself put an IF around a Scala UDF, which cannot take NULL for a primitive (HandleNullInputsForUDF)."""
    condition, yes, no = (node.get(name) for name in ("predicate", "trueValue", "falseValue"))
    return (
        isinstance(no, Node)
        and no.name == "ScalaUDF"
        and isinstance(yes, Node)
        and bool(yes.facts.get("null"))
        and isinstance(condition, Node)
        and condition.name in {"IsNull", "Or"}
    )


def case_when(call_: Call) -> Value:
    """CASE: the conditions decide, a branch passes on."""
    flat = call_.parts("branches")
    conditions, branches = flat[0::2], flat[1::2]
    parts: list[str | Term] = ["CASE"]
    for condition, branch in zip(conditions, branches, strict=True):
        parts += [" WHEN ", condition.term, " THEN ", branch.term]
    if call_.node.get("elseValue") is not None:
        otherwise = call_.of("elseValue")
        branches = [*branches, otherwise]
        parts += [" ELSE ", otherwise.term]
    return _conditional(call_, conditions, branches, Term((*parts, " END")))


def coalesce(call_: Call) -> Value:
    """COALESCE, NVL, NANVL: one of the values passes on."""
    values = call_.parts()
    return _conditional(call_, [], values, call(function_name(call_.node), [each.term for each in values]))


def named_struct(call_: Call) -> Value:
    """A struct built from values; its fields keep their own lineage."""
    whole = _taken_apart(call_.node)
    if whole is not None:
        return call_.value(whole)
    names = [_struct_name(each) for each in flatten(call_.node.get("children"))][0::2]
    values = call_.parts("children")[1::2]
    name = function_name(call_.node)
    term = call("struct", [each.term for each in values])
    combined = call_.combine(values, Subtype.TRANSFORMATION, term, name)
    kind = call_.node.type
    known = list(kind.fields) if kind is not None and len(kind.fields) == len(values) else names
    fields = dict(zip(known, values, strict=True)) if all(known) else None
    return Value(combined.sources, combined.term, combined.certainty, fields)


def _taken_apart(node: Node) -> Any:
    """The column whose fields, all and in order, a struct is made of: store assignment rebuilds structs so."""
    parts = [_unwrapped(each) for each in tuple(flatten(node.get("children")))[1::2]]
    sources = {
        each.get("child") for each in parts if isinstance(each, Node) and each.name == "GetStructField"
    }
    whole = next(iter(sources), None)
    kind = getattr(whole, "type", None)
    in_order = [each.get("ordinal") for each in parts if isinstance(each, Node)] == list(range(len(parts)))
    complete = kind is not None and len(kind.fields) == len(parts)
    return whole if len(sources) == 1 and in_order and complete and isinstance(whole, Attribute) else None


def _unwrapped(item: Any) -> Any:
    while isinstance(item, Node) and item.name in {"Alias", "Cast"} and not item.user_cast:
        item = item.get("child")
    return item


def _struct_name(item: Any) -> str:
    return str(item.facts.get("value", "")) if isinstance(item, Node) else ""


def struct_field(call_: Call) -> Value:
    """`struct.field`."""
    child, ordinal = call_.node.get("child"), call_.node.get("ordinal")
    name = call_.node.get("name")
    kind = getattr(child, "type", None)
    if kind is not None and isinstance(ordinal, int) and ordinal < len(kind.fields):
        name = kind.fields[ordinal]  # the type's own spelling, whatever the query's case was
    value = call_.of("child")
    return extend_path(value, name) if isinstance(name, str) else value


def array_struct_fields(call_: Call) -> Value:
    """`array.field`: that field of each element."""
    child, ordinal = call_.node.get("child"), call_.node.get("ordinal")
    kind = getattr(child, "type", None)
    value = call_.of("child")
    if kind is None or not isinstance(ordinal, int) or ordinal >= len(kind.fields):
        return value
    return extend_path(value, kind.fields[ordinal])


def element(call_: Call) -> Value:
    """`array[i]`, `map[key]`: an element passes on, an index that is a column decides."""
    container, *index = call_.parts()
    term = Term((container.term, "[", *joined([each.term for each in index]), "]"))
    result = _conditional(call_, index, [container], term)
    return Value(result.sources, term, result.certainty, container.fields)


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
    return _conditional(call_, [condition], [value], term)


def _aggregated(call_: Call, function: Node, value: Value) -> Value:
    arguments = [
        call_.value(item)
        for each in function.fields.values()
        for item in flatten(each)
        if is_expression(item)
    ]
    name = function_name(function)
    distinct = "DISTINCT " if call_.node.get("isDistinct") else ""
    term = Term((f"{name}({distinct}", *joined([without_parentheses(each.term) for each in arguments]), ")"))
    return call_.combine([value], Subtype.AGGREGATION, term, name)


def pivot_first(call_: Call) -> Value:
    """What Spark plans a pivot with: the pivot column decides which value."""
    pivot, value = call_.of("pivotColumn"), call_.of("valueColumn")
    return _conditional(call_, [pivot], [value], value.term)


def window_expression(call_: Call) -> Value:
    """A function OVER a window: partition and order columns are WINDOW."""
    function = call_.node.get("windowFunction")
    value = call_.of("windowFunction")
    if isinstance(function, Node) and function.name in RANKING:
        value = Value(term=call(function_name(function), []))
    elif isinstance(function, Node) and (function.name in FOLDING or _is_grouped_aggregate(function)):
        value = call_.combine([value], Subtype.AGGREGATION, value.term)
    window = call_.of("windowSpec")
    deciding = through(window.sources, Subtype.WINDOW, call_.environment.operator)
    term = Term((value.term, " OVER (", window.term, ")"))
    return Value(merge([value.sources, deciding]), term, weakest(value.certainty, window.certainty))


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


def sort_order(call_: Call) -> Value:
    """A column to sort by."""
    value = call_.of("child")
    direction = call_.node.get("direction")
    descending = isinstance(direction, Opaque) and "Descending" in direction.class_name
    term = Term((value.term, " DESC")) if descending else value.term
    return Value(value.sources, term, value.certainty)


def lambda_variable(call_: Call) -> Value:
    """The variable of a lambda: its value is counted where the array stands."""
    name = call_.node.get("name")
    return Value(term=Term((name if isinstance(name, str) else "element",)))


def lambda_function(call_: Call) -> Value:
    """A lambda: what its body reads."""
    body = call_.of("function")
    names = [each.term for each in call_.parts("arguments")]
    return Value(body.sources, Term(("(", *joined(names), ") -> ", body.term)), body.certainty)


def user_function(call_: Call) -> Value:
    """A Python or Scala function: every argument, and its own name."""
    name = call_.node.get("udfName") or call_.node.get("name")
    written = name if isinstance(name, str) and name else function_name(call_.node)
    values = call_.parts()
    term = call(written, [each.term for each in values])
    kind = Subtype.AGGREGATION if call_.node.name == "PythonUDAF" else Subtype.TRANSFORMATION
    return call_.combine(values, kind, term, written)


def sql_function(call_: Call) -> Value:
    """An SQL function: its body, where the arguments stand already; `inputs` has them once more, used or not."""
    return call_.of("child")


def static_invoke(call_: Call) -> Value:
    """A static Java method: padding of CHAR passes on, all else is a function."""
    name = call_.node.get("functionName")
    values = call_.parts("arguments")
    if name in {"charTypeWriteSideCheck", "varcharTypeWriteSideCheck", "readSidePadding"}:
        return values[0]
    written = name if isinstance(name, str) else function_name(call_.node)
    return call_.combine(
        values, Subtype.TRANSFORMATION, call(written, [each.term for each in values]), written
    )


def no_source(call_: Call) -> Value:
    """Something that reads no column."""
    return Value(term=call(function_name(call_.node), []))
