"""One Spark session with Delta for all lineage tests, and the lineage object that listens to it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from support.spark import end_jvm, local_builder, own_session, quickly

from lineage.place import Place, new_place
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import PlanRecord
from spark_lineage.decode.tree import NodeKind, PlanTree
from spark_lineage.pipeline import places

DATABASES = itertools.count()


@pytest.fixture(scope="package")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A fresh local JVM with Delta whose Python workers run this Python; ended with the folder's last test.

    Spark compiles its queries with COMPILED=all alone, as `make test-matrix` runs it: that takes a fifth of the time.
    """
    end_jvm()
    builder = local_builder(tmp_path_factory.mktemp("spark"))
    builder = builder.config(map=quickly())
    with own_session(builder) as session:
        yield session


@pytest.fixture(scope="package", autouse=True)
def classes_met() -> Iterator[set[str]]:
    """The classes of all logical operators and expressions in the plans that are ingested here."""
    met: set[str] = set()

    def decode_and_note(record: PlanRecord) -> PlanTree:
        tree = decode_plan(record)
        met.update(node.name for node in tree.nodes if node.kind is not NodeKind.PHYSICAL)
        return tree

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "decode_plan", decode_and_note)
        yield met


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
    return new_place(spark, lineage, folder, f"events_{next(DATABASES):02d}")
