"""The bridge's jar with a fault wherever one is wished for, and an application to try it on."""

from __future__ import annotations

import json
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyspark
from bridge.records import MAGIC
from pyspark.sql import SparkSession
from support.paths import JAR
from support.spark import DELTA

EXTENSION = "io.sparklineage.LineageExtension"
JAVA = Path(__file__).with_name("java")
KINDS = (
    "io", "runtime", "linkage", "class", "memory", "stack", "interrupted", "death", "assertion", "mute",
)  # fmt: skip
"""Throwables, as `Faults.java` makes them; `mute` is one whose own words throw."""

EXCEPTIONS = frozenset({"io", "runtime", "assertion", "mute"})
"""Those that Spark itself throws where it is asked for what it does not know."""

NOT_OURS_TO_CATCH = (
    "Bridge.enable", "Bridge.disable", "Bridge.status", "Bridge.flush", "Bridge.encode", "Bridge.missingLinks",
    "Bridge.failure", "Bridge.place", "Bridge.told", "Bridge.version",
)  # fmt: skip
"""What Python calls: it gets the error, and says so in a sentence. `version` is read while a class loads."""

HANG_SECONDS = 90
VARYING = frozenset({"metrics", "metric_types", "distributions", "exit_code", "operator_stages", "ended_at"})
"""Members of records whose shape depends on how quick the machine is."""


def compile_java(folder: Path) -> Path:
    """The classes of `tests/harmless/java`, compiled against this environment's Spark into a folder."""
    jars = Path(pyspark.__file__).parent / "jars"
    classes = folder / "classes"
    command = ["javac", "-Xlint:-path", "-nowarn", "-d", str(classes), "-cp", f"{JAR}:{jars}/*"]
    done = subprocess.run(
        [*command, *map(str, sorted(JAVA.glob("*.java")))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return classes


def faulty_jar(folder: Path, classes: Path) -> tuple[Path, dict[int, str]]:
    """A copy of the bridge's jar that can throw at the head of each method, and which number means which method."""
    jars = Path(pyspark.__file__).parent / "jars"
    copy, points = folder / "faulty.jar", folder / "points.txt"
    path = ":".join(map(str, [classes, *jars.glob("xbean-asm*.jar")]))
    subprocess.run(["java", "-cp", path, "Instrument", str(JAR), str(copy), str(points)], check=True)
    with zipfile.ZipFile(copy, "a") as archive:
        for name in ("io", "harmless"):
            for each in sorted((classes / name).rglob("*.class")):
                archive.write(each, str(each.relative_to(classes)))
    named = (line.split() for line in points.read_text(encoding="utf-8").splitlines())
    return copy, {int(number): name for number, name in named}


def shape(value: Any) -> Any:
    """What a record looks like without what changes from run to run: numbers and texts give way to words."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items() if name not in VARYING}
    if isinstance(value, list):
        return (
            "numbers"
            if value and all(isinstance(each, int) for each in value)
            else [shape(each) for each in value]
        )
    if value is None or isinstance(value, bool):
        return value
    return "text" if isinstance(value, str) else "number"


def read_all(spool: Path, seen: set[Path]) -> list[dict[str, Any]]:
    """The records of the segments not seen before, sealed or not; every frame that is whole must be right, a torn tail is left."""
    records = []
    for segment in sorted(spool.glob("*.*")):
        if segment.suffix in {".seg", ".open"} and segment not in seen:
            content = segment.read_bytes()
            assert content[:8] == MAGIC[: len(content)]
            records += _frames(content)
            if segment.suffix == ".seg":
                seen.add(segment)
    return records


def _frames(content: bytes) -> list[dict[str, Any]]:
    position, records = 8, []
    while position + 8 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        payload = content[position + 8 : position + 8 + length]
        if len(payload) == length:
            records.append(json.loads(payload))
        position += 8 + length
    return records


def shapes(records: list[dict[str, Any]]) -> Counter[str]:
    """How often each shape is there; of segments' headers, gaps and ends of applications there may be any number."""
    kept = (each for each in records if each["kind"] not in {"application", "gap"})
    return Counter(json.dumps([each["kind"], shape(each)], sort_keys=True) for each in kept)


_HANDS = ThreadPoolExecutor(1)
"""One thread for all: a thread that ends leaves its socket to the JVM behind."""


def bounded(what: Callable[[], Any]) -> Any:
    """The answer of `what`, which must come within a time that only a hang can exceed; what it raises is raised."""
    return _HANDS.submit(what).result(HANG_SECONDS)


@dataclass(frozen=True)
class Work:
    """A job: what it does in a session, in a folder of its own. Its answer is the result that lineage must not change."""

    name: str
    do: Callable[[SparkSession, Path], list[Any]]
    settings: Mapping[str, str] = field(default_factory=dict)


def _plain(spark: SparkSession, folder: Path) -> list[Any]:
    table = str(folder / "plain")
    numbers = spark.range(40).selectExpr("id", "id % 3 AS key").where("id > 3")
    numbers.write.mode("overwrite").parquet(table)
    read = spark.read.schema("id long, key long").parquet(table)
    counted = [tuple(row) for row in read.groupBy("key").count().orderBy("key").collect()]
    kept = read.where("key = 1").localCheckpoint()
    rows = spark._jsc.parallelize([1, 2, 3]).count()
    spark._jsc.sc().env().metricsSystem().report()
    return [counted, kept.count(), rows, _failing(spark)]


def _failing(spark: SparkSession) -> str:
    try:
        spark.sql("SELECT raise_error('no') FROM range(2)").collect()
    except Exception as error:  # noqa: BLE001 - each Spark line raises classes of its own
        return type(error).__name__
    return "nothing"


def _streaming(spark: SparkSession, folder: Path) -> list[Any]:
    source, number = str(folder / "streamed-from"), time.monotonic_ns()
    spark.range(5).write.mode("overwrite").parquet(source)
    stream = spark.readStream.schema("id long").parquet(source)
    query = (
        stream.writeStream.option("checkpointLocation", str(folder / f"checkpoint-{number}"))
        .trigger(availableNow=True)
        .start(str(folder / f"streamed-{number}"))
    )
    finished = query.awaitTermination(HANG_SECONDS - 10)
    return [finished, spark.read.parquet(str(folder / f"streamed-{number}")).count()]


def _executors(spark: SparkSession, _folder: Path) -> list[Any]:
    scheduler = spark._jvm.org.apache.spark.scheduler
    bus = spark._jsc.sc().listenerBus()
    bus.post(scheduler.SparkListenerExecutorRemoved(1, "1", "Command exited with code 137"))
    return [spark.range(3).count()]


def _tables(spark: SparkSession, _folder: Path) -> list[Any]:
    name = f"kept_{time.monotonic_ns()}"
    spark.range(6).selectExpr("id", "id % 2 AS key").write.format("delta").partitionBy("key").saveAsTable(
        name
    )
    spark.sql(f"DELETE FROM {name} WHERE id = 3")  # noqa: S608
    kept = sorted(tuple(row) for row in spark.table(name).collect())
    spark.range(2).write.jdbc(DATABASE, "numbers", mode="overwrite")
    stored = spark.read.jdbc(DATABASE, "numbers")
    of_rdd = spark._jsc.textFile(__file__).count() > 0
    rows = [kept, stored.count(), stored.rdd.count(), of_rdd]
    spark.sql(f"DROP TABLE {name}")
    return rows


DATABASE = "jdbc:derby:memory:faulty;create=true"

DELTA_TOO = DELTA | {"spark.sql.extensions": f"{DELTA['spark.sql.extensions']},{EXTENSION}"}

SINK = {
    "spark.metrics.conf.*.sink.csv.class": "org.apache.spark.metrics.sink.CsvSink",
    "spark.metrics.conf.*.sink.csv.directory": "{spool}-metrics",
    "spark.metrics.conf.*.sink.csv.unit": "days",
}
"""Reads the numbers when it is told to."""

WORK = (
    Work("plain", _plain, SINK),
    Work("streaming", _streaming),
    Work("executors", _executors),
    Work("tables", _tables, DELTA_TOO),
)
