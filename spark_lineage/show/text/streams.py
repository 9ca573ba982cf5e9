"""Streaming queries as text: the list of them, and the history of one."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

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
from spark_lineage.show.text.elements import STATE_STYLES as RUN_STYLES
from spark_lineage.show.text.elements import files_part, grid, noted_rows, state_text, titled
from spark_lineage.show.words import Json, Labels, clean, count_word

__all__ = ["stream_text", "streams_text"]

_FACT_WIDTH = 6
_START_WIDTHS = (19, 8, None)
_BATCH_WIDTHS = (6, 9, 19, 10, 9, 8, None)


def streams_text(answer: Json) -> RenderableType:
    """All streaming queries."""
    if not answer["streams"]:
        return Text("There are no streaming queries in this store yet: run one with lineage on.")
    labels = stream_labels(*answer["streams"])
    blocks = [Padding(Group(*_head(each, labels)), (0, 0, 1, 0)) for each in answer["streams"]]
    said = Text(count_word(len(blocks), "streaming query", "streaming queries"), style="bold")
    return Group(*blocks, said, *files_part(labels))


def stream_text(answer: Json) -> RenderableType:
    """The history of one streaming query."""
    labels = stream_labels(answer)
    return Group(
        *_head(answer, labels),
        *titled("Bounds of time", _operators(answer)),
        *titled("Last batch", _last(answer)),
        *titled("Starts", _starts(answer)),
        *titled("Batches", _batches(answer)),
        *files_part(labels),
    )


def _state(state: str) -> Text:
    return Text(state, style=RUN_STYLES.get(STATE_STYLES.get(state, ""), "yellow"))


def _head(stream: Json, labels: Labels) -> list[RenderableType]:
    title = Text.assemble((clean(stream_title(stream)), "bold"), "  ").append_text(_state(stream["state"]))
    lines: list[RenderableType] = [
        title,
        *(Text(clean(line), style="dim") for line in lines_of(stream, labels)),
    ]
    return [*lines, Text(clean(stream["error"]), style="red")] if stream["error"] else lines


def _operators(answer: Json) -> RenderableType | None:
    if not answer["operators"]:
        return None
    return Group(
        *(Text(clean(each["name"]), style="bold").append(f"  {clean(each['detail'])}", style="not bold")
          for each in answer["operators"])
    )  # fmt: skip


def _last(answer: Json) -> RenderableType | None:
    facts = list(last_facts(answer))
    table = grid(_FACT_WIDTH, None)
    for word, said in facts:
        table.add_row(Text(word, style="dim"), Text(clean(said)))
    return table if facts else None


def _starts(answer: Json) -> RenderableType:
    table = grid(*_START_WIDTHS)
    for start in answer["starts"]:
        began, facts = start_cells(start)
        said = Text(clean(facts))
        if start["error"]:
            said.append(f"\n{clean(start['error'])}", style="red")
        table.add_row(Text(began, style="dim"), _state(start["state"]), said)
    return table


def _batches(answer: Json) -> RenderableType | None:
    if not answer["batches"]:
        return None
    shown = noted_rows(batch_titles, _BATCH_WIDTHS, map(_batch, answer["batches"]))
    more = left_out(answer)
    return Group(*shown, *([Text(more, style="dim")] if more else []))


def _batch(batch: Json) -> tuple[list[Text], list[Text]]:
    cells = [Text(str(batch["batch_id"])), state_text(batch["outcome"]), *map(Text, batch_cells(batch))]
    return cells, [Text(clean(note), style="red" if bad else "dim") for note, bad in batch_notes(batch)]
