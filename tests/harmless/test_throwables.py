"""Every Throwable, thrown from every method of the bridge that a job reaches: the job never notices, and the loss is counted.

The bridge's jar is copied with a call at the head of each of its methods that throws when told to. In the quick form a few are tried;
with TORTURE=all every one that is reached: those of the callbacks and the spool with all kinds of Throwable, once and for ever, which
takes 20 seeds (TORTURE_SEEDS=0-4 does a part); the others with one kind once, and one for ever. What was tried is kept in
.cache/torture/throwables, and a second run goes on.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import re
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from delta import configure_spark_with_delta_pip
from pyspark import SparkContext
from pyspark.sql import SparkSession
from support.paths import JAR
from support.spark import end_jvm, local_builder
from support.torture import ALL, SPARK, Passed, seeds

import spark_lineage
from harmless.faulty import (
    EXCEPTIONS,
    EXTENSION,
    KINDS,
    NOT_OURS_TO_CATCH,
    WORK,
    Work,
    bounded,
    faulty_jar,
    read_all,
    shapes,
)

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]

QUICK = 10
"""Faults that `make test` tries in a running job, and a third as many in whole applications."""

ALWAYS = frozenset({
    "IntentRule.apply", "LineageExtension$NameCheck.apply", "LineageListener.onEvent", "LineageListener.intend",
    "MeterSource$Number.getValue", "Recorder$Task.run", "Recorder.settle", "Spool.run", "LineageExtension.apply",
    "LineageExtension$Registration.apply", "LineageExtensionProvider.apply",
})  # fmt: skip
"""Methods that it tries besides, for ever: those that Spark, or a thread of the bridge, calls first, and two in which a loss was not counted once."""


THROUGHOUT = frozenset({
    "Bridge", "HashKey", "IntentRule", "LineageExtension", "LineageExtensionProvider", "LineageListener", "LocalFiles", "MeterSource", "Recorder",
    "RemoteSpool", "Segment", "Spool", "SpoolFiles", "SpoolLimit", "SpoolWriter", "Stopping", "Uploader", "Uploads",
})  # fmt: skip
"""What Spark calls, and what writes the spool; all else runs inside of these."""

ESSENTIAL = {
    "plain": frozenset({
        "IntentRule.apply", "Bridge.intend", "LineageListener.intend", "LineageExtension$NameCheck.apply", "Bridge.learnNames",
        "LineageListener.learnNames", "LineageListener.onEvent", "LineageListener.heed",
        "LineageListener.started", "LineageListener.ended", "LineageListener.jobStarted", "LineageListener.jobEnded",
        "Recorder.ended", "Recorder$Task.run", "Recorder.record", "Spool.offer", "Spool.write", "Spool.step", "SpoolWriter.put",
        "SpoolWriter.tend", "Segment.write", "Segment.append", "Segment.isThere", "LocalFiles$LocalOutput.write", "LocalFiles.exists",
        "MeterSource$Number.getValue",
    }),
    "executors": frozenset({"LineageListener.executor"}),
    "streaming": frozenset({"Recorder.streamed"}),
    "local": frozenset({
        "LineageExtension.apply", "LineageExtension$Registration.apply", "Bridge.register",
        "HashKey.read", "LineageListener.onEvent", "LineageListener.applicationEnded", "Recorder.close", "Spool.start", "Spool.run",
        "Spool.close", "SpoolWriter.open", "SpoolWriter.end", "SpoolLimit.keep", "Segment.open", "Segment.force", "Segment.forceName",
        "Segment.seal", "Segment.close", "LocalFiles.makeFolder", "LocalFiles.create", "LocalFiles.forceFolder", "LocalFiles.rename",
        "LocalFiles.list", "LocalFiles.usableSpace", "LocalFiles$LocalOutput.write", "LocalFiles$LocalOutput.force",
        "LocalFiles$LocalOutput.close", "Stopping.now",
    }),
    "remote": frozenset({
        "Uploads.run", "Uploader.upload", "Uploader.move", "RemoteSpool.put", "RemoteSpool.open", "RemoteSpool.find", "RemoteSpool.write",
        "RemoteSpool.place",
    }),
}  # fmt: skip
"""What each work must reach: Spark's callbacks, and what writes, forces, renames and uploads segments."""
if not SPARK.startswith("3."):
    ESSENTIAL["local"] |= {
        "LineageExtensionProvider.apply"
    }  # the Python of Spark 3.5 makes sessions without asking for it

OTHERS = frozenset({0, 13})
"""The seeds with which all other methods are tried: one kind once, and another one for ever."""

PASS_ON_INTERRUPTS = frozenset({
    "Bridge.addToBus", "Bridge.flush", "HashKey.of", "Recorder.close", "Spool$Task.await", "Spool.start", "Uploads.await",
})  # fmt: skip
"""Methods that wait, and leave the flag to the thread that was interrupted: somebody wants the job itself to stop, and it does."""

SAID = {
    "io": "IOException", "runtime": "IllegalStateException", "linkage": "NoSuchMethodError", "class": "NoClassDefFoundError",
    "memory": "OutOfMemoryError", "stack": "StackOverflowError", "interrupted": "InterruptedException", "death": "ThreadDeath",
    "assertion": "AssertionError", "mute": r"Faults\$Mute|no words",
}  # fmt: skip
"""What must be in the sentence of an application that could not be captured at all."""

REMOTE = {
    "spark.lineage.spool": "elsewhere:{spool}",
    "spark.hadoop.fs.elsewhere.impl": "harmless.Elsewhere",
}


@dataclass
class Bench:
    """A JVM with the faulty jar, and the session that runs in it now."""

    folder: Path
    points: dict[int, str]
    spool: Path = field(default_factory=Path)
    session: SparkSession | None = None
    seen: set[Path] = field(default_factory=set)
    tried: set[int] = field(default_factory=set)
    begun: set[int] = field(default_factory=set)
    number: int = 0

    @property
    def spark(self) -> SparkSession:
        assert self.session is not None
        return self.session

    @property
    def faults(self) -> Any:
        jvm = SparkContext._jvm
        assert jvm is not None
        return jvm.io.sparklineage.Faults

    def begin(self, settings: Mapping[str, str] | None = None) -> None:
        """A new application with a spool of its own."""
        self.end()
        self.number += 1
        self.spool, self.seen = self.folder / f"spool-{self.number}", set()
        builder = self.builder()
        for name, value in (settings or {}).items():
            builder = builder.config(name, value.format(spool=self.spool))
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("OFF")

    def end(self) -> None:
        """Stop what runs."""
        if self.session is not None:
            self.session.stop()
            self.session = None
            SparkSession.builder._options.clear()

    def builder(self) -> SparkSession.Builder:
        """Delta's jars are there from the start, since a JVM takes none later."""
        return (
            configure_spark_with_delta_pip(local_builder(self.folder, delta=False))
            .config("spark.jars", str(self.folder / "faulty.jar"))
            .config("spark.sql.extensions", EXTENSION)
            .config("spark.lineage.spool", str(self.spool))
            .config("spark.lineage.hashKeyFile", str(self.folder / "hash.key"))
            .config("spark.lineage.segment.sealSeconds", "3600")
        )

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.spark._jvm.io.sparklineage.Bridge.status()))

    def flush(self) -> None:
        self.spark._jvm.io.sparklineage.Bridge.flush(20_000)

    def records(self) -> list[dict[str, Any]]:
        """Those of a remote spool, too, that wait on this machine: the next application uploads them."""
        name = hashlib.sha256(f"elsewhere:{self.spool}".encode()).hexdigest()[:16]
        waiting = self.folder / "state" / "spark-lineage" / "upload" / name
        return read_all(self.spool, self.seen) + read_all(waiting, self.seen)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, classes: Path) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("throwables")
    _, points = faulty_jar(folder, classes)
    end_jvm()
    bench = Bench(folder, points)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        yield bench
        gc.collect()  # PySpark's sockets, while their warnings are still ignored
        end_jvm()


def reached(bench: Bench) -> list[int]:
    """The points that were passed since this was last asked, but for those whose errors Python gets."""
    found = map(int, bench.faults.reached().split())
    return [point for point in found if not bench.points[point].startswith(NOT_OURS_TO_CATCH)]


def missed(bench: Bench, name: str, points: list[int]) -> list[str]:
    """What is essential, and a work did not reach: a method that has another name now is tried no more."""
    return sorted(ESSENTIAL.get(name, frozenset()) - {bench.points[point] for point in points})


def application(bench: Bench, work: Work) -> list[Any]:
    """A whole application, from its start to its stop."""
    bench.begin(work.settings)
    answer = work.do(bench.spark, bench.folder)
    bench.end()
    return answer


def try_job(bench: Bench, work: Work, expected: tuple[list[Any], Counter[str]], fault: Fault) -> str | None:
    """What went wrong when a fault was thrown inside a running application; None if nothing did."""
    before = bench.status()["lost"]
    bench.faults.arm(fault.point, fault.kind, fault.once)
    answer = bounded(lambda: work.do(bench.spark, bench.folder))
    bench.spark._jsc.sc().listenerBus().waitUntilEmpty()
    thrown = bench.faults.disarm()
    if answer != expected[0]:
        return f"the result was {answer}"
    if bench.spark._jsc.sc().isStopped():
        return "the application was stopped"
    bench.flush()
    if not bench.status()["alive"]:
        return "the bridge is dead"
    records = bench.records()
    counted = bench.status()["lost"] - before
    missing = unmade(records, expected[1])
    if counted < missing:
        return f"{missing} records are missing, {counted} are counted"
    return None if not thrown or counted else told(records, expected[1], fault)


def try_application(
    bench: Bench, work: Work, expected: tuple[list[Any], Counter[str]], fault: Fault
) -> str | None:
    """The same with an application that begins and ends with the fault."""
    bench.faults.arm(fault.point, fault.kind, fault.once)
    answer = bounded(lambda: application(bench, work))
    thrown = bench.faults.disarm()
    if answer != expected[0]:
        return f"the result was {answer}"
    said, records = last_error(), bench.records()
    missing = unmade(records, expected[1])
    lost = re.match(r"(\d+) records of the last application were lost", said)
    counted = max(
        int(lost[1]) if lost else 0, sum(each["count"] for each in records if each["kind"] == "gap")
    )
    has_begun = any(each["kind"] != "application" for each in records)
    if counted < missing and (has_begun or not re.search(SAID[fault.kind], said)):
        return f"{missing} records are missing, {counted} are counted, said is {said!r}"
    return None if not thrown or said else told(records, expected[1], fault)


def last_error() -> str:
    """What the bridge says when an application has ended: why it was not captured, or how many of its records were lost."""
    jvm = SparkContext._jvm
    assert jvm is not None
    return str(json.loads(jvm.io.sparklineage.Bridge.status())["last_error"] or "")


def unmade(records: list[dict[str, Any]], expected: Counter[str]) -> int:
    """How many records are missing, of whatever shape; a plan is no loss of its own, it comes with the execution or the note that has it."""
    kinds = Counter(json.loads(each)[0] for each in expected.elements())
    del kinds["plan"]
    return (kinds - Counter(each["kind"] for each in records)).total()


def told(records: list[dict[str, Any]], expected: Counter[str], fault: Fault) -> str | None:
    """What is missing among the records although none of them says so; None if they tell of a loss, or nothing is missing.

    An exception, which Spark throws too where it does not know something, may leave out a fact; a record it may not.
    """
    gaps = [each for each in records if each["kind"] == "gap"]
    unread = [each for each in records if each.get("plan_error")]
    missing = expected - shapes(records)
    facts_alone = fault.kind in EXCEPTIONS and not unmade(records, expected)
    if gaps or unread or facts_alone or not missing:
        return None
    return f"not told of: {[each[:90] for each in missing]}; instead: {[each[:90] for each in shapes(records) - expected]}"


@dataclass(frozen=True)
class Fault:
    """At which point what is thrown, once or whenever it is reached."""

    point: int
    kind: str
    once: bool


def faults(points: list[int], names: Mapping[int, str], seed: int) -> list[Fault]:
    """One fault for each point that is tried with a seed: over 20 seeds each kind, once and for ever, at those of `THROUGHOUT`."""
    tried = (point for point in points if seed in OTHERS or re.split(r"[$.]", names[point])[0] in THROUGHOUT)
    return [
        Fault(point, kind_of(names[point], point + seed), (seed // len(KINDS)) % 2 == 0) for point in tried
    ]


def kind_of(method: str, number: int) -> str:
    """The kinds in turn; but who passes an interrupt on is not interrupted."""
    kind = KINDS[number % len(KINDS)]
    return "io" if kind == "interrupted" and method in PASS_ON_INTERRUPTS else kind


def run(bench: Bench, name: str, attempt: Any, points: list[int], part: int) -> list[str]:
    """Try them all (in the quick form a part); what went wrong, each as a sentence."""
    wrong = []
    passed = Passed("throwables")
    for seed in seeds(2 * len(KINDS)):
        chosen = faults(points, bench.points, seed)
        if not ALL:
            chosen = random.Random(seed).sample(chosen, min(part, len(chosen)))
            chosen = [
                Fault(each.point, kind_of(bench.points[each.point], index), index % 3 > 0)
                for index, each in enumerate(chosen)
            ]
            chosen += [Fault(each, "linkage", once=False) for each in points if bench.points[each] in ALWAYS]
        for fault in chosen:
            method = bench.points[fault.point]
            key = f"{name} {seed} {method} {fault.kind} {fault.once}"
            if ALL and key in passed:
                continue
            began = time.monotonic()
            problem = attempt(fault)
            if problem:
                wrong.append(f"{method}, {fault.kind}, {'once' if fault.once else 'for ever'}: {problem}")
            elif ALL:
                passed.note(key, time.monotonic() - began)
            if time.monotonic() - began > 30:
                wrong.append(f"{method}, {fault.kind}: it took half a minute")
        if not ALL:
            break
    if ALL:
        print(passed)
    return wrong


def test_every_kind_is_thrown_once_and_for_ever_by_each_essential_method() -> None:
    names = dict(enumerate(sorted(frozenset().union(*ESSENTIAL.values()))))
    chosen = (fault for seed in range(2 * len(KINDS)) for fault in faults(list(names), names, seed))
    tried = {(names[each.point], each.kind, each.once) for each in chosen}
    assert tried == {
        (name, kind, once)
        for name in names.values()
        for kind in KINDS
        for once in (True, False)
        if kind != "interrupted" or name not in PASS_ON_INTERRUPTS
    }


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.name)
def test_in_a_running_job(bench: Bench, work: Work) -> None:
    if not ALL and work.name == "streaming":
        pytest.skip("`make torture` throws into micro-batches")
    bench.begin(work.settings)
    work.do(bench.spark, bench.folder)
    bench.flush()
    bench.records()
    reached(bench)
    answer = work.do(bench.spark, bench.folder)
    bench.spark._jsc.sc().listenerBus().waitUntilEmpty()
    passed = reached(bench)
    assert missed(bench, work.name, passed) == []
    points = [each for each in passed if each not in bench.tried]
    bench.tried.update(points)
    bench.flush()
    expected = answer, shapes(bench.records())
    part = QUICK if work.name == "plain" else 3
    wrong = run(bench, work.name, lambda fault: try_job(bench, work, expected, fault), points, part)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("spool", ["local", "remote"])
def test_while_an_application_begins_and_ends(bench: Bench, spool: str) -> None:
    def do(spark: SparkSession, _folder: Path) -> list[Any]:
        return [spark.range(9).where("id > 4").count()]

    short = Work("short", do, REMOTE if spool == "remote" else {})
    application(bench, short)
    reached(bench)
    answer = application(bench, short)
    passed = reached(bench)
    assert missed(bench, spool, passed) == []
    points = [each for each in passed if each not in bench.begun]
    bench.begun.update(points)
    expected = answer, shapes(bench.records())
    assert any("application_end" in each for each in expected[1])
    wrong = run(
        bench, spool, lambda fault: try_application(bench, short, expected, fault), points, QUICK // 3
    )
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("Recorder.record", "1 records of the last application were lost: encode_failed: java.io.IOException: injected"),
        ("Bridge.forget", "spool_failed: java.io.IOException: injected"),
    ],
)  # fmt: skip
def test_each_application_says_its_own_failure(bench: Bench, method: str, told: str) -> None:
    """Also when what failed before it was another application in the same JVM, even at its end."""
    points = {name: point for point, name in bench.points.items()}
    bench.begin()

    def said(method: str, kind: str) -> str:
        bench.faults.arm(points[method], kind, False)  # noqa: FBT003 - Java's, whenever it is reached
        application(bench, Work("short", lambda spark, _folder: [spark.range(9).count()]))
        bench.faults.disarm()
        return last_error()

    assert said(method, "io") == told
    assert said("StreamingNames.<init>", "linkage") == "java.lang.NoSuchMethodError: injected"


NEEDED = [
    f"io/sparklineage/{each}.class"
    for each in ("Bridge", "LineageExtension", "LineageListener", "Recorder", "Spool")
]
"""Classes without which nothing can be recorded; without others something is, or all."""


def lacking(folder: Path, name: str | None) -> Path:
    """A copy of the bridge's jar without one of its classes; with None, without any, with "", with all."""
    copy = folder / f"without-{name and name.replace('/', '.')}.jar"
    with zipfile.ZipFile(JAR) as jar, zipfile.ZipFile(copy, "w") as left:
        for each in jar.namelist():
            if each != name and not (name is None and each.endswith(".class")):
                left.writestr(each, jar.read(each))
    return copy


@pytest.mark.torture("throwables")
def test_a_class_or_jar_that_is_missing_costs_no_job(bench: Bench) -> None:
    """Each class in turn, in whole applications of one JVM; the jar that lacks it has a class loader of its own, above which there is none of the bridge."""
    with zipfile.ZipFile(JAR) as jar:
        classes = sorted(each for each in jar.namelist() if each.endswith(".class"))
    assert set(NEEDED) <= set(classes)
    chosen = classes if ALL else [random.Random(0).choice(classes), NEEDED[-1]]
    if SparkContext._gateway is None:
        bench.begin()  # the tests before it have been left out
    gateway, jvm = SparkContext._gateway, SparkContext._jvm
    assert gateway is not None
    assert jvm is not None
    thread = jvm.java.lang.Thread.currentThread()
    usual = thread.getContextClassLoader()
    wrong = []
    try:
        for name in (None, "", *chosen):
            urls = gateway.new_array(jvm.java.net.URL, 1)
            urls[0] = jvm.java.io.File(str(lacking(bench.folder, name))).toURI().toURL()
            thread.setContextClassLoader(
                jvm.java.net.URLClassLoader(urls, jvm.java.lang.ClassLoader.getSystemClassLoader())
            )
            bench.begin()
            bench.spark.range(4).write.mode("overwrite").parquet(str(bench.folder / "lacking"))
            answer = bench.spark.range(9).where("id > 4").count()
            if answer != 4 or bench.spark._jsc.sc().isStopped():
                wrong.append(str(name))
            bench.end()
            is_recorded = any(each["kind"] == "execution" for each in bench.records())
            if is_recorded and (name is None or name in NEEDED):
                wrong.append(f"{name} was there")
            if name == "" and not is_recorded:
                wrong.append("nothing is recorded with the whole jar")
    finally:
        thread.setContextClassLoader(usual)
    assert wrong == []
    assert bench.folder.joinpath("lacking").is_dir()


@pytest.mark.matrix35
@pytest.mark.parametrize("at_work", ["letsAnalyze", "letsEnable"])
def test_a_session_that_is_locked_by_its_first_query_locks_nobody_up(bench: Bench, at_work: str) -> None:
    if at_work == "letsAnalyze" and not SPARK.startswith("3."):
        pytest.skip("what makes an analyzer of Spark 4 locks the session itself")
    bench.begin({"spark.lineage.enabled": "false"})
    jvm = SparkContext._jvm
    assert jvm is not None
    session = bench.spark._jsparkSession.newSession()
    assert getattr(jvm.harmless.LockedSession, at_work)(session)


def test_sessions_switches_forks_and_applications_one_after_the_other(bench: Bench) -> None:
    """In one driver; what is written while lineage is on is in the store, each table once, with its sources."""
    bench.end()
    store = bench.folder / "store"

    def begin() -> SparkSession:
        builder = local_builder(bench.folder, delta=False).config("spark.sql.extensions", "")
        bench.session = builder.config(
            "spark.lineage.hashKeyFile", str(bench.folder / "hash.key")
        ).getOrCreate()
        bench.session.sparkContext.setLogLevel("OFF")
        return bench.session

    def write(session: SparkSession, name: str, source: str | None = None) -> None:
        rows = (
            session.range(3) if source is None else session.read.parquet(str(bench.folder / "odd" / source))
        )
        rows.selectExpr("id + 1 AS id").write.parquet(str(bench.folder / "odd" / name))

    spark = begin()
    lineage = spark_lineage.enable(spark, store=store)
    again = spark_lineage.enable(spark, store=store)
    write(spark, "made")
    write(spark.newSession(), "of_another_session", "made")
    child = os.fork()
    if child == 0:
        os._exit(3)
    assert os.waitpid(child, 0)[1] >> 8 == 3
    write(spark, "after_a_fork", "made")
    lineage.disable()
    write(spark, "while_off", "made")
    spark_lineage.enable(spark, store=store)
    write(spark, "on_again", "made")
    again.flush()
    bench.end()
    spark = begin()
    write(spark, "before_it_is_on", "made")
    lineage = spark_lineage.enable(spark, store=store)
    write(spark, "of_another_application", "on_again")
    lineage.flush()
    runs = [run for run in lineage.runs().to_dict()["runs"] if run["kind"] == "write"]
    written = sorted((Path(run["target"]["name"]).name, run["state"]) for run in runs)
    names = ["made", "of_another_session", "after_a_fork", "on_again", "of_another_application"]
    assert written == sorted((name, "COMPLETE") for name in names)
    for name, source in {
        "of_another_session": "made",
        "after_a_fork": "made",
        "of_another_application": "on_again",
    }.items():
        (column,) = lineage.table(str(bench.folder / "odd" / name)).to_dict()["columns"]
        found = [(Path(each["name"]).name, each["field"], each["subtype"]) for each in column["sources"]]
        assert found == [(source, "id", "TRANSFORMATION")]
    assert lineage.problems().to_dict()["problems"] == []
    bench.end()
