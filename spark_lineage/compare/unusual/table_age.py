"""The age of one table and of its inputs, as values."""

from __future__ import annotations

from dataclasses import dataclass

from spark_lineage.compare.unusual.rhythm import Rhythm
from spark_lineage.query.answers import DatasetReference, Json, iso_time

__all__ = ["DroppedTable", "InputAge", "TableAge"]


@dataclass(frozen=True, slots=True)
class InputAge:
    """An input of a table: when it was last written or changed, and when a run last read it for the table.

    `newer` says whether it was written after that read, None where nobody knows; `since` is the first such write, `usual_wait` how long
    the table usually takes to follow.
    """

    dataset: DatasetReference
    data_at: int | None
    edge_seen_at: int
    newer: bool | None
    since: int | None = None
    usual_wait: Rhythm | None = None

    def overdue(self, now: int) -> bool | None:
        """Whether the table has waited longer than usual; None where it waits for nothing or nothing is usual yet."""
        if self.since is None or self.usual_wait is None:
            return None
        return now - self.since > self.usual_wait.limit

    def to_dict(self, now: int) -> Json:
        """The input's JSON."""
        return {
            **self.dataset.to_dict(),
            "data_at": iso_time(self.data_at),
            "edge_seen_at": iso_time(self.edge_seen_at),
            "edge_age_seconds": _seconds(now - self.edge_seen_at),
            "newer": self.newer,
            "newer_since": iso_time(self.since),
            "usual_wait_seconds": None if self.usual_wait is None else _seconds(self.usual_wait.gap),
            "overdue": self.overdue(now),
        }


@dataclass(frozen=True, slots=True)
class TableAge:
    """One table: `data_at` is its last write, by whomever; `lineage_at` the last one that is known as a run.

    `rhythm` is what usually follows its last write. `stale_paths` lead from an input that is newer down to the table; `up_to_date` says
    whether it has all that its inputs have, and these theirs: None where that is not known of one of them. `emptied_at` is when its
    rows were taken away and none written since.
    """

    dataset: DatasetReference
    data_at: int
    lineage_at: int
    run_id: str
    rhythm: Rhythm | None
    inputs: tuple[InputAge, ...]
    stale_paths: tuple[tuple[DatasetReference, ...], ...] = ()
    overdue: bool | None = None
    up_to_date: bool | None = None
    emptied_at: int | None = None

    def late(self, now: int) -> bool | None:
        """Whether the last write is longer ago than is usual; None without a rhythm."""
        return None if self.rhythm is None else now - self.data_at > self.rhythm.limit

    def state(self, now: int) -> str:
        """In one word.

        "late", else "emptied", else "stale" (overdue, or nobody knows what is usual), "behind" (it usually follows later), "fresh" (not late
        by its rhythm, or up to date), "unknown" (neither is known).
        """
        if self.late(now):
            return "late"
        if self.emptied_at is not None:
            return "emptied"
        if self.stale_paths:
            return "behind" if self.overdue is False else "stale"
        return "fresh" if self.rhythm is not None or self.up_to_date else "unknown"

    def to_dict(self, now: int) -> Json:
        """The table's JSON."""
        known = self.rhythm
        return {
            **self.dataset.to_dict(),
            "state": self.state(now),
            "data_at": iso_time(self.data_at),
            "data_age_seconds": _seconds(now - self.data_at),
            "lineage_at": iso_time(self.lineage_at),
            "lineage_age_seconds": _seconds(now - self.lineage_at),
            "last_run": self.run_id,
            "emptied_at": iso_time(self.emptied_at),
            "rhythm": None
            if known is None
            else {
                "interval_seconds": _seconds(known.gap),
                "limit_seconds": _seconds(known.limit),
                "due_at": iso_time(self.data_at + known.gap),
                "late_at": iso_time(self.data_at + known.limit),
                "intervals": known.gaps,
            },
            "late": self.late(now),
            "inputs": [each.to_dict(now) for each in self.inputs],
            "stale_paths": [
                [{"namespace": step.namespace, "name": step.name} for step in path]
                for path in self.stale_paths
            ],
        }


@dataclass(frozen=True, slots=True)
class DroppedTable:
    """A table that is no longer there: when it was dropped, epoch milliseconds, and by which run."""

    dataset: DatasetReference
    dropped_at: int
    run_id: str

    def to_dict(self) -> Json:
        """The table's JSON."""
        return {**self.dataset.to_dict(), "dropped_at": iso_time(self.dropped_at), "run": self.run_id}


def _seconds(milliseconds: int) -> int:
    return round(milliseconds / 1000)
