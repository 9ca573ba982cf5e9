"""One table's lineage as text: each column with its sources, what decides the rows once below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from spark_lineage.show.table_parts import (
    by_expression,
    is_answered,
    is_made_of,
    row_groups,
    sources_of,
    without_sources,
)
from spark_lineage.show.words import (
    CERTAINTIES,
    Json,
    Labels,
    clean,
    count_word,
    kind_word,
    sentence,
    state_word,
    time_word,
    view_word,
)

KIND_WIDTH = 14
"""Width of the column of kinds: `transformation` is the longest."""

STATE_STYLES = {"COMPLETE": "green", "RUNNING": "cyan", "FAILED": "bold red", "CANCELLED": "yellow"}

_LABEL_WIDTH = 30
"""Short names longer than this do not line up with the others."""


def table_text(answer: Json) -> RenderableType:
    """A table's answer for people; wraps to the width of the console, cuts nothing."""
    labels = Labels([answer["dataset"], *sources_of(answer)])
    return Group(
        _head(answer, labels),
        *(Padding(block, (1, 0, 0, 2)) for block in _columns(answer, labels)),
        *_rows(answer, labels),
        *problems_part(answer["problems"]),
        *files_part(labels),
    )


def grid(*widths: int | None) -> Table:
    """A table without lines; the columns without a width share what is left and fold long words."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for width in widths:
        table.add_column(width=width, overflow="fold", ratio=None if width else 1)
    return table


def draw_tree(lines: Iterable[tuple[int, RenderableType]]) -> Tree:
    """A tree, or several of them one below the other, of (depth, what to show) in their order."""
    forest = Tree("", hide_root=True, guide_style="dim")
    branches = [forest]
    for depth, shown in lines:
        del branches[depth + 1 :]
        branches.append(branches[-1].add(shown))
    return forest


def heading(text: str) -> Text:
    """The title of a part."""
    return Text(text, style="bold underline")


def state_text(state: str) -> Text:
    """A run's state in its colour."""
    return Text(state_word(state), style=STATE_STYLES.get(state, "yellow"))


def certainty_text(certainty: str) -> Text:
    """An honest word on how sure an answer is, in a colour that is calm for what is exact."""
    style = {"exact": "green", "over_approximate": "yellow"}.get(certainty, "red")
    return Text(CERTAINTIES.get(certainty, clean(certainty)), style=style)


def problems_part(problems: list[Json]) -> list[RenderableType]:
    """The problems of an answer under their title; nothing when there are none."""
    if not problems:
        return []
    title = Text.assemble((count_word(len(problems), "problem"), "bold yellow underline"))
    return [
        Padding(title, (1, 0, 0, 0)),
        *(Padding(problem_text(problem), (0, 0, 0, 2)) for problem in problems),
    ]


def problem_text(problem: Json) -> RenderableType:
    """One problem: what, where, and what to do."""
    style = {"error": "bold red", "warning": "yellow"}.get(problem["severity"], "cyan")
    parts = Text.assemble((clean(problem["severity"]), style), f" {sentence(problem['message'])}")
    if problem["where"]:
        parts.append(f" At {clean(problem['where'])}.", style="dim")
    if problem["hint"]:
        parts.append(f" {sentence(problem['hint'])}", style="italic")
    return parts


def files_part(labels: Labels) -> list[RenderableType]:
    """The full names behind the short names of files; nothing when all names are full."""
    unnamed = labels.unnamed()
    if not unnamed:
        return []
    # No table and no padding: those break a path that is longer than the line, and it is there to be copied.
    width = max((len(label) for label, _ in unnamed if len(label) <= _LABEL_WIDTH), default=0)
    lines = [
        Text.assemble(f"  {label:<{width}}  ", (name, "dim"), no_wrap=True, overflow="ignore")
        for label, name in unnamed
    ]
    return [Padding(heading("Full names"), (1, 0, 0, 0)), *lines]


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
    return [Padding(heading(title), (1, 0, 0, 0)), Padding(table, (0, 0, 0, 2))]
