"""What a series was expected to be at each of its points, judged by the points before, and how far off is unusual.

Values are logarithms, so that a deviation is a factor. For each point:

1. The calendar's effect is taken away (`compare.seasons`), fitted on the points before.
2. The forecast is the median of the last `SHORT` values. What that median has missed so far, its errors, have a centre (the trend of a
   growing table: it is not an alarm every day) and a spread (`robust.spread`): Iglewicz and Hoaglin's modified z-score, of the
   forecast's errors instead of the values.
3. The same with the last `LONG` values: what is ordinary by either of the two is not unusual, so that a table which returns to
   its old level, or stays at a new one, is no news.
4. `limit` is how far off a value may be: Student's quantile times the spread, and (as a sum of squares) the normal quantile times the floor
   below which a spread is not believed: the counting error 1 / sqrt(n) of Poisson's distribution and a share of the value. It is
   wider where the calendar's effect comes from few dates, and much wider where such a day was never met.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spark_lineage.compare.robust import RunningMedian, median, spread, threshold
from spark_lineage.compare.seasons import Effect, Season, fit_season

__all__ = ["FALSE_ALARMS", "LEAST_VALUES", "Deviation", "deviations"]

Floor = Callable[[float], float]
"""An expected value -> the least spread that is believed there."""

FALSE_ALARMS = 1e-4
"""The probability with which an ordinary value of one measure is called unusual, if what the spread says of normal values holds.

A run has three to five measures, and the goal is one false alarm in 1,000 runs: this leaves half of it for what is not normal.
"""

LEAST_VALUES = 6
"""Values that must be known before one is judged."""

SHORT, LONG = 7, 60
_LEAST_LONG = 20
_WINDOW = 1500
_REFIT_SHARE = 10
_MANY = 100_000

_UNSEEN = math.log(2)
"""Spread of what a kind of day that was never met may add: a factor of two."""

_DATES_COST = 1.57
"""Variance of a median over that of a mean, pi / 2: an effect from n dates adds this over n to the variance of what it is taken from."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One point beside what was expected; both are logarithms.

    `score` is the distance over the limit: beyond 1 and below -1 is unusual. `values` counts the points before that were asked. `continues` says that
    the point before was as far off, in the same direction: no news. `drift` is how far the median of the last points is
    from that of many more, over its own limit.
    """

    value: float
    expected: float
    limit: float
    score: float
    values: int
    continues: bool
    drift: float = 0.0


@dataclass(slots=True)
class _Reference:
    """The median of the last values as a forecast, with the errors that it has made."""

    median: RunningMedian
    centre: float = 0.0
    spread: float = 0.0
    errors: int = 0


def deviations(
    times: Sequence[int], values: Sequence[float], floor: Floor, first: int = 0
) -> list[Deviation | None]:
    """The deviation of each point from `first` on (None for what has too little before it), in order.

    `times` are epoch milliseconds in order.
    """
    found: list[Deviation | None] = []
    model: _Model | None = None
    next_fit = 0
    before: Deviation | None = None
    begin = max(LEAST_VALUES, first - SHORT)
    for place in range(begin, len(values)):
        if model is None or place >= next_fit:
            start = max(0, place - _WINDOW)
            model = _Model(times[start:place], values[start:place], floor)
            next_fit = place + 1 + (place - start) // _REFIT_SHARE
        before = model.judge(times[place], values[place], before)
        model.add(times[place], values[place])
        if place >= first:
            found.append(before)
    return [None] * (len(values) - first - len(found)) + found


class _Model:
    """Season, references and spreads of what came before a point."""

    def __init__(self, times: Sequence[int], values: Sequence[float], floor: Floor) -> None:
        self._floor = floor
        self._values = len(values)
        self._season: Season = fit_season(times, values)
        self._short = _Reference(RunningMedian(SHORT))
        self._long = _Reference(RunningMedian(LONG))
        flat = [value - self._season.centre(time) for time, value in zip(times, values, strict=True)]
        gaps: list[float] = []
        short, long = [], []
        for value in flat:
            if len(self._short.median) >= LEAST_VALUES // 2:
                short.append(value - self._short.median.value)
            if len(self._long.median) >= _LEAST_LONG:
                long.append(value - self._long.median.value)
                gaps.append(self._short.median.value - self._long.median.value)
            self._short.median.add(value)
            self._long.median.add(value)
        self._last = flat[-1]
        for reference, errors in ((self._short, short), (self._long, long)):
            if errors:
                reference.errors = len(errors)
                reference.centre = median(sorted(errors))
                reference.spread = spread(errors, reference.centre)
        self._gap = _Reference(self._short.median)
        if gaps:
            # Neighbouring gaps share their values: what they tell is worth one in SHORT of them.
            self._gap.errors = len(gaps) // SHORT
            self._gap.centre = median(sorted(gaps))
            self._gap.spread = spread(gaps, self._gap.centre)

    def judge(self, time: int, value: float, before: Deviation | None) -> Deviation:
        """The deviation of the next point."""
        effect = self._season.at(time)
        references = [self._short]
        if self._long.errors >= _LEAST_LONG:
            references.append(self._long)
        seen = [_distance(value, effect, each, self._floor) for each in references]
        error, limit = min(seen, key=lambda each: abs(each[0]) / each[1])
        if any(each[0] * error <= 0 for each in seen):
            error = 0.0
        score = error / limit
        is_far = before is not None and abs(before.score) > 1 and abs(score) > 1
        flat = value - self._season.centre(time)
        return Deviation(
            value=value,
            expected=value - error,
            limit=limit,
            score=score,
            values=self._values,
            continues=before is not None
            and is_far
            and before.score * score > 0
            and abs(flat - self._last) <= limit,
            drift=self._drift(),
        )

    def add(self, time: int, value: float) -> None:
        """Take the point in."""
        self._last = value - self._season.centre(time)
        self._short.median.add(self._last)
        self._long.median.add(self._last)
        self._values += 1

    def _drift(self) -> float:
        gap = self._gap
        if gap.errors < _LEAST_LONG:
            return 0.0
        limit = _limit(gap, self._floor(self._long.median.value))
        return (self._short.median.value - self._long.median.value - gap.centre) / limit


def _distance(value: float, effect: Effect, reference: _Reference, floor: Floor) -> tuple[float, float]:
    """How far a value is from the forecast, 0 within what the calendar allows, and how far it may be."""
    forecast = reference.median.value + reference.centre
    low, high = forecast + effect.least, forecast + effect.most
    error = value - high if value > high else min(0.0, value - low)
    limit = _limit(reference, floor((low + high) / 2))
    if effect.dates == 0:
        return error, math.hypot(limit, threshold(_MANY, FALSE_ALARMS) * _UNSEEN)
    return error, limit * math.sqrt(1 + _DATES_COST / effect.dates)


def _limit(reference: _Reference, floor: float) -> float:
    return math.hypot(
        threshold(reference.errors, FALSE_ALARMS) * reference.spread, threshold(_MANY, FALSE_ALARMS) * floor
    )
