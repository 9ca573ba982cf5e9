"""The set of logical plans is closed: each class of each supported version is known to the analyzer, once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyspark
import pytest
from support.paths import REPOSITORY

from closed.lists import FOLDER, LISTS, names_in, node_name, sections
from spark_lineage.analyze.commands import CLASSES

SPARKS = sorted(FOLDER.glob("spark-*.txt"))
FORMATS = [path for path in LISTS if path not in SPARKS]


def test_there_is_a_list_for_each_supported_version():
    assert [path.stem for path in SPARKS] == ["spark-3.5.9", "spark-4.0.4", "spark-4.1.3", "spark-4.2.0"]
    assert [path.stem for path in FORMATS] == [
        "delta-spark_2.12-3.3.3",
        "delta-spark_4.0_2.13-4.4.0",
        "delta-spark_4.1_2.13-4.4.0",
        "delta-spark_4.2_2.13-4.4.0",
        "iceberg-spark-runtime-3.5_2.12-1.12.0",
        "iceberg-spark-runtime-4.1_2.13-1.12.0",
    ]


def jar_of(path: Path) -> Path | None:
    """The jar that a format's list is of, where Ivy or Maven keeps it; None if it is nowhere or for another Spark.

    A jar for another Spark cannot be read with this one's jars.
    """
    version = ".".join(pyspark.__version__.split(".")[:2])
    delta = "delta-spark_2.12-" if version == "3.5" else f"delta-spark_{version}_"
    if not path.name.startswith((delta, f"iceberg-spark-runtime-{version}_")):
        return None
    caches = [Path.home() / cache for cache in (".ivy2", ".ivy2.5.2", ".m2/repository/org/apache/iceberg")]
    jars = (jar for cache in caches if cache.is_dir() for jar in cache.rglob(f"{path.stem}.jar"))
    return next(jars, None)


@pytest.fixture(scope="module")
def complaints() -> str:
    """What the script says of the installed Spark and of the formats' jars that are there, all read once."""
    jars = [str(jar) for jar in map(jar_of, FORMATS) if jar is not None]
    command = [sys.executable, str(REPOSITORY / "scripts" / "write_plan_classes.py"), "--check", *jars]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == (1 if done.stderr else 0)
    return done.stdout + done.stderr


@pytest.mark.smoke35
def test_the_list_of_the_installed_spark_is_that_of_its_jars(complaints: str):
    assert f"spark-{pyspark.__version__}.txt" not in complaints


@pytest.mark.smoke35
@pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.stem)
def test_the_list_of_a_format_is_that_of_its_jar(path: Path, complaints: str):
    if jar_of(path) is None:
        pytest.skip(
            f"{path.stem}.jar is in no local cache, or is for another Spark than {pyspark.__version__}"
        )
    assert path.name not in complaints


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_class_of_a_list_is_known_once(path: Path):
    known = Counter(name for names in CLASSES.values() for name in names)
    names = {node_name(each) for each in sections(path)["plans"]}
    assert {name: known[name] for name in sorted(names) if known[name] != 1} == {}


def test_no_class_is_known_that_no_version_has():
    known = frozenset().union(*CLASSES.values())
    assert known - names_in("plans") == set()
