"""The driver is killed at any point of a workload: each write that was noted is in the store exactly once, and what became of it is told.

The workload tells a file of its own what it is about to do, what runs and what it has done. At some points the driver is only stopped (SIGSTOP),
all files are copied as the system has them then, which is what a kill would leave, and it goes on (SIGCONT); at the last point it is
killed. Half of the points are the moments in which the log of the Delta table has a new commit: the record of its run cannot be there yet.

What must be in the store is worked out here of three other sources: the workload's own file, the bytes of the spool (by the contract's
framing alone), and the table's log, in which each commit has the name that the workload gave it.

`make test` has two drivers; TORTURE=all has one for each seed (TORTURE_SEEDS, usually 0-199), a fresh JVM each time, and the odd ones with
`spark.lineage.intent=synced`. These lose their power, too: their spool is on a disk of its own, and what has not reached that is gone. Where
nobody may mount one, of a segment that is not sealed nothing is left behind the last intent.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bridge.records import MAGIC
from support.paths import JAR
from support.spark import DELTA, SMALL, with_delta
from support.torture import ALL, Passed, seeds

import spark_lineage
from harmless.kill_power import NoDiskError, disk
from spark_lineage.capture import spool as spools
from spark_lineage.pipeline import ingest
from spark_lineage.store.delta import DeltaStore

pytestmark = [pytest.mark.spark]

SEEDS = seeds(200) if ALL else range(2)
SCRIPT = Path(__file__).with_name("killed.py")
STOPS = 3
LATE, ATTEMPTS = "A write went on before its note", 3
"""A driver that says so has promised nothing of its last writes: another one takes its place. (Who is stopped waits too long, always.)"""
BEGINNING = b'{"v":'
"""Of every record; a text within one has its quotes escaped."""
LIFE_MS = 2_000
"""A second or two after the last sign of life (jvm_bridge/contract/README.md) nothing can have been committed any more."""


def start(folder: Path, spool: Path, intent: str) -> subprocess.Popen[bytes]:
    """The workload, as its user would submit it."""
    conf = with_delta(SMALL | DELTA) | {
        "spark.lineage.spool": str(spool),
        "spark.lineage.intent": intent,
    }
    conf["spark.sql.extensions"] += ",io.sparklineage.LineageExtension"
    words = ["--master", "local[2]", "--jars", str(JAR)]
    words += [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    environment = os.environ | {"FOLDER": str(folder), "PYSPARK_PYTHON": sys.executable}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("spark-submit")), *words, str(SCRIPT)],
            stdout=subprocess.DEVNULL, stderr=log, env=environment,
        )  # fmt: skip


def lines(folder: Path, word: str) -> list[list[str]]:
    """What the workload has told with a word, without the word."""
    told = (folder / "told").read_text().splitlines() if (folder / "told").exists() else []
    return [rest for first, *rest in map(str.split, told) if first == word]


def log_files(folder: Path) -> list[Path]:
    return sorted((folder / "data" / "table" / "_delta_log").glob("*.json"))


def commit_info(file: Path) -> dict[str, Any]:
    actions = map(json.loads, file.read_text().splitlines())
    return next(each["commitInfo"] for each in actions if "commitInfo" in each)


def wait_for_writes(folder: Path, workload: subprocess.Popen[bytes]) -> int:
    """Come back when two writes have ended; the number of the driver's process."""
    while True:
        assert workload.poll() is None, "the workload ended by itself"
        pids = lines(folder, "pid")
        if pids and len(lines(folder, "end")) >= 2:
            return int(pids[0][0])
        time.sleep(0.02)


def wait_for_a_point(
    folder: Path, workload: subprocess.Popen[bytes], chance: random.Random, number: int
) -> None:
    """Any moment, or the one in which the next commit is in the log."""
    time.sleep(chance.uniform(0.05, 1.2))
    before = len(log_files(folder))
    while number % 2 == 0 and len(log_files(folder)) == before:
        assert workload.poll() is None, "the workload ended by itself"
        time.sleep(0.001)


def stop(driver: int) -> None:
    """Stop a process, and come back when it stands."""
    os.kill(driver, signal.SIGSTOP)
    while Path(f"/proc/{driver}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.001)


def images(folder: Path, seed: int, intent: str) -> list[Path]:
    """What the driver leaves at some points and at its end, each a copy of the folder; with `synced` only at its end, and after a power cut."""
    if intent != "synced":
        return _images(folder, seed, folder / "spool", intent, STOPS)
    for _ in range(ATTEMPTS):
        left = _after_a_power_cut(folder, seed, intent)
        if LATE not in (left / "log").read_text():
            return [left]
        shutil.rmtree(left)
    pytest.fail(f"in {ATTEMPTS} drivers a note was not on the disk within half a second")


def _after_a_power_cut(folder: Path, seed: int, intent: str) -> Path:
    try:
        with disk(folder.with_suffix(".disk")) as spool_disk:
            (left,) = _images(folder, seed, spool_disk.at / "spool", intent, 0)
            spool_disk.copy_after_a_power_cut("spool", left / "spool")
    except NoDiskError as why:
        print(f"No disk of its own ({why}): what was not synced is taken away by its place.")
        (left,) = _images(folder, seed, folder / "spool", intent, 0)
        cut_power(left)
    let_time_pass(left)
    return left


def _images(folder: Path, seed: int, spool: Path, intent: str, stops: int) -> list[Path]:
    folder.mkdir()
    chance = random.Random(seed)
    workload = start(folder, spool, intent)
    taken = []
    try:
        driver = wait_for_writes(folder, workload)
        for number in range(stops):
            wait_for_a_point(folder, workload, chance, number)
            stop(driver)
            taken.append(folder.with_name(f"{folder.name}-{number}"))
            shutil.copytree(folder, taken[-1])
            os.kill(driver, signal.SIGCONT)
        wait_for_a_point(folder, workload, chance, chance.randrange(2))
        os.kill(driver, signal.SIGKILL)
    finally:
        workload.kill()
        workload.wait()
    taken.append(folder.with_name(f"{folder.name}-killed"))
    folder.rename(taken[-1])
    return taken


def records(segment: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The whole records of a segment, each with the position behind it (jvm_bridge/contract/README.md, Segment).

    Only one that is not sealed may end within a record, and what is there of it is its beginning: nothing whole is taken for its rest.
    """
    content = segment.read_bytes()
    assert MAGIC.startswith(content[:8]), f"{segment.name} begins with {content[:8]!r}"
    at = 8
    while len(content) - at >= 8:
        length, checksum = struct.unpack_from(">II", content, at)
        payload = content[at + 8 : at + 8 + length]
        if len(payload) < length:
            break
        at += 8 + length
        assert zlib.crc32(payload) == checksum, f"{segment.name}: a record before {at} is damaged"
        yield at, json.loads(payload)
    tail = content[at:]
    assert not tail or segment.suffix == ".open", f"{segment.name} is sealed and ends within a record"
    assert BEGINNING.startswith(tail[8:][: len(BEGINNING)]), f"{segment.name} is damaged at {at}"
    assert BEGINNING not in tail[8 + len(BEGINNING) :], f"{segment.name} has records behind {at}"


def cut_power(folder: Path) -> None:
    """Take what need not be on the disk: the tail of an open segment behind its last intent."""
    for segment in (folder / "spool").glob("*.open"):
        modified = segment.stat().st_mtime_ns
        kept = [end for end, each in records(segment) if each["kind"] == "intent"]
        os.truncate(segment, max(kept, default=0))
        os.utime(segment, ns=(modified, modified))


def let_time_pass(folder: Path) -> None:
    """An empty segment looks like that of a writer that has just begun, as long as it is young: no machine is back so soon."""
    for segment in (folder / "spool").glob("*.open"):
        if segment.stat().st_size == 0:
            modified = segment.stat().st_mtime_ns - int(spools.YOUNG_SECONDS * 1e9)
            os.utime(segment, ns=(modified, modified))


@dataclass(frozen=True)
class Left:
    """What the driver has left: `went_on` has the executions of the writes that were seen to run, by number; `noted` when each
    write began, and `ended` those with a record of their end, both of the spool; `commits` the versions of the table: name and time."""

    begun: set[str]
    ended_by_name: set[str]
    went_on: Mapping[int, str]
    noted: Counter[int]
    began_at: Mapping[int, int]
    ended: set[int]
    commits: Mapping[int, tuple[str, int]]
    last_sign_of_life: int

    @classmethod
    def in_folder(cls, folder: Path) -> Left:
        told = [each for file in sorted((folder / "spool").glob("*-*.*")) for _, each in records(file)]
        intents = [each for each in told if each["kind"] == "intent"]
        infos = {int(file.stem): commit_info(file) for file in log_files(folder)}
        return cls(
            {name for (name,) in lines(folder, "begin")},
            {name for (name,) in lines(folder, "end")},
            {int(number): name for name, number in lines(folder, "runs")},
            Counter(each["execution_id"] for each in intents),
            {each["execution_id"]: each["started_at"] for each in intents},
            {each["execution_id"] for each in told if each["kind"] == "execution"},
            {version: (info["userMetadata"], info["timestamp"]) for version, info in infos.items()},
            max((int(file.stat().st_mtime * 1_000) for file in (folder / "spool").glob("*.open")), default=0),
        )

    def versions(self) -> dict[int, int]:
        """The number of each write whose commit can be told -> its version.

        A write with an end has the commit of its name. One without has the commit of its time that no write with an end has made,
        if there is only one, and if it is in the time of no other write without an end.
        """
        numbers = {name: number for number, name in self.went_on.items()}
        made = {numbers[name]: version for version, (name, _) in self.commits.items()}
        told = {number: version for number, version in made.items() if number in self.ended}
        free = {version: at for version, (_, at) in self.commits.items() if version not in told.values()}
        fitting = {
            number: [
                version for version, at in free.items()
                if self.began_at[number] <= at <= self.last_sign_of_life + LIFE_MS
            ]
            for number, name in self.went_on.items()
            if name.startswith("commit-") and number not in self.ended
        }  # fmt: skip
        wanted = Counter(version for versions in fitting.values() for version in versions)
        for number, versions in fitting.items():
            if len(versions) == 1 and wanted[versions[0]] == 1:
                assert made[number] == versions[0], "the workload has one thread that commits"
                told[number] = versions[0]
        return told


def wrong_with(folder: Path, decided: Counter[str]) -> list[str]:
    """What the store says of these writes that is not so, or does not say; `folder` is where the driver had it."""
    left = Left.in_folder(folder)
    report = ingest(folder / "spool", folder / "store")
    wrong = []
    if (report.bad_segments, report.bad_records, report.messages) != (0, 0, ()):
        wrong.append(f"{report.bad_segments} segments and {report.bad_records} records: {report.messages}")
    lineage = spark_lineage.open(store=folder / "store", ingest=False)
    runs = [run for run in lineage.runs().to_dict()["runs"] if run["kind"] == "write"]
    known = Counter(int(run["id"].rpartition(":")[2]) for run in runs)
    if known != left.noted or set(known.values()) != {1}:
        wrong.append(f"the store has {sorted(known.items())}, the spool has {sorted(left.noted.items())}")
    if not left.went_on.keys() <= known.keys():
        wrong.append(f"{sorted(left.went_on.keys() - known.keys())} went on and are not in the store")
    if wrong:
        return wrong
    by_number = {int(run["id"].rpartition(":")[2]): run for run in runs}
    decided.update(run["decided_by"] for run in runs)
    return _targets(folder, left, by_number) + _states(folder, left, by_number)


def _targets(folder: Path, left: Left, runs: Mapping[int, dict[str, Any]]) -> list[str]:
    """Each write is that of its own table or folder, and each folder that is there has one."""
    names = {number: Path(run["target"]["name"]).name for number, run in runs.items()}
    wrong = [
        f"{name} is told as {names[number]}"
        for number, name in left.went_on.items()
        if names[number] != (name if name.startswith("files-") else "table")
    ]
    folders = Counter(name for name in names.values() if name != "table")
    there = {each.name for each in (folder / "data").glob("files-*")}
    if not there <= folders.keys() <= left.begun or set(folders.values()) - {1}:
        wrong.append(f"the store has {sorted(folders.items())}, the data have {sorted(there)}")
    if sum(name == "table" for name in names.values()) > sum(
        name.startswith("commit-") for name in left.begun
    ):
        wrong.append("the store has more writes of the table than were begun")
    if left.ended_by_name - set(left.went_on.values()):
        wrong.append("a write ended that nobody saw run")
    return wrong


def _states(folder: Path, left: Left, runs: Mapping[int, dict[str, Any]]) -> list[str]:
    """The state of each write, who says so, and the version that it made."""
    versions = left.versions()
    seen = DeltaStore(folder / "store").read("observations").to_pylist()
    told = {
        int(each["run_id"].rpartition(":")[2]): each["version"]
        for each in seen
        if each["direction"] == "written" and each["version"] is not None
    }
    wrong = []
    if told != versions:
        wrong.append(f"runs made the versions {told}, and it were {versions}; the log has {left.commits}")
    for number, run in runs.items():
        by_log = number in versions and number not in left.ended
        state = "COMPLETE" if by_log or number in left.ended else "UNKNOWN"
        if (run["state"], run["decided_by"]) != (state, "log" if by_log else None):
            wrong.append(
                f"{number} is {run['state']} by {run['decided_by']}, and it is {state}, by the log: {by_log}"
            )
        name = left.went_on.get(number, "")
        if (
            name.startswith("files-")
            and state == "COMPLETE"
            and not (folder / "data" / name / "_SUCCESS").exists()
        ):
            wrong.append(f"{name} has ended, and has no _SUCCESS")
    return wrong


def test_every_write_that_was_noted_is_known_once(tmp_path: Path) -> None:
    passed = Passed("kills")
    decided: Counter[str] = Counter()
    left = [seed for seed in SEEDS if not (ALL and str(seed) in passed)]
    for seed in left:
        began = time.monotonic()
        place = tmp_path / f"driver-{seed}"
        intent = ("written", "synced")[seed % 2]
        for image in images(place, seed, intent):
            image.rename(place)  # the records name their tables by where they were
            wrong = wrong_with(place, decided)
            assert not wrong, f"seed {seed}, {intent}, {image.name}: " + "\n".join(wrong)
            shutil.rmtree(place)
        if ALL:
            passed.note(str(seed), time.monotonic() - began)
    # A workload of which every end is known proves nothing of those that are decided.
    assert decided["log"] > 0 or len(left) < 2, decided
    if ALL:
        print(passed)
