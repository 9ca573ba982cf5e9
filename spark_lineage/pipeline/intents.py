"""Intents without an end: what runs still, what was stopped, and what nobody knows the end of.

A write is noted before it runs. Where its execution never ends in the records, it runs as long as its application does; after that it
was stopped with the application, if that ended in order and had it on its list, and is unknown otherwise: it may have been killed
before or after it committed, or its end was lost. Then the target's own log may tell (`pipeline/outcomes.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spark_lineage.decode.records import ApplicationEndRecord, ExecutionRecord, IntentRecord
from spark_lineage.model import RunState

__all__ = ["as_execution", "end_of", "is_without_end", "unended"]

_LAST = 1 << 62
"""Stands above every number of an end: what did not end comes after all that did."""


def unended(intents: Iterable[IntentRecord], executions: Mapping[int, ExecutionRecord]) -> list[IntentRecord]:
    """The intents whose executions have no record, each execution once, in the order in which they began."""
    found = {each.execution_id: each for each in intents if each.execution_id not in executions}
    return sorted(found.values(), key=lambda each: each.sequence)


def end_of(intent: IntentRecord, end: ApplicationEndRecord | None) -> RunState:
    """The state of a write without an end in an application that is over."""
    if end is not None and intent.execution_id in end.running:
        return RunState.CANCELLED
    return RunState.UNKNOWN


def as_execution(intent: IntentRecord, state: RunState) -> ExecutionRecord:
    """The intent as an execution that did not end: it began when it was noted, and what began inside it lies within it."""
    return ExecutionRecord(
        bridge=intent.bridge,
        execution_id=intent.execution_id,
        root_execution_id=intent.root_execution_id,
        query_execution_id=intent.query_execution_id,
        plan=intent.plan,
        state=state,
        started_at=intent.started_at,
        started_order=intent.started_order,
        ended_order=_LAST - intent.sequence,
        description=intent.description,
        call_site=intent.call_site,
        sql_text=intent.sql_text,
        job_group=intent.job_group,
        user=intent.user,
        session=intent.session,
        expressions=intent.expressions,
        literals=intent.literals,
        versions=intent.versions,
        facts=intent.facts,
    )


def is_without_end(execution: ExecutionRecord) -> bool:
    """Whether an execution was made of an intent."""
    return execution.ended_at is None and execution.ended_order > _LAST >> 1
