"""Rows that another execution made: foreachBatch, chains of checkpoints, and RDD jobs; without a JVM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from spark_lineage.pipeline import ingest
from tests.analyze.building import PlanBuilder
from tests.pipeline.segments import BRIDGE, END, execution, write_segment
from tests.pipeline.test_ingest import _LiveWriter, rows

FILES = {"id": 1, "class": "FileScanRDD", "leaf": True, "paths": ["file:/in"], "columns": ["a", "b"]}
MAPPED = {"id": 2, "class": "MapPartitionsRDD"}


def section(plan: PlanBuilder, analyzed: dict[str, int], name: str) -> dict[str, Any]:
    """The plan record with a hash made of `name`."""
    return {**plan.section(analyzed), "hash": name}


def rdd_relation(plan: PlanBuilder, names: list[str]) -> tuple[dict[str, int], int]:
    """A relation over an RDD: node 1, with the RDD as node 0."""
    rdd = plan.node("org.apache.spark.rdd.MapPartitionsRDD", "value", {}, x={"class": "MapPartitionsRDD"})
    output = [plan.attribute(name) for name in names]
    return plan.operator("LogicalRDD", output, rdd=rdd), rdd["@"]


def copied(name: str, target: str) -> dict[str, Any]:
    """`INSERT INTO target SELECT a FROM <an RDD>`: the relation is node 1, its RDD node 0, its column expression 0."""
    plan = PlanBuilder()
    leaf, _ = rdd_relation(plan, ["a"])
    return section(plan, plan.insert(leaf, target, ["a"]), name)


def kept(name: str) -> dict[str, Any]:
    """`SELECT a FROM <an RDD> WHERE a`, as a checkpoint runs it."""
    plan = PlanBuilder()
    leaf, _ = rdd_relation(plan, ["a"])
    return section(plan, plan.operator("Filter", [{"a": 0}], condition={"a": 0}, child=leaf), name)


def read(name: str, path: str) -> dict[str, Any]:
    """`SELECT a FROM path WHERE a`, as the first checkpoint runs it."""
    plan = PlanBuilder()
    leaf, output = plan.files(path, ["a"])
    return section(plan, plan.operator("Filter", output, condition=output[0], child=leaf), name)


def micro_batch(name: str, path: str) -> dict[str, Any]:
    """A micro-batch over files, handed to foreachBatch."""
    plan = PlanBuilder()
    leaf, output = plan.files(path, ["a"])
    sink = {"o": "org.apache.spark.sql.execution.streaming.sources.ForeachBatchSink"}
    write = plan.operator("WriteToMicroBatchDataSourceV1", output, sink=sink, query=leaf, catalogTable=None)
    return section(plan, write, name)


def edges(store: Path, target: str) -> set[tuple[str, str | None, str | None, str, str]]:
    """Source, its field, the target's field, kind and certainty of the edges into a target."""
    return {
        (each["source_name"], each["source_field"], each["target_field"], each["subtype"], each["certainty"])
        for each in rows(store, "edges")
        if each["target_name"] == target
    }


@contextmanager
def alive(spool: Path, number: int) -> Iterator[None]:
    """While the application that wrote the spool lives."""
    spool.mkdir(exist_ok=True)
    path = spool / f"{BRIDGE}-{number:08d}.open"
    path.write_bytes(b"SLSPOOL1")
    with _LiveWriter(path):
        yield
    path.unlink()


def test_a_batch_function_waits_for_its_micro_batch(tmp_path: Path) -> None:
    """Its root ends last, perhaps in another segment: until then nothing of it is in the store."""
    spool, store = tmp_path / "spool", tmp_path / "store"
    handed = {"rdd": 3, "ancestry": [{"id": 3, "class": "SQLExecutionRDD"}, FILES]}
    inner = execution(
        2, "w", root=1, started_order=3, ended_order=4, expressions=[77], facts=[[0, handed]], origins=[]
    )
    streaming = {"query_id": "q", "run_id": "r", "name": None, "batch_id": 5}
    root = execution(1, "m", started_order=1, ended_order=9, expressions=[77], streaming=streaming)
    with alive(spool, 9):
        write_segment(spool, 0, copied("w", "file:/out"), inner)
        assert (ingest(spool, store).pending, edges(store, "/out")) == (1, set())
        write_segment(spool, 1, micro_batch("m", "file:/in"), root)
        assert ingest(spool, store).pending == 0
    assert edges(store, "/out") == {("/in", "a", "a", "IDENTITY", "exact")}
    runs = [
        (each["run_id"], each["kind"], each["query_id"], each["batch_id"]) for each in rows(store, "runs")
    ]
    assert (f"{BRIDGE}:2", "write", "q", 5) in runs
    assert rows(store, "problems") == []


def test_a_micro_batch_that_never_ended_leaves_the_files_of_its_rdd(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    handed = {"rdd": 3, "ancestry": [{"id": 3, "class": "SQLExecutionRDD"}, FILES]}
    inner = execution(2, "w", root=1, started_order=3, ended_order=4, expressions=[77], facts=[[0, handed]])
    write_segment(spool, 0, copied("w", "file:/out"), inner, END)
    ingest(spool, store)
    assert edges(store, "/out") == {
        ("/in", "a", "a", "TRANSFORMATION", "over_approximate"),
        ("/in", "b", "a", "TRANSFORMATION", "over_approximate"),
    }
    (plan,) = rows(store, "plans")
    assert plan["certainty"] == "opaque"  # what the query broadcast is not among them
    (problem,) = rows(store, "problems")
    assert (problem["code"], problem["message"]) == (
        "rdd_round_trip",
        "a DataFrame of nightly was made from an RDD: what a broadcast or a subquery of its query reads is not known",
    )


def chain(length: int) -> list[dict[str, Any]]:
    """What a record says of a chain of checkpoints: 1 reads files, each other one the one before."""
    first = {"execution_id": 1, "plan": "first", "facts": [], "origins": []}
    more = [
        {
            "execution_id": number,
            "plan": "again",
            "facts": [],
            "origins": [[1, {"execution_id": number - 1, "plan": "first" if number == 2 else "again"}]],
        }
        for number in range(length, 1, -1)
    ]
    return [*more, first]


def test_a_chain_of_checkpoints_whose_records_are_gone(tmp_path: Path) -> None:
    """Rounds of a loop run the same plan, each over the rows of the one before."""
    spool, store = tmp_path / "spool", tmp_path / "store"
    writer = execution(
        9,
        "w",
        origins=[[1, {"execution_id": 5, "plan": "again"}]],
        origin_executions=chain(5),
    )
    plans = [read("first", "file:/in"), kept("again"), copied("w", "file:/out")]
    write_segment(spool, 0, *plans, writer, END)
    ingest(spool, store)
    assert edges(store, "/out") == {
        ("/in", "a", "a", "IDENTITY", "exact"),
        ("/in", "a", None, "FILTER", "exact"),
    }
    assert rows(store, "problems") == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"origin_executions": chain(200)[:64]}, id="too long"),
        pytest.param({"origin_executions": []}, id="an older bridge"),
        pytest.param(
            {
                "origin_executions": [
                    {
                        "execution_id": 5,
                        "plan": "again",
                        "facts": [],
                        "origins": [[1, {"execution_id": 5, "plan": "again"}]],
                    }
                ]
            },
            id="in a circle",
        ),
    ],
)
def test_a_chain_that_cannot_be_followed_is_not_called_exact(tmp_path: Path, changes: dict[str, Any]) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    writer = execution(9, "w", origins=[[1, {"execution_id": 5, "plan": "again"}]], **changes)
    if len(changes["origin_executions"]) == 64:
        writer["origins"] = [[1, {"execution_id": 200, "plan": "again"}]]
    plans = [read("first", "file:/in"), kept("again"), copied("w", "file:/out")]
    write_segment(spool, 0, *plans, writer, END)
    ingest(spool, store)
    (plan,) = rows(store, "plans")
    assert plan["certainty"] == "opaque"
    assert {each["code"] for each in rows(store, "problems")} <= {"unknown_checkpoint", "rdd_round_trip"}
    assert rows(store, "problems")


def job(**changes: Any) -> dict[str, Any]:
    """A job without a query that reads `/in`."""
    return {
        "kind": "rdd_job", "bridge": BRIDGE, "job_id": 3, "call_site": "runJob at SparkHadoopWriter.scala:83",
        "started_at": 2_000, "ended_at": 3_000, "function": "org.apache.spark.internal.io.SparkHadoopWriter$",
        "rdd": {"rdd": 2, "ancestry": [MAPPED, FILES]}, **changes,
    }  # fmt: skip


def test_a_job_that_saves_an_rdd_is_a_write(tmp_path: Path) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    stage = {"stage_id": 1, "metrics": {"output_rows": 4, "output_bytes": 80}}
    write_segment(spool, 0, job(output="file:/out", output_format="TextOutputFormat", stages=[stage]))
    ingest(spool, store)
    assert edges(store, "/out") == {
        ("/in", "a", None, "TRANSFORMATION", "over_approximate"),
        ("/in", "b", None, "TRANSFORMATION", "over_approximate"),
    }
    (run,) = [each for each in rows(store, "runs") if each["kind"] == "write"]
    assert (run["run_id"], run["operation"], run["rows"], run["bytes"]) == (f"{BRIDGE}:job-3", "RDD", 4, 80)
    assert rows(store, "problems") == []


# A job that writes to a place that is not known, or reads from one: (what differs, the problem's beginning)
UNKNOWN: list[tuple[dict[str, Any], str]] = [
    (
        {"call_site": "foreachPartition at job.py:7", "function": "org.apache.spark.SparkContext"},
        "an RDD job of nightly (foreachPartition at job.py:7) ran a function over its rows",
    ),
    ({}, "an RDD job of nightly (runJob at SparkHadoopWriter.scala:83) ran a function over its rows"),
    (
        {
            "output": "file:/out",
            "rdd": {"rdd": 2, "ancestry": [{"id": 2, "class": "HBaseRDD", "leaf": True}]},
        },
        "an RDD job of nightly (runJob at SparkHadoopWriter.scala:83) ran: what HBaseRDD reads",
    ),
    ({"rdd": None}, "an RDD job of nightly (runJob at SparkHadoopWriter.scala:83) had ended before"),
]


@pytest.mark.parametrize(("changes", "message"), UNKNOWN)
def test_what_a_job_does_not_say_is_a_problem(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    write_segment(spool, 0, job(**changes))
    ingest(spool, store)
    (problem,) = rows(store, "problems")
    assert problem["code"] == "rdd_job"
    assert problem["message"].startswith(message)


@pytest.mark.parametrize(
    "changes",
    [
        {"function": "org.apache.spark.rdd.ReliableCheckpointRDD$"},
        {"schema_inference": True},
        {
            "call_site": "foreach at a library",
            "rdd": {"rdd": 1, "ancestry": [{"id": 1, "class": "ParallelCollectionRDD", "leaf": True}]},
        },
    ],
)
def test_a_job_that_moves_no_data_of_the_user_is_none(tmp_path: Path, changes: dict[str, Any]) -> None:
    spool, store = tmp_path / "spool", tmp_path / "store"
    write_segment(spool, 0, job(**changes), END)
    ingest(spool, store)
    assert rows(store, "problems") == []
    assert [each["kind"] for each in rows(store, "runs")] == ["application"]
