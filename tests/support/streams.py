"""A streaming query with three starts: one that failed, one of a foreachBatch, one from a checkpoint that was set back."""

from __future__ import annotations

from typing import Any

from query.lineage_rows import BRIDGE, plan, run

from spark_lineage.model import (
    ApplicationEvent,
    Batch,
    Operator,
    RunState,
    StateOperator,
    StreamBatch,
    StreamSource,
)

LATER = "00000000-0000-0000-0000-00000000000b"
QUERY = "5f0c5f0c-0000-0000-0000-000000000001"
FIRST, SECOND, THIRD = "r1", "r2", "r3"
T0 = 1_700_000_000_000


def batch(number: int, stream_run: str, seconds: int, execution: int, **others: Any) -> StreamBatch:
    """A batch that began so many seconds after the first start, of three rows in two seconds."""
    application = BRIDGE if stream_run == FIRST else LATER
    return StreamBatch(
        **{
            "query_id": QUERY, "batch_id": number, "stream_run_id": stream_run, "application": application, "name": "clicks",
            "run_id": f"{application}:{execution}", "started_at": T0 + seconds * 1000, "duration_ms": 2000, "input_rows": 3,
            "sources": (StreamSource("KafkaV2[Subscribe[t]]", f'{{"t":{{"0":{3 * number}}}}}', f'{{"t":{{"0":{3 * number + 3}}}}}', 3),),
            **others,
        }
    )  # fmt: skip


def batch_run(bridge: str, execution: int, number: int, seconds: int, **others: Any) -> Any:
    facts = {"run_id": f"{bridge}:{execution}", "operation": "STREAM", "query_id": QUERY, "batch_id": number}
    at = {"started_at": T0 + seconds * 1000, "ended_at": T0 + seconds * 1000 + 2000}
    return run(execution, "p", "out", None, **{**facts, **at, **others})


def event(at: int, kind: str, stream_run: str, detail: str = "", query: str = QUERY) -> ApplicationEvent:
    application = BRIDGE if stream_run == FIRST else LATER
    return ApplicationEvent(application, T0 + at * 1000, kind, query, detail, stream_run)


DIVIDED = "org.apache.spark.SparkArithmeticException"
REASON = f"{DIVIDED} [DIVIDE_BY_ZERO]: Division by zero."
KEPT = StateOperator("dedupe", 5, 2, 1, 1, 2048)
HISTORY = Batch(
    plans=(
        plan(
            "p", "out", "x:bigint", "in",
            operators=(
                Operator("EventTimeWatermark#0", "EventTimeWatermark", "watermark of at, 10 minutes late"),
                Operator("Project#1", "Project"),
            ),
        ),
    ),
    runs=(
        batch_run(BRIDGE, 3, 0, 1),
        batch_run(BRIDGE, 5, 1, 4),
        batch_run(BRIDGE, 7, 2, 7, state=RunState.FAILED, error_class=DIVIDED, error_message="Division by zero."),
        # a foreachBatch function: its runs are younger than the micro-batch, which is none itself
        batch_run(LATER, 4, 2, 101, operation="INSERT"),
        batch_run(LATER, 6, 2, 102, operation="MERGE"),
        batch_run(LATER, 8, 3, 104),
        batch_run(LATER, 12, 3, 204),
    ),
    batches=(
        batch(0, FIRST, 1, 3, watermark=None, state=(StateOperator("dedupe", 2, 2, 0, 0, 1024),)),
        batch(1, FIRST, 4, 5, state=(KEPT,)),
        batch(2, SECOND, 100, 3, state=(KEPT,)),
        batch(3, SECOND, 104, 8, state=(KEPT,), input_rows=None, duration_ms=None),
        batch(
            3, THIRD, 204, 12, watermark=T0 - 396_000, state=(KEPT, StateOperator("save", 1, 1, 0, 2, 512)), sink="S",
            output_rows=3, durations_ms=(("addBatch", 1500), ("walCommit", 40)), events_from=T0, events_until=T0 + 1,
        ),
    ),
    events=(
        event(0, "stream_started", FIRST, "clicks"),
        event(9, "stream_ended", FIRST, REASON),
        event(99, "stream_started", SECOND, "clicks"),
        event(106, "stream_ended", SECOND),
        event(203, "stream_started", THIRD, "clicks"),
        event(8, "executor_added", FIRST, "1"),
    ),
)  # fmt: skip


def second(number: int) -> str:
    return f"2023-11-14T22:{13 + (20 + number) // 60:02d}:{(20 + number) % 60:02d}.000Z"
