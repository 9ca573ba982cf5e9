"""A complete run whose plan the store does not have: nothing may be told as though it had not run."""

from __future__ import annotations

import pytest

from spark_lineage.compare.declared.baseline import StoreAt, declaration_of
from spark_lineage.compare.declared.verdicts import check
from spark_lineage.compare.design import compare
from spark_lineage.compare.drift.diff import diff
from spark_lineage.compare.drift.drift import drift
from spark_lineage.errors import NameLookupError
from spark_lineage.model import Batch, Observation
from spark_lineage.query.local import LocalEngine
from spark_lineage.query.snapshot import Snapshot
from tests.query.lineage_rows import BRIDGE, dataset, edge, plan, run, store_of

KNOWN = Batch(
    datasets=tuple(map(dataset, ("report", "orders", "refunds"))),
    plans=(plan("p", "report", "total:double", "orders", overwrites=True),),
    edges=(edge("p", "orders.amount", "report.total", "IDENTITY", "amount"),),
    runs=(run(1, "p", "report", 50),),
)
LOST = Batch(
    runs=(run(2, "lost", "report", 100),),
    observations=(Observation(f"{BRIDGE}:2", 0, "file", "/w/refunds", "read", "/w/refunds", rows=7),),
)
REPORT = {"namespace": "file", "name": "/w/report"}
SAID = "w/report is made by a plan that is not in the store: whether it changed is not known."


@pytest.fixture
def store(tmp_path):
    """The report was last made by a run of which nothing else is known."""
    return store_of(tmp_path / "store", KNOWN, LOST)


def kinds(answer) -> list[tuple[str, str, str | None]]:
    return [(each.kind, each.message, each.run_id) for each in answer.findings]


def test_a_table(store):
    answer = LocalEngine(store).table("report").to_dict()
    assert (answer["certainty"], answer["columns"][0]["certainty"]) == ("opaque", "opaque")
    assert [(each["code"], each["severity"], each["message"]) for each in answer["problems"]] == [
        ("plan_missing", "warning",
         f"What it is made of is not known: a run wrote it whose plan is not in the store, the last was {BRIDGE}:2."),
    ]  # fmt: skip
    assert LocalEngine(store).problems().to_dict()["problems"] == answer["problems"]
    assert LocalEngine(store).upstream("report.total").to_dict()["problems"] == answer["problems"]


def test_a_later_overwrite_makes_it_known_again(store):
    store.append(Batch(runs=(run(3, "p", "report", 150),)))
    answer = LocalEngine(store).table("report").to_dict()
    assert (answer["certainty"], answer["problems"]) == ("exact", [])


def test_compare(store):
    answer = compare(store, "report").to_dict()
    (write,) = answer["writes"]
    assert (write["plan"], write["plan_known"]) == ("lost", False)
    assert write["sources"] == [
        {"namespace": "file", "name": "/w/refunds", "aliases": [], "status": "unknown",
         "reason": "7 rows were read, and the plan is not known", "rows": 7, "files": None, "partitions_read": None,
         "columns": []},
    ]  # fmt: skip
    message = "The plan of the run that wrote w/report is not in the store: what it read cannot be compared with its design."
    assert [(each["kind"], each["message"]) for each in answer["findings"]] == [("plan_missing", message)]
    assert compare(store, f"{BRIDGE}:1").to_dict()["writes"][0]["plan_known"] is True


def test_diff_and_drift(store):
    for answer in (diff(store, "report"), diff(store, "nightly", from_="1970-01-01T00:01:00")):
        assert (answer.verdict, answer.writes[-1].verdict) == ("unknown", "unknown")
        assert kinds(answer) == [("plan_missing", SAID, f"{BRIDGE}:2")]
    assert diff(store, "report", to="1970-01-01T00:01:00").verdict == "identical"
    with pytest.raises(NameLookupError, match=r'^--to: the plan of the run "0000:2" is not in the store'):
        diff(store, "report", "0000:1", "0000:2")
    answer = drift(store, "1970-01-01T00:01:00")
    assert (answer.writes, kinds(answer)) == (1, [("plan_missing", SAID, f"{BRIDGE}:2")])
    assert kinds(drift(store, "1970-01-01T00:02:00")) == []


def test_a_table_of_whose_plans_none_is_there(tmp_path):
    store = store_of(
        tmp_path, Batch(datasets=(dataset("a"),), runs=(run(1, None, "a", 10), run(2, "x", "a", 20)))
    )
    assert kinds(diff(store, "a"))[0][0] == "plan_missing"
    assert [each.message for each in drift(store, "1970-01-01").findings] == [
        "w/a was made 2 times by plans that are not in the store: whether it changed is not known."
    ]


def test_a_check_against_the_time_before(store):
    """Nothing of the report holds for sure any more: its table, its sources, its rows and its column."""
    then = declaration_of(Snapshot(StoreAt(store, 60_000)))
    answer = check(Snapshot(store), then)
    assert {each.what: each.outcome for each in answer.expectations} == {
        "table file:/w/report": "unsure", "sources of file:/w/report": "unsure", "rows of file:/w/report": "unsure",
        "column file:/w/report.total": "unsure", "columns of file:/w/report": "met",
        "what was known of file:/w/report": "failed",
        "every table that is written is declared": "met",
    }  # fmt: skip
    (missing,) = answer.expectations[0].deviations
    assert missing.finding.message == (
        f"It cannot be shown what file:/w/report is made of: the plan of the run {BRIDGE}:2 is not in the store."
    )
