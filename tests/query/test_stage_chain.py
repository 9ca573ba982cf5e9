"""The critical path of a run in time, and skew: expected by hand."""

from __future__ import annotations

import pytest

from spark_lineage.model import Distribution, RunState, Stage
from spark_lineage.query.stage_chain import is_skewed, stage_chain


def stage(
    number: int, began: int | None, ended: int | None, *times: int, metric: str = "executor_run_time_ms"
) -> Stage:
    distributions = (Distribution(metric, *times),) if times else ()
    return Stage("r", number, 0, "", RunState.COMPLETE, 1, 0, began, ended, distributions=distributions)


@pytest.mark.parametrize(
    ("stages", "chain"),
    [
        ([], []),
        ([(1, 0, 10)], [1]),
        # 3 waits for the later of 1 and 2
        ([(1, 0, 10), (2, 0, 15), (3, 15, 20)], [2, 3]),
        # 4 ends last and ran beside all others but 1: what 2 and 3 did was done by then
        ([(1, 0, 10), (2, 10, 20), (3, 20, 30), (4, 12, 40)], [1, 4]),
        # of two that end alike, the one that began first: it was on the way for longer
        ([(1, 0, 5), (2, 5, 20), (3, 8, 20), (4, 20, 21)], [1, 2, 4]),
        # without an end, or with a clock that stepped back, nothing can be said
        ([(1, 0, None), (2, 9, 3), (3, 10, 20)], [3]),
    ],
)  # fmt: skip
def test_the_chain(stages, chain):
    assert [each.stage_id for each in stage_chain(stage(*each) for each in stages)] == chain


@pytest.mark.parametrize(
    ("times", "skewed"),
    [
        ((), None),
        ((1, 300, 400, 500, 9100), True),
        ((1, 300, 400, 500, 2000), True),  # five times the median
        ((1, 300, 400, 500, 1999), False),
        ((1, 1, 1, 2, 900), False),  # nobody waits for a second
        ((0, 0, 0, 0, 1000), True),
    ],
)
def test_skew(times, skewed):
    assert is_skewed(stage(1, 0, 1, *times)) is skewed


def test_other_metrics_say_nothing_about_time():
    assert is_skewed(stage(1, 0, 1, 1, 1, 1, 1, 9999, metric="shuffle_read_bytes")) is None
