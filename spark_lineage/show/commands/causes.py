"""`why`: what changed before an output was made."""

from __future__ import annotations

# ruff: noqa: FBT002 - Typer makes options of arguments with defaults, flags too
from typing import Annotated

import typer

from spark_lineage.show.command import (
    ColumnArgument,
    JsonOption,
    NoIngestOption,
    SpoolOption,
    StoreOption,
    app,
    examples,
    open_lineage,
    print_answer,
)


@app.command(
    epilog=examples(
        "why report", "why report.total", "why report --run 8c0e1a2b:7", "why report.total --json"
    )
)
def why(
    name: ColumnArgument,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="The run that is asked about. Default: the table's last."),
    ] = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what changed before an output was made.

    Walks upstream and back in time from one run of a table, and ranks what is not as it was: failed, late and
    missing runs, expressions, constants, schemas, stages and executors; the nearest and strongest first. Also says
    which chain of runs determined when the output was ready.
    """
    print_answer(open_lineage(store, spool, no_ingest).why(name, run), as_json)
