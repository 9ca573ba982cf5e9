"""`why` and `impact`: what changed before an output was made, and what hangs on a table."""

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
from spark_lineage.show.completion import complete_column


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


@app.command(
    epilog=examples(
        "impact orders.amount",
        "impact orders --json",
        "impact 8c0e1a2b:7",
        "impact --without orders",
        "impact report --without orders",
    )
)
def impact(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE[.COLUMN]|RUN]",
            help="A column, or a whole table; backticks quote dots in names. Or a run, such as one that failed.",
            autocompletion=complete_column,
            show_default=False,
        ),
    ] = None,
    without: Annotated[
        str | None,
        typer.Option(
            "--without",
            metavar="TABLE[.COLUMN]",
            help="What would be lost if this were not there.",
            autocompletion=complete_column,
        ),
    ] = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what hangs on a table or column, or on what a run writes.

    What is made of it, the most that would be hit first. With --without, what would be lost in an outage: which tables
    lose all, which lose columns or rows and still get data by another path; of all tables, or of one and what is made
    of it. A JOIN takes the rows with an input that is lost, as if every join were an inner one.
    """
    if name is None and without is None:
        raise typer.BadParameter("Name a table or column, or what would be missing (--without)")
    print_answer(open_lineage(store, spool, no_ingest).impact(name, without=without), as_json)
