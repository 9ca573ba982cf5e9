"""One table's lineage as text: each column with its sources, what decides the rows once below."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.parts.table import (
    by_expression,
    is_answered,
    is_made_of,
    row_groups,
    sources_of,
    without_sources,
)
from spark_lineage.show.text.elements import (
    certainty_text,
    files_part,
    grid,
    problems_part,
    state_text,
    titled,
)
from spark_lineage.show.words import (
    Json,
    Labels,
    clean,
    count_word,
    kind_word,
    time_word,
    view_word,
)

KIND_WIDTH = 14
"""Width of the column of kinds: `transformation` is the longest."""


def table_text(answer: Json) -> RenderableType:
    """A table's answer for people; wraps to the width of the console, cuts nothing."""
    labels = Labels([answer["dataset"], *sources_of(answer)])
    return Group(
        _head(answer, labels),
        *columns_and_rows(answer, labels),
        *problems_part(answer["problems"]),
        *files_part(labels),
    )


def columns_and_rows(answer: Json, labels: Labels) -> list[RenderableType]:
    """The columns with their sources, and what decides the rows: of a table, or of a write that was planned."""
    columns = (Padding(block, (1, 0, 0, 2)) for block in _columns(answer, labels))
    return [*columns, *_rows(answer, labels)]


def _head(answer: Json, labels: Labels) -> RenderableType:
    dataset = answer["dataset"]
    runs = Text(count_word(answer["runs"], "run"))
    last = answer.get("last_run")
    if last:
        runs.append(", the last ").append_text(state_text(last["state"]))
        runs.append(f" {time_word(last['started_at'])}")
        if last.get("rows") is not None:
            runs.append(f", {count_word(last['rows'], 'row')}")
    sure: list[str | Text] = ["  ", certainty_text(answer["certainty"])] if is_answered(answer) else []
    return Group(
        Text.assemble((labels.of(dataset), "bold"), *sure),
        Text(f"{clean(dataset['namespace'])} {clean(dataset['name'])}", style="dim"),
        runs,
    )


def _columns(answer: Json, labels: Labels) -> Iterator[RenderableType]:
    for column in answer["columns"]:
        title = Text.assemble((clean(column["name"]), "bold"), "  ", (clean(column["type"]), "dim"))
        if column["certainty"] != "exact":
            title.append("  ").append_text(certainty_text(column["certainty"]))
        told = Group(_sources(column, labels), *_fields(column, labels))
        yield Group(title, Padding(told, (0, 0, 0, 2)))


def _fields(column: Json, labels: Labels) -> Iterator[RenderableType]:
    for field in column.get("fields", ()):
        yield Text(clean(field["name"]))
        yield Padding(_sources(field, labels), (0, 0, 0, 2))


def _sources(column: Json, labels: Labels) -> RenderableType:
    if not column["sources"]:
        return Text(without_sources(column), style="dim")
    parts: list[RenderableType] = []
    for expression, sources in by_expression(column):
        if expression:
            parts.append(Text(clean(expression), style="cyan"))
        table = grid(KIND_WIDTH, None)
        for source in sources:
            table.add_row(Text(kind_word(source["subtype"]), style="dim"), source_text(source, labels))
        parts.append(table)
    return Group(*parts)


def source_text(source: Json, labels: Labels) -> Text:
    """A source column, with the views on the way and whether its value is masked."""
    text = Text(labels.column(source))
    if source.get("via"):
        text.append(f"  through {', '.join(map(view_word, source['via']))}", style="dim")
    if source.get("masking"):
        text.append("  masked", style="magenta")
    return text


def _rows(answer: Json, labels: Labels) -> list[RenderableType]:
    """What the table as a whole is made of, and what decides which rows there are, by kind and expression."""
    groups = row_groups(answer, labels)
    whole = [group for group in groups if is_made_of(group[0])]
    deciding = [group for group in groups if not is_made_of(group[0])]
    return [*_row_part("Made of", whole), *_row_part("Which rows", deciding)]


def _row_part(title: str, groups: list[tuple[str, str, list[str]]]) -> list[RenderableType]:
    if not groups:
        return []
    table = grid(KIND_WIDTH, None)
    for subtype, expression, columns in groups:
        what = [Text(clean(expression), style="cyan")] if expression else []
        table.add_row(Text(kind_word(subtype), style="dim"), Group(*what, Text(", ".join(columns))))
    return titled(title, table)
