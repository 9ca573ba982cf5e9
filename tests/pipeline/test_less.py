"""Less on purpose: the settings `level` and `sample`, from the record to the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.spark import end_jvm, local_builder, own_session

import spark_lineage
from spark_lineage.pipeline.ingestion import ingest_segments
from spark_lineage.pipeline.levels import Levels
from spark_lineage.settings import load_settings
from spark_lineage.show.doctor import diagnose
from spark_lineage.store.delta import DeltaStore
from tests.pipeline.segments import END, application, copy_plan, execution, frame

SOURCE, TARGET = "file:/data/orders", "file:/data/report"
STAGE = {
    "stage_id": 0, "attempt": 0, "name": "save", "state": "COMPLETE", "tasks": 1, "failed_tasks": 0,
    "started_at": 1, "ended_at": 2, "metrics": {"output_rows": 5}, "job_id": 0,
}  # fmt: skip


def ingested(folder: Path, settings: dict[str, str], *executions: dict[str, Any]) -> DeltaStore:
    """The store after an application with these settings and executions of one copy."""
    spool = folder / "spool"
    spool.mkdir()
    head = application() | {"settings": settings}
    records = [head, copy_plan("copy", SOURCE, TARGET), *executions, END]
    path = spool / f"{head['bridge']}-00000001.seg"
    path.write_bytes(b"SLSPOOL1" + b"".join(map(frame, records)))
    report = ingest_segments(spool, folder / "store")
    assert report.messages == ()
    return DeltaStore(folder / "store")


def runs(store: DeltaStore) -> list[tuple[Any, ...]]:
    """Number, state, what was left out, and how many stages are told of, of each run."""
    stages = [row["run_id"] for row in store.read("stages").to_pylist()]
    rows = [row for row in store.read("runs").to_pylist() if row["kind"] == "write"]
    found = (
        (row["run_id"].partition(":")[2], row["state"], row["left_out"], stages.count(row["run_id"]))
        for row in rows
    )
    return sorted(found)


def test_what_is_sampled_out_has_its_run_and_neither_operators_nor_stages(tmp_path: Path) -> None:
    store = ingested(
        tmp_path,
        {"spark.lineage.sample": "0"},
        execution(1, "copy", stages=[STAGE]),
        execution(2, "copy", stages=[STAGE], left_out="sample"),
        execution(3, "copy", root=3, stages=[STAGE], left_out="sample"),
    )
    assert runs(store) == [
        ("1", "COMPLETE", None, 1), ("2", "COMPLETE", "sample", 0), ("3", "COMPLETE", "sample", 0)
    ]  # fmt: skip
    observed = [(row["run_id"][-1], row["direction"]) for row in store.read("observations").to_pylist()]
    assert sorted(observed) == [(run, way) for run in "123" for way in ("read", "written")]
    lineage = spark_lineage.open(tmp_path / "store")
    first, second = (lineage.run(row["run_id"]) for row in store.read("runs").to_pylist()[:2])
    assert "left out on purpose" not in str(first)
    assert "Operators and stages are left out on purpose, by the setting sample." in str(second)


@pytest.mark.spark
def test_the_versions_of_what_is_sampled_out_stay(tmp_path: Path) -> None:
    """Three times each: a row into one Delta table, and that table into another. Only the first of a plan is kept whole."""
    source, target = str(tmp_path / "source"), str(tmp_path / "target")
    end_jvm()
    builder = spark_lineage.configure(local_builder(tmp_path), store=tmp_path / "store", sample=0)
    with own_session(builder) as spark:
        for _ in range(3):
            spark.range(1).write.format("delta").mode("append").save(source)
            spark.read.format("delta").load(source).write.format("delta").mode("append").save(target)
        spark_lineage.enable(spark, store=tmp_path / "store").flush()
    store = DeltaStore(tmp_path / "store")
    met = {
        (row["run_id"], row["direction"], Path(row["name"]).name): row["version"]
        for row in store.read("observations").to_pylist()
    }
    runs = sorted(
        (each for each in store.read("runs").to_pylist() if each["kind"] == "write"),
        key=lambda each: int(each["run_id"].rpartition(":")[2]),
    )
    assert [
        {key[1:]: version for key, version in met.items() if key[0] == row["run_id"]} for row in runs
    ] == [
        versions
        for number in range(3)
        for versions in (
            {("written", "source"): number},
            {("read", "source"): number, ("written", "target"): number},
        )
    ]
    # Already the second one's: the queries with which Delta reads its logs are the same for both tables.
    assert [row["left_out"] for row in runs] == [None, *["sample"] * 5]


@pytest.mark.parametrize(
    ("level", "counted"),
    [
        ("column", "holds 4 runs, 2 of them without operators and stages on purpose (sample)"),
        ("job", "holds 4 runs, 3 of them without columns on purpose (level)"),
    ],
)
def test_doctor_counts_what_was_left_out(tmp_path: Path, level: str, counted: str) -> None:
    ingested(
        tmp_path,
        {"spark.lineage.sample": "0", "spark.lineage.level": level},
        execution(1, "copy", stages=[STAGE]),
        execution(2, "copy", stages=[STAGE], left_out="sample"),
        execution(3, "copy", root=3, stages=[STAGE], left_out="sample"),
    )
    checks = {check.name: check.sentence for check in diagnose(load_settings(store=tmp_path / "store"))}
    assert checks["store"] == f"{tmp_path / 'store'} {counted}"


LEVEL_PROBLEM = {
    "code": "level_job",
    "severity": "info",
    "message": "what becomes of columns is not recorded: the setting level says so",
    "where": "",
    "hint": "set spark.lineage.level to column for the job or its target to record them",
}


@pytest.mark.parametrize("level", ["job", "namespace:fil?=job", "job:night*=job, column", "job:x=column,job"])
def test_at_the_level_of_the_job_tables_are_recorded_and_no_columns(tmp_path: Path, level: str) -> None:
    store = ingested(tmp_path, {"spark.lineage.level": level}, execution(1, "copy", stages=[STAGE]))
    assert runs(store) == [("1", "COMPLETE", "level", 0)]
    assert store.read("edges").num_rows == 0
    assert store.read("constants").num_rows == 0
    assert store.read("operators").num_rows == 0
    (plan,) = (row for row in store.read("plans").to_pylist() if row["kind"] == "data")
    assert (plan["certainty"], plan["columns"], plan["operators"], plan["datasets"]) == (
        "opaque",
        [{"name": "a", "type": "int", "certainty": "opaque"}],
        [],
        [{"namespace": "file", "name": "/data/orders"}],
    )
    lineage = spark_lineage.open(tmp_path / "store")
    answer = lineage.table("report").to_dict()
    assert answer["problems"] == [LEVEL_PROBLEM]
    (column,) = answer["columns"]
    assert (column["certainty"], [each["name"] for each in column["sources"]]) == ("opaque", ["/data/orders"])
    upstream = lineage.upstream("report.a").to_dict()
    assert [(each["source"]["name"], each["certainty"]) for each in upstream["edges"]] == [
        ("/data/orders", "opaque")
    ]


@pytest.mark.parametrize(
    "level", ["column", "namespace:s3://*=job", "job:weekly=job", "job:night*=column, job", "rows=job"]
)
def test_other_jobs_and_namespaces_keep_their_columns(tmp_path: Path, level: str) -> None:
    store = ingested(tmp_path, {"spark.lineage.level": level}, execution(1, "copy", stages=[STAGE]))
    assert runs(store) == [("1", "COMPLETE", None, 1)]
    (edge,) = store.read("edges").to_pylist()
    assert (edge["source_field"], edge["target_field"], edge["certainty"]) == ("a", "a", "exact")


def test_the_first_rule_that_fits_counts() -> None:
    levels = Levels.parse("job:etl_[ab]=job, namespace:s3://tmp-*=job, job:etl_*=column, job")
    assert levels.of("etl_a", "file") == "job"
    assert levels.of("etl_c", "s3://tmp-1") == "job"
    assert levels.of("etl_c", "s3://lake") == "column"
    assert levels.of("other", "s3://lake") == "job"
    assert Levels.parse("").of("other", "file") == "column"


def test_a_level_that_changes_is_no_change_of_sources(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    for number, (settings, at) in enumerate((({}, 1_000_000), ({"spark.lineage.level": "job"}, 2_000_000))):
        bridge = f"3f2504e0-4f89-11d3-9a0c-0305e82c330{number}"
        run = execution(1, "copy") | {"bridge": bridge, "started_at": at, "ended_at": at + 1}
        head, end = application(bridge) | {"settings": settings}, END | {"bridge": bridge, "ended_at": at + 2}
        frames = map(frame, (head, copy_plan("copy", SOURCE, TARGET), run, end))
        (spool / f"{bridge}-00000001.seg").write_bytes(b"SLSPOOL1" + b"".join(frames))
    ingest_segments(spool, tmp_path / "store")
    answer = spark_lineage.open(tmp_path / "store").diff("report").to_dict()
    assert (answer["verdict"], [write["verdict"] for write in answer["writes"]]) == ("unknown", ["unknown"])
    assert [(each["kind"], each["severity"], each["message"]) for each in answer["findings"]] == [
        (
            "column_unknown",
            "warning",
            "What data/report.a comes from is not known of both plans: whether it changed is not known.",
        )
    ]
