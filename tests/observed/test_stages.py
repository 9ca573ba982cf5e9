"""The stages of real runs: attempts, failures, and how their tasks differ."""

from __future__ import annotations

import pytest
from lineage.harness import spark_marks

from observed.conftest import Observed
from spark_lineage.model import Distribution

pytestmark = [*spark_marks(), pytest.mark.matrix35]


def test_the_distribution_is_the_one_counted_by_hand(observed: Observed) -> None:
    """Six tasks wrote 1, 2, 4, 8, 16 and 32 rows: the values at 6/4, 6/2 and 18/4 of them, rounded down."""
    (stage,) = observed.jobs["spread"].stages
    spread = {each.metric: each for each in stage.distributions}
    assert spread["output_rows"] == Distribution("output_rows", 1, 2, 8, 16, 32)
    assert spread["input_rows"] == Distribution("input_rows", 1, 1, 1, 1, 1)
    assert dict(stage.metrics)["output_rows"] == 63
    assert "shuffle_read_rows" not in spread
    assert {"duration_ms", "executor_run_time_ms", "output_bytes"} <= spread.keys()


def test_of_many_tasks_the_ends_are_exact_and_the_quartiles_near(observed: Observed) -> None:
    """A sketch is right to within some percent of the 260 tasks, which gave 1 to 260 rows."""
    first = observed.jobs["wide"].stages[0]
    spread = {each.metric: each for each in first.distributions}["shuffle_write_rows"]
    assert (first.tasks, spread.minimum, spread.maximum) == (260, 1, 260)
    quartiles = (spread.lower_quartile, spread.median, spread.upper_quartile)
    assert all(abs(found - exact) <= 20 for found, exact in zip(quartiles, (65, 130, 195), strict=True))


def test_skew_is_seen_and_its_end_too(observed: Observed) -> None:
    """910 of 1,000 orders go to one customer: adaptive execution splits their partition."""
    stages = observed.jobs["skewed"].stages
    joining = stages[-1]
    read = {each.metric: each for each in joining.distributions}["shuffle_read_rows"]
    assert joining.tasks > 2
    assert read.maximum < 910


def test_a_stage_that_lost_its_input_is_tried_again(observed: Observed) -> None:
    """A task of the last stage deletes the shuffle's files: the tasks after it find nothing, and both stages run again."""
    seen = observed.jobs["fetched_again"]
    shuffling, reading = seen.stages[0].stage_id, seen.stages[-1].stage_id
    shuffles = [each for each in seen.stages if each.stage_id == shuffling and each.tasks]
    lost, *again = (each for each in seen.stages if each.stage_id == reading)
    assert [(each.attempt, each.state.value, each.tasks) for each in shuffles] == [
        (0, "COMPLETE", 2),
        (1, "COMPLETE", 2),
    ]
    assert (lost.attempt, lost.state.value, lost.tasks) == (0, "FAILED", 4)
    assert lost.failed_tasks > 0
    assert (lost.failure or "").startswith("org.apache.spark.shuffle.FetchFailedException: ")
    assert again[0].tasks == lost.failed_tasks + lost.killed_tasks
    assert (again[-1].state.value, again[-1].failure) == ("COMPLETE", None)
    assert [each.failure for each in shuffles] == [None, None]
    assert seen.run.rows == seen.returned == 400


def test_a_task_that_failed_once_is_counted_and_no_stage_failed(observed: Observed) -> None:
    (stage,) = observed.jobs["failed_once"].stages
    assert (stage.state.value, stage.tasks, stage.failed_tasks, stage.killed_tasks) == ("COMPLETE", 4, 1, 0)
    assert stage.failure is None
    output = {each.metric: each for each in stage.distributions}["output_rows"]
    assert output == Distribution("output_rows", 25, 25, 25, 25, 25)
    assert "hunter2" not in repr(observed.jobs["failed_once"])


def test_stages_belong_to_a_job_and_to_an_execution(observed: Observed) -> None:
    for seen in observed.jobs.values():
        assert seen.stages
        execution = int(seen.operators[0].operator.partition(":")[0])
        assert {each.execution_id for each in seen.stages} == {execution}
        assert all(each.job_id is not None for each in seen.stages)
    one_job = {each.job_id for each in observed.jobs["merged_plainly"].stages}
    assert len(one_job) == 1


def test_the_metrics_of_each_stage_are_those_of_spark_s_own_status_store(observed: Observed) -> None:
    """CPU, garbage collection, memory and spill among them."""
    stages = [each for seen in observed.jobs.values() for each in seen.stages]
    told = [each for each in stages if (each.stage_id, each.attempt) in observed.told]
    assert len(told) > 30
    assert [dict(each.metrics) for each in told] == [
        observed.told[each.stage_id, each.attempt] for each in told
    ]


def test_what_a_window_spilled(observed: Observed) -> None:
    seen = observed.jobs["spilled"]
    last = seen.stages[-1]
    told = observed.told[last.stage_id, last.attempt]
    sums, spread = dict(last.metrics), {each.metric: each for each in last.distributions}
    assert seen.one("Window").spill_bytes == sums["memory_spilled_bytes"] == told["memory_spilled_bytes"] > 0
    assert sums["disk_spilled_bytes"] == told["disk_spilled_bytes"] > 0
    assert 0 < spread["disk_spilled_bytes"].maximum <= told["disk_spilled_bytes"]
    assert 0 < spread["memory_spilled_bytes"].maximum <= told["memory_spilled_bytes"]
    assert seen.run.rows == seen.returned == 1000


def test_a_shuffle_that_is_there_is_not_made_again(observed: Observed) -> None:
    """Three jobs of one query look at 1, 4 and 3 of its 8 partitions; only the first runs the stage that shuffles."""
    seen = observed.jobs["skipped"]
    assert [(each.tasks, each.attempt) for each in seen.stages] == [(2, 0), (1, 0), (4, 0), (3, 0)]
    jobs = [each.job_id for each in seen.stages]
    assert jobs[0] == jobs[1]
    assert len(set(jobs)) == 3
    assert dict(seen.stages[0].metrics)["shuffle_write_rows"] == 1
    assert sum(dict(each.metrics)["shuffle_read_rows"] for each in seen.stages) == seen.returned == 1


def test_why_names_the_shuffle_that_was_lost(observed: Observed) -> None:
    seen = observed.jobs["fetched_again"]
    (cause,) = observed.why["causes"]
    attempts = [each.attempt for each in seen.stages]
    failed = [each for each in seen.stages if each.state.value == "FAILED"]
    assert (cause["kind"], cause["run"]) == ("fetch_failed", seen.run.run_id)
    assert cause["evidence"] == {"attempts": str(max(attempts) + 1), "stages": str(len(failed))}
