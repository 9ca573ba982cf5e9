"""One application that does all the jobs of `jobs.py`, ingested once: what was observed, by the name of the job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pyspark.sql import SparkSession
from support.spark import end_jvm, local_builder, own_session

import spark_lineage
from observed.jobs import JOBS, prepare
from spark_lineage.model import OperatorMetrics, Plan, Problem, Run, Stage
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import from_rows

SPARK_NAMES = {
    "executor_run_time_ms": "executorRunTime",
    "executor_cpu_time_ns": "executorCpuTime",
    "jvm_gc_time_ms": "jvmGcTime",
    "input_rows": "inputRecords",
    "input_bytes": "inputBytes",
    "output_rows": "outputRecords",
    "output_bytes": "outputBytes",
    "shuffle_read_rows": "shuffleReadRecords",
    "shuffle_read_bytes": "shuffleReadBytes",
    "shuffle_write_rows": "shuffleWriteRecords",
    "shuffle_write_bytes": "shuffleWriteBytes",
    "memory_spilled_bytes": "memoryBytesSpilled",
    "disk_spilled_bytes": "diskBytesSpilled",
    "peak_execution_memory_bytes": "peakExecutionMemory",
    "result_bytes": "resultSize",
}
"""Our names of the metrics of a stage, and those of Spark's REST API."""


@dataclass(frozen=True)
class Seen:
    """One job: its run, the plan of it, and what it returned to the program."""

    run: Run
    plan: Plan
    operators: tuple[OperatorMetrics, ...]
    stages: tuple[Stage, ...]
    returned: Any

    def named(self, name: str) -> tuple[OperatorMetrics, ...]:
        """The operators whose name begins so, in the order of the plan."""
        return tuple(each for each in self.operators if each.name.startswith(name))

    def one(self, name: str) -> OperatorMetrics:
        """The one operator whose name begins so."""
        (found,) = self.named(name)
        return found


@dataclass(frozen=True)
class Observed:
    """All jobs, and the problems of all of them."""

    jobs: dict[str, Seen]
    problems: tuple[Problem, ...]
    told: dict[tuple[int, int], dict[str, int]]
    """What Spark's own status store says of each attempt of a stage that completed, in the names of our metrics."""
    why: dict[str, Any]
    """The causes found for the table whose shuffle was lost."""
    compared: dict[str, Any]
    """What was written from an index beside its design; empty where that was left out."""


@pytest.fixture(scope="package")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A fresh local JVM that gives each task a second attempt."""
    folder = tmp_path_factory.mktemp("spark")
    end_jvm()
    builder = local_builder(folder, delta=False).master("local[2,2]")
    with own_session(builder.config("spark.local.dir", str(folder / "local")), "OFF") as session:
        yield session


@pytest.fixture(scope="package")
def observed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Observed:
    """Run everything once."""
    folder = tmp_path_factory.mktemp("observed")
    data, store = folder / "data", folder / "store"
    prepare(spark, data)
    lineage = spark_lineage.enable(spark, store=store)
    returned = {}
    for name, (job, settings) in JOBS.items():
        spark.sparkContext.setJobDescription(name)
        before = {key: spark.conf.get(key, None) for key in settings}
        for key, value in settings.items():
            spark.conf.set(key, value)
        returned[name] = job(spark, data)
        for key, value in before.items():
            spark.conf.unset(key) if value is None else spark.conf.set(key, value)
    lineage.flush()
    why = lineage.why("fetched_again").to_dict()
    compared = lineage.compare("substituted").to_dict() if "substituted" in JOBS else {}
    return _read(DeltaStore(store), returned, _told(spark), why, compared)


def _told(spark: SparkSession) -> dict[tuple[int, int], dict[str, int]]:
    gateway = spark.sparkContext._gateway
    nothing = gateway.new_array(gateway.jvm.double, 0)
    lists = [gateway.jvm.java.util.ArrayList() for _ in range(2)]
    details = summaries = False
    spark._jsc.sc().listenerBus().waitUntilEmpty()
    stages = spark._jsc.sc().statusStore().stageList(lists[0], details, summaries, nothing, lists[1])
    found = [stages.apply(number) for number in range(stages.size())]
    return {
        (each.stageId(), each.attemptId()): {
            name: getattr(each, method)() for name, method in SPARK_NAMES.items()
        }
        for each in found
        if each.status().name() == "COMPLETE" and each.numFailedTasks() + each.numKilledTasks() == 0
    }


def _read(
    store: DeltaStore,
    returned: dict[str, Any],
    told: dict[tuple[int, int], dict[str, int]],
    why: dict[str, Any],
    compared: dict[str, Any],
) -> Observed:
    rows = {
        name: from_rows(name, store.read(name).to_pylist())
        for name in ("runs", "plans", "operators", "stages", "problems")
    }
    plans = {each.fingerprint: each for each in rows["plans"]}
    jobs = {}
    for run in sorted(rows["runs"], key=lambda each: each.started_at or 0):
        if run.description in returned and run.fingerprint is not None:
            operators = [each for each in rows["operators"] if each.run_id == run.run_id]
            stages = [each for each in rows["stages"] if each.run_id == run.run_id]
            jobs[run.description] = Seen(
                run,
                plans[run.fingerprint],
                tuple(sorted(operators, key=lambda each: [int(part) for part in each.operator.split(":")])),
                tuple(sorted(stages, key=lambda each: (each.stage_id, each.attempt))),
                returned[run.description],
            )
    return Observed(jobs, rows["problems"], told, why, compared)
