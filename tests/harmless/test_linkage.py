"""The bridge is one jar for all: every class, method and field that its code refers to is in each Spark that is installed here.

What differs between them goes through method handles, of which `Bridge.missingLinks` tells; tests of each Spark ask it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyspark
import pytest
from support.paths import JAR, REPOSITORY

pytestmark = [pytest.mark.spark]

HERE = Path(pyspark.__file__).parent / "jars"
INSTALLED = sorted(
    folder for folder in REPOSITORY.glob(".venv*/lib/python3*/site-packages/pyspark/jars") if folder.is_dir()
)


def unresolved(classes: Path, jars: Path) -> tuple[int, list[str]]:
    """How many references the bridge's code has, and those that lead nowhere."""
    path = ":".join(map(str, [classes, *HERE.glob("xbean-asm*.jar")]))
    command = ["java", "-cp", path, "Linkage", str(JAR), str(jars)]
    count, *missing = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return int(count), missing


@pytest.mark.parametrize("jars", INSTALLED, ids=lambda jars: jars.parents[4].name)
def test_nothing_that_the_bridge_refers_to_is_missing(classes: Path, jars: Path) -> None:
    count, missing = unresolved(classes, jars)
    assert missing == []
    assert count > 5_000


def test_what_is_missing_is_found(classes: Path, tmp_path: Path) -> None:
    """Without Spark's jars all of Spark is missing, and nothing of the JDK."""
    _, missing = unresolved(classes, tmp_path)
    assert "org/apache/spark/SparkContext.applicationId()Ljava/lang/String;" in missing
    assert not [each for each in missing if each.startswith("java/")]
