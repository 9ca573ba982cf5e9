"""`spark-lineage run` and `compare`: what happened in one run, and whether it did what its plan says."""

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

RunArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="RUN|TABLE",
        help="A run's id, or its beginning and number; or a table, whose last run it then is.",
        autocompletion=complete_table,
    ),
]


@app.command(epilog=examples("run report", "run 8c0e1a2b:7", "run report --json"))
def run(
    name: RunArgument,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what happened in one run.

    How it ended, what it read and wrote, the executed operators with rows, time and memory, and its stages.
    """
    print_answer(open_lineage(store, spool, no_ingest).run(name), as_json)


@app.command(epilog=examples("compare report", "compare 8c0e1a2b:7", "compare report --json"))
def compare(
    name: RunArgument,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show whether a run read what its plan says.

    Each source is confirmed, pruned to nothing, empty, never executed, or unknown; and what was read without being a
    source of the plan is named.
    """
    print_answer(open_lineage(store, spool, no_ingest).compare(name), as_json)
