"""One job on Spark 3.5 and then on this one, its plans in one store: `diff` tells what the job's author changed from what the upgrade did."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from pyspark import __version__ as spark_version
from support.paths import JAR, REPOSITORY
from support.spark import DELTA, SMALL

from spark_lineage.compare.drift.diff import WriteDiff, diff
from spark_lineage.compare.drift.drift import drift
from spark_lineage.pipeline import ingest
from spark_lineage.store.delta import DeltaStore

pytestmark = pytest.mark.spark

JOB = Path(__file__).with_name("upgraded.py")
OLD, NEW = (REPOSITORY / name / "bin" / "python" for name in (".venv-3.5", ".venv"))
WITH_DELTA = "UPGRADE" in os.environ
"""`make test-matrix` merges into a Delta table, too."""

UNCHANGED = [
    "both",
    "customers",
    "grouped",
    "joined",
    "nested",
    "orders",
    "ranked",
    *(["totals"] if WITH_DELTA else []),
]


def _run(python: Path, folder: Path, changed: str) -> None:
    """The job in an environment, into a spool of its own."""
    conf = {**SMALL, **(DELTA if WITH_DELTA else {}), "spark.jars": str(JAR), "spark.lineage.job": "nightly"}
    extensions = filter(None, (conf.get("spark.sql.extensions"), "io.sparklineage.LineageExtension"))
    conf |= {
        "spark.sql.extensions": ",".join(extensions),
        "spark.lineage.spool": str(folder / f"spool{changed}"),
    }
    conf["spark.sql.warehouse.dir"] = str(folder / "warehouse")
    variables = {
        "DATA": str(folder),
        "CONF": json.dumps(conf),
        "CHANGED": changed,
        "DELTA": "1" if WITH_DELTA else "",
    }
    environment = os.environ | variables | {"PYSPARK_PYTHON": str(python)}
    result = subprocess.run(
        [python, JOB], capture_output=True, text=True, env=environment, check=False, timeout=300, cwd=folder
    )
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DeltaStore:
    if not OLD.exists():
        pytest.skip("needs the environment .venv-3.5 (make venv)")
    folder = tmp_path_factory.mktemp("upgrade")
    for python, changed in ((OLD, ""), (NEW, "1")):
        _run(python, folder, changed)
        ingest(folder / f"spool{changed}", folder / "store")
    return DeltaStore(folder / "store")


def _by_table(writes: tuple[WriteDiff, ...]) -> dict[str, WriteDiff]:
    return {Path(write.target.name).name: write for write in writes}


def test_what_the_author_left_alone_has_the_same_lineage_on_both_sparks(store: DeltaStore) -> None:
    answer = diff(store, "nightly", "spark:3.5", f"spark:{spark_version}")
    writes = _by_table(answer.writes)
    assert sorted(writes) == sorted([*UNCHANGED, "rated", "rerouted", "shared"])
    for name in UNCHANGED:
        write = writes[name]
        assert write.verdict in {"identical", "equivalent"}, (name, write.lineage)
        assert write.before is not None
        assert write.after is not None
        assert (write.before.spark_version, write.after.spark_version) == ("3.5.9", spark_version)
        assert (write.constants_state, write.constants) == ("compared", ())


def test_what_the_author_changed_is_found_across_the_upgrade(store: DeltaStore) -> None:
    answer = diff(store, "nightly", "spark:3.5", f"spark:{spark_version}")
    writes = _by_table(answer.writes)
    assert answer.verdict == "changed"
    assert (writes["rated"].verdict, [each.place for each in writes["rated"].constants]) == (
        "identical",
        ["tax"],
    )
    (share,) = writes["shared"].lineage.columns
    assert (writes["shared"].verdict, share.name) == ("equivalent", "share")
    assert ("/" in share.expressions_before[0], "*" in share.expressions_after[0]) == (True, True)
    assert writes["rerouted"].verdict == "changed"
    tables = {
        each.dataset.name.rpartition("/")[2]
        for each in answer.findings
        if each.dataset and each.severity.value == "warning"
    }
    assert tables == {"rated", "shared", "rerouted"}
    assert {(each.kind, each.field) for each in answer.findings if each.severity.value == "warning"} == {
        ("constant_changed", "tax"),
        ("expression_changed", "share"),
        ("source_added", "label"),
        ("source_removed", "label"),
    }
    # and without being told which moments to compare
    assert {
        each.kind for each in drift(store, "1970-01-01").findings if each.severity.value == "warning"
    } == {
        "constant_changed",
        "expression_changed",
        "source_added",
        "source_removed",
    }
