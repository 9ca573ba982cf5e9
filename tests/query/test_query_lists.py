"""`tables`, `runs`, `problems` and `search`: whole answers; and what the order and repetition of ingests may not change."""

from __future__ import annotations

import multiprocessing
import random

import pytest
from lineage_rows import BRIDGE, dataset, edge, plan, run, store_of

from spark_lineage.errors import StoreError
from spark_lineage.model import Batch, Column, EdgeKind, Problem, RunState, Severity
from spark_lineage.query.local import LocalEngine
from spark_lineage.store.delta import DeltaStore

RAW = {"namespace": "file", "name": "/w/raw"}
ORDERS = {"namespace": "file", "name": "/w/orders"}
COUNT = {"namespace": "driver", "name": "count"}

SHOP = Batch(
    datasets=(dataset("raw", format_="csv"), dataset("orders", "shop.orders", format_="delta"), dataset("driver:count")),
    columns=(Column("file", "/w/raw", "price", "string", 0), Column("file", "/w/orders", "amount", "double", 0)),
    plans=(
        plan("p1", "orders", "amount:double?", "raw orders"),
        plan("p2", "driver:count", "", "orders", kind=EdgeKind.USAGE),
        plan("p3", "orders", "amount:double", "customers"),
    ),
    edges=(
        edge("p1", "raw.price", "orders.amount", "TRANSFORMATION", "CAST(price AS DOUBLE)"),
        edge("p2", "orders.amount", "driver:count", "FILTER", "(amount > ?)", kind=EdgeKind.USAGE),
        edge("p3", "customers.price", "orders.amount", "IDENTITY", "price"),
    ),
    runs=(
        run(1, "p1", "orders", 10, rows=5),
        run(2, "p2", "driver:count", 30, kind="usage", operation="count"),
        run(
            3, "p3", "orders", 20, state=RunState.FAILED, error_class="E", error_message="m", error_sqlstate="23505", description="d", call_site="c",
            sql_text="s", query_id="q", batch_id=1, bytes=7, files=8,
        ),
        run(0, None, None, None, run_id=BRIDGE, kind="application", operation="APPLICATION", state=RunState.UNKNOWN),
    ),
    problems=(Problem("a", Severity.WARNING, "m", "w", "h", fingerprint="p1"), Problem("b", Severity.INFO, "m")),
)  # fmt: skip
PROBLEM = {"code": "a", "severity": "warning", "message": "m", "where": "w", "hint": "h"}
FAILED_RUN = {"id": f"{BRIDGE}:3", "state": "FAILED", "started_at": "1970-01-01T00:00:19.000Z", "rows": None}


@pytest.fixture
def engine(tmp_path):
    return LocalEngine(store_of(tmp_path, SHOP))


def test_tables(engine):
    """A failed plan hangs nothing together, and a table that only it names is not there."""
    nothing = {"aliases": [], "certainty": "exact", "plans": [], "runs": 0, "last_run": None}
    count_run = {
        "id": f"{BRIDGE}:2",
        "state": "COMPLETE",
        "started_at": "1970-01-01T00:00:29.000Z",
        "rows": None,
    }
    assert engine.tables().to_dict() == {
        "schema_version": 1,
        "tables": [
            {**COUNT, **nothing, "format": None, "columns": [], "plans": ["p2"], "runs": 1, "last_run": count_run},
            {
                **ORDERS, "aliases": ["shop.orders"], "format": "delta", "columns": ["amount"],
                "certainty": "over_approximate", "plans": ["p1"], "runs": 2, "last_run": FAILED_RUN,
            },
            {**RAW, **nothing, "format": "csv", "columns": ["price"]},
        ],
        "edges": [
            {"source": ORDERS, "target": COUNT, "kind": "usage", "plans": ["p2"]},
            {"source": ORDERS, "target": ORDERS, "kind": "data", "plans": ["p1"]},
            {"source": RAW, "target": ORDERS, "kind": "data", "plans": ["p1"]},
        ],
        "problems": [PROBLEM],
    }  # fmt: skip


def test_runs(engine):
    common = {
        "part": 0, "kind": "write", "state": "COMPLETE", "job": "nightly", "operation": "append", "rows": None, "bytes": None,
        "files": None, "error": None, "application": {"id": "local-1", "name": "shop"}, "user": "ann",
        "spark_version": "4.1.3", "description": None, "call_site": None, "sql_text": None, "query_id": None,
        "batch_id": None, "failed_operator": None, "decided_by": None, "left_out": None, "session": None,
    }  # fmt: skip
    usage = {
        **common, "id": f"{BRIDGE}:2", "kind": "usage", "operation": "count", "plan": "p2", "target": {**COUNT, "aliases": []},
        "started_at": "1970-01-01T00:00:29.000Z", "ended_at": "1970-01-01T00:00:30.000Z",
    }  # fmt: skip
    failed = {
        **common, "id": f"{BRIDGE}:3", "state": "FAILED", "plan": "p3", "target": {**ORDERS, "aliases": ["shop.orders"]},
        "started_at": "1970-01-01T00:00:19.000Z", "ended_at": "1970-01-01T00:00:20.000Z",
        "error": {"class": "E", "message": "m", "condition": None, "sqlstate": "23505"}, "description": "d", "call_site": "c", "sql_text": "s", "query_id": "q",
        "batch_id": 1, "bytes": 7, "files": 8,
    }  # fmt: skip
    written = {
        **common, "id": f"{BRIDGE}:1", "plan": "p1", "target": {**ORDERS, "aliases": ["shop.orders"]}, "rows": 5,
        "started_at": "1970-01-01T00:00:09.000Z", "ended_at": "1970-01-01T00:00:10.000Z",
    }  # fmt: skip
    application = {
        **common, "id": BRIDGE, "kind": "application", "operation": "APPLICATION", "state": "UNKNOWN", "plan": None,
        "target": None, "started_at": None, "ended_at": None,
    }  # fmt: skip
    assert engine.runs().to_dict() == {"schema_version": 1, "runs": [usage, failed, written, application]}
    assert engine.runs(2).to_dict()["runs"] == [usage, failed]
    assert engine.runs(0).to_dict()["runs"] == []
    assert engine.runs(state=RunState.FAILED).to_dict()["runs"] == [failed]


def test_problems(engine):
    other = {"code": "b", "severity": "info", "message": "m", "where": "", "hint": ""}
    assert engine.problems().to_dict() == {"schema_version": 1, "problems": [PROBLEM, other]}


def test_search(engine):
    orders = {**ORDERS, "aliases": ["shop.orders"]}
    found = {"kind": "expression", "expression": "CAST(price AS DOUBLE)", "plan": "p1"}
    assert engine.search("PRICE").to_dict() == {
        "schema_version": 1,
        "text": "PRICE",
        "matches": [
            {**found, **orders, "field": "amount"},
            {"kind": "column", **RAW, "aliases": [], "field": "price", "expression": None, "plan": None},
        ],
    }
    assert engine.search("shop.").to_dict()["matches"] == [
        {"kind": "dataset", **orders, "field": None, "expression": None, "plan": None}
    ]
    assert engine.search("(amount > ?)").to_dict()["matches"] == [
        {
            "kind": "expression",
            **COUNT,
            "aliases": [],
            "field": None,
            "expression": "(amount > ?)",
            "plan": "p2",
        }
    ]


def test_search_finds_transformations_by_their_whole_name(tmp_path):
    engine = LocalEngine(
        store_of(
            tmp_path,
            Batch(
                datasets=(dataset("s"), dataset("t")),
                plans=(plan("p", "t", "x:int y:int", "s"),),
                edges=(
                    edge(
                        "p",
                        "s.a",
                        "t.x",
                        "TRANSFORMATION",
                        "CAST(up(a) AS INT)",
                        transformations=("Cast", "up"),
                    ),
                    edge("p", "s.a", "t.y", "TRANSFORMATION", "casting(a)", transformations=("casting",)),
                    edge("p", "s.b", "t", "FILTER", "b", transformations=("filter",)),
                ),
                runs=(run(1, "p", "t", 10),),
            ),
        )
    )
    table = {"namespace": "file", "name": "/w/t", "aliases": []}
    assert [
        match for match in engine.search("CAST").to_dict()["matches"] if match["kind"] == "transformation"
    ] == [{"kind": "transformation", **table, "field": "x", "expression": "CAST(up(a) AS INT)", "plan": "p"}]
    assert engine.search("filter").to_dict()["matches"] == [
        {"kind": "transformation", **table, "field": None, "expression": "b", "plan": "p"}
    ]


def test_an_empty_store(tmp_path):
    engine = LocalEngine(store_of(tmp_path))
    assert engine.tables().to_dict() == {"schema_version": 1, "tables": [], "edges": [], "problems": []}
    assert engine.runs().to_dict() == {"schema_version": 1, "runs": []}
    assert engine.search("x").to_dict() == {"schema_version": 1, "text": "x", "matches": []}


def test_no_store(tmp_path):
    for ask in ("tables", "runs", "problems"):
        with pytest.raises(StoreError, match=r"^There is no store at "):
            getattr(LocalEngine(DeltaStore(tmp_path / "missing")), ask)()


def all_answers(store):
    engine = LocalEngine(store)
    names = ["orders", "raw", "count", "orders.amount", "raw.price"]
    walks = [
        getattr(engine, direction)(name).to_dict()
        for direction in ("upstream", "downstream")
        for name in names
    ]
    tables = [engine.table(name).to_dict() for name in ("orders", "raw", "count")]
    lists = [engine.tables(), engine.runs(), engine.problems(), engine.search("a")]
    return [*walks, *tables, *(each.to_dict() for each in lists)]


def pieces(seed):
    """The shop's rows in pieces, as they come: an execution with its plan and edges; all twice, in random order."""
    parts = [
        Batch(
            datasets=SHOP.datasets,
            columns=SHOP.columns,
            plans=tuple(each for each in SHOP.plans if each.fingerprint == one.fingerprint),
            edges=tuple(each for each in SHOP.edges if each.fingerprint == one.fingerprint),
            runs=(one,),
            problems=tuple(each for each in SHOP.problems if each.fingerprint == one.fingerprint),
        )
        for one in SHOP.runs
    ]
    return random.Random(seed).sample(parts * 2, len(parts) * 2)


def _ingest(path, seed):
    store = DeltaStore(path)
    store.create()
    for piece in pieces(seed):
        store.append(piece)


def test_order_and_repetition_change_no_answer(tmp_path):
    wanted = all_answers(store_of(tmp_path / "whole", SHOP))
    for seed in range(3):
        assert all_answers(store_of(tmp_path / str(seed), *pieces(seed))) == wanted


def test_two_writers_at_once_change_no_answer(tmp_path):
    path = str(tmp_path / "shared")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_ingest, args=(path, seed)) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert all_answers(DeltaStore(path)) == all_answers(store_of(tmp_path / "whole", SHOP))
