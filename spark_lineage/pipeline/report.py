"""What an ingest says of itself."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did; `messages` are sentences about what was bad, for people.

    `pending` counts executions that wait for their root, in segments that stay.
    """

    segments: int = 0
    records: int = 0
    executions: int = 0
    writes: int = 0
    usages: int = 0
    problems: int = 0
    bad_segments: int = 0
    bad_records: int = 0
    pending: int = 0
    messages: tuple[str, ...] = ()

    def __add__(self, other: IngestReport) -> IngestReport:
        """Of both together."""
        return IngestReport(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))
