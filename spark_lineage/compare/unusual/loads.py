"""When a table was loaded: the writes that belong together are one load.

What one application writes is one load as long as each write begins within half an hour of the end of the one before: a job that appends
fifty times in a minute loads once, a notebook or a service that writes every hour loads every hour. Where that goes on for more than a day there
is no end to wait for: then each half hour in which there was a write is a load.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spark_lineage.compare.unusual.seasons import DAY, HOUR

__all__ = ["PAUSE", "Write", "load_ends"]

PAUSE = HOUR // 2
"""The longest pause within a load, milliseconds."""


@dataclass(frozen=True, slots=True)
class Write:
    """A complete write of a table; times are epoch milliseconds, `version` is that of its commit where it is known."""

    run_id: str
    part: int
    fingerprint: str | None
    started_at: int
    ended_at: int
    version: int | None = None

    @property
    def application(self) -> str:
        """Which application wrote: the part of the run's id before the execution."""
        return self.run_id.rpartition(":")[0]


def load_ends(writes: Iterable[Write]) -> list[int]:
    """When the loads of a table ended, epoch milliseconds, in order.

    >>> hourly = [Write(f"a:{hour}", 0, "p", hour * HOUR, hour * HOUR + 1) for hour in range(3)]
    >>> load_ends(hourly), load_ends([Write(f"a:{step}", 0, "p", step, step + 1) for step in range(50)])
    ([1, 3600001, 7200001], [50])
    """
    loads: dict[str, list[list[Write]]] = {}
    for write in sorted(writes, key=lambda each: each.ended_at):
        known = loads.setdefault(write.application, [])
        if known and write.started_at - known[-1][-1].ended_at < PAUSE:
            known[-1].append(write)
        else:
            known.append([write])
    return sorted(end for known in loads.values() for load in known for end in _ends(load))


def _ends(load: Sequence[Write]) -> list[int]:
    last = load[-1].ended_at
    if last - load[0].started_at <= DAY:
        return [last]
    ends = [load[0].ended_at]
    for write in load:
        if write.ended_at - ends[-1] >= PAUSE:
            ends.append(write.ended_at)
    return ends
