"""`spark-lineage tables`, `runs`, `problems` and `search`: what is in the store."""

from __future__ import annotations

# ruff: noqa: FBT002 - Typer makes options of arguments with defaults, flags too
from typing import Annotated

import typer

from spark_lineage.show.command import (
    JsonOption,
    NoIngestOption,
    SpoolOption,
    StoreOption,
    app,
    examples,
    open_lineage,
    print_answer,
)


@app.command(epilog=examples("tables", "tables --store lineage --json"))
def tables(
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show all tables and how they hang together."""
    print_answer(open_lineage(store, spool, no_ingest).tables(), as_json)


@app.command(epilog=examples("runs", "runs --limit 5", "runs --json"))
def runs(
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="The newest N runs. Default: all.")
    ] = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what ran, the newest first."""
    print_answer(open_lineage(store, spool, no_ingest).runs(limit), as_json)


@app.command(epilog=examples("problems", "problems --json"))
def problems(
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what was not understood or not captured."""
    print_answer(open_lineage(store, spool, no_ingest).problems(), as_json)


@app.command(epilog=examples("search amount", "search cast", "search customers --json"))
def search(
    words: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="A part of a name or expression, or the name of a transformation (cast, join, upper), whatever the case.",
        ),
    ],
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find tables, columns, expressions and transformations."""
    print_answer(open_lineage(store, spool, no_ingest).search(words), as_json)
