"""Rules for structs, arrays and maps: building one, taking a part out of one, and what passes parts on.

A part that is taken out of what the query built is what was put in, with its own kind. A function that chooses or
orders the elements of a collection is a TRANSFORMATION of it, and of each part of its elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from spark_lineage.analyze.calls import Call, Rule, function_name
from spark_lineage.analyze.rebuilt import fitted, rebuilt, type_of
from spark_lineage.analyze.render import call, joined
from spark_lineage.analyze.values import (
    ELEMENT,
    KEY,
    LENGTH,
    NOTHING,
    VALUE,
    Derived,
    Sources,
    Term,
    Value,
    beyond,
    derive,
    either,
    field_keys,
    is_built,
    merge,
    part,
    through,
    unread,
    weaken,
)
from spark_lineage.decode.tree import DataType, Node, flatten
from spark_lineage.model import Certainty, Subtype, weakest


def built(call_: Call, values: list[Value], parts: Mapping[str, Value], name: str = "") -> Value:
    """Something built of values: a TRANSFORMATION of all, whose parts are known."""
    name = name or function_name(call_.node)
    combined = call_.combine(values, Subtype.TRANSFORMATION, call(name, [each.term for each in values]), name)
    return Value(combined.sources, combined.term, combined.certainty, parts)


# structs


def named_struct(call_: Call) -> Value:
    """A struct built from values; its fields keep their own lineage."""
    whole = unchanged(call_)
    if whole is not None:
        return whole
    names = [_struct_name(each) for each in flatten(call_.node.get("children"))][0::2]
    values = call_.parts("children")[1::2]
    term = call("struct", [each.term for each in values])
    combined = call_.combine(values, Subtype.TRANSFORMATION, term, function_name(call_.node))
    known = type_of(call_.node).fields if len(type_of(call_.node).fields) == len(values) else names
    fields = dict(zip(field_keys(tuple(known)), values, strict=True)) if all(known) else None
    return Value(combined.sources, combined.term, combined.certainty, fields)


def unchanged(call_: Call) -> Value | None:
    """The value that an expression only takes apart and puts together again, in the names of its own type."""
    whole = rebuilt(call_.node)
    return None if whole is None else renamed(call_.value(whole), type_of(whole), type_of(call_.node))


def fit(call_: Call, parts: Mapping[str, Value] | Derived | None) -> Value | None:
    """The value whose fields an expression only puts into another order, where it does; `parts` are then the new ones."""
    whole = fitted(call_.node)
    if whole is None:
        return None
    value = call_.value(whole)
    return Value(value.sources, value.term, value.certainty, parts)


def renamed(value: Value, old: DataType, new: DataType) -> Value:
    """A value after a cast that only renames fields, by position; the same one where all names stay."""
    if old.kind != new.kind or len(old.parts) != len(new.parts) or _same_names(old, new):
        return value
    names = {"array": (ELEMENT,), "map": (KEY, VALUE)}.get(old.kind)
    old_names, new_names = (names or field_keys(each.fields) for each in (old, new))
    pairs = zip(old_names, new_names, old.parts, new.parts, strict=True)
    parts = {
        new_name: renamed(part(value, old_name), old_part, new_part)
        for old_name, new_name, old_part, new_part in pairs
    }
    if names:
        parts[LENGTH] = part(value, LENGTH)
    return Value(value.sources, value.term, value.certainty, parts)


def alike(call_: Call, items: Iterable[Any], kind: DataType) -> list[Value]:
    """The values of expressions that Spark takes for one type, in that type's names: theirs may differ in case."""
    return [renamed(call_.value(each), type_of(each), kind) for each in items]


def _same_names(old: DataType, new: DataType) -> bool:
    if old is new or not old.parts:
        return True
    inner = zip(old.parts, new.parts, strict=False)
    return (
        old.fields == new.fields and len(old.parts) == len(new.parts) and all(_same_names(*p) for p in inner)
    )


def update_fields(call_: Call) -> Value:
    """`withField` and `dropFields`: the other fields stay what they were."""
    struct, names = call_.of("structExpr"), type_of(call_.node.get("structExpr")).fields
    fields = [(name, part(struct, key)) for name, key in zip(names, field_keys(names), strict=True)]
    ambiguous = False
    for operation in call_.node.get("fieldOps") or ():
        name, new = str(operation.get("name")), operation.get("valExpr")
        same = {each for each, _ in fields if each.lower() == name.lower()}
        ambiguous = (
            ambiguous or len(same) > 1
        )  # two names that differ in case only: Spark may tell them apart
        if new is None:
            fields = [(each, value) for each, value in fields if each not in same]
            continue
        value = call_.known[operation]
        fields = [(each, value if each in same else own) for each, own in fields]
        fields += [] if same else [(name, value)]
    kept = type_of(call_.node).fields
    if ambiguous or len(kept) != len(fields):
        values = [struct, *call_.parts("fieldOps")]
        return call_.combine(values, Subtype.TRANSFORMATION, call("update_fields", [v.term for v in values]))
    values = [value for _, value in fields]
    return built(call_, values, dict(zip(field_keys(kept), values, strict=True)))


def with_field(call_: Call) -> Value:
    """One of `withField`'s operations: the new value."""
    return call_.of("valExpr")


def struct_field(call_: Call) -> Value:
    """`struct.field`."""
    name = _field_name(call_.node)
    value = call_.of("child")
    return part(value, name) if name is not None else value


def array_struct_fields(call_: Call) -> Value:
    """`array.field`: that field of each element; as many as there are elements."""
    name = _field_name(call_.node)
    value = call_.of("child")
    if name is None:
        return value
    inner, length = part(part(value, ELEMENT), name), part(value, LENGTH)
    counted = through(
        unread(length.sources, inner.sources), Subtype.TRANSFORMATION, call_.environment.operator
    )
    parts = {ELEMENT: inner, LENGTH: length}
    return Value(merge([inner.sources, counted]), inner.term, inner.certainty, parts)


def _field_name(node: Node) -> str | None:
    """The type's own spelling, whatever the query's case was, and which of two fields of one name it is."""
    names = field_keys(type_of(node.get("child")).fields)
    ordinal, name = node.get("ordinal"), node.get("name")
    if isinstance(ordinal, int) and ordinal < len(names):
        return names[ordinal]
    return name if isinstance(name, str) else None


def _struct_name(item: Any) -> str:
    return str(item.facts.get("value", "")) if isinstance(item, Node) else ""


# arrays and maps


def create_array(call_: Call) -> Value:
    """`array(a, b)`: an element is one of the values."""
    values = alike(call_, call_.node.parts, _held(call_.node))
    return built(
        call_, values, {ELEMENT: either(values, alternatives(values)), LENGTH: Value()} if values else {}
    )


def _held(node: Node) -> DataType:
    """The type of an array's elements or of a map's values; an empty one where it is not known."""
    parts = type_of(node).parts
    return parts[-1] if parts else type_of(None)


def create_map(call_: Call) -> Value:
    """`map(k, v, ...)`: keys and values stay apart."""
    values = call_.parts()
    if not values:
        return built(call_, values, {})
    keys = values[0::2]
    held = alike(call_, call_.node.parts[1::2], _held(call_.node))
    parts = {KEY: either(keys, alternatives(keys)), VALUE: either(held, alternatives(held)), LENGTH: Value()}
    return built(call_, values, parts)


def array_repeat(call_: Call) -> Value:
    """`array_repeat(a, n)`: each element is the value."""
    values = call_.parts()
    return built(call_, values, {ELEMENT: values[0], LENGTH: values[1]})


def arrays_zip(call_: Call) -> Value:
    """`arrays_zip(a, b)`: structs of an element of each."""
    values = call_.parts("children")
    elements, length = [part(each, ELEMENT) for each in values], lengths(values)
    names = field_keys(type_of(call_.node).fields)
    if len(names) != len(values):
        return built(call_, values, {ELEMENT: either(elements, alternatives(elements)), LENGTH: length})
    fields = dict(zip(names, elements, strict=True))
    struct = call_.combine(elements, Subtype.TRANSFORMATION, call("struct", [e.term for e in elements]))
    element = Value(struct.sources, struct.term, struct.certainty, fields)
    return built(call_, values, {ELEMENT: element, LENGTH: length})


def lengths(values: Sequence[Value]) -> Value:
    """The length of what is made of several collections: of those whose length is known from the data."""
    each = [part(value, LENGTH) for value in values]
    return either(each, alternatives(each)) if each else Value()


def map_from_arrays(call_: Call) -> Value:
    """`map_from_arrays(keys, values)`."""
    whole = unchanged(call_)
    if whole is not None:
        return whole
    keys, held = call_.of("left"), call_.of("right")
    parts = {KEY: part(keys, ELEMENT), VALUE: part(held, ELEMENT), LENGTH: part(keys, LENGTH)}
    return fit(call_, parts) or built(call_, [keys, held], parts)


def map_from_entries(call_: Call) -> Value:
    """`map_from_entries`: the two fields of the elements' structs."""
    entries = call_.of("child")
    element, names = part(entries, ELEMENT), field_keys(type_of(call_.node.get("child")).fields)
    if len(names) != 2:
        return built(call_, [entries], {KEY: element, VALUE: element})
    key, held = (part(element, name) for name in names)
    return built(call_, [entries], {KEY: key, VALUE: held, LENGTH: part(entries, LENGTH)})


def map_entries(call_: Call) -> Value:
    """`map_entries`: structs of a key and a value."""
    map_ = call_.of("child")
    fields = {"key": part(map_, KEY), "value": part(map_, VALUE)}
    entry = Value(map_.sources, map_.term, map_.certainty, fields)
    return built(call_, [map_], {ELEMENT: entry, LENGTH: part(map_, LENGTH)})


def map_keys(call_: Call) -> Value:
    """`map_keys`."""
    return _listed(call_, KEY)


def map_values(call_: Call) -> Value:
    """`map_values`."""
    return _listed(call_, VALUE)


def _listed(call_: Call, name: str) -> Value:
    map_ = call_.of("child")
    inner = part(map_, name)
    term = call(function_name(call_.node), [map_.term])
    combined = call_.combine([inner], Subtype.TRANSFORMATION, term, function_name(call_.node))
    parts = {ELEMENT: inner, LENGTH: part(map_, LENGTH)}
    return Value(combined.sources, combined.term, combined.certainty, parts)


_OR = " | "
"""Between the texts of values of which one passes on."""


def element(call_: Call) -> Value:
    """`array[i]`, `map[key]`: an element passes on; an index that is a column and keys that the query put in decide.

    Of several values that the query wrote down, a literal takes one; which one is not seen, for literals are masked.
    """
    container, *index = call_.parts()
    operator = call_.environment.operator
    first = next(iter(call_.node.fields.values()), None)
    is_map = call_.node.name == "GetMapValue" or type_of(first).kind == "map"
    taken = part(container, VALUE if is_map else ELEMENT)
    keys = beyond(part(container, KEY).sources, _as_identity(taken.sources)) if is_map else NOTHING
    chooses = call_.environment.deciding
    deciding = through(merge([keys, *(each.sources for each in index)]), chooses, operator)
    term = Term((container.term, "[", *joined([each.term for each in index]), "]"))
    by_literal = all(_is_literal(each) for each in call_.node.parts[1:])
    sure = Certainty.OVER_APPROXIMATE if by_literal and not keys and _is_one_of(taken) else Certainty.EXACT
    result = derive([taken], lambda each: weaken(merge([*each, deciding]), sure), term)
    certainty = weakest(result.certainty, sure, *(each.certainty for each in index))
    return Value(result.sources, term, certainty, result.parts)


def _as_identity(sources: Sources) -> Sources:
    """The same with every kind: a key that is a source of the value already decides nothing more."""
    return {
        (dataset, path, subtype): trace
        for (dataset, path, _), trace in sources.items()
        for subtype in Subtype
    }


def flattened(call_: Call) -> Value:
    """`flatten`: the elements of the elements."""
    array = call_.of("child")
    return built(call_, [array], {ELEMENT: part(part(array, ELEMENT), ELEMENT)})


def concatenated(call_: Call) -> Value:
    """`concat`, `map_concat`: of collections an element of either; of texts a function."""
    values = call_.parts()
    if not values or type_of(call_.node).kind not in {"array", "map"}:
        return built(call_, values, {})
    values = alike(call_, call_.node.parts, type_of(call_.node))
    name, operator = function_name(call_.node), call_.environment.operator
    term = call(name, [each.term for each in values])
    return derive(values, lambda each: through(merge(each), Subtype.TRANSFORMATION, operator, name), term)


def united(call_: Call) -> Value:
    """`array_union`: an element of either, once: any part of them decides which there are."""
    whole = concatenated(call_)
    result = passing_elements(call_, [whole], whole.sources)
    return Value(result.sources, whole.term, result.certainty, result.parts)


def chosen(call_: Call) -> Value:
    """Elements of the first argument by their position: `slice`, `reverse`, `shuffle`."""
    return passing_elements(call_, call_.parts())


def compared(call_: Call) -> Value:
    """Elements of the first argument after comparing them: any part of them decides which and in which order."""
    first, *others = call_.parts()
    return passing_elements(call_, [first, *others], first.sources)


def sorted_elements(call_: Call) -> Value:
    """`sort_array`: as many elements in another order."""
    first, *others = call_.parts()
    return passing_elements(call_, [first, *others], first.sources, same_length=True)


def with_element(call_: Call) -> Value:
    """`array_insert`, `array_append`: an element more."""
    values = call_.parts()
    added = call_.node.get("itemExpr" if "itemExpr" in call_.node.fields else "right")
    array, (item,) = values[0], alike(call_, [added], _held(call_.node))
    elements = [part(array, ELEMENT), item]
    length = part(array, LENGTH)
    if "posExpr" in call_.node.fields:  # what lies between the array's end and the place is filled up
        length = either([length, call_.of("posExpr")], array.term)
    parts = {ELEMENT: either(elements, alternatives(elements)), LENGTH: length}
    return built(call_, values, parts)


def extreme(call_: Call) -> Value:
    """`array_max`, `array_min`: an element, found by comparing all."""
    array = call_.of("child")
    return passing_elements(call_, [part(array, ELEMENT)], array.sources)


def passing_elements(
    call_: Call, values: Sequence[Value], deciding: Sources = NOTHING, *, same_length: bool = False
) -> Value:
    """A TRANSFORMATION of the first value and of each of its parts; what else there is decides on all of them.

    With `same_length` on all but the length.
    """
    first, *others = values
    name, operator = function_name(call_.node), call_.environment.operator
    extra = through(
        merge([deciding, *(each.sources for each in others)]), Subtype.TRANSFORMATION, operator, name
    )

    def kept(each: Sequence[Sources]) -> Sources:
        return through(each[0], Subtype.TRANSFORMATION, operator, name)

    def change(each: Sequence[Sources]) -> Sources:
        own = kept(each)
        return merge([own, beyond(extra, own)]) if extra else own

    term = call(name, [each.term for each in values])
    result = derive([first], change, term, kept if same_length else None)
    certainty = weakest(result.certainty, *(each.certainty for each in others))
    return Value(result.sources, result.term, certainty, result.parts)


MAX_FIELD_DEPTH = 32
"""Fields deeper than this are told with the one that they lie in."""


def fields_of(name: str, value: Value, kind: DataType) -> Iterator[tuple[str, Value]]:
    """The fields, at any depth, of a column that was built of parts: the path of each, and its value."""
    stack = [(name, value, kind, 0)]
    while stack:
        path, each, type_, depth = stack.pop()
        if depth == MAX_FIELD_DEPTH or not type_.parts or not is_built(each):
            continue
        names = {"array": (ELEMENT,), "map": (KEY, VALUE)}.get(type_.kind)
        keys = names or field_keys(type_.fields)
        for key, field, part_type in zip(keys, names or type_.fields, type_.parts, strict=True):
            inner = part(each, key)
            below = path if names else f"{path}.{field}"
            if not names:
                yield below, inner
            stack.append((below, inner, part_type, depth + 1))


def alternatives(values: Sequence[Value]) -> Term:
    """The text of a value that is one of several: each different one that has sources."""
    terms = list(dict.fromkeys(each.term for each in values if each.sources))
    if not terms:
        return values[0].term if values else Term()
    if len(terms) == 1:
        return terms[0]
    return Term(joined(terms, _OR))


def _is_literal(item: Any) -> bool:
    while isinstance(item, Node) and item.name in {"Cast", "UnaryMinus"}:
        item = item.get("child")
    return isinstance(item, Node) and item.name == "Literal"


def _is_one_of(value: Value) -> bool:
    return _OR in value.term.parts


RULES: dict[str, Rule] = {
    "CreateNamedStruct": named_struct,
    "UpdateFields": update_fields,
    "WithField": with_field,
    "GetStructField": struct_field,
    "GetArrayStructFields": array_struct_fields,
    "CreateArray": create_array,
    "CreateMap": create_map,
    "ArrayRepeat": array_repeat,
    "ArraysZip": arrays_zip,
    "MapFromArrays": map_from_arrays,
    "MapFromEntries": map_from_entries,
    "MapEntries": map_entries,
    "MapKeys": map_keys,
    "MapValues": map_values,
    "GetArrayItem": element,
    "GetMapValue": element,
    "ElementAt": element,
    "Get": element,
    "Flatten": flattened,
    "Concat": concatenated,
    "MapConcat": concatenated,
    "ArrayUnion": united,
    "Slice": chosen,
    "Reverse": chosen,
    "Shuffle": chosen,
    "ArrayDistinct": compared,
    "ArrayExcept": compared,
    "ArrayIntersect": compared,
    "ArrayRemove": compared,
    "SortArray": sorted_elements,
    "ArrayInsert": with_element,
    "ArrayAppend": with_element,
    "ArrayPrepend": with_element,
    "ArrayMax": extreme,
    "ArrayMin": extreme,
}
"""Expression class -> rule."""
