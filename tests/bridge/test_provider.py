"""One flag is enough on Spark 4, which finds the session extension in the jar by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paths import JAR
from support.spark import submit

from bridge.records import of_kind, read_spool
from bridge.test_switching import ONE, run
from spark_lineage.settings import default_spool


@pytest.mark.spark
def test_the_flag_is_enough(tmp_path: Path) -> None:
    assert run(tmp_path, "--conf", "spark.lineage.enabled=true").returncode == 0
    assert len(of_kind(read_spool(tmp_path), "execution")) == 1


@pytest.mark.spark
def test_the_flag_and_the_extension_listen_once(tmp_path: Path) -> None:
    extension = ("--conf", "spark.sql.extensions=io.sparklineage.LineageExtension")
    assert run(tmp_path, "--conf", "spark.lineage.enabled=true", *extension).returncode == 0
    assert len(of_kind(read_spool(tmp_path), "execution")) == 1


@pytest.mark.spark
def test_the_store_that_the_environment_names_is_the_jobs(tmp_path: Path) -> None:
    words = ("--jars", str(JAR), "--conf", "spark.lineage.enabled=true")
    environment = {"DO": "nothing", "SPARK_LINEAGE_STORE": str(tmp_path / "store")}
    assert submit(ONE, *words, environment=environment).returncode == 0
    assert len(of_kind(read_spool(default_spool(tmp_path / "store")), "execution")) == 1
