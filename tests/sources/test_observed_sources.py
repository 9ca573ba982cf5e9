"""Topics, Iceberg's tables and databases as they were: offsets, snapshots and rows equal what their own tools say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from lineage.harness import spark_marks, version_of
from lineage.place import Place
from pyspark import __version__ as spark_version
from support.observe import observe

from spark_lineage.model import Observation

pytestmark = spark_marks()

MERGE_ON_READ = "TBLPROPERTIES ('format-version' = '2', 'write.delete.mode' = 'merge-on-read', 'write.merge.mode' = 'merge-on-read')"


def kafka(place: Place, server: str, **options: str) -> Any:
    reader = place.spark.read.format("kafka").option("kafka.bootstrap.servers", server)
    return reader.options(**options).load()


def send(place: Place, server: str, topic: str, count: int, partition: int = 0) -> None:
    rows = place.spark.range(count).selectExpr("cast(id AS string) AS value", f"{partition} AS partition")
    rows.write.format("kafka").option("kafka.bootstrap.servers", server).option("topic", topic).save()


def told(place: Place, server: str, topic: str) -> tuple[int, int]:
    """The first and, not included, the last offset of the topic's only partition, from the rows themselves."""
    rows = kafka(place, server, subscribe=topic, startingOffsets="earliest")
    first, last = rows.selectExpr("min(offset)", "max(offset) + 1").collect()[0]
    return int(first), int(last)


@contextmanager
def topic_of_two_partitions(place: Place, server: str, topic: str) -> Iterator[Callable[[], dict[str, int]]]:
    """Make a topic, where the broker gives but one partition to those that are just written to, and give what tells its ends.

    Both by Kafka's own client, in Spark's JVM.
    """
    jvm: Any = place.spark._jvm
    kafka_s = jvm.org.apache.kafka
    settings = jvm.java.util.Properties()
    settings.setProperty("bootstrap.servers", server)
    admin = kafka_s.clients.admin.Admin.create(settings)
    few, none = jvm.java.util.Optional.of(2), jvm.java.util.Optional.empty()
    new = kafka_s.clients.admin.NewTopic(topic, few, none)
    partitions = [kafka_s.common.TopicPartition(topic, number) for number in range(2)]

    def ends() -> dict[str, int]:
        asked = jvm.java.util.HashMap()
        for each in partitions:
            asked.put(each, kafka_s.clients.admin.OffsetSpec.latest())
        told = admin.listOffsets(asked)
        return {str(each.partition()): told.partitionResult(each).get().offset() for each in partitions}

    try:
        admin.createTopics(jvm.java.util.Collections.singletonList(new)).all().get()
        yield ends
    finally:
        admin.close()


def offsets(observation: Observation) -> Any:
    return None if observation.offsets is None else json.loads(observation.offsets)


@pytest.mark.matrix35
def test_a_batch_read_the_offsets_that_it_was_told(place: Place, server: str) -> None:
    send(place, server, "batch", 5)
    ends = {"startingOffsets": '{"batch": {"0": 1}}', "endingOffsets": '{"batch": {"0": 4}}'}

    def work() -> None:
        kafka(place, server, subscribe="batch", **ends).selectExpr("cast(value AS string)").collect()
        kafka(place, server, subscribe="batch").selectExpr("cast(value AS string)").collect()
        kafka(place, server, subscribe="batch", minPartitions="2", **ends).selectExpr("offset").collect()

    first, last = told(place, server, "batch")
    met = [each.one("read", "batch") for each in observe(place.lineage, work)]
    assert [offsets(each) for each in met] == [
        {"batch": {"0": [1, 4]}},
        {"batch": {"0": [None, None]}},  # "earliest" and "latest": only the executors found out which
        {"batch": {"0": [1, 4]}},  # a partition in two pieces is one range
    ]
    assert [each.rows for each in met] == [3, last - first, 3]
    assert {(each.version, each.files, each.bytes, each.partitions_read) for each in met} == {(None,) * 4}


def test_each_topic_has_its_own_offsets(place: Place, server: str) -> None:
    for topic, count in (("left", 2), ("right", 3)):
        send(place, server, topic, count)
    both = {
        "subscribe": "left,right",
        "startingOffsets": '{"left": {"0": 0}, "right": {"0": 1}}',
        "endingOffsets": '{"left": {"0": 2}, "right": {"0": 3}}',
    }
    (met,) = observe(place.lineage, lambda: kafka(place, server, **both).collect())
    left, right = met.one("read", "left"), met.one("read", "right")
    assert [offsets(left), offsets(right)] == [{"left": {"0": [0, 2]}}, {"right": {"0": [1, 3]}}]
    assert [left.rows, right.rows] == [None, None]  # of which topic each row came is not counted


@pytest.mark.matrix35
def test_batches_and_reads_of_two_partitions_of_which_one_gets_nothing_new(place: Place, server: str) -> None:
    spark, here = place.spark, {"0": 7, "1": 3}

    def stream() -> None:
        read = spark.readStream.format("kafka").option("kafka.bootstrap.servers", server)
        rows = read.option("subscribe", "steps").option("startingOffsets", "earliest").load()
        writer = rows.selectExpr("value").writeStream.format("kafka").option("topic", "stepped")
        writer = writer.option("kafka.bootstrap.servers", server).option(
            "checkpointLocation", f"{place.folder}/kept"
        )
        writer.trigger(availableNow=True).queryName("steps").start().awaitTermination()

    def batch(start: dict[str, int], end: dict[str, int] | None) -> None:
        given = {"startingOffsets": json.dumps({"steps": start})}
        given |= {"endingOffsets": json.dumps({"steps": end})} if end else {}
        kafka(place, server, subscribe="steps", **given).collect()

    def work() -> None:
        send(place, server, "steps", 5, partition=0)
        send(place, server, "steps", 3, partition=1)
        stream()
        send(place, server, "steps", 2, partition=0)
        stream()
        batch({"0": 1, "1": 0}, {"0": 4, "1": 3})
        batch({"0": 5, "1": 3}, here)
        batch({"0": 5, "1": 1}, None)
        batch(here, here)

    with topic_of_two_partitions(place, server, "steps") as ends:
        runs = observe(place.lineage, work)
        assert ends() == here
    met = [each for each in runs if each.run.kind == "usage" or each.run.operation == "STREAM"]
    reads = [each.one("read", "steps") for each in met]
    assert [(offsets(each)["steps"], each.rows) for each in reads] == [
        ({"0": [0, 5], "1": [0, 3]}, 8),
        ({"0": [5, 7], "1": [3, 3]}, 2),
        ({"0": [1, 4], "1": [0, 3]}, 6),
        ({"0": [5, 7], "1": [3, 3]}, 2),
        (
            {"0": [5, None], "1": [1, None]},
            4,
        ),  # "latest" is null for each partition, not the end of one of them
        ({"0": [7, 7], "1": [3, 3]}, 0),
    ]
    assert [each.run.batch_id for each in met] == [0, 1, None, None, None, None]
    (second, first) = place.lineage.stream("steps").to_dict()["batches"]
    assert [each["sources"][0]["start"] for each in (first, second)] == [None, {"steps": {"0": 5, "1": 3}}]
    assert [each["sources"][0]["end"] for each in (first, second)] == [
        {"steps": {"0": 5, "1": 3}},
        {"steps": here},
    ]
    compared = [place.lineage.compare(each.run.run_id).to_dict()["writes"][0]["sources"] for each in met]
    assert [[(each["status"], each["reason"]) for each in sources] for sources in compared[1::4]] == [
        [("confirmed", "2 rows were read")],
        [("empty", "it was read and gave no row")],
    ]


def snapshots(spark: Any, name: str) -> list[tuple[int, int, int]]:
    """Id, time in milliseconds and files of each snapshot of an Iceberg table, in their order."""
    told = spark.table(f"{name}.snapshots").orderBy("committed_at")
    told = told.selectExpr(
        "snapshot_id", "unix_millis(committed_at)", "cast(summary['total-data-files'] AS int)"
    )
    return [tuple(row) for row in told.collect()]


def added(spark: Any, name: str) -> list[tuple[int | None, int | None, int | None]]:
    """The rows, bytes and files of data that each snapshot says it added; None where it says nothing."""
    told = spark.table(f"{name}.snapshots").orderBy("committed_at").select("summary").collect()
    facts = ("added-records", "added-files-size", "added-data-files")
    return [tuple(int(row[0][each]) if each in row[0] else None for each in facts) for row in told]


@pytest.mark.matrix35
def test_the_snapshots_that_iceberg_s_writes_made_and_reads_met(place: Place) -> None:
    spark, name = place.spark, f"ice.{place.database}.o"
    steps = [
        "CREATE TABLE {o} USING iceberg AS SELECT a, b FROM t",
        "INSERT INTO {o} SELECT a + 10, b FROM t WHERE a > 1",
        "MERGE INTO {o} o USING u ON o.a = u.a WHEN MATCHED THEN UPDATE SET b = 'x'",
        "DELETE FROM {o} WHERE a = 1",
        "INSERT OVERWRITE {o} SELECT a, b FROM t WHERE a > 2",
    ]

    met = observe(place.lineage, lambda: place.sql(*(each.replace("{o}", name) for each in steps)))
    made = [each.one("written", "/o") for each in met]
    known = snapshots(spark, name)
    assert [(each.version, each.version_at) for each in made] == [each[:2] for each in known]
    assert [each.rows for each in made[:2]] == [4, 3]
    assert [(each.rows, each.bytes, each.files) for each in made] == added(spark, name)
    assert [each.run.rows for each in met] == [each.rows for each in made]
    assert met[0].columns(made[0]) == [("a", "int", True), ("b", "string", True)]

    def read() -> None:
        spark.table(name).collect()
        spark.sql(f"SELECT * FROM {name} VERSION AS OF {known[1][0]}").collect()  # noqa: S608  # no one else's text

    now, then = (each.one("read", "/o") for each in observe(place.lineage, read))
    assert (now.rows, then.rows) == (2, 7)
    assert (then.version, then.version_at) == known[1][:2]
    assert (now.files, then.files) == (known[4][2], known[1][2])
    bound = version_of(spark_version) >= (4, 0)  # Iceberg's scans on Spark 3.5 are bound to no snapshot
    assert (now.version, now.version_at) == (known[4][:2] if bound else (None, None))


@pytest.mark.matrix35
def test_rows_of_an_iceberg_table_that_are_deleted_beside_their_files(place: Place) -> None:
    """A row that is updated is written anew; for one that is deleted there is only a note: its task counts nothing."""
    spark, name = place.spark, f"ice.{place.database}.m"
    steps = [
        f"CREATE TABLE {{m}} USING iceberg {MERGE_ON_READ} AS SELECT /*+ COALESCE(1) */ a, b FROM t",  # noqa: S608  # no one else's text
        "MERGE INTO {m} o USING u ON o.a = u.a WHEN MATCHED THEN UPDATE SET b = 'x' WHEN NOT MATCHED THEN INSERT (a) VALUES (u.a)",
        "DELETE FROM {m} WHERE a = 1",
    ]
    met = observe(place.lineage, lambda: place.sql(*(each.replace("{m}", name) for each in steps)))
    made = [each.one("written", "/m") for each in met]
    # of u two are in t and one is new; of the four rows one goes
    assert [each.rows for each in made] == [4, 3, None]
    assert [(each.rows, each.bytes, each.files) for each in made] == added(spark, name)
    assert [(each.run.rows, each.run.bytes, each.run.files) for each in met] == added(spark, name)
