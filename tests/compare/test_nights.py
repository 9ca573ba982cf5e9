"""A job that runs night by night on Spark: what `diff` says of each night, read from its SQL."""

from __future__ import annotations

from itertools import pairwise

import pytest

import spark_lineage
from tests.lineage.harness import spark_marks

pytestmark = [*spark_marks(), pytest.mark.smoke35]

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


DESIGNS = {
    # Delta's statistics say that no file has such an amount.
    "skipped": "SELECT customer FROM nights.orders WHERE amount > 1000",
    "hollow": "SELECT id FROM parquet.`{folder}/nothing`",
    # Without a column of the right side a LEFT JOIN under DISTINCT changes nothing: Spark takes it out.
    "eliminated": "SELECT DISTINCT o.customer FROM nights.orders o LEFT JOIN nights.customers c ON o.customer = c.id",
    # Adaptive execution sees that the right side is empty when it has run, and takes it out of the plan.
    "kept": "SELECT o.customer FROM nights.orders o LEFT ANTI JOIN (SELECT DISTINCT id FROM parquet.`{folder}/nothing`) n"
    " ON o.customer = n.id",
    # Delta counts by its log; on another version Spark may scan.
    "counted": "SELECT count(*) AS n FROM nights.orders",
}


@pytest.fixture(scope="module")
def nights(spark, tmp_path_factory):
    """The store after all nights, and the ids of the runs of the report."""
    spark.sql("CREATE DATABASE nights")
    spark.sql(
        "CREATE TABLE nights.orders USING delta AS SELECT 1 AS customer, CAST(10 AS decimal(10,2)) AS amount, "
        "DATE'2026-11-25' AS day, 'paid' AS status, 1 AS tip"
    )
    spark.sql("CREATE TABLE nights.customers USING delta AS SELECT 1 AS id, 'ann' AS name")
    folder = tmp_path_factory.mktemp("nights")
    lineage = spark_lineage.enable(spark, store=folder / "store", job="nightly")
    for number, statement in enumerate(NIGHTS):
        if number == len(NIGHTS) - 1:
            spark.sql("ALTER TABLE nights.orders ADD COLUMN gift string")
        spark.sql(statement)
    spark.range(0).write.parquet(str(folder / "nothing"))
    for name, query in DESIGNS.items():
        spark.sql(f"CREATE TABLE nights.{name} USING parquet AS {query.format(folder=folder)}")
    lineage.flush()
    closed = spark_lineage.open(lineage.store, ingest=False)
    runs = reversed(closed.runs().to_dict()["runs"])
    return closed, [
        each["id"] for each in runs if each["target"] and REPORT in str(each["target"]["aliases"])
    ]


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
                (
                    "schema_changed",
                    "gift",
                    "nights.orders.gift is a new column (string) of what was read.",
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
        ("schema_changed", "gift"), ("plan_equivalent", None), ("column_added", "best"),
    ]  # fmt: skip
    assert len(nights[0].diff("nightly").to_dict()["writes"]) == 2 + len(DESIGNS)
    last = nights[0].diff(REPORT).to_dict()["writes"]
    assert [(each["before"]["run"], each["after"]["run"]) for each in last] == [tuple(nights[1][-2:])]


def test_what_each_run_read_of_what_was_designed(nights):
    """Read from the queries; the one order and the one customer are there on every night."""
    told = {
        name: {
            each["aliases"][0].rpartition(".")[2] if each["aliases"] else "nothing": each
            for each in write["sources"]
        }
        for name in ("report", *DESIGNS)
        for write in nights[0].compare(f"nights.{name}").to_dict()["writes"]
    }
    assert {
        name: {key: each["status"] for key, each in sources.items()} for name, sources in told.items()
    } == {
        "report": {"customers": "confirmed", "orders": "confirmed"},
        "skipped": {"orders": "pruned"},
        "hollow": {"nothing": "empty"},
        "eliminated": {"customers": "never_executed", "orders": "confirmed"},
        "kept": {"nothing": "unknown", "orders": "confirmed"},
        "counted": {"orders": "unknown"},
    }
    assert [(each["name"], each["status"]) for each in told["report"]["orders"]["columns"]] == [
        (name, "confirmed") for name in ("amount", "customer", "day", "status")
    ]
    assert told["report"]["orders"]["rows"] == 1
    assert told["eliminated"]["customers"]["reason"] == "the executed plan has no scan of it"
    assert told["kept"]["nothing"]["reason"].startswith("it may have been read in stage ")


def test_nothing_is_gone_of_what_was_read(nights):
    """All tables are as the runs left them, but for what the last night made of `best`."""
    answer = nights[0].validate().to_dict()
    assert [each["message"] for each in answer["findings"]] == []
    assert {each["checked_by"] for each in answer["datasets"]} == {"delta", "parquet"}


def test_the_data_of_two_nights(nights):
    """One customer with one order of 10.00: 11.90 at a tax of 1.19, 10.70 at 1.07."""
    by_night = nights[0].data_diff(REPORT, "version:1", "version:2").to_dict()
    total = next(each for each in by_night["columns"] if each["name"] == "total")
    assert [(each["minimum"], each["maximum"]) for each in (total["before"], total["after"])] == [
        ("11.9000", "11.9000"), ("10.7000", "10.7000"),
    ]  # fmt: skip
