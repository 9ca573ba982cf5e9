"""What of a series belongs to the calendar: weekday, hour of the day, the first and the last day of a month, as medians.

An additive model, fitted by median polish (J. W. Tukey, "Exploratory Data Analysis", 1977, chapter 11) on what the median of each
week leaves. A class of days counts once it was there often enough; how often is told, since an effect that comes from few dates is unsure. Times
are UTC: where a job follows local time, summer time moves its hours by one, so that an hour's neighbours are asked as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from spark_lineage.compare.unusual.robust import median

__all__ = ["DAY", "HOUR", "Effect", "Season", "fit_season", "is_weekend", "weekday"]

HOUR = 3_600_000
DAY = 24 * HOUR
_DAYS_BEFORE_1970 = date(1970, 1, 1).toordinal()
_MONDAY = 3
"""1970-01-01 was a Thursday: three days after a Monday."""

_ROUNDS = 2
_LEAST_DATES = 3
_LEAST_MONTHS = 2
_CERTAIN_MONTHS = 4
_RUNS_A_DAY_FOR_HOURS = 4
_DAYS_A_WEEK_FOR_WEEKDAYS = 3
_LEAST_WEEKS = 2


@dataclass(frozen=True, slots=True)
class Effect:
    """What the calendar adds at a time, as (least, most) where neighbouring hours differ.

    `dates` is the smallest number of dates that a part of it comes from; 0 where the series never met such a day.
    """

    least: float
    most: float
    dates: int


@dataclass(frozen=True, slots=True)
class Season:
    """The effects of a series' calendar, each with the number of dates that it comes from.

    `kinds` are weekday (0 is Monday) or False and True for working days and weekends; hours are by (weekend, hour), `month` by "first" and
    "last".
    """

    weekdays: dict[int, tuple[float, int]] = field(default_factory=dict)
    weekend: dict[bool, tuple[float, int]] = field(default_factory=dict)
    hours: dict[tuple[bool, int], tuple[float, int]] = field(default_factory=dict)
    month: dict[str, tuple[float, int]] = field(default_factory=dict)
    by_hour: bool = False

    def at(self, time: int) -> Effect:
        """The calendar's effect at a time (epoch milliseconds)."""
        day = time // DAY
        weekend, edge = is_weekend(day), _edge_of_month(day)
        effect, dates = self.weekdays.get(weekday(day)) or self.weekend.get(weekend, (0.0, 0))
        low = high = effect
        if edge:
            more, months = self.month.get(edge, (0.0, 0))
            # From few months nobody knows whether the effect is the month's.
            certain = months >= _CERTAIN_MONTHS
            low, high = (
                low + (more if certain else min(0.0, more)),
                high + (more if certain else max(0.0, more)),
            )
            dates = min(dates, months)
        if not self.by_hour:
            return Effect(low, high, dates)
        hour = time // HOUR % 24
        here = self.hours.get((weekend, hour), (0.0, 0))
        near = [
            self.hours[key][0]
            for key in ((weekend, (hour - 1) % 24), (weekend, (hour + 1) % 24))
            if key in self.hours
        ]
        return Effect(
            low + min(here[0], *near, here[0]), high + max(here[0], *near, here[0]), min(dates, here[1])
        )

    def centre(self, time: int) -> float:
        """The one effect by which a value is compared with others."""
        day = time // DAY
        weekend, edge = is_weekend(day), _edge_of_month(day)
        effect = (self.weekdays.get(weekday(day)) or self.weekend.get(weekend, (0.0, 0)))[0]
        if edge:
            effect += self.month.get(edge, (0.0, 0))[0]
        return effect + self.hours.get((weekend, time // HOUR % 24), (0.0, 0))[0] if self.by_hour else effect


def fit_season(times: Sequence[int], values: Sequence[float]) -> Season:
    """The season of a series; times in order, epoch milliseconds."""
    days = [time // DAY for time in times]
    dates_of_kind = {
        weekend: len({day for day in days if is_weekend(day) is weekend}) for weekend in (False, True)
    }
    plain = Season(weekend={kind: (0.0, dates) for kind, dates in dates_of_kind.items() if dates})
    rest = _without_weeks(days, values)
    if rest is None:
        return plain
    places, left = rest
    effects: dict[str, dict[Hashable, tuple[float, int]]] = {}
    by_hour = len(places) >= _RUNS_A_DAY_FOR_HOURS * len({days[place] for place in places})
    classes: dict[str, list[Hashable]] = {
        "weekend": [is_weekend(days[place]) for place in places],
        "weekdays": [weekday(days[place]) for place in places],
    }
    if by_hour:
        classes["hours"] = [(is_weekend(days[place]), times[place] // HOUR % 24) for place in places]
    classes["month"] = [_edge_of_month(days[place]) for place in places]
    dates = [days[place] for place in places]
    for _ in range(_ROUNDS):
        for name, keys in classes.items():
            least = _LEAST_MONTHS if name == "month" else 1 if name == "weekend" else _LEAST_DATES
            left = _polish(effects.setdefault(name, {}), keys, dates, left, least)
    return _season(effects, dates_of_kind, by_hour=by_hour)


def _season(
    effects: dict[str, dict[Hashable, tuple[float, int]]], dates_of_kind: dict[bool, int], *, by_hour: bool
) -> Season:
    """The season of what was polished; the effect of a weekday holds that of working days or weekends."""
    weekend = {
        kind: (effects["weekend"].get(kind, (0.0, 0))[0], dates)
        for kind, dates in dates_of_kind.items()
        if dates
    }
    weekdays = {
        int(str(key)): (effect + weekend[int(str(key)) >= 5][0], dates)
        for key, (effect, dates) in effects["weekdays"].items()
    }
    hours = {key: value for key, value in effects.get("hours", {}).items() if isinstance(key, tuple)}
    month = {str(key): value for key, value in effects["month"].items() if key}
    return Season(weekdays, weekend, hours, month, by_hour)


def _polish(
    found: dict[Hashable, tuple[float, int]],
    keys: Sequence[Hashable],
    dates: Sequence[int],
    left: list[float],
    least: int,
) -> list[float]:
    """Move the median of each class that has enough dates from what is left to what was found."""
    members: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        if key is not None:
            members.setdefault(key, []).append(place)
    left = list(left)
    for key, places in members.items():
        count = len({dates[place] for place in places})
        if count < least:
            continue
        middle = median(sorted(left[place] for place in places))
        found[key] = (found.get(key, (0.0, 0))[0] + middle, count)
        for place in places:
            left[place] -= middle
    return left


def _without_weeks(days: Sequence[int], values: Sequence[float]) -> tuple[list[int], list[float]] | None:
    """Places and values less their week's median, of the weeks that are whole; None where there are not two, or too few days in them."""
    weeks: dict[int, list[int]] = {}
    for place, day in enumerate(days):
        weeks.setdefault((day + _MONDAY) // 7, []).append(place)
    typical = median(sorted(map(len, weeks.values())))
    whole = [places for places in weeks.values() if 2 * len(places) > typical]
    spans = median(sorted(len({days[place] for place in places}) for places in whole))
    if len(whole) < _LEAST_WEEKS or spans < _DAYS_A_WEEK_FOR_WEEKDAYS:
        return None
    kept, left = [], []
    for places in whole:
        middle = median(sorted(values[place] for place in places))
        kept += places
        left += [values[place] - middle for place in places]
    return kept, left


def weekday(day: int) -> int:
    """The weekday of a day since 1970: 0 is Monday."""
    return (day + _MONDAY) % 7


def is_weekend(day: int) -> bool:
    """Whether a day since 1970 is a Saturday or Sunday."""
    return (day + _MONDAY) % 7 >= 5


@lru_cache(maxsize=4096)
def _edge_of_month(day: int) -> str | None:
    """Whether the day is the "first" or "last" of its month; None for the others."""
    if date.fromordinal(_DAYS_BEFORE_1970 + day).day == 1:
        return "first"
    return "last" if date.fromordinal(_DAYS_BEFORE_1970 + day + 1).day == 1 else None
