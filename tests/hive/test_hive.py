"""Tables of Hive, in one session with a metastore of its own; the cases are in `hive.toml`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lineage.harness import (
    Case,
    Ran,
    answer_lines,
    assert_same,
    expected_lines,
    folder_of,
    load_family,
    run_case,
    spark_marks,
)
from pyspark.sql import SparkSession
from support.spark import end_jvm, local_builder, own_session

pytestmark = spark_marks()

CASES = load_family(Path(__file__).with_name("hive.toml"))


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A fresh local JVM with Hive's catalog, its metastore in a folder of this test's."""
    end_jvm()
    folder = tmp_path_factory.mktemp("hive")
    builder = local_builder(folder, delta=False).enableHiveSupport()
    metastore = f"jdbc:derby:;databaseName={folder / 'metastore'};create=true"
    builder = builder.config("spark.hadoop.javax.jdo.option.ConnectionURL", metastore)
    builder = builder.config("spark.hadoop.hive.exec.scratchdir", str(folder / "scratch"))
    with own_session(builder, log_level="OFF") as session:  # Hive's client tells much
        yield session


STATEMENTS = (
    "CREATE TABLE {db}.t(a int, b string) PARTITIONED BY (p int) STORED AS parquet",
    "INSERT INTO {db}.t PARTITION (p = 1) VALUES (1, 'x'), (2, 'y')",
    "INSERT INTO {db}.t PARTITION (p = 2) VALUES (3, 'z')",
    "CREATE TABLE {db}.u STORED AS orc AS SELECT p, count(*) AS n FROM {db}.t WHERE p = 2 GROUP BY p",
    "CREATE TABLE {db}.v(a int, p int) STORED AS parquet",
    "INSERT OVERWRITE TABLE {db}.v SELECT t.a, t.p FROM {db}.t t JOIN {db}.u u ON t.p = u.p",
    "SELECT sum(a) FROM {db}.t WHERE p > 1",
)


def counted(spark: SparkSession, database: str, lineage: Any = None) -> dict[str, int]:
    """What Spark counts while the statements run in a new database: listings, calls of the metastore, jobs."""
    counters = spark._jvm.org.apache.spark.metrics.source.HiveCatalogMetrics
    store = spark._jsc.sc().statusStore()

    def counts() -> dict[str, int]:
        spark._jsc.sc().listenerBus().waitUntilEmpty()
        return {
            "files": counters.METRIC_FILES_DISCOVERED().getCount(),
            "cached": counters.METRIC_FILE_CACHE_HITS().getCount(),
            "parallel_listings": counters.METRIC_PARALLEL_LISTING_JOB_COUNT().getCount(),
            "partitions": counters.METRIC_PARTITIONS_FETCHED().getCount(),
            "metastore_calls": counters.METRIC_HIVE_CLIENT_CALLS().getCount(),
            "jobs": store.jobsList(spark._jvm.java.util.ArrayList()).size(),
        }

    before = counts()
    spark.sql(f"CREATE DATABASE {database}")
    for statement in STATEMENTS:
        spark.sql(statement.format(db=database)).collect()
    if lineage is not None:
        lineage.flush()
    after = counts()
    return {name: after[name] - before[name] for name in before}


@pytest.fixture(scope="module")
def without(spark: SparkSession) -> dict[str, int]:
    """What is counted without lineage, after a first time, which opens the metastore."""
    counted(spark, "opening")
    return counted(spark, "bare")


@pytest.fixture(scope="module")
def lineage(spark: SparkSession, without: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ARG001  # it comes first
    """The lineage of that session, with a store of its own; what is counted without it has been counted."""
    import spark_lineage  # noqa: PLC0415  # after the JVM of another folder has ended

    return spark_lineage.enable(spark, store=tmp_path_factory.mktemp("lineage") / "store")


@pytest.fixture(scope="module")
def ran(spark: SparkSession, lineage: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Ran]:
    """What ran, by case: all cases run once, then one flush."""
    root = tmp_path_factory.mktemp("cases")
    results = {case.name: run_case(spark, case, folder_of(root, case)) for case in CASES}
    lineage.flush()
    return lambda case: results[case.name]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, ran: Callable[[Case], Ran], lineage: Any) -> None:
    found = ran(case)
    if found.error is not None:
        raise found.error
    answer = lineage.table(found.lookup).to_dict()
    assert_same(
        expected_lines(case, found), answer_lines(case, found, answer), f"{case.code}\n-> {found.lookup}"
    )


def test_a_table_is_its_location_and_has_its_name(
    ran: Callable[[Case], Ran], spark: SparkSession, lineage: Any
) -> None:
    found = ran(CASES[0])
    database = CASES[0].database
    folder = f"{spark.conf.get('spark.sql.warehouse.dir').removeprefix('file:')}/{database}.db"
    answer = lineage.table(found.lookup).to_dict()
    (column, _) = answer["columns"]
    assert [
        (each["namespace"], each["name"], each["aliases"]) for each in (answer["dataset"], *column["sources"])
    ] == [
        ("file", f"{folder}/out", [f"spark_catalog.{database}.out"]),
        ("file", f"{folder}/t", [f"spark_catalog.{database}.t"]),
    ]


def test_lineage_lists_no_files_asks_no_metastore_and_runs_no_job(
    spark: SparkSession, without: dict[str, int], lineage: Any
) -> None:
    assert counted(spark, "seen", lineage) == without
    assert min(without[name] for name in ("files", "partitions", "metastore_calls", "jobs")) > 0
    assert lineage.table("seen.t").to_dict()["runs"] == 2
