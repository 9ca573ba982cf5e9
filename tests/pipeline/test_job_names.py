"""What a job is called over its reruns."""

from __future__ import annotations

import pytest

from spark_lineage.pipeline import ingest
from spark_lineage.pipeline.job_names import steady_name
from spark_lineage.store.delta import DeltaStore
from tests.pipeline.segments import END, application, copy_plan, execution, frame, write_segment


@pytest.mark.parametrize(
    ("application_name", "job"),
    [
        ("nightly", "nightly"),
        ("nightly report", "nightly report"),
        ("load-2026-11-20", "load"),
        ("load 2026-11-20T03:04:05.678+00:00", "load"),
        ("dag.scheduled__2026-11-20T00:00:00+00:00", "dag.scheduled"),
        ("20261120_030405-load", "load"),
        ("load_20261120T030405Z_full", "load_full"),
        ("load-20261120030405", "load"),
        ("load 1763607845", "load"),
        ("load-1763607845678", "load"),
        ("load (2026-11-20)", "load"),
        ("load 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "load"),
        ("3F2504E0-4F89-11D3-9A0C-0305E82C3301", "3F2504E0-4F89-11D3-9A0C-0305E82C3301"),
        ("etl application_1700000000000_0001", "etl"),
        ("shell local-1700000000000", "shell"),
        ("load_attempt_2", "load"),
        ("load, try 3", "load"),
        ("Load Attempt #3 of 7", "Load of 7"),
        ("job-123-run-456", "job-123"),
        ("livy-session-12", "livy-session"),
        ("livy-batch-7-shop", "livy-batch-shop"),
        # What only looks like it: versions, years, counts, words, numbers of customers.
        ("etl v2", "etl v2"),
        ("report-2026", "report-2026"),
        ("tpcds-10", "tpcds-10"),
        ("country 49", "country 49"),
        ("trunk1", "trunk1"),
        ("part 20261399", "part 20261399"),
        ("id 9876543210", "id 9876543210"),
        ("step-3", "step-3"),
        ("  ", "  "),
        ("", ""),
    ],
)
def test_what_changes_with_each_run_is_no_part_of_the_name(application_name, job):
    assert steady_name(application_name) == job


def test_a_rule_takes_no_time_for_a_long_name():
    assert steady_name("-" * 2000 + "1" * 2000 + "a" * 2000) == "-" * 2000 + "1" * 2000 + "a" * 2000


@pytest.mark.parametrize(
    ("settings", "job"), [({}, "nightly"), ({"spark.lineage.job": "nightly 2026"}, "nightly 2026")]
)
def test_plans_and_runs_have_the_jobs_name_and_runs_the_applications_too(tmp_path, settings, job):
    spool, store = tmp_path / "spool", tmp_path / "store"
    record = {**application(), "application_name": "nightly 2026-11-20", "settings": settings}
    path = write_segment(spool, 0)
    path.write_bytes(
        b"SLSPOOL1"
        + b"".join(map(frame, (record, copy_plan("p", "file:/in", "file:/out"), execution(7, "p"), END)))
    )
    ingest(spool, store)
    assert {row["job"] for row in DeltaStore(store).read("plans").to_pylist()} == {job}
    names = {(row["job"], row["application_name"]) for row in DeltaStore(store).read("runs").to_pylist()}
    assert names == {(job, "nightly 2026-11-20")}
