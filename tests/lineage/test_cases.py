"""Every case file: the whole lineage of each operator family and of each kind of write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import SparkSession

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

pytestmark = spark_marks()


@pytest.fixture(scope="module")
def ran_family(
    spark: SparkSession,
    lineage: Any,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], dict[str, Ran]]:
    """Family -> what ran, by case name: all selected cases of a file run once, then one flush."""
    root = tmp_path_factory.mktemp("cases")
    own = [item for item in request.session.items if getattr(item, "function", None) is test_case]
    selected = [item.callspec.params["case"] for item in own]
    results: dict[str, dict[str, Ran]] = {}

    def run(family: str) -> dict[str, Ran]:
        if family not in results:
            cases = [case for case in selected if case.family == family and case.supports(spark.version)]
            results[family] = {case.name: run_case(spark, case, folder_of(root, case)) for case in cases}
            lineage.flush()
        return results[family]

    return run


@pytest.mark.parametrize("case", load_all(), ids=lambda case: f"{case.family}: {case.name}")
def test_case(
    case: Case, ran_family: Callable[[str], dict[str, Ran]], spark: SparkSession, lineage: Any
) -> None:
    if not case.supports(spark.version):
        pytest.skip(f"needs Spark {case.spark}, this is {spark.version}")
    ran = ran_family(case.family)[case.name]
    if ran.error is not None:
        raise ran.error
    answer = lineage.table(ran.lookup).to_dict()
    assert_same(expected_lines(case, ran), answer_lines(case, ran, answer), f"{case.code}\n-> {ran.lookup}")
