"""One Spark session with Delta for all lineage tests, and the lineage object that listens to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from delta import configure_spark_with_delta_pip
from pyspark import SparkContext
from pyspark.sql import SparkSession

import spark_lineage

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.showConsoleProgress": "false",
    # Small tables: compiling each stage takes longer than running it.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.legacy.createHiveTableByDefault": "false",
}


def _end_jvm() -> None:
    """End this process's JVM, if it has one: `spark.jars.packages` counts only when a JVM starts."""
    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()
    gateway = SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
        SparkContext._gateway = None
        SparkContext._jvm = None


@pytest.fixture(scope="package")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A fresh local JVM with Delta; ended afterwards, so that no other test inherits it."""
    folder = tmp_path_factory.mktemp("spark")
    _end_jvm()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        yield _start(folder)
    _end_jvm()


def _start(folder: Path) -> SparkSession:
    builder = SparkSession.builder.master("local[2]").appName("lineage tests")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    builder = builder.config("spark.sql.warehouse.dir", str(folder / "warehouse"))
    builder = builder.config(
        "spark.driver.extraJavaOptions", f"-Dderby.stream.error.file={folder / 'derby.log'} -Duser.timezone=UTC"
    )
    session = configure_spark_with_delta_pip(builder).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


@pytest.fixture(scope="package")
def lineage(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The lineage of that session, with a store and a spool of its own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        yield spark_lineage.enable(spark, store=home / "store")


@pytest.fixture
def tmp(tmp_path: Path) -> Path:
    """A folder whose last segment no path rule trims."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder
