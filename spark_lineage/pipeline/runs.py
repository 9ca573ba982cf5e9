"""A run's row: who ran it, when, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spark_lineage.decode.records import ApplicationRecord, ExecutionRecord, RddJobRecord
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
    records: tuple[str, ...] = (),
) -> Run:
    """A run of an application, without its times, its plan and its outcome."""
    return Run(
        run_id=run_id,
        part=part,
        kind=kind,
        fingerprint=None,
        job=job,
        operation=operation,
        target=None,
        state=state,
        application_id=record.application_id,
        application_name=record.application_name,
        user=record.user,
        spark_version=record.spark_version,
        started_at=None,
        ended_at=None,
        records=records,
    )


def with_outcome(run: Run, execution: ExecutionRecord, **more: Any) -> Run:
    """The run with what its execution says of it, and with `more` of its fields."""
    error = execution.error or execution.plan_error
    streaming = execution.streaming
    return replace(
        run,
        user=execution.user or run.user,
        session=execution.session,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        error_class=error.class_ if error else None,
        error_message=error.message if error else None,
        error_condition=error.condition if error else None,
        error_sqlstate=error.sqlstate if error else None,
        decided_by=BY_APPLICATION if is_without_end(execution) and execution.state == "CANCELLED" else None,
        description=execution.description,
        call_site=execution.call_site,
        sql_text=execution.sql_text,
        query_id=streaming.query_id if streaming else None,
        batch_id=streaming.batch_id if streaming else None,
        **more,
    )


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


def with_job(run: Run, record: RddJobRecord) -> Run:
    """The run with what its job without a query says of it."""
    return replace(
        run,
        started_at=record.started_at,
        ended_at=record.ended_at,
        error_class=record.error.class_ if record.error else None,
        error_message=record.error.message if record.error else None,
        error_condition=record.error.condition if record.error else None,
        error_sqlstate=record.error.sqlstate if record.error else None,
        call_site=record.call_site,
    )
