"""What a write really wrote, from the SQL metrics of its executed plans.

Spark reports it in several places for one write: on the command's own node, on the file writer below it, on
Delta's command. Within one execution the outermost node that has a metric says it; over the executions of a write
the values are summed, each query counted once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import Node, NodeKind, PlanTree


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows, bytes and files of one write; None where nothing says it."""

    rows: int | None = None
    bytes: int | None = None
    files: int | None = None


def measured(executions: Iterable[ExecutionRecord], plans: Mapping[str, PlanTree | None]) -> Measured:
    """The totals of a write over all executions that ran for it."""
    return Measured()
