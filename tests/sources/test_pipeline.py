"""What is said of a topic, a table, a database's table and a table again, each made of the one before: they were filled twice.

The topic has the numbers from 0 in `v`, their rest by 3 in `a`. The first time there are six and the tax is 1.19, then nine and 1.07; then three more
come that nobody has read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from lineage.harness import spark_marks
from lineage.place import Json
from pyspark.sql import SparkSession

from sources.database import Database

pytestmark = spark_marks()

TOPIC, SUMS = "pipe_clicks", "pipe_sums"


@dataclass(frozen=True)
class Pipe:
    """The session and the places that the pipeline needs."""

    spark: SparkSession
    server: str
    base: Database

    def send(self, first: int, end: int) -> None:
        rows = self.spark.range(first, end).selectExpr("to_json(struct(id % 3 AS a, id AS v)) AS value")
        rows.write.format("kafka").options(**{"kafka.bootstrap.servers": self.server, "topic": TOPIC}).save()

    def fill(self, end: int, tax: str) -> None:
        offsets = {
            "startingOffsets": f'{{"{TOPIC}": {{"0": 0}}}}', "endingOffsets": f'{{"{TOPIC}": {{"0": {end}}}}}',
        }  # fmt: skip
        read = self.spark.read.format("kafka").options(subscribe=TOPIC, **offsets)
        clicks = read.option("kafka.bootstrap.servers", self.server).load()
        clean = clicks.selectExpr("from_json(cast(value AS string), 'a bigint, v bigint') AS j")
        clean.selectExpr("j.a", f"j.v * {tax} AS gross").write.mode("overwrite").saveAsTable("clean")
        sums = self.spark.sql("SELECT a, sum(gross) AS total FROM clean GROUP BY a")
        driver = {"driver": self.base.driver}
        sums.write.jdbc(self.base.url, SUMS, mode="overwrite", properties=driver)
        report = self.spark.read.jdbc(self.base.url, SUMS, properties=driver).where("total > 10")
        report.select("a", "total").write.mode("overwrite").saveAsTable("report")


@pytest.fixture(scope="module")
def filled(spark: SparkSession, lineage: Any, server: str, base: Database) -> Any:
    """The lineage after all that."""
    session = spark.newSession()
    session.sql("CREATE DATABASE pipe")
    session.sql("USE pipe")
    pipe = Pipe(session, server, base)
    pipe.send(0, 6)
    pipe.fill(6, "1.19")
    pipe.send(6, 9)
    pipe.fill(9, "1.07")
    pipe.send(9, 12)
    lineage.flush()
    return lineage


def name(dataset: Json) -> str:
    return re.split(r"[/.]", dataset["name"])[-1]


def names(datasets: Iterable[Json]) -> list[str]:
    return [name(each) for each in datasets]


def mine(datasets: Iterable[Json]) -> list[Json]:
    """Those of the pipeline: the store has what the other tests of this folder left, too."""
    return [each for each in datasets if "pipe.db/" in each["name"] or name(each) in {TOPIC, SUMS}]


@pytest.mark.parametrize(
    ("table", "source", "columns", "rows"),
    [
        ("pipe.clean", TOPIC, ["value"], 9),
        (SUMS, "clean", ["a", "gross"], 9),
        # of the number 0, 3 and 6 the total is 9.63: the database has left that row out
        ("pipe.report", SUMS, ["a", "total"], 2),
    ],
)
def test_what_was_designed_was_read(
    filled: Any, table: str, source: str, columns: list[str], rows: int
) -> None:
    answer = filled.compare(table).to_dict()
    ((read,),) = (each["sources"] for each in answer["writes"])
    assert (name(read), read["status"], read["rows"]) == (source, "confirmed", rows)
    assert [(each["name"], each["status"]) for each in read["columns"]] == [
        (each, "confirmed") for each in columns
    ]
    assert answer["findings"] == []


def test_the_tax_is_the_cause_and_what_drifted(filled: Any) -> None:
    answer = filled.why("pipe.report.total").to_dict()
    (cause,) = answer["causes"]
    message = "The constant in pipe.clean.gross has another value than before."
    assert (cause["kind"], cause["message"], cause["hops"]) == ("constant_changed", message, 2)
    assert names(cause["path"]) == ["clean", SUMS, "report"]
    assert names(each["dataset"] for each in answer["critical_path"]) == [TOPIC, "clean", SUMS, "report"]
    drift = filled.drift("1h").to_dict()["findings"]
    assert [each["message"] for each in drift if mine([each["dataset"]])] == [message]


def test_what_hangs_on_the_topic_and_is_lost_without_it(filled: Any) -> None:
    tables = filled.impact(f"{TOPIC}.value").to_dict()["tables"]
    assert [
        (name(each), each["hops"], each["type"], each["tables_on_it"], each["runs"], each["rows"])
        for each in tables
    ] == [
        ("clean", 1, "DIRECT", 2, 2, False), (SUMS, 2, "DIRECT", 1, 2, True), ("report", 3, "DIRECT", 0, 0, True),
    ]  # fmt: skip
    assert [[(each["name"], each["subtype"]) for each in table["columns"]] for table in tables] == [
        [("a", "TRANSFORMATION"), ("gross", "TRANSFORMATION")],
        [("a", "TRANSFORMATION"), ("total", "AGGREGATION")],
        [("a", "TRANSFORMATION"), ("total", "AGGREGATION")],
    ]
    for without, lost in ((TOPIC, ["clean", SUMS, "report"]), (SUMS, ["report"]), ("pipe.report", [])):
        told = filled.impact(without=without).to_dict()["tables"]
        assert [(name(each), each["outcome"]) for each in told] == [(each, "lost") for each in lost]


def test_all_are_stale_since_the_last_rows_came(filled: Any) -> None:
    tables = mine(filled.freshness().to_dict()["tables"])
    assert {
        name(each): (each["state"], [names(path) for path in each["stale_paths"]]) for each in tables
    } == {
        "clean": ("stale", [[TOPIC, "clean"]]),
        "report": ("stale", [[TOPIC, "clean", SUMS, "report"]]),
        TOPIC: ("unknown", []),
        SUMS: ("stale", [[TOPIC, "clean", SUMS]]),
    }
    assert {
        name(each): [(name(one), one["newer"]) for one in each["inputs"]] for each in tables if each["inputs"]
    } == {"clean": [(TOPIC, True)], "report": [(SUMS, False)], SUMS: [("clean", False)]}


def test_the_edges_hold(filled: Any) -> None:
    """The files say themselves what columns they have; of the topic and of the database's table it is what was last seen."""
    answer = filled.validate().to_dict()
    assert {name(each): each["checked_by"] for each in mine(answer["datasets"])} == {
        "clean": "parquet", "report": "parquet", TOPIC: "observed", SUMS: "observed",
    }  # fmt: skip
    assert [each for each in answer["findings"] if mine([each["dataset"]])] == []


def test_the_runs_of_the_second_time(filled: Any) -> None:
    """Offsets, rows and columns: the product of a bigint and a decimal(3,2) is a decimal(24,2), its sum has ten digits more."""
    met = [each for table in ("pipe.clean", SUMS) for each in filled.run(table).to_dict()["datasets"]]
    assert [(each["direction"], name(each), each["rows"], each["offsets"]) for each in met] == [
        ("read", TOPIC, 9, {TOPIC: {"0": [0, 9]}}), ("written", "clean", 9, None),
        ("read", "clean", 9, None), ("written", SUMS, 3, None),
    ]  # fmt: skip
    assert [[(each["name"], each["type"]) for each in one["columns"]] for one in met[1:3]] == [
        [("a", "bigint"), ("gross", "decimal(24,2)")]
    ] * 2
    assert [(each["state"], each["operation"]) for each in filled.run(SUMS).to_dict()["runs"]] == [
        ("COMPLETE", "OVERWRITE")
    ]
