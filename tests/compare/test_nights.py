"""A job that runs night by night on Spark: what `diff` says of each night, read from its SQL."""

from __future__ import annotations

from itertools import pairwise

import pytest

import spark_lineage
from tests.lineage.harness import spark_marks

pytestmark = spark_marks()

NIGHT = """
CREATE OR REPLACE TABLE nights.report USING delta AS
SELECT c.name, sum(o.amount * {tax}) AS total{more}
FROM nights.orders o JOIN nights.customers c ON o.customer = c.id
WHERE o.day >= DATE'{day}' AND o.status = 'paid'
GROUP BY c.name"""

COMMA = NIGHT.replace(
    "orders o JOIN nights.customers c ON o.customer = c.id", "orders o, nights.customers c"
).replace("WHERE ", "WHERE o.customer = c.id AND ")

REPORT = "nights.report"


BEST = ", max(o.{0}) AS best"
NIGHTS = [
    NIGHT.format(tax="1.19", day="2026-11-20", more=""),
    NIGHT.format(tax="1.19", day="2026-11-21", more=""),
    NIGHT.format(tax="1.07", day="2026-11-22", more=""),
    NIGHT.format(tax="1.07", day="2026-11-23", more=BEST.format("tip")),
    COMMA.format(tax="1.07", day="2026-11-24", more=BEST.format("tip")),
    COMMA.format(tax="1.07", day="2026-11-25", more=BEST.format("amount")),
]


@pytest.fixture(scope="module")
def nights(spark, tmp_path_factory):
    """The store after all nights, and the ids of the runs of the report."""
    spark.sql("CREATE DATABASE nights")
    spark.sql(
        "CREATE TABLE nights.orders USING delta AS SELECT 1 AS customer, CAST(10 AS decimal(10,2)) AS amount, "
        "DATE'2026-11-25' AS day, 'paid' AS status, 1 AS tip"
    )
    spark.sql("CREATE TABLE nights.customers USING delta AS SELECT 1 AS id, 'ann' AS name")
    lineage = spark_lineage.enable(spark, store=tmp_path_factory.mktemp("nights") / "store", job="nightly")
    for statement in NIGHTS:
        spark.sql(statement)
    lineage.flush()
    closed = spark_lineage.open(lineage.store, ingest=False)
    runs = reversed(closed.runs().to_dict()["runs"])
    return closed, [each["id"] for each in runs if each["kind"] == "write"]


def found(answer):
    """The verdict, and the findings as (kind, column, sentence)."""
    answer = answer.to_dict()
    return answer["verdict"], [(each["kind"], each["field"], each["message"]) for each in answer["findings"]]


def test_each_night_against_the_one_before(nights):
    lineage, runs = nights
    assert len(runs) == 6
    told = [found(lineage.diff(REPORT, before, after)) for before, after in pairwise(runs)]
    equal = "nights.report is made by another plan with the same lineage: operators or expressions differ."
    assert told == [
        ("identical", []),  # the date is another one each night
        (
            "identical",
            [
                (
                    "constant_changed",
                    "total",
                    "The constant in nights.report.total has another value than before.",
                )
            ],
        ),
        ("changed", [("column_added", "best", "The column nights.report.best came.")]),
        ("equivalent", [("plan_equivalent", None, equal)]),
        (
            "changed",
            [
                (
                    "column_type_changed",
                    "best",
                    "The column nights.report.best is decimal(10,2), before int.",
                ),
                (
                    "source_added",
                    "best",
                    "nights.orders.amount is a new source of nights.report.best (aggregation).",
                ),
                (
                    "source_removed",
                    "best",
                    "nights.orders.tip is no source of nights.report.best any more (before: aggregation).",
                ),
            ],
        ),
    ]


def test_all_nights_over_the_whole_store(nights):
    """Every change is told once, under the name that the job was given."""
    drift = nights[0].drift("1h").to_dict()
    assert {each["job"] for each in drift["findings"]} == {"nightly"}
    assert [(each["kind"], each["field"]) for each in drift["findings"]] == [
        ("column_type_changed", "best"), ("source_added", "best"), ("source_removed", "best"), ("constant_changed", "total"),
        ("plan_equivalent", None), ("column_added", "best"),
    ]  # fmt: skip
    last = nights[0].diff("nightly").to_dict()["writes"]
    assert [(each["before"]["run"], each["after"]["run"]) for each in last] == [tuple(nights[1][-2:])]
