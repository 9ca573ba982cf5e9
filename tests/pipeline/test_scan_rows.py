"""Rows of scans from records made by hand: what a task that failed had read is not known, and not none."""

from __future__ import annotations

import pytest

from spark_lineage.analyze.identity import Naming
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import ExecutionRecord, JobRecord, ScanRecord
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import RunState
from spark_lineage.pipeline.scans import scans_of
from tests.analyze.building import PlanBuilder, record_of


def plan() -> PlanTree:
    builder = PlanBuilder()
    fields: dict[str, list[int]] = {"children": [], "subqueries": []}
    scan = builder.node(
        "org.apache.spark.sql.execution.FileSourceScanExec", "physical", fields, n="FileSourceScan"
    )
    return decode_plan(record_of(builder.section(None) | {"executed": scan}))


@pytest.mark.parametrize(
    ("state", "counted", "files", "rows"),
    [
        ("COMPLETE", 0, 1, 0),
        ("COMPLETE", 7, 1, 7),
        ("FAILED", 0, 1, None),
        ("FAILED", 7, 1, 7),  # of the tasks that did not fail
        ("FAILED", 0, 0, 0),  # there was nothing to read
    ],
)
def test_rows_of_a_scan(state: str, counted: int, files: int, rows: int | None) -> None:
    execution = ExecutionRecord(
        bridge="b", execution_id=7, plan="p", state=RunState(state), metrics=[(0, {"numOutputRows": counted})],
        scans=[(0, ScanRecord(rdd=5, files=files, bytes=10))], jobs=[JobRecord(job_id=0, rdds=[5])],
    )  # fmt: skip
    (scan,) = scans_of([execution], {"p": plan()}, Naming())
    assert (scan.ran, scan.rows, scan.files) == (True, rows, files)
