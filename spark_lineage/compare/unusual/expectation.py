"""What a series was expected to be at each of its points, judged by the points before, and how far off is unusual.

Values are logarithms, so that a deviation is a factor. For each point:

1. The calendar's effect is taken away (`seasons`), fitted on the points before.
2. The forecast is the median of the last `SHORT` values. What that median has missed so far, its errors, have a centre (the trend of a
   growing table: it is not an alarm every day) and a spread (`robust.spread`): Iglewicz and Hoaglin's modified z-score, of the
   forecast's errors instead of the values.
3. The same with the last `LONG` values: what is ordinary by either of the two is not unusual, so that a table which returns to
   its old level, or stays at a new one, is no news.
4. `limit` is how far off a value may be: Student's quantile times the spread, and (as a sum of squares) the normal quantile times the floor
   below which a spread is not believed: the counting error 1 / sqrt(n) of Poisson's distribution and a share of the value. It is
   wider where the calendar's effect comes from few dates, and much wider where such a day was never met.
5. A drift is a short median far from the long one: medians of n values differ by sqrt(pi / 2 / n) spreads.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spark_lineage.compare.unusual.robust import (
    OUTLIER,
    RunningMedian,
    mad_sigma,
    median,
    spread,
    threshold,
)
from spark_lineage.compare.unusual.seasons import DAY, Effect, Season, fit_season

__all__ = ["FALSE_ALARMS", "LEAST_VALUES", "LONG", "SHORT", "Deviation", "deviations"]

Floor = Callable[[float], float]
"""An expected value -> the least spread that is believed there."""

FALSE_ALARMS = 3e-4
"""The probability with which an ordinary value of one measure is called unusual, if what the spread says of normal values holds.

A run is judged by three measures that do not go together: how much it wrote, how much for each row that it read, how long it took. One
false alarm in 1,000 runs is a third of that for each.
"""

LEAST_VALUES = 6
"""Values that must be known before one is judged."""

SHORT, LONG, LONG_DAYS = 7, 60, 14
"""Runs in the short and the long median; the long one has two weeks at least, so that no holiday is half of it."""

_LEAST_LONG = 20
_WINDOW = 1500
_REFIT_SHARE = 10
_MANY = 100_000
_VALUES_FOR_WILD = 100
_WILD_MARGIN = math.log(1.25)
_TIMES = 3

_UNSEEN = math.log(2)
"""Spread of what a kind of day that was never met may add: a factor of two."""

_MEDIAN_COST = math.pi / 2
"""Variance of a median over that of a mean: a median of n values has this over n of their variance."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One point beside what was expected; both are logarithms.

    `score` is the distance over the limit: beyond 1 and below -1 is unusual. `values` counts the points before that were asked. `continues` says that
    the point before was as far off, in the same direction: no news. `moved` is the distance from the long median alone, `shift` that over its limit, and
    `drifted` how far the median of the last points before is from the long one, `drift` that over its own limit.
    """

    value: float
    expected: float
    limit: float
    score: float
    values: int
    continues: bool
    shift: float = 0.0
    moved: float = 0.0
    drift: float = 0.0
    drifted: float = 0.0

    @property
    def error(self) -> float:
        """The value less what was expected."""
        return self.value - self.expected


@dataclass(slots=True)
class _Reference:
    """The median of the last values as a forecast, with the errors that it has made."""

    median: RunningMedian
    centre: float = 0.0
    spread: float = 0.0
    errors: int = 0
    wild: float = 0.0


def deviations(
    times: Sequence[int],
    values: Sequence[float],
    floor: Floor,
    first: int = 0,
    *,
    wild: bool = False,
    false_alarms: float = FALSE_ALARMS,
) -> list[Deviation | None]:
    """The deviation of each point from `first` on (None for what has too little before it), in order.

    `times` are epoch milliseconds in order. `wild`: now and then a value is far off for no reason, as a busy cluster makes a run slow; from
    100 values on, what happened three times is then within the limit, and a quarter more. `false_alarms` is the probability with which an
    ordinary value is called unusual.
    """
    found: list[Deviation | None] = []
    model: _Model | None = None
    next_fit = 0
    before: Deviation | None = None
    begin = max(LEAST_VALUES, first - SHORT)
    for place in range(begin, len(values)):
        if model is None or place >= next_fit:
            start = max(0, place - _WINDOW)
            model = _Model(
                times[start:place], values[start:place], floor, wild=wild, false_alarms=false_alarms
            )
            next_fit = place + 1 + (place - start) // _REFIT_SHARE
        before = model.judge(times[place], values[place], before)
        model.add(times[place], values[place])
        if place >= first:
            found.append(before)
    return [None] * (len(values) - first - len(found)) + found


class _Model:
    """Season, references and spreads of what came before a point."""

    def __init__(
        self, times: Sequence[int], values: Sequence[float], floor: Floor, *, wild: bool, false_alarms: float
    ) -> None:
        self._false_alarms = false_alarms
        self._floor = floor
        self._values = len(values)
        self._season: Season = fit_season(times, values)
        self._short = _Reference(RunningMedian(SHORT))
        days = (times[-1] - times[0]) / DAY
        self._long = _Reference(RunningMedian(max(LONG, math.ceil(LONG_DAYS * len(times) / max(days, 1)))))
        flat = [value - self._season.centre(time) for time, value in zip(times, values, strict=True)]
        gaps: list[float] = []
        old_gaps: list[float] = []
        short, long = [], []
        self._past: deque[float] = deque(maxlen=LONG)
        for value in flat:
            if len(self._short.median) >= LEAST_VALUES // 2:
                short.append(value - self._short.median.value)
            if len(self._long.median) >= _LEAST_LONG:
                long.append(value - self._long.median.value)
                gaps.append(self._short.median.value - self._long.median.value)
                if len(self._past) == LONG:
                    old_gaps.append(self._short.median.value - self._past[0])
                self._past.append(self._long.median.value)
            self._short.median.add(value)
            self._long.median.add(value)
        self._last = flat[-1]
        for reference, errors in ((self._short, short), (self._long, long)):
            if errors:
                reference.errors = len(errors)
                reference.centre = median(sorted(errors))
                reference.spread = spread(errors, reference.centre)
                if wild and len(errors) >= _VALUES_FOR_WILD:
                    reference.wild = _wild(errors, reference) + _WILD_MARGIN
        self._gap_centre = median(sorted(gaps)) if gaps else 0.0
        self._old_centre = median(sorted(old_gaps)) if old_gaps else 0.0
        self._gap_spread = mad_sigma(gaps, self._gap_centre) if gaps else 0.0

    def judge(self, time: int, value: float, before: Deviation | None) -> Deviation:
        """The deviation of the next point."""
        effect = self._season.at(time)
        references = [self._short]
        if self._long.errors >= _LEAST_LONG:
            references.append(self._long)
        seen = [self._distance(value, effect, each) for each in references]
        error, limit = min(seen, key=lambda each: abs(each[0]) / each[1])
        if any(each[0] * error <= 0 for each in seen):
            error = 0.0
        score = error / limit
        is_far = before is not None and abs(before.score) > 1 and abs(score) > 1
        flat = value - self._season.centre(time)
        drifted = self._drifted()
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
            shift=seen[-1][0] / seen[-1][1],
            moved=seen[-1][0],
            drift=drifted / self._drift_limit(),
            drifted=drifted,
        )

    def add(self, time: int, value: float) -> None:
        """Take the point in."""
        self._last = value - self._season.centre(time)
        self._short.median.add(self._last)
        if len(self._long.median) >= _LEAST_LONG:
            self._past.append(self._long.median.value)
        self._long.median.add(self._last)
        self._values += 1

    def _distance(self, value: float, effect: Effect, reference: _Reference) -> tuple[float, float]:
        """How far a value is from the forecast, 0 within what the calendar allows, and how far it may be."""
        forecast = reference.median.value + reference.centre
        low, high = forecast + effect.least, forecast + effect.most
        error = value - high if value > high else min(0.0, value - low)
        least = threshold(_MANY, self._false_alarms)
        far = threshold(reference.errors, self._false_alarms) * reference.spread
        limit = max(math.hypot(far, least * self._floor((low + high) / 2)), reference.wild)
        if effect.dates == 0:
            return error, math.hypot(limit, least * _UNSEEN)
        return error, limit * math.sqrt(1 + _MEDIAN_COST / effect.dates)

    def _drifted(self) -> float:
        """The gap between the two medians. Who comes back to the long median of LONG points ago does not drift."""
        if self._long.errors < _LEAST_LONG:
            return 0.0
        gap = self._short.median.value - self._long.median.value - self._gap_centre
        if len(self._past) == LONG:
            old = self._short.median.value - self._past[0] - self._old_centre
            gap = 0.0 if old * gap <= 0 else min(gap, old, key=abs)
        return gap

    def _drift_limit(self) -> float:
        """What such medians differ by for values of this spread, and what these have differed by.

        Medians of SHORT points share them, so that there is only one chance in SHORT to be wrong.
        """
        expected = math.sqrt(_MEDIAN_COST * (1 / SHORT + 1 / LONG)) * self._short.spread
        known = max(self._gap_spread, self._floor(self._long.median.value))
        share = SHORT * self._false_alarms
        return max(threshold(self._short.errors, share) * expected, threshold(_MANY, share) * known)


def _wild(errors: Sequence[float], reference: _Reference) -> float:
    """How far off so many errors were; several outliers in a row have one reason and count once."""
    off: list[float] = []
    was_outlier = False
    for error in errors:
        size = abs(error - reference.centre)
        is_outlier = size > OUTLIER * reference.spread
        if not (is_outlier and was_outlier):
            off.append(size)
        was_outlier = is_outlier
    return sorted(off)[-_TIMES]
