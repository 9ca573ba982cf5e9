"""What a loop holds in the end: its start, or what a round makes of what it held before, again and again.

A recursive query and the accumulator of `aggregate` are such loops. What a round reads of the loop are placeholders. They
are put in until nothing changes, neither of the whole values nor of any part of them: a part may go on growing
after the whole has all it will ever have (`struct(st.y AS x, st.x AS y)`). The kinds of a source only grow along their
order, so this ends, after about as many rounds as the parts need to go round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from spark_lineage.analyze.nested import renamed
from spark_lineage.analyze.values import (
    ELEMENT,
    KEY,
    LENGTH,
    VALUE,
    Sources,
    Value,
    derive,
    field_keys,
    merge,
    part,
    substitute,
    weaken,
)
from spark_lineage.decode.tree import DataType
from spark_lineage.model import Certainty, weakest

ROUNDS = 50
"""After so many rounds everything the loop ever held is taken for each part of it, marked: a loop of so many parts is rare."""

Lookup: TypeAlias = Callable[[int], Value | None]
"""Expression id of what a round reads of the loop -> what the loop holds there."""


@dataclass(frozen=True, slots=True)
class Held:
    """One value that a loop holds: what it starts with, what a round makes of it, and the types of both."""

    start: Value
    more: Value
    type: DataType
    more_type: DataType


def settle(held: Sequence[Held], references: Mapping[int, int]) -> tuple[list[Value], Lookup]:
    """What a loop holds in the end, and how its rounds read it.

    `references` maps the expression ids under which a round reads the loop to positions in `held`.
    """
    again = [_unfolded(renamed(each.more, each.more_type, each.type), each.type) for each in held]
    state = [_unfolded(each.start, each.type) for each in held]
    for _ in range(ROUNDS):
        lookup = _lookup(state, references)
        grown = [_round(now, more, lookup) for now, more in zip(state, again, strict=True)]
        if all(_same(now, then) for now, then in zip(grown, state, strict=True)):
            change = partial(_once_more, lookup)
            return [
                derive([each.start, more], change) for each, more in zip(held, again, strict=True)
            ], lookup
        state = grown
    state = _everything(state, again, references)
    return state, _lookup(state, references)


def _lookup(state: Sequence[Value], references: Mapping[int, int]) -> Lookup:
    return {expr: state[position] for expr, position in references.items() if position < len(state)}.get


def _once_more(lookup: Lookup, sources: Sequence[Sources]) -> Sources:
    start, more = sources
    return merge([start, substitute(more, lookup)])


def _unfolded(value: Value, kind: DataType) -> Value:
    """A value with all its parts evaluated, at any depth: a round then reads them in one step."""
    if not kind.parts:
        return replace(value, parts=None)
    names = {"array": (ELEMENT,), "map": (KEY, VALUE)}.get(kind.kind)
    parts = {
        name: _unfolded(part(value, name), inner)
        for name, inner in zip(names or field_keys(kind.fields), kind.parts, strict=True)
    }
    if names:
        parts[LENGTH] = replace(part(value, LENGTH), parts=None)
    return replace(value, parts=parts)


def _round(now: Value, more: Value, lookup: Lookup) -> Value:
    """What the loop holds after one more round; both are unfolded, by one type."""
    sources = merge([now.sources, substitute(more.sources, lookup)])
    certainty = weakest(now.certainty, more.certainty)
    inner = _inner(more)
    parts = {name: _round(each, inner[name], lookup) for name, each in _inner(now).items()}
    return Value(sources, now.term, certainty, parts or None)


def _same(one: Value, other: Value) -> bool:
    inner = _inner(other)
    return one.sources == other.sources and all(
        _same(each, inner[name]) for name, each in _inner(one).items()
    )


def _everything(state: Sequence[Value], again: Sequence[Value], references: Mapping[int, int]) -> list[Value]:
    """Each value and each part with all sources that any of them ever gets: a superset, marked."""
    rounds = [each.sources for value in again for each in _whole(value)]
    held = merge(each.sources for value in state for each in _whole(value))
    while True:
        filled = [_filled(value, held) for value in state]
        grown = merge([held, *(substitute(each, _lookup(filled, references)) for each in rounds)])
        if grown == held:
            sure = weaken(held, Certainty.OVER_APPROXIMATE)
            return [_filled(value, sure, Certainty.OVER_APPROXIMATE) for value in state]
        held = grown


def _filled(value: Value, sources: Sources, certainty: Certainty = Certainty.EXACT) -> Value:
    parts = {name: _filled(each, sources, certainty) for name, each in _inner(value).items()}
    return Value(sources, value.term, weakest(value.certainty, certainty), parts or None)


def _whole(value: Value) -> list[Value]:
    """An unfolded value and all its parts."""
    return [value, *(below for each in _inner(value).values() for below in _whole(each))]


def _inner(value: Value) -> Mapping[str, Value]:
    """The parts of an unfolded value."""
    return value.parts if isinstance(value.parts, Mapping) else {}
