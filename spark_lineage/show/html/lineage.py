"""Upstream and downstream in a notebook: a nested list, and the impact grouped by table."""

from __future__ import annotations

from spark_lineage.show.graph import (
    Graph,
    Impact,
    NodeKey,
    Reached,
    Step,
    impact_word,
    overall_word,
    texts_of,
)
from spark_lineage.show.html.elements import (
    certainty,
    code,
    draw_tree,
    files_part,
    page,
    part,
    problems_part,
    safe,
    span,
    stacked,
    table,
    title,
)
from spark_lineage.show.parts.trees import Line, tree_lines
from spark_lineage.show.words import NOT_FOLLOWED, Json, count_word, kind_word, kinds_word


def lineage_html(answer: Json) -> str:
    """An answer of `upstream` or `downstream` as a self-contained fragment of HTML."""
    graph = Graph(answer)
    far = "" if answer["depth"] is None else f", not farther than {count_word(answer['depth'], 'hop')}"
    return page(
        title(graph.label(graph.start), span("sl-dim", answer["direction"] + far)),
        _upstream(graph) if graph.upstream else _downstream(graph),
        problems_part(answer["problems"]),
        files_part(graph.labels),
    )


def _upstream(graph: Graph) -> str:
    if not graph.steps:
        what = "no column" if graph.is_read_without_column else "nothing"
        return f"<div>comes from {what} that is known here</div>"
    lines = list(tree_lines(graph.roots(), graph.branches))
    tree = draw_tree((line.depth, _node(graph, line)) for line in lines)
    rows = [
        (
            safe(graph.table_label(target)),
            safe(kind_word(subtype)),
            stacked(safe(graph.label(node)) for node in nodes),
        )
        for target, subtype, nodes in graph.row_sets({line.node[:2] for line in lines})
    ]
    row_sets = part("Which rows") + table(("table", "how", "columns"), rows) + span("sl-dim", NOT_FOLLOWED)
    return tree + (row_sets if rows else "")


def _node(graph: Graph, line: Line[NodeKey, Step]) -> str:
    text = f"<b>{safe(graph.label(line.node))}</b>"
    if line.way:
        kinds = span("sl-dim", kinds_word(line.way.subtypes))
        text = f"{safe(graph.label(line.node))} {kinds}{_masked(line.way)}"
    if line.elsewhere:
        return f"{text} {span('sl-dim', f'({line.elsewhere})')}"
    sure = graph.certainty(line.node)
    text += "" if sure == "exact" else f" {certainty(sure)}"
    return text + "".join(f"<br>{code(expression)}" for expression in graph.expressions(line.node))


def _downstream(graph: Graph) -> str:
    impact = graph.impact()
    if not impact:
        what = "no column" if graph.is_read_without_column else "nothing"
        return f"<div>{what} that is known here depends on it</div>"
    rows = [row for each in impact for row in _impact_rows(graph, each)]
    head = f"<div>{safe(impact_word(impact))}</div>"
    return head + table(("table", "column", "how", "from", "expression"), rows)


def _impact_rows(graph: Graph, impact: Impact) -> list[tuple[str, ...]]:
    """The rows of one table that is reached, its name only on the first."""
    rows = [row for reached in impact.reached for row in _reached(graph, reached)]
    if impact.through_rows:
        rows.append((span("sl-dim", "and, through its rows, every column"), "", "", ""))
    name = f"<b>{safe(graph.table_label(impact.table))}</b> {span('sl-dim', count_word(impact.hops, 'hop'))}"
    return [(name if index == 0 else "", *row) for index, row in enumerate(rows)]


def _reached(graph: Graph, reached: Reached) -> list[tuple[str, ...]]:
    """One row for each step into a column; its name and its expressions stand on the first."""
    field = reached.node[2]
    name = "<i>its rows</i>" if field is None else safe(field)
    name += span("sl-dim", overall_word(reached))
    if reached.certainty != "exact":
        name += f" {certainty(reached.certainty)}"
    told = "" if field is None else stacked(map(code, texts_of(reached.steps)))
    return [
        (
            "" if index else name,
            safe(kinds_word(step.subtypes)),
            safe(graph.label(step.source)) + _masked(step),
            "" if index else told,
        )
        for index, step in enumerate(reached.steps)
    ]


def _masked(step: Step) -> str:
    return f" {span('sl-dim', 'masked')}" if step.masking else ""
