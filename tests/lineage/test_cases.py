"""Every case file: the whole lineage of each operator family and of each kind of write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from pyspark.sql import SparkSession
from support.stores import tidy

from lineage.harness import (
    Case,
    Ran,
    answer_lines,
    assert_same,
    expected_lines,
    folder_of,
    load_all,
    run_case,
    spark_marks,
)
from spark_lineage.query.local import LocalEngine
from spark_lineage.store.delta import DeltaStore

pytestmark = spark_marks()

RanFamily: TypeAlias = Callable[[str], tuple[dict[str, Ran], LocalEngine]]


@pytest.fixture(scope="module")
def ran_family(
    spark: SparkSession,
    lineage: Any,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> RanFamily:
    """Family -> what ran, by case name, and what answers: all selected cases of a file run once, then one flush and one look at the store."""
    root = tmp_path_factory.mktemp("cases")
    own = [item for item in request.session.items if getattr(item, "function", None) is test_case]
    selected = [item.callspec.params["case"] for item in own]
    results: dict[str, tuple[dict[str, Ran], LocalEngine]] = {}

    def run(family: str) -> tuple[dict[str, Ran], LocalEngine]:
        if family not in results:
            cases = [case for case in selected if case.family == family and case.supports(spark.version)]
            ran = {case.name: run_case(spark, case, folder_of(root, case)) for case in cases}
            lineage.flush()
            tidy(lineage)
            results[family] = ran, LocalEngine(DeltaStore(lineage.store))
        return results[family]

    return run


@pytest.mark.parametrize("case", load_all(), ids=lambda case: f"{case.family}: {case.name}")
def test_case(case: Case, ran_family: RanFamily, spark: SparkSession) -> None:
    if not case.supports(spark.version):
        pytest.skip(f"needs Spark {case.spark}, this is {spark.version}")
    all_ran, engine = ran_family(case.family)
    ran = all_ran[case.name]
    if ran.error is not None:
        raise ran.error
    answer = engine.table(ran.lookup).to_dict()
    assert_same(expected_lines(case, ran), answer_lines(case, ran, answer), f"{case.code}\n-> {ran.lookup}")
