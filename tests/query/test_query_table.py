"""`table`: whole answers from rows written by hand."""

from __future__ import annotations

from lineage_rows import BRIDGE, dataset, dataset_id, edge, plan, run, store_of

from spark_lineage.model import Batch, Certainty, Column, Problem, RunState, Severity
from spark_lineage.query.local import LocalEngine

ORDERS = {"namespace": "file", "name": "/w/orders", "aliases": ["spark_catalog.shop.orders"]}
REPORT = {"namespace": "file", "name": "/w/report", "aliases": ["spark_catalog.shop.report"]}

REPORT_BATCH = Batch(
    datasets=(
        dataset("orders", "spark_catalog.shop.orders", format_="delta"),
        dataset("report", "spark_catalog.shop.report", format_="delta"),
    ),
    columns=(
        Column("file", "/w/orders", "day", "string", 1),
        Column("file", "/w/orders", "amount", "double", 0),
        Column("file", "/w/report", "day", "date", 0),
        Column("file", "/w/report", "total", "double", 1),
    ),
    plans=(plan("p1", "report", "day:date total:double", "orders", overwrites=True),),
    edges=(
        edge("p1", "orders.day", "report.day", "TRANSFORMATION", "CAST(day AS DATE)"),
        edge(
            "p1",
            "orders.amount",
            "report.total",
            "AGGREGATION",
            "sum(amount)",
            via=("spark_catalog.shop.valid",),
        ),
        edge("p1", "orders.day", "report", "GROUP_BY", "day", operator="Aggregate#2"),
        edge("p1", "orders.day", "report", "FILTER", "(day > ?)", operator="Filter#1"),
    ),
    runs=(run(7, "p1", "report", 1_700_000_000, rows=42),),
)


def answer(path, name, *batches):
    return LocalEngine(store_of(path, *batches)).table(name).to_dict()


def test_one_plan(tmp_path):
    source = {**ORDERS, "plan": "p1"}
    assert answer(tmp_path, "report", REPORT_BATCH) == {
        "schema_version": 1,
        "dataset": REPORT,
        "certainty": "exact",
        "plans": ["p1"],
        "runs": 1,
        "last_run": {
            "id": f"{BRIDGE}:7", "state": "COMPLETE", "started_at": "2023-11-14T22:13:19.000Z", "rows": 42,
        },
        "columns": [
            {
                "name": "day", "type": "date", "certainty": "exact",
                "sources": [
                    {
                        **source, "field": "day", "type": "DIRECT", "subtype": "TRANSFORMATION", "masking": False,
                        "expression": "CAST(day AS DATE)",
                    }
                ],
            },
            {
                "name": "total", "type": "double", "certainty": "exact",
                "sources": [
                    {
                        **source, "field": "amount", "type": "DIRECT", "subtype": "AGGREGATION", "masking": False,
                        "expression": "sum(amount)", "via": ["spark_catalog.shop.valid"],
                    }
                ],
            },
        ],
        "rows": [
            {**source, "field": "day", "type": "INDIRECT", "subtype": "FILTER", "expression": "(day > ?)"},
            {**source, "field": "day", "type": "INDIRECT", "subtype": "GROUP_BY", "expression": "day"},
        ],
        "problems": [],
    }  # fmt: skip


def test_only_read(tmp_path):
    assert answer(tmp_path, "shop.orders", REPORT_BATCH) == {
        "schema_version": 1,
        "dataset": ORDERS,
        "certainty": "exact",
        "plans": [],
        "runs": 0,
        "last_run": None,
        "columns": [
            {"name": "amount", "type": "double", "certainty": "exact", "sources": []},
            {"name": "day", "type": "string", "certainty": "exact", "sources": []},
        ],
        "rows": [],
        "problems": [],
    }


def test_only_failed(tmp_path):
    """The plan of a failed write, its columns and its problems are no facts about the table."""
    batch = Batch(
        datasets=(dataset("a"), dataset("b")),
        columns=(Column("file", "/w/b", "x", "int", 0),),
        plans=(plan("p", "b", "x:int", "a"),),
        edges=(edge("p", "a.x", "b.x", "IDENTITY", "x"),),
        runs=(run(1, "p", "b", 10, state=RunState.FAILED, error_class="E", error_message="m"),),
    )
    assert answer(tmp_path, "b", batch) == {
        "schema_version": 1,
        "dataset": {"namespace": "file", "name": "/w/b", "aliases": []},
        "certainty": "opaque",
        "plans": [],
        "runs": 1,
        "last_run": {
            "id": f"{BRIDGE}:1",
            "state": "FAILED",
            "started_at": "1970-01-01T00:00:09.000Z",
            "rows": None,
        },
        "columns": [],
        "rows": [],
        "problems": [
            {
                "code": "no_complete_write",
                "severity": "info",
                "message": "No write of it that is known here has completed, the last (append) failed: what it is made of is not known.",
                "where": "/w/b",
                "hint": "`spark-lineage run 00000000:1` says what that one would have written.",
            }
        ],
    }


def history(*runs):
    """Table t: `over_*` overwrite the whole of it, `add_*` append; each has one column from a source of its name."""
    names = ("over_a", "over_b", "add_c", "add_d")
    return Batch(
        datasets=(dataset("t"), *(dataset(name) for name in names)),
        plans=tuple(
            plan(name, "t", f"x:int {name}:int", name, overwrites=name.startswith("over")) for name in names
        ),
        edges=tuple(edge(name, f"{name}.y", "t.x", "IDENTITY", "y") for name in names),
        runs=tuple(runs),
    )


def plans_after(path, *runs):
    table = answer(path, "t", history(*runs))
    used = [source["plan"] for source in table["columns"][0]["sources"]] if table["columns"] else []
    assert sorted(used) == table["plans"]
    return table["plans"]


def test_plans_since_the_last_overwrite(tmp_path):
    runs = [
        run(1, "add_c", "t", 10),
        run(2, "over_a", "t", 20),
        run(3, "add_d", "t", 30),
        run(4, "over_b", "t", 40, state=RunState.FAILED),
        run(5, "add_c", "t", 50, state=RunState.CANCELLED),
    ]
    assert plans_after(tmp_path / "1", *runs) == ["add_d", "over_a"]
    assert plans_after(tmp_path / "2", *runs, run(6, "over_b", "t", 60)) == ["over_b"]
    assert plans_after(tmp_path / "3", *runs, run(6, "over_a", "t", 60), run(7, "add_c", "t", 70)) == [
        "add_c",
        "over_a",
    ]


def test_the_order_is_end_time_and_then_run_id(tmp_path):
    late_end = run(1, "over_a", "t", 50, started_at=0)
    assert plans_after(tmp_path / "1", late_end, run(2, "add_c", "t", 40)) == ["over_a"]
    assert plans_after(tmp_path / "2", run(9, "over_a", "t", 50), run(10, "add_c", "t", 50)) == [
        "add_c",
        "over_a",
    ]
    assert plans_after(tmp_path / "3", run(10, "over_a", "t", 50), run(9, "add_c", "t", 50)) == ["over_a"]
    both = run(9, "over_a", "t", 50), run(9, "add_c", "t", 50, part=1)
    assert plans_after(tmp_path / "4", *both) == ["add_c", "over_a"]


def test_columns_of_several_plans(tmp_path):
    """The first plan's columns come first, as the table has them; a table that was never overwritten has the others that it was read with."""
    appended = Batch(
        datasets=(dataset("t"), dataset("s")),
        columns=(
            Column("file", "/w/t", "z", "string", 2),
            Column("file", "/w/t", "x", "bigint", 0),
            Column("file", "/w/t", "y", "int", 1),
        ),
        plans=(
            plan("p", "t", "x:int w:int!", "s"),
            plan("q", "t", "y:int x:bigint?", "s", certainty=Certainty.EXACT),
        ),
        edges=(
            edge("p", "s.a", "t.x", "IDENTITY", "a"),
            edge("q", "s.a", "t.x", "IDENTITY", "a", certainty=Certainty.OPAQUE),
        ),
        runs=(run(1, "p", "t", 10), run(2, "q", "t", 20)),
    )
    table = answer(tmp_path, "t", appended)
    assert [
        (c["name"], c["type"], c["certainty"], [s["plan"] for s in c["sources"]]) for c in table["columns"]
    ] == [
        ("x", "bigint", "opaque", ["p", "q"]),
        ("w", "int", "opaque", []),
        ("y", "int", "exact", []),
        ("z", "string", "exact", []),
    ]
    assert table["certainty"] == "opaque"


def test_a_field_used_in_two_ways_and_an_unknown_field(tmp_path):
    batch = Batch(
        datasets=(dataset("s"), dataset("t")),
        plans=(plan("p", "t", "x:int", "s"),),
        edges=(
            edge("p", "s.a", "t.x", "CONDITIONAL", "CASE WHEN a THEN a END"),
            edge("p", "s.a", "t.x", "IDENTITY", "CASE WHEN a THEN a END"),
            edge("p", "s", "t.x", "TRANSFORMATION", "f()", certainty=Certainty.OPAQUE, masking=True),
        ),
        runs=(run(1, "p", "t", 10),),
    )
    (column,) = answer(tmp_path, "t", batch)["columns"]
    assert [(s["field"], s["type"], s["subtype"], s["masking"]) for s in column["sources"]] == [
        (None, "DIRECT", "TRANSFORMATION", True),
        ("a", "DIRECT", "IDENTITY", False),
        ("a", "INDIRECT", "CONDITIONAL", False),
    ]
    assert column["certainty"] == "opaque"


def test_problems_of_a_table(tmp_path):
    """Those of its current plans, of its runs since the last overwrite, of its last run, and of the table itself."""

    def problem(code, severity=Severity.WARNING, **ties):
        return Problem(code, severity, "message", "where", "hint", **ties)

    batch = Batch(
        datasets=(dataset("t"), dataset("s")),
        plans=(
            plan("old", "t", "x:int", "s"),
            plan("now", "t", "x:int", "s", overwrites=True),
            plan("bad", "t", "x:int", "s"),
        ),
        runs=(
            run(1, "old", "t", 10),
            run(2, "now", "t", 20),
            run(3, None, "t", 30, kind="query"),
            run(4, "bad", "t", 40, state=RunState.FAILED),
        ),
        problems=(
            problem("superseded-plan", fingerprint="old", run_id=f"{BRIDGE}:1", dataset=dataset_id("t")),
            problem("superseded-run", run_id=f"{BRIDGE}:1", dataset=dataset_id("t")),
            problem("plan", fingerprint="now"),
            problem("plan", fingerprint="now", run_id=f"{BRIDGE}:2"),
            problem("run", Severity.ERROR, run_id=f"{BRIDGE}:3"),
            problem("last", Severity.INFO, fingerprint="bad", run_id=f"{BRIDGE}:4"),
            problem("table", dataset=dataset_id("t")),
            problem("other", dataset=dataset_id("s")),
            problem("loose"),
            problem("lost", run_id=BRIDGE),
        ),
    )
    store = store_of(tmp_path, batch)
    rest = {"message": "message", "where": "where", "hint": "hint"}
    assert LocalEngine(store).table("t").to_dict()["problems"] == [
        {"code": "run", "severity": "error", **rest},
        {"code": "plan", "severity": "warning", **rest},
        {"code": "table", "severity": "warning", **rest},
        {"code": "last", "severity": "info", **rest},
    ]
    assert [each["code"] for each in LocalEngine(store).problems().to_dict()["problems"]] == [
        "run", "loose", "lost", "other", "plan", "superseded-plan", "superseded-run", "table", "last",
    ]  # fmt: skip


def test_a_read_column_of_two_types_is_said(tmp_path):
    batch = Batch(
        datasets=(dataset("t"),),
        columns=(Column("file", "/w/t", "x", "string", 0), Column("file", "/w/t", "x", "int", 0)),
    )
    table = answer(tmp_path, "t", batch)
    assert table["columns"] == [{"name": "x", "type": "int", "certainty": "exact", "sources": []}]
    assert table["problems"] == [
        {
            "code": "column_type_varies",
            "severity": "info",
            "message": "The column x was read as int and as string; the answer shows int.",
            "where": "/w/t.x",
            "hint": "Give the reader one schema if the jobs should agree.",
        }
    ]


def test_a_column_that_a_later_write_spells_in_another_case(tmp_path):
    """Spark takes both for one column; a write that has both, under `spark.sql.caseSensitive`, keeps them apart."""
    batch = Batch(
        datasets=(dataset("t"), dataset("s"), dataset("after")),
        columns=(
            Column("file", "/w/t", "id", "int", 0),
            Column("file", "/w/t", "ID", "int", 0),
            Column("file", "/w/t", "x", "int", 1),
        ),
        plans=(
            plan("p", "t", "id:int x:int X:int", "s"),
            plan("q", "t", "ID:int X:int", "s"),
            plan("r", "after", "y:int", "t"),
        ),
        edges=(
            edge("p", "s.a", "t.id", "IDENTITY", "a"),
            edge("p", "s.b", "t.x", "IDENTITY", "b"),
            edge("p", "s.c", "t.X", "IDENTITY", "c"),
            edge("q", "s.d", "t.ID", "IDENTITY", "d"),
            edge("q", "s.e", "t.X", "IDENTITY", "e"),
            edge("r", "t.ID", "after.y", "IDENTITY", "ID"),
        ),
        runs=(run(1, "p", "t", 10), run(2, "q", "t", 20), run(3, "r", "after", 30)),
    )
    lineage = LocalEngine(store_of(tmp_path, batch))
    assert {
        column["name"]: sorted(source["field"] for source in column["sources"])
        for column in lineage.table("/w/t").to_dict()["columns"]
    } == {"id": ["a", "d"], "x": ["b"], "X": ["c", "e"]}
    met = lineage.upstream("/w/after.y").to_dict()["nodes"]
    assert {(node["name"], node["field"]) for node in met} == {
        ("/w/after", "y"),
        ("/w/s", "a"),
        ("/w/s", "d"),
        ("/w/t", "id"),
    }


def test_the_last_overwrite_says_how_a_column_is_spelled(tmp_path):
    batch = Batch(
        datasets=(dataset("t"), dataset("s")),
        plans=(
            plan("p", "t", "id:int", "s", overwrites=True),
            plan("q", "t", "ID:int", "s", overwrites=True),
            plan("r", "t", "Id:int", "s"),
        ),
        edges=tuple(
            edge(f, "s.a", f"t.{n}", "IDENTITY", "a") for f, n in (("p", "id"), ("q", "ID"), ("r", "Id"))
        ),
        runs=(run(1, "p", "t", 10), run(2, "q", "t", 20), run(3, "r", "t", 30)),
    )
    assert [column["name"] for column in answer(tmp_path, "/w/t", batch)["columns"]] == ["ID"]
