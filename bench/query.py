"""The local query engine against a plain recursive SQL query in SQLite, on a generated graph, same answer checked.

    python bench/query.py           # 100,000 edges
    python bench/query.py --full    # 1,000,000 edges

Both load the same Delta tables: the engine into its index, SQLite into tables in memory with an index for each end.
The walk goes from one column of the last layer up to all it is made of.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, TypeVar

from deltalake import write_deltalake
from rich.console import Console
from rich.table import Table as TextTable

from spark_lineage.model import (
    Batch,
    Certainty,
    DatasetId,
    Edge,
    EdgeKind,
    Plan,
    PlanColumn,
    Run,
    RunState,
    Subtype,
)
from spark_lineage.query.local import LocalEngine
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import TABLES

COLUMNS_PER_TABLE = 18
LAYERS = 10
ROW_SET_SOURCES = 2
EDGES_PER_PLAN = COLUMNS_PER_TABLE + ROW_SET_SOURCES
SUBTYPES = (Subtype.IDENTITY, Subtype.TRANSFORMATION, Subtype.AGGREGATION)

UPSTREAM = """
WITH RECURSIVE reached (name, field) AS (
  VALUES (?, ?)
  UNION
  SELECT e.source_name, e.source_field FROM edge e
  JOIN reached r ON e.target_name = r.name AND (e.target_field = r.field OR e.target_field = '')
)
SELECT name, field FROM reached
UNION SELECT e.target_name, '' FROM edge e JOIN reached r ON e.target_name = r.name AND e.target_field = ''
"""

Answer = TypeVar("Answer")


def main() -> int:
    """Run the bench; 1 if a goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help="1,000,000 edges instead of 100,000")
    edges = 1_000_000 if parser.parse_args().full else 100_000
    with tempfile.TemporaryDirectory() as folder:
        store = DeltaStore(f"{folder}/store")
        store.create()
        last = generate(store, edges)
        figures = measure(store, last)
    figures["edges"] = edges
    goals: dict[str, dict[str, Any]] = {
        "engine_load_and_table_seconds": {"op": "<=", "limit": 3 if edges == 100_000 else 20},
        "engine_upstream_seconds": {"op": "<=", "limit": 2 if edges == 100_000 else 20},
        "same_answer": {"op": ">=", "limit": 1},
    }
    met = all(
        figures[name] <= goal["limit"] if goal["op"] == "<=" else figures[name] >= goal["limit"]
        for name, goal in goals.items()
    )
    show(figures)
    print(json.dumps({"bench": "query", "figures": figures, "goals": goals, "met": met}))
    return 0 if met else 1


def generate(store: DeltaStore, edges: int) -> str:
    """Fill the store with tables in layers, each made of the layer before by one plan; the name of a last table."""
    random_ = random.Random(1)  # noqa: S311 - a graph, not a secret
    per_layer = max(1, edges // EDGES_PER_PLAN // LAYERS)
    for layer in range(1, LAYERS + 1):
        batch = layer_of(random_, layer, per_layer)
        for name in ("edges", "plans", "runs"):
            write_deltalake(
                f"{store.path}/{name}",
                TABLES[name].arrow(getattr(batch, name)),
                mode="append",
            )
    return f"/lake/layer_{LAYERS}/table_0"


def layer_of(random_: random.Random, layer: int, tables: int) -> Batch:
    """The plans, edges and runs that write the tables of one layer."""
    plans, edges, runs = [], [], []
    for number in range(tables):
        fingerprint = f"{layer:02d}{number:062x}"
        target = DatasetId("file", f"/lake/layer_{layer}/table_{number}")
        sources = [
            DatasetId("file", f"/lake/layer_{layer - 1}/table_{random_.randrange(tables)}") for _ in range(3)
        ]
        ends = [f"column_{position}" for position in range(COLUMNS_PER_TABLE)] + [None] * ROW_SET_SOURCES
        for position, field in enumerate(ends):
            edges.append(
                Edge(
                    fingerprint,
                    EdgeKind.DATA,
                    random_.choice(sources),
                    f"column_{(position * 7) % COLUMNS_PER_TABLE}",
                    target,
                    field,
                    Subtype.FILTER if field is None else random_.choice(SUBTYPES),
                    expression=f"f_{position}(column_{(position * 7) % COLUMNS_PER_TABLE})",
                )
            )
        columns = tuple(PlanColumn(field, "bigint") for field in ends if field)
        plans.append(
            Plan(
                fingerprint, EdgeKind.DATA, "bench", "ctas", target, overwrites=True, certainty=Certainty.EXACT,
                columns=columns, datasets=tuple(sources),
            )
        )  # fmt: skip
        runs.append(
            Run(
                f"bench:{layer * tables + number}", 0, "write", fingerprint, "bench", "ctas", target, RunState.COMPLETE,
                "local-1", "bench", "ann", "4.1.3", layer, layer + 1,
            )
        )  # fmt: skip
    return Batch(plans=tuple(plans), edges=tuple(edges), runs=tuple(runs))


def measure(store: DeltaStore, table: str) -> dict[str, float]:
    """Ask both the same, in turn; seconds, and whether the nodes are the same."""
    engine = LocalEngine(store)
    load_and_table, _ = timed(lambda: engine.table(table))
    table_again, _ = timed(lambda: engine.table(table))
    first_upstream, walk = timed(lambda: engine.upstream(f"{table}.column_0"))
    upstream, _ = timed(lambda: engine.upstream(f"{table}.column_0"))
    sqlite_load, connection = timed(lambda: load_sqlite(store))
    sqlite_upstream, rows = timed(lambda: connection.execute(UPSTREAM, (table, "column_0")).fetchall())
    found = {(node.vertex.dataset.name, node.vertex.field or "") for node in walk.nodes}
    return {
        "engine_load_and_table_seconds": round(load_and_table, 3),
        "engine_table_seconds": round(table_again, 3),
        "engine_index_and_upstream_seconds": round(first_upstream, 3),
        "engine_upstream_seconds": round(upstream, 3),
        "sqlite_load_seconds": round(sqlite_load, 3),
        "sqlite_upstream_seconds": round(sqlite_upstream, 3),
        "nodes": len(found),
        "same_answer": int(found == set(rows)),
    }


def load_sqlite(store: DeltaStore) -> sqlite3.Connection:
    """The edges in a database in memory, with an index for each end."""
    columns = (
        "source_name",
        "source_field",
        "target_name",
        "target_field",
        "subtype",
        "expression",
        "fingerprint",
    )
    rows = store.read("edges", columns).to_pydict()
    rows["target_field"] = [field or "" for field in rows["target_field"]]
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE edge ({', '.join(columns)})")
    connection.executemany("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?)", zip(*rows.values(), strict=True))
    connection.execute("CREATE INDEX edge_target ON edge (target_name, target_field)")
    connection.execute("CREATE INDEX edge_source ON edge (source_name, source_field)")
    return connection


def timed(call: Callable[[], Answer]) -> tuple[float, Answer]:
    """Wall-clock seconds of a call, and what it gave."""
    start = time.perf_counter()
    answer = call()
    return time.perf_counter() - start, answer


def show(figures: dict[str, Any]) -> None:
    """The figures for people."""
    table = TextTable(
        "", "local engine", "SQLite", title=f"{figures['edges']:,} edges, {figures['nodes']:,} nodes upstream"
    )
    table.add_row(
        "load (engine: and table)",
        f"{figures['engine_load_and_table_seconds']} s",
        f"{figures['sqlite_load_seconds']} s",
    )
    table.add_row("table again", f"{figures['engine_table_seconds']} s", "not measured")
    table.add_row("index and upstream", f"{figures['engine_index_and_upstream_seconds']} s", "in load")
    table.add_row(
        "upstream again", f"{figures['engine_upstream_seconds']} s", f"{figures['sqlite_upstream_seconds']} s"
    )
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
