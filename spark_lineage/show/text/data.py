"""A table's data at two versions, as text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.parts.data import FIGURES, data_head, figure, shown_columns
from spark_lineage.show.text.elements import files_part, grid
from spark_lineage.show.text.findings import findings_table
from spark_lineage.show.words import Json, Labels, clean

_FIGURE_WIDTH = 10
_BEFORE_WIDTH = 31


def data_text(answer: Json) -> RenderableType:
    """Each column that differs with its figures before and after, then what was found."""
    labels = Labels([answer["table"]])
    parts: list[RenderableType] = [
        Text(labels.of(answer["table"]), style="bold"),
        *(Text(line, style="dim") for line in data_head(answer)),
    ]
    for column in shown_columns(answer):
        table = grid(_FIGURE_WIDTH, _BEFORE_WIDTH, None)
        for name, word in FIGURES:
            before, after = figure(column["before"], name), figure(column["after"], name)
            table.add_row(
                Text(word, style="dim"), Text(before), Text(after, style="" if before == after else "bold")
            )
        title = Text.assemble((clean(column["name"]), "bold"), (f"  {column['change']}", "dim"))
        parts.append(Padding(Group(title, Padding(table, (0, 0, 0, 2))), (1, 0, 0, 2)))
    if answer["findings"]:
        parts.append(Padding(findings_table(answer["findings"]), (1, 0, 0, 0)))
    parts += [Padding(Text(clean(note), style="dim"), (1, 0, 0, 0)) for note in answer["notes"]]
    return Group(*parts, *files_part(labels))
