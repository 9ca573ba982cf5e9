"""Expressions -> values: what each part of an expression contributes, and how it is written.

A rule gets a `Call` (the expression, and the values of its parts) and returns a `Value`. Rules never
recurse: `evaluate` walks, iteratively. An expression without a rule is a function of its arguments, TRANSFORMATION,
which is right for every deterministic function; what is not a function of its arguments has a rule.

What counts as IDENTITY is decided here and nowhere else: a column, an alias, a cast that the user did not
write, a struct field, an array element or map value, the branches of CASE, IF and COALESCE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from spark_lineage.analyze.render import call, joined, without_parentheses
from spark_lineage.analyze.scopes import RowSet, Scope, substitute_rows
from spark_lineage.analyze.values import (
    NOTHING,
    Term,
    Value,
    extend_path,
    merge,
    outer_value,
    substitute,
    through,
    weaken,
)
from spark_lineage.decode.tree import Attribute, ExprId, Node, NodeKind, Opaque, flatten
from spark_lineage.model import Certainty, Problem, Severity, Subtype, weakest

BINARY = {
    "Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "Remainder": "%", "IntegralDivide": "div",
    "EqualTo": "=", "EqualNullSafe": "<=>", "LessThan": "<", "LessThanOrEqual": "<=", "GreaterThan": ">",
    "GreaterThanOrEqual": ">=", "And": "AND", "Or": "OR", "BitwiseAnd": "&", "BitwiseOr": "|", "BitwiseXor": "^",
    "Like": "LIKE", "RLike": "RLIKE",
}  # fmt: skip

HASHES_AND_MASKS = frozenset({
    "md5", "sha", "sha1", "sha2", "crc32", "hash", "xxhash64", "hivehash", "hive_hash", "mask", "aes_encrypt",
    "try_aes_encrypt",
})  # fmt: skip
"""Functions (by `prettyName`) after which a value cannot be read: they set `masking`."""

RANKING = frozenset({"Rank", "DenseRank", "PercentRank", "CumeDist", "RowNumber", "NTile"})
"""Window functions whose result depends on the window's order alone, not on an argument."""

GROUPED_AGGREGATE_PANDAS = 202
"""`PythonEvalType.SQL_GROUPED_AGG_PANDAS_UDF`."""


@dataclass(slots=True)
class Environment:
    """What an operator's expressions may see, and where their effects on the row set go.

    `decides_rows` where they stand in a condition, key or order: there a subquery's test is a join.
    """

    operator: str
    columns: Mapping[int, Value]
    plans: Mapping[Node, Scope]
    decides_rows: bool = False
    rows: list[RowSet] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    common: dict[Any, Value] = field(default_factory=dict)

    def problem(self, code: str, message: str, hint: str = "") -> None:
        """Note a problem at this operator."""
        self.problems.append(Problem(code, Severity.WARNING, message, self.operator, hint))


@dataclass(frozen=True, slots=True)
class Call:
    """One expression under evaluation: its node, and the values of its parts."""

    node: Node
    environment: Environment
    known: Mapping[Node, Value]

    def value(self, part: Any) -> Value:
        """The value of one part: an expression, an attribute, or anything else (nothing)."""
        if isinstance(part, Node) and part.kind is NodeKind.EXPRESSION:
            return self.known[part]
        if isinstance(part, Attribute):
            return column(part, self.environment)
        return Value()

    def of(self, name: str) -> Value:
        """The value of a field."""
        return self.value(self.node.get(name))

    def parts(self, *names: str) -> list[Value]:
        """The values of the expressions in some fields (all fields if none is named), lists opened."""
        chosen = [self.node.get(name) for name in names] if names else list(self.node.fields.values())
        return [self.value(item) for each in chosen for item in flatten(each) if is_expression(item)]

    def combine(
        self,
        values: list[Value],
        subtype: Subtype,
        term: Term,
        function: str | None = None,
        *,
        masking: bool = False,
    ) -> Value:
        """One value from several, all of one kind."""
        sources = merge(each.sources for each in values)
        return Value(
            through(sources, subtype, self.environment.operator, function, masking=masking),
            term,
            weakest(*(each.certainty for each in values)),
        )


Rule: TypeAlias = Callable[[Call], Value]


def is_expression(item: Any) -> bool:
    """Whether a field item is something that has a value."""
    return isinstance(item, Attribute) or (isinstance(item, Node) and item.kind is NodeKind.EXPRESSION)


def column(attribute: Attribute, environment: Environment) -> Value:
    """The value of an attribute in the operator's input."""
    value = environment.columns.get(attribute.expr)
    if value is None:
        environment.problem(
            "unresolved_attribute",
            f"the column {attribute.name} of {environment.operator} is not an output of its inputs",
            "please report the plan: its sources are unknown",
        )
        return Value(NOTHING, Term((attribute.name,)), Certainty.OPAQUE)
    return value


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
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        rule = RULES.get(node.name) or (_replaceable if _replacement(node) is not None else _function)
        known[node] = rule(Call(node, environment, known))
    return known[expression]


def subquery_plans(expressions: Iterable[Any]) -> list[Node]:
    """The logical plans inside expressions, in order: what must be resolved before they are evaluated."""
    found: list[Node] = []
    seen: set[Node] = set()
    stack = [each for each in expressions if isinstance(each, Node) and each.kind is NodeKind.EXPRESSION]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        found.extend(node.nodes(NodeKind.LOGICAL))
        stack.extend(node.nodes(NodeKind.EXPRESSION))
    return found


def conjuncts(condition: Any) -> list[Any]:
    """The parts of a condition that top-level ANDs join, from left to right."""
    result = []
    stack = [condition]
    while stack:
        part = stack.pop()
        if isinstance(part, Node) and part.name == "And":
            stack.extend((part.get("right"), part.get("left")))
        elif part is not None:
            result.append(part)
    return result


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
            elif part.kind is NodeKind.EXPRESSION and not part.nodes(NodeKind.LOGICAL):
                stack.extend(item for each in part.fields.values() for item in flatten(each))
    return found, outer


def _ordered_parts(node: Node) -> tuple[Node, ...]:
    if node.name == "OuterReference":
        return ()
    replacement = _replacement(node)
    if replacement is not None:
        return (replacement,)
    parts = node.nodes(NodeKind.EXPRESSION)
    if node.name == "With":  # the definitions must be known before the references
        return tuple(sorted(parts, key=lambda part: part.name != "CommonExpressionDef"))
    return parts


def _replacement(node: Node) -> Node | None:
    replacement = node.get("replacement")
    return replacement if isinstance(replacement, Node) else None


def function_name(node: Node) -> str:
    """The name that SQL knows a function by."""
    return node.label or node.name.lower()


def _function(call_: Call) -> Value:
    name = function_name(call_.node)
    values = call_.parts()
    if call_.node.nodes(NodeKind.LOGICAL):
        return _unknown_subquery(call_, values)
    term = call(name, [each.term for each in values])
    return call_.combine(values, Subtype.TRANSFORMATION, term, name, masking=name in HASHES_AND_MASKS)


def _replaceable(call_: Call) -> Value:
    """A function that Spark replaces by another: nvl, between, nullif, ...

    Its own fields may name columns that were renumbered since: the replacement alone is true.
    """
    name = function_name(call_.node)
    value = call_.value(_replacement(call_.node))
    masking = name in HASHES_AND_MASKS
    sources = through(value.sources, Subtype.IDENTITY, call_.environment.operator, name, masking=masking)
    return Value(sources, value.term, value.certainty)


def _pass(call_: Call) -> Value:
    return next(iter(call_.parts()), Value())


def _cast(call_: Call) -> Value:
    value = call_.of("child")
    if not call_.node.user_cast:
        return value
    kind = call_.node.get("dataType")
    name = getattr(kind, "simple", "?")
    return call_.combine([value], Subtype.TRANSFORMATION, Term(("CAST(", value.term, f" AS {name})")), "cast")


def _binary(call_: Call) -> Value:
    symbol = BINARY[call_.node.name]
    left, right = call_.of("left"), call_.of("right")
    term = Term(("(", left.term, f" {symbol} ", right.term, ")"))
    return call_.combine([left, right], Subtype.TRANSFORMATION, term, function_name(call_.node))


def _literal(call_: Call) -> Value:
    facts = call_.node.facts
    text = "NULL" if facts.get("null") else str(facts["value"]) if "value" in facts else "?"
    return Value(term=Term((text,)))


def _null(_: Call) -> Value:
    return Value(term=Term(("NULL",)))


def _null_test(call_: Call) -> Value:
    value = call_.of("child")
    word = "IS NULL" if call_.node.name == "IsNull" else "IS NOT NULL"
    term = Term(("(", value.term, f" {word})"))
    return call_.combine([value], Subtype.TRANSFORMATION, term, function_name(call_.node))


def _not(call_: Call) -> Value:
    value = call_.of("child")
    return call_.combine([value], Subtype.TRANSFORMATION, Term(("(NOT ", value.term, ")")), "not")


def _in(call_: Call) -> Value:
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


def _if(call_: Call) -> Value:
    condition, yes, no = call_.of("predicate"), call_.of("trueValue"), call_.of("falseValue")
    return _conditional(call_, [condition], [yes, no], call("if", [condition.term, yes.term, no.term]))


def _case(call_: Call) -> Value:
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


def _coalesce(call_: Call) -> Value:
    values = call_.parts()
    return _conditional(call_, [], values, call(function_name(call_.node), [each.term for each in values]))


def _struct(call_: Call) -> Value:
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


def _struct_field(call_: Call) -> Value:
    child, ordinal = call_.node.get("child"), call_.node.get("ordinal")
    name = call_.node.get("name")
    kind = getattr(child, "type", None)
    if kind is not None and isinstance(ordinal, int) and ordinal < len(kind.fields):
        name = kind.fields[ordinal]  # the type's own spelling, whatever the query's case was
    value = call_.of("child")
    return extend_path(value, name) if isinstance(name, str) else value


def _array_struct_fields(call_: Call) -> Value:
    child, ordinal = call_.node.get("child"), call_.node.get("ordinal")
    kind = getattr(child, "type", None)
    value = call_.of("child")
    if kind is None or not isinstance(ordinal, int) or ordinal >= len(kind.fields):
        return value
    return extend_path(value, kind.fields[ordinal])


def _element(call_: Call) -> Value:
    container, *index = call_.parts()
    term = Term((container.term, "[", *joined([each.term for each in index]), "]"))
    result = _conditional(call_, index, [container], term)
    return Value(result.sources, term, result.certainty, container.fields)


def _aggregate(call_: Call) -> Value:
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


def _pivot_first(call_: Call) -> Value:
    pivot, value = call_.of("pivotColumn"), call_.of("valueColumn")
    return _conditional(call_, [pivot], [value], value.term)


def _window(call_: Call) -> Value:
    function = call_.node.get("windowFunction")
    value = call_.of("windowFunction")
    if isinstance(function, Node) and function.name in RANKING:
        value = Value(term=call(function_name(function), []))
    elif isinstance(function, Node) and (function.name == "NthValue" or _is_grouped_aggregate(function)):
        value = call_.combine([value], Subtype.AGGREGATION, value.term)
    window = call_.of("windowSpec")
    deciding = through(window.sources, Subtype.WINDOW, call_.environment.operator)
    term = Term((value.term, " OVER (", window.term, ")"))
    return Value(merge([value.sources, deciding]), term, weakest(value.certainty, window.certainty))


def _is_grouped_aggregate(function: Node) -> bool:
    return function.name == "PythonUDF" and function.get("evalType") == GROUPED_AGGREGATE_PANDAS


def _window_spec(call_: Call) -> Value:
    partitions, orders = call_.parts("partitionSpec"), call_.parts("orderSpec")
    parts: list[str | Term] = []
    if partitions:
        parts += ["PARTITION BY ", *joined([each.term for each in partitions])]
    if orders:
        parts += [" ORDER BY " if parts else "ORDER BY ", *joined([each.term for each in orders])]
    return call_.combine([*partitions, *orders], Subtype.IDENTITY, Term(tuple(parts)))


def _sort_order(call_: Call) -> Value:
    value = call_.of("child")
    direction = call_.node.get("direction")
    descending = isinstance(direction, Opaque) and "Descending" in direction.class_name
    term = Term((value.term, " DESC")) if descending else value.term
    return Value(value.sources, term, value.certainty)


def _lambda_variable(call_: Call) -> Value:
    name = call_.node.get("name")
    return Value(term=Term((name if isinstance(name, str) else "element",)))


def _lambda(call_: Call) -> Value:
    body = call_.of("function")
    names = [each.term for each in call_.parts("arguments")]
    return Value(body.sources, Term(("(", *joined(names), ") -> ", body.term)), body.certainty)


def _user_function(call_: Call) -> Value:
    name = call_.node.get("udfName") or call_.node.get("name")
    written = name if isinstance(name, str) and name else function_name(call_.node)
    values = call_.parts()
    term = call(written, [each.term for each in values])
    kind = Subtype.AGGREGATION if call_.node.name == "PythonUDAF" else Subtype.TRANSFORMATION
    return call_.combine(values, kind, term, written)


def _static_invoke(call_: Call) -> Value:
    name = call_.node.get("functionName")
    values = call_.parts("arguments")
    if name in {"charTypeWriteSideCheck", "varcharTypeWriteSideCheck", "readSidePadding"}:
        return values[0]
    written = name if isinstance(name, str) else function_name(call_.node)
    return call_.combine(
        values, Subtype.TRANSFORMATION, call(written, [each.term for each in values]), written
    )


def _outer(call_: Call) -> Value:
    reference = call_.node.get("e")
    if isinstance(reference, Attribute):
        return outer_value(reference.expr, reference.name)
    call_.environment.problem(
        "unknown_outer_reference", "a reference to the enclosing query was not understood"
    )
    return Value(certainty=Certainty.OPAQUE)


def _common_definition(call_: Call) -> Value:
    value = call_.of("child")
    call_.environment.common[_common_id(call_.node)] = value
    return value


def _common_reference(call_: Call) -> Value:
    return call_.environment.common.get(_common_id(call_.node), Value())


def _common_id(node: Node) -> Any:
    identity = node.get("id")
    if isinstance(identity, Node):
        return identity.get("id")
    return identity.expr if isinstance(identity, ExprId) else identity


def _with(call_: Call) -> Value:
    return call_.of("child")


def _scope(call_: Call) -> tuple[Node | None, Scope]:
    plans = call_.node.nodes(NodeKind.LOGICAL)
    if not plans:
        call_.environment.problem("cut_subquery", "a subquery was cut by a limit of the bridge")
        return None, Scope.unknown()
    return plans[0], call_.environment.plans[plans[0]]


def _inner_values(call_: Call) -> tuple[list[Value], Scope]:
    """The output of a subquery, the enclosing query's columns put in; its row set goes to ours."""
    plan, scope = _scope(call_)
    environment = call_.environment
    lookup = environment.columns.get
    environment.rows.append(substitute_rows(scope.rows, lookup))
    values = [scope.columns.get(each.expr, Value()) for each in ((plan.output if plan else None) or ())]
    return [
        Value(substitute(each.sources, lookup), each.term, each.certainty, each.fields) for each in values
    ], scope


def _scalar_subquery(call_: Call) -> Value:
    values, scope = _inner_values(call_)
    if not values:
        return Value(certainty=scope.certainty)
    return Value(values[0].sources, Term(("(", values[0].term, ")")), values[0].certainty, values[0].fields)


def _exists(call_: Call) -> Value:
    _inner_values(call_)
    return Value(term=Term(("EXISTS (...)",)))


def _list_query(call_: Call) -> Value:
    values, _ = _inner_values(call_)
    return call_.combine(values, Subtype.IDENTITY, Term(("(", *joined([each.term for each in values]), ")")))


def _in_subquery(call_: Call) -> Value:
    """In a condition both sides decide which rows there are, they are JOIN; elsewhere they give a value."""
    tested, candidates = call_.parts("values"), call_.of("query")
    term = Term(("(", *joined([each.term for each in tested]), " IN ", candidates.term, ")"))
    if not call_.environment.decides_rows:
        return call_.combine([*tested, candidates], Subtype.TRANSFORMATION, term, "in")
    both = call_.combine([*tested, candidates], Subtype.JOIN, term)
    call_.environment.rows.append({key: (trace, term) for key, trace in both.sources.items()})
    return Value(term=term, certainty=both.certainty)


def _unknown_subquery(call_: Call, values: list[Value]) -> Value:
    inner, _ = _inner_values(call_)
    name = call_.node.name
    call_.environment.problem(
        "unknown_subquery",
        f"the subquery expression {name} has no rule: all its columns are taken as sources",
    )
    result = call_.combine([*values, *inner], Subtype.TRANSFORMATION, Term((f"{name}(...)",)), name)
    return Value(weaken(result.sources, Certainty.OVER_APPROXIMATE), result.term, Certainty.OVER_APPROXIMATE)


def _nothing(call_: Call) -> Value:
    return Value(term=call(function_name(call_.node), []))


RULES: dict[str, Rule] = {
    "Alias": _pass,
    "KnownNotNull": _pass,
    "KnownNullable": _pass,
    "KnownNotContainsNull": _pass,
    "KnownFloatingPointNormalized": _pass,
    "NormalizeNaNAndZero": _pass,
    "AssertNotNull": _pass,
    "PromotePrecision": _pass,
    "CheckOverflow": _pass,
    "CheckOverflowInTableInsert": _pass,
    "CheckOverflowInTableWrite": _pass,
    "TempResolvedColumn": _pass,
    "UpCast": _pass,
    "Cast": _cast,
    "Literal": _literal,
    "TypedNullLiteral": _null,
    "IsNull": _null_test,
    "IsNotNull": _null_test,
    "Not": _not,
    "In": _in,
    "If": _if,
    "CaseWhen": _case,
    "Coalesce": _coalesce,
    "NaNvl": _coalesce,
    "CreateNamedStruct": _struct,
    "GetStructField": _struct_field,
    "GetArrayStructFields": _array_struct_fields,
    "GetArrayItem": _element,
    "GetMapValue": _element,
    "ElementAt": _element,
    "AggregateExpression": _aggregate,
    "PivotFirst": _pivot_first,
    "WindowExpression": _window,
    "WindowSpecDefinition": _window_spec,
    "SpecifiedWindowFrame": _nothing,
    "SortOrder": _sort_order,
    "NamedLambdaVariable": _lambda_variable,
    "UnresolvedNamedLambdaVariable": _lambda_variable,
    "LambdaFunction": _lambda,
    "PythonUDF": _user_function,
    "PythonUDAF": _user_function,
    "ScalaUDF": _user_function,
    "StaticInvoke": _static_invoke,
    "OuterReference": _outer,
    "CommonExpressionDef": _common_definition,
    "CommonExpressionRef": _common_reference,
    "With": _with,
    "ScalarSubquery": _scalar_subquery,
    "Exists": _exists,
    "ListQuery": _list_query,
    "InSubquery": _in_subquery,
    **dict.fromkeys(BINARY, _binary),
}
"""Expression class -> rule; everything else is a function of its arguments."""
