"""`spark-lineage table`, `upstream` and `downstream`: what a table is made of, and what is made of it."""

from __future__ import annotations

# ruff: noqa: FBT002 - Typer makes options of arguments with defaults, flags too
from spark_lineage.show.command import (
    ColumnArgument,
    DepthOption,
    JsonOption,
    NoIngestOption,
    SpoolOption,
    StoreOption,
    TableArgument,
    app,
    examples,
    open_lineage,
    print_answer,
)


@app.command(
    epilog=examples(
        "table report", "table gold.daily_revenue --json", "table report --store lineage --no-ingest"
    )
)
def table(
    name: TableArgument,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show where each column of a table comes from, one hop back."""
    print_answer(open_lineage(store, spool, no_ingest).table(name), as_json)


@app.command(
    epilog=examples("upstream report.total", "upstream report --depth 1", "upstream report.total --json")
)
def upstream(
    name: ColumnArgument,
    depth: DepthOption = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show where a column or table comes from, all the way back."""
    print_answer(open_lineage(store, spool, no_ingest).upstream(name, depth), as_json)


@app.command(
    epilog=examples(
        "downstream orders.amount", "downstream raw/orders.csv", "downstream orders.amount --depth 1"
    )
)
def downstream(
    name: ColumnArgument,
    depth: DepthOption = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what depends on a column or table, all the way on."""
    print_answer(open_lineage(store, spool, no_ingest).downstream(name, depth), as_json)
