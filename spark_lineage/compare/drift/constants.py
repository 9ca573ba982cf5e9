"""The constants of two runs beside each other, by their keyed hashes: which changed, and which always change.

A hash says only whether a constant is the same. What changed in most of the runs of one plan (a date) is learned from the
job's history, and is no drift. Hashes under different keys cannot be compared, and those whose key is not known with none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from spark_lineage.compare.drift.history import WriteRun
from spark_lineage.model import Constants
from spark_lineage.query.answers import Json

__all__ = [
    "COMPARED",
    "OTHER_KEY",
    "UNKNOWN",
    "ConstantChange",
    "ConstantsOf",
    "compare_constants",
    "constants_of",
    "learn",
]

COMPARED, UNKNOWN, OTHER_KEY = "compared", "unknown", "other_key"
"""Whether two runs' constants could be compared: a run before this was recorded has none, and keys may differ."""

MINIMUM_PAIRS = 2
"""Of how many pairs of following runs of one plan a place must be known before it is said to change always."""

ConstantsOf: TypeAlias = Mapping[tuple[str, int], Constants]
"""The constants by run and part."""

Place: TypeAlias = tuple[str, int, int]
"""A place of `Constants.values`, how many constants it has, and the position of one of them from 0."""


@dataclass(frozen=True, slots=True)
class ConstantChange:
    """A constant that differs: constant number `position` (from 1) of `count` in an expression.

    `place` is a column of the target, or `* FILTER` and its like for what decides the rows.
    """

    place: str
    position: int
    count: int

    def to_dict(self) -> Json:
        """The change's JSON."""
        return {"place": self.place, "position": self.position, "count": self.count}


def constants_of(rows: Iterable[Constants]) -> ConstantsOf:
    """The constants of all runs."""
    return {(each.run_id, each.part): each for each in rows}


def compare_constants(
    before: WriteRun,
    after: WriteRun,
    known: ConstantsOf,
    comparable: Iterable[str] | None,
    learned: frozenset[Place],
) -> tuple[str, tuple[ConstantChange, ...]]:
    """Whether two runs' constants could be compared, and those that differ and do not always.

    `comparable` are the places whose expressions are written alike in both plans, None for all: one plan.
    """
    old, new = known.get((before.run_id, before.part)), known.get((after.run_id, after.part))
    if old is None or new is None or old.key is None or new.key is None:
        return UNKNOWN, ()
    if old.key != new.key:
        return OTHER_KEY, ()
    places = None if comparable is None else set(comparable)
    differing = (place for place in _differing(old, new) if place not in learned)
    return COMPARED, tuple(
        ConstantChange(place, position + 1, count)
        for place, count, position in differing
        if places is None or place in places
    )


def learn(runs: Sequence[WriteRun], known: ConstantsOf) -> frozenset[Place]:
    """The places of one write whose constant was another one in more than half of the pairs of following runs of one plan."""
    last: dict[str, Constants] = {}
    pairs: dict[Place, int] = {}
    differing: dict[Place, int] = {}
    for run in runs:
        new = known.get((run.run_id, run.part))
        if new is None:
            continue
        old = last.get(run.fingerprint)
        last[run.fingerprint] = new
        if old is None or old.key != new.key or new.key is None:
            continue
        for place in _places(new):
            pairs[place] = pairs.get(place, 0) + 1
        for place in _differing(old, new):
            differing[place] = differing.get(place, 0) + 1
    return frozenset(
        place
        for place, count in differing.items()
        if pairs[place] >= MINIMUM_PAIRS and 2 * count > pairs[place]
    )


def _places(constants: Constants) -> Iterable[Place]:
    for place, text in constants.values:
        hashes = text.split()
        yield from ((place, len(hashes), position) for position in range(len(hashes)))


def _differing(old: Constants, new: Constants) -> list[Place]:
    """The places that both have, as many constants in each, where the hashes differ."""
    earlier = {place: text.split() for place, text in old.values}
    found = []
    for place, text in new.values:
        hashes, others = text.split(), earlier.get(place, [])
        if len(hashes) == len(others):
            pairs = enumerate(zip(others, hashes, strict=True))
            found += [(place, len(hashes), position) for position, (one, other) in pairs if one != other]
    return found
