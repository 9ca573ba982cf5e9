"""Each command that changes data is noted before it runs, or `doctor` names it as a way that leaves no note."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
import pytest
from closed.lists import FOLDER, names_in, node_name, sections
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf
from support.paths import REPOSITORY
from support.spark import end_jvm, local_builder, own_session

import spark_lineage
from bridge.records import read_segment, read_spool
from spark_lineage.analyze.commands import CLASSES, Category
from spark_lineage.capture import session
from spark_lineage.pipeline import ingest
from spark_lineage.settings import INTENTS as MODES
from spark_lineage.show.doctor import NOT_NOTED

pytestmark = [pytest.mark.spark, pytest.mark.matrix35]

INTENTS = REPOSITORY / "jvm_bridge" / "src" / "main" / "java" / "io" / "sparklineage" / "Intents.java"
CHANGES = (Category.WRITE, Category.WRITE_WITHOUT_RULE, Category.NOT_FOLLOWED, Category.ENDING)
NAMED = frozenset().union(*NOT_NOTED.values())


def noted_by_name() -> set[str]:
    text = INTENTS.read_text(encoding="utf-8")
    return set(re.findall(r'"(\w+)"', text[text.index("WRITES =") :].split(";", 1)[0]))


def noted_traits() -> list[str]:
    """The classes whose descendants are noted, with their packages."""
    text = INTENTS.read_text(encoding="utf-8")
    return [
        re.search(rf"^import ([\w.]+\.{name});", text, re.MULTILINE)[1]
        for name in re.findall(r"plan instanceof (\w+)", text)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intents")


@pytest.fixture(scope="module")
def spark(folder: Path) -> Iterator[SparkSession]:
    """With lineage, Delta and Hive's catalog."""
    end_jvm()
    builder = local_builder(folder).config(
        "spark.hadoop.javax.jdo.option.ConnectionURL", "jdbc:derby:memory:intents;create=true"
    )
    configured = spark_lineage.configure(builder.enableHiveSupport(), store=folder / "store")
    with own_session(configured) as started:
        started.range(1).count()  # the first query starts the bridge
        yield started


def test_each_command_that_changes_data_is_noted_or_named(spark: SparkSession) -> None:
    line = ".".join(pyspark.__version__.split(".")[:2])
    lists = [FOLDER / f"spark-{pyspark.__version__}.txt", *FOLDER.glob(f"delta-spark_{line}_*.txt")]
    lists += FOLDER.glob("delta-spark_2.12-*.txt") if line == "3.5" else ()
    assert len(lists) == 2
    places = {node_name(each): each for path in lists for each in sections(path)["plans"]}
    changes = frozenset().union(*(CLASSES[each] for each in CHANGES)) & places.keys()
    assert {"AppendData", "RestoreTableCommand", "LoadDataCommand", "DropTable"} <= changes
    loader = spark.sparkContext._jvm.java.lang.Thread.currentThread().getContextClassLoader()
    traits = [loader.loadClass(each) for each in noted_traits()]
    noted = noted_by_name() | {
        name
        for name in changes
        for found in [loader.loadClass(places[name])]
        if any(trait.isAssignableFrom(found) for trait in traits)
    }
    assert sorted(changes - noted) == sorted(NAMED & places.keys())


def test_what_is_noted_or_named_exists() -> None:
    assert sorted((noted_by_name() | NAMED) - names_in("plans")) == []


def test_what_a_session_notes(spark: SparkSession, folder: Path) -> None:
    (folder / "rows.txt").write_text("1\n")
    noted = [
        "CREATE TABLE orders USING delta AS SELECT id FROM range(3)",
        "INSERT INTO orders SELECT id FROM range(3)",
        "CREATE TABLE copy SHALLOW CLONE orders",
        f"CREATE TABLE delta.`{folder}/copy` SHALLOW CLONE orders",
        "RESTORE TABLE orders TO VERSION AS OF 0",
        "CREATE TABLE files USING parquet AS SELECT id FROM range(3)",
        "CONVERT TO DELTA files",
        "INSERT INTO parts VALUES (1, 2), (1, 3), (1, 4)",
        "ALTER TABLE parts DROP PARTITION (day = 2)",
        "TRUNCATE TABLE parts PARTITION (day = 3)",
        "TRUNCATE TABLE parts",
        f"LOAD DATA LOCAL INPATH '{folder}/rows.txt' INTO TABLE lines",
    ]
    named = [
        "CREATE TABLE parts (a INT, day INT) USING parquet PARTITIONED BY (day)",
        "CREATE TABLE lines (a STRING) STORED AS TEXTFILE",
        "CREATE VIEW seen AS SELECT id FROM orders",
        "ALTER TABLE lines RENAME TO words",
        "DROP TABLE words",
    ]
    made, rest = named[:2], named[2:]
    for statements, count in ((made, 0), (noted, 1), (rest, 0)):
        for statement in statements:
            before = session.status(spark).metrics["intents"]
            spark.sql(statement)
            assert session.status(spark).metrics["intents"] - before == count, statement


def test_the_doctor_of_a_session_says_what_it_does_not_note(spark: SparkSession, folder: Path) -> None:
    lineage = spark_lineage.enable(spark, store=folder / "store")
    (intents,) = [each for each in lineage.doctor().to_dict()["checks"] if each["name"] == "intents"]
    assert intents["outcome"] == "ok"
    assert all(each in intents["sentence"] for each in NOT_NOTED)


@contextmanager
def forced(spark: SparkSession, folder: Path) -> Iterator[list[str]]:
    """The names of the files and folders below `folder` that the driver's JVM brings to the disk meanwhile, in their order; filled at the end."""
    jvm, names = spark._jvm, []
    wanted = jvm.java.util.HashMap()
    wanted.put("jdk.FileForce#enabled", "true")
    wanted.put("jdk.FileForce#threshold", "0 ns")
    recording = jvm.jdk.jfr.Recording()
    recording.setSettings(wanted)
    recording.start()
    try:
        yield names
    finally:
        recording.stop()
        file = jvm.java.io.File(str(folder / "forced.jfr")).toPath()
        recording.dump(file)
        recording.close()
    paths = [Path(each.getString("path")) for each in jvm.jdk.jfr.consumer.RecordingFile.readAllEvents(file)]
    names += [each.suffix or each.name for each in paths if each.is_relative_to(folder)]


def write_and_copy(spark: SparkSession, folder: Path, target: Path, *, noted: bool) -> None:
    """A write whose task copies the spool as the system has it then, which is what a kill would leave; first it waits for a note, if there is to be one."""
    spool, copy = folder / "spool", folder / "killed"

    def copied() -> None:
        deadline = time.monotonic() + 60
        while noted and not any(b'"kind":"intent"' in each.read_bytes() for each in spool.glob("*.open")):
            assert time.monotonic() < deadline, "the write is not noted"
            time.sleep(0.01)
        shutil.copytree(spool, copy)

    rows = spark.range(0, 1, 1, 1).select(udf(lambda value: copied() or value, "long")("id").alias("id"))
    rows.write.parquet(str(target))


@pytest.mark.parametrize("mode", MODES)
def test_what_a_write_that_runs_and_one_that_is_killed_have_left(
    spark: SparkSession, folder: Path, mode: str
) -> None:
    """Nobody waits with `async`: its note comes too, a moment later. What `synced` alone has on the disk is seen by what the JVM forces."""
    session.detach(spark)
    place = folder / mode
    lineage = spark_lineage.enable(
        spark, store=place / "store", spool=place / "spool", intent=mode, segment_seal_seconds=3_600
    )
    with forced(spark, place) as names:
        write_and_copy(spark, place, place / "written", noted=mode != "off")
    bridge = spark._jvm.io.sparklineage.Bridge
    assert bridge.flush(30_000)
    ended = read_spool(place / "spool")
    lineage.disable()
    (segment,) = (place / "killed").iterdir()
    left = read_segment(segment)
    ingest(place / "killed", place / "of_the_killed")
    runs = spark_lineage.open(store=place / "of_the_killed", ingest=False).runs().to_dict()["runs"]
    note = [] if mode == "off" else ["plan", "intent"]
    assert segment.suffix == ".open"
    assert [each["kind"] for each in left] == ["application", *note]
    assert [each["kind"] for each in ended] == ["application", *note, "plan", "execution"]
    assert [(Path(run["target"]["name"]).name, run["state"]) for run in runs if run["kind"] == "write"] == (
        [] if mode == "off" else [("written", "UNKNOWN")]
    )
    assert len({each["execution_id"] for each in ended if "execution_id" in each}) == 1
    assert names == (["spool", ".open"] if mode == "synced" else [])
