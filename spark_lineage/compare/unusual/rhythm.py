"""How often something happens, learned from when it happened: the usual time to the next, and when it is late.

The time between two writes depends on the day and hour of the first: after a Friday's comes Monday's. So the gaps that
began at such a time are asked where there are enough, else those of working days or weekends, else all. Late is what is longer than their median
by the quantile of Student's t distribution times their robust spread (`robust`). Where more than a tenth of them were longer than that, long ones
are ordinary too, as the nights between loads of one morning, and the limit is theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spark_lineage.compare.unusual.robust import median, spread, threshold
from spark_lineage.compare.unusual.seasons import DAY, HOUR, is_weekend, weekday

__all__ = ["LEAST_GAPS", "Rhythm", "rhythm", "usual"]

LEAST_GAPS = 4
"""Gaps that must be known before anything is called late."""

_FALSE_ALARMS = 0.002
"""Twice the probability with which an ordinary gap is called late: only one side of the distribution counts."""

_FLOOR = 0.03
"""A spread below 3 % of the gap is not believed: nothing is late by minutes in a day."""

_ORDINARY = 0.1
"""The share of gaps beyond the limit from which on they are no exceptions."""

_MANY = 100_000
_LOADS = 1500

_CLASSES: tuple[Callable[[int], Hashable], ...] = (
    lambda time: (weekday(time // DAY), time // HOUR % 24),
    lambda time: weekday(time // DAY),
    lambda time: (is_weekend(time // DAY), time // HOUR % 24),
    lambda time: is_weekend(time // DAY),
    lambda _: None,
)
"""What two times have in common, the closest kin first."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The usual gap and the longest that is ordinary, milliseconds, from so many gaps."""

    gap: int
    limit: int
    gaps: int


def rhythm(times: Sequence[int]) -> Rhythm | None:
    """What usually follows the last of the times (epoch milliseconds, in order); None where too little is known.

    >>> hours = [hour * 3_600_000 for hour in range(6)]
    >>> rhythm(hours).gap, rhythm(hours[:4])
    (3600000, None)
    """
    if not times:
        return None
    recent = times[-_LOADS:]
    gaps = [(start, end - start) for start, end in pairwise(recent)]
    for kin in _CLASSES:
        alike = [gap for start, gap in gaps if kin(start) == kin(times[-1])]
        if len(alike) >= LEAST_GAPS:
            return usual(alike)
    return None


def usual(gaps: Sequence[int]) -> Rhythm | None:
    """The median of some durations (milliseconds) and the longest that is ordinary; None where there are too few."""
    if len(gaps) < LEAST_GAPS:
        return None
    middle = median(sorted(gaps))
    limit = _limit(gaps, middle)
    beyond = [gap for gap in gaps if gap > limit]
    if len(beyond) > _ORDINARY * len(gaps):
        limit = max(_limit(beyond, median(sorted(beyond))), *beyond)
    return Rhythm(round(middle), round(limit), len(gaps))


def _limit(gaps: Sequence[int], middle: float) -> float:
    far = threshold(len(gaps), _FALSE_ALARMS) * spread(gaps, middle)
    return middle + math.hypot(far, threshold(_MANY, _FALSE_ALARMS) * _FLOOR * middle)
