"""`unusual` and `freshness`: runs and tables against their own history."""

from __future__ import annotations

# ruff: noqa: FBT002 - Typer makes options of arguments with defaults, flags too
from typing import Annotated, TypeAlias

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
from spark_lineage.show.completion import complete_table

_OptionalTable: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="[TABLE]", help="Any name of a table. Default: all tables.", autocompletion=complete_table
    ),
]


@app.command(epilog=examples("unusual", "unusual report --since 30d", "unusual --since 2026-11-20 --json"))
def unusual(
    name: _OptionalTable = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="A time such as 2026-11-20, or how long ago: 12h, 7d. Default: a week before the newest run.",
        ),
    ] = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show runs that were not like those before them.

    Rows, bytes, duration and inputs of each job and table against their own history, and commits that no run made.
    """
    print_answer(open_lineage(store, spool, no_ingest).unusual(name, since), as_json)


@app.command(epilog=examples("freshness", "freshness report", "freshness --json"))
def freshness(
    name: _OptionalTable = None,
    now: Annotated[
        str | None,
        typer.Option(
            "--now", metavar="TIME", help="Count ages from this time on. Default: the present.", hidden=True
        ),
    ] = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show how old each table's data is.

    Against its usual rhythm and against its inputs, and how long ago its lineage was last seen in a run.
    """
    print_answer(open_lineage(store, spool, no_ingest).freshness(name, now), as_json)
