"""One Spark session with Delta for all lineage tests, and the lineage object that listens to it."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from support.spark import end_jvm, local_builder

from lineage.place import SETUP, Place

DATABASES = itertools.count()


@pytest.fixture(scope="package")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A fresh local JVM with Delta whose Python workers run this Python; ended with the folder's last test."""
    end_jvm()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = local_builder(tmp_path_factory.mktemp("spark")).getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield session
        gc.collect()  # PySpark's sockets, while their warnings are still ignored
        end_jvm()


@pytest.fixture(scope="package")
def lineage(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The lineage of that session, with a store of its own."""
    import spark_lineage  # noqa: PLC0415  # what is checked in plain Spark runs without it

    return spark_lineage.enable(spark, store=tmp_path_factory.mktemp("lineage") / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose last segment no path rule trims."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def place(spark: SparkSession, lineage: Any, folder: Path) -> Place:
    """A place with the tables `t` and `u`."""
    session = spark.newSession()
    database = f"events_{next(DATABASES):02d}"
    session.sql(f"CREATE DATABASE {database}")
    session.sql(f"USE {database}")
    for statement in SETUP.split(";\n"):
        session.sql(statement)
    return Place(session, database, folder, lineage)
