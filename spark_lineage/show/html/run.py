"""One run in a notebook."""

from __future__ import annotations

from spark_lineage.show.html.elements import (
    certainty,
    draw_tree,
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
from spark_lineage.show.html.table import columns_and_rows
from spark_lineage.show.parts.lists import run_title
from spark_lineage.show.parts.run import (
    OperatorLine,
    batch_facts,
    chain_word,
    error_words,
    helpers_word,
    labels_of,
    notes_of_dataset,
    operator_lines,
    planned_writes,
    run_head,
    stage_lines,
    without_helpers,
)
from spark_lineage.show.words import Json, Labels, time_word

__all__ = ["run_html"]


def run_html(answer: Json) -> str:
    """A run's answer as a self-contained fragment of HTML."""
    labels = labels_of(answer)
    own = without_helpers(answer)
    return page(
        *_heads(answer, labels),
        _datasets(answer, labels),
        *_planned(answer, labels),
        _batch(answer),
        _operators(own, helpers_word(answer, own)),
        _stages(own),
        _events(answer),
        problems_part(answer["problems"]),
        files_part(labels),
    )


def _heads(answer: Json, labels: Labels) -> list[str]:
    parts = []
    for run in answer["runs"]:
        parts.append(title(run_title(run, labels), state(run["state"])))
        parts += [f"<div>{safe(line)}</div>" for line in run_head(run)]
        error = error_words(run, answer["operators"])
        parts += [f"<div>{span('sl-bad', error)}</div>"] if error else []
    return [*parts, f"<div>{span('sl-dim', 'run ' + answer['id'])}</div>"]


def _datasets(answer: Json, labels: Labels) -> str:
    rows = [
        (
            safe(item["direction"]),
            f"<b>{safe(labels.of(item))}</b>",
            stacked(map(safe, notes_of_dataset(item))),
        )
        for item in answer["datasets"]
    ]
    return part("Datasets as they were") + table(("", "dataset", "what"), rows) if rows else ""


def _operators(answer: Json, helpers: str | None) -> str:
    if not answer["operators"]:
        return ""
    tree = draw_tree((line.depth, _operator(line)) for line in operator_lines(answer))
    return part("Operators") + tree + (f"<div>{span('sl-dim', helpers)}</div>" if helpers else "")


def _operator(line: OperatorLine) -> str:
    shown = [
        f"<b>{safe(each['name'])}</b>" + (f" {span('sl-dim', ', '.join(notes))}" if notes else "")
        for each, notes in line.operators
    ]
    return stacked(shown) + (f" {span('sl-dim', f'({line.elsewhere})')}" if line.elsewhere else "")


def _stages(answer: Json) -> str:
    if not answer["stages"]:
        return ""
    rows = []
    for stage in stage_lines(answer):
        notes = [span("sl-dim", ", ".join(stage.notes))] if stage.notes else []
        notes += [span("sl-bad", stage.failure)] if stage.failure else []
        facts = (safe(stage.tasks), safe(stage.took), safe(stage.run_time), stacked(notes))
        rows.append((safe(stage.name), state(stage.state), *facts))
    headers = ("stage", "state", "tasks", "took", "a task: median, longest", "what")
    chain = chain_word(answer)
    return part("Stages") + table(headers, rows) + (f"<div>{span('sl-dim', chain)}</div>" if chain else "")


def _planned(answer: Json, labels: Labels) -> list[str]:
    return [
        part(f"What {run_title(run, labels)} would have got")
        + f"<div>{span('sl-dim', said)}</div>"
        + (f"<div>{certainty(planned['certainty'])}</div>" if planned["certainty"] != "exact" else "")
        + columns_and_rows(planned, labels)
        for run, planned, said in planned_writes(answer)
    ]


def _batch(answer: Json) -> str:
    if answer["batch"] is None:
        return ""
    rows = [(span("sl-dim", word), safe(facts)) for word, facts in batch_facts(answer["batch"])]
    return part("Micro-batch") + table(("", ""), rows)


def _events(answer: Json) -> str:
    if not answer["events"]:
        return ""
    rows = [
        (
            span("sl-dim", time_word(event["at"])),
            f"{safe(event['kind'].replace('_', ' '))} {safe(event['subject'])}",
            span("sl-dim", event["detail"]),
        )
        for event in answer["events"]
    ]
    return part("What happened to the application meanwhile") + table(("when", "what", "why"), rows)
