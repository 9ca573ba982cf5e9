"""What a file would do, as text and in a notebook."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.html.elements import page, part, safe, span, stacked, table, title
from spark_lineage.show.html.table import table_html
from spark_lineage.show.parts.diff import VERDICTS
from spark_lineage.show.text.elements import grid, heading
from spark_lineage.show.text.findings import findings_table
from spark_lineage.show.text.table import table_text
from spark_lineage.show.words import Json, clean, count_word

_LINE_WIDTH = 9


def plan_text(answer: Json) -> RenderableType:
    """The tables that would be written, what differs from the store, and what was refused, the most important last."""
    parts: list[RenderableType] = [
        Padding(table_text(_as_table(each)), (0, 0, 1, 0)) for each in answer["tables"]
    ]
    if answer["against"] is not None:
        verdict = VERDICTS.get(answer["verdict"], answer["verdict"])
        parts.append(Text(clean(f"Compared with {answer['against']}: {verdict}"), style="bold underline"))
        parts += [Padding(findings_table(answer["findings"]), (0, 0, 1, 0))] if answer["findings"] else []
    said = [each for each in answer["statements"] if each["message"]]
    parts += _messages("Looked at", "yellow", [each for each in said if each["outcome"] == "analyzed"])
    parts += _messages("Not planned", "bold red", [each for each in said if each["outcome"] == "refused"])
    return Group(*parts, Text(summary(answer), style="bold"))


def _messages(title_: str, style: str, statements: list[Json]) -> list[RenderableType]:
    if not statements:
        return []
    rows = grid(_LINE_WIDTH, None)
    for each in statements:
        rows.add_row(Text(f"line {each['line']}", style=style), Text(clean(each["message"])))
    return [heading(title_), Padding(rows, (0, 0, 1, 2))]


def plan_html(answer: Json) -> str:
    """The same for a notebook."""
    tables = [table_html(_as_table(each)) for each in answer["tables"]]
    rows = [
        (
            span("sl-dim", f"line {each['line']}"),
            safe(each["outcome"]),
            safe(each["operation"] or each["message"]),
        )
        for each in answer["statements"]
    ]
    findings = [safe(finding["message"]) for finding in answer["findings"]]
    return page(
        title(summary(answer)),
        table(("line", "outcome", "what"), rows) if rows else "",
        part(f"Compared with {answer['against']}") + stacked(findings) if findings else "",
        *tables,
    )


def summary(answer: Json) -> str:
    """How many statements were analyzed, and that nothing ran.

    >>> summary({"statements": [{"outcome": "analyzed"}, {"outcome": "refused"}], "tables": [{}]})
    '1 of 2 statements could not be planned. 1 table would be written; nothing was run.'
    """
    statements = answer["statements"]
    refused = sum(each["outcome"] == "refused" for each in statements)
    said = (
        f"{refused:,} of {count_word(len(statements), 'statement')} could not be planned. " if refused else ""
    )
    return f"{said}{count_word(len(answer['tables']), 'table')} would be written; nothing was run."


def _as_table(planned: Json) -> Json:
    """A planned table as the answer of a table that never ran."""
    return {**planned, "runs": 0, "last_run": None}
