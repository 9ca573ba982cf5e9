"""A run's row: who ran it, when, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spark_lineage.decode.records import ApplicationRecord, ExecutionRecord, Failure, RddJobRecord
from spark_lineage.model import Run, RunState
from spark_lineage.pipeline.intents import is_without_end
from spark_lineage.pipeline.outcomes import BY_APPLICATION


def new_run(
    record: ApplicationRecord,
    job: str,
    run_id: str,
    part: int,
    kind: str,
    operation: str,
    state: RunState,
    **more: Any,
) -> Run:
    """A run of an application; `more` are its other fields, such as those of `outcome`."""
    fields = {
        "fingerprint": None,
        "target": None,
        "user": record.user,
        "started_at": None,
        "ended_at": None,
    } | more
    return Run(
        run_id=run_id,
        part=part,
        kind=kind,
        job=job,
        operation=operation,
        state=state,
        application_id=record.application_id,
        application_name=record.application_name,
        spark_version=record.spark_version,
        **fields,
    )


def outcome(execution: ExecutionRecord) -> dict[str, Any]:
    """What an execution says of its run, as fields of it."""
    streaming = execution.streaming
    return {
        **({"user": execution.user} if execution.user else {}),
        "session": execution.session,
        "started_at": execution.started_at,
        "ended_at": execution.ended_at,
        "decided_by": BY_APPLICATION
        if is_without_end(execution) and execution.state is RunState.CANCELLED
        else None,
        "description": execution.description,
        "call_site": execution.call_site,
        "sql_text": execution.sql_text,
        "query_id": streaming.query_id if streaming else None,
        "batch_id": streaming.batch_id if streaming else None,
        **_error(execution.error or execution.plan_error),
    }


def outcome_of_job(record: RddJobRecord) -> dict[str, Any]:
    """What a job without a query says of its run, as fields of it."""
    return {
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "call_site": record.call_site,
        **_error(record.error),
    }


def _error(error: Failure | None) -> dict[str, str | None]:
    if error is None:
        return {}
    return {
        "error_class": error.class_,
        "error_message": error.message,
        "error_condition": error.condition,
        "error_sqlstate": error.sqlstate,
    }


def without_error(run: Run) -> Run:
    """The run of a write that was done before another of the same execution failed."""
    return replace(
        run,
        state=RunState.COMPLETE,
        error_class=None,
        error_message=None,
        error_condition=None,
        error_sqlstate=None,
    )
