"""Runs, problems, searches, the tree of tables and the report of an ingest, as text."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.query.names import short_id
from spark_lineage.show.parts.lists import (
    TableLine,
    error_word,
    program_results,
    run_notes,
    run_title,
    table_notes,
    table_tree,
)
from spark_lineage.show.parts.table import is_answered
from spark_lineage.show.text.elements import (
    Hanging,
    certainty_text,
    draw_tree,
    files_part,
    grid,
    problem_text,
    problems_part,
    state_text,
)
from spark_lineage.show.words import Json, Labels, clean, count_word, time_word

if TYPE_CHECKING:
    # Only its values are drawn here; loading what makes it would cost every command that reads.
    from spark_lineage.pipeline import IngestReport

_STATE_WIDTH = 13
_TIME_WIDTH = 19
_MATCH_WIDTH = 10
_OUTCOME_WIDTH = 4
_OUTCOME_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def runs_text(answer: Json) -> RenderableType:
    """The runs, the newest first; an error stands below its run."""
    if not answer["runs"]:
        return Text("No run is known here.")
    labels = Labels(run["target"] for run in answer["runs"] if run["target"])
    table = grid(_STATE_WIDTH, _TIME_WIDTH, None)
    table.add_row(*(Text(title, style="dim") for title in ("state", "started, UTC", "what")))
    for run in answer["runs"]:
        what = Text(clean(run_title(run, labels)), style="bold")
        what.append(f"  {clean(short_id(run['id']))}", style="not bold dim")
        what.append(f"\n{', '.join(map(clean, run_notes(run)))}", style="not bold dim")
        if run["error"]:
            what.append(f"\n{clean(error_word(run['error']))}", style="not bold red")
        table.add_row(state_text(run["state"]), Text(time_word(run["started_at"]).removesuffix(" UTC")), what)
    return Group(table, *files_part(labels))


def problems_text(answer: Json) -> RenderableType:
    """All problems, with an empty line between them."""
    if not answer["problems"]:
        return Text("No problems: everything that ran was captured and understood.")
    blocks = [(problem_text(problem), Text()) for problem in answer["problems"]]
    return Group(*chain.from_iterable(blocks), Text(count_word(len(blocks), "problem"), style="bold"))


def search_text(answer: Json) -> RenderableType:
    """What a search found: tables, columns and expressions."""
    if not answer["matches"]:
        return Text(f"Nothing has {clean(answer['text'])} in its name.")
    labels = Labels(answer["matches"])
    table = grid(_MATCH_WIDTH, None)
    for match in answer["matches"]:
        found = Text(labels.column(match))
        if match["expression"]:
            found.append(f"\n{clean(match['expression'])}", style="cyan")
        table.add_row(Text(match["kind"], style="dim"), found)
    return Group(table, *files_part(labels))


def tables_text(answer: Json) -> RenderableType:
    """The tree of tables: each one above those that it is made of."""
    if not answer["tables"]:
        return Text("There are no tables in this store yet: run a job with lineage on.")
    labels = Labels(answer["tables"])
    forest = draw_tree((line.depth, _table_line(line, labels)) for line in table_tree(answer, labels))
    results = program_results(answer)
    said = f"{count_word(results, 'result')} went to programs, not to tables: see `spark-lineage runs`."
    after = [Padding(Text(said, style="dim"), (1, 0, 0, 0))] if results else []
    return Group(forest, *after, *problems_part(answer["problems"]), *files_part(labels))


def ingest_text(report: IngestReport) -> RenderableType:
    """What an ingest brought in, and what it could not read."""
    if not report.segments and not report.bad_segments:
        return Text("Nothing waits in the spool.")
    head = (
        f"Ingested {count_word(report.segments, 'segment')} with {count_word(report.records, 'record')}: "
        f"{count_word(report.executions, 'execution')}, {count_word(report.writes, 'write')}, "
        f"{count_word(report.usages, 'usage')}, {count_word(report.problems, 'problem')}."
    )
    lines = [Text(head)]
    if report.pending:
        lines.append(Text(f"{count_word(report.pending, 'execution')} wait for others to end.", style="dim"))
    if report.bad_segments or report.bad_records:
        bad = f"{count_word(report.bad_segments, 'segment')} and {count_word(report.bad_records, 'record')}"
        lines.append(Text(f"Kept aside, because they could not be read: {bad}.", style="yellow"))
    return Group(*lines)


def checks_text(answer: Json) -> RenderableType:
    """What the doctor looked at, each with its fix where there is one."""
    lines = []
    for check in answer["checks"]:
        outcome = f"{check['outcome']:<{_OUTCOME_WIDTH}}  "
        said = Text(clean(check["name"]), style="bold").append(
            f"  {clean(check['sentence'])}", style="not bold"
        )
        if check["fix"]:
            said.append(f"\n{clean(check['fix'])}", style="not bold italic")
        lines.append(Hanging(Text(outcome, style=_OUTCOME_STYLES[check["outcome"]]), said))
    return Group(*lines)


def _table_line(line: TableLine, labels: Labels) -> Text:
    text = Text(labels.of(line.node), style="bold" if line.depth == 0 else "")
    if line.elsewhere:
        return text.append(f"  ({line.elsewhere})", style="not bold dim italic")
    text.append(f"  {', '.join(table_notes(line.node))}", style="not bold dim")
    last = line.node["last_run"]
    if last is not None and last["state"] != "COMPLETE":
        text.append("  ").append_text(state_text(last["state"]))
    if line.node["certainty"] != "exact" and is_answered(line.node):
        text.append("  ").append_text(certainty_text(line.node["certainty"]))
    return text
