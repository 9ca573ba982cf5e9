"""What the analyzer computes with: the sources of one value, and how kinds compose over hops.

`Sources` maps (dataset, field, subtype) to a `Trace`. The maps are shared freely and never changed in
place. A column of an enclosing query that a correlated subquery mentions is a source of the pseudo dataset
`OUTER` until the enclosing operator puts its own column there (`substitute`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from spark_lineage.model import Certainty, DatasetId, EdgeType, Subtype, weakest

OUTER = "\0outer"


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
class Term:
    """An expression to be rendered: texts, leaves and other terms, in order. Shared, never copied."""

    parts: tuple[str | Leaf | Term, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """The lineage of one column or expression.

    `fields` is given where the value is a struct built in the query: each field has its own lineage.
    `certainty` is that of the whole: an opaque value may have no source at all.
    """

    sources: Sources = field(default_factory=dict)
    term: Term = field(default_factory=Term)
    certainty: Certainty = Certainty.EXACT
    fields: Mapping[str, Value] | None = None


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


def extend_path(value: Value, name: str) -> Value:
    """The lineage of the field `name` of a struct value."""
    if value.fields is not None and name in value.fields:
        return value.fields[name]
    sources = {
        (
            dataset,
            f"{path}.{name}" if path is not None and subtype is Subtype.IDENTITY else path,
            subtype,
        ): trace
        for (dataset, path, subtype), trace in value.sources.items()
    }
    return Value(sources, _field_term(value.term, name), value.certainty)


def _field_term(term: Term, name: str) -> Term:
    if len(term.parts) == 1 and isinstance(term.parts[0], Leaf):
        leaf = term.parts[0]
        return Term((Leaf(leaf.dataset, f"{leaf.field}.{name}"),))
    return Term((term, f".{name}"))


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
        for name in filter(None, (path or "").split(".")):
            value = extend_path(value, name)
        parts.append(through(value.sources, subtype, trace.operator, masking=trace.masking))
    return merge([kept, *parts])


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
