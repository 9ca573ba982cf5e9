"""Rules for functions that take a lambda: what its variables stand for, and what comes of its body.

The walker evaluates the collections first, binds the variables of each lambda (`BINDINGS`), then evaluates its body: a
variable is an element, key or value of a collection, with its parts. The elements of a result that the lambda makes
are the body's value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from spark_lineage.analyze.calls import Call, Rule, function_name
from spark_lineage.analyze.loops import Held, settle
from spark_lineage.analyze.nested import alternatives, fit, lengths, passing_elements, unchanged
from spark_lineage.analyze.rebuilt import takes_by_position, type_of
from spark_lineage.analyze.render import call, joined
from spark_lineage.analyze.values import (
    ELEMENT,
    KEY,
    LENGTH,
    VALUE,
    Sources,
    Term,
    Value,
    derive,
    either,
    merge,
    outer_value,
    part,
    through,
    unread,
)
from spark_lineage.decode.tree import ExprId, Node
from spark_lineage.model import Subtype, weakest

Binding: TypeAlias = Callable[[Call, str], list[Value]]
"""(function, the name of the field that holds the lambda) -> the values of the lambda's variables."""


def lambda_field(node: Node, function: Node) -> str:
    """The name of the field in which a lambda stands."""
    return next((name for name, value in node.fields.items() if value is function), "")


def bind(call_: Call, function: Node) -> None:
    """Let the variables of a lambda stand for what the function passes to it."""
    variables = [each for each in function.get("arguments") or () if isinstance(each, Node)]
    values = BINDINGS[call_.node.name](call_, lambda_field(call_.node, function))
    for variable, value in zip(variables, values, strict=False):
        named = Value(value.sources, Term((_name(variable),)), value.certainty, value.parts)
        call_.environment.variables[_identity(variable)] = named


def lambda_variable(call_: Call) -> Value:
    """The variable of a lambda: what it is bound to; written as its name."""
    known = call_.environment.variables.get(_identity(call_.node))
    return Value(term=Term((_name(call_.node),))) if known is None else known


def lambda_function(call_: Call) -> Value:
    """A lambda: its body's value."""
    body = call_.of("function")
    names = [each.term for each in call_.parts("arguments")]
    term = Term(("(", *joined(names), ") -> ", body.term))
    return Value(body.sources, term, body.certainty, body.parts)


def _name(variable: Node) -> str:
    name = variable.get("name")
    return name if isinstance(name, str) else "element"


def _identity(variable: Node) -> int | str:
    identity = variable.get("exprId")
    return identity.expr if isinstance(identity, ExprId) else _name(variable)


# what variables stand for


def _elements(call_: Call, _: str) -> list[Value]:
    """An element, and its position, which is counted from what the array's length comes from.

    Where each element only stays in its place, the position decides nothing.
    """
    array = call_.of("argument")
    if takes_by_position(call_.node):
        return [part(array, ELEMENT), Value()]
    position = call_.combine([part(array, LENGTH)], Subtype.TRANSFORMATION, array.term)
    return [part(array, ELEMENT), position]


def _two_elements(call_: Call, _: str) -> list[Value]:
    each = part(call_.of("argument"), ELEMENT)
    return [each, each]


def _pairs(call_: Call, _: str) -> list[Value]:
    return [part(call_.of("left"), ELEMENT), part(call_.of("right"), ELEMENT)]


def _entries(call_: Call, _: str) -> list[Value]:
    map_ = call_.of("argument")
    return [part(map_, KEY), part(map_, VALUE)]


def _two_maps(call_: Call, _: str) -> list[Value]:
    left, right = call_.of("left"), call_.of("right")
    return [_common_key(left, right), part(left, VALUE), part(right, VALUE)]


def _common_key(left: Value, right: Value) -> Value:
    keys = [part(left, KEY), part(right, KEY)]
    return either(keys, alternatives(keys))


def _accumulated(call_: Call, name: str) -> list[Value]:
    """While merging, the accumulator is a placeholder; at the end it is what it grew to."""
    if name == "finish":
        return [_accumulator(call_)]
    zero = call_.of("zero")
    return [Value(_placeholder(call_).sources, zero.term), part(call_.of("argument"), ELEMENT)]


def _placeholder(call_: Call) -> Value:
    return outer_value(_accumulator_id(call_), "acc")


def _accumulator_id(call_: Call) -> int:
    """The expression id of the accumulator of the merging lambda."""
    function = call_.node.get("merge")
    variables = (function.get("arguments") or ()) if isinstance(function, Node) else ()
    identity = _identity(variables[0]) if variables and isinstance(variables[0], Node) else -1
    return identity if isinstance(identity, int) else -1


def _accumulator(call_: Call) -> Value:
    """What an accumulator holds at the end: its start, or what merging made of it, again and again."""
    function = call_.node.get("merge")
    body = function.get("function") if isinstance(function, Node) else None
    held = Held(call_.of("zero"), call_.of("merge"), type_of(call_.node.get("zero")), type_of(body))
    (value,), _ = settle([held], {_accumulator_id(call_): 0})
    return value


BINDINGS: dict[str, Binding] = {
    "ArrayTransform": _elements,
    "ArrayFilter": _elements,
    "ArrayExists": _elements,
    "ArrayForAll": _elements,
    "ArraySort": _two_elements,
    "ArrayAggregate": _accumulated,
    "ZipWith": _pairs,
    "MapFilter": _entries,
    "TransformKeys": _entries,
    "TransformValues": _entries,
    "MapZipWith": _two_maps,
}
"""Function with a lambda -> what the lambda's variables stand for."""

COMPARING = frozenset({"ArraySort"})
"""Functions whose lambda compares: what it reads decides an order, in whatever way it is read."""


# what comes of the body


def array_transform(call_: Call) -> Value:
    """`transform`: the elements are what the lambda makes."""
    whole = unchanged(call_)
    if whole is not None:
        return whole
    parts = {ELEMENT: _body(call_), LENGTH: _length(call_)}
    return fit(call_, parts) or _made(call_, parts, [_body(call_)])


def zip_with(call_: Call) -> Value:
    """`zip_with`: as long as the longer one."""
    return _made(call_, {ELEMENT: _body(call_), LENGTH: _length(call_)}, [_body(call_)])


def transform_values(call_: Call) -> Value:
    """`transform_values`: the keys stay."""
    key = part(call_.of("argument"), KEY)
    return _made(call_, {KEY: key, VALUE: _body(call_), LENGTH: _length(call_)}, [key, _body(call_)])


def transform_keys(call_: Call) -> Value:
    """`transform_keys`: the values stay."""
    held = part(call_.of("argument"), VALUE)
    return _made(call_, {KEY: _body(call_), VALUE: held, LENGTH: _length(call_)}, [_body(call_), held])


def map_zip_with(call_: Call) -> Value:
    """`map_zip_with`: the keys of both."""
    key = _common_key(call_.of("left"), call_.of("right"))
    return _made(call_, {KEY: key, VALUE: _body(call_)}, [key, _body(call_)])


def tested(call_: Call) -> Value:
    """`exists`, `forall`: what the test reads."""
    return _made(call_, None, [_body(call_)])


def aggregated(call_: Call) -> Value:
    """`aggregate`, `reduce`: what the finished accumulator holds, and each part of it."""
    finished, name, operator = call_.of("finish"), function_name(call_.node), call_.environment.operator

    def change(each: Sequence[Sources]) -> Sources:
        counted = (length.sources for length in _counted(call_, each[0]))
        return through(merge([each[0], *counted]), Subtype.TRANSFORMATION, operator, name)

    result = derive([finished], change, _term(call_))
    certainty = weakest(result.certainty, *(each.certainty for each in _counted(call_, finished.sources)))
    return Value(result.sources, result.term, certainty, result.parts)


def selected(call_: Call) -> Value:
    """`filter`, `map_filter`: elements pass, and what the lambda reads decides which."""
    return _passed(call_, _body(call_).sources)


def ordered(call_: Call) -> Value:
    """`array_sort`: elements pass in the order of what the comparator reads, however it compares."""
    return _passed(call_, _body(call_).sources, same_length=True)


def _passed(call_: Call, deciding: Sources, *, same_length: bool = False) -> Value:
    result = passing_elements(call_, [call_.of("argument")], deciding, same_length=same_length)
    certainty = weakest(result.certainty, _body(call_).certainty)
    return Value(result.sources, _term(call_), certainty, result.parts)


def _body(call_: Call) -> Value:
    function = call_.node.get("function")
    is_lambda = isinstance(function, Node) and function.name == "LambdaFunction"
    return call_.value(function.get("function") if is_lambda else function)


def _term(call_: Call) -> Term:
    return call(function_name(call_.node), [each.term for each in call_.parts()])


def _made(call_: Call, parts: dict[str, Value] | None, values: list[Value]) -> Value:
    """A TRANSFORMATION of what the lambda reads; of a collection's length where it reads nothing but to decide."""
    counted = _counted(call_, merge([each.sources for each in values]))
    name = function_name(call_.node)
    result = call_.combine([*values, *counted], Subtype.TRANSFORMATION, _term(call_), name)
    return Value(result.sources, result.term, result.certainty, parts)


def _counted(call_: Call, read: Sources) -> list[Value]:
    """The lengths of the collections of which nothing is read."""
    return [part(each, LENGTH) for each in _collections(call_) if not _is_read(each, read)]


def _length(call_: Call) -> Value:
    return lengths(_collections(call_))


def _collections(call_: Call) -> list[Value]:
    return [call_.of(name) for name in ("argument", "left", "right") if name in call_.node.fields]


def _is_read(collection: Value, read: Sources) -> bool:
    """Whether some source of a collection, or a part of it, is among those that a value is made of; it may have none."""
    return not collection.sources or len(unread(collection.sources, read)) < len(collection.sources)


RULES: dict[str, Rule] = {
    "NamedLambdaVariable": lambda_variable,
    "UnresolvedNamedLambdaVariable": lambda_variable,
    "LambdaFunction": lambda_function,
    "ArrayTransform": array_transform,
    "ZipWith": zip_with,
    "TransformValues": transform_values,
    "TransformKeys": transform_keys,
    "MapZipWith": map_zip_with,
    "ArrayExists": tested,
    "ArrayForAll": tested,
    "ArrayAggregate": aggregated,
    "ArrayFilter": selected,
    "MapFilter": selected,
    "ArraySort": ordered,
}
"""Expression class -> rule."""
