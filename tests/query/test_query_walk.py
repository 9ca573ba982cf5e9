"""`upstream` and `downstream`: whole answers from rows written by hand."""

from __future__ import annotations

import pytest
from lineage_rows import dataset, edge, plan, run, store_of

from spark_lineage.model import Batch, Certainty, Column, EdgeKind, Problem, Severity
from spark_lineage.query.local import LocalEngine

# raw -> orders -> report -> a count; customers filters report, country of customers is hashed on its way.
SHOP = Batch(
    datasets=(
        dataset("raw"),
        dataset("orders", "shop.orders"),
        dataset("customers"),
        dataset("report"),
        dataset("driver:count"),
    ),
    columns=(
        Column("file", "/w/raw", "price", "string", 0),
        Column("file", "/w/customers", "country", "string", 0),
        Column("file", "/w/customers", "name", "string", 1),
    ),
    plans=(
        plan("p1", "orders", "amount:double", "raw", overwrites=True),
        plan("p2", "report", "total:double land:string", "orders customers", overwrites=True),
        plan("p3", "driver:count", "", "report", kind=EdgeKind.USAGE),
    ),
    edges=(
        edge("p1", "raw.price", "orders.amount", "TRANSFORMATION", "CAST(price AS DOUBLE)"),
        edge("p2", "orders.amount", "report.total", "AGGREGATION", "sum(amount)", operator="Aggregate#4"),
        edge("p2", "customers.country", "report.land", "TRANSFORMATION", "sha2(country, ?)", masking=True),
        edge("p2", "customers.country", "report", "FILTER", "(country = ?)", operator="Filter#2"),
        edge(
            "p3", "report.total", "driver:count", "FILTER", "(total > ?)", kind=EdgeKind.USAGE, operator=None
        ),
    ),
    runs=(
        run(1, "p1", "orders", 10),
        run(2, "p2", "report", 20),
        run(3, "p3", "driver:count", 30, kind="usage"),
    ),
    problems=(
        Problem("p", Severity.INFO, "about p1", fingerprint="p1"),
        Problem("p", Severity.INFO, "about p3", fingerprint="p3"),
    ),
)


@pytest.fixture
def shop(tmp_path):
    return LocalEngine(store_of(tmp_path, SHOP))


def node(name, field, depth, kind=None, certainty="exact", *, own="exact", masking=False, aliases=()):
    namespace, name = ("driver", name[7:]) if name.startswith("driver:") else ("file", f"/w/{name}")
    types = {None: None, "IDENTITY": "DIRECT", "TRANSFORMATION": "DIRECT", "AGGREGATION": "DIRECT"}
    return {
        "namespace": namespace,
        "name": name,
        "aliases": list(aliases),
        "field": field,
        "depth": depth,
        "type": types.get(kind, "INDIRECT"),
        "subtype": kind,
        "masking": masking,
        "certainty": certainty,
        "own_certainty": own,
    }


RAW_TO_ORDERS = {
    "source": {"namespace": "file", "name": "/w/raw", "field": "price"},
    "target": {"namespace": "file", "name": "/w/orders", "field": "amount"},
    "type": "DIRECT",
    "subtype": "TRANSFORMATION",
    "masking": False,
    "certainty": "exact",
    "expression": "CAST(price AS DOUBLE)",
    "plan": "p1",
    "operator": "Project#1",
}
ORDERS_TO_REPORT = {
    "source": {"namespace": "file", "name": "/w/orders", "field": "amount"},
    "target": {"namespace": "file", "name": "/w/report", "field": "total"},
    "type": "DIRECT",
    "subtype": "AGGREGATION",
    "masking": False,
    "certainty": "exact",
    "expression": "sum(amount)",
    "plan": "p2",
    "operator": "Aggregate#4",
}
CUSTOMERS_TO_ROWS = {
    "source": {"namespace": "file", "name": "/w/customers", "field": "country"},
    "target": {"namespace": "file", "name": "/w/report", "field": None},
    "type": "INDIRECT",
    "subtype": "FILTER",
    "masking": False,
    "certainty": "exact",
    "expression": "(country = ?)",
    "plan": "p2",
    "operator": "Filter#2",
}
CUSTOMERS_TO_LAND = {
    "source": {"namespace": "file", "name": "/w/customers", "field": "country"},
    "target": {"namespace": "file", "name": "/w/report", "field": "land"},
    "type": "DIRECT",
    "subtype": "TRANSFORMATION",
    "masking": True,
    "certainty": "exact",
    "expression": "sha2(country, ?)",
    "plan": "p2",
    "operator": "Project#1",
}
REPORT_TO_COUNT = {
    "source": {"namespace": "file", "name": "/w/report", "field": "total"},
    "target": {"namespace": "driver", "name": "count", "field": None},
    "type": "INDIRECT",
    "subtype": "FILTER",
    "masking": False,
    "certainty": "exact",
    "expression": "(total > ?)",
    "plan": "p3",
    "operator": None,
}
ABOUT_P1 = {"code": "p", "severity": "info", "message": "about p1", "where": "", "hint": ""}
ABOUT_P3 = {"code": "p", "severity": "info", "message": "about p3", "where": "", "hint": ""}


def test_upstream_of_a_column(shop):
    assert shop.upstream("report.total").to_dict() == {
        "schema_version": 1,
        "start": {"namespace": "file", "name": "/w/report", "aliases": [], "field": "total"},
        "direction": "upstream",
        "depth": None,
        "nodes": [
            node("customers", "country", 1, "FILTER"),
            node("orders", "amount", 1, "AGGREGATION", aliases=["shop.orders"]),
            node("raw", "price", 2, "AGGREGATION"),
            node("report", None, 0),
            node("report", "total", 0),
        ],
        "edges": [CUSTOMERS_TO_ROWS, ORDERS_TO_REPORT, RAW_TO_ORDERS],
        "problems": [ABOUT_P1],
    }


def test_upstream_within_a_depth(shop):
    answer = shop.upstream("report.total", depth=1).to_dict()
    assert answer["depth"] == 1
    assert [(each["name"], each["field"]) for each in answer["nodes"]] == [
        ("/w/customers", "country"), ("/w/orders", "amount"), ("/w/report", None), ("/w/report", "total"),
    ]  # fmt: skip
    assert answer["edges"] == [CUSTOMERS_TO_ROWS, ORDERS_TO_REPORT]
    nothing = shop.upstream("report.total", depth=0).to_dict()
    assert (nothing["nodes"], nothing["edges"]) == ([node("report", "total", 0)], [])


def test_upstream_of_a_table(shop):
    answer = shop.upstream("report").to_dict()
    assert answer["start"] == {"namespace": "file", "name": "/w/report", "aliases": [], "field": None}
    assert answer["nodes"] == [
        node("customers", "country", 1, "TRANSFORMATION", masking=True),
        node("orders", "amount", 1, "AGGREGATION", aliases=["shop.orders"]),
        node("raw", "price", 2, "AGGREGATION"),
        node("report", None, 0),
        node("report", "land", 0),
        node("report", "total", 0),
    ]
    assert answer["edges"] == [CUSTOMERS_TO_ROWS, CUSTOMERS_TO_LAND, ORDERS_TO_REPORT, RAW_TO_ORDERS]


def test_downstream_of_a_column(shop):
    assert shop.downstream("raw.price").to_dict() == {
        "schema_version": 1,
        "start": {"namespace": "file", "name": "/w/raw", "aliases": [], "field": "price"},
        "direction": "downstream",
        "depth": None,
        "nodes": [
            node("driver:count", None, 3, "FILTER"),
            node("orders", "amount", 1, "TRANSFORMATION", aliases=["shop.orders"]),
            node("raw", "price", 0),
            node("report", "total", 2, "AGGREGATION"),
        ],
        "edges": [ORDERS_TO_REPORT, RAW_TO_ORDERS, REPORT_TO_COUNT],
        "problems": [ABOUT_P1, ABOUT_P3],
    }


def test_downstream_of_a_column_that_filters(shop):
    """The filtered table is reached as a whole, and all of its columns and their consumers with it."""
    answer = shop.downstream("customers.country").to_dict()
    assert answer["nodes"] == [
        node("driver:count", None, 2, "FILTER"),
        node("customers", "country", 0),
        node("report", None, 1, "FILTER"),
        node("report", "land", 1, "TRANSFORMATION", masking=True),
        node("report", "total", 1, "FILTER"),
    ]
    assert answer["edges"] == [CUSTOMERS_TO_ROWS, CUSTOMERS_TO_LAND, REPORT_TO_COUNT]


def test_a_column_without_edges(shop):
    assert shop.downstream("customers.name").to_dict()["nodes"] == [node("customers", "name", 0)]


def walk(path, edges, start, direction="upstream", **plans):
    """Each target table has one plan named like it; `plans` are columns of those that need them."""
    targets = sorted({each.target.name.removeprefix("/w/") for each in edges})
    batch = Batch(
        datasets=tuple(dataset(each.source.name.removeprefix("/w/")) for each in edges),
        plans=tuple(plan(each, each, plans.get(each, "")) for each in targets),
        edges=tuple(edges),
        runs=tuple(run(number, each, each, 10) for number, each in enumerate(targets)),
    )
    engine = LocalEngine(store_of(path, batch))
    return [
        (each["name"].removeprefix("/w/"), each["field"], each["depth"], each["subtype"], each["masking"], each["certainty"])
        for each in getattr(engine, direction)(start).to_dict()["nodes"]
    ]  # fmt: skip


def test_composition_along_a_path(tmp_path):
    """An INDIRECT hop wins, the outer of two; else AGGREGATION over TRANSFORMATION; masking sticks, the weakest certainty too."""
    edges = [
        edge("b", "a.x", "b.x", "WINDOW"),
        edge("c", "b.x", "c.x", "TRANSFORMATION", masking=True),
        edge("d", "c.x", "d.x", "CONDITIONAL", certainty=Certainty.OVER_APPROXIMATE),
        edge("e", "d.x", "e.x", "AGGREGATION"),
        edge("f", "e.x", "f.x", "IDENTITY"),
    ]
    assert walk(tmp_path / "1", edges, "f.x") == [
        ("a", "x", 5, "CONDITIONAL", True, "over_approximate"),
        ("b", "x", 4, "CONDITIONAL", True, "over_approximate"),
        ("c", "x", 3, "CONDITIONAL", False, "over_approximate"),
        ("d", "x", 2, "AGGREGATION", False, "exact"),
        ("e", "x", 1, "IDENTITY", False, "exact"),
        ("f", "x", 0, None, False, "exact"),
    ]
    assert walk(tmp_path / "2", edges, "a.x", "downstream") == [
        ("a", "x", 0, None, False, "exact"),
        ("b", "x", 1, "WINDOW", False, "exact"),
        ("c", "x", 2, "WINDOW", True, "exact"),
        ("d", "x", 3, "CONDITIONAL", True, "over_approximate"),
        ("e", "x", 4, "CONDITIONAL", True, "over_approximate"),
        ("f", "x", 5, "CONDITIONAL", True, "over_approximate"),
    ]


def test_several_paths(tmp_path):
    """The strongest bond, masked only if all its paths are; the smallest depth; the weakest certainty."""
    edges = [
        edge("t", "s.x", "t.a", "SORT"),
        edge("m", "s.x", "m.y", "IDENTITY", masking=True),
        edge("t", "m.y", "t.a", "TRANSFORMATION", certainty=Certainty.OVER_APPROXIMATE),
    ]
    assert walk(tmp_path, edges, "t.a")[1] == ("s", "x", 1, "TRANSFORMATION", True, "over_approximate")
    edges = [*edges, edge("n", "s.x", "n.y", "TRANSFORMATION"), edge("t", "n.y", "t.a", "IDENTITY")]
    assert walk(tmp_path / "2", edges, "t.a")[2] == ("s", "x", 1, "TRANSFORMATION", False, "over_approximate")


def test_a_cycle_ends(tmp_path):
    edges = [
        edge("a", "b.x", "a.x", "TRANSFORMATION"),
        edge("b", "a.x", "b.x", "IDENTITY"),
        edge("a", "a.x", "a.x", "AGGREGATION"),
    ]
    for direction in ("upstream", "downstream"):
        assert walk(tmp_path / direction, edges, "a.x", direction) == [
            ("a", "x", 0, None, False, "exact"),
            ("b", "x", 1, "IDENTITY" if direction == "downstream" else "TRANSFORMATION", False, "exact"),
        ]


def test_a_struct_and_its_fields(tmp_path):
    """A field within a column is met by the column, not by its sibling nor by a name that only begins alike."""
    edges = [
        edge("b", "a.x", "b.info", "IDENTITY"),
        edge("b", "a.z", "b.infos", "IDENTITY"),
        edge("c", "b.info.zip", "c.zip", "IDENTITY"),
        edge("c", "b.info.street", "c.street", "IDENTITY"),
    ]
    assert walk(tmp_path / "1", edges, "c.zip") == [
        ("a", "x", 2, "IDENTITY", False, "exact"),
        ("a", "x.zip", 2, "IDENTITY", False, "exact"),
        ("b", "info", 1, "IDENTITY", False, "exact"),
        ("b", "info.zip", 1, "IDENTITY", False, "exact"),
        ("c", "zip", 0, None, False, "exact"),
    ]
    assert [each[:3] for each in walk(tmp_path / "2", edges, "a.x", "downstream")] == [
        ("a", "x", 0),
        ("b", "info", 1),
        ("b", "info.street", 1),
        ("b", "info.zip", 1),
        ("c", "street", 2),
        ("c", "zip", 2),
    ]
    assert [
        each[:3] for each in walk(tmp_path / "3", edges, "b.info.zip.plus4", "downstream", b="info:struct<>")
    ] == [
        ("b", "info", 0),
        ("b", "info.zip", 0),
        ("b", "info.zip.plus4", 0),
        ("c", "zip", 1),
        ("c", "zip.plus4", 1),
    ]


def test_a_source_whose_columns_are_not_known(tmp_path):
    edges = [
        edge("b", "a.x", "b.y", "IDENTITY"),
        edge("b", "a.z", "b", "FILTER"),
        edge("c", "b", "c.v", "TRANSFORMATION", certainty=Certainty.OPAQUE),
    ]
    assert walk(tmp_path / "1", edges, "c.v", b="y:int n:int") == [
        ("a", "x", 2, "TRANSFORMATION", False, "opaque"),
        ("a", "z", 2, "FILTER", False, "opaque"),
        ("b", None, 1, "TRANSFORMATION", False, "opaque"),
        ("b", "n", 1, "TRANSFORMATION", False, "opaque"),
        ("b", "y", 1, "TRANSFORMATION", False, "opaque"),
        ("c", "v", 0, None, False, "exact"),
    ]
    assert walk(tmp_path / "2", edges, "b.n", "downstream", b="y:int n:int") == [
        ("b", None, 0, None, False, "exact"),
        ("b", "n", 0, None, False, "exact"),
        ("c", "v", 1, "TRANSFORMATION", False, "opaque"),
    ]


def test_how_sure_the_columns_are_counts(tmp_path):
    """An opaque column has no edges; upstream says so at the column, downstream it takes nothing from what follows."""
    edges = [edge("b", "a.x", "b.y", "IDENTITY"), edge("c", "b.y", "c.z", "IDENTITY")]
    assert walk(tmp_path / "1", edges, "c.z", b="y:int?", c="z:int") == [
        ("a", "x", 2, "IDENTITY", False, "over_approximate"),
        ("b", "y", 1, "IDENTITY", False, "over_approximate"),
        ("c", "z", 0, None, False, "exact"),
    ]
    assert walk(tmp_path / "2", edges, "b.y", "downstream", b="y:int!", c="z:int") == [
        ("b", "y", 0, None, False, "exact"),
        ("c", "z", 1, "IDENTITY", False, "exact"),
    ]
    assert walk(tmp_path / "3", edges, "c.w", c="z:int w:int!") == [("c", "w", 0, None, False, "opaque")]
    within = [edge("c", "b.y.part", "c.z", "IDENTITY")]
    assert ("b", "y.part", 1, "IDENTITY", False, "opaque") in walk(
        tmp_path / "4", [*edges, *within], "c.z", b="y:int!"
    )


def test_superseded_plans_are_left_out(tmp_path):
    """But an overwrite that reads its own table hands on what was there."""
    batch = Batch(
        plans=(
            plan("before", "t", "x:int", "b", overwrites=True),
            plan("base", "t", "x:int", "a", overwrites=True),
            plan("itself", "t", "x:int", "t", overwrites=True),
        ),
        edges=(
            edge("before", "b.x", "t.x", "IDENTITY"),
            edge("base", "a.x", "t.x", "IDENTITY"),
            edge("itself", "t.x", "t.x", "TRANSFORMATION"),
            edge("itself", "t.x", "t", "FILTER"),
        ),
        runs=(run(1, "before", "t", 10), run(2, "base", "t", 20), run(3, "itself", "t", 30)),
    )
    engine = LocalEngine(store_of(tmp_path, batch))
    assert engine.table("t").to_dict()["plans"] == ["itself"]
    answer = engine.upstream("t.x").to_dict()
    assert [(each["name"], each["field"]) for each in answer["nodes"]] == [
        ("/w/a", "x"),
        ("/w/t", None),
        ("/w/t", "x"),
    ]
    assert [each["plan"] for each in answer["edges"]] == ["base", "itself", "itself"]


REBUILT = [
    edge("b", "a.p", "b.x", "TRANSFORMATION", "struct(p, q)"),
    edge("b", "a.q", "b.x", "TRANSFORMATION", "struct(p, q)"),
    edge("b", "a.p", "b.x.p", "IDENTITY", "p"),
    edge("b", "a.q", "b.x.q", "IDENTITY", "q"),
    edge("c", "b.x", "c.y", "IDENTITY", "x"),
    edge("d", "c.y.q", "d.v", "AGGREGATION", "max(y.q)"),
    edge("e", "c.y", "e.hash", "TRANSFORMATION", "md5(y)"),
]
"""a -> a struct of a's columns in b -> the same struct in c -> one of its fields in d, a function of it in e."""

TYPES = {
    "a": "p:int q:int",
    "b": "x:struct",
    "c": "y:struct",
    "d": "v:int",
    "e": "hash:int",
}


@pytest.mark.parametrize(
    ("start", "direction", "met"),
    [
        ("d.v", "upstream", ["a.q AGGREGATION", "b.x AGGREGATION", "b.x.q AGGREGATION", "c.y AGGREGATION", "c.y.q AGGREGATION"]),
        ("c.y.p", "upstream", ["a.p IDENTITY", "b.x IDENTITY", "b.x.p IDENTITY"]),
        ("b.x.p", "upstream", ["a.p IDENTITY"]),
        ("b.x", "upstream", ["a.p TRANSFORMATION", "a.q TRANSFORMATION"]),
        ("e.hash", "upstream", ["a.p TRANSFORMATION", "a.q TRANSFORMATION", "b.x TRANSFORMATION", "b.x.p TRANSFORMATION",
                                "b.x.q TRANSFORMATION", "c.y TRANSFORMATION", "c.y.q TRANSFORMATION"]),
        ("a.p", "downstream", ["b.x TRANSFORMATION", "b.x.p IDENTITY", "c.y TRANSFORMATION", "c.y.p IDENTITY", "e.hash TRANSFORMATION"]),
        ("a.q", "downstream", ["b.x TRANSFORMATION", "b.x.q IDENTITY", "c.y TRANSFORMATION", "c.y.q IDENTITY", "d.v AGGREGATION",
                               "e.hash TRANSFORMATION"]),
    ],
)  # fmt: skip
def test_a_struct_that_was_written_field_by_field(tmp_path, start, direction, met):
    """A field goes on to the column that was put into it alone, and keeps its path where the whole passes on."""
    table = start.partition(".")[0]
    nodes = walk(tmp_path, REBUILT, start, direction, **TYPES)
    assert [f"{name}.{field} {kind}" for name, field, depth, kind, *_ in nodes if depth] == met
    assert {name for name, _, depth, *_ in nodes if not depth} == {table}


def test_a_column_with_a_dot_in_its_name_is_no_field(tmp_path):
    edges = [
        edge("b", "a.p", "b.x", "IDENTITY"),
        edge("b", "a.q", "b.x.y", "IDENTITY"),
        edge("c", "b.x", "c.v", "IDENTITY"),
    ]
    batch_columns = {"a": "p:int q:int", "b": "x:int x.y:int", "c": "v:int"}
    assert [each[:2] for each in walk(tmp_path, edges, "a.p", "downstream", **batch_columns)] == [
        ("a", "p"),
        ("b", "x"),
        ("b", "x.y"),
        ("c", "v"),
    ]
