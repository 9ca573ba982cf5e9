"""A small store, made of values: a file becomes `shop.orders`, and that becomes `shop.report`."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_lineage.model import (
    Batch,
    Certainty,
    Column,
    Dataset,
    DatasetId,
    Edge,
    EdgeKind,
    Plan,
    PlanColumn,
    Problem,
    Run,
    RunState,
    Severity,
    Subtype,
)
from spark_lineage.store.delta import DeltaStore

RAW = DatasetId("file", "/srv/raw/orders.csv")
ORDERS = DatasetId("file", "/srv/lake/orders")
REPORT = DatasetId("file", "/srv/lake/report")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store's folder; tests only read it."""
    path = tmp_path_factory.mktemp("show") / "store"
    delta = DeltaStore(path)
    delta.create()
    delta.append(batch())
    return path


def batch() -> Batch:
    return Batch(
        datasets=(
            Dataset(*_parts(RAW), format="csv"),
            Dataset(*_parts(ORDERS), ("spark_catalog.shop.orders",)),
            Dataset(*_parts(REPORT), ("spark_catalog.shop.report",)),
        ),
        columns=(
            Column(*_parts(RAW), "amount", "string", 0),
            Column(*_parts(ORDERS), "amount", "double", 0),
            Column(*_parts(REPORT), "total", "double", 0),
        ),
        plans=(_plan("1", RAW, ORDERS, "amount"), _plan("2", ORDERS, REPORT, "total")),
        edges=(
            _edge("1", RAW, "amount", ORDERS, "amount", Subtype.TRANSFORMATION, "cast(amount as double)"),
            _edge("2", ORDERS, "amount", REPORT, "total", Subtype.AGGREGATION, "sum(amount)"),
        ),
        runs=(_run("b:1", "1", ORDERS, 1_000), _run("b:2", "2", REPORT, 2_000)),
        problems=(
            Problem("odd", Severity.WARNING, "Something was odd.", "Foo#3", "Look at it.", dataset=REPORT),
        ),
    )


def _parts(dataset: DatasetId) -> tuple[str, str]:
    return dataset.namespace, dataset.name


def _plan(fingerprint: str, source: DatasetId, target: DatasetId, column: str) -> Plan:
    return Plan(
        fingerprint=fingerprint,
        kind=EdgeKind.DATA,
        job="shop",
        operation="CREATE TABLE AS SELECT",
        target=target,
        overwrites=True,
        certainty=Certainty.EXACT,
        columns=(PlanColumn(column, "double"),),
        datasets=(source,),
    )


def _edge(
    plan: str, source: DatasetId, field: str, target: DatasetId, to: str, subtype: Subtype, expression: str
) -> Edge:
    return Edge(plan, EdgeKind.DATA, source, field, target, to, subtype, expression=expression)


def _run(run_id: str, plan: str, target: DatasetId, started_at: int) -> Run:
    return Run(
        run_id=run_id,
        part=0,
        kind="write",
        fingerprint=plan,
        job="shop",
        operation="CREATE TABLE AS SELECT",
        target=target,
        state=RunState.COMPLETE,
        application_id="local-1",
        application_name="shop",
        user="ann",
        spark_version="4.1.3",
        started_at=started_at,
        ended_at=started_at + 500,
        rows=3,
    )
