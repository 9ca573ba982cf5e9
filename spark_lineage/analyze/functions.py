"""Rules for expressions that are not just functions of their arguments, by what they do with their values.

What counts as IDENTITY is decided here and nowhere else: a column, an alias, a cast that the user did not
write, a struct field, an array element or map value, the branches of CASE, IF and COALESCE.
"""

from __future__ import annotations

from spark_lineage.analyze.calls import Call, function_name, is_expression
from spark_lineage.analyze.nested import alike, fit, renamed, unchanged
from spark_lineage.analyze.rebuilt import type_of
from spark_lineage.analyze.render import call, joined
from spark_lineage.analyze.values import Constant, Term, Value, derive, either, merge, through
from spark_lineage.decode.tree import Node, Opaque, flatten
from spark_lineage.model import Subtype, weakest

BINARY = {
    "Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "Remainder": "%", "IntegralDivide": "div",
    "EqualTo": "=", "EqualNullSafe": "<=>", "LessThan": "<", "LessThanOrEqual": "<=", "GreaterThan": ">",
    "GreaterThanOrEqual": ">=", "And": "AND", "Or": "OR", "BitwiseAnd": "&", "BitwiseOr": "|", "BitwiseXor": "^",
    "Like": "LIKE", "RLike": "RLIKE",
}  # fmt: skip


def passed_on(call_: Call) -> Value:
    """A wrapper: its value is its only child's."""
    return next(iter(call_.parts()), Value())


def cast(call_: Call) -> Value:
    """CAST: what the user wrote changes the value, what Spark added to fit types does not."""
    kind = call_.node.get("dataType")
    value = renamed(call_.of("child"), type_of(call_.node.get("child")), type_of(call_.node))
    if not call_.node.user_cast:
        return value
    name = getattr(kind, "simple", "?")
    operator = call_.environment.operator
    return derive(
        [value],
        lambda each: through(each[0], Subtype.TRANSFORMATION, operator, "cast"),
        Term(("CAST(", value.term, f" AS {name})")),
    )


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
    return Value(term=Term((Constant(call_.node, text) if "l" in facts else text,)))


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
    """NOT; what decides the rows by the condition below, such as IN, decides them by its contrary."""
    value, environment = call_.of("child"), call_.environment
    term = Term(("(NOT ", value.term, ")"))
    for index, rows in enumerate(environment.rows):
        environment.rows[index] = {
            key: (trace, term if own is value.term else own) for key, (trace, own) in rows.items()
        }
    return call_.combine([value], Subtype.TRANSFORMATION, term, "not")


def in_list(call_: Call) -> Value:
    """IN a list of values."""
    tested, *candidates = call_.parts("value", "list")
    term = Term(("(", tested.term, " IN (", *joined([each.term for each in candidates]), "))"))
    return call_.combine([tested, *candidates], Subtype.TRANSFORMATION, term, "in")


def conditional(call_: Call, conditions: list[Value], branches: list[Value], term: Term) -> Value:
    """One of the branches passes on; the conditions decide which."""
    environment = call_.environment
    deciding = through(merge(each.sources for each in conditions), environment.deciding, environment.operator)
    result = either(branches, term, deciding)
    certainty = weakest(result.certainty, *(each.certainty for each in conditions))
    return Value(result.sources, term, certainty, result.parts)


def if_else(call_: Call) -> Value:
    """IF: the condition decides, a branch passes on."""
    whole = unchanged(call_)
    if whole is not None:
        return whole
    condition = call_.of("predicate")
    yes, no = alike(call_, [call_.node.get("trueValue"), call_.node.get("falseValue")], type_of(call_.node))
    if _is_null_check(call_.node):
        return no
    fitting = fit(call_, no.parts)
    if fitting is not None:
        return fitting
    return conditional(call_, [condition], [yes, no], call("if", [condition.term, yes.term, no.term]))


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
    items = [each for each in flatten(call_.node.get("branches")) if is_expression(each)]
    conditions = [call_.value(each) for each in items[0::2]]
    branches = alike(call_, items[1::2], type_of(call_.node))
    parts: list[str | Term] = ["CASE"]
    for condition, branch in zip(conditions, branches, strict=True):
        parts += [" WHEN ", condition.term, " THEN ", branch.term]
    if call_.node.get("elseValue") is not None:
        (otherwise,) = alike(call_, [call_.node.get("elseValue")], type_of(call_.node))
        branches = [*branches, otherwise]
        parts += [" ELSE ", otherwise.term]
    return conditional(call_, conditions, branches, Term((*parts, " END")))


def window_bound(call_: Call) -> Value:
    """The start or end of a window of time: the CASE with which Spark rounds the time down is no condition of the query."""
    result = call_.combine(call_.parts(), Subtype.TRANSFORMATION, Term(), function_name(call_.node))
    sources = {
        (dataset, path, subtype): trace
        for (dataset, path, subtype), trace in result.sources.items()
        if subtype is not Subtype.CONDITIONAL or (dataset, path, Subtype.TRANSFORMATION) not in result.sources
    }
    return Value(sources, call("window", [each.term for each in call_.parts()]), result.certainty)


def coalesce(call_: Call) -> Value:
    """COALESCE, NVL, NANVL: one of the values passes on."""
    values = alike(call_, call_.node.parts, type_of(call_.node))
    return conditional(call_, [], values, call(function_name(call_.node), [each.term for each in values]))


def sort_order(call_: Call) -> Value:
    """A column to sort by."""
    value = call_.of("child")
    direction = call_.node.get("direction")
    descending = isinstance(direction, Opaque) and "Descending" in direction.class_name
    term = Term((value.term, " DESC")) if descending else value.term
    return Value(value.sources, term, value.certainty)


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
