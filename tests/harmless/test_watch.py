"""On the bridge's threads, and wherever else it runs, there is no Spark job, catalog or metastore call, listing, network call or process.

A Java agent (`harmless/java/WatchAgent.java`) puts a hook at the head of every method of the JDK, Hadoop, Derby, Hive, Spark and Delta
that does such a thing or touches a file. A call is the bridge's where one of its frames is in the stack, or the thread is one of its
own. All that the bridge calls in an application with a bit of everything is in `ALLOWED`, and nothing of it on the bus's thread; the
controls show that the hooks see calls of each kind by others, and would see them of the bridge.
"""

from __future__ import annotations

import gc
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bridge.records import of_kind, read_spool
from pyspark import SparkContext
from pyspark.sql import SparkSession
from support.paths import JAR
from support.spark import end_jvm, local_builder

from harmless.watching import WORK, WRITES

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]

KINDS = frozenset({"catalog", "database", "delta", "file", "hadoop", "job", "listing", "network", "process"})

HOOKED = frozenset({
    "Socket", "SocketChannelImpl", "InetAddress", "ProcessBuilder", "File", "FileInputStream", "FileOutputStream", "RandomAccessFile",
    "UnixFileSystemProvider", "FileSystem", "RawLocalFileSystem", "ChecksumFileSystem", "FileContext", "DriverManager", "SparkContext",
    "DAGScheduler", "ExternalCatalogWithListener", "InMemoryCatalog", "HiveExternalCatalog", "HiveClientImpl", "HiveMetaStoreClient",
    "V2SessionCatalog", "DelegatingCatalogExtension", "DeltaCatalog", "DeltaLog", "SnapshotManagement", "Snapshot",
})  # fmt: skip
"""Classes that must have hooks, so that a name that a Spark to come changes is not silently heard of no more."""

METHODS = 600
"""More methods than these must have hooks in all; those of one name in one class count once."""

OWN = {
    "spark-listener-group-spark-lineage": "bus",
    "spark-lineage-key": "key",
    "spark-lineage-compiler": "compiler",
    "spark-lineage-recorder": "recorder",
    "spark-lineage-writer": "writer",
    "spark-lineage-uploader": "uploader",
}
"""The bridge's threads; it runs on the program's, too, when it is registered and when a write is noted before it runs."""

ALLOWED = {
    # When the application begins, once; it waits for two seconds at most.
    ("key", "file", "HashKey.read", "key"): "the key of the hashes is read",
    ("key", "file", "HashKey.readOrMake", "key"): "if it is a file",
    ("key", "file", "HashKey.make", "key"): "where there is none, it is made",
    ("key", "file", "HashKey.make", "beside the key"): "as a whole file, under another name first",
    ("key", "file", "LocalFiles.makeFolder", "above the spool"): "and so is its folder, the state folder",
    ("compiler", "file", "CompilerDirective.addFromFile", "a temporary file"): "what C2 is to leave alone",
    # The spool's thread: nobody waits for it but a write that is noted before it runs, and that at most half a second.
    ("writer", "file", "LocalFiles.makeFolder", "spool"): "the spool is made",
    ("writer", "file", "LocalFiles.makeFolder", "above the spool"): "with the folders above it",
    ("writer", "file", "LocalFiles.forceFolder", "above the spool"): "and their names are on the disk",
    ("writer", "file", "LocalFiles.forceFolder", "spool"): "the names of segments are on the disk",
    ("writer", "file", "LocalFiles.open", "spool"): "a segment is begun",
    ("writer", "file", "LocalFiles.rename", "spool"): "a segment is sealed",
    ("writer", "file", "LocalFiles.exists", "spool"): "a segment may have been taken away",
    ("writer", "file", "LocalFiles.usableSpace", "spool"): "the disk may be full",
    ("writer", "file", "LocalFiles.list", "spool"): "the size of what lies in the spool is asked",
    ("writer", "listing", "LocalFiles.list", "spool"): "to keep the spool below its limit",
    # The uploader's thread: a remote spool is a file system of Hadoop's, and this one's files are of this machine.
    ("uploader", "listing", "Uploader.upload", "spool"): "segments that are sealed",
    ("uploader", "file", "Uploader.move", "spool"): "one that is uploaded is deleted",
    ("uploader", "file", "RemoteSpool.write", "spool"): "one is read",
    ("uploader", "hadoop", "RemoteSpool.open", "remote spool"): "the remote spool is made",
    ("uploader", "file", "RemoteSpool.open", "remote spool"): "the remote spool is made",
    ("uploader", "hadoop", "RemoteSpool.find", "remote spool"): "the segment may be there",
    ("uploader", "file", "RemoteSpool.find", "remote spool"): "the segment may be there",
    ("uploader", "file", "RemoteSpool.open", "above the spool"): "with the folders above it",
    ("uploader", "hadoop", "RemoteSpool.write", "remote spool"): "a segment is written there",
    ("uploader", "file", "RemoteSpool.write", "remote spool"): "a segment is written there",
    ("uploader", "hadoop", "RemoteSpool.place", "remote spool"): "and gets its name",
    ("uploader", "file", "RemoteSpool.place", "remote spool"): "and gets its name",
    ("uploader", "file", "RemoteSpool.write", "above the spool"): "where Hadoop looks for its folder first",
}
"""All that the bridge touches: thread, kind, its frame nearest to the call, where; and what for."""

CULPRITS = ("Culprit.run", "thread spark-listener-group-spark-lineage")
"""Whose deeds must be seen: one is known by its frame, one by its thread."""


@dataclass(frozen=True)
class Call:
    """What the bridge called: one method, by its own frame nearest to it, or its thread."""

    kind: str
    method: str
    caller: str
    target: str
    thread: str
    stack: str

    @property
    def loads_code(self) -> bool:
        """Whether a class loader opens a jar, or the JDK a library of its own: where that is, does not depend on the bridge."""
        return (
            self.kind == "file"
            and self.caller.endswith(" by loading code")
            and self.target.endswith((".jar", ".so"))
        )


def calls(text: str) -> list[Call]:
    """The lines of `Watch.take`."""
    return [Call(*line.split("\t")) for line in text.splitlines()]


def archive(jar: Path, classes: Path, names: list[Path], manifest: str = "") -> Path:
    """A jar of some of the classes of a folder."""
    with zipfile.ZipFile(jar, "w") as made:
        made.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\n{manifest}\n")
        for each in names:
            made.write(each, str(each.relative_to(classes)))
    return jar


def agent(folder: Path, classes: Path) -> Path:
    """The agent's jar; the class that it calls is in another one beside it, for the bootstrap class path."""
    both = sorted((classes / "harmless").glob("Watch*.class"))
    watch = [each for each in both if not each.name.startswith("WatchAgent")]
    archive(folder / "watch.jar", classes, watch)
    lines = (
        "Premain-Class: harmless.WatchAgent",
        "Can-Retransform-Classes: true",
        "Boot-Class-Path: watch.jar",
    )
    rest = [each for each in both if each not in watch]
    return archive(folder / "agent.jar", classes, rest, "".join(f"{line}\n" for line in lines))


@dataclass(frozen=True)
class Watched:
    """What was heard in one driver."""

    folder: Path
    work: list[Call]
    deeds: dict[str, list[Call]]
    others: dict[str, int]
    hooks: frozenset[str]
    methods: int
    problem: str


def configuration(folder: Path, classes: Path) -> dict[str, str]:
    """Of an application with the agent, Hive and Delta, whose spool is remote."""
    names = ("harmless/Deeds*", "harmless/Elsewhere", "io/sparklineage/Culprit")
    helpers = [each for name in names for each in sorted(classes.glob(f"{name}.class"))]
    metastore = f"jdbc:derby:;databaseName={folder / 'metastore'};create=true"
    return {
        "spark.jars": f"{JAR},{archive(folder / 'helpers.jar', classes, helpers)}",
        "spark.driver.extraJavaOptions": f"-javaagent:{agent(folder, classes)} -Dderby.stream.error.file={folder / 'derby.log'}",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension,io.sparklineage.LineageExtension",
        "spark.lineage.spool": f"elsewhere:{folder / 'remote'}",
        "spark.lineage.hashKeyFile": str(folder / "hash.key"),
        "spark.lineage.segment.sealSeconds": "1",
        "spark.hadoop.fs.elsewhere.impl": "harmless.Elsewhere",
        "spark.hadoop.javax.jdo.option.ConnectionURL": metastore,
        "spark.hadoop.hive.exec.scratchdir": str(folder / "scratch"),
    }


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, classes: Path) -> Iterator[Watched]:
    """One driver with the agent: the work, then the deeds that must be seen."""
    folder = tmp_path_factory.mktemp("watched")
    end_jvm()
    builder = local_builder(folder).enableHiveSupport()
    for name, value in configuration(folder, classes).items():
        builder = builder.config(name, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        yield run(builder, folder)
        gc.collect()  # PySpark's sockets, while their warnings are still ignored
        end_jvm()


def run(builder: SparkSession.Builder, folder: Path) -> Watched:
    """Do all of it, from the start of the application to its end."""
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    jvm = SparkContext._jvm
    assert jvm is not None
    watch = jvm.harmless.Watch
    (folder / "data").mkdir()
    for work in WORK:
        work(spark, folder / "data")
    assert jvm.io.sparklineage.Bridge.flush(60_000)
    heard = calls(watch.take())
    deeds = dict(zip(CULPRITS, (by_frame(spark, folder), by_thread(spark, folder)), strict=True))
    spark.stop()
    heard += calls(watch.take())
    others = (line.split("\t") for line in watch.others().splitlines())
    methods = {line.split("\t")[1] for line in watch.hooks().splitlines()}
    hooks = frozenset(method.split(".")[0] for method in methods)
    counts = {kind: int(count) for kind, count in others}
    return Watched(folder, heard, deeds, counts, hooks, len(methods), watch.problem())


def deed_words(spark: SparkSession, folder: Path) -> tuple[Any, ...]:
    """What the deeds need of a session."""
    session = spark._jsparkSession
    return session, session.sharedState().externalCatalog(), str(folder / "data" / "delta")


def by_frame(spark: SparkSession, folder: Path) -> list[Call]:
    """What is seen of deeds that a class of the bridge's package does on another's thread."""
    spark._jvm.io.sparklineage.Culprit.run(spark._jsc.sc(), *deed_words(spark, folder))
    return seen_deeds(spark)


def by_thread(spark: SparkSession, folder: Path) -> list[Call]:
    """What is seen of deeds that another's class does on the thread of the bridge's queue."""
    spark._jvm.harmless.Deeds.add(spark._jsc.sc(), "spark-lineage", *deed_words(spark, folder))
    spark.range(2).collect()
    spark._jsc.sc().listenerBus().waitUntilEmpty()
    return seen_deeds(spark)


def seen_deeds(spark: SparkSession) -> list[Call]:
    """What was seen since, once the deeds are all done."""
    assert spark._jvm.harmless.Deeds.outcome() == ""
    return calls(spark._jvm.harmless.Watch.take())


def place(call: Call, folder: Path) -> str:
    """Where a call goes, without what changes from run to run."""
    target = Path("/" + call.target.removeprefix("file:").removeprefix("elsewhere:").lstrip("/"))
    state = folder / "state" / "spark-lineage" / "upload"
    if target == folder / "hash.key":
        return "key"
    if target.parent == folder and target.suffix == ".key":
        return "beside the key"
    if re.fullmatch(r"spark-lineage\d+\.json", target.name):
        return "a temporary file"
    if target.is_relative_to(folder / "remote"):
        return "remote spool"
    if target.is_relative_to(state) and target != state:
        return "spool"
    return "above the spool" if state.is_relative_to(target) else call.target


def touched(watched: Watched) -> dict[tuple[str, str, str, str], Call]:
    """All that the bridge called, each with one of its calls."""
    return {
        (OWN.get(call.thread, "program"), call.kind, call.caller, place(call, watched.folder)): call
        for call in watched.work
        if not call.loads_code
    }


def test_the_bridge_touches_its_own_files_and_nothing_else(watched: Watched) -> None:
    found = touched(watched)
    others = {key: call for key, call in found.items() if key not in ALLOWED}
    assert not others, "\n\n".join(f"{key}\n{call.stack}" for key, call in others.items())
    assert set(ALLOWED) == set(found)  # no row is of the past


def test_the_bus_waits_for_nothing_outside_the_driver(watched: Watched) -> None:
    assert [call for (thread, *_), call in touched(watched).items() if thread == "bus"] == []


def test_the_bridge_heard_of_all_that_was_done(watched: Watched) -> None:
    records = read_spool(watched.folder / "remote")
    assert {record["kind"] for record in records} == {
        "application", "application_end", "execution", "intent", "plan", "progress", "rdd_job", "stream_end", "stream_start",
    }  # fmt: skip
    assert len(of_kind(records, "intent")) == WRITES
    executions = of_kind(records, "execution")
    assert {record["state"] for record in executions} == {"COMPLETE", "FAILED"}
    assert [record for record in executions if record.get("plan_error")] == []


def test_others_call_each_kind_and_are_not_taken_for_the_bridge(watched: Watched) -> None:
    assert watched.problem == ""
    assert set(watched.others) == KINDS
    assert watched.hooks >= HOOKED
    assert watched.methods > METHODS


@pytest.mark.parametrize("caller", CULPRITS)
def test_a_call_of_each_kind_by_the_bridge_would_be_seen(watched: Watched, caller: str) -> None:
    assert {call.kind for call in watched.deeds[caller] if call.caller == caller} == KINDS
