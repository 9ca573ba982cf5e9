"""Which stages of a run determined when it was ready, and which of them were skewed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spark_lineage.model import Stage

__all__ = ["RUN_TIME_METRICS", "SKEW_FACTOR", "SKEW_LEAST_MS", "is_skewed", "stage_chain"]

RUN_TIME_METRICS = ("executor_run_time_ms", "duration_ms")
"""The names of a task's run time among a stage's distributions, what counts first."""

SKEW_FACTOR = 5
"""The longest task against the median one: the factor from which Spark itself calls a partition skewed
(`spark.sql.adaptive.skewJoin.skewedPartitionFactor`)."""

SKEW_LEAST_MS = 1_000
"""Milliseconds that the longest task took more than the median one, at least: below that, nobody waited for it."""


@dataclass(frozen=True, slots=True)
class _Timed:
    started_at: int
    ended_at: int
    stage: Stage

    @property
    def order(self) -> tuple[int, int, int, int]:
        """The end; of several the one that began first, then the smallest id and attempt, are taken with `max`."""
        return (self.ended_at, -self.started_at, -self.stage.stage_id, -self.stage.attempt)


def is_skewed(stage: Stage) -> bool | None:
    """Whether the longest task took far longer than the median one; None where the distribution is not known.

    By a rule: `SKEW_FACTOR` times the median or more, and `SKEW_LEAST_MS` longer.
    """
    by_metric = {each.metric: each for each in stage.distributions}
    times = next((by_metric[metric] for metric in RUN_TIME_METRICS if metric in by_metric), None)
    if times is None:
        return None
    longer = times.maximum - times.median >= SKEW_LEAST_MS
    return longer and times.maximum >= SKEW_FACTOR * times.median


def stage_chain(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages that followed each other up to the last end, in their order: the critical path of a run in time.

    From the stage that ended last one goes back to the one that ended last before it began, and so on. Which stage waited for which is
    not recorded; a stage that ended before another one began is the latest that it can have waited for. Stages without times are left out.
    """
    timed = [
        _Timed(stage.started_at, stage.ended_at, stage)
        for stage in stages
        if stage.started_at is not None and stage.ended_at is not None and stage.started_at <= stage.ended_at
    ]
    chain: list[Stage] = []
    rest = timed
    while rest:
        last = max(rest, key=lambda each: each.order)
        chain.append(last.stage)
        rest = [each for each in rest if each is not last and each.ended_at <= last.started_at]
    return tuple(reversed(chain))
