"""`spark-lineage stream`: streaming queries, and the history of one."""

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


@app.command(epilog=examples("stream", "stream clicks", "stream clicks --limit 100", "stream 5f0c --json"))
def stream(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[QUERY]", help="A query's name, its id or the beginning of that. Default: all, listed."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="The newest N micro-batches of the query.")
    ] = 20,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the streaming queries, or the history of one.

    Micro-batches with rows, duration, watermark, state and late rows; a restart from the checkpoint goes on with the
    same history.
    """
    lineage = open_lineage(store, spool, no_ingest)
    print_answer(lineage.streams() if name is None else lineage.stream(name, limit), as_json)
