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


@pytest.fixture(scope="module")
def lineage(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The lineage of that session, with a store of its own."""
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
