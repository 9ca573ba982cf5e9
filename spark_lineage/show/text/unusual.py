"""What is unusual and how old tables are, as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.parts.age import dropped_lines, labels_of, path_lines, table_notes, unusual_title
from spark_lineage.show.text.elements import files_part, grid, problems_part
from spark_lineage.show.text.findings import findings_table
from spark_lineage.show.words import Json, clean

_STYLES = {
    "fresh": "green", "unknown": "dim", "behind": "cyan", "stale": "yellow", "emptied": "yellow", "late": "bold red",
}  # fmt: skip
_STATE_WIDTH = 7


def unusual_text(answer: Json) -> RenderableType:
    """What was unusual, the newest first."""
    parts: list[RenderableType] = [Text(unusual_title(answer), style="bold" if answer["findings"] else "")]
    if answer["findings"]:
        parts.append(Padding(findings_table(answer["findings"]), (1, 0, 0, 0)))
    return Group(*parts, *problems_part(answer["problems"]))


def freshness_text(answer: Json) -> RenderableType:
    """Each table with its state, its age and the ways by which it is stale; then those that were dropped."""
    if not answer["tables"] and not answer["dropped"]:
        nothing = Text("No table was written to the end by a run that is known.")
        return Group(nothing, *problems_part(answer["problems"]))
    labels = labels_of(answer)
    table = grid(_STATE_WIDTH, None)
    for each in answer["tables"]:
        said = Text(labels.of(each), style="bold")
        said.append(f"\n{table_notes(each)}", style="not bold dim")
        for line in path_lines(each, labels):
            said.append(f"\n{line}", style="not bold cyan")
        table.add_row(Text(clean(each["state"]), style=_STYLES.get(each["state"], "")), said)
    for line in dropped_lines(answer, labels):
        table.add_row(Text("dropped", style="dim"), Text(line, style="dim"))
    return Group(table, *problems_part(answer["problems"]), *files_part(labels))
