"""The command `spark-lineage`: a thin layer that parses words, asks the API and prints the answer.

Exit codes: 0, 1 a problem, 2 wrong use. Errors are one sentence on stderr; with `--json` also an object
`{"error": {"code", "message", "candidates"}}` on stdout. `SPARK_LINEAGE_DEBUG=1` shows tracebacks.

Modules that load Arrow, Delta or Spark are imported inside the commands that need them: they cost more than
the whole rest of the start-up (see `bench/`), and `--help`, `jar`, `flags` and completion have no use for them.
"""

from __future__ import annotations

# ruff: noqa: FBT001, FBT002 - Typer makes options of arguments with defaults, flags too
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from spark_lineage import __version__
from spark_lineage.capture import session
from spark_lineage.errors import LineageError
from spark_lineage.model import SCHEMA_VERSION
from spark_lineage.settings import DEBUG_VARIABLE, load_settings
from spark_lineage.show.command import (
    ColumnArgument,
    DepthOption,
    JsonOption,
    NoIngestOption,
    SpoolOption,
    StoreOption,
    TableArgument,
    app,
    examples,
    open_lineage,
    print_answer,
    print_json,
    print_text,
    warn,
)
from spark_lineage.show.commands import causes as _causes  # noqa: F401 - its commands are there once it is imported
from spark_lineage.show.commands import check as _check  # noqa: F401 - gives `app` its command
from spark_lineage.show.commands import design as _design  # noqa: F401 - its command is there once it is imported
from spark_lineage.show.commands import drift as _drift  # noqa: F401 - its commands are there once it is imported
from spark_lineage.show.commands import plan as _plan  # noqa: F401 - gives `app` its command
from spark_lineage.show.commands import run as _run  # noqa: F401 - its command is there once it is imported
from spark_lineage.show.commands import streams as _streams  # noqa: F401 - likewise
from spark_lineage.show.commands import unusual as _unusual  # noqa: F401 - its commands are there once it is imported
from spark_lineage.show.commands import validate as _validate  # noqa: F401 - its command is there once it is imported
from spark_lineage.show.words import Json, clean

__all__ = ["app", "error_json", "main"]

# Typer hands wrong use on as click's UsageError, which newer versions carry inside themselves and older ones
# take from click; this is the same class in both.
_UsageError: Any = typer.BadParameter.__mro__[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (None: those of the process) and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = os.environ.get(DEBUG_VARIABLE, "") not in {"", "0"}
    try:
        return int(app(words, prog_name="spark-lineage", standalone_mode=False) or 0)
    except LineageError as error:
        if debug:
            traceback.print_exc()
        return _refuse(str(error), error.code, error.exit_code, words, getattr(error, "candidates", ()))
    except _UsageError as error:
        return _refuse(_usage_sentence(error), "usage", 2, words)
    except typer.Abort:
        return _refuse("Stopped.", "stopped", 1, words)
    except BrokenPipeError:
        # The reader of a pipe went away, as `head` does; what is left in the buffer has no place to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort: people get a sentence, not a traceback
        if debug:
            traceback.print_exc()
        message = f"{type(error).__name__}: {error}".rstrip(": .")
        hint = f"this is a fault of spark-lineage: run it again with {DEBUG_VARIABLE}=1 and report what it prints."
        return _refuse(f"{message}: {hint}", "internal", 1, words)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"spark-lineage {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - the callback answers it
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


@app.command(
    epilog=examples(
        "table report", "table gold.daily_revenue --json", "table report --store lineage --no-ingest"
    )
)
def table(
    name: TableArgument,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show where each column of a table comes from, one hop back."""
    print_answer(open_lineage(store, spool, no_ingest).table(name), as_json)


@app.command(
    epilog=examples("upstream report.total", "upstream report --depth 1", "upstream report.total --json")
)
def upstream(
    name: ColumnArgument,
    depth: DepthOption = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show where a column or table comes from, all the way back."""
    print_answer(open_lineage(store, spool, no_ingest).upstream(name, depth), as_json)


@app.command(
    epilog=examples(
        "downstream orders.amount", "downstream raw/orders.csv", "downstream orders.amount --depth 1"
    )
)
def downstream(
    name: ColumnArgument,
    depth: DepthOption = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what depends on a column or table, all the way on."""
    print_answer(open_lineage(store, spool, no_ingest).downstream(name, depth), as_json)


@app.command(epilog=examples("runs", "runs --limit 5", "runs --json"))
def runs(
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="The newest N runs. Default: all.")
    ] = None,
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what ran, the newest first."""
    print_answer(open_lineage(store, spool, no_ingest).runs(limit), as_json)


@app.command(epilog=examples("problems", "problems --json"))
def problems(
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what was not understood or not captured."""
    print_answer(open_lineage(store, spool, no_ingest).problems(), as_json)


@app.command(epilog=examples("search amount", "search cast", "search customers --json"))
def search(
    words: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="A part of a name or expression, or the name of a transformation (cast, join, upper), whatever the case.",
        ),
    ],
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find tables, columns, expressions and transformations."""
    print_answer(open_lineage(store, spool, no_ingest).search(words), as_json)


@app.command(epilog=examples("tables", "tables --store lineage --json"))
def tables(
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show all tables and how they hang together."""
    print_answer(open_lineage(store, spool, no_ingest).tables(), as_json)


@app.command(epilog=examples("ingest", "ingest --spool spool --store lineage", "ingest --json"))
def ingest(store: StoreOption = None, spool: SpoolOption = None, as_json: JsonOption = False) -> None:
    """Bring what waits in the spool into the store.

    What cannot be read is kept aside and said, the rest is ingested, and the exit code is 1.
    """
    from spark_lineage import api, pipeline  # noqa: PLC0415 - see the module's docstring
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


@app.command(
    epilog='Example:\n\n\b\n  spark-submit --jars "$(spark-lineage jar)" --conf spark.lineage.enabled=true job.py'
)
def jar() -> None:
    """Print where the bridge's jar lies."""
    typer.echo(session.jar_path())


@app.command(
    epilog='Example:\n\n\b\n  eval "spark-submit $(spark-lineage flags) job.py"',
)
def flags(store: StoreOption = None, spool: SpoolOption = None) -> None:
    """Print what switches lineage on in spark-submit.

    The words are those for the Spark at hand, and keep what its configuration already sets.
    """
    typer.echo(shlex.join(session.flags(load_settings(store=store, spool=spool))))


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


def _usage_sentence(error: Any) -> str:
    sentence = str(error.format_message()).rstrip(".")
    path = error.ctx.command_path if error.ctx else "spark-lineage"
    return (
        f"{sentence} See `{path} --help`." if sentence.endswith("?") else f"{sentence}: see `{path} --help`."
    )


def error_json(code: str, message: str, candidates: Sequence[str] = ()) -> Json:
    """What `--json` prints for an error."""
    return {"error": {"code": code, "message": message, "candidates": list(candidates)}}


def _refuse(
    message: str, code: str, exit_code: int, words: Sequence[str], candidates: Sequence[str] = ()
) -> int:
    """Say what is wrong: a sentence on stderr, and JSON on stdout where JSON was asked for."""
    typer.echo(f"error: {clean(message)}", err=True)
    if "--json" in words:
        print_json(error_json(code, message, candidates))
    return exit_code
