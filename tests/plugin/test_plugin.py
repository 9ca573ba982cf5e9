"""The plugin in pytest runs of its own, with stores and, once, with a real session."""

from __future__ import annotations

import subprocess
import sys

import pytest
from compare.shop import SHOP
from query.lineage_rows import store_of

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "spark_lineage.pytest_plugin")
ASKS = """
from spark_lineage.testing import assert_column_depends_on

def test_it(lineage):
    assert_column_depends_on(lineage, "report.total", "orders.amount")
"""


@pytest.fixture
def store(tmp_path):
    store_of(tmp_path / "store", SHOP)
    return tmp_path / "store"


def test_the_store_of_the_option(pytester, store):
    pytester.makepyfile(ASKS)
    pytester.runpytest_inprocess(*PLUGIN, f"--lineage-store={store}").assert_outcomes(passed=1)


def test_the_store_of_the_settings_and_of_the_environment(pytester, store, monkeypatch):
    pytester.makepyfile(ASKS)
    store.rename(pytester.path / "here")
    pytester.makeini("[pytest]\nlineage_store = here\n")
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)
    pytester.makeini("[pytest]\n")
    monkeypatch.setenv("SPARK_LINEAGE_STORE", str(pytester.path / "here"))
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)


def test_without_a_store_and_a_session(pytester):
    pytester.makepyfile(ASKS)
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["The fixture `lineage` has no store and no session: give --lineage-store, *"]
    )


def test_a_failure_is_readable(pytester, store):
    pytester.makepyfile(ASKS.replace("orders.amount", "orders.tax"))
    result = pytester.runpytest_inprocess(*PLUGIN, f"--lineage-store={store}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*AssertionError: shop.report.total is to depend on orders.tax, and it does not."]
    )


def test_it_costs_nothing_where_it_is_not_used():
    script = "import pytest, sys; before = set(sys.modules); import spark_lineage.pytest_plugin; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "['spark_lineage', 'spark_lineage.pytest_plugin']\n"


WITH_SPARK = """
import pytest
from pyspark.sql import SparkSession
from spark_lineage.testing import assert_column_depends_only_on, assert_lineage_equal, assert_no_flow

@pytest.fixture(scope="session")
def spark():
    return SparkSession.getActiveSession()

def write(spark, folder, name, query):
    spark.sql(query).write.parquet(str(folder / name))
    spark.read.parquet(str(folder / name)).createOrReplaceTempView(name)

def test_a_job(spark, lineage, tmp_path):
    write(spark, tmp_path, "people", "SELECT 'ann' AS name, '123' AS ssn, 7 AS age")
    write(spark, tmp_path, "ages", "SELECT age, count(name) AS n FROM people GROUP BY age")
    assert_column_depends_only_on(lineage, "ages.n", "people.name")
    assert_no_flow(lineage, "*.ssn", "*/ages")
    assert_lineage_equal(lineage, "ages", {"age": "people.age", "n": {"people.name": "AGGREGATION"}})

def test_another_job_has_a_store_of_its_own(spark, lineage, tmp_path):
    write(spark, tmp_path, "other", "SELECT 1 AS x")
    assert [table["name"] for table in lineage.tables().to_dict()["tables"]] == [str(tmp_path / "other")]
"""


@pytest.mark.spark
@pytest.mark.smoke35
def test_the_session_of_a_fixture(pytester, spark):
    assert spark.getActiveSession() is spark
    pytester.makepyfile(WITH_SPARK)
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=2)
