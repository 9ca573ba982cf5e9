"""The command `spark-lineage`: a thin layer that parses words, asks the API and prints the answer.

Exit codes: 0, 1 a problem, 2 wrong use. Errors are one sentence on stderr; with `--json` also an object
`{"error": {"code", "message", "candidates"}}` on stdout. `SPARK_LINEAGE_DEBUG=1` shows tracebacks.

Modules that load Arrow, Delta or Spark are imported inside the commands that need them: they cost more than
the whole rest of the start-up (see `bench/`), and `--help`, `jar`, `flags` and completion have no use for them.
"""

from __future__ import annotations

# ruff: noqa: FBT001, FBT002 - Typer makes options of arguments with defaults, flags too
import json
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.console import Console, RenderableType

from spark_lineage import __version__
from spark_lineage.capture import session
from spark_lineage.errors import LineageError
from spark_lineage.model import SCHEMA_VERSION
from spark_lineage.settings import DEBUG_VARIABLE, load_settings
from spark_lineage.show.answer import Answer, plain_text
from spark_lineage.show.completion import complete_column, complete_table
from spark_lineage.show.words import Json, clean

if TYPE_CHECKING:
    from spark_lineage.api import Lineage

# Typer hands wrong use on as click's UsageError, which newer versions carry inside themselves and older ones
# take from click; this is the same class in both.
_UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="spark-lineage",
    help="Column-level lineage for Spark: which columns a job read, what it did to them, which it wrote.",
    epilog=(
        "Examples:\n\n\b\n  spark-lineage demo\n  spark-lineage table report\n"
        "  spark-lineage upstream report.total\n  spark-lineage downstream orders.amount --depth 1 --json"
    ),
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StoreOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="FOLDER", help="Where the lineage tables lie. Default: the setting `store`."
    ),
]
SpoolOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--spool", metavar="FOLDER", help="Where records wait for ingest. Default: the store's own."
    ),
]
NoIngestOption: TypeAlias = Annotated[
    bool, typer.Option("--no-ingest", help="Answer from the store as it is; leave what waits in the spool.")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DepthOption: TypeAlias = Annotated[
    int | None, typer.Option("--depth", metavar="N", min=1, help="At most N hops. Default: all.")
]
TableArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="Any alias of a table, or any ending of its name that is not ambiguous.",
        autocompletion=complete_table,
    ),
]
ColumnArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TABLE[.COLUMN]",
        help="A column, or a whole table; backticks quote dots in names.",
        autocompletion=complete_column,
    ),
]


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


def _examples(*lines: str) -> str:
    # The \b keeps the lines as they are when help is wrapped.
    return "Examples:\n\n\b\n" + "\n".join(f"  spark-lineage {line}" for line in lines)


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
    epilog=_examples(
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
    _print(_open(store, spool, no_ingest).table(name), as_json)


@app.command(
    epilog=_examples("upstream report.total", "upstream report --depth 1", "upstream report.total --json")
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
    _print(_open(store, spool, no_ingest).upstream(name, depth), as_json)


@app.command(
    epilog=_examples(
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
    _print(_open(store, spool, no_ingest).downstream(name, depth), as_json)


@app.command(epilog=_examples("runs", "runs --limit 5", "runs --json"))
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
    _print(_open(store, spool, no_ingest).runs(limit), as_json)


@app.command(epilog=_examples("problems", "problems --json"))
def problems(
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what was not understood or not captured."""
    _print(_open(store, spool, no_ingest).problems(), as_json)


@app.command(epilog=_examples("search amount", "search cast", "search customers --json"))
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
    _print(_open(store, spool, no_ingest).search(words), as_json)


@app.command(epilog=_examples("tables", "tables --store lineage --json"))
def tables(
    store: StoreOption = None,
    spool: SpoolOption = None,
    no_ingest: NoIngestOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show all tables and how they hang together."""
    _print(_open(store, spool, no_ingest).tables(), as_json)


@app.command(epilog=_examples("ingest", "ingest --spool spool --store lineage", "ingest --json"))
def ingest(store: StoreOption = None, spool: SpoolOption = None, as_json: JsonOption = False) -> None:
    """Bring what waits in the spool into the store.

    What cannot be read is kept aside and said, the rest is ingested, and the exit code is 1.
    """
    from spark_lineage import api, pipeline  # noqa: PLC0415 - see the module's docstring
    from spark_lineage.show.text_lists import ingest_text  # noqa: PLC0415

    lineage = api.open(store, spool=spool, ingest=False)
    if spool is not None and not lineage.spool.is_dir():
        _warn([f"There is no folder {lineage.spool}: no job has written there yet, or the path is another."])
    report = pipeline.ingest(lineage.spool, lineage.store)
    if as_json:
        _print_json({"schema_version": SCHEMA_VERSION, **asdict(report)})
    else:
        _print_text(ingest_text(report))
    if report.bad_segments or report.bad_records:
        _warn(report.messages)
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


@app.command(epilog=_examples("doctor", "doctor --store lineage", "doctor --json"))
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
    _print(doctor_answer(checks), as_json)
    if any(check.outcome is Outcome.FAIL for check in checks):
        raise typer.Exit(1)


@app.command(epilog=_examples("demo", "demo --dir /tmp/shop"))
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


def _open(store: str | None, spool: str | None, no_ingest: bool) -> Lineage:
    """Open the store; what waits is ingested first, and what cannot be is only warned of."""
    from spark_lineage import api, pipeline  # noqa: PLC0415 - see the module's docstring

    lineage = api.open(store, spool=spool, ingest=False)
    if not no_ingest:
        _warn(pipeline.ingest(lineage.spool, lineage.store).messages)
    return lineage


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        _print_json(answer.content)
    else:
        _print_text(answer)


def _print_text(renderable: RenderableType) -> None:
    # Without a terminal the text is 80 columns wide and has no blanks at the ends of its lines.
    if sys.stdout.isatty():
        Console(highlight=False).print(renderable)
    else:
        typer.echo(plain_text(renderable))


def _print_json(content: Json) -> None:
    typer.echo(json.dumps(content, indent=2))


def _warn(messages: Sequence[str]) -> None:
    for message in messages:
        typer.echo(f"warning: {clean(message)}", err=True)


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
        _print_json(error_json(code, message, candidates))
    return exit_code
