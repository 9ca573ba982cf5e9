"""Short ways to write rows: a dataset is a letter or word, a column `table.field`, times are seconds."""

from __future__ import annotations

from typing import Any

from spark_lineage.model import (
    Batch,
    Certainty,
    Dataset,
    DatasetId,
    Edge,
    EdgeKind,
    Plan,
    PlanColumn,
    Run,
    RunState,
    Subtype,
)
from spark_lineage.store.delta import DeltaStore

BRIDGE = "00000000-0000-0000-0000-00000000000a"


def dataset_id(name: str) -> DatasetId:
    """`orders` is the folder /w/orders, `driver:count` a driver result."""
    return DatasetId("driver", name[7:]) if name.startswith("driver:") else DatasetId("file", f"/w/{name}")


def dataset(name: str, *aliases: str, format_: str | None = None) -> Dataset:
    id_ = dataset_id(name)
    return Dataset(id_.namespace, id_.name, aliases, format_)


def plan(fingerprint: str, target: str, columns: str, sources: str = "", **others: Any) -> Plan:
    """`columns` is such as `day:date total:double?`, where `?` is over-approximate and `!` opaque."""
    marks = {"?": Certainty.OVER_APPROXIMATE, "!": Certainty.OPAQUE}
    parsed = [
        PlanColumn(name, type_.rstrip("?!"), marks.get(type_[-1], Certainty.EXACT))
        for name, _, type_ in (column.partition(":") for column in columns.split())
    ]
    facts = {
        "kind": EdgeKind.DATA,
        "job": "nightly",
        "operation": "append",
        "overwrites": False,
        "certainty": max(
            (column.certainty for column in parsed), key=lambda c: c.rank, default=Certainty.EXACT
        ),
        **others,
    }
    return Plan(
        fingerprint=fingerprint,
        target=dataset_id(target),
        columns=tuple(parsed),
        datasets=tuple(map(dataset_id, sources.split())),
        **facts,
    )


def edge(
    fingerprint: str, source: str, target: str, subtype: str, expression: str = "", **others: Any
) -> Edge:
    """`orders.amount` is a column, `orders` the whole table."""
    facts: dict[str, Any] = {"kind": EdgeKind.DATA, "operator": "Project#1"}
    for end, text in (("source", source), ("target", target)):
        name, _, field = text.partition(".")
        facts[end], facts[f"{end}_field"] = dataset_id(name), field or None
    return Edge(
        fingerprint=fingerprint, subtype=Subtype(subtype), expression=expression, **{**facts, **others}
    )


def run(number: int, fingerprint: str | None, target: str | None, ended: int | None, **others: Any) -> Run:
    """Execution `number` of one bridge; started a second before it ended."""
    return Run(
        **{
            "run_id": f"{BRIDGE}:{number}",
            "part": 0,
            "kind": "write",
            "fingerprint": fingerprint,
            "job": "nightly",
            "operation": "append",
            "target": None if target is None else dataset_id(target),
            "state": RunState.COMPLETE,
            "application_id": "local-1",
            "application_name": "shop",
            "user": "ann",
            "spark_version": "4.1.3",
            "started_at": None if ended is None else (ended - 1) * 1000,
            "ended_at": None if ended is None else ended * 1000,
            **others,
        }
    )


def store_of(path: Any, *batches: Batch) -> DeltaStore:
    """A store with these batches."""
    store = DeltaStore(path)
    store.create()
    for batch in batches:
        store.append(batch)
    return store
