"""The statistics below `unusual` and `freshness`, against published values and values found by hand."""

from __future__ import annotations

import random
import statistics

import pytest

from spark_lineage.compare.unusual.robust import (
    MAD_TO_SIGMA,
    RunningMedian,
    mad_sigma,
    quantile,
    spread,
    threshold,
)
from spark_lineage.compare.unusual.seasons import DAY, HOUR, fit_season

MONDAY = 4 * DAY


def test_iglewicz_and_hoaglins_constant():
    """The modified z-score is 0.6745 times the distance over the MAD."""
    assert round(1 / MAD_TO_SIGMA, 4) == 0.6745


@pytest.mark.parametrize(
    ("freedom", "false_alarms", "quantile_of_t"),
    [(11, 0.01, 3.106), (10, 0.001, 4.587), (20, 0.05, 2.086), (30, 0.001, 3.646), (120, 0.01, 2.617)],
)
def test_the_threshold_is_students_t(freedom, false_alarms, quantile_of_t):
    """Two-sided quantiles as every table of the t distribution has them; approximation and rounding are within 1 %."""
    values = round(freedom / 0.3674)
    assert threshold(values, false_alarms) == pytest.approx(quantile_of_t, rel=0.01)


def test_spread_of_normal_values_is_their_standard_deviation():
    draw = random.Random(1)
    values = [draw.gauss(5, 2) for _ in range(20_000)]
    assert mad_sigma(values, 5) == pytest.approx(2, rel=0.03)
    assert spread(values, 5) == pytest.approx(2, rel=0.03)


def test_wild_values_do_not_move_the_spread():
    """One value in ten a hundred times as large: the standard deviation follows it, the spread does not."""
    draw = random.Random(1)
    values = [draw.gauss(0, 1) * (100 if number % 10 == 0 else 1) for number in range(2_000)]
    assert statistics.pstdev(values) > 25
    assert spread(values, 0) < 1.6


def test_where_most_values_are_equal():
    """19 zeros and a one: MAD and 90 % quantile are 0. With 15 zeros and five ones the 90 % quantile is 1, over 1.645 = 0.608."""
    assert spread([0.0] * 19 + [1.0], 0) == 0
    assert round(spread([0.0] * 15 + [1.0] * 5, 0), 3) == 0.608


def test_quantiles_by_counting():
    assert [quantile([1, 2, 3, 4, 5], share) for share in (0.0, 0.2, 0.21, 1.0)] == [1, 1, 2, 5]


def test_a_running_median_is_the_median_of_the_last():
    draw = random.Random(2)
    running, seen = RunningMedian(7), []
    for _ in range(300):
        value = float(draw.randrange(10))
        running.add(value)
        seen.append(value)
        assert running.value == statistics.median(seen[-7:])
    assert len(running) == 7


def test_a_season_of_weekdays():
    """Mondays 2, other working days 1, weekends 0, for six weeks. The median of a week is 1: effects are 1, 0 and -1."""
    times = [MONDAY + day * DAY for day in range(42)]
    values = [(2.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0)[day % 7] for day in range(42)]
    season = fit_season(times, values)
    assert [round(season.centre(MONDAY + (70 + day) * DAY), 6) for day in range(7)] == [1, 0, 0, 0, 0, -1, -1]
    assert season.at(MONDAY).dates == 6


def test_a_season_of_hours_allows_for_summer_time():
    """Hourly for four weeks, 5 at noon and 0 else: at 11, 12 and 13 both are ordinary, at 15 only 0 is."""
    times = [MONDAY + hour * HOUR for hour in range(28 * 24)]
    values = [5.0 if hour % 24 == 12 else 0.0 for hour in range(28 * 24)]
    season = fit_season(times, values)
    allowed = {
        hour: (season.at(times[-1] + HOUR * (hour + 1)).least, season.at(times[-1] + HOUR * (hour + 1)).most)
        for hour in (11, 12, 13, 15)
    }
    assert allowed == {11: (0, 5), 12: (0, 5), 13: (0, 5), 15: (0, 0)}


def test_a_kind_of_day_that_was_never_met_has_no_dates():
    times = [MONDAY + day * DAY for day in range(5)]
    season = fit_season(times, [1.0] * 5)
    assert (season.at(MONDAY).dates, season.at(MONDAY + 5 * DAY).dates) == (5, 0)
