"""Whole applications in which every method of the bridge throws, from its first call on or from a later one, or whose spool's disk does
not answer any more: same answers, same exit code.

`make test` has two of the former; TORTURE=all has each kind of Throwable with each ending, once from the start and once from a call that the
seed chooses (TORTURE_SEEDS=0-1), beside the same applications without lineage. What was tried is kept in .cache/torture/endings.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.spark import submit
from support.torture import ALL, Passed, seeds

import spark_lineage
from harmless.faulty import HANG_SECONDS, KINDS, faulty_jar
from spark_lineage.pipeline import ingest

pytestmark = [pytest.mark.spark]

SCRIPT = Path(__file__).with_name("ending.py")
CODES = {"return": 0, "exit": 3, "raise": 1}
"""What spark-submit's exit code is for each way to end."""

ANSWER = re.compile(r"answer \[\(0, 12\), \(1, 12\), \(2, 12\), 3, '\w*(Exception|Error)'\]")
"""Counted by hand: twelve numbers of each key, three elements, and the failed query's class."""

CALLS = 3_000
"""So many calls of the bridge's methods the application has at least."""


@dataclass(frozen=True)
class Application:
    """How it ends, which Throwable is thrown (None: there is no lineage), and from which call of the bridge on."""

    ending: str
    kind: str | None
    first: int = 0

    @property
    def key(self) -> str:
        return f"{self.ending} {self.kind} {self.first}"


def applications() -> Iterator[Application]:
    """Those of the quick form, or all that were not tried yet."""
    if not ALL:
        yield Application("exit", "memory")
        yield Application("return", "linkage", 700)
        return
    yield from (Application(ending, None) for ending in CODES)
    for seed in seeds(2):
        chance = random.Random(seed)
        for ending in CODES:
            for kind in KINDS:
                yield Application(ending, kind, chance.randrange(1, CALLS) if seed else 0)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory, classes: Path) -> tuple[Path, dict[int, str]]:
    """The jar with the faults, and the names of its points."""
    return faulty_jar(tmp_path_factory.mktemp("faulty"), classes)


def lineage_words(jar: Path, spool: Path, fault: str) -> list[str]:
    """For spark-submit: lineage from that jar, and what its JVM is told of faults."""
    return [
        *("--jars", str(jar), "--conf", "spark.sql.extensions=io.sparklineage.LineageExtension"),
        *("--conf", f"spark.lineage.spool={spool}", "--driver-java-options", fault),
    ]


def run(jar: Path, folder: Path, application: Application) -> str | None:
    """What is not as it must be; None if all is."""
    name = application.key.replace(" ", "-")
    data, told = folder / name, folder / f"{name}.thrown"
    data.mkdir()
    fault = f"-Dharmless.faults={application.kind}:{application.first}:{told}"
    words = [] if application.kind is None else lineage_words(jar, data / "spool", fault)
    done = submit(SCRIPT, *words, environment={"DATA": str(data), "ENDING": application.ending})
    answers = [line for line in done.stdout.splitlines() if line.startswith("answer ")]
    rows = pq.read_table(data / "numbers").num_rows if (data / "numbers").is_dir() else None
    if len(answers) != 1 or not ANSWER.fullmatch(answers[0]) or rows != 36:
        return f"{application.key}: {rows} rows, {answers}, {done.stderr[-2000:]}"
    if done.returncode != CODES[application.ending]:
        return f"{application.key}: exit code {done.returncode}, {done.stderr[-2000:]}"
    thrown = told.exists()
    return None if thrown == (application.kind is not None) else f"{application.key}: thrown is {thrown}"


def test_each_kind_of_throwable_from_every_method_changes_no_ending(
    tmp_path: Path, faulty: tuple[Path, dict[int, str]]
) -> None:
    jar, _ = faulty
    passed = Passed("endings")
    left = [each for each in applications() if not (ALL and each.key in passed)]

    def attempt(application: Application) -> str | None:
        began = time.monotonic()
        problem = run(jar, tmp_path, application)
        if ALL and problem is None:
            passed.note(application.key, time.monotonic() - began)
        return problem

    with ThreadPoolExecutor(2) as hands:
        wrong = [problem for problem in hands.map(attempt, left) if problem]
    if ALL:
        print(passed)
    assert wrong == []


@pytest.mark.parametrize(
    ("intent", "operation", "call"),
    [("written", "write", 2), ("synced", "force", 1)],
)
def test_writes_wait_once_for_a_disk_that_never_answers_again(
    tmp_path: Path, faulty: tuple[Path, dict[int, str]], intent: str, operation: str, call: int
) -> None:
    """The note of the first of six writes is waited for half a second, those of the next minute are queued and counted."""
    jar, points = faulty
    (point,) = (number for number, name in points.items() if name == f"LocalFiles$LocalOutput.{operation}")
    words = [
        *lineage_words(jar, tmp_path / "spool", f"-Dharmless.hangs={point}:{call}:{tmp_path / 'hangs'}"),
        *("--conf", f"spark.lineage.intent={intent}"),
    ]
    environment = {"DATA": str(tmp_path), "ENDING": "return", "LOG_LEVEL": "WARN", "WRITES": "5"}
    done = submit(SCRIPT, *words, environment=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert ANSWER.fullmatch(f"answer {said['answer']}")
    assert pq.read_table(tmp_path / "more-4").num_rows == 36
    assert (tmp_path / "hangs").exists()
    assert 0.5e9 <= int(said["waited"]) < 6 * 0.5e9
    assert said["late"] == "6"
    (late,) = (line for line in done.stderr.splitlines() if "A write went on before" in line)
    where = {"written": "written", "synced": "on the disk"}[intent]
    assert f"before its note was {where}, for which it waited 500 ms; for a minute no other waits" in late
    (told,) = (line for line in done.stderr.splitlines() if "Lineage of this application" in line)
    # Six notes and six writes, two queries, the job of an RDD, the end.
    assert "records lost, by reason: {spool_failed=16} " in told


def test_a_disk_that_never_answers_again_changes_no_ending(
    tmp_path: Path, faulty: tuple[Path, dict[int, str]]
) -> None:
    """Its first three writes are the header, the plan of the only write and the note of it: no other comes to its end."""
    jar, points = faulty
    (point,) = (number for number, name in points.items() if name == "LocalFiles$LocalOutput.write")
    words = lineage_words(jar, tmp_path / "spool", f"-Dharmless.hangs={point}:4:{tmp_path / 'hangs'}")
    environment = {"DATA": str(tmp_path), "ENDING": "exit", "LOG_LEVEL": "WARN"}
    done = submit(SCRIPT, *words, environment=environment)
    written_at = (tmp_path / "numbers" / "_SUCCESS").stat().st_mtime
    assert time.time() - written_at < HANG_SECONDS, "the bridge waits for 10 (docs/operations.md)"
    assert (tmp_path / "hangs").exists()
    assert done.returncode == CODES["exit"], done.stderr[-2000:]
    (answer,) = (line for line in done.stdout.splitlines() if line.startswith("answer "))
    assert ANSWER.fullmatch(answer)
    (told,) = (line for line in done.stderr.splitlines() if "Lineage of this application" in line)
    assert "records lost, by reason: {spool_failed=5} " in told  # three queries, the job of an RDD, the end
    report = ingest(tmp_path / "spool", tmp_path / "store")
    assert (report.writes, report.bad_records, report.bad_segments) == (1, 0, 0)
    runs = spark_lineage.open(store=tmp_path / "store", ingest=False).runs().to_dict()["runs"]
    assert [(run["kind"], run["state"]) for run in runs] == [("write", "UNKNOWN"), ("application", "UNKNOWN")]
