"""What the analyzer computes with: the sources of one value, and how kinds compose over hops.

`Sources` maps (dataset, field, subtype) to a `Trace`. The maps are shared freely and never changed in
place. A column of an enclosing query that a correlated subquery mentions is a source of the pseudo dataset
`OUTER` until the enclosing operator puts its own column there (`substitute`).

A nested value has parts, each a value: the fields of a struct by name, an array's `ELEMENT`, a map's `KEY` and
`VALUE`, and the `LENGTH` of both. `part` is the only way to them. Where nothing is known of them, a field is named by its path below the
column, and what an array or map holds is named like the array or map. Parts are never computed before they are
asked for: what a whole value went through, each of its parts went through (`derive`). Where a struct has two fields of one
name, `field_keys` tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeAlias

from spark_lineage.decode.tree import Node
from spark_lineage.model import Certainty, DatasetId, EdgeType, Subtype, weakest

OUTER = "\0outer"

ELEMENT, KEY, VALUE, LENGTH = "\0element", "\0key", "\0value", "\0length"
"""Names of the parts of an array and of a map, which no struct field can have; what gives a length is the whole, mostly."""

_WITHIN, _PLACE = "\1", "\2"
"""Between the names of a path below a placeholder: a field's own name may have a dot; and before the place of a field."""

_COLLECTED = (ELEMENT, KEY, VALUE)
_NAMELESS = (*_COLLECTED, LENGTH)


@dataclass(frozen=True, slots=True)
class Trace:
    """How a source got here: the operator that gave it its kind, the functions and views it passed."""

    operator: str
    masking: bool = False
    certainty: Certainty = Certainty.EXACT
    functions: frozenset[str] = frozenset()
    via: frozenset[str] = frozenset()


SourceKey: TypeAlias = tuple[DatasetId, str | None, Subtype]
Sources: TypeAlias = Mapping[SourceKey, Trace]

NOTHING: Sources = {}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A source column inside an expression; how it is written is decided when all are known."""

    dataset: DatasetId
    field: str


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A literal inside an expression: its node, by which its keyed hash is found, and how it is written."""

    node: Node
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """An expression to be rendered: texts, leaves, constants and other terms, in order. Shared, never copied."""

    parts: tuple[str | Leaf | Constant | Term, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """The lineage of one column or expression.

    `parts` is given where the value was built in the query (then all its parts are), or derived from values that
    may have been. `certainty` is that of the whole: an opaque value may have no source at all.
    """

    sources: Sources = field(default_factory=dict)
    term: Term = field(default_factory=Term)
    certainty: Certainty = Certainty.EXACT
    parts: Mapping[str, Value] | Derived | None = None


Change: TypeAlias = Callable[[Sequence[Sources]], Sources]
"""What happens to the sources of some values, and in the same way to those of their parts."""


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """Parts that are made of the same parts of other values; the `LENGTH` perhaps by less."""

    inputs: tuple[Value, ...]
    change: Change
    length: Change | None = None


def compose(outer: Subtype, inner: Subtype) -> Subtype:
    """The kind of two hops, `inner` nearer to the source (decision 13 of the design).

    >>> compose(Subtype.IDENTITY, Subtype.AGGREGATION).value
    'AGGREGATION'
    >>> compose(Subtype.FILTER, Subtype.WINDOW).value
    'FILTER'
    """
    return _COMPOSED[outer, inner]


def _composed(outer: Subtype, inner: Subtype) -> Subtype:
    if outer.type is EdgeType.INDIRECT:
        return outer
    if inner.type is EdgeType.INDIRECT:
        return inner
    return max(outer, inner, key=(Subtype.IDENTITY, Subtype.TRANSFORMATION, Subtype.AGGREGATION).index)


_COMPOSED = {(outer, inner): _composed(outer, inner) for outer in Subtype for inner in Subtype}


def merge(maps: Iterable[Sources]) -> Sources:
    """The union of several source maps; the same object where only one has entries."""
    filled = [each for each in maps if each]
    if not filled:
        return NOTHING
    if len(filled) == 1 or all(each is filled[0] for each in filled):
        return filled[0]
    result = dict(filled[0])
    for each in filled[1:]:
        for key, trace in each.items():
            known = result.get(key)
            if known is not trace:
                result[key] = trace if known is None else join_traces(known, trace)
    return result


def through(
    sources: Sources, subtype: Subtype, operator: str, function: str | None = None, *, masking: bool = False
) -> Sources:
    """The sources after one more hop of the given kind at the given operator; the same object where that adds nothing."""
    if subtype is Subtype.IDENTITY and function is None and not masking:
        return sources
    result: dict[SourceKey, Trace] = {}
    same = True
    for source, trace in sources.items():
        dataset, path, inner = source
        kind = _COMPOSED[subtype, inner]
        functions = trace.functions
        if kind is inner and (function is None or function in functions) and (trace.masking or not masking):
            key, changed = source, trace
        else:
            same = False
            key = (dataset, path, kind)
            changed = Trace(
                operator if kind is not inner else trace.operator,
                trace.masking or masking,
                trace.certainty,
                functions if function is None else functions | {function},
                trace.via,
            )
        known = result.get(key)
        result[key] = changed if known is None else join_traces(known, changed)
    return sources if same else result


def weaken(sources: Sources, certainty: Certainty) -> Sources:
    """The same sources, at most as sure as `certainty`."""
    return {
        key: replace(trace, certainty=weakest(trace.certainty, certainty)) for key, trace in sources.items()
    }


def add_via(sources: Sources, view: str) -> Sources:
    """The same sources, having passed the catalog view `view`."""
    return {key: replace(trace, via=trace.via | {view}) for key, trace in sources.items()}


def derive(
    values: Iterable[Value], change: Change, term: Term | None = None, length: Change | None = None
) -> Value:
    """A value whose sources are made of others' by `change`, and whose parts are made so of their parts.

    `length` says how the length is made where that is not by `change`.
    """
    inputs = tuple(values)
    return Value(
        change([each.sources for each in inputs]),
        inputs[0].term if term is None else term,
        weakest(*(each.certainty for each in inputs)),
        Derived(inputs, change, length),
    )


def either(values: Iterable[Value], term: Term, deciding: Sources = NOTHING) -> Value:
    """One of several values passes on; `deciding` are the sources that choose it."""
    return derive(values, lambda each: merge([*each, deciding]), term)


def part(value: Value, name: str) -> Value:
    """The lineage of a part: a struct's field, an array's `ELEMENT`, a map's `KEY` or `VALUE`, the `LENGTH` of either.

    Iterative: a value may be derived by thousands of steps.
    """
    known: dict[int, Value] = {}
    stack = [value]
    while stack:
        each = stack[-1]
        if id(each) in known:
            stack.pop()
        elif isinstance(each.parts, Derived):
            waiting = [below for below in each.parts.inputs if id(below) not in known]
            stack.extend(waiting)
            if not waiting:
                inputs = [known[id(below)] for below in each.parts.inputs]
                change = (name == LENGTH and each.parts.length) or each.parts.change
                known[id(each)] = derive(inputs, change, _part_term(each.term, name))
        else:
            known[id(each)] = _own_part(each, each.parts, name)
    return known[id(value)]


@lru_cache(maxsize=1024)
def field_keys(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a struct's parts, by its fields' names: one that an earlier field has, in any case, gets its place.

    >>> [len(key) for key in field_keys(("a", "b", "A"))]
    [1, 1, 3]
    """
    seen: set[str] = set()
    keys = []
    for place, name in enumerate(names):
        keys.append(f"{name}{_PLACE}{place}" if name.lower() in seen else name)
        seen.add(name.lower())
    return tuple(keys)


def is_built(value: Value) -> bool:
    """Whether some part of a value may be another than the path below its column says."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each.parts, Mapping):
            return True
        if isinstance(each.parts, Derived) and id(each) not in seen:
            seen.add(id(each))
            stack.extend(each.parts.inputs)
    return False


def _own_part(value: Value, parts: Mapping[str, Value] | None, name: str) -> Value:
    if parts is None:
        return _below(value, name)
    if name in parts:
        return parts[name]
    if name == LENGTH:
        return replace(value, parts=None)
    same = next((key for key in parts if key.lower() == name.lower()), None)
    if same is not None:  # one that was fitted to another by Spark, whose names are alike in any case
        return parts[same]
    # `array.field` is that field of its elements; of a map it may be the keys' or the values'
    inner = [part(parts[each], name) for each in _COLLECTED if each in parts]
    return either(inner, _part_term(value.term, name)) if inner else replace(value, parts=None)


def _below(value: Value, name: str) -> Value:
    """A part of a value that was not built here: the path below a column that passed on as it is."""
    term = _part_term(value.term, name)
    sources = {
        (dataset, _path(dataset, path, name) if subtype is Subtype.IDENTITY else path, subtype): trace
        for (dataset, path, subtype), trace in value.sources.items()
    }
    return Value(sources, term, value.certainty)


def _path(dataset: DatasetId, path: str | None, name: str) -> str | None:
    """Elements, keys, values and lengths have no name of their own; only a placeholder has to remember them."""
    if path is None or (name in _NAMELESS and dataset.namespace != OUTER):
        return path
    return f"{path}{_WITHIN}{name}" if dataset.namespace == OUTER else f"{path}.{_field(name)}"


def _field(key: str) -> str:
    return key.partition(_PLACE)[0]


def _separator(dataset: DatasetId) -> str:
    return _WITHIN if dataset.namespace == OUTER else "."


def beyond(extra: Sources, covered: Sources) -> Sources:
    """The sources in `extra` that are not, in the same kind, in `covered`, nor lie within one there."""
    return {
        (dataset, path, subtype): trace
        for (dataset, path, subtype), trace in extra.items()
        if not any((dataset, outer, subtype) in covered for outer in _outer_paths(dataset, path))
    }


def unread(whole: Sources, read: Sources) -> Sources:
    """The sources in `whole` that are not, in any DIRECT kind, in `read`, nor have a part of them there."""
    met = {(dataset, path) for dataset, path, subtype in read if subtype.type is EdgeType.DIRECT}
    return {
        (dataset, path, subtype): trace
        for (dataset, path, subtype), trace in whole.items()
        if not any(
            dataset == each and (path == inner or str(inner).startswith(f"{path}{_separator(dataset)}"))
            for each, inner in met
        )
    }


def _outer_paths(dataset: DatasetId, path: str | None) -> Iterable[str | None]:
    separator = _separator(dataset)
    names = (path or "").split(separator)
    return (path, *(separator.join(names[:length]) for length in range(1, len(names))))


def _part_term(term: Term, name: str) -> Term:
    if name in _NAMELESS:
        return term
    if len(term.parts) == 1 and isinstance(term.parts[0], Leaf):
        leaf = term.parts[0]
        return Term((Leaf(leaf.dataset, f"{leaf.field}.{_field(name)}"),))
    return Term((term, f".{_field(name)}"))


def outer_value(expr: int, name: str) -> Value:
    """The value of a column of the enclosing query, to be substituted there."""
    dataset = DatasetId(OUTER, str(expr))
    return Value({(dataset, "", Subtype.IDENTITY): Trace("outer")}, Term((name,)))


def substitute(sources: Sources, lookup: Callable[[int], Value | None]) -> Sources:
    """Replace the columns of the enclosing query by their own sources, where `lookup` knows them."""
    if not any(dataset.namespace == OUTER for dataset, _, _ in sources):
        return sources
    parts: list[Sources] = []
    kept: dict[SourceKey, Trace] = {}
    for key, trace in sources.items():
        dataset, path, subtype = key
        value = lookup(int(dataset.name)) if dataset.namespace == OUTER else None
        if value is None:
            kept[key] = trace
            continue
        for name in filter(None, (path or "").split(_WITHIN)):
            value = part(value, name)
        parts.append(_after(through(value.sources, subtype, trace.operator, masking=trace.masking), trace))
    return merge([kept, *parts])


def _after(sources: Sources, way: Trace) -> Sources:
    """The sources after the way that a column of the enclosing query went inside the subquery."""
    if not way.functions and way.certainty is Certainty.EXACT:
        return sources
    return {
        key: replace(
            trace,
            functions=trace.functions | way.functions,
            certainty=weakest(trace.certainty, way.certainty),
        )
        for key, trace in sources.items()
    }


def join_traces(one: Trace, other: Trace) -> Trace:
    """The same source by two ways: it is masked only if both mask it."""
    if one is other or _covers(one, other):
        return one
    return Trace(
        operator=min(one.operator, other.operator),
        masking=one.masking and other.masking,
        certainty=weakest(one.certainty, other.certainty),
        functions=one.functions | other.functions,
        via=one.via | other.via,
    )


def _covers(one: Trace, other: Trace) -> bool:
    """Whether a trace stays as it is when it is joined with another."""
    return (
        one.operator <= other.operator
        and one.functions >= other.functions
        and one.via >= other.via
        and (other.masking or not one.masking)
        and (one.certainty is other.certainty or weakest(one.certainty, other.certainty) is one.certainty)
    )
