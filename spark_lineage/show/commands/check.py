"""`spark-lineage check`: lineage as declared, or as it once was, against lineage as stored."""

from __future__ import annotations

# ruff: noqa: FBT002 - Typer makes options of arguments with defaults, flags too
from pathlib import Path
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


@app.command(
    epilog=examples(
        "check lineage.yaml",
        "check lineage.yaml --strict --store lineage",
        "check --require-lineage nightly --require-lineage gold.report",
    )
)
def check(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A YAML file of declared lineage, see docs/declared.md."),
    ] = None,
    require_lineage: Annotated[
        list[str] | None,
        typer.Option(
            "--require-lineage",
            metavar="NAME",
            help="Fail where this job, or this table, has no lineage, or only opaque one. Can be repeated.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail also where an expectation cannot be shown to hold.")
    ] = False,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the lineage with what is declared.

    Exits 1 when something deviates, 2 for a file that is not a declaration.
    """
    if file is None and not require_lineage:
        raise typer.BadParameter(
            "Nothing to check: name a FILE of declared lineage, or --require-lineage NAME"
        )
    lineage = open_lineage(store, spool, no_ingest)
    answer = lineage.check(file, require=require_lineage or (), strict=strict)
    print_answer(answer, as_json)
    if answer.content["outcome"] == "failed":
        raise typer.Exit(1)
