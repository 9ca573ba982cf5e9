"""What is measured of each run of a series, as logarithms that can be compared, and how they are told to people."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from spark_lineage.compare.unusual.expectation import FALSE_ALARMS, Deviation, deviations
from spark_lineage.compare.unusual.robust import median
from spark_lineage.compare.unusual.seasons import DAY
from spark_lineage.compare.unusual.series import Series, total_read

__all__ = ["MEASURES", "Judged", "Measure", "judge", "judge_drift"]

_SHARE = 0.02
"""A spread below 2 % of the value is not believed."""

_DURATION_SHARE = 0.1
_START_UP_MS = 2_000
"""Added to every duration: what a cluster needs to begin says nothing about the job."""


_LARGEST = 700.0
"""The logarithm of what a float can still hold: a limit may be wider where next to nothing is known."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: the numbers of a series' runs, what is compared, the floor of its spread, and the least factor that matters.

    `wild` is one that is far off now and then for no reason (`compare.expectation.deviations`).
    """

    name: str
    numbers: Callable[[Series], list[float | None]]
    value: Callable[[float], float]
    number: Callable[[float], float]
    floor: Callable[[float], float]
    least_factor: float
    wild: bool = False


def _counting_floor(expected: float) -> float:
    """Poisson: the standard deviation of the logarithm of a count n is about 1 / sqrt(n)."""
    return math.sqrt(math.exp(-max(0.0, expected)) + _SHARE**2)


def _exp(value: float) -> float:
    return math.exp(min(value, _LARGEST))


def _expm1(value: float) -> float:
    return math.expm1(min(value, _LARGEST))


def _ratio(series: Series) -> list[float | None]:
    """Rows written for each row read."""
    read = _rows_read(series)
    return [
        None if written is None or not rows else (written + 1) / (rows + 1)
        for written, rows in zip(series.rows, read, strict=True)
    ]


def _rows_read(series: Series) -> list[float | None]:
    return [total_read(read, series.key.target) for read in series.rows_read]


def _rows(series: Series) -> list[float | None]:
    return list(series.rows)


def _bytes(series: Series) -> list[float | None]:
    return list(series.bytes)


def _durations(series: Series) -> list[float | None]:
    return list(series.durations())


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("rows", _rows, math.log1p, _expm1, _counting_floor, 1.25),
        Measure("bytes", _bytes, math.log1p, _expm1, lambda _: _SHARE, 1.5),
        Measure("rows_read", _rows_read, math.log1p, _expm1, _counting_floor, 1.25),
        Measure("yield", _ratio, math.log, _exp, lambda _: _SHARE, 1.25),
        Measure(
            "duration",
            _durations,
            lambda ms: math.log(ms + _START_UP_MS),
            lambda value: _exp(value) - _START_UP_MS,
            lambda _: _DURATION_SHARE,
            2.0,
            wild=True,
        ),
    )
}
"""The measures by name. Twice the rows for the same input is unusual though twice the rows may not be: `yield`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One measure of one run: what it was, and its deviation from what was expected."""

    measure: str
    number: float
    expected: float
    low: float
    high: float
    deviation: Deviation

    @property
    def direction(self) -> int:
        """1 where it is unusually much, -1 unusually little, 0 ordinary; a difference too small to matter is ordinary."""
        least = math.log(MEASURES[self.measure].least_factor)
        if abs(self.deviation.score) <= 1 or abs(self.deviation.value - self.deviation.expected) < least:
            return 0
        return 1 if self.deviation.score > 0 else -1


def judge(
    series: Series, measure: Measure, first: int, false_alarms: float = FALSE_ALARMS
) -> dict[int, Judged]:
    """Place of a run -> its judgement, for the runs from place `first` on that can be judged."""
    numbers = measure.numbers(series)
    places = [place for place, number in enumerate(numbers) if number is not None]
    known = [number for number in numbers if number is not None]
    times = [series.times[place] for place in places]
    values = list(map(measure.value, known))
    begin = next((index for index, place in enumerate(places) if place >= first), len(places))
    found = deviations(times, values, measure.floor, begin, wild=measure.wild, false_alarms=false_alarms)
    return {
        places[begin + index]: _judged(measure, known[begin + index], deviation)
        for index, deviation in enumerate(found)
        if deviation is not None
    }


def judge_drift(series: Series, first: int, false_alarms: float = FALSE_ALARMS) -> dict[int, Judged]:
    """Place of the last run of a day -> the rows of that day's median run, with their drift."""
    days: dict[int, list[int]] = {}
    for place, (end, rows) in enumerate(zip(series.times, series.rows, strict=True)):
        if rows is not None:
            days.setdefault(end // DAY, []).append(place)
    measure = MEASURES["rows"]
    places = [each[-1] for each in days.values()]
    numbers = [median(sorted(float(series.rows[place] or 0) for place in each)) for each in days.values()]
    begin = next((index for index, place in enumerate(places) if place >= first), len(places))
    found = deviations(
        [day * DAY for day in days],
        list(map(measure.value, numbers)),
        measure.floor,
        max(0, begin - 1),
        false_alarms=false_alarms,
    )
    return {
        places[max(0, begin - 1) + index]: _judged(measure, numbers[max(0, begin - 1) + index], deviation)
        for index, deviation in enumerate(found)
        if deviation is not None
    }


def _judged(measure: Measure, number: float, deviation: Deviation) -> Judged:
    expected, limit = deviation.expected, deviation.limit
    return Judged(
        measure.name,
        number,
        max(0.0, measure.number(expected)),
        max(0.0, measure.number(expected - limit)),
        max(0.0, measure.number(expected + limit)),
        deviation,
    )
