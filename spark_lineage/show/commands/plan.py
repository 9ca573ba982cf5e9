"""`spark-lineage plan`: the lineage of a file before it runs."""

from __future__ import annotations

# ruff: noqa: FBT002 - Typer makes options of arguments with defaults, flags too
from pathlib import Path
from typing import Annotated

import typer

from spark_lineage.show.command import JsonOption, app, examples, print_answer


@app.command(
    epilog=examples(
        "plan job.sql",
        "plan job.sql --ddl tables.sql",
        "plan job.py --against lineage --json",
        "plan job.py -- --day 2026-11-20",
    )
)
def plan(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.sql|SCRIPT.py", help="A file of SQL statements, or a Python script."),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGUMENTS]...", help="The script's arguments, after `--`.")
    ] = None,
    ddl: Annotated[
        list[Path] | None,
        typer.Option(
            "--ddl",
            metavar="FILE",
            help="CREATE TABLE statements of the tables that it uses. Can be repeated.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="STORE",
            help="Compare with what this store has of the same tables; it also says their columns.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the lineage of a file without running it.

    It is analyzed in a throw-away session with empty tables: no row is read, and no table, file or other system is changed. A script is
    run, its reads are empty and its writes are only analyzed. Exits 1 when something in the file cannot be planned. Needs pyspark (the extra `spark`) and a JDK.
    """
    from spark_lineage import api  # noqa: PLC0415 - see show/cli.py

    answer = api.plan(file, arguments or (), ddl=ddl or (), against=against)
    print_answer(answer, as_json)
    if answer.content["outcome"] == "refused":
        raise typer.Exit(1)
