"""`spark-lineage check`: lineage as declared, or as it once was, against lineage as stored."""

from __future__ import annotations

# ruff: noqa: FBT002 - Typer makes options of arguments with defaults, flags too
import json
from pathlib import Path
from typing import Annotated

import typer

from spark_lineage import owned
from spark_lineage.errors import SettingError
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
        "check lineage.yaml --junit check.xml --sarif check.sarif",
        "check --write-baseline baseline.yaml",
        "check --baseline lineage@7d",
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
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="STORE[@TIME]",
            help="Nothing is to differ from this store, or from what it was at a time (2026-11-20, 7d).",
        ),
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(
            "--write-baseline",
            metavar="FILE",
            help="Write the lineage as it is as a declaration, and check nothing against it.",
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the outcome as JUnit XML.")
    ] = None,
    sarif: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write the findings as SARIF 2.1.0.")
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
    from spark_lineage.show import check_reports  # noqa: PLC0415 - see show/cli.py

    asked = file is not None or require_lineage or baseline
    if not asked and write_baseline is None:
        raise typer.BadParameter(
            "Nothing to check: name a FILE of declared lineage, --baseline, --write-baseline or --require-lineage"
        )
    lineage = open_lineage(store, spool, no_ingest)
    if write_baseline is not None:
        _write(write_baseline, lineage.declare())
    if not asked:
        return
    answer = lineage.check(file, baseline=baseline, require=require_lineage or (), strict=strict)
    if junit is not None:
        _write(junit, check_reports.junit(answer.content))
    if sarif is not None:
        _write(sarif, json.dumps(check_reports.sarif(answer.content), indent=2) + "\n")
    print_answer(answer, as_json)
    if answer.content["outcome"] == "failed":
        raise typer.Exit(1)


def _write(path: Path, text: str) -> None:
    try:
        owned.write_text(path, text)
    except OSError as error:
        raise SettingError(
            f"{path} cannot be written ({error.strerror}): name a file in a folder that is there."
        ) from None
