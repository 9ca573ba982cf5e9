"""The bridge is one jar for all: what its code refers to, and what it looks up by name, is in each Spark that is installed here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyspark
import pytest
from support.paths import JAR, REPOSITORY

pytestmark = [pytest.mark.spark]

HERE = Path(pyspark.__file__).parent / "jars"
ENVIRONMENTS = (".venv-3.5", ".venv-4.0", ".venv", ".venv-4.2")
"""Of Spark 3.5.9, 4.0.4, 4.1.3 and 4.2.0; `make test-matrix` makes them all."""


@pytest.fixture(params=ENVIRONMENTS)
def jars(request: pytest.FixtureRequest) -> Path:
    """The folder with an environment's Spark."""
    found = list((REPOSITORY / request.param).glob("lib/python3*/site-packages/pyspark/jars"))
    if not found:
        pytest.skip(f"{request.param} is not installed: `make test-matrix` does it")
    return found[0]


def unresolved(classes: Path, jars: Path) -> tuple[int, list[str]]:
    """How many references the bridge's code has, and those that lead nowhere."""
    path = ":".join(map(str, [classes, *HERE.glob("xbean-asm*.jar")]))
    command = ["java", "-cp", path, "Linkage", str(JAR), str(jars)]
    count, *missing = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return int(count), missing


def missing_links(*path: Path | str) -> list[str]:
    """What `Bridge.missingLinks` says on such a class path."""
    command = ["java", "-cp", ":".join(map(str, [*path, JAR])), "MissingLinks"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return [str(each) for each in found]


def test_nothing_that_the_bridge_refers_to_is_missing(classes: Path, jars: Path) -> None:
    count, missing = unresolved(classes, jars)
    assert missing == []
    assert count > 5_000


def test_what_is_missing_is_found(classes: Path, tmp_path: Path) -> None:
    """Without Spark's jars all of Spark is missing, and nothing of the JDK."""
    _, missing = unresolved(classes, tmp_path)
    assert "org/apache/spark/SparkContext.applicationId()Ljava/lang/String;" in missing
    assert not [each for each in missing if each.startswith("java/")]


def test_nothing_that_the_bridge_looks_up_by_name_is_missing(classes: Path, jars: Path) -> None:
    assert missing_links(classes, f"{jars}/*") == []


def test_a_name_that_is_missing_is_found(classes: Path, tmp_path: Path) -> None:
    """A Spark one of whose classes has lost its members."""
    source = tmp_path / "UnionRDD.java"
    source.write_text("package org.apache.spark.rdd; public class UnionRDD { }", encoding="utf-8")
    subprocess.run(["javac", "-d", str(tmp_path), str(source)], check=True)
    assert missing_links(tmp_path, classes, f"{HERE}/*") == ["org.apache.spark.rdd.UnionRDD.rdds"]
