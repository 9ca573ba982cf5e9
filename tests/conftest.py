"""Fixtures for all tests. Modules of `tests/support` are imported as `from support.spark import ...`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import jvm

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest_plugins = ["support.pieces"]


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of the tests' own: no setting, store or spool of the user is seen or touched."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SPARK_LINEAGE_")]:
            patch.delenv(name)
        for name in ("config", "data", "state"):
            patch.setenv(f"XDG_{name.upper()}_HOME", str(folder / name))
        for name, value in jvm.variables().items():
            patch.setenv(name, os.environ.get(name, value))
        yield folder


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A local session with Delta and without lineage, in a fresh JVM, shared by the tests of one file.

    Not of a folder: pytest takes a fixture of scope "package" for one of the folder that defines it, here of all tests.
    """
    from support.spark import end_jvm, local_builder  # noqa: PLC0415 - most tests start without pyspark

    end_jvm()
    session = local_builder(tmp_path_factory.mktemp("spark")).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    end_jvm()
