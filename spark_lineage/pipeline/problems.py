"""What an ingest itself finds wrong, in words: records that were lost, that contradict each other, or that say less than a run needs."""

from __future__ import annotations

from collections.abc import Mapping

from spark_lineage.decode.records import ApplicationRecord, ExecutionRecord, GapRecord, RddJobRecord
from spark_lineage.model import DatasetId, Problem, Run, Severity, told_time


def clock_went_back(run: Run) -> Problem | None:
    """A run that ended before it began; None where its times can be right."""
    if run.started_at is None or run.ended_at is None or run.ended_at >= run.started_at:
        return None
    back = (run.started_at - run.ended_at) / 1_000
    message = f"a run ended {back:.1f} s before it began: the clock of its driver was set back, its duration is not known"
    return Problem("clock_went_back", Severity.INFO, message, run.call_site or "", "", run.run_id)


def unseen_job(record: RddJobRecord, run_id: str, job: str) -> Problem | None:
    """An RDD job of the job `job` that had ended before the bridge heard of its start; None for one over no partitions: it has no stage and runs nothing."""
    if record.schema_inference or (record.call_site is None and not record.stages):
        return None
    place = record.call_site or "unknown place"
    message = f"an RDD job of {job} ({place}) had ended before it could be looked at: what it read or wrote is not known"
    hint = "use DataFrames where lineage matters"
    return Problem("rdd_job", Severity.WARNING, message, record.call_site or "", hint, run_id)


_LOST = "the bridge lost {} record(s)"
_GAPS: Mapping[str, tuple[str, str]] = {
    "encode_failed": (
        _LOST,
        "if memory or stack ran out, give the driver more; if time ran out, split the job; else please report it",
    ),
    "intent_failed": (
        "{} write(s) could not be noted before they ran; those that ended are told of all the same",
        "please report it",
    ),
    "listener_queue_dropped": (
        "Spark dropped {} event(s) before the bridge saw them: executions may be missing, or lack their jobs",
        "raise spark.scheduler.listenerbus.eventqueue.spark-lineage.capacity",
    ),
    "record_too_large": ("the bridge left out {} part(s) that were too large", "split the job"),
    "spool_failed": (_LOST, "look at the disk of the spool"),
    "spool_full": (
        "{} record(s) were deleted before they were ingested",
        "ingest more often, or raise spark.lineage.spoolMaxBytes",
    ),
    "sync_failed": (
        "the disk of the spool failed: {} record(s) may be lost",
        "look at the disk; what was ingested since is there",
    ),
    "upload_conflict": (
        "{} record(s) were not uploaded: the remote spool has something else under the name of their segment",
        "remove that from the remote spool, and the next application on that machine uploads them",
    ),
    "writer_queue_full": (_LOST, "put the spool on a faster disk, or look whether its disk hangs"),
}
"""What is said of each reason of a gap, with the count, and what to do. docs/operations.md has the same for operators."""

_MAY_BE_LOST = frozenset({"intent_failed", "sync_failed", "upload_conflict"})


def gap(record: GapRecord, application: ApplicationRecord) -> Problem:
    """Records that the bridge lost, may have lost or deleted, or a setting that it could not follow."""
    where = f"{application.application_name}, {told_time(record.at)}"
    if record.reason == "wrong_setting":
        message = f"a setting of the job is not followed: {record.message}"
        hint = "docs/settings.md lists the settings and what is allowed"
        return Problem("wrong_setting", Severity.ERROR, message, where, hint, application.bridge)
    sentence, hint = _GAPS.get(record.reason, (_LOST, "run spark-lineage doctor"))
    what = f": {record.message}" if record.message else ""
    severity = Severity.WARNING if record.reason in _MAY_BE_LOST else Severity.ERROR
    message = f"{sentence.format(record.count)} ({record.reason}){what}"
    return Problem("gap", severity, message, where, hint, application.bridge)


def missing_plan(execution: ExecutionRecord, run_id: str) -> Problem:
    """An execution whose plan is in no record."""
    message = "the plan of an execution is not there: what it read or wrote is unknown"
    hint = "look for what was kept aside or lost: spark-lineage doctor"
    return Problem("missing_plan", Severity.WARNING, message, _where(execution), hint, run_id)


def command_not_followed(
    execution: ExecutionRecord, run_id: str, name: str, dataset: DatasetId | None
) -> Problem:
    """A command that changes data (of `dataset`, where that is known) in a way that no rule follows."""
    message = f"the command {name} changes data in a way that is not followed"
    return Problem(
        "command_not_followed",
        Severity.WARNING,
        message,
        _where(execution),
        "see SUPPORTED.md",
        run_id,
        dataset=dataset,
    )


def senseless(application: ApplicationRecord, run: int | str, error: Exception) -> Problem:
    """An execution, or a job without one (`job-7`), whose records fit the format and make no sense together."""
    return Problem(
        "bad_execution",
        Severity.ERROR,
        f"records contradict each other ({type(error).__name__}: {error})",
        f"{f'execution {run}' if isinstance(run, int) else run} of {application.application_name}",
        "please report the job, its Spark and its spark-lineage version",
        f"{application.bridge}:{run}",
    )


def _where(execution: ExecutionRecord) -> str:
    return execution.call_site or execution.description or ""
