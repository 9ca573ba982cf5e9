"""Rows of operators and stages from records made by hand: what is not known is not said."""

from __future__ import annotations

from typing import Any

import pytest

from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import ExecutionRecord, JobRecord, StageRecord
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import Distribution, RunState, Stage
from spark_lineage.pipeline.designs import Analyzed, Design, Designs
from spark_lineage.pipeline.operators import operators_of, stage_of, unit
from spark_lineage.pipeline.ran import Joins, ran_for
from tests.analyze.building import PlanBuilder, record_of


def plan() -> PlanTree:
    """Node 0 scans, 1 filters, 2 moves, 3 aggregates."""
    builder = PlanBuilder()
    below: list[dict[str, int]] = []
    for name in ("FileSourceScanExec", "FilterExec", "ShuffleExchangeExec", "HashAggregateExec"):
        fields = {"children": below, "subqueries": []}
        below = [
            builder.node(
                f"org.apache.spark.sql.execution.{name}", "physical", fields, n=name.removesuffix("Exec")
            )
        ]
    return decode_plan(record_of(builder.section(None) | {"executed": below[0]}))


JOBS = [JobRecord(job_id=1)]


def execution(**changes: Any) -> ExecutionRecord:
    return ExecutionRecord(bridge="b", execution_id=7, plan="p", **changes)


def test_what_did_not_run_gave_no_rows_rather_than_none() -> None:
    metrics = [(index, {"numOutputRows": 0}) for index in (0, 1, 3)]
    failed = execution(state="FAILED", metrics=metrics, operator_stages=[(0, [4])])
    assert [(each.name, each.rows, each.stages) for each in operators_of("r", failed, plan(), [])] == [
        ("HashAggregate", None, ()),
        ("ShuffleExchange", None, ()),
        ("Filter", 0, (4,)),
        ("FileSourceScan", 0, (4,)),
    ]
    complete = operators_of("r", execution(metrics=metrics, jobs=JOBS), plan(), [])
    assert [each.rows for each in complete] == [0, None, 0, 0]
    # A lazy checkpoint runs for a later execution, and counts when its own has ended.
    lazy = operators_of("r", execution(metrics=metrics), plan(), [])
    assert [each.rows for each in lazy] == [None] * 4


def test_what_an_exchange_wrote_is_what_it_gives_and_no_other_operator_s_rows() -> None:
    """The head of a sorted table is taken without a shuffle: that nothing was shuffled says nothing of its rows."""
    metrics = [(index, {"shuffleRecordsWritten": 0, "shuffleBytesWritten": 0}) for index in (2, 3)]
    found = operators_of("r", execution(metrics=metrics, jobs=JOBS), plan(), [])
    assert [(each.name, each.rows, each.bytes) for each in found[:2]] == [
        ("HashAggregate", None, None),
        ("ShuffleExchange", 0, 0),
    ]


def test_an_older_bridge_says_nothing_of_stages() -> None:
    rows = operators_of("r", execution(metrics=[(0, {"numOutputRows": 3})]), plan(), [])
    assert {each.stages for each in rows} == {()}
    assert [each.children for each in rows] == [("7:2",), ("7:1",), ("7:0",), ()]
    assert stage_of("r", 7, StageRecord(stage_id=1)) == Stage(
        "r", 1, 0, "", RunState.COMPLETE, 0, 0, None, None, execution_id=7
    )


def test_operators_that_changed_no_metric_ran_where_those_around_them_did() -> None:
    """A pipeline that names two stages is left alone: Spark samples what it sorts in a stage of its own."""
    one = operators_of("r", execution(operator_stages=[(0, [1]), (2, [1, 2]), (3, [2])]), plan(), [])
    assert [each.stages for each in one] == [(2,), (1, 2), (1,), (1,)]
    two = operators_of("r", execution(operator_stages=[(0, [1, 3])]), plan(), [])
    assert [each.stages for each in two] == [(), (), (), (1, 3)]


def test_a_join_that_fails_costs_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(Design, "target_columns", fail)
    one = execution(call_site="save at X", metrics=[(0, {"numOutputRows": 3})])
    ran = ran_for("r", [one], {"p": plan()}, Joins(Designs(), [Design(Analyzed(plan()), one)]))
    assert [each.rows for each in ran.operators] == [None, None, None, 3]
    assert [(each.code, each.where, each.run_id) for each in ran.problems] == [
        ("operators_not_joined", "save at X", "r")
    ]


def test_a_query_that_two_executions_tell_of_counts_once() -> None:
    both = [execution(query_execution_id=4, stages=[StageRecord(stage_id=number)]) for number in (1, 2)]
    ran = ran_for("r", both, {"p": plan()}, Joins(Designs(), []))
    assert (len(ran.operators), [each.stage_id for each in ran.stages]) == (4, [1, 2])


def test_times_inside_others_are_not_added_twice() -> None:
    types = {"executionTimeMs": "timing", "scanTimeMs": "timing", "fetchWaitTime": "timing", "remoteReqsDuration": "timing",
             "shuffleWriteTime": "nsTiming", "aggTime": "timing", "sortTime": "timing"}  # fmt: skip
    metrics = [
        (0, {"executionTimeMs": 50, "scanTimeMs": 20}),
        (1, {"aggTime": 3, "sortTime": 4}),
        (2, {"fetchWaitTime": 5, "remoteReqsDuration": 4, "shuffleWriteTime": 2_500_000}),
    ]
    rows = operators_of("r", execution(metrics=metrics, metric_types=types), plan(), [])
    assert [each.time_ms for each in rows] == [None, 7, 7, 50]


def test_units_come_from_the_type_and_then_from_the_name() -> None:
    assert [unit(*each) for each in (
        ("numFiles", "sum"), ("numTargetRowsInserted", "sum"), ("recordsRead", "sum"), ("numTargetBytesAdded", "sum"),
        ("numPartitions", "sum"), ("scanTimeMs", "sum"), ("filesSize", "size"), ("shuffleWriteTime", "nsTiming"),
        ("avgHashProbe", "average"), ("rocksdbGets", "v2Custom_x"),
    )] == ["files", "rows", "rows", "bytes", "count", "ms", "bytes", "ns", "tenths", "count"]  # fmt: skip


def test_a_stage_tells_its_job_and_how_its_tasks_differ() -> None:
    record = StageRecord(
        stage_id=3, attempt=1, name="s", state="FAILED", tasks=5, failed_tasks=2, killed_tasks=1, speculative_tasks=1, started_at=1,
        ended_at=2, metrics={"input_rows": 9}, job_id=4, failure="why", distributions={"input_rows": (0, 1, 2, 3, 3)},
    )  # fmt: skip
    assert stage_of("r", None, record) == Stage(
        "r", 3, 1, "s", RunState.FAILED, 5, 2, 1, 2, (("input_rows", 9),), None, 4,
        (Distribution("input_rows", 0, 1, 2, 3, 3),), 1, 1, "why",
    )  # fmt: skip
