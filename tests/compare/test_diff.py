"""`diff` and `drift` on rows written by hand: what changed in a job's writes, and what did not."""

from __future__ import annotations

from typing import Any

import pytest

from spark_lineage.compare.drift.diff import diff
from spark_lineage.compare.drift.drift import drift
from spark_lineage.compare.times import parse_time
from spark_lineage.errors import NameLookupError, SettingError
from spark_lineage.model import Batch, Constants, DatasetId, Observation, Run, Schema, SchemaColumn
from tests.query.lineage_rows import dataset, edge, plan, run, store_of

ORDERS, REPORT = ({"namespace": "file", "name": f"/w/{name}", "aliases": []} for name in ("orders", "report"))
DIRECT = {"type": "DIRECT", "masking": False, "certainty": "exact"}

OVERWRITE: dict[str, Any] = {"overwrites": True, "operation": "OVERWRITE"}

BEFORE = plan("p1", "report", "day:date total:double", "orders", **OVERWRITE)
AFTER = plan("p2", "report", "day:date total:decimal(10,2) refunds:double", "orders refunds", **OVERWRITE)
REWRITTEN = plan("p3", "report", "day:date total:double", "orders", **OVERWRITE)
EDGES = (
    edge("p1", "orders.day", "report.day", "IDENTITY", "day"),
    edge("p1", "orders.amount", "report.total", "AGGREGATION", "sum((amount * ?))"),
    edge("p1", "orders.day", "report", "GROUP_BY", "day"),
    edge("p2", "orders.day", "report.day", "IDENTITY", "day"),
    edge("p2", "orders.net", "report.total", "AGGREGATION", "sum(net)"),
    edge("p2", "refunds.amount", "report.refunds", "AGGREGATION", "sum(refunds.amount)"),
    edge("p2", "orders.day", "report", "GROUP_BY", "day"),
    edge("p2", "refunds.day", "report", "JOIN", "(orders.day = refunds.day)"),
    edge("p3", "orders.day", "report.day", "IDENTITY", "day"),
    edge("p3", "orders.amount", "report.total", "AGGREGATION", "sum((? * amount))"),
    edge("p3", "orders.day", "report", "GROUP_BY", "day"),
)


def app(name: str, number: int, fingerprint: str, target: str, ended: int, **others: Any) -> Run:
    """A run of another start of the job."""
    return run(
        number, fingerprint, target, ended, run_id=f"{name}:{number}", **{"operation": "OVERWRITE", **others}
    )


def shop(path, *runs: Run, plans=(BEFORE, AFTER, REWRITTEN), edges=EDGES, **others: Any):
    names = ("orders", "report", "refunds")
    return store_of(
        path, Batch(datasets=tuple(map(dataset, names)), plans=plans, edges=edges, runs=runs, **others)
    )


def kinds(answer) -> list[tuple[str, str | None]]:
    return [(finding.kind, finding.field) for finding in answer.findings]


def test_the_last_change_of_a_job(tmp_path):
    """A column came, one has another source and type, and the rows are joined; `day` is as it was."""
    store = shop(
        tmp_path,
        app("a", 1, "p1", "report", 10),
        app("b", 1, "p2", "report", 20),
        app("c", 1, "p2", "report", 30),
    )
    assert diff(store, "nightly").to_dict() == {
        "schema_version": 1, "job": "nightly", "table": None, "from": None, "to": None, "verdict": "changed",
        "writes": [{
            "job": "nightly", "target": REPORT, "verdict": "changed",
            "before": {"run": "a:1", "part": 0, "plan": "p1", "operation": "OVERWRITE", "spark_version": "4.1.3",
                       "at": "1970-01-01T00:00:10.000Z"},
            "after": {"run": "b:1", "part": 0, "plan": "p2", "operation": "OVERWRITE", "spark_version": "4.1.3",
                      "at": "1970-01-01T00:00:20.000Z"},
            "operation_before": None, "operation_after": None, "selects": False,
            "columns": [
                {"name": "total", "change": "changed", "type_before": "double", "type_after": "decimal(10,2)",
                 "expressions_before": ["sum((amount * ?))"], "expressions_after": ["sum(net)"],
                 "sources": [
                     {"change": "removed", **ORDERS, "field": "amount", "version": None,
                      "before": [{**DIRECT, "subtype": "AGGREGATION"}], "after": []},
                     {"change": "added", **ORDERS, "field": "net", "version": None,
                      "before": [], "after": [{**DIRECT, "subtype": "AGGREGATION"}]},
                 ]},
                {"name": "refunds", "change": "added", "type_before": None, "type_after": "double",
                 "expressions_before": [], "expressions_after": ["sum(refunds.amount)"],
                 "sources": [
                     {"change": "added", "namespace": "file", "name": "/w/refunds", "aliases": [], "field": "amount",
                      "version": None, "before": [], "after": [{**DIRECT, "subtype": "AGGREGATION"}]},
                 ]},
                {"name": None, "change": "changed", "type_before": None, "type_after": None,
                 "expressions_before": ["day"], "expressions_after": ["(orders.day = refunds.day)", "day"],
                 "sources": [
                     {"change": "added", "namespace": "file", "name": "/w/refunds", "aliases": [], "field": "day",
                      "version": None, "before": [],
                      "after": [{"type": "INDIRECT", "subtype": "JOIN", "masking": False, "certainty": "exact"}]},
                 ]},
            ],
            "constants": {"state": "unknown", "changed": []},
            "schemas": [],
        }],
        "findings": [finding.to_dict() for finding in diff(store, "nightly").findings],
    }  # fmt: skip
    assert kinds(diff(store, "nightly")) == [
        ("source_added", None), ("column_type_changed", "total"), ("source_added", "total"), ("source_removed", "total"),
        ("column_added", "refunds"),
    ]  # fmt: skip


def test_a_finding_names_who_when_and_the_expressions(tmp_path):
    store = shop(tmp_path, app("a", 1, "p1", "report", 10), app("b", 1, "p2", "report", 20))
    (found,) = [each for each in diff(store, "report").findings if each.kind == "source_removed"]
    assert found.to_dict() == {
        "kind": "source_removed", "severity": "warning",
        "message": "w/orders.amount is no source of w/report.total any more (before: aggregation).",
        "dataset": {"namespace": "file", "name": "/w/report"}, "field": "total", "job": "nightly", "run": "b:1",
        "at": "1970-01-01T00:00:20.000Z",
        "evidence": {"run_before": "a:1", "plan_before": "p1", "plan_after": "p2", "source": "w/orders.amount",
                     "expression_before": "sum((amount * ?))", "expression_after": "sum(net)"},
        "strength": 1.0,
    }  # fmt: skip


def test_another_shape_with_the_same_lineage_is_equivalent_over_an_upgrade(tmp_path):
    old = app("a", 1, "p1", "report", 10, spark_version="3.5.9")
    store = shop(tmp_path, old, app("b", 1, "p3", "report", 20))
    answer = diff(store, "nightly", "spark:3.5", "spark:4.1")
    assert answer.verdict == "equivalent"
    assert kinds(answer) == [("plan_equivalent", None), ("expression_changed", "total")]
    assert dict(answer.findings[0].evidence)["spark_before"] == "3.5.9"
    with pytest.raises(NameLookupError, match=r"nothing of this ran under Spark 4.0, but under 3.5.9, 4.1.3"):
        diff(store, "nightly", "spark:4.0")


def test_a_plan_that_differs_in_a_selecting_literal_alone_is_another_one(tmp_path):
    plans = [plan(name, "report", "v:string", "orders", **OVERWRITE) for name in ("p1", "p2")]
    edges = [edge(name, "orders.m", "report.v", "IDENTITY", "m[?]") for name in ("p1", "p2")]
    store = shop(
        tmp_path,
        app("a", 1, "p1", "report", 1),
        app("b", 1, "p2", "report", 2),
        plans=tuple(plans),
        edges=tuple(edges),
    )
    answer = diff(store, "nightly")
    assert (answer.verdict, kinds(answer)) == ("changed", [("selection_changed", None)])


def test_two_runs_two_times_and_what_never_changed(tmp_path):
    store = shop(
        tmp_path,
        app("a", 1, "p1", "report", 10),
        app("b", 1, "p2", "report", 20),
        app("c", 1, "p1", "report", 30),
    )
    same = diff(store, "nightly", "a:1", "c:1")
    assert (same.verdict, same.findings) == ("identical", ())
    week = diff(store, "report", "1970-01-01T00:00:15Z", "1970-01-01T00:00:25Z")
    assert [(each.before.run_id, each.after.run_id) for each in week.writes] == [("a:1", "b:1")]
    early = diff(store, "nightly", to="1970-01-01T00:00:25Z")
    assert [(each.before.run_id, each.after.run_id) for each in early.writes] == [("a:1", "b:1")]
    (tmp_path / "one").mkdir()
    once = shop(tmp_path / "one" / "s", app("a", 1, "p1", "report", 10), app("b", 1, "p1", "report", 20))
    assert [
        (each.before.run_id, each.after.run_id, each.verdict) for each in diff(once, "nightly").writes
    ] == [("a:1", "b:1", "identical")]


def test_two_writes_of_one_program_are_two_and_not_a_change(tmp_path):
    """An overwrite and an append each night; then another append: only that is drift."""
    append = [
        plan(name, "report", "day:date", source) for name, source in (("q1", "orders"), ("q2", "refunds"))
    ]
    edges = (
        edge("q1", "orders.day", "report.day", "IDENTITY", "day"),
        edge("q2", "refunds.day", "report.day", "IDENTITY", "day"),
    )
    nights = [app(name, 1, "p1", "report", end) for name, end in (("a", 10), ("b", 20), ("c", 30))]
    appends = [app(name, 2, fingerprint, "report", end, operation="append") for name, fingerprint, end in
               (("a", "q1", 11), ("b", "q1", 21), ("c", "q2", 31))]  # fmt: skip
    store = shop(tmp_path, *nights, *appends, plans=(BEFORE, *append), edges=(*EDGES[:3], *edges))
    assert [(each.run_id, each.kind, each.message) for each in drift(store, "1970-01-01").findings] == [
        ("c:2", "source_added", "w/refunds.day is a new source of w/report.day (identity)."),
        ("c:2", "source_removed", "w/orders.day is no source of w/report.day any more (before: identity)."),
    ]


def test_two_inserts_of_one_program_do_not_replace_each_other(tmp_path):
    inserts = [
        plan(name, "report", "day:date", source) for name, source in (("q1", "orders"), ("q2", "refunds"))
    ]
    edges = (
        edge("q1", "orders.day", "report.day", "IDENTITY", "day"),
        edge("q2", "refunds.day", "report.day", "IDENTITY", "day"),
    )
    runs = [app("a", number, f"q{number}", "report", number, operation="append") for number in (1, 2)]
    assert drift(shop(tmp_path, *runs, plans=tuple(inserts), edges=edges), "1970-01-01").findings == ()


def test_a_second_append_of_a_new_plan_is_told_by_diff_and_drift(tmp_path):
    """One application appends by q1 at 10 and by q2 at 20: asked from 15, q2 is new; asked from the beginning, both are the program's."""
    inserts = [
        plan(name, "report", "day:date", source) for name, source in (("q1", "orders"), ("q2", "refunds"))
    ]
    runs = [app("a", number, f"q{number}", "report", 10 * number, operation="append") for number in (1, 2)]
    store = shop(tmp_path / "one", *runs, plans=tuple(inserts))
    said = ["nightly also writes w/report by another plan, of append."]
    for since, told in (("15", said), ("05", []), ("25", [])):
        moment = f"1970-01-01T00:00:{since}Z"
        assert [each.message for each in drift(store, moment).findings] == told
    assert [each.message for each in diff(store, "report", "1970-01-01T00:00:15Z").findings] == said
    # once q1 ran twice, the program has begun anew, and a plan that comes then is new whenever one asks
    order = ("q1", "q1", "q2", "q1", "q2")
    again = [
        app("a", number, name, "report", 10 * number, operation="append")
        for number, name in enumerate(order, 1)
    ]
    answer = drift(shop(tmp_path / "again", *again, plans=tuple(inserts)), "1970-01-01")
    assert [(each.run_id, each.message) for each in answer.findings] == [("a:3", *said)]


def test_a_notebook_changes_within_one_application(tmp_path):
    runs = [app("a", 1, "p1", "report", 10), app("a", 2, "p3", "report", 20), app("a", 3, "p3", "report", 30)]
    answer = drift(shop(tmp_path, *runs), "1970-01-01")
    assert [(each.run_id, each.kind) for each in answer.findings] == [
        ("a:2", "plan_equivalent"),
        ("a:2", "expression_changed"),
    ]
    assert drift(shop(tmp_path / "s", *runs), "1970-01-01T00:00:21Z").findings == ()


def test_a_clock_that_steps_back_within_an_application(tmp_path):
    """The second run ended at an earlier time than the first: the numbers of the executions say which is which."""
    runs = [app("a", 9, "p1", "report", 20), app("a", 10, "p3", "report", 10)]
    answer = drift(shop(tmp_path, *runs), "1970-01-01")
    assert [(each.run_id, dict(each.evidence)["run_before"]) for each in answer.findings] == [
        ("a:10", "a:9")
    ] * 2


def test_a_write_that_is_not_done_any_more(tmp_path):
    append = plan("q1", "report", "day:date", "refunds")
    runs = [
        app("a", 1, "p1", "report", 10),
        app("a", 2, "q1", "report", 11, operation="append"),
        app("b", 1, "p1", "report", 20),
    ]
    store = shop(tmp_path, *runs, plans=(BEFORE, append))
    assert [each.message for each in drift(store, "1970-01-01").findings] == [
        "nightly does not write w/report by its append any more."
    ]


def changes_of(store) -> list[tuple[str, str]]:
    """The runs before and after each change that `drift` tells."""
    found = drift(store, "1970-01-01").findings
    told = {(each.at, dict(each.evidence)["run_before"], each.run_id or "") for each in found}
    return [(before, after) for _, before, after in sorted(told)]


def test_of_two_applications_that_overlap_the_plan_that_wrote_last_is_the_newest(tmp_path):
    """a writes by p1 at 10 and 30, b by p2 at 20: the table is p1's, then p2's, then p1's again."""
    runs = [app("a", 1, "p1", "report", 10), app("b", 1, "p2", "report", 20), app("a", 2, "p1", "report", 30)]
    store = shop(tmp_path, *runs)
    (write,) = diff(store, "nightly").writes
    assert (write.before.run_id, write.after.run_id) == ("b:1", "a:2")
    assert changes_of(store) == [("a:1", "b:1"), ("b:1", "a:2")]
    now = diff(store, "report", "1970-01-01T00:00:25Z")
    assert [(each.before.run_id, each.after.run_id) for each in now.writes] == [("b:1", "a:2")]


def test_a_service_that_is_replaced_while_it_still_runs_changes_once(tmp_path):
    """a writes by p1 until 40, b by p2 from 25 to 60; that they take turns between is not told, and neither is what comes after b."""
    runs = [
        *(app("a", number, "p1", "report", end) for number, end in enumerate((10, 20, 30, 40), 1)),
        *(app("b", number, "p2", "report", end) for number, end in enumerate((25, 35, 60), 1)),
        app("c", 1, "p2", "report", 70),
    ]
    store = shop(tmp_path, *runs)
    assert changes_of(store) == [("a:2", "b:1")]
    (write,) = diff(store, "nightly").writes
    assert (write.before.run_id, write.after.run_id) == ("a:2", "b:1")


def test_what_runs_beside_each_other_is_no_drift(tmp_path):
    """Two backfills at the same time, each with an overwrite and an append; a third application then appends otherwise."""
    append = [
        plan(name, "report", "day:date", source) for name, source in (("q1", "orders"), ("q2", "refunds"))
    ]
    edges = (
        edge("q1", "orders.day", "report.day", "IDENTITY", "day"),
        edge("q2", "refunds.day", "report.day", "IDENTITY", "day"),
    )
    runs = [
        app("a", 1, "p1", "report", 10),
        app("b", 1, "p1", "report", 11),
        app("a", 2, "q1", "report", 12, operation="append"),
        app("b", 2, "q1", "report", 13, operation="append"),
    ]
    plans = (BEFORE, *append)
    store = shop(tmp_path / "two", *runs, plans=plans, edges=(*EDGES[:3], *edges))
    assert drift(store, "1970-01-01").findings == ()
    later = [
        app("c", 1, "p1", "report", 20),
        app("c", 2, "q2", "report", 21, operation="append"),
    ]
    more = shop(tmp_path / "three", *runs, *later, plans=plans, edges=(*EDGES[:3], *edges))
    assert changes_of(more) == [("b:2", "c:2")]
    # b of a new version, at the same time as a: its append is another one, and it is the last
    other = [*runs[:3], app("b", 2, "q2", "report", 13, operation="append")]
    beside = shop(tmp_path / "beside", *other, plans=plans, edges=(*EDGES[:3], *edges))
    assert changes_of(beside) == [("a:2", "b:2")]


def test_what_changes_within_an_application_is_told_beside_another_one(tmp_path):
    """a changes from p1 to p3 at 20, as a notebook does; b writes by p1 at 15, within its time."""
    runs = [
        app("a", 1, "p1", "report", 10),
        app("b", 1, "p1", "report", 15),
        app("a", 2, "p3", "report", 20),
    ]
    assert changes_of(shop(tmp_path, *runs)) == [("b:1", "a:2")]


TAX = [("total", "aa"), ("* FILTER", "d1")]


def constants(runs: list[Run], *values: tuple[str, str], key: str | None = "k") -> tuple[Constants, ...]:
    """One tax rate and one date for each run."""
    return tuple(
        Constants(each.run_id, 0, (("total", tax), ("* FILTER", date)), key)
        for each, (tax, date) in zip(runs, values, strict=True)
    )


def test_a_constant_that_changed_is_drift_and_one_that_always_changes_is_not(tmp_path):
    runs = [app(f"a{number}", 1, "p1", "report", 10 * number) for number in range(1, 5)]
    hashes = constants(runs, ("19", "mo"), ("19", "tu"), ("7", "we"), ("7", "th"))
    store = shop(tmp_path, *runs, constants=hashes)
    assert [
        (each.run_id, each.kind, each.field, each.message) for each in drift(store, "1970-01-01").findings
    ] == [
        ("a3:1", "constant_changed", "total", "The constant in w/report.total has another value than before.")
    ]
    (write,) = diff(store, "nightly").writes
    assert (write.before.run_id, write.after.run_id, write.verdict, write.constants_state) == (
        "a2:1",
        "a3:1",
        "identical",
        "compared",
    )


def test_two_runs_are_too_few_to_learn_from(tmp_path):
    runs = [app(f"a{number}", 1, "p1", "report", 10 * number) for number in (1, 2)]
    store = shop(tmp_path, *runs, constants=constants(runs, ("19", "mo"), ("19", "tu")))
    assert [(each.kind, each.message) for each in drift(store, "1970-01-01").findings] == [
        ("constant_changed", "The constant in the filter of w/report has another value than before.")
    ]


def test_constants_of_another_plan_are_compared_where_the_expression_is_the_same(tmp_path):
    """`total` is written in another way, so its constants say nothing; what filters is as it was."""
    runs = [app("a", 1, "p1", "report", 10), app("b", 1, "p3", "report", 20)]
    store = shop(tmp_path, *runs, constants=constants(runs, ("19", "mo"), ("7", "tu")))
    (write,) = diff(store, "nightly").writes
    assert [each.to_dict() for each in write.constants] == [{"place": "* FILTER", "position": 1, "count": 1}]


def test_hashes_under_another_key_are_not_compared(tmp_path):
    runs = [app("a", 1, "p1", "report", 10), app("b", 1, "p1", "report", 20)]
    first, second = constants(runs, ("19", "mo"), ("7", "tu"))
    store = shop(tmp_path, *runs, constants=(first, Constants(second.run_id, 0, second.values, "other")))
    (write,) = diff(store, "nightly").writes
    assert (write.constants_state, write.constants) == ("other_key", ())
    (finding,) = drift(store, "1970-01-01").findings
    assert (finding.kind, finding.run_id, finding.evidence) == (
        "constants_not_compared", "b:1", (("key_before", "k"), ("key_after", "other")),
    )  # fmt: skip


def test_hashes_whose_key_is_not_known_are_not_compared(tmp_path):
    """Nor is anything learned from them: after three runs without a key, the tax changes from one run with a key to the next."""
    runs = [app(f"a{number}", 1, "p1", "report", 10 * number) for number in range(1, 6)]
    unknown = constants(runs[:3], ("1", "mo"), ("2", "mo"), ("3", "mo"), key=None)
    known = constants(runs[3:], ("19", "mo"), ("7", "mo"))
    first = shop(tmp_path / "unknown", *runs[:3], constants=unknown)
    (write,) = diff(first, "nightly").writes
    assert (write.constants_state, write.constants) == ("unknown", ())
    assert drift(first, "1970-01-01").findings == ()
    store = shop(tmp_path / "both", *runs, constants=(*unknown, *known))
    assert [(each.run_id, each.kind) for each in drift(store, "1970-01-01").findings] == [
        ("a5:1", "constant_changed")
    ]


def test_schemas_that_changed_are_told_once(tmp_path):
    """Two jobs read the orders before and after a column changed its type and another came."""
    reader = plan("r1", "other", "day:date", "orders", job="weekly", **OVERWRITE)
    runs = [app(name, 1, "p1", "report", end) for name, end in (("a", 10), ("b", 20))]
    runs += [app(name, 1, "r1", "other", end, job="weekly") for name, end in (("c", 11), ("d", 21))]
    schemas = (Schema("s1", (SchemaColumn("day", "date"), SchemaColumn("amount", "int"))),
               Schema("s2", (SchemaColumn("day", "date", nullable=False), SchemaColumn("amount", "bigint"), SchemaColumn("tip", "int"))))  # fmt: skip
    met = tuple(
        Observation(f"{name}:1", 0, "file", "/w/orders", "read", "/w/orders", schema_id=schema)
        for name, schema in (("a", "s1"), ("b", "s2"), ("c", "s1"), ("d", "s2"))
    )
    store = shop(tmp_path, *runs, plans=(BEFORE, reader), schemas=schemas, observations=met)
    answer = drift(store, "1970-01-01")
    assert [(each.dataset, each.field, each.message) for each in answer.findings] == [
        (DatasetId("file", "/w/orders"), "amount", "w/orders.amount was read as bigint, before as int."),
        (DatasetId("file", "/w/orders"), "tip", "w/orders.tip is a new column (int) of what was read."),
    ]
    assert [each.to_dict() for each in diff(store, "nightly", "a:1", "b:1").writes[0].schemas] == [
        {**ORDERS, "direction": "read", "columns": [
            {"name": "amount", "change": "changed", "type_before": "int", "type_after": "bigint"},
            {"name": "tip", "change": "added", "type_before": None, "type_after": "int"},
        ]}
    ]  # fmt: skip


def test_moments_in_the_wrong_order_are_refused(tmp_path):
    runs = [
        app("a", 9, "p1", "report", 30),
        app("a", 10, "p2", "report", 20),
        app("b", 1, "p1", "report", 40),
    ]
    store = shop(tmp_path, *runs)
    for from_, to in (
        ("1970-01-01T00:00:25Z", "1970-01-01T00:00:20Z"),
        ("b:1", "a:9"),
        ("b:1", "1970-01-01T00:00:35Z"),
        ("a:10", "a:9"),
    ):
        with pytest.raises(SettingError) as caught:
            diff(store, "report", from_, to)
        assert str(caught.value) == f"--from {from_} is later than --to {to}: exchange them."
    # of one application the numbers say which is later, and versions of Spark have no order
    assert diff(store, "report", "a:9", "a:10").verdict == "changed"
    assert diff(store, "report", "spark:4.1", "spark:4.1").verdict == "identical"


def test_a_run_means_what_it_wrote(tmp_path):
    """The job writes two tables; asked about a run that wrote the report alone, nothing is said to be new of the other."""
    other = plan("r1", "other", "day:date", "orders", **OVERWRITE)
    runs = [
        app("a", 1, "p1", "report", 10),
        app("a", 2, "r1", "other", 11),
        app("b", 1, "p2", "report", 20),
        app("b", 2, "r1", "other", 21),
    ]
    store = shop(tmp_path, *runs, plans=(BEFORE, AFTER, other))
    assert [each.target.name for each in diff(store, "nightly", "a:1").writes] == ["/w/report"]
    both = diff(store, "nightly", "a:1", "b:2").writes
    found = [(each.target.name, each.before and each.before.run_id, each.after.run_id) for each in both]
    assert found == [("/w/other", None, "a:2"), ("/w/report", "a:1", "b:1")]


def test_the_first_write_of_all_is_not_said_to_be_another_one(tmp_path):
    store = shop(tmp_path, app("a", 1, "p1", "report", 10), app("b", 1, "p1", "report", 20))
    answer = diff(store, "report", "1970-01-01T00:00:05Z")
    assert [(each.run_id, each.message) for each in answer.findings] == [
        ("a:1", "nightly writes w/report, by OVERWRITE, and did not before.")
    ]


def test_bad_words(tmp_path):
    store = shop(tmp_path, app("a", 1, "p1", "report", 10))
    for words, error, message in (
        (
            ("nighty",),
            NameLookupError,
            'There is no table or job "nighty" in the store: did you mean nightly',
        ),
        (("orders",), NameLookupError, 'No job has written the table "orders" to the end'),
        (("nightly", "x:1"), NameLookupError, '--from: there is no complete run "x:1" of this'),
        (("nightly", "2026-99-01"), SettingError, "--from is '2026-99-01': allowed is a time"),
    ):
        with pytest.raises(error, match=message.replace("(", r"\(")):
            diff(store, *words)
    with pytest.raises(SettingError, match="--since is 'soon': allowed is a time"):
        drift(store, "soon")


@pytest.mark.parametrize("text", ["740000d", "9999-12-31T23:59:59-01:00", "2026-13-01", "yesterday", ""])
def test_a_moment_that_no_answer_can_show_is_refused(text):
    with pytest.raises(SettingError, match=r"^--since is .*: allowed is a time such as 2026-11-20"):
        parse_time(text, 1_795_000_000_000)
