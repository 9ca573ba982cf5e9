"""Streaming queries in a notebook: the list of them, and the history of one."""

from __future__ import annotations

from spark_lineage.show.html.elements import files_part, page, part, safe, span, stacked, state, table, title
from spark_lineage.show.parts.streams import (
    STATE_STYLES,
    batch_cells,
    batch_notes,
    batch_titles,
    last_facts,
    left_out,
    lines_of,
    start_cells,
    stream_labels,
    stream_title,
)
from spark_lineage.show.words import Json, Labels, count_word

__all__ = ["stream_html", "streams_html"]

_CLASSES = {"RUNNING": "sl-dim", "COMPLETE": "sl-good", "FAILED": "sl-bad"}


def streams_html(answer: Json) -> str:
    """All streaming queries."""
    labels = stream_labels(*answer["streams"])
    rows = [
        (_state(each["state"]), f"<b>{safe(stream_title(each))}</b>", stacked(_lines(each, labels)))
        for each in answer["streams"]
    ]
    head = title(count_word(len(rows), "streaming query", "streaming queries"))
    return page(head, table(("state", "query", "what"), rows) if rows else "", files_part(labels))


def stream_html(answer: Json) -> str:
    """The history of one streaming query."""
    labels = stream_labels(answer)
    return page(
        title(stream_title(answer), _state(answer["state"])),
        *(f"<div>{line}</div>" for line in _lines(answer, labels)),
        _operators(answer),
        _last(answer),
        _starts(answer),
        _batches(answer),
        files_part(labels),
    )


def _state(name: str) -> str:
    return span(_CLASSES.get(STATE_STYLES.get(name, ""), "sl-warn"), name)


def _lines(stream: Json, labels: Labels) -> list[str]:
    lines = [span("sl-dim", line) for line in lines_of(stream, labels)]
    return [*lines, span("sl-bad", stream["error"])] if stream["error"] else lines


def _operators(answer: Json) -> str:
    rows = [(f"<b>{safe(each['name'])}</b>", safe(each["detail"])) for each in answer["operators"]]
    return part("Bounds of time") + table(("operator", "bounds"), rows) if rows else ""


def _last(answer: Json) -> str:
    rows = [(span("sl-dim", word), safe(facts)) for word, facts in last_facts(answer)]
    return part("Last batch") + table(("", ""), rows) if rows else ""


def _starts(answer: Json) -> str:
    rows = []
    for start in answer["starts"]:
        began, facts = start_cells(start)
        said = [safe(facts), *([span("sl-bad", start["error"])] if start["error"] else [])]
        rows.append((safe(began), _state(start["state"]), stacked(said)))
    return part("Starts") + table(("started (UTC)", "state", "what"), rows)


def _batches(answer: Json) -> str:
    if not answer["batches"]:
        return ""
    rows = []
    for batch in answer["batches"]:
        notes = [span("sl-bad" if bad else "sl-dim", note) for note, bad in batch_notes(batch)]
        cells = (safe(cell) for cell in batch_cells(batch))
        rows.append((safe(batch["batch_id"]), state(batch["outcome"]), *cells, stacked(notes)))
    more = left_out(answer)
    shown = part("Batches") + table((*batch_titles, ""), rows)
    return shown + (f"<div>{span('sl-dim', more)}</div>" if more else "")
