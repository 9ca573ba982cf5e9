"""Kafka, on a real broker: topics are datasets, `kafka://host:port` and the topic's name."""

from __future__ import annotations

import pytest
from lineage.harness import spark_marks
from lineage.place import Place
from lineage.streaming import said, stored

from sources.told import told

pytestmark = spark_marks()

ROWS = "SELECT b AS key, to_json(struct(a, c)) AS value FROM t WHERE a > 1"
WRITTEN = ["key: t.b IDENTITY", "value: t.a TRANSFORMATION, t.c TRANSFORMATION", "rows: t.a FILTER"]


def options(server: str, **more: str) -> dict[str, str]:
    return {
        "kafka.bootstrap.servers": server,
        "kafka.client.id": "s3cret",
        "startingOffsets": "earliest",
        **more,
    }


def write(place: Place, server: str, topic: str) -> None:
    place.spark.sql(ROWS).write.format("kafka").options(**options(server, topic=topic)).save()


@pytest.mark.smoke35
def test_write_to_a_topic(place: Place, server: str) -> None:
    runs = place.new_runs(lambda: (write(place, server, "orders"), write(place, server, "orders")))
    assert [(run["kind"], run["operation"], run["state"]) for run in runs] == [
        ("write", "INSERT", "COMPLETE")
    ] * 2
    assert {(run["target"]["namespace"], run["target"]["name"]) for run in runs} == {
        (f"kafka://{server}", "orders")
    }
    answer = place.lineage.table("orders").to_dict()
    assert told(answer) == WRITTEN
    assert answer["runs"] == 2


def test_rows_that_name_their_topic(place: Place, server: str) -> None:
    place.new_runs(
        lambda: (
            place.spark.sql("SELECT concat('by_', b) AS topic, cast(a AS string) AS value FROM t")
            .write.format("kafka")
            .options(**options(server))
            .save()
        )
    )
    assert told(place.lineage.table("*").to_dict()) == [
        "topic: t.b TRANSFORMATION",
        "value: t.a TRANSFORMATION",
        "problem: unknown_topic",
    ]


READS: list[tuple[dict[str, str], list[str]]] = [
    ({"subscribe": "first"}, ["first"]),
    ({"subscribe": "first, second"}, ["first", "second"]),
    ({"assign": '{"first": [0], "second": [0]}'}, ["first", "second"]),
    ({"subscribePattern": "firs.*"}, ["firs.*"]),
]


def test_read_of_topics(place: Place, server: str) -> None:
    for topic in ("first", "second"):
        write(place, server, topic)
    for number, (chosen, topics) in enumerate(READS):
        read = place.spark.read.format("kafka").options(**options(server, **chosen)).load()
        fields = read.selectExpr("from_json(cast(value AS string), 'a int') AS v", "timestamp AS at")
        fields.select("v.a", "at").where("at IS NOT NULL").write.saveAsTable(f"out{number}")
        assert told(place.table(f"out{number}")) == [
            "a: " + ", ".join(f"{topic}.value TRANSFORMATION" for topic in topics),
            "at: " + ", ".join(f"{topic}.timestamp IDENTITY" for topic in topics),
            "rows: " + ", ".join(f"{topic}.timestamp FILTER" for topic in topics),
        ]
        assert {each["namespace"] for each in place.table(f"out{number}")["columns"][0]["sources"]} == {
            f"kafka://{server}"
        }


def test_stream_from_topic_to_topic(place: Place, server: str) -> None:
    queries = []

    def act() -> None:
        write(place, server, "raw")
        read = place.spark.readStream.format("kafka").options(**options(server, subscribe="raw")).load()
        clean = read.selectExpr("key", "upper(cast(value AS string)) AS value")
        writer = clean.writeStream.format("kafka").options(**options(server, topic="clean"))
        query = writer.option("checkpointLocation", f"{place.folder}/kept").trigger(availableNow=True).start()
        query.awaitTermination()
        queries.append(query)

    runs = place.new_runs(lambda: (act(), act()))
    assert {(run["operation"], run["target"]["name"], run["state"]) for run in runs} == {
        ("INSERT", "raw", "COMPLETE"),
        ("STREAM", "clean", "COMPLETE"),
    }
    assert told(place.lineage.table("clean").to_dict()) == [
        "key: raw.key IDENTITY",
        "value: raw.value TRANSFORMATION",
    ]
    first, again = queries
    assert stored(place, first) == [*said(first), *said(again)]
    # each write adds the three rows of `t` with a > 1 to the only partition
    (second, before) = place.lineage.stream(first.id).to_dict()["batches"]
    description = "KafkaV2[Subscribe[raw]]"
    assert before["sources"] == [
        {"description": description, "start": None, "end": {"raw": {"0": 3}}, "rows": 3}
    ]
    assert second["sources"] == [
        {"description": description, "start": {"raw": {"0": 3}}, "end": {"raw": {"0": 6}}, "rows": 3}
    ]
    assert (before["input_rows"], before["output_rows"]) == (3, 3)
