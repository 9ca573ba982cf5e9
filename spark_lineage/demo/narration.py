"""Tells the demo: runs the shop's jobs with progress, then shows what their lineage says."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.status import Status
from rich.text import Text

from spark_lineage import api
from spark_lineage.demo import runner
from spark_lineage.show.answer import Answer, plain_text
from spark_lineage.show.text.lists import runs_text
from spark_lineage.show.words import clean, count_word

GOLD_COLUMN = "gold.daily_revenue.revenue"
GOLD_TABLE = "gold.daily_revenue"
RAW_COLUMN = "raw/order_items.csv.unit_price"


def run_demo(root: Path, console: Console) -> None:
    """Run the whole demo in the folder `root` and tell it on `console`.

    Raises `LineageError` where the folder cannot be used, a need is missing or the pipeline fails.
    """
    started_at = time.monotonic()
    folder = runner.prepare(root)
    console.print(
        Text(f"A small shop's raw files lie in {clean(folder.root / 'raw')}. Spark makes tables of them.")
    )
    with console.status("Starting Spark (the first time, Delta's jars come from Maven Central)") as status:
        _run_jobs(folder, console, status)
        status.update("Bringing the records into the store")
        lineage = api.open(folder.store, spool=folder.spool, ingest=False)
        report = lineage.ingest()
    executions, writes = count_word(report.executions, "execution"), count_word(report.writes, "write")
    seconds = time.monotonic() - started_at
    console.print(Text(f"Spark reported {executions}; they are {writes}. All that took {seconds:.0f} s."))
    _show(console, "The tables, each above those that it is made of", lineage.tables())
    _show(console, f"Where {GOLD_COLUMN} comes from, back to the file", lineage.upstream(GOLD_COLUMN))
    _show(console, f"What would break if {RAW_COLUMN} changed", lineage.downstream(RAW_COLUMN))
    _show(console, "The run that failed", runs_text(_failed_writes(lineage.runs())))
    _show(console, f"What happened in the run that made {GOLD_TABLE}", lineage.run(GOLD_TABLE))
    _show(console, "What is not as it was", lineage.drift("1d"))
    _show(console, "Yours to try", _places(folder))
    console.print()
    for command in next_commands(folder.store):
        # A command is copied as a whole: it is never wrapped.
        console.print(Text(command, style="cyan"), soft_wrap=True)


def next_commands(store: Path) -> list[str]:
    """The three commands to try next, as one types them in the current folder."""
    program, place = _program(), f"--store {shlex.quote(_from_here(store))}"
    return [
        f"{program} table gold.customer_value {place}",
        f"{program} downstream raw/customers.csv.country {place}",
        f"{program} upstream gold.funnel {place} --json",
    ]


def _program() -> str:
    """How this command is started from here: an environment that is not activated is not on the PATH."""
    if shutil.which("spark-lineage"):
        return "spark-lineage"
    script = Path(sys.executable).with_name("spark-lineage")
    if script.is_file():
        return shlex.quote(_from_here(script))
    return f"{shlex.quote(_from_here(Path(sys.executable)))} -m spark_lineage"


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


class _Progress:
    """Prints one line for each layer of tables, and shows the table at hand meanwhile."""

    def __init__(self, console: Console, status: Status) -> None:
        self._console = console
        self._status = status
        self._layer = ""
        self._tables: list[str] = []

    def wrote(self, name: str) -> None:
        """Note one table, such as `silver.orders`."""
        layer, _, table = name.replace("/", ".").partition(".")
        if layer != self._layer:
            self.close()
        self._layer = layer
        self._tables.append(table)
        self._status.update(Text(f"{layer}: {table}"))

    def close(self) -> None:
        """Print the layer that is done."""
        if self._tables:
            self._console.print(
                Padding(Text(f"{self._layer}: {', '.join(self._tables)}"), (0, 0, 0, 2), expand=False)
            )
        self._tables = []


def _run_jobs(folder: runner.DemoFolder, console: Console, status: Status) -> None:
    progress = _Progress(console, status)
    console.print(Text("jobs/daily.py, with lineage by spark_lineage.configure(builder):", style="bold"))
    runner.run_daily(folder, progress.wrote)
    progress.close()
    console.print(Text("jobs/refunds.py, with lineage by a flag on spark-submit:", style="bold"))
    status.update("Starting Spark again")
    exit_code = runner.run_refunds(folder, progress.wrote)
    progress.close()
    console.print(
        Padding(
            Text(f"and then it failed, as it should here (exit code {exit_code})"), (0, 0, 0, 2), expand=False
        )
    )


def _show(console: Console, title: str, shown: Answer | RenderableType) -> None:
    heading = Rule(Text(title, style="bold"), align="left", style="dim")
    # Without a terminal, lines have no blanks at their ends.
    whole = Group(Text(), heading, Text(), shown)
    console.print(whole if console.is_terminal else Text(plain_text(whole)))


def _failed_writes(runs: Answer) -> dict[str, object]:
    content = runs.to_dict()
    failed = [run for run in content["runs"] if run["state"] == "FAILED" and run["target"]]
    return content | {"runs": failed}


def _places(folder: runner.DemoFolder) -> Text:
    text = Text("The store is a folder of Delta tables: ").append(clean(folder.store), style="bold")
    return text.append(
        "\nThe jobs that ran lie beside it in jobs, what Spark said in logs.", style="not bold"
    )
