"""What text and HTML share on streaming queries: the order of things and the words for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from spark_lineage.show.parts.lists import error_word
from spark_lineage.show.words import Json, Labels, count_word, duration_word, elapsed_ms, size_word, time_word

__all__ = [
    "STATE_STYLES", "batch_cells", "batch_notes", "batch_titles", "last_facts", "left_out", "lines_of", "start_cells",
    "stream_labels", "stream_title",
]  # fmt: skip

STATE_STYLES = {"running": "RUNNING", "ended": "COMPLETE", "failed": "FAILED", "unknown": "UNKNOWN"}
"""State of a query -> the state of a run that is drawn alike."""

batch_titles = ("batch", "outcome", "started", "took", "rows", "kept", "late")
"""Titles of `batch_cells`."""

_LONGEST_OFFSET = 200


def stream_labels(*streams: Json) -> Labels:
    """Short names for what the queries write."""
    return Labels([target for stream in streams for target in stream["targets"]])


def stream_title(stream: Json) -> str:
    """A query's name, else its id."""
    return str(stream["name"] or stream["query_id"])


def lines_of(stream: Json, labels: Labels) -> Iterator[str]:
    """What is said below a query's title."""
    if stream["name"]:
        yield f"query {stream['query_id']}"
    counts = [
        count_word(stream["batches_count"], "batch", "batches"),
        count_word(stream["starts_count"], "start"),
    ]
    if stream["failed_batches"]:
        counts.append(f"{count_word(stream['failed_batches'], 'batch', 'batches')} failed")
    if stream["input_rows"] is not None:
        counts.append(f"{count_word(stream['input_rows'], 'row')} read")
    yield ", ".join(counts)
    last = stream["last_batch"]
    if last is not None:
        yield from _last(stream, last)
    if stream["targets"]:
        yield f"writes {', '.join(labels.of(target) for target in stream['targets'])}"


def _last(stream: Json, last: Json) -> Iterator[str]:
    facts = [f"batch {last['batch_id']} at {time_word(last['started_at'])}"]
    if last["input_rows"] is not None:
        facts.append(count_word(last["input_rows"], "row"))
    if last["duration_ms"] is not None:
        facts.append(duration_word(last["duration_ms"]))
    if stream["processed_rows_per_second"]:
        facts.append(f"{stream['processed_rows_per_second']:,.1f} rows/s")
    yield f"last {', '.join(facts)}"
    if last["watermark"] is not None:
        lag = stream["watermark_lag_ms"]
        behind = (
            ""
            if lag is None
            else f", {duration_word(abs(lag))} {'behind' if lag >= 0 else 'ahead of'} the clock"
        )
        yield f"watermark {time_word(last['watermark'])}{behind}"
    if stream["state_rows"] is not None:
        memory = "" if stream["state_bytes"] is None else f", {size_word(stream['state_bytes'])}"
        late = (
            ""
            if stream["late_rows"] is None
            else f"; {count_word(stream['late_rows'], 'late row')} dropped in all"
        )
        yield f"state {count_word(stream['state_rows'], 'row')}{memory}{late}"


def last_facts(answer: Json) -> Iterator[tuple[str, str]]:
    """What the newest batch that completed read and kept, as (word, facts)."""
    last = answer["last_batch"]
    for source in last["sources"] if last else ():
        rows = "" if source["rows"] is None else f", {count_word(source['rows'], 'row')}"
        yield "source", f"{source['description'] or 'unknown'}{rows}"
        began = "" if source["start"] is None else f"from {_offset(source['start'])} "
        yield "", f"{began}up to {_offset(source['end'])}"
    for state in last["state"] if last else ():
        facts = [f"{count_word(state['rows'], 'row')} kept"] if state["rows"] is not None else []
        facts += [size_word(state["memory_bytes"])] if state["memory_bytes"] is not None else []
        facts += [f"{count_word(state['late_rows'], 'row')} too late"] if state["late_rows"] else []
        yield "state", ", ".join([state["name"], *facts])
    if last and last["sink"]:
        rows = "" if last["output_rows"] is None else f", {count_word(last['output_rows'], 'row')}"
        yield "sink", f"{last['sink']}{rows}"
    if last and last["durations"]:
        longest = sorted(last["durations"], key=lambda each: (-each["ms"], each["name"]))
        yield "time", ", ".join(f"{each['name']} {duration_word(each['ms'])}" for each in longest)


def _offset(value: Any) -> str:
    """An offset as JSON, short; `unknown` where there is none."""
    if value is None:
        return "unknown"
    text = json.dumps(value)
    return text if len(text) <= _LONGEST_OFFSET else f"{text[: _LONGEST_OFFSET - 3]}..."


def start_cells(start: Json) -> tuple[str, str]:
    """When a query was started, and what became of it."""
    began = "start not seen" if start["started_at"] is None else time_word(start["started_at"])
    facts = []
    if start["batches_count"]:
        first, last = start["first_batch"], start["last_batch"]
        facts.append(f"batch {first}" if first == last else f"batches {first} to {last}")
    else:
        facts.append("no batch")
    if start["input_rows"] is not None:
        facts.append(count_word(start["input_rows"], "row"))
    ran = elapsed_ms(start)
    if ran is not None:
        facts.append(f"ran {duration_word(ran)}")
    if start["application"]["name"]:
        facts.append(start["application"]["name"])
    return began.removesuffix(" UTC"), ", ".join(facts)


def batch_cells(batch: Json) -> tuple[str, str, str, str, str]:
    """Of a batch when it started, how long it took, its rows, those in its state and those that were late."""
    kept = [each["rows"] for each in batch["state"] if each["rows"] is not None]
    took = "" if batch["duration_ms"] is None else duration_word(batch["duration_ms"])
    numbers = (batch["input_rows"], sum(kept) if kept else None, batch["late_rows"])
    rows, state, late = ("" if number is None else f"{number:,}" for number in numbers)
    return time_word(batch["started_at"]).removesuffix(" UTC"), took, rows, state, late


def batch_notes(batch: Json) -> Iterator[tuple[str, bool]]:
    """What is said below a batch, and whether it is bad news."""
    if batch["error"] is not None:
        yield error_word({**batch["error"], "class": batch["error"]["class"] or "error"}), True
    if batch["repeated"]:
        yield "This number had completed before: the checkpoint was set back, and the batch ran again.", False


def left_out(answer: Json) -> str:
    """How many batches an answer leaves out; empty for none."""
    count = answer["batches_count"] - len(answer["batches"])
    return f"{count_word(count, 'older batch', 'older batches')} left out: see --limit." if count else ""
