"""The driver is killed at any point of a workload: each write that left a trace in the data is in the store exactly once.

The workload tells a file of its own what it is about to do and what it has done. At some points the driver is only stopped (SIGSTOP),
all files are copied as the system has them then, which is what a kill would leave, and it goes on (SIGCONT); at the last point it is
killed. `make test` has one driver; TORTURE=all has one for each seed (TORTURE_SEEDS, usually 0-199), a fresh JVM each time.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession
from support.paths import JAR
from support.spark import DELTA, SMALL

import spark_lineage
from harmless.torture import done_before, note_done, seeds
from spark_lineage.pipeline import ingest
from spark_lineage.store.delta import DeltaStore

pytestmark = [pytest.mark.spark]

ALL = os.environ.get("TORTURE") == "all"
SEEDS = seeds(200) if ALL else range(1)
SCRIPT = Path(__file__).with_name("killed.py")
STOPS = 3


def start(folder: Path) -> subprocess.Popen[bytes]:
    """The workload, as its user would submit it."""
    packages = configure_spark_with_delta_pip(SparkSession.builder)._options["spark.jars.packages"]
    conf = SMALL | DELTA | {"spark.lineage.spool": str(folder / "spool")}
    conf["spark.sql.extensions"] += ",io.sparklineage.LineageExtension"
    words = ["--master", "local[2]", "--jars", str(JAR), "--packages", packages]
    words += [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    environment = os.environ | {"FOLDER": str(folder), "PYSPARK_PYTHON": sys.executable}
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("spark-submit")), *words, str(SCRIPT)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip


def wait_for_writes(folder: Path, workload: subprocess.Popen[bytes], count: int) -> int:
    """Come back when so many writes have ended; the number of the driver's process."""
    while True:
        assert workload.poll() is None, "the workload ended by itself"
        lines = (folder / "told").read_text().splitlines() if (folder / "told").exists() else []
        pids = [int(line.split()[1]) for line in lines if line.startswith("pid ")]
        if pids and sum(line.startswith("end ") for line in lines) >= count:
            return pids[0]
        time.sleep(0.02)


def images(folder: Path, seed: int) -> list[Path]:
    """What the driver leaves at some points and at its end, each a copy of the folder."""
    folder.mkdir()
    chance = random.Random(seed)
    workload = start(folder)
    taken = []
    try:
        driver = wait_for_writes(folder, workload, 2)
        for number in range(STOPS):
            time.sleep(chance.uniform(0.05, 1.2))
            os.kill(driver, signal.SIGSTOP)
            taken.append(folder.with_name(f"{folder.name}-{number}"))
            shutil.copytree(folder, taken[-1])
            os.kill(driver, signal.SIGCONT)
        time.sleep(chance.uniform(0.05, 1.2))
        os.kill(driver, signal.SIGKILL)
    finally:
        workload.kill()
        workload.wait()
    taken.append(folder.with_name(f"{folder.name}-killed"))
    folder.rename(taken[-1])
    return taken


def wrong_with(folder: Path) -> list[str]:
    """What the store says of these writes that is not so, or does not say; `folder` is where the driver had it."""
    report = ingest(folder / "spool", folder / "store")
    wrong = (
        [] if report.bad_records == 0 else [f"{report.bad_records} records cannot be read: {report.messages}"]
    )
    told = (folder / "told").read_text().splitlines()
    begun = {line.split()[1] for line in told if line.startswith("begin ")}
    ended = {line.split()[1] for line in told if line.startswith("end ")}
    lineage = spark_lineage.open(store=folder / "store", ingest=False)
    runs = [run for run in lineage.runs().to_dict()["runs"] if run["kind"] == "write"]
    states = {run["state"] for run in runs}
    if not states <= {"COMPLETE", "UNKNOWN"}:
        wrong.append(f"a killed application has writes that are {sorted(states)}")
    return wrong + _files(folder, runs, begun, ended) + _commits(folder, runs, begun, ended)


def _files(folder: Path, runs: list[dict[str, Any]], begun: set[str], ended: set[str]) -> list[str]:
    """Folders of files: what exists was intended, and nothing is COMPLETE whose files are not."""
    wrong = []
    noted = Counter(Path(run["target"]["name"]).name for run in runs if run["target"])
    noted.pop("table", None)
    there = {each.name for each in (folder / "data").glob("files-*")}
    whole = {each.parent.name for each in (folder / "data").glob("files-*/_SUCCESS")}
    missing = (there | {each for each in ended if each.startswith("files-")}) - set(noted)
    if missing:
        wrong.append(f"{sorted(missing)} are not in the store")
    if set(noted) - begun or any(count > 1 for count in noted.values()):
        wrong.append(f"in the store are {noted}, and begun were {sorted(begun)}")
    claimed = {
        Path(run["target"]["name"]).name for run in runs if run["state"] == "COMPLETE" and run["target"]
    }
    if claimed - whole - {"table"}:
        wrong.append(f"{sorted(claimed - whole)} are called complete and have no _SUCCESS")
    return wrong


def _commits(folder: Path, runs: list[dict[str, Any]], begun: set[str], ended: set[str]) -> list[str]:
    """Commits of the Delta table: each has a run, and each COMPLETE run a commit of its own."""
    wrong = []
    versions = {int(each.stem) for each in (folder / "data" / "table" / "_delta_log").glob("*.json")}
    of_table = [run for run in runs if run["target"] and run["target"]["name"].endswith("/table")]
    attempted = sum(each.startswith("commit-") for each in begun)
    finished = sum(each.startswith("commit-") for each in ended)
    if not max(len(versions), finished) <= len(of_table) <= attempted:
        wrong.append(f"{len(of_table)} runs of the table, {len(versions)} commits, {attempted} were begun")
    seen = DeltaStore(folder / "store").read("observations").to_pylist()
    complete = {run["id"] for run in of_table if run["state"] == "COMPLETE"}
    made = [each["version"] for each in seen if each["run_id"] in complete and each["direction"] == "written"]
    if len(made) != len(set(made)) or set(made) - versions:
        wrong.append(f"runs made the versions {sorted(made)}, the log has {sorted(versions)}")
    if len(complete) > len(versions):
        wrong.append(f"{len(complete)} runs of the table are complete, and it has {len(versions)} commits")
    return wrong


def test_every_write_that_left_a_trace_is_known_once(tmp_path: Path) -> None:
    for seed in SEEDS:
        key = f"kill {seed}"
        if ALL and key in done_before("kills"):
            continue
        place = tmp_path / f"driver-{seed}"
        for image in images(place, seed):
            image.rename(place)  # the records name their tables by where they were
            wrong = wrong_with(place)
            assert not wrong, f"seed {seed}, {image.name}: " + "\n".join(wrong)
            shutil.rmtree(place)
        if ALL:
            note_done("kills", key)
