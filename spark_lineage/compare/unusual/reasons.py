"""Ordinary reasons of a deviation: an input that was off in the same direction, or a day on which most tables were (a holiday)."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from spark_lineage.compare.unusual.expectation import Deviation
from spark_lineage.compare.unusual.measures import Judged
from spark_lineage.compare.unusual.robust import median
from spark_lineage.compare.unusual.seasons import DAY
from spark_lineage.compare.unusual.series import History, Series, SeriesKey

__all__ = ["NOTICEABLE", "Judgements", "Reasons"]

NOTICEABLE = 0.5
"""A score beyond half of the limit, two spreads or so, counts as a reason for another's."""

_PART_OF_DAY = 0.125
"""What explains a deviation was off by this part of it, in logarithms: a holiday is not the same everywhere."""

_INPUT_COUNTS = 2
"""How much farther off than its input a table may be, each by its own limit: one that never answered to its input has no excuse in it."""

_LEAST_PEERS = 3
_SAME_DAY = 0.7
"""How far the median of n scores must be off, times sqrt(n), to make a day special: with a chance of 1 % on an ordinary day.

A score of 1 is about 4.2 spreads, the median of n values has a spread of sqrt(pi / 2 / n): 2.33 * 1.253 / 4.2 = 0.70.
"""

Judgements = Mapping[SeriesKey, Mapping[int, Mapping[str, Judged]]]
"""Series -> place of a run -> measure -> judgement."""


@dataclass(frozen=True)
class Reasons:
    """Ordinary reasons of a deviation: unusual inputs, and days on which most tables were unusual."""

    history: History
    judged: Judgements

    def of(self, series: Series, place: int, error: float, score: float) -> tuple[str, str] | None:
        """What explains a deviation (`error` is a logarithm, `score` over its limit), as evidence; None where nothing does."""
        found = self._input(series, place, error, score)
        # A holiday has fewer rows; nothing at all is told.
        return found or (
            None if series.rows[place] == 0 else self._day(series.key, series.times[place], error)
        )

    def _input(self, series: Series, place: int, error: float, score: float) -> tuple[str, str] | None:
        """An input whose writes between this run and the one before were off in the same direction, all of them together."""
        end = series.times[place]
        begin = series.times[place - 1] if place else 0
        for id_ in sorted(series.inputs[place] - {series.key.target}):
            for key in self.history.writers.get(id_, ()):
                other = self.history.series[key]
                places = range(bisect_left(other.times, begin), bisect_right(other.times, end))
                off = [
                    judgements["rows"].deviation
                    for run in places
                    if "rows" in (judgements := self.judged.get(key, {}).get(run, {}))
                ]
                together = _together([each.shift for each in off]) * _sign(error)
                if together > NOTICEABLE and abs(score) <= _INPUT_COUNTS * together + 1:
                    return "follows", f"{id_.name} in run {other.runs[places[-1]][0]}"
        return None

    def _day(self, key: SeriesKey, end: int, error: float) -> tuple[str, str] | None:
        """The tables that data comes in by and that have nothing to do with this one: their median shows what kind of day it was."""
        related = self.history.upstream(key.target)
        days = [
            days for other, days in self._by_day.get(end // DAY, {}).items() if other.target not in related
        ]
        peers = [_together([each.shift for each in runs]) * _sign(error) for runs in days]
        moved = [math.fsum(each.moved for each in runs) / len(runs) for runs in days]
        if len(peers) < _LEAST_PEERS or median(sorted(peers)) * math.sqrt(len(peers)) <= _SAME_DAY:
            return None
        if not _explains(median(sorted(moved)), error):
            return None
        off = sum(each > 0 for each in peers)
        return "same_day", f"{off} of {len(peers)} unrelated tables were off in the same direction"

    @cached_property
    def _by_day(self) -> Mapping[int, Mapping[SeriesKey, list[Deviation]]]:
        """Day -> the series that bring data in -> how far their rows were off."""
        found: dict[int, dict[SeriesKey, list[Deviation]]] = {}
        for key, places in self.judged.items():
            if not self.history.is_first(key):
                continue
            for place, judgements in places.items():
                if "rows" in judgements:
                    day = found.setdefault(self.history.series[key].times[place] // DAY, {})
                    day.setdefault(key, []).append(judgements["rows"].deviation)
        return found


def _together(scores: Sequence[float]) -> float:
    """Several scores as one of the same scale: that of their sum."""
    return math.fsum(scores) / math.sqrt(len(scores)) if scores else 0.0


def _explains(moved: float, error: float) -> bool:
    """Whether what else was off was so by a good part of a deviation; both are logarithms."""
    return moved * _sign(error) >= _PART_OF_DAY * abs(error)


def _sign(number: float) -> int:
    return 1 if number > 0 else -1
