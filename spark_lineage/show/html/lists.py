"""Runs, problems, searches and the tree of tables in a notebook."""

from __future__ import annotations

from spark_lineage.query.names import short_id
from spark_lineage.show.html.elements import (
    certainty,
    code,
    draw_tree,
    files_part,
    page,
    problem,
    problems_part,
    safe,
    span,
    stacked,
    state,
    table,
    title,
)
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
from spark_lineage.show.words import Json, Labels, count_word, time_word

_OUTCOME_CLASSES = {"ok": "sl-good", "warn": "sl-warn", "fail": "sl-bad"}


def runs_html(answer: Json) -> str:
    """The runs, the newest first."""
    labels = Labels(run["target"] for run in answer["runs"] if run["target"])
    rows = []
    for run in answer["runs"]:
        name = f"<b>{safe(run_title(run, labels))}</b> {span('sl-dim', short_id(run['id']))}"
        what = [name, span("sl-dim", ", ".join(run_notes(run)))]
        what += [span("sl-bad", error_word(run["error"]))] if run["error"] else []
        rows.append((state(run["state"]), safe(time_word(run["started_at"])), stacked(what)))
    head = title(count_word(len(rows), "run"))
    return page(head, table(("state", "started", "what"), rows) if rows else "", files_part(labels))


def problems_html(answer: Json) -> str:
    """All problems."""
    said = [f"<div>{problem(item)}</div>" for item in answer["problems"]]
    return page(title(count_word(len(said), "problem")), *said)


def search_html(answer: Json) -> str:
    """What a search found: tables, columns and expressions."""
    labels = Labels(answer["matches"])
    rows = [
        (
            span("sl-dim", match["kind"]),
            safe(labels.column(match)),
            code(match["expression"]) if match["expression"] else "",
        )
        for match in answer["matches"]
    ]
    found = count_word(len(rows), "match", "matches")
    head = title(answer["text"], span("sl-dim", found))
    return page(head, table(("kind", "name", "expression"), rows) if rows else "", files_part(labels))


def tables_html(answer: Json) -> str:
    """The tree of tables: each one above those that it is made of."""
    labels = Labels(answer["tables"])
    tree = draw_tree((line.depth, _table_line(line, labels)) for line in table_tree(answer, labels))
    results = program_results(answer)
    said = f"{count_word(results, 'result')} went to programs, not to tables" if results else ""
    head = title(count_word(len(answer["tables"]) - results, "table"), span("sl-dim", said))
    return page(head, tree, problems_part(answer["problems"]), files_part(labels))


def checks_html(answer: Json) -> str:
    """What the doctor looked at, each with its fix where there is one."""
    rows = []
    for check in answer["checks"]:
        said = [safe(check["sentence"])] + ([f"<i>{safe(check['fix'])}</i>"] if check["fix"] else [])
        outcome = span(_OUTCOME_CLASSES[check["outcome"]], check["outcome"])
        rows.append((outcome, f"<b>{safe(check['name'])}</b>", stacked(said)))
    return page(title(count_word(len(rows), "check")), table(("outcome", "check", "what"), rows))


def _table_line(line: TableLine, labels: Labels) -> str:
    name = safe(labels.of(line.node))
    text = f"<b>{name}</b>" if line.depth == 0 else name
    if line.elsewhere:
        return f"{text} {span('sl-dim', f'({line.elsewhere})')}"
    text += f" {span('sl-dim', ', '.join(table_notes(line.node)))}"
    last = line.node["last_run"]
    if last is not None and last["state"] != "COMPLETE":
        text += f" {state(last['state'])}"
    if line.node["certainty"] != "exact" and is_answered(line.node):
        text += f" {certainty(line.node['certainty'])}"
    return text
