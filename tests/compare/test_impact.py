"""`impact`: what hangs on a table, ranked, and what would be without one; expected by reading the queries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spark_lineage.compare.causes.impact import impact
from spark_lineage.compare.causes.outage import outage
from spark_lineage.errors import NameLookupError
from spark_lineage.model import Batch, Certainty, Column, EdgeKind, Operator, RunState
from spark_lineage.query.local import LocalEngine
from spark_lineage.show.answer import plain_text
from spark_lineage.show.text.lineage import lineage_text
from tests.query.lineage_rows import dataset, dataset_id, edge, plan, run, store_of

DAY = 86_400
USAGE: dict[str, Any] = {"kind": EdgeKind.USAGE}


def shop(path, plans, edges, runs=(), sources: str = ""):
    """Each plan has run once, in its order; `sources` are columns of tables that nothing writes."""
    names = {each.target for each in plans} | {source for each in plans for source in each.datasets}
    columns = tuple(
        Column("file", f"/w/{name}", field, "int", index)
        for index, (name, field) in enumerate(each.split(".") for each in sources.split())
    )
    once = [
        replace(run(number, each.fingerprint, "", 10 * number), target=each.target)
        for number, each in enumerate(plans, 1)
    ]
    datasets = tuple(dataset(each.name.removeprefix("/w/")) for each in names if each.namespace == "file")
    return store_of(
        path,
        Batch(
            datasets=datasets, columns=columns, plans=tuple(plans), edges=tuple(edges), runs=(*once, *runs)
        ),
    )


SALES = (
    plan("p1", "clean", "net:int", "orders", overwrites=True),
    plan("p2", "report", "total:int day:date", "clean", overwrites=True),
    plan("p3", "audit", "n:bigint", "clean", overwrites=True),
    plan("p4", "flags", "late:boolean", "orders", overwrites=True),
    plan("p5", "driver:collect", "", "report", **USAGE),
)
SALES_EDGES = (
    edge("p1", "orders.amount", "clean.net", "TRANSFORMATION", "(amount * ?)"),
    edge("p1", "orders.state", "clean", "FILTER", "(state = ?)"),
    edge("p2", "clean.net", "report.total", "AGGREGATION", "sum(net)"),
    edge("p4", "orders.amount", "flags.late", "CONDITIONAL"),
    edge("p5", "report.total", "driver:collect", "IDENTITY", **USAGE),
)


def told(answer) -> list[tuple[Any, ...]]:
    return [
        (each["name"], each["hops"], each["type"], [column["name"] for column in each["columns"]], each["rows"], each["tables_on_it"],
         each["columns_on_it"], each["results_on_it"])
        for each in answer.to_dict()["tables"]
    ]  # fmt: skip


def test_what_hangs_on_a_column(tmp_path):
    """clean (report is made of it) before report, both DIRECT; flags only tests it. audit counts rows, which the column does not decide."""
    answer = impact(shop(tmp_path, SALES, SALES_EDGES), "orders.amount")
    assert told(answer) == [
        ("/w/clean", 1, "DIRECT", ["net"], False, 1, 2, 1),
        ("/w/report", 2, "DIRECT", ["total"], False, 0, 1, 1),
        ("/w/flags", 1, "INDIRECT", ["late"], False, 0, 1, 0),
    ]
    assert [each.name for each in answer.results] == ["collect"]
    assert answer.to_dict()["tables"][0]["columns"] == [
        {"name": "net", "type": "DIRECT", "subtype": "TRANSFORMATION"}
    ]


def test_a_column_that_decides_rows_reaches_what_counts_them(tmp_path):
    """`state` filters clean: through clean's rows it reaches every column of what is made of it, audit's count included."""
    answer = impact(shop(tmp_path, SALES, SALES_EDGES), "orders.state")
    assert told(answer) == [
        ("/w/clean", 1, "INDIRECT", ["net"], True, 2, 3, 1),
        ("/w/report", 2, "INDIRECT", ["total"], False, 0, 1, 1),
        ("/w/audit", 2, "INDIRECT", ["n"], True, 0, 1, 0),
    ]  # fmt: skip
    assert answer.to_dict()["tables"][2]["columns"] == [{"name": "n", "type": "INDIRECT", "subtype": None}]


def test_a_whole_table(tmp_path):
    """flags and audit are INDIRECT and have one column each: flags is nearer."""
    names = [each[0] for each in told(impact(shop(tmp_path, SALES, SALES_EDGES), "orders"))]
    assert names == ["/w/clean", "/w/report", "/w/flags", "/w/audit"]


def test_recent_use_decides_where_all_else_is_equal(tmp_path):
    """Two copies: b was read by two runs in the 30 days before the newest run, a by one, and by many before."""
    plans = (
        plan("pa", "a", "x:int", "s"), plan("pb", "b", "x:int", "s"),
        plan("ua", "driver:a", "", "a", **USAGE), plan("ub", "driver:b", "", "b", **USAGE),
    )  # fmt: skip
    edges = (edge("pa", "s.x", "a.x", "IDENTITY"), edge("pb", "s.x", "b.x", "IDENTITY"))
    usages = [
        *(run(100 + i, "ua", "driver:a", 1000 + i, kind="usage") for i in range(5)),
        run(110, "ua", "driver:a", 99 * DAY, kind="usage"),
        run(111, "ub", "driver:b", 100 * DAY, kind="usage"),
        run(112, "ub", "driver:b", 70 * DAY, kind="usage"),
    ]
    answer = impact(shop(tmp_path, plans, edges, usages), "s")
    assert [(each.dataset.name, each.usages, each.runs) for each in answer.tables] == [
        ("/w/b", 2, 0),
        ("/w/a", 1, 0),
    ]
    assert (answer.to_dict()["since"], answer.to_dict()["until"]) == (
        "1970-03-12T00:00:00.000Z",
        "1970-04-11T00:00:00.000Z",
    )


def test_a_run_that_failed(tmp_path):
    """What hangs on it is what hangs on its target, though it wrote nothing; of a run with two targets one has to be named."""
    failed = run(9, "p1", "clean", 100, state=RunState.FAILED)
    two = [run(10, "p2", "report", 110), run(10, "p3", "audit", 110, part=1)]
    application = replace(run(11, None, None, 120), kind="application")
    store = shop(tmp_path, SALES, SALES_EDGES, (failed, *two, application))
    assert impact(store, failed.run_id) == impact(store, "clean")
    assert impact(store, failed.run_id).start.field is None
    with pytest.raises(
        NameLookupError, match=r'The run ".*:10" writes 2 tables: name the table that you mean.'
    ) as raised:
        impact(store, two[0].run_id)
    assert raised.value.candidates == ("/w/audit", "/w/report")
    with pytest.raises(NameLookupError, match="writes no table"):
        impact(store, application.run_id)


def test_nothing_hangs_on_it(tmp_path):
    answer = impact(shop(tmp_path, SALES, SALES_EDGES), "flags").to_dict()
    assert (answer["tables"], answer["results"]) == ([], [])
    with pytest.raises(NameLookupError):
        impact(shop(tmp_path / "other", SALES, SALES_EDGES), "nothing")


def losses(answer) -> list[tuple[Any, ...]]:
    return [
        (each.dataset.name.removeprefix("/w/"), each.outcome, list(each.lost_columns), list(each.incomplete_columns),
         [source.name.removeprefix("/w/") for source in each.left_sources])
        for each in answer.tables
    ]  # fmt: skip


def test_without_the_only_source(tmp_path):
    """Everything is lost, the nearest first."""
    answer = outage(shop(tmp_path, SALES, SALES_EDGES), "orders")
    assert losses(answer) == [
        ("clean", "lost", [], [], []), ("flags", "lost", [], [], []), ("audit", "lost", [], [], []), ("report", "lost", [], [], []),
        ("collect", "lost", [], [], []),
    ]  # fmt: skip
    assert [each.hops for each in answer.tables] == [1, 1, 2, 2, 3]
    assert [each.name for each in answer.tables[0].lost_sources] == ["/w/orders"]


def test_without_a_column(tmp_path):
    """Without the amount clean has no net and the report no total, but a day; its rows and their count stay. What only tests it is incomplete."""
    answer = outage(shop(tmp_path, SALES, SALES_EDGES, sources="orders.amount orders.state"), "orders.amount")
    assert losses(answer) == [
        ("clean", "some_columns", ["net"], [], []),
        ("report", "some_columns", ["total"], [], []),
        ("flags", "incomplete", [], ["late"], []),
    ]


def test_without_a_column_that_filters_the_rows_are_lost(tmp_path):
    answer = outage(shop(tmp_path, SALES, SALES_EDGES, sources="orders.amount orders.state"), "orders.state")
    assert [each[:2] for each in losses(answer)] == [
        ("clean", "lost"),
        ("audit", "lost"),
        ("report", "lost"),
        ("collect", "lost"),
    ]


JOINED = plan("j", "t", "x:int y:int", "a b", operators=(Operator("Join#1", "Join"),))
JOINED_EDGES = (
    edge("j", "a.x", "t.x", "IDENTITY"), edge("j", "b.y", "t.y", "IDENTITY"),
    edge("j", "a.id", "t", "JOIN", operator="Join#1"), edge("j", "b.id", "t", "JOIN", operator="Join#1"),
)  # fmt: skip


@pytest.mark.parametrize("lost", ["a", "b", "b.id"])
def test_a_join_input_takes_the_rows_with_it(tmp_path, lost):
    assert [each[:2] for each in losses(outage(shop(tmp_path, [JOINED], JOINED_EDGES), lost))] == [
        ("t", "lost")
    ]


def test_a_join_loses_a_column_with_a_column(tmp_path):
    assert losses(outage(shop(tmp_path, [JOINED], JOINED_EDGES), "b.y")) == [
        ("t", "some_columns", ["y"], [], ["a"])
    ]


def test_another_plan_still_writes_the_table(tmp_path):
    """t is appended to from a and from b, and u copies it: without a both have fewer rows."""
    plans = (plan("p1", "t", "x:int", "a"), plan("p2", "t", "x:int", "b"), plan("p3", "u", "x:int", "t"))
    edges = (
        edge("p1", "a.x", "t.x", "IDENTITY"), edge("p2", "b.x", "t.x", "IDENTITY"), edge("p3", "t.x", "u.x", "IDENTITY"),
    )  # fmt: skip
    assert losses(outage(shop(tmp_path, plans, edges), "a")) == [
        ("t", "some_rows", [], ["x"], ["b"]), ("u", "some_rows", [], [], []),
    ]  # fmt: skip


UNION = (Operator("Union#1", "Union"), Operator("Join#2", "Join"))


def test_a_union_has_other_branches(tmp_path):
    """a UNION ALL (b JOIN c): without c the rows of b are gone as well, and those of a stay; `only_b` comes from b alone."""
    plans = [plan("p", "t", "x:int only_b:int", "a b c", operators=UNION)]
    edges = (
        edge("p", "a.x", "t.x", "IDENTITY"), edge("p", "b.x", "t.x", "IDENTITY"), edge("p", "b.y", "t.only_b", "IDENTITY"),
        edge("p", "b.id", "t", "JOIN", operator="Join#2"), edge("p", "c.id", "t", "JOIN", operator="Join#2"),
    )  # fmt: skip
    store = shop(tmp_path, plans, edges)
    assert losses(outage(store, "c")) == [("t", "some_columns", ["only_b"], ["x"], ["a"])]
    assert losses(outage(store, "a")) == [("t", "some_rows", [], ["x"], ["b", "c"])]


def test_a_join_partner_that_is_not_known_ties_all_that_are_joined(tmp_path):
    """a.id stands in two joins, and its edge names the first alone: c must not look as if it stood by itself."""
    plans = [plan("p", "t", "x:int", "a b c d", operators=(*UNION, Operator("Join#3", "Join")))]
    edges = (
        edge("p", "a.x", "t.x", "IDENTITY"), edge("p", "d.x", "t.x", "IDENTITY"),
        edge("p", "a.id", "t", "JOIN", operator="Join#2"), edge("p", "b.id", "t", "JOIN", operator="Join#2"),
        edge("p", "c.id", "t", "JOIN", operator="Join#3"),
    )  # fmt: skip
    assert losses(outage(shop(tmp_path, plans, edges), "c")) == [("t", "some_rows", [], ["x"], ["d"])]


def test_a_value_of_two_sources_is_incomplete(tmp_path):
    edges = (
        edge("j", "a.x", "t.x", "TRANSFORMATION", "(x + y)"),
        edge("j", "b.y", "t.x", "TRANSFORMATION", "(x + y)"),
    )
    store = shop(tmp_path, [plan("j", "t", "x:int", "a b")], edges, sources="a.x b.y")
    assert losses(outage(store, "b.y")) == [("t", "incomplete", [], ["x"], ["a"])]


def test_a_table_that_reads_itself_is_no_source_of_itself(tmp_path):
    """A MERGE of a into t; and two tables that are made of each other keep what they hold, but for the one that goes."""
    merged = [plan("m", "t", "x:int", "a t")]
    edges = (
        edge("m", "a.x", "t.x", "IDENTITY"),
        edge("m", "t.id", "t", "JOIN"),
        edge("m", "a.id", "t", "JOIN"),
    )
    assert losses(outage(shop(tmp_path / "merge", merged, edges), "a")) == [("t", "lost", [], [], [])]
    circle = (plan("p1", "a", "x:int", "b"), plan("p2", "b", "x:int", "a"), plan("p3", "u", "x:int", "b"))
    assert losses(outage(shop(tmp_path / "circle", circle, ()), "u")) == []


def test_asked_of_one_table(tmp_path):
    """Of the tables that orders feeds, only report and what is made of it."""
    answer = outage(shop(tmp_path, SALES, SALES_EDGES), "orders", "report")
    assert [each[0] for each in losses(answer)] == ["report", "collect"]
    assert answer.to_dict()["asked"]["name"] == dataset_id("report").name


def test_what_is_read_without_a_column_is_told_by_walks_too(tmp_path):
    """`SELECT count(*) FROM orders`: no edge says it, so that a walk ends there, and says so; of a column of the orders it is none."""
    plans = (plan("n", "counts", "n:bigint", "orders"),)
    store = shop(tmp_path, plans, (), sources="orders.amount")
    engine = LocalEngine(store)
    told_of = "/w/counts is made of /w/orders and names no column of it, as count(*) does: the walk does not go on there."
    for answer in (engine.downstream("orders"), engine.upstream("counts"), engine.upstream("counts.n")):
        assert [(each.code, each.message) for each in answer.problems] == [("read_without_column", told_of)]
    for answer in (
        engine.downstream("orders.amount"),
        engine.downstream("orders", 0),
        engine.upstream("orders"),
    ):
        assert answer.problems == ()
    text = plain_text(lineage_text(engine.downstream("orders").to_dict()))
    assert text.startswith("No column that is known here depends on w/orders.")


@pytest.mark.parametrize(
    ("columns", "certainty", "field"),
    [("x:int!", Certainty.OPAQUE, "x"), ("x:int", Certainty.OPAQUE, None), ("x:int!", Certainty.EXACT, "x")],
)
def test_what_an_opaque_plan_reads_is_told_alike_by_all(tmp_path, columns, certainty, field):
    """A program that no one can see into reads the orders and writes `made`, of which a report is made: both hang on all of the orders."""
    plans = (
        plan("o", "made", columns, "orders", certainty=certainty),
        plan("r", "report", "total:int", "made"),
    )
    store = shop(
        tmp_path,
        plans,
        (edge("r", "made.x", "report.total", "AGGREGATION", "sum(x)"),),
        sources="orders.amount",
    )
    for start in ("orders", "orders.amount"):
        answer = impact(store, start).to_dict()["tables"]
        assert [(each["name"], each["hops"], each["type"], each["certainty"]) for each in answer] == [
            ("/w/made", 1, "DIRECT", "opaque"), ("/w/report", 2, "DIRECT", "opaque"),
        ]  # fmt: skip
        walked = LocalEngine(store).downstream(start).to_dict()
        reached = {
            (each["name"], each["field"], each["certainty"]) for each in walked["nodes"] if each["depth"]
        }
        assert {("/w/made", "x", "opaque"), ("/w/report", "total", "opaque")} <= reached
        assert {name for name, _, _ in reached} == {each["name"] for each in answer}
        (seen,) = [each for each in walked["edges"] if each["plan"] == "o"]
        assert (seen["source"]["field"], seen["target"]["field"], seen["certainty"]) == (
            None,
            field,
            "opaque",
        )
    upstream = LocalEngine(store).upstream("report.total").to_dict()["nodes"]
    assert ("/w/orders", "opaque") in {(each["name"], each["certainty"]) for each in upstream}
