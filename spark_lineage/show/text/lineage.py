"""Upstream as a tree with the expression of every hop; downstream as the impact, grouped by table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from spark_lineage.show.graph import (
    Graph,
    Impact,
    NodeKey,
    Reached,
    Step,
    TableKey,
    impact_word,
    overall_word,
    texts_of,
)
from spark_lineage.show.parts.trees import Line, split_trees, tree_lines
from spark_lineage.show.text.elements import (
    certainty_text,
    draw_tree,
    files_part,
    grid,
    problems_part,
    titled,
)
from spark_lineage.show.text.table import KIND_WIDTH
from spark_lineage.show.words import NOT_FOLLOWED, Json, clean, count_word, kind_word, kinds_word


def lineage_text(answer: Json) -> RenderableType:
    """An answer of `upstream` or `downstream` for people."""
    graph = Graph(answer)
    parts = _upstream(graph) if graph.upstream else _downstream(graph)
    if answer["depth"] is not None:
        hops = count_word(answer["depth"], "hop")
        parts.append(Padding(Text(f"Not farther than {hops}, as asked.", style="dim"), (1, 0, 0, 0)))
    return Group(*parts, *problems_part(answer["problems"]), *files_part(graph.labels))


def _upstream(graph: Graph) -> list[RenderableType]:
    if not graph.steps:
        what = "no column" if graph.is_read_without_column else "nothing"
        return [Text.assemble((graph.label(graph.start), "bold"), f" comes from {what} that is known here.")]
    lines = list(tree_lines(graph.roots(), graph.branches))
    trees = [draw_tree((line.depth, _node_text(graph, line)) for line in tree) for tree in split_trees(lines)]
    return [*_spaced(trees), *_row_sets(graph, {line.node[:2] for line in lines})]


def _node_text(graph: Graph, line: Line[NodeKey, Step]) -> RenderableType:
    """A node, how it acts on the one before it and, below, how it is computed, if that is not drawn elsewhere."""
    title = Text(graph.label(line.node), style="" if line.way else "bold")
    if line.way:
        title.append(f"  {kinds_word(line.way.subtypes)}", style="dim")
        title.append("  masked" if line.way.masking else "", style="magenta")
    if line.elsewhere:
        return title.append(f"  ({line.elsewhere})", style="dim italic")
    sure = graph.certainty(line.node)
    if sure != "exact":
        title.append("  ").append_text(certainty_text(sure))
    return Group(title, *(Text(clean(text), style="cyan") for text in graph.expressions(line.node)))


def _row_sets(graph: Graph, tables: set[TableKey]) -> list[RenderableType]:
    """What decides the rows of the tables on the way: once for each table."""
    parts: list[RenderableType] = []
    for target, sets in groupby(graph.row_sets(tables), key=lambda row_set: row_set[0]):
        table = grid(KIND_WIDTH, None)
        for _, subtype, nodes in sets:
            table.add_row(Text(kind_word(subtype), style="dim"), Text(", ".join(map(graph.label, nodes))))
        parts += [Text(graph.table_label(target)), Padding(table, (0, 0, 0, 2))]
    if not parts:
        return []
    note = Text(NOT_FOLLOWED, style="dim")
    return titled("Which rows", Group(*parts, note))


def _downstream(graph: Graph) -> list[RenderableType]:
    impact = graph.impact()
    if not impact:
        what = "No column" if graph.is_read_without_column else "Nothing"
        return [
            Text.assemble(f"{what} that is known here depends on ", (graph.label(graph.start), "bold"), ".")
        ]
    head = Text.assemble((graph.label(graph.start), "bold"), f" {impact_word(impact)}")
    return [head, *(Padding(_impact(graph, each), (1, 0, 0, 0)) for each in impact)]


def _impact(graph: Graph, impact: Impact) -> RenderableType:
    """One table that is reached: its columns and, last, its rows, each with what acts on it."""
    title = Text.assemble(
        (graph.table_label(impact.table), "bold"), (f"  {count_word(impact.hops, 'hop')}", "dim")
    )
    parts: list[RenderableType] = [_reached(graph, reached) for reached in impact.reached]
    if impact.through_rows:
        parts.append(Text("and, through its rows, every column", style="italic dim"))
    return Group(title, *(Padding(part, (0, 0, 0, 2)) for part in parts))


def _reached(graph: Graph, reached: Reached) -> RenderableType:
    field = reached.node[2]
    name = Text("its rows", style="italic") if field is None else Text(clean(field))
    name.append(overall_word(reached), style="not italic dim")
    if reached.certainty != "exact":
        name.append("  ").append_text(certainty_text(reached.certainty))
    texts = [] if field is None else texts_of(reached.steps)
    table = grid(KIND_WIDTH, None)
    for step in reached.steps:
        source = Text(graph.label(step.source)).append("  masked" if step.masking else "", style="magenta")
        table.add_row(Text(kinds_word(step.subtypes), style="dim"), source)
    shown = [Text(clean(text), style="cyan") for text in texts]
    return Group(name, Padding(Group(*shown, table), (0, 0, 0, 2)))


def _spaced(parts: Sequence[RenderableType]) -> list[RenderableType]:
    """The parts with an empty line between them."""
    return [part if index == 0 else Padding(part, (1, 0, 0, 0)) for index, part in enumerate(parts)]
