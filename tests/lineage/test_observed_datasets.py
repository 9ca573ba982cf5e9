"""Datasets as they were: what runs say they read and wrote equals what files, logs and counts say without them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from support.observe import Met, observe

from lineage.harness import spark_marks
from lineage.place import Place
from spark_lineage.model import Observation, RunState

pytestmark = spark_marks()

COLUMNS = [("a", "bigint", True), ("s", "string", True), ("p", "int", True)]


def numbers(spark: SparkSession, count: int = 9) -> DataFrame:
    """The numbers from 0 in `a`, a text in `s`, the rest by 3 in `p`."""
    return spark.range(count).selectExpr("id AS a", "concat('s', id) AS s", "cast(id % 3 AS int) AS p")


def files(folder: Path, pattern: str = "**/*.parquet") -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if "_delta_log" not in path.parts)


def size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def window(paths: Iterable[Path]) -> tuple[int, int]:
    times = [path.stat().st_mtime_ns // 1_000_000 for path in paths]
    return min(times), max(times)


def figures(each: Observation) -> tuple[int | None, ...]:
    """Rows, files, bytes and partitions."""
    return each.rows, each.files, each.bytes, each.partitions_read


NOTHING_KNOWN = (None, None, None, None)


@pytest.fixture
def parted(place: Place) -> Path:
    """A folder of Parquet with two files for each of the partitions 0, 1 and 2 of `p`, nine rows in all."""
    folder = place.folder / "parted"
    numbers(place.spark).repartition(2, "a").write.partitionBy("p").parquet(str(folder))
    return folder


def usage(place: Place, action: Callable[[], Any]) -> Met:
    (met,) = observe(place.lineage, action)
    return met


@pytest.mark.smoke35
def test_files_that_were_written_and_what_was_left_of_them_after_pruning(place: Place) -> None:
    folder, spark = place.folder / "parted", place.spark
    frame = numbers(spark).repartition(2, "a")
    (wrote,) = observe(place.lineage, lambda: frame.write.partitionBy("p").parquet(str(folder)))
    written = wrote.one("written", "/parted")
    whole, first = files(folder), files(folder, "p=1/*.parquet")
    assert figures(written) == (9, len(whole), size(whole), None)
    assert sorted(wrote.columns(written)) == sorted(COLUMNS)
    assert (written.version, written.offsets, written.modified_from) == (None, None, None)

    one = usage(place, lambda: spark.read.parquet(str(folder)).where("p = 1 AND a > 1").collect())
    read = one.one("read", "/parted")
    assert figures(read) == (3, len(first), size(first), 1)
    assert (read.modified_from, read.modified_until) == window(first)
    assert one.columns(read) == COLUMNS
    assert read.operator is not None
    assert read.operator.startswith(f"{one.run.run_id.rpartition(':')[2]}:")

    none = usage(place, lambda: spark.read.parquet(str(folder)).where("p = 7").collect()).one(
        "read", "/parted"
    )
    assert figures(none) == (0, 0, 0, 0)
    assert (none.modified_from, none.modified_until) == (None, None)

    count = usage(place, lambda: spark.read.parquet(str(folder)).count()).one("read", "/parted")
    assert figures(count) == (9, len(whole), size(whole), 3)


def test_a_read_of_several_folders_has_its_figures_in_a_row_of_their_own(place: Place, parted: Path) -> None:
    reader = place.spark.read.option("basePath", str(parted))
    met = usage(place, lambda: reader.parquet(f"{parted}/p=0", f"{parted}/p=2").collect())
    both = files(parted, "p=0/*.parquet") + files(parted, "p=2/*.parquet")
    assert figures(met.one("read", "/parted")) == (6, len(both), size(both), 2)
    paths = {each.path: each for each in met.all("read", "/parted")}
    assert {path.rpartition("/")[2] for path in paths} == {"parted", "p=0", "p=2"}
    assert figures(paths[f"file:{parted}/p=0"]) == NOTHING_KNOWN


@pytest.mark.parametrize("adaptive", ["true", "false"])
def test_what_is_scanned_twice_counts_twice_and_what_is_reused_once(
    place: Place, parted: Path, adaptive: str
) -> None:
    spark, whole = place.spark, files(parted)
    spark.conf.set("spark.sql.adaptive.enabled", adaptive)
    spark.read.parquet(str(parted)).createOrReplaceTempView("n")
    join = "SELECT * FROM n x JOIN n y ON x.a = y.a + 1"
    twice = usage(place, lambda: spark.sql(join).collect()).one("read", "/parted")
    assert figures(twice) == (18, 2 * len(whole), 2 * size(whole), None)
    assert twice.operator is None
    summed = "(SELECT p, sum(a) AS a FROM n GROUP BY p)"
    reused = f"SELECT * FROM {summed} x JOIN {summed} y ON x.p = y.p"  # noqa: S608  # no one else's text
    once = usage(place, lambda: spark.sql(reused).collect()).one("read", "/parted")
    assert figures(once) == (9, len(whole), size(whole), 3)


def test_what_was_not_read_has_no_figures(place: Place, parted: Path) -> None:
    spark = place.spark
    spark.read.parquet(str(parted)).createOrReplaceTempView("n")
    empty = "SELECT /*+ BROADCAST(e) */ n.a FROM n JOIN (SELECT a FROM u WHERE v > 1000) e ON n.a = e.a"
    met = usage(place, lambda: spark.sql(empty).collect())
    assert figures(met.one("read", "/parted")) == NOTHING_KNOWN  # the other side was found to be empty first

    kept = spark.read.parquet(str(parted)).cache()
    filling, cached = (usage(place, lambda: kept.where("a > 2").collect()) for _ in range(2))
    kept.unpersist()
    assert [figures(each.one("read", "/parted")) for each in (filling, cached)] == [NOTHING_KNOWN] * 2


def test_partitions_that_a_join_rules_out_while_it_runs_are_not_read(place: Place, parted: Path) -> None:
    spark, two = place.spark, files(parted, "p=2/*.parquet")
    spark.read.parquet(str(parted)).createOrReplaceTempView("n")
    spark.createDataFrame([(2, "x"), (5, "y")], "p int, w string").write.parquet(f"{place.folder}/dim")
    spark.read.parquet(f"{place.folder}/dim").createOrReplaceTempView("d")
    met = usage(place, lambda: spark.sql("SELECT n.a FROM n JOIN d ON n.p = d.p WHERE d.w = 'x'").collect())
    assert figures(met.one("read", "/parted")) == (3, len(two), size(two), 1)


def test_each_table_of_a_multi_table_insert_has_its_own_scan(place: Place, parted: Path) -> None:
    spark = place.spark
    place.sql(
        "CREATE TABLE one(a bigint) USING parquet", "CREATE TABLE two(a bigint, s string) USING parquet"
    )
    met = observe(
        place.lineage,
        lambda: spark.sql(
            f"FROM parquet.`{parted}` INSERT INTO one SELECT a WHERE p = 1 INSERT INTO two SELECT a, s WHERE p < 2"
        ),
    )
    assert [(each.one("read", "/parted").rows, each.run.rows) for each in met] == [(3, 3), (6, 6)]


def history(spark: SparkSession, path: Path) -> dict[int, tuple[str, int, int | None]]:
    """What Delta itself says of each version: operation, time in milliseconds, rows written by a WRITE."""
    told = spark.sql(f"DESCRIBE HISTORY delta.`{path}`").selectExpr(
        "version",
        "operation",
        "unix_millis(timestamp)",
        "cast(operationMetrics['numOutputRows'] AS long)",
        "userMetadata",
    )
    rows = told.collect()
    assert {row[4] for row in rows} == {None}, "lineage wrote into the user's log"
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


@pytest.mark.smoke35
def test_the_versions_that_delta_writes_made_and_reads_met(place: Place) -> None:
    spark, path = place.spark, place.folder / "delta"
    nine = numbers(spark).coalesce(1)

    def work() -> None:
        nine.write.format("delta").partitionBy("p").save(str(path))
        nine.where("a < 4").write.format("delta").mode("append").save(str(path))
        nine.where("p = 1").write.format("delta").mode("overwrite").save(str(path))
        spark.read.format("delta").load(str(path)).collect()
        spark.read.format("delta").option("versionAsOf", 1).load(str(path)).where("p = 0").collect()

    met = observe(place.lineage, work)
    told = history(spark, path)
    written = [each.one("written", "/delta") for each in met[:3]]
    assert [(each.version, each.version_at, each.rows) for each in written] == [
        (0, told[0][1], 9),
        (1, told[1][1], 4),
        (2, told[2][1], 3),
    ]
    assert {told[version] for version in told} == {("WRITE", told[each][1], (9, 4, 3)[each]) for each in told}
    now, then = (each.one("read", "/delta") for each in met[3:])
    adds = DeltaTable(path, version=1).get_add_actions(flatten=True)
    zero = [
        (length, modified)
        for partition, length, modified in zip(
            adds["partition.p"].to_pylist(), adds["size_bytes"].to_pylist(), adds["modification_time"].to_pylist(),
            strict=True,
        )
        if partition == 0
    ]  # fmt: skip
    assert (now.version, now.version_at, now.rows, now.files) == (2, told[2][1], 3, 1)
    assert (then.version, then.version_at) == (1, told[1][1])
    assert figures(then) == (5, 2, sum(each[0] for each in zero), 1)
    times = sorted(each[1] for each in zero)
    assert (then.modified_from, then.modified_until) == (times[0], times[-1])
    assert [each.columns(one) for each, one in zip(met, (*written, now, then), strict=True)] == [COLUMNS] * 5


def test_the_versions_of_delta_s_tables_and_row_level_commands(place: Place) -> None:
    spark = place.spark
    numbers(spark).createOrReplaceTempView("nine")
    steps = {
        "CREATE TABLE AS SELECT": "CREATE TABLE d USING delta AS SELECT a, s FROM nine",
        "INSERT": "INSERT INTO d SELECT a + 100, s FROM nine WHERE a < 2",
        "MERGE": "MERGE INTO d USING (SELECT a + 1 AS a, s FROM t2) n ON d.a = n.a "
        "WHEN MATCHED THEN UPDATE SET s = n.s WHEN NOT MATCHED THEN INSERT *",
        "UPDATE": "UPDATE d SET s = 'z' WHERE a = 3",
        "DELETE": "DELETE FROM d WHERE a IN (4, 5)",
        "OVERWRITE": "INSERT OVERWRITE d SELECT a, s FROM nine WHERE a = 0",
        "REPLACE TABLE AS SELECT": "CREATE OR REPLACE TABLE d USING delta AS SELECT a FROM nine",
    }
    place.sql("CREATE TABLE t2 USING parquet AS SELECT a, s FROM nine WHERE a > 6")
    met = observe(place.lineage, lambda: place.sql(*steps.values()))
    assert [each.run.operation for each in met] == list(steps)
    written = [each.one("written", "/d") for each in met]
    assert [(each.version, each.rows) for each in written] == [
        (0, 9), (1, 2), (2, 2), (3, 1), (4, 2), (5, 1), (6, 9),
    ]  # fmt: skip
    (place_of_d,) = {each.path.removeprefix("file:") for each in written}
    told = history(spark, Path(place_of_d))
    assert [each.version_at for each in written] == [told[version][1] for version in range(7)]
    assert met[0].columns(written[0]) == [("a", "bigint", True), ("s", "string", True)]
    assert met[6].columns(written[6]) == [("a", "bigint", True)]
    merged = met[2].one("read", "/d")
    assert (merged.version, met[2].one("read", "/t2").version) == (1, None)


def test_what_only_the_log_counts(place: Place) -> None:
    """The files of an append, and the version of a write that replaces a part; of a clone nobody has counted the rows."""
    spark = place.spark
    numbers(spark).repartition(1).createOrReplaceTempView("nine")
    place.sql("CREATE TABLE d(a bigint, p int) USING delta PARTITIONED BY (p)")
    part = spark.table("nine").where("p = 1").select("a", "p")

    def work() -> None:
        place.sql("INSERT INTO d SELECT a, p FROM nine")
        part.write.format("delta").mode("overwrite").option("replaceWhere", "p = 1").saveAsTable("d")
        place.sql("CREATE TABLE e SHALLOW CLONE d")

    added, replaced, cloned = observe(place.lineage, work)
    written = [added.one("written", "/d"), replaced.one("written", "/d"), cloned.one("written", "/e")]
    files = [
        row.operationMetrics.get("numFiles")
        for row in spark.sql("DESCRIBE HISTORY d").sort("version").collect()
    ]
    assert [str(each.files) for each in written[:2]] == files[1:] == ["3", "1"]
    assert [each.run.files for each in (added, replaced)] == [3, 1]
    assert [(each.version, each.rows) for each in written] == [(1, 9), (2, 3), (0, None)]


def forge(path: Path, version: int, template: int, rows: int, stamp: int, engine: str | None = None) -> None:
    """Another writer's commit: an append like that of version `template`, with its own rows and time."""
    lines = (path / "_delta_log" / f"{template:020}.json").read_text().splitlines()
    (info,) = (json.loads(line)["commitInfo"] for line in lines if "commitInfo" in json.loads(line))
    info["operationMetrics"]["numOutputRows"] = str(rows)
    info |= {"timestamp": stamp, "readVersion": template - 1, "txnId": f"forged-{version}"}
    info["engineInfo"] = engine or info["engineInfo"]
    log = path / "_delta_log" / f"{version:020}.json"
    log.write_text(json.dumps({"commitInfo": info}) + "\n")


def test_a_second_writer_is_told_apart_or_the_version_stays_unknown(place: Place) -> None:
    nine = numbers(place.spark).coalesce(1)
    paths = [place.folder / name for name in ("alike", "other", "engine")]
    for path in paths:
        nine.write.format("delta").save(str(path))
    place.lineage.flush()

    def work() -> None:
        for path in paths:
            nine.write.format("delta").mode("append").save(str(path))
        for path, rows, engine in zip(paths, (9, 8, 9), (None, None, "delta-rs:py-1.6.6"), strict=True):
            own = json.loads((path / "_delta_log" / f"{1:020}.json").read_text().splitlines()[0])
            forge(path, 2, 1, rows, own["commitInfo"]["timestamp"], engine)

    met = observe(place.lineage, work)
    versions = [each.one("written", path.name).version for each, path in zip(met, paths, strict=True)]
    assert versions == [None, 1, 1]
    assert all(each.run.state is RunState.COMPLETE for each in met)


@pytest.mark.smoke35
def test_a_stream_s_batches_made_the_versions_that_name_them(place: Place) -> None:
    spark, source, target = place.spark, place.folder / "from", place.folder / "into"
    nine = numbers(spark).coalesce(1)

    def stream() -> None:
        (
            spark.readStream.format("delta").load(str(source)).writeStream.format("delta")
            .option("checkpointLocation", f"{place.folder}/checkpoint").trigger(availableNow=True)
            .start(str(target)).awaitTermination()
        )  # fmt: skip

    def work() -> None:
        nine.write.format("delta").save(str(source))
        stream()
        nine.where("a < 4").write.format("delta").mode("append").save(str(source))
        stream()

    met = [each for each in observe(place.lineage, work) if each.run.operation == "STREAM"]
    told = history(spark, target)
    assert [(each.run.batch_id, each.one("written", "/into").version) for each in met] == [(0, 0), (1, 1)]
    assert [each.one("written", "/into").version_at for each in met] == [told[0][1], told[1][1]]
    reads = [each.one("read", "/from") for each in met]
    assert [(each.version, each.rows, each.files) for each in reads] == [(None, 9, 1), (None, 4, 1)]


def test_each_micro_batch_has_its_own_files(place: Place) -> None:
    spark, source, target = place.spark, place.folder / "from", place.folder / "into"

    def stream() -> None:
        (
            spark.readStream.schema("a bigint, s string, p int").parquet(str(source)).writeStream
            .foreachBatch(lambda frame, _: frame.write.mode("append").parquet(str(target)))
            .option("checkpointLocation", f"{place.folder}/checkpoint").trigger(availableNow=True)
            .start().awaitTermination()
        )  # fmt: skip

    batches: list[list[Path]] = []

    def work() -> None:
        for rows in (9, 4):
            before = files(source)
            numbers(spark, rows).coalesce(1).write.mode("append").parquet(str(source))
            batches.append([path for path in files(source) if path not in before])
            stream()

    met = [each for each in observe(place.lineage, work) if each.run.batch_id is not None]
    reads = [each.one("read", "/from") for each in met]
    assert [each.path.removeprefix("file:") for each in reads] == [str(batch[0]) for batch in batches]
    assert [(each.files, each.bytes) for each in reads] == [(1, size(batch)) for batch in batches]
    assert [each.run.rows for each in met] == [9, 4]
    assert [each.rows for each in reads] == [None, None]  # how often the function took the rows is not known
