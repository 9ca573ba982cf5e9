"""Executors of a real cluster that are too slow, give up and are killed: what is stored of it, and what `why` makes of it.

`make failures` runs all of it on both Sparks; of it `make test` has the executor that is killed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyspark
import pytest
from lineage.harness import spark_marks
from pyspark import SparkContext, cloudpickle
from pyspark.sql import SparkSession
from sources.broker import free_ports
from support.spark import end_jvm, local_builder, own_session

import spark_lineage
from failures import losing
from spark_lineage.model import Stage
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import from_rows

pytestmark = spark_marks()

ALL = "FAILURES" in os.environ
JOBS = losing.JOBS if ALL else (losing.killed,)
in_all = pytest.mark.skipif(not ALL, reason="`make failures` runs it")

CLUSTER = {
    "spark.sql.adaptive.enabled": "false",
    "spark.executor.memory": "512m",
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "120s",
    "spark.shuffle.readHostLocalDisk": "false",  # what another executor has comes over the network, as between hosts
    "spark.shuffle.io.maxRetries": "1",
    "spark.shuffle.io.retryWait": "100ms",
    "spark.decommission.enabled": "true",
    "spark.speculation": "true",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.minTaskRuntime": "1s",
    "spark.speculation.multiplier": losing.NEVER,
}


@dataclass(frozen=True)
class Seen:
    """One write: its stages, and the answers about its run and its table."""

    stages: tuple[Stage, ...]
    run: dict[str, Any]
    why: dict[str, Any]

    def removed(self) -> list[dict[str, Any]]:
        """The executors that went while it ran."""
        return [each for each in self.run["events"] if each["kind"] == "executor_removed"]

    def causes(self) -> dict[str, dict[str, Any]]:
        """What `why` names, by its kind."""
        return {each["kind"]: each for each in self.why["causes"]}

    def attempts(self) -> list[tuple[int, int, str]]:
        """Each attempt of a stage: which of its stages it is, its number and its state."""
        ids = sorted({each.stage_id for each in self.stages})
        return [(ids.index(each.stage_id), each.attempt, each.state.value) for each in self.stages]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A driver that is a master and two workers as well, with an executor of one core each.

    The workers have an address each: Spark tries no task a second time on the host where the first one is.
    """
    folder = tmp_path_factory.mktemp("cluster")
    end_jvm()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_SCALA_VERSION", "2.12" if pyspark.__version__.startswith("3") else "2.13")
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        builder = local_builder(folder, delta=False).master(start_cluster(folder))
        for name, value in CLUSTER.items():
            builder = builder.config(name, value)
        with own_session(builder, "OFF") as session:
            yield session


def start_cluster(folder: Path) -> str:
    """The address of a master with two workers, in the JVM of this process."""
    SparkContext._ensure_initialized()
    gateway, jvm = SparkContext._gateway, SparkContext._jvm
    assert gateway is not None
    assert jvm is not None
    deploy, conf, none = (
        jvm.org.apache.spark.deploy,
        jvm.org.apache.spark.SparkConf(),
        jvm.scala.Option.empty(),
    )
    (port,) = free_ports(1)
    deploy.master.Master.startRpcEnvAndEndpoint("127.0.0.1", port, 0, conf)
    masters = gateway.new_array(jvm.java.lang.String, 1)
    masters[0] = f"spark://127.0.0.1:{port}"
    for number in (1, 2):
        host, work = f"127.0.0.{number}", str(folder / f"work{number}")
        deploy.worker.Worker.startRpcEnvAndEndpoint(
            host, 0, 0, 1, 512, masters, work, jvm.scala.Some(number), conf, none
        )
    return str(masters[0])


@pytest.fixture(scope="module")
def seen(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """All of it done once."""
    folder = tmp_path_factory.mktemp("losing")
    lineage = spark_lineage.enable(spark, store=folder / "store")
    cloudpickle.register_pickle_by_value(losing)
    for job in JOBS:
        losing.wait(lambda: losing.has_executors(spark, 2))
        job(spark, folder)
        files = (folder / job.__name__).glob("*.parquet")
        assert sum(pq.read_metadata(each).num_rows for each in files) == 400
    cloudpickle.unregister_pickle_by_value(losing)
    lineage.flush()
    stages: list[Stage] = from_rows("stages", DeltaStore(lineage.store).read("stages").to_pylist())
    found = {}
    for job in JOBS:
        run = lineage.run(job.__name__).to_dict()
        own = [each for each in stages if each.run_id == run["id"]]
        own.sort(key=lambda each: (each.stage_id, each.attempt))
        found[job.__name__] = Seen(tuple(own), run, lineage.why(job.__name__).to_dict())
    return found


@in_all
def test_a_task_that_is_too_slow_is_tried_beside_itself(seen: dict[str, Seen]) -> None:
    """Each of the two attempts is a task that started; the one that is not needed any more is killed."""
    slow = seen["slow"]
    assert slow.attempts() == [(0, 0, "COMPLETE")]
    (stage,) = slow.stages
    assert (stage.tasks, stage.speculative_tasks, stage.killed_tasks, stage.failed_tasks) == (4, 1, 1, 0)
    rows = {each.metric: each for each in stage.distributions}["output_rows"]
    assert (rows.minimum, rows.maximum) == (100, 100)
    assert slow.removed() == []


@in_all
def test_an_executor_that_gives_up_is_a_cause_and_not_lost(seen: dict[str, Seen]) -> None:
    left = seen["decommissioned"]
    assert left.attempts() == [(0, 0, "COMPLETE")]
    (who,) = {each["subject"] for each in left.removed()}
    first = left.removed()[0]
    assert first["detail"].startswith("Executor decommission")
    assert "executor_lost" not in left.causes()
    cause = left.causes()["executor_decommissioned"]
    assert cause["evidence"] == {"executors": who, "at": first["at"]}
    assert cause["run"] == left.run["id"]


def test_a_killed_executor_and_the_shuffle_that_went_with_it_are_causes(seen: dict[str, Seen]) -> None:
    """Both stages run again: the first for what the executor had made, the second for what was not done.

    How often they do depends on what the driver hears first; of the rest of the executor's tasks it may hear nothing.
    On a busy machine one executor has made all, or none has done a task of the second stage yet: all four run again. An
    attempt of the first that is asked for when all is there again has no task (DAGScheduler: "is actually done").
    """
    lost = seen["killed"]
    first = min(each.stage_id for each in lost.stages)
    making = [each for each in lost.stages if each.stage_id == first]
    reading = [each for each in lost.stages if each.stage_id > first]
    failed = [each for each in reading if each.state.value == "FAILED"]
    assert [each.attempt for each in making] == list(range(len(making)))
    assert [each.attempt for each in reading] == list(range(len(reading)))
    assert (making[0].tasks, reading[0].tasks) == (4, 4)
    assert all(0 <= each.tasks <= 4 for each in making[1:])
    assert all(0 < each.tasks <= 4 for each in reading[1:])
    assert failed == reading[:-1] != []
    assert all((each.failure or "").startswith("org.apache.spark.shuffle.") for each in failed)
    (event,) = lost.removed()
    assert event["detail"] == "Command exited with code 137"  # 128 + SIGKILL
    cause = lost.causes()["executor_lost"]
    assert cause["evidence"] == {"executors": event["subject"], "at": event["at"]}
    assert "(Command exited with code 137)" in cause["message"]
    assert lost.causes()["fetch_failed"]["evidence"] == {
        "attempts": str(len(reading)),
        "stages": str(len(failed)),
    }
    assert {cause["run"] for cause in lost.causes().values()} == {lost.run["id"]}
