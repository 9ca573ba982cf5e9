"""What is wrong with this installation, its spool, its store or a running session, and the fix for each."""

from __future__ import annotations

import importlib.metadata
import os
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from spark_lineage import __version__
from spark_lineage.capture import session, spool
from spark_lineage.capture.spark_home import NEWEST_LINE, SparkHome, find_folder, find_spark, set_already
from spark_lineage.errors import BridgeError, LineageError, SparkUnsupportedError, StoreError, without_secrets
from spark_lineage.model import SCHEMA_VERSION
from spark_lineage.pipeline.ended_bridges import last_metrics
from spark_lineage.settings import Settings
from spark_lineage.show.answer import Answer
from spark_lineage.show.html.lists import checks_html
from spark_lineage.show.text.lists import checks_text
from spark_lineage.store.delta import DeltaStore

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_POM_PROPERTIES = "META-INF/maven/io.sparklineage/spark-lineage-bridge/pom.properties"
_JAVA_TIMEOUT_SECONDS = 30

# Versions that are tested together, by Spark line: Java, the newest Python, Delta.
_JAVA = {(3, 5): (8, 11, 17), (4, 0): (17, 21), (4, 1): (17, 21), (4, 2): (17, 21)}
_NEWEST_PYTHON = {(3, 5): (3, 11)}
_DELTA = {(3, 5): "3.3.3", (4, 0): "4.4.0", (4, 1): "4.4.0", (4, 2): "4.4.0"}


NOT_NOTED = {
    "micro-batches": frozenset({
        "WriteToContinuousDataSource", "WriteToMicroBatchDataSource", "WriteToMicroBatchDataSourceV1",
    }),
    "jobs without a query (RDDs)": frozenset[str](),
    "queries that only read": frozenset[str](),
    "views": frozenset({"AlterViewAsCommand", "CreateIcebergView", "CreateViewCommand"}),
    "tables that are made, replaced or dropped without a query": frozenset({
        "CreateDataSourceTableCommand", "CreateDeltaTableCommand", "CreateTable", "CreateTableCommand", "DropTable", "DropTableCommand",
        "ReplaceTable",
    }),
    "new names, places and columns of tables": frozenset({
        "AlterTableDropColumnsDeltaCommand", "AlterTableRenameCommand", "AlterTableRenamePartitionCommand",
        "AlterTableReplaceColumnsDeltaCommand", "AlterTableSetLocationCommand", "AlterTableSetLocationDeltaCommand", "DropColumns",
        "RenameColumn", "RenamePartitions", "RenameTable", "ReplaceColumns", "SetTableLocation",
    }),
}  # fmt: skip
"""What is not noted before it runs -> the commands of it that the analyzer knows as changes of data; all others the bridge notes.

A CLONE into a table that is not there yet is a `CreateDeltaTableCommand` with a query: that one is noted.
"""


OTHER_SESSIONS = "writes of sessions that lineage was not enabled in"


class Outcome(str, Enum):
    """OK; WARN where something may be missing or lost; FAIL where lineage does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fix` is what to do, empty where nothing is. Neither has the secrets of an address."""

    name: str
    outcome: Outcome
    sentence: str
    fix: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sentence", without_secrets(self.sentence))
        object.__setattr__(self, "fix", without_secrets(self.fix))


def diagnose(
    settings: Settings, spark: SparkSession | None = None, *, switched_off: bool = False
) -> tuple[Check, ...]:
    """Look at everything, in the order of the data: jar, Spark, spool, store; and at a session that runs, if given.

    In one that lineage was `switched_off` in on purpose nothing is wrong where it is off. Never raises and changes nothing. Nothing is wrong where no check has the outcome FAIL.
    """
    found = _installed_spark()
    checks = [_jar(), _spark(found)]
    if isinstance(found, SparkHome):
        checks += [_python(found), _java(found), _delta(found), *_switch(found)]
    checks += [_hash_key(settings.hash_key_file), *_spool(settings.spool)]
    checks += [*_last_application(settings), _store(settings.store)]
    if spark is None:
        checks.append(_intents(settings.intent, every_session=True))
    else:
        checks += [_session(settings, spark, switched_off=switched_off), *_session_settings(spark)]
    return tuple(checks)


def doctor_answer(checks: Iterable[Check]) -> Answer:
    """The checks as an answer, like those about a store."""
    listed = [{**asdict(check), "outcome": check.outcome.value} for check in checks]
    return Answer({"schema_version": SCHEMA_VERSION, "checks": listed}, checks_text, checks_html)


def _jar() -> Check:
    try:
        path = session.jar_path()
    except BridgeError as error:
        return _from_error("jar", error)
    fix = "install spark-lineage again, or run `make jar` in its sources"
    try:
        with zipfile.ZipFile(path) as archive:
            properties = archive.read(_POM_PROPERTIES).decode("utf-8")
    except (OSError, KeyError, zipfile.BadZipFile):
        return Check("jar", Outcome.FAIL, f"{path} is not the bridge's jar", fix)
    found = re.search(r"^version=(.*)$", properties, re.MULTILINE)
    version = found[1].strip() if found else "unknown"
    if version != __version__:
        return Check(
            "jar", Outcome.FAIL, f"{path} is of version {version}, the package is {__version__}", fix
        )
    return Check("jar", Outcome.OK, f"{path} ({version})")


def _installed_spark() -> SparkHome | SparkUnsupportedError:
    try:
        return find_spark()
    except SparkUnsupportedError as error:
        return error


def _spark(found: SparkHome | SparkUnsupportedError) -> Check:
    if isinstance(found, SparkUnsupportedError):
        # A store can be read without Spark; capturing is what does not work here.
        return _from_error("spark", found, Outcome.FAIL if find_folder() else Outcome.WARN)
    text = f"Spark {found.version} for Scala {found.scala} in {found.folder}"
    if found.line > NEWEST_LINE:
        return Check(
            "spark", Outcome.WARN, f"{text} is newer than the lines that are tested", "use Spark 3.5 to 4.2"
        )
    return Check("spark", Outcome.OK, text)


def _python(spark: SparkHome) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    newest = _NEWEST_PYTHON.get(spark.line)
    if newest is not None and sys.version_info[:2] > newest:
        allowed = ".".join(map(str, newest))
        sentence = f"Python {version} is newer than Spark {spark.version} supports"
        return Check("python", Outcome.WARN, sentence, f"use Python {allowed} or older")
    return Check("python", Outcome.OK, f"Python {version}")


def _java(spark: SparkHome) -> Check:
    allowed = _JAVA.get(spark.line, _JAVA[NEWEST_LINE])
    fix = f"install a JDK {' or '.join(map(str, allowed))}, or set JAVA_HOME to one"
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home) / "bin" / "java") if home else "java"
    try:
        done = subprocess.run(
            [command, "-version"], capture_output=True, text=True, check=True, timeout=_JAVA_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return Check("java", Outcome.FAIL, f"`{command} -version` does not run", fix)
    found = re.search(r'version "(?:1\.)?(\d+)[^"]*"', done.stderr)
    if found is None:
        return Check("java", Outcome.WARN, f"`{command} -version` does not say its version", fix)
    if int(found[1]) not in allowed:
        return Check("java", Outcome.FAIL, f"Java {found[1]} does not go with Spark {spark.version}", fix)
    return Check("java", Outcome.OK, f"Java {found[1]}")


def _delta(spark: SparkHome) -> Check:
    wanted = _DELTA.get(spark.line, _DELTA[NEWEST_LINE])
    version = _version_of("delta-spark")
    if version is None:
        return Check(
            "delta",
            Outcome.OK,
            "delta-spark is not installed; jobs on Delta tables need it, lineage does not",
        )
    if version != wanted:
        sentence = f"delta-spark {version} is not tested with Spark {spark.version}"
        return Check("delta", Outcome.WARN, sentence, f"pip install delta-spark=={wanted}")
    return Check("delta", Outcome.OK, f"delta-spark {version}")


def _switch(spark: SparkHome) -> Iterable[Check]:
    """Whether Spark's own configuration switches lineage on without the jar: of the flag alone Spark says nothing."""
    try:
        conf = set_already(spark)
    except (OSError, ValueError):
        return
    is_on = conf.get("spark.lineage.enabled", "").strip().lower() == "true"
    if not is_on and session.EXTENSION_CLASS not in conf.get("spark.sql.extensions", ""):
        return
    places = ",".join(conf.get(name, "") for name in _PLACES_OF_JARS)
    jar = session.JAR_NAME.removesuffix(".jar")  # Maven's has its version behind that
    if jar in places or any((spark.folder / "jars").glob(f"{jar}*.jar")):
        yield Check("switch", Outcome.OK, "Spark's configuration switches lineage on and names its jar")
        return
    if "*" in places:
        return  # the jar may be in the folder, on the machine where the job runs
    sentence = "Spark's configuration switches lineage on and does not name its jar: a job that does not name it either runs without lineage"
    yield Check("switch", Outcome.WARN, sentence, "set spark.jars to what `spark-lineage jar` prints")


_PLACES_OF_JARS = ("spark.jars", "spark.driver.extraClassPath")

_KEY_FILE_BYTES = 4_096
"""What a driver reads of it: a pipe or a device has no end."""


def _hash_key(file: Path) -> Check:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _KEY_FILE_BYTES:
            sentence = f"{file} is no regular file of at most {_KEY_FILE_BYTES} bytes"
            return Check("hash key", Outcome.FAIL, sentence, "name another in hashKeyFile")
        mode = status.st_mode & 0o777
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return Check("hash key", Outcome.OK, f"{file} will be made by the first job")
    except (OSError, ValueError) as error:
        return Check(
            "hash key", Outcome.FAIL, f"{file} cannot be read ({error})", "name another in hashKeyFile"
        )
    if mode & 0o077:
        return Check(
            "hash key", Outcome.WARN, f"{file} can be read by others (mode {mode:03o})", f"chmod 600 {file}"
        )
    if not re.fullmatch(r"([0-9a-fA-F]{2}){16,}", text):
        sentence = f"{file} does not hold at least 16 bytes as hex digits"
        return Check("hash key", Outcome.FAIL, sentence, "remove it, and the next job makes a new one")
    return Check("hash key", Outcome.OK, str(file))


def _spool(folder: Path) -> Iterable[Check]:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        problem = "is no folder" if not existing.is_dir() else "cannot be written to"
        yield Check("spool", Outcome.FAIL, f"{existing} {problem}", "name another in the setting `spool`")
        return
    try:
        segments = spool.segments(folder)
        kept = spool.kept_aside(folder)
    except (BridgeError, OSError) as error:
        yield Check("spool", Outcome.FAIL, str(error).rstrip("."), "name another in the setting `spool`")
        return
    yield Check("spool", Outcome.OK, str(folder))
    yield _waiting(segments)
    if kept:
        sentence = f"{len(kept)} damaged pieces are kept in {folder / spool.BAD_FOLDER}"
        yield Check(
            "kept aside", Outcome.WARN, sentence, "read the .reason files beside them, then remove them"
        )


def _waiting(segments: tuple[spool.Segment, ...]) -> Check:
    counts = {state: sum(segment.state is state for segment in segments) for state in spool.SegmentState}
    sealed, live, dead = (counts[state] for state in spool.SegmentState)
    sentence = f"{sealed} segments wait, {live} are being written, {dead} were left by jobs that died"
    if dead:
        return Check(
            "segments", Outcome.WARN, sentence, "run `spark-lineage ingest`: what they hold is not lost"
        )
    return Check("segments", Outcome.OK, sentence)


def _last_application(settings: Settings) -> Iterable[Check]:
    """What the bridge that ended last told of itself; of a spool or a store that cannot be read another check tells."""
    segments: tuple[spool.Segment, ...] = ()
    with suppress(BridgeError, OSError):
        segments = spool.segments(settings.spool)
    try:
        metrics = last_metrics(segments, DeltaStore(settings.store))
    except (StoreError, OSError):
        metrics = last_metrics(segments, None)
    if metrics:
        lost = metrics.get("lost", 0)
        sentence = f"The bridge that ended last lost {lost} records{_lost(metrics)}{_costs(metrics)}"
        fix = "see `spark-lineage problems` and the driver's log" if lost else ""
        yield Check("last application", Outcome.WARN if lost else Outcome.OK, sentence, fix)
        yield from _wrong_settings(metrics, "the application that ended last")


def _store(place: Path | str) -> Check:
    store = DeltaStore(place)
    try:
        if isinstance(place, Path) and (not place.exists() or (place.is_dir() and not any(place.iterdir()))):
            return Check("store", Outcome.OK, f"{place} will be made by the first ingest")
        left_out = store.read("runs", ["left_out"])["left_out"].to_pylist()
    except StoreError as error:
        return _from_error("store", error)
    except OSError as error:
        return Check(
            "store",
            Outcome.FAIL,
            f"{place} cannot be read ({error.strerror})",
            "name another store",
        )
    less = {"level": "columns", "sample": "operators and stages"}
    words = [
        f"{left_out.count(setting)} of them without {what} on purpose ({setting})"
        for setting, what in less.items()
        if setting in left_out
    ]
    return Check("store", Outcome.OK, ", ".join([f"{place} holds {len(left_out)} runs", *words]))


def _session(settings: Settings, spark: SparkSession, *, switched_off: bool) -> Check:
    try:
        status = session.status(spark)
    except LineageError as error:
        return _from_error("session", error)
    if status is None or not status.alive:
        if switched_off:
            sentence = "Lineage is switched off in this session (by disable): what runs is not captured"
            return Check("session", Outcome.OK, sentence, "spark_lineage.enable(spark) switches it on again")
        reason = f" ({status.last_error})" if status is not None and status.last_error else ""
        sentence = f"Lineage is not on in this session{reason}"
        return Check("session", Outcome.FAIL, sentence, "call spark_lineage.enable(spark)")
    if status.lost:
        reasons = _lost(status.metrics)
        sentence = (
            f"The bridge lost {status.lost} records{reasons} (last error: {status.last_error or 'none'}); "
            f"{status.records} records so far{_costs(status.metrics)}"
        )
        return Check("session", Outcome.WARN, sentence, "see `spark-lineage problems` and the driver's log")
    if status.spool is not None and Path(status.spool) != settings.spool:
        sentence = f"The session writes to the spool {status.spool}, and the settings name {settings.spool}"
        return Check("session", Outcome.WARN, sentence, "name the store that the session was started with")
    return Check(
        "session", Outcome.OK, f"The bridge is on: {status.records} records so far{_costs(status.metrics)}"
    )


def _session_settings(spark: SparkSession) -> Iterable[Check]:
    """Settings that are not followed, and what a killed driver of this session leaves; nothing where lineage is not on."""
    try:
        status = session.status(spark)
    except LineageError:
        return
    if status is None or not status.alive:
        return
    yield from _wrong_settings(status.metrics, "this application")
    if status.intent is not None:
        yield _intents(status.intent, every_session=bool(status.every_session))


def _wrong_settings(metrics: dict[str, int], application: str) -> Iterable[Check]:
    count = metrics.get("wrong_settings", 0)
    if count:
        sentence = (
            f"{count} settings of {application} are unknown or have a wrong value, and are not followed"
        )
        fix = "correct what the driver's log and `spark-lineage problems` (wrong_setting) name"
        yield Check("settings", Outcome.WARN, sentence, fix)


def _intents(intent: str, *, every_session: bool) -> Check:
    """What a killed driver leaves a trace of, and what not."""
    if intent == "off":
        sentence = (
            "No write is noted before it runs (intent is off): a driver that is killed leaves no trace of it"
        )
        return Check("intents", Outcome.WARN, sentence, "set spark.lineage.intent to written")
    *first, last = NOT_NOTED if every_session else (*NOT_NOTED, OTHER_SESSIONS)
    sentence = f"Writes are noted before they run ({intent}); not noted are {', '.join(first)}, and {last}"
    fix = "" if every_session else "start the application with the words of `spark-lineage flags`"
    return Check("intents", Outcome.OK, sentence, fix)


def _lost(metrics: dict[str, int]) -> str:
    """How many were lost for which reason, in the order of the names."""
    counts = {
        name.removeprefix("lost_"): metrics[name] for name in sorted(metrics) if name.startswith("lost_")
    }
    words = ", ".join(f"{count} {reason}" for reason, count in counts.items() if count)
    return f": {words}" if words else ""


def _costs(metrics: dict[str, int]) -> str:
    """What was captured, what waits and what it took; only what the bridge knows (docs/metrics.md)."""
    words = [f"{metrics[name]} {name}" for name in ("executions", "intents") if name in metrics]
    if metrics.get("intents_late"):
        words.append(f"{metrics['intents_late']} of them after their write had gone on")
    if metrics.get("sampled_out"):
        words.append(f"{metrics['sampled_out']} without operators and stages on purpose")
    if {"written_bytes", "queued_records", "queued_bytes"} <= metrics.keys():
        words.append(f"{_bytes(metrics['written_bytes'])} written")
        words.append(f"{metrics['queued_records']} records ({_bytes(metrics['queued_bytes'])}) queued")
    if metrics.get("queued_executions"):
        words.append(f"{metrics['queued_executions']} executions queued")
    times = {
        "listener": "listener_nanos",
        "recorder": "recorder_nanos",
        "writer": "writer_nanos",
        "intents": "intent_nanos",
    }
    words += [f"{name} {metrics[key] / 1e6:.0f} ms" for name, key in times.items() if key in metrics]
    return f" ({', '.join(words)})" if words else ""


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _from_error(name: str, error: LineageError, outcome: Outcome = Outcome.FAIL) -> Check:
    """A check from an error's sentence, whose part behind the colon says what to do."""
    sentence, _, fix = str(error).rstrip(".").rpartition(": ")
    return Check(name, outcome, sentence or fix, fix if sentence else "")


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
