"""A job that runs night by night on Spark: what `diff` says of each night, read from its SQL."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

import spark_lineage
from tests.lineage.harness import spark_marks
from tests.support.spark import local_builder

pytestmark = [*spark_marks(), pytest.mark.matrix35]

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


@pytest.fixture(scope="module")
def loads(nights, spark, tmp_path_factory):  # noqa: ARG001  # the nights come first: these sessions end theirs
    """Five applications that add to a; the fourth makes b of a and c of b. The folder of the tables, and all runs that wrote one."""
    folder = tmp_path_factory.mktemp("loads")
    spark.stop()
    for number in range(5):
        session = local_builder(folder).getOrCreate()
        lineage = spark_lineage.enable(session, store=folder / "store", job="load")
        session.range(4).selectExpr("id", "id % 2 AS k").write.format("delta").mode("append").save(
            f"{folder}/all/a"
        )
        if number == 3:
            a = session.read.format("delta").load(f"{folder}/all/a")
            a.where("id > 0").write.format("delta").save(f"{folder}/all/b")
            b = session.read.format("delta").load(f"{folder}/all/b")
            b.groupBy("k").count().write.format("delta").save(f"{folder}/all/c")
        lineage.flush()
        session.stop()
    closed = spark_lineage.open(folder / "store", ingest=False)
    written = [each for each in closed.runs().to_dict()["runs"] if each["kind"] == "write"]
    return closed, folder / "all", sorted(written, key=lambda each: each["ended_at"])


def when(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def iso(time):
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def names(path):
    return [each["name"].rpartition("/")[2] for each in path]


def test_the_age_of_tables_that_were_loaded(loads):
    """b and c have three loads of a and the fourth, not the fifth; then somebody without lineage adds to c."""
    lineage, folder, runs = loads
    assert names(each["target"] for each in runs) == ["a", "a", "a", "a", "b", "c", "a"]
    ends = [when(each["ended_at"]) for each in runs]
    gap = statistics.median(
        (after - before) / timedelta(milliseconds=1) for before, after in pairwise([*ends[:4], ends[6]])
    )

    due = ends[6] + timedelta(milliseconds=round(gap))
    answer = lineage.freshness(now=iso(due)).to_dict()
    a, b, c = answer["tables"]
    assert [(each["state"], [names(path) for path in each["stale_paths"]]) for each in (a, b, c)] == [
        ("fresh", []), ("stale", [["a", "b"]]), ("stale", [["a", "b", "c"]]),
    ]  # fmt: skip
    assert (a["rhythm"]["due_at"], a["rhythm"]["intervals"], a["late"]) == (iso(due), 4, False)
    assert (b["rhythm"], c["rhythm"]) == (None, None)
    (read,), (made,) = b["inputs"], c["inputs"]
    # the edge was last seen when b was made, and a has changed since; b is as c read it
    assert (read["data_at"], read["edge_seen_at"], read["newer"], read["newer_since"]) == (
        iso(ends[6]), iso(ends[4]), True, iso(ends[6]),
    )  # fmt: skip
    assert (made["data_at"], made["edge_seen_at"], made["newer"]) == (iso(ends[4]), iso(ends[5]), False)
    assert (read["usual_wait_seconds"], read["overdue"]) == (None, None)  # b was made once: nothing is usual
    assert {each["data_at"] == each["lineage_at"] for each in (a, b, c)} == {True}

    write_deltalake(str(folder / "c"), pa.table({"k": [7], "count": [1]}), mode="append")
    (commit, *_) = DeltaTable(str(folder / "c")).history()
    tomorrow = ends[6] + timedelta(days=1)
    answer = lineage.freshness(now=iso(tomorrow)).to_dict()
    a, b, c = answer["tables"]
    assert [each["state"] for each in (a, b, c)] == ["late", "stale", "stale"]
    assert sorted(
        (each["kind"], each["dataset"]["name"].rpartition("/")[2]) for each in answer["findings"]
    ) == [("late", "a"), ("lineage_older_than_data", "c"), ("stale", "b"), ("stale", "c")]
    assert (when(c["data_at"]).timestamp() * 1000, c["lineage_at"]) == (commit["timestamp"], iso(ends[5]))
    assert c["lineage_age_seconds"] == round((tomorrow - ends[5]).total_seconds())
    assert (a["data_age_seconds"], answer["problems"]) == (86_400, [])


def test_the_runs_that_an_output_waited_for(loads):
    """The fourth application made c of the b that it made of the a that it had added to; each run after the one before."""
    lineage, folder, runs = loads
    path = lineage.why(str(folder / "c")).to_dict()["critical_path"]
    chain = runs[3:6]
    assert [each["run"] for each in path] == [each["id"] for each in chain]
    assert names(each["dataset"] for each in path) == ["a", "b", "c"]
    began, ended = ([when(each[name]) for each in chain] for name in ("started_at", "ended_at"))
    milli = timedelta(milliseconds=1)
    assert [each["took_ms"] for each in path] == [
        (end - begin) / milli for begin, end in zip(began, ended, strict=True)
    ]
    assert [each["waited_ms"] for each in path] == [
        None, *((begin - end) / milli for begin, end in zip(began[1:], ended, strict=False)),
    ]  # fmt: skip
    for link in path:
        stages = lineage.run(link["run"]).to_dict()["stages"]
        told = link["stages"]
        assert {each["id"] for each in told} <= {each["id"] for each in stages}
        assert all(before["ended_at"] <= after["started_at"] for before, after in pairwise(told))
        assert told[-1]["ended_at"] == max(each["ended_at"] for each in stages)
