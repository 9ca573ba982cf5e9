"""Expressions that take a value apart and put it together again: so Spark fits nested data to a table's types.

Writing structs whose fields have other names or types than the table's, Spark makes
`if(isnull(s), null, named_struct('x', s.a, 'y', s.b))` of a struct, `transform(a, e -> ...)` of an array and
`map_from_arrays(transform(map_keys(m), ...), transform(map_values(m), ...))` of a map. That is a cast by position.

Fitting by name (`unionByName`, `MERGE ... UPDATE SET *`, `INSERT ... BY NAME`), it puts the fields into the order of the table and
NULL where the data lack one: the same expressions, with other ordinals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from spark_lineage.decode.tree import Attribute, DataType, ExprId, Node, flatten

_NO_TYPE = DataType("")
_WRAPPERS = frozenset({"Alias", "Cast", "KnownNotNull", "KnownNullable", "AssertNotNull"})


def type_of(item: Any) -> DataType:
    """The type of an expression or a column; an empty one where it is not known."""
    kind = getattr(item, "type", None)
    return kind if isinstance(kind, DataType) else _NO_TYPE


def evolved(table: DataType, data: DataType) -> DataType:
    """The type of a table's column once data of a type are in it: structs keep the table's fields in its order, new ones follow.

    Values that are no structs are as the data have them: Spark has cast them, unless the table itself may change its type.

    >>> integer = DataType("int")
    >>> evolved(struct_type([("q", integer), ("p", integer)]), struct_type([("p", integer), ("r", integer)])).simple
    'struct<q:int,p:int,r:int>'
    """
    if table.kind != data.kind or not table.parts or not data.parts:
        return data if data.simple else table
    if table.kind != "struct":
        parts = tuple(evolved(*pair) for pair in zip(table.parts, data.parts, strict=True))
        fields = parts[0].fields if table.kind == "array" else ()
        return DataType(f"{table.kind}<{','.join(each.simple for each in parts)}>", fields, table.kind, parts)
    given = dict(zip(map(str.lower, data.fields), zip(data.fields, data.parts, strict=True), strict=True))
    old = zip(table.fields, table.parts, strict=True)
    fitting = [(name, evolved(part, given.pop(name.lower(), ("", part))[1])) for name, part in old]
    return struct_type([*fitting, *given.values()])


def struct_type(members: Iterable[tuple[str, DataType]]) -> DataType:
    """A struct of these fields."""
    names, parts = zip(*members, strict=True)
    texts = (f"{name}:{part.simple}" for name, part in zip(names, parts, strict=True))
    return DataType(f"struct<{','.join(texts)}>", names, "struct", parts)


def rebuilt(node: Any) -> Any:
    """The expression that a node only rebuilds, None if it does more; recursion goes no deeper than its type."""
    return _whole(node, _REBUILDS, _REBUILDS)


def fitted(node: Any) -> Any:
    """The value whose fields a node puts into another order, by their names, with NULL for those that it lacks.

    None where the node does more, or less: a field more that is not NULL, or one that is left out. Only below a test on NULL, for
    `named_struct` alone may be the query's own.
    """
    return _whole(node, _FITS, _FITS.keys() - {"CreateNamedStruct"})


def _whole(node: Any, rules: Mapping[str, Callable[[Node], Any]], alone: Collection[str]) -> Any:
    """What a node makes again by one of the rules, below a test on NULL or, where its class is `alone`, without one."""
    node = _unwrapped(node)
    if not isinstance(node, Node) or not type_of(node).kind:
        return None
    if node.name == "If":
        inner = _unwrapped(node.get("falseValue"))
        known = isinstance(inner, Node) and inner.name in rules and _is_null(node.get("trueValue"))
        whole = _whole(inner, rules, rules) if known else None
        return whole if whole is not None and _tests(node.get("predicate"), whole) else None
    return rules[node.name](node) if node.name in alone else None


def takes_by_position(node: Node) -> bool:
    """Whether `transform` only fits the elements of an array, and takes each by its position, as Delta does."""
    function = node.get("function")
    variables = function.get("arguments") if isinstance(function, Node) else None
    return len(variables or ()) == 2 and (fitted(node) is not None or rebuilt(node) is not None)


def _struct_by_name(node: Node) -> Any:
    names = type_of(node).fields
    members = [_origin_by_name(each) for each in tuple(flatten(node.get("children")))[1::2]]
    taken = {
        name.lower(): each
        for name, each in zip(names, members, strict=False)
        if isinstance(each, Node) and each.name == "GetStructField"
    }
    whole = next(iter(taken.values())).get("child") if taken else None
    given = [each.lower() for each in type_of(whole).fields]
    lacking = [each for each in members if _is_null(each)]
    if not (len(names) == len(members) == len(taken) + len(lacking)) or sorted(given) != sorted(taken):
        return None
    fits = all(
        given[int(each.get("ordinal"))] == name and _same(each.get("child"), whole)
        for name, each in taken.items()
    )
    return whole if fits else None


def _struct(node: Node) -> Any:
    members = [_origin(each) for each in tuple(flatten(node.get("children")))[1::2]]
    first = members[0] if members else None
    whole = first.get("child") if isinstance(first, Node) else None
    if whole is None or len(type_of(whole).fields) != len(members) or type_of(whole).kind != "struct":
        return None
    fits = all(
        isinstance(each, Node)
        and each.name == "GetStructField"
        and each.get("ordinal") == position
        and _same(each.get("child"), whole)
        for position, each in enumerate(members)
    )
    return whole if fits else None


def _array(node: Node) -> Any:
    return _array_of(node, _origin)


def _array_by_name(node: Node) -> Any:
    return _array_of(node, _origin_by_name)


def _array_of(node: Node, origin: Callable[[Any], Any]) -> Any:
    function = node.get("function")
    variables = function.get("arguments") if isinstance(function, Node) else None
    if not variables:
        return None
    made, whole = origin(function.get("function")), node.get("argument")
    # Delta names the element by its position
    by_position = isinstance(made, Node) and made.name == "GetArrayItem" and _same(made.get("child"), whole)
    fits = _same(made.get("ordinal"), variables[-1]) if by_position else _same(made, variables[0])
    return whole if fits else None


def _map(node: Node) -> Any:
    return _map_of(node, _origin)


def _map_by_name(node: Node) -> Any:
    return _map_of(node, _origin_by_name)


def _map_of(node: Node, origin: Callable[[Any], Any]) -> Any:
    keys, values = origin(node.get("left")), origin(node.get("right"))
    if not isinstance(keys, Node) or not isinstance(values, Node):
        return None
    fits = (
        keys.name == "MapKeys"
        and values.name == "MapValues"
        and _same(keys.get("child"), values.get("child"))
    )
    return keys.get("child") if fits else None


_REBUILDS = {"CreateNamedStruct": _struct, "ArrayTransform": _array, "MapFromArrays": _map}

_FITS = {
    "CreateNamedStruct": _struct_by_name,
    "ArrayTransform": _array_by_name,
    "MapFromArrays": _map_by_name,
}


def _origin(item: Any) -> Any:
    whole = rebuilt(item)
    return _unwrapped(item) if whole is None else whole


def _origin_by_name(item: Any) -> Any:
    whole = fitted(item)
    return _origin(item) if whole is None else whole


def _unwrapped(item: Any) -> Any:
    while isinstance(item, Node) and item.name in _WRAPPERS and not item.user_cast:
        item = item.get("child")
    return item


def _is_null(item: Any) -> bool:
    return isinstance(item, Node) and item.name == "Literal" and bool(item.facts.get("null"))


def _tests(predicate: Any, whole: Any) -> bool:
    return isinstance(predicate, Node) and predicate.name == "IsNull" and _same(predicate.get("child"), whole)


def _same(one: Any, other: Any) -> bool:
    """Whether two expressions are the same path below the same column or lambda variable."""
    one, other = _unwrapped(one), _unwrapped(other)
    while isinstance(one, Node) and isinstance(other, Node) and one is not other:
        if one.name != other.name:
            return False
        if one.name == "NamedLambdaVariable":
            return _is_variable(one, other)
        by_position = one.name == "GetArrayItem" and _is_variable(one.get("ordinal"), other.get("ordinal"))
        by_field = one.name == "GetStructField" and one.get("ordinal") == other.get("ordinal")
        if not by_position and not by_field:
            return False
        one, other = _unwrapped(one.get("child")), _unwrapped(other.get("child"))
    if isinstance(one, Attribute) and isinstance(other, Attribute):
        return one.expr == other.expr
    return one is other


def _is_variable(one: Any, other: Any) -> bool:
    """Whether both are the same variable of a lambda."""
    identity = one.get("exprId") if isinstance(one, Node) else None
    return isinstance(identity, ExprId) and isinstance(other, Node) and identity == other.get("exprId")
