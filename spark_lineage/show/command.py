"""What all commands share: the application, its options, and how an answer is printed.

Modules that load Arrow, Delta or Spark are imported inside the functions that need them, see `show/cli.py`.
"""

from __future__ import annotations

# ruff: noqa: FBT001 - flags of the command line are handed on
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.console import Console, RenderableType
from typer.core import TyperGroup

from spark_lineage.show.answer import Answer, plain_text
from spark_lineage.show.completion import complete_column, complete_table
from spark_lineage.show.words import Json, clean

if TYPE_CHECKING:
    from spark_lineage.api import Lineage

SECTIONS = {
    "Lineage": ("table", "upstream", "downstream", "tables", "search"),
    "What happened": ("runs", "run", "compare", "stream", "problems"),
    "What changed, and what follows": ("why", "impact", "diff", "drift", "unusual", "freshness"),
    "Before it runs, and after": ("plan", "check", "validate"),
    "Set-up": ("demo", "flags", "jar", "ingest", "doctor"),
}
"""All commands, as `--help` shows them."""


class _Sections(TyperGroup):
    """Lists the commands by what they are for."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's
        width = max(map(len, self.commands))
        for title, names in SECTIONS.items():
            with formatter.section(title):
                helps = [(f"{name:<{width}}", self.commands[name].get_short_help_str(80)) for name in names]
                formatter.write_dl(helps)


app = typer.Typer(
    name="spark-lineage",
    cls=_Sections,
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


def examples(*lines: str) -> str:
    """Examples at the end of a command's help, each line without the command's name."""
    # The \b keeps the lines as they are when help is wrapped.
    return "Examples:\n\n\b\n" + "\n".join(f"  spark-lineage {line}" for line in lines)


def open_lineage(store: str | None, spool: str | None, no_ingest: bool) -> Lineage:
    """Open the store; what waits is ingested first, and what cannot be is only warned of."""
    from spark_lineage import api, pipeline  # noqa: PLC0415 - see show/cli.py

    lineage = api.open(store, spool=spool, ingest=False)
    if not no_ingest:
        warn(pipeline.ingest(lineage.spool, lineage.store).messages)
    return lineage


def print_answer(answer: Answer, as_json: bool) -> None:
    """Print an answer, for people or as JSON."""
    if as_json:
        print_json(answer.content)
    else:
        print_text(answer)


def print_text(renderable: RenderableType) -> None:
    """Print for people, in colours where there is a terminal."""
    # Without a terminal the text is 80 columns wide and has no blanks at the ends of its lines.
    if sys.stdout.isatty():
        Console(highlight=False).print(renderable, crop=False)
    else:
        typer.echo(plain_text(renderable))


def print_json(content: Json) -> None:
    """Print JSON."""
    typer.echo(json.dumps(content, indent=2))


def warn(messages: Sequence[str]) -> None:
    """Print warnings on stderr."""
    for message in messages:
        typer.echo(f"warning: {clean(message)}", err=True)
