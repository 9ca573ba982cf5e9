"""The pieces that every drawing for a terminal is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from spark_lineage.show.words import CERTAINTIES, Json, Labels, clean, count_word, sentence, state_word

STATE_STYLES = {"COMPLETE": "green", "RUNNING": "cyan", "FAILED": "bold red", "CANCELLED": "yellow"}

_LABEL_WIDTH = 30
"""Short names longer than this do not line up with the others."""


@dataclass(frozen=True, slots=True)
class Hanging:
    """A text behind its head, all its lines indented by the head's width; it is broken between words only.

    A path that is longer than the line stands there whole, since it is there to be copied: a table or a padding would break it.
    """

    head: Text
    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Rich's way to draw: line by line."""
        del console
        indent = self.head.cell_len
        before = self.head
        for paragraph in self.text.split("\n"):
            for line in paragraph.divide(_breaks(paragraph.plain, options.max_width - indent)):
                line.rstrip()
                yield Text.assemble(before, line, no_wrap=True, overflow="ignore")
                before = Text(" " * indent)


def _breaks(text: str, width: int) -> list[int]:
    """Where lines of at most `width` cells begin, the first left out: words that are longer have a line of their own.

    >>> _breaks("in /a/long/path of words", 8)
    [3, 16]
    """
    begins, used = [], 0
    for word in re.finditer(r"\S+\s*", text):
        if used and used + cell_len(word[0].rstrip()) > width:
            begins.append(word.start())
            used = 0
        used += cell_len(word[0])
    return begins


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


def titled(title: str, shown: RenderableType | None) -> list[RenderableType]:
    """A part below its title; nothing where there is nothing to show."""
    if shown is None:
        return []
    return [Padding(heading(title), (1, 0, 0, 0)), Padding(shown, (0, 0, 0, 2))]


def noted_rows(
    titles: Sequence[str],
    widths: tuple[int | None, ...],
    rows: Iterable[tuple[Sequence[Text], Sequence[Text]]],
) -> list[RenderableType]:
    """A table of (cells, notes), the notes of a row below it, as wide as the console and indented by the first column."""
    table = grid(*widths)
    table.add_row(*(Text(title, style="dim") for title in titles))
    shown: list[RenderableType] = [table]
    for cells, notes in rows:
        table.add_row(*cells)
        if notes:
            table = grid(*widths)
            shown += [*(Padding(note, (0, 0, 0, (widths[0] or 0) + 2)) for note in notes), table]
    return [each for each in shown if not isinstance(each, Table) or each.row_count]


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
        *(problem_text(problem, Text("  ")) for problem in problems),
    ]


def problem_text(problem: Json, indent: Text | None = None) -> RenderableType:
    """One problem: what, where, and what to do; each line behind `indent`."""
    style = {"error": "bold red", "warning": "yellow"}.get(problem["severity"], "cyan")
    parts = Text.assemble((clean(problem["severity"]), style), f" {sentence(problem['message'])}")
    if problem["where"]:
        parts.append(f" At {clean(problem['where'])}.", style="dim")
    if problem["hint"]:
        parts.append(f" {sentence(problem['hint'])}", style="italic")
    return Hanging(indent or Text(), parts)


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
