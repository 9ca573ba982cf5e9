"""`spark-lineage demo`, `flags`, `jar`, `ingest` and `doctor`: getting lineage, and what is wrong where there is none."""

from __future__ import annotations

# ruff: noqa: FBT002 - Typer makes options of arguments with defaults, flags too
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from spark_lineage.capture import session
from spark_lineage.model import SCHEMA_VERSION
from spark_lineage.settings import load_settings
from spark_lineage.show.command import (
    JsonOption,
    SpoolOption,
    StoreOption,
    app,
    examples,
    print_answer,
    print_json,
    print_text,
    warn,
)


@app.command(epilog=examples("demo", "demo --dir /tmp/shop"))
def demo(
    folder: Annotated[
        Path,
        typer.Option("--dir", metavar="FOLDER", help="Where everything goes; an earlier demo is replaced."),
    ] = Path("spark-lineage-demo"),
) -> None:
    """Run a small shop's pipeline on Spark and show its lineage.

    Takes about a minute. Needs pyspark and delta-spark (the extra `spark`), a JDK 17, and Maven Central once.
    """
    from spark_lineage.demo.narration import run_demo  # noqa: PLC0415 - only the demo needs it

    run_demo(folder, Console(highlight=False))


@app.command(
    epilog='Example:\n\n\b\n  eval "spark-submit $(spark-lineage flags) job.py"',
)
def flags(store: StoreOption = None, spool: SpoolOption = None) -> None:
    """Print what switches lineage on in spark-submit.

    The words are those for the Spark at hand, and keep what its configuration already sets.
    """
    typer.echo(shlex.join(session.flags(load_settings(store=store, spool=spool))))


@app.command(
    epilog='Example:\n\n\b\n  spark-submit --jars "$(spark-lineage jar)" --conf spark.lineage.enabled=true job.py'
)
def jar() -> None:
    """Print where the bridge's jar lies."""
    typer.echo(session.jar_path())


@app.command(epilog=examples("ingest", "ingest --spool spool --store lineage", "ingest --json"))
def ingest(store: StoreOption = None, spool: SpoolOption = None, as_json: JsonOption = False) -> None:
    """Bring what waits in the spool into the store.

    What cannot be read is kept aside and said, the rest is ingested, and the exit code is 1.
    """
    from spark_lineage import api, pipeline  # noqa: PLC0415 - see show/cli.py
    from spark_lineage.show.text.lists import ingest_text  # noqa: PLC0415

    lineage = api.open(store, spool=spool, ingest=False)
    if spool is not None and not lineage.spool.is_dir():
        warn([f"There is no folder {lineage.spool}: no job has written there yet, or the path is another."])
    report = pipeline.ingest(lineage.spool, lineage.store)
    if as_json:
        print_json({"schema_version": SCHEMA_VERSION, **asdict(report)})
    else:
        print_text(ingest_text(report))
    if report.bad_segments or report.bad_records:
        warn(report.messages)
        raise typer.Exit(1)


@app.command(epilog=examples("doctor", "doctor --store lineage", "doctor --json"))
def doctor(store: StoreOption = None, spool: SpoolOption = None, as_json: JsonOption = False) -> None:
    """Say what is wrong with the set-up, and the fix.

    Exits 1 when lineage cannot work as things are.
    """
    from spark_lineage.show.doctor import (  # noqa: PLC0415 - it looks into the store
        Outcome,
        diagnose,
        doctor_answer,
    )

    checks = diagnose(load_settings(store=store, spool=spool))
    print_answer(doctor_answer(checks), as_json)
    if any(check.outcome is Outcome.FAIL for check in checks):
        raise typer.Exit(1)
