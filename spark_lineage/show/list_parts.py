"""What text and HTML share on runs, tables and searches: the order of things and the words for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from spark_lineage.model import DRIVER_NAMESPACE
from spark_lineage.show.words import Json, Labels, count_word

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line of the tree of tables: `depth` 0 is a table that no other is made of.

    `known` means that the table and all it is made of stand above.
    """

    depth: int
    table: Json
    known: bool


def table_tree(answer: Json) -> Iterator[TreeLine]:
    """Walk the tables, the last ones of each pipeline first, each followed by those that it is made of.

    Every table comes at least once. Results that went to a program are no tables and are left out.
    """
    tables = {_key(table): table for table in answer["tables"] if table["namespace"] != DRIVER_NAMESPACE}
    sources: dict[_Key, list[_Key]] = {}
    used: set[_Key] = set()
    for edge in answer["edges"]:
        source, target = _key(edge["source"]), _key(edge["target"])
        if source != target and source in tables and target in tables:
            sources.setdefault(target, []).append(source)
            used.add(source)
    drawn: set[_Key] = set()
    for root in [*(key for key in tables if key not in used), *tables]:
        waiting = [] if root in drawn else [(0, root)]
        while waiting:
            depth, key = waiting.pop()
            onward = sources.get(key, [])
            known = key in drawn and bool(onward)
            yield TreeLine(depth, tables[key], known)
            if not known:
                drawn.add(key)
                waiting.extend((depth + 1, source) for source in reversed(onward))


def program_results(answer: Json) -> int:
    """How many results went to a program instead of a table: `collect`, `count` and their like."""
    return sum(table["namespace"] == DRIVER_NAMESPACE for table in answer["tables"])


def table_notes(table: Json) -> tuple[str, ...]:
    """What is said behind a table's name: columns, runs, rows."""
    last = table["last_run"]
    if last is None:
        return (
            (count_word(len(table["columns"]), "column"), "a source") if table["columns"] else ("a source",)
        )
    notes = [count_word(len(table["columns"]), "column"), count_word(table["runs"], "run")]
    return (*notes, count_word(last["rows"], "row")) if last["rows"] is not None else tuple(notes)


def run_title(run: Json, labels: Labels) -> str:
    """What a run is about: its target, else its application."""
    return (
        labels.of(run["target"]) if run["target"] else run["application"]["name"] or run["application"]["id"]
    )


def run_notes(run: Json) -> tuple[str, ...]:
    """What is said below a run's title: operation, rows, duration, application."""
    notes = [run["operation"] or run["kind"]]
    if run["rows"] is not None:
        notes.append(count_word(run["rows"], "row"))
    if run["started_at"] and run["ended_at"]:
        seconds = (_moment(run["ended_at"]) - _moment(run["started_at"])).total_seconds()
        notes.append(f"{seconds:.1f} s")
    if run["target"] and run["application"]["name"]:
        notes.append(run["application"]["name"])
    return tuple(notes)


def error_word(error: Json) -> str:
    """An error's short class name and its message."""
    name = (error["class"] or "error").rpartition(".")[2]
    return f"{name}: {error['message']}" if error["message"] else name


def _key(dataset: Json) -> _Key:
    return dataset["namespace"], dataset["name"]


def _moment(time: str) -> datetime:
    # Python 3.10 does not read the Z.
    return datetime.fromisoformat(time.replace("Z", "+00:00"))
