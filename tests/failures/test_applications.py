"""Applications that die: their state, that of the write which they were at, and how it is known.

`make failures` runs all of them, `make test` a sample.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
import pytest
from support.paths import JAR
from support.spark import DELTA, SMALL, with_delta

from spark_lineage.pipeline import ingest
from spark_lineage.store.delta import DeltaStore

pytestmark = [pytest.mark.spark, pytest.mark.smoke35]

JOB = Path(__file__).with_name("dying.py")
WAITS = Path(__file__).parent / "java" / "WaitsAfterCommit.java"
EXTENSION = "io.sparklineage.LineageExtension"


@dataclass(frozen=True)
class Way:
    """A way to end: how the program is started, the application's state, and its last write's (state, decided by) where it has a second one."""

    do: str
    state: str
    last: tuple[str, str | None] | None = None
    by: str = "submit"
    sample: bool = False


WAYS = (
    Way("nothing", "COMPLETE"),
    Way("stop", "COMPLETE"),
    Way("stop_and_raise", "COMPLETE"),  # it had been stopped in order: nobody is left to hear of the rest
    Way("exit_3", "FAILED", sample=True),
    Way("python_exit_7", "FAILED"),
    Way("raise", "FAILED"),
    Way("failed_query", "FAILED", ("FAILED", None)),
    Way("caught_query", "COMPLETE_WITH_FAILURES", ("FAILED", None)),
    Way("py4j", "FAILED"),
    Way("heap", "FAILED"),  # OutOfMemoryError in the driver
    Way("jvm_exit", "UNKNOWN"),
    Way("jvm_halt", "UNKNOWN"),
    Way("stop_running", "COMPLETE_WITH_FAILURES", ("CANCELLED", "application_end")),
    Way("terminate_running", "COMPLETE_WITH_FAILURES", ("CANCELLED", "application_end")),
    Way("kill_running", "UNKNOWN", ("UNKNOWN", None)),
    Way("kill_committed", "UNKNOWN", ("COMPLETE", "log"), sample=True),
    Way("nothing", "UNKNOWN", by="python"),  # `python job.py`: the JVM never hears how Python ended
    Way("stop", "COMPLETE", by="python"),
    Way("raise", "UNKNOWN", by="python"),
)


def _run(way: Way, folder: Path) -> None:
    spool = folder / "spool"
    conf = _with_a_commit_that_waits(folder) if way.do == "kill_committed" else dict(SMALL)
    conf["spark.lineage.spool"] = str(spool)
    conf["spark.sql.extensions"] = ",".join(filter(None, [conf.get("spark.sql.extensions"), EXTENSION]))
    words = ["--master", "local[2]", "--jars", str(JAR)]
    words += [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "DATA": str(folder), "DO": way.do}
    if way.by == "python":
        environment["PYSPARK_SUBMIT_ARGS"] = " ".join([*words, "pyspark-shell"])
        command = [sys.executable, str(JOB)]
    else:
        command = [str(Path(sys.executable).with_name("spark-submit")), *words, str(JOB)]
    subprocess.run(command, capture_output=True, env=environment, check=False, timeout=300)


def _with_a_commit_that_waits(folder: Path) -> dict[str, str]:
    """Settings with Delta, on local files whose second commit never comes back to who made it."""
    spark_jars = Path(pyspark.__file__).parent / "jars"
    subprocess.run(["javac", "-nowarn", "-d", str(folder), "-cp", f"{spark_jars}/*", str(WAITS)], check=True)
    conf = with_delta(SMALL | DELTA)
    added = [path for path in (conf.get("spark.driver.extraClassPath"), str(folder)) if path]
    return conf | {
        "spark.driver.extraClassPath": ":".join(added),
        "spark.hadoop.fs.AbstractFileSystem.file.impl": "WaitsAfterCommit",
    }


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.by}-{way.do}")
def test_a_way_to_end(way: Way, tmp_path: Path) -> None:
    if not way.sample and "FAILURES" not in os.environ:
        pytest.skip("`make failures` runs all ways to end")
    _run(way, tmp_path)
    ingest(tmp_path / "spool", tmp_path / "store")
    runs = DeltaStore(tmp_path / "store").read("runs").to_pylist()
    (application,) = [run for run in runs if run["kind"] == "application"]
    assert (application["state"], application["job"]) == (way.state, application["application_name"])
    others = sorted((run for run in runs if run["kind"] != "application"), key=_number)
    assert others[0]["state"] == "COMPLETE"
    if way.last is None:
        assert len(others) == 1
    else:
        last: dict[str, Any] = others[-1]
        assert len(others) > 1
        assert (last["state"], last["decided_by"]) == way.last
        assert last["fingerprint"] is not None
    assert "471108154711" not in json.dumps(runs)


def _number(run: dict[str, Any]) -> int:
    return int(run["run_id"].rpartition(":")[2].removeprefix("job-"))
