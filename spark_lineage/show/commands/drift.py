"""`diff` and `drift`: what changed from one moment to another."""

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
from spark_lineage.show.completion import complete_table

_MOMENT = "a time, how long ago (7d), a run's id, or spark:VERSION"


@app.command(
    epilog=examples(
        "diff nightly",
        "diff report --from 7d",
        "diff nightly --from spark:3.5 --to spark:4.1",
        "diff report --data --from 7d",
        "diff report --json",
    )
)
def diff(
    name: Annotated[
        str,
        typer.Argument(
            metavar="JOB|TABLE",
            help="A job by its name, or any name of a table.",
            autocompletion=complete_table,
        ),
    ],
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="MOMENT", help=f"Before: {_MOMENT}. Default: before the last change."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="MOMENT", help=f"After: {_MOMENT}. Default: now.")
    ] = None,
    data: Annotated[
        bool,
        typer.Option(
            "--data",
            help="Compare the data of a Delta table, by its own statistics: NULLs, smallest, largest. A moment may be version:3.",
        ),
    ] = False,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what changed in a job or table.

    Sources, expressions, constants and schemas; two plans that are written in another way and have the same
    lineage are said to be equivalent.
    """
    lineage = open_lineage(store, spool, no_ingest)
    ask = lineage.data_diff if data else lineage.diff
    print_answer(ask(name, from_, to), as_json)


@app.command(
    epilog=examples(
        "drift --since 7d", "drift --since 2026-11-20", "drift --since 7d --data", "drift --since 12h --json"
    )
)
def drift(
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="TIME", help="A time such as 2026-11-20, or how long ago: 12h, 7d, 2w."
        ),
    ],
    data: Annotated[
        bool,
        typer.Option(
            "--data",
            help="Look into the logs of Delta tables, too: NULLs and values that are unlike those of the commits before.",
        ),
    ] = False,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what changed over the whole store.

    Sources, expressions, constants and schemas of every write that ran.
    """
    lineage = open_lineage(store, spool, no_ingest)
    ask = lineage.data_drift if data else lineage.drift
    print_answer(ask(since), as_json)
