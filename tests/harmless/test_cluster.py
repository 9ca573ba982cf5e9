"""A driver with executors in processes of their own (`local-cluster`): what they make is right, and so is its lineage.

Usually the spool is in a folder that the executors do not have; in the long form (TORTURE=all), and where this user may not hide a folder from a
process, in one that they could reach.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pyspark
import pytest
from bridge.records import of_kind, read_spool
from support.paths import JAR
from support.spark import submit
from support.torture import ALL

import spark_lineage
from spark_lineage.pipeline import ingest

pytestmark = [pytest.mark.spark, pytest.mark.torture("cluster")]

SCRIPT = Path(__file__).with_name("cluster.py")
CONF = {
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.dynamicAllocation.enabled": "true",
    "spark.dynamicAllocation.shuffleTracking.enabled": "true",
    "spark.dynamicAllocation.maxExecutors": "2",
    "spark.dynamicAllocation.schedulerBacklogTimeout": "1s",
    "spark.dynamicAllocation.executorIdleTimeout": "600s",
    "spark.sql.extensions": "io.sparklineage.LineageExtension",
}


def spark_home(folder: Path) -> Path:
    """The installed Spark under another address: its workers put the files of their executors beside it."""
    home = folder / "spark"
    home.mkdir()
    for each in Path(pyspark.__file__).parent.iterdir():
        if each.name not in {"work", "__pycache__"}:
            (home / each.name).symlink_to(each)
    return home


def java_without(folder: Path, hidden: Path) -> Path:
    """A JAVA_HOME whose `java` sees nothing of what is in a folder."""
    java = shutil.which("java")
    assert java is not None
    home = folder / "java"
    (home / "bin").mkdir(parents=True)
    script = home / "bin" / "java"
    script.write_text(
        f'#!/bin/sh\nexec unshare --mount sh -c \'mount -t tmpfs tmpfs {hidden} && exec {java} "$@"\' java "$@"\n'
    )
    script.chmod(0o755)
    return home


def may_hide() -> bool:
    """Whether this user may have mounts of a process' own."""
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, check=False, capture_output=True).returncode == 0
    )


@pytest.mark.parametrize("spool", ["of_the_driver_alone", "within_reach"])
def test_what_executors_make_has_its_lineage(tmp_path: Path, spool: str) -> None:
    hidden = spool == "of_the_driver_alone"
    if not hidden and not ALL and may_hide():
        pytest.skip("`make torture` has the spool within reach of the executors, too")
    if hidden and not may_hide():
        pytest.skip("this user may not hide a folder from a process")
    place = tmp_path / "drivers"
    place.mkdir()
    environment = {
        "SPARK_HOME": str(spark_home(tmp_path)),
        "SPARK_SCALA_VERSION": "2.12" if pyspark.__version__.startswith("3") else "2.13",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "DATA": str(tmp_path),
    }
    conf = CONF | {"spark.lineage.spool": str(place / "spool")}
    if hidden:
        environment["HIDDEN"] = str(place / "spool")
        conf["spark.executorEnv.JAVA_HOME"] = str(java_without(tmp_path, place))
    words = [word for item in conf.items() for word in ("--conf", "=".join(item))]
    done = submit(
        SCRIPT,
        "--master",
        "local-cluster[2,1,1024]",
        "--jars",
        str(JAR),
        *words,
        environment=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    totals: Counter[int] = Counter()
    for number in range(400):
        totals[number % 3] += 2 * (number + 1)
    assert dict(pq.read_table(tmp_path / "totals").sort_by("customer").to_pydict()) == {
        "customer": [0, 1, 2],
        "total": [totals[0], totals[1], totals[2]],
    }
    told_right(tmp_path, place / "spool")


def told_right(folder: Path, spool: Path) -> None:
    """The records and the store have both writes, of what they are made and who came for them, and no gap."""
    records = read_spool(spool)
    assert list(spool.glob("*.open")) == []
    assert of_kind(records, "gap") == []
    added = [each["executor"] for each in of_kind(records, "executor") if each["event"] == "added"]
    assert sorted(added) == ["0", "1"]
    (end,) = of_kind(records, "application_end")
    assert end["running"] == []
    ingest(spool, folder / "store")
    lineage = spark_lineage.open(store=folder / "store", ingest=False)
    assert lineage.problems().to_dict()["problems"] == []
    runs = [run for run in lineage.runs().to_dict()["runs"] if run["kind"] == "write"]
    assert sorted((Path(run["target"]["name"]).name, run["state"]) for run in runs) == [
        ("orders", "COMPLETE"),
        ("totals", "COMPLETE"),
    ]
    columns = lineage.table(str(folder / "totals")).to_dict()["columns"]
    found = {
        column["name"]: {
            (Path(each["name"]).name, each["field"], each["subtype"]) for each in column["sources"]
        }
        for column in columns
    }
    assert found == {
        "customer": {("orders", "customer", "IDENTITY")},
        "total": {("orders", "amount", "AGGREGATION")},
    }
