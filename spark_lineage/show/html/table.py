"""One table's lineage in a notebook."""

from __future__ import annotations

from spark_lineage.show.html.elements import (
    certainty,
    code,
    files_part,
    page,
    part,
    problems_part,
    safe,
    span,
    stacked,
    state,
    table,
    title,
)
from spark_lineage.show.parts.table import (
    by_expression,
    is_answered,
    is_made_of,
    row_groups,
    sources_of,
    without_sources,
)
from spark_lineage.show.words import Json, Labels, count_word, kind_word, time_word, view_word


def table_html(answer: Json) -> str:
    """A table's answer as a self-contained fragment of HTML."""
    dataset = answer["dataset"]
    labels = Labels([dataset, *sources_of(answer)])
    return page(
        title(labels.of(dataset), certainty(answer["certainty"]) if is_answered(answer) else ""),
        f"<div>{span('sl-dim', dataset['namespace'] + ' ' + dataset['name'])}</div>",
        f"<div>{_runs(answer)}</div>",
        columns_and_rows(answer, labels),
        problems_part(answer["problems"]),
        files_part(labels),
    )


def columns_and_rows(answer: Json, labels: Labels) -> str:
    """The columns with their sources, and what decides the rows: of a table, or of a write that was planned."""
    rows = [row for column in answer["columns"] for row in _column(column, labels)]
    return table(("column", "type", "comes from", "how", "expression"), rows) + _rows(answer, labels)


def _runs(answer: Json) -> str:
    last = answer.get("last_run")
    text = safe(count_word(answer["runs"], "run"))
    if not last:
        return text
    rows = "" if last.get("rows") is None else safe(f", {count_word(last['rows'], 'row')}")
    return f"{text}, the last {state(last['state'])} {safe(time_word(last['started_at']))}{rows}"


def _column(column: Json, labels: Labels) -> list[tuple[str, ...]]:
    """The rows of a column, and of the fields that it was built of."""
    name = f"<b>{safe(column['name'])}</b>"
    if column["certainty"] != "exact":
        name += f"<br>{certainty(column['certainty'])}"
    rows = _told(name, span("sl-dim", column["type"]), column, labels)
    for field in column.get("fields", ()):
        rows += _told(safe(field["name"]), "", field, labels)
    return rows


def _told(name: str, type_name: str, column: Json, labels: Labels) -> list[tuple[str, ...]]:
    """One row for each source; name and type stand on the first, an expression on the first of its sources."""
    if not column["sources"]:
        return [(name, type_name, span("sl-dim", without_sources(column)), "", "")]
    rows: list[tuple[str, ...]] = []
    for expression, sources in by_expression(column):
        for index, source in enumerate(sources):
            told = code(expression) if expression and index == 0 else ""
            first = ("", "") if rows else (name, type_name)
            rows.append((*first, _source(source, labels), safe(kind_word(source["subtype"])), told))
    return rows


def _source(source: Json, labels: Labels) -> str:
    notes = [f"through {', '.join(map(view_word, source['via']))}"] if source.get("via") else []
    notes += ["masked"] if source.get("masking") else []
    return safe(labels.column(source)) + "".join(f" {span('sl-dim', note)}" for note in notes)


def _rows(answer: Json, labels: Labels) -> str:
    groups = row_groups(answer, labels)
    whole = [group for group in groups if is_made_of(group[0])]
    deciding = [group for group in groups if not is_made_of(group[0])]
    return _row_part("Made of", "expression", whole) + _row_part("Which rows", "condition", deciding)


def _row_part(title: str, told: str, groups: list[tuple[str, str, list[str]]]) -> str:
    if not groups:
        return ""
    rows = [
        (safe(kind_word(subtype)), stacked(map(safe, columns)), code(expression) if expression else "")
        for subtype, expression, columns in groups
    ]
    return part(title) + table(("how", "columns", told), rows)
