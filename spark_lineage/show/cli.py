"""The command `spark-lineage`: a thin layer that parses words, asks the API and prints the answer.

Exit codes: 0, 1 a problem, 2 wrong use. Errors are one sentence on stderr; with `--json` also an object
`{"error": {"code", "message", "candidates"}}` on stdout. `SPARK_LINEAGE_DEBUG=1` shows tracebacks.

Modules that load Arrow, Delta or Spark are imported inside the commands that need them: they cost more than
the whole rest of the start-up (see `bench/`), and `--help`, `jar`, `flags` and completion have no use for them.
"""

from __future__ import annotations

# ruff: noqa: FBT001, FBT002 - Typer makes options of arguments with defaults, flags too
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from spark_lineage import __version__
from spark_lineage.errors import LineageError, first_line
from spark_lineage.settings import DEBUG_VARIABLE
from spark_lineage.show.command import app, print_json
from spark_lineage.show.commands import (  # noqa: F401 - each gives `app` its commands once it is imported
    causes,
    check,
    drift,
    lineage,
    lists,
    plan,
    run,
    setup,
    streams,
    unusual,
    validate,
)
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
        said = first_line(error)
        name = type(error).__name__
        what = name if said == name else f"{said}, {name}"
        hint = f"run it again with {DEBUG_VARIABLE}=1 and report what it prints."
        return _refuse(f"This is a fault of spark-lineage ({what}): {hint}", "internal", 1, words)


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
