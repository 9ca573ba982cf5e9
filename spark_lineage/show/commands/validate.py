"""`spark-lineage validate`: stored edges beside the columns as they are now."""

from __future__ import annotations

# ruff: noqa: FBT002 - Typer makes options of arguments with defaults, flags too
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


@app.command(epilog=examples("validate", "validate --json", "validate --store lineage --no-ingest"))
def validate(
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check the stored edges against today's columns.

    Columns come from Delta's logs, Iceberg's metadata and Parquet's footers, else from the last run that saw them; no row is
    read. Exits 1 when a column is gone or has another type.
    """
    answer = open_lineage(store, spool, no_ingest).validate()
    print_answer(answer, as_json)
    if answer.content["findings"]:
        raise typer.Exit(1)
