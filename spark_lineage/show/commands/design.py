"""`spark-lineage compare`: a run beside its design."""

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


@app.command(epilog=examples("compare report", "compare 8c0e1a2b:7", "compare report --json"))
def compare(
    name: Annotated[
        str,
        typer.Argument(
            metavar="TABLE|RUN",
            help="A table, whose last run it then is; or a run's id, or its beginning and number.",
            autocompletion=complete_table,
        ),
    ],
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
