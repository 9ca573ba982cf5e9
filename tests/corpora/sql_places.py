"""Which statement of Spark's SQL tests a run of lineage belongs to."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from typing import Any, TypeAlias

from sql_runner import label

from spark_lineage.decode.records import ExecutionRecord, RddJobRecord

Place: TypeAlias = tuple[str, int]
"""A file and the number of a statement in it."""


class Places:
    """The places of executions and of jobs without one.

    An execution carries its place as its description, but for one that failed before it was announced: its statement is
    the next one that ended with its error. A job without an execution belongs to the last execution that started before it:
    statements run one after the other.
    """

    def __init__(
        self,
        files: dict[str, list[dict[str, Any]]],
        executions: Iterable[ExecutionRecord],
        jobs: Iterable[RddJobRecord],
    ) -> None:
        self._statements = [
            (name, position) for name, outcomes in files.items() for position in range(len(outcomes))
        ]
        self._outcomes = [each["outcome"] for outcomes in files.values() for each in outcomes]
        self._labels = {
            label(number, position): (name, position)
            for number, (name, outcomes) in enumerate(files.items())
            for position in range(len(outcomes))
        }
        self._runs: dict[str, Place] = {}
        started = self._place_executions(sorted(executions, key=lambda each: each.execution_id))
        times = [time for time, _ in started]
        for job in jobs:
            before = bisect.bisect_right(times, job.started_at or 0)
            if before:
                self._runs[f"job-{job.job_id}"] = started[before - 1][1]

    def labelled(self, execution: ExecutionRecord) -> Place | None:
        """The place that an execution carries, None where it has none or stands between files."""
        return self._labels.get(execution.description or "")

    def of_run(self, key: str) -> set[Place]:
        """The place of the run of an execution (`7`) or of a job (`job-7`), empty where there is none."""
        return {self._runs[key]} if key in self._runs else set()

    def _place_executions(self, executions: list[ExecutionRecord]) -> list[tuple[int, Place]]:
        """Place them, in their order; returns when those that carry their place started."""
        number = {place: at for at, place in enumerate(self._statements)}
        started = []
        at = 0
        for execution in executions:
            place = self.labelled(execution)
            if place is not None:
                at = number[place]
                started.append((execution.started_at or 0, place))
            elif execution.error is not None:
                ended_so = (
                    later
                    for later in range(at, len(self._outcomes))
                    if self._outcomes[later] in {execution.error.condition, execution.error.class_}
                )
                place = self._statements[next(ended_so, at)]
            if place is not None:
                self._runs[str(execution.execution_id)] = place
        return sorted(started)
