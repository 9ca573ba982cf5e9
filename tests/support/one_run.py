"""A run with a bit of everything: what it read and wrote, a join with a reused exchange, a skewed stage, an executor that was lost."""

from __future__ import annotations

from query.lineage_rows import BRIDGE, dataset, edge, plan, run

from spark_lineage.model import (
    ApplicationEvent,
    Batch,
    Distribution,
    Observation,
    OperatorMetrics,
    Problem,
    RunState,
    Schema,
    SchemaColumn,
    Severity,
    Stage,
    StateOperator,
    StreamBatch,
    StreamSource,
)

RUN = f"{BRIDGE}:7"
AT = 1_795_143_845_000
"""2026-11-20 03:04:05 UTC in milliseconds."""


def operator(number: int, name: str, *children: int, **facts: object) -> OperatorMetrics:
    values = {"rows": None, "bytes": None, "time_ms": None, **facts}
    below = tuple(f"7:{child}" for child in children)
    return OperatorMetrics(RUN, f"7:{number}", name, children=below, **values)  # type: ignore[arg-type]


def stage(number: int, began: int, ended: int, **facts: object) -> Stage:
    """Seconds after the start of the run."""
    values = {"attempt": 0, "state": RunState.COMPLETE, "tasks": 4, "failed_tasks": 0, **facts}
    name = "save at Shop.java:0"
    return Stage(
        run_id=RUN,
        stage_id=number,
        name=name,
        started_at=AT + began * 1000,
        ended_at=AT + ended * 1000,
        **values,
    )  # type: ignore[arg-type]


OPERATORS = (
    operator(0, "OverwriteByExpression", 1),
    operator(1, "HashAggregate", 2, rows=42, time_ms=120, peak_memory_bytes=64 << 20, target_columns=("total",), metrics=(("numOutputRows", 42), ("odd", 7)), units=(("numOutputRows", "rows"),), stages=(4,)),
    operator(2, "SortMergeJoin", 3, 5, rows=1200, stages=(4,)),
    operator(3, "Exchange", 4, rows=1200, bytes=3 << 20, spill_bytes=1 << 20, stages=(2,)),
    operator(4, "Scan parquet", rows=1200, bytes=5000, files=3, time_ms=12_345, stages=(2,)),
    operator(5, "ReusedExchange", 3, note="reused"),
)  # fmt: skip

STAGES = (
    stage(
        2, 1, 5, tasks=200, failed_tasks=2, speculative_tasks=1,
        metrics=(("input_bytes", 5000), ("shuffle_write_bytes", 3 << 20), ("jvm_gc_time_ms", 40)),
        distributions=(Distribution("executor_run_time_ms", 1, 300, 400, 500, 9100),),
    ),
    stage(3, 1, 3, state=RunState.FAILED, failure="Executor lost: 2"),
    stage(3, 4, 6, attempt=1),
    stage(4, 6, 12, distributions=(Distribution("executor_run_time_ms", 900, 1000, 1100, 1200, 1500),)),
)  # fmt: skip

OBSERVATIONS = (
    Observation(
        RUN, 0, "file", "/w/orders", "read", "/w/orders", version=12, rows=1200, bytes=5000, files=3, version_at=AT - 60_000,
        schema_id="s1", partitions_read=2,
    ),
    Observation(
        RUN, 0, "kafka://b:9092", "clicks", "read", "", rows=15, offsets='{"clicks": {"0": [10, 20], "10": [0, 0], "2": [0, 5]}}',
    ),
    Observation(RUN, 0, "file", "/w/raw", "read", "/w/raw/day=1", modified_from=AT - 90_000, modified_until=AT - 80_000),
    Observation(RUN, 0, "file", "/w/report", "written", "/w/report", version=4, rows=42, files=1),
)  # fmt: skip

BATCH_OF_EVERYTHING = Batch(
    datasets=(dataset("orders", "shop.orders"), dataset("report", "shop.report"), dataset("raw")),
    plans=(plan("p1", "report", "total:double", "orders raw"),),
    edges=(edge("p1", "orders.amount", "report.total", "AGGREGATION", "sum(amount)"),),
    runs=(
        run(6, "p1", "report", 10),
        run(
            7, "p1", "report", None, started_at=AT, ended_at=AT + 12_300, rows=42, files=1, bytes=2048, state=RunState.FAILED,
            error_class="org.apache.spark.SparkException", error_message="Job aborted.", error_condition="DIVIDE_BY_ZERO",
            error_sqlstate="22012", failed_operator="7:1",
        ),
        run(8, None, None, None, run_id=BRIDGE, kind="application", state=RunState.COMPLETE_WITH_FAILURES, job="shop"),
        run(9, "p1", "report", None, started_at=1, query_id="q1", batch_id=3, run_id="00000000-b:9", operation="STREAM"),
    ),
    operators=OPERATORS,
    stages=STAGES,
    observations=OBSERVATIONS,
    schemas=(Schema("s1", (SchemaColumn("amount", "double"), SchemaColumn("id", "bigint", nullable=False))),),
    batches=(
        StreamBatch(
            "q1", 3, "r1", "local-1", name="prices", run_id="00000000-b:9", started_at=AT, duration_ms=1200, input_rows=3000,
            watermark=AT - 1000,
            sources=(StreamSource("KafkaV2[Subscribe[clicks]]", '{"clicks":{"0":5}}', '{"clicks":{"0":3005}}', 3000),),
            state=(StateOperator("stateStoreSave", 12, 3, 0, 1, 2048),),
            durations_ms=(("addBatch", 900), ("walCommit", 20)),
        ),
        StreamBatch("q1", 3, "r0", "local-1", name="prices", started_at=AT + 5),
        StreamBatch("q1", 2, "r1", "local-1", name="prices", started_at=AT + 5),
    ),
    events=(
        ApplicationEvent(BRIDGE, AT + 3000, "executor_removed", "2", "Container killed: exit code 137"),
        ApplicationEvent(BRIDGE, AT + 20_000, "executor_removed", "3", "after the end"),
    ),
    problems=(
        Problem("odd", Severity.WARNING, "Something was odd.", run_id=RUN),
        Problem("other", Severity.WARNING, "Of another run.", run_id=f"{BRIDGE}:6"),
        Problem("planned", Severity.INFO, "Of the plan.", fingerprint="p1"),
    ),
)  # fmt: skip

NOTHING_KNOWN = {
    "version": None, "version_at": None, "rows": None, "bytes": None, "files": None, "partitions_read": None,
    "modified_from": None, "modified_until": None, "offsets": None, "operator": None, "columns": None, "partitions": [], "part": 0,
}  # fmt: skip


def _operator_json(number: int, name: str, *children: int, **facts: object) -> dict[str, object]:
    return {
        "id": f"7:{number}", "name": name, "children": [f"7:{child}" for child in children], "rows": None, "bytes": None,
        "files": None, "time_ms": None, "spill_bytes": None, "peak_memory_bytes": None, "columns": [], "target_columns": [],
        "logical": None, "stages": [], "note": "", "metrics": [], **facts,
    }  # fmt: skip


def _stage_json(number: int, began: str, ended: str, **facts: object) -> dict[str, object]:
    return {
        "id": number, "attempt": 0, "name": "save at Shop.java:0", "state": "COMPLETE", "tasks": 4, "failed_tasks": 0,
        "killed_tasks": 0, "speculative_tasks": 0, "started_at": f"2026-11-20T03:04:{began}.000Z",
        "ended_at": f"2026-11-20T03:04:{ended}.000Z", "execution": None, "job": None, "failure": None, "metrics": [],
        "distributions": [], "run_time": None, "skewed": None, **facts,
    }  # fmt: skip


def _times(*values: int) -> dict[str, object]:
    names = ("minimum", "lower_quartile", "median", "upper_quartile", "maximum")
    return {"metric": "executor_run_time_ms", **dict(zip(names, values, strict=True))}


REPORT = {"namespace": "file", "name": "/w/report", "aliases": ["shop.report"]}
_SKEWED, _EVEN = _times(1, 300, 400, 500, 9100), _times(900, 1000, 1100, 1200, 1500)

ANSWER = {
    "schema_version": 1,
    "id": RUN,
    "runs": [
        {
            "id": RUN, "part": 0, "kind": "write", "state": "FAILED", "job": "nightly", "operation": "append", "target": REPORT,
            "plan": "p1", "started_at": "2026-11-20T03:04:05.000Z", "ended_at": "2026-11-20T03:04:17.300Z", "rows": 42,
            "bytes": 2048, "files": 1,
            "error": {"class": "org.apache.spark.SparkException", "message": "Job aborted.", "condition": "DIVIDE_BY_ZERO", "sqlstate": "22012"},
            "failed_operator": "7:1", "decided_by": None, "left_out": None, "application": {"id": "local-1", "name": "shop"}, "user": "ann", "session": None,
            "spark_version": "4.1.3", "description": None, "call_site": None, "sql_text": None, "query_id": None, "batch_id": None,
        }
    ],
    "planned": [
        {
            "part": 0,
            "certainty": "exact",
            "columns": [
                {
                    "name": "total", "type": "double", "certainty": "exact",
                    "sources": [
                        {
                            "namespace": "file", "name": "/w/orders", "aliases": ["shop.orders"], "field": "amount", "type": "DIRECT",
                            "subtype": "AGGREGATION", "masking": False, "expression": "sum(amount)", "plan": "p1",
                        }
                    ],
                }
            ],
            "rows": [],
        }
    ],
    "datasets": [
        {
            **NOTHING_KNOWN, "namespace": "file", "name": "/w/orders", "aliases": ["shop.orders"], "direction": "read",
            "path": "/w/orders", "version": 12, "version_at": "2026-11-20T03:03:05.000Z", "rows": 1200, "bytes": 5000, "files": 3,
            "partitions_read": 2,
            "columns": [
                {"name": "amount", "type": "double", "nullable": True}, {"name": "id", "type": "bigint", "nullable": False},
            ],
        },
        {
            **NOTHING_KNOWN, "namespace": "file", "name": "/w/raw", "aliases": [], "direction": "read", "path": "/w/raw/day=1",
            "modified_from": "2026-11-20T03:02:35.000Z", "modified_until": "2026-11-20T03:02:45.000Z",
        },
        {
            **NOTHING_KNOWN, "namespace": "kafka://b:9092", "name": "clicks", "aliases": [], "direction": "read", "path": "",
            "rows": 15, "offsets": {"clicks": {"0": [10, 20], "10": [0, 0], "2": [0, 5]}},
        },
        {**NOTHING_KNOWN, **REPORT, "direction": "written", "path": "/w/report", "version": 4, "rows": 42, "files": 1},
    ],
    "operators": [
        _operator_json(0, "OverwriteByExpression", 1),
        _operator_json(
            1, "HashAggregate", 2, rows=42, time_ms=120, peak_memory_bytes=67_108_864, target_columns=["total"], stages=[4],
            metrics=[
                {"name": "numOutputRows", "value": 42, "unit": "rows"}, {"name": "odd", "value": 7, "unit": None},
            ],
        ),
        _operator_json(2, "SortMergeJoin", 3, 5, rows=1200, stages=[4]),
        _operator_json(3, "Exchange", 4, rows=1200, bytes=3_145_728, spill_bytes=1_048_576, stages=[2]),
        _operator_json(4, "Scan parquet", rows=1200, bytes=5000, files=3, time_ms=12_345, stages=[2]),
        _operator_json(5, "ReusedExchange", 3, note="reused"),
    ],
    "stages": [
        _stage_json(
            2, "06", "10", tasks=200, failed_tasks=2, speculative_tasks=1, distributions=[_SKEWED], run_time=_SKEWED, skewed=True,
            metrics=[
                {"name": "input_bytes", "value": 5000}, {"name": "jvm_gc_time_ms", "value": 40},
                {"name": "shuffle_write_bytes", "value": 3_145_728},
            ],
        ),
        _stage_json(3, "06", "08", state="FAILED", failure="Executor lost: 2"),
        _stage_json(3, "09", "11", attempt=1),
        _stage_json(4, "11", "17", distributions=[_EVEN], run_time=_EVEN, skewed=False),
    ],
    "longest_chain": [{"id": 3, "attempt": 0}, {"id": 3, "attempt": 1}, {"id": 4, "attempt": 0}],
    "batch": None,
    "events": [
        {"at": "2026-11-20T03:04:08.000Z", "kind": "executor_removed", "subject": "2", "detail": "Container killed: exit code 137"},
    ],
    "problems": [
        {"code": "odd", "severity": "warning", "message": "Something was odd.", "where": "", "hint": ""},
        {"code": "planned", "severity": "info", "message": "Of the plan.", "where": "", "hint": ""},
    ],
}  # fmt: skip
"""The answer about `RUN`, written by hand after docs/json.md."""

BATCH_ANSWER = {
    "query_id": "q1", "batch_id": 3, "name": "prices", "stream_run_id": "r1", "started_at": "2026-11-20T03:04:05.000Z",
    "duration_ms": 1200, "input_rows": 3000, "output_rows": None, "watermark": "2026-11-20T03:04:04.000Z",
    "events_from": None, "events_until": None, "sink": None,
    "sources": [
        {
            "description": "KafkaV2[Subscribe[clicks]]", "start": {"clicks": {"0": 5}}, "end": {"clicks": {"0": 3005}}, "rows": 3000,
        }
    ],
    "state": [
        {"name": "stateStoreSave", "rows": 12, "updated_rows": 3, "removed_rows": 0, "late_rows": 1, "memory_bytes": 2048}
    ],
    "durations": [{"name": "addBatch", "ms": 900}, {"name": "walCommit", "ms": 20}],
}  # fmt: skip
"""The micro-batch of the run `00000000-b:9`: of its two attempts the one that names the run."""
