"""What text and HTML share on runs, tables and searches: the order of things and the words for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from spark_lineage.model import DRIVER_NAMESPACE
from spark_lineage.show.parts.trees import Line, tree_lines
from spark_lineage.show.words import Json, Labels, count_word, elapsed_ms

_Key = tuple[str, str]


TableLine: TypeAlias = Line[Json, None]
"""A line of the tree of tables; its node is the table."""


def table_tree(answer: Json, labels: Labels) -> Iterator[TableLine]:
    """Walk the tables, the last ones of each pipeline first, each followed by those that it is made of.

    Beside each other they are in the order of their labels. Every table comes at least once. Results that went to a program are no tables and are left out.
    """
    shown = [table for table in answer["tables"] if table["namespace"] != DRIVER_NAMESPACE]
    tables = {_key(table): table for table in sorted(shown, key=labels.of)}
    sources: dict[_Key, set[_Key]] = {}
    for edge in answer["edges"]:
        source, target = _key(edge["source"]), _key(edge["target"])
        if source != target and source in tables and target in tables:
            sources.setdefault(target, set()).add(source)
    used = set().union(*sources.values())
    place = {key: index for index, key in enumerate(tables)}
    branches = {
        target: [(None, key) for key in sorted(keys, key=place.__getitem__)]
        for target, keys in sources.items()
    }
    roots = [*(key for key in tables if key not in used), *tables]
    for line in tree_lines(roots, lambda key: branches.get(key, [])):
        yield Line(line.depth, tables[line.node], None, line.elsewhere)


def program_results(answer: Json) -> int:
    """How many results went to a program instead of a table: `collect`, `count` and their like."""
    return sum(table["namespace"] == DRIVER_NAMESPACE for table in answer["tables"])


def table_notes(table: Json) -> tuple[str, ...]:
    """What is said behind a table's name: columns, runs, the rows of the last one."""
    last = table["last_run"]
    notes = [count_word(len(table["columns"]), "column")] if table["columns"] else []
    notes.append("a source" if last is None else count_word(table["runs"], "run"))
    if last is not None and last["rows"] is not None:
        notes.append(("last " if table["runs"] > 1 else "") + count_word(last["rows"], "row"))
    return tuple(notes)


def run_title(run: Json, labels: Labels) -> str:
    """What a run is about: its target, else its application."""
    return (
        labels.of(run["target"]) if run["target"] else run["application"]["name"] or run["application"]["id"]
    )


def run_notes(run: Json) -> tuple[str, ...]:
    """What is said below a run's title: operation, rows, duration, application."""
    notes = [run["operation"] if run["target"] else run["kind"]]
    if run["rows"] is not None:
        notes.append(count_word(run["rows"], "row"))
    took = elapsed_ms(run)
    if took is not None:
        notes.append(f"{took / 1_000:.1f} s" if took >= 0 else "the clock went back while it ran")
    if run["decided_by"]:
        notes.append(decided_word(run["decided_by"]))
    if run["target"] and run["application"]["name"]:
        notes.append(run["application"]["name"])
    return tuple(notes)


def decided_word(decided_by: str) -> str:
    """How the state is known of a run whose end was not recorded."""
    words = {"log": "known from its table's log", "application_end": "its application ended while it ran"}
    return words.get(decided_by, decided_by)


def error_word(error: Json, codes: Sequence[str] = ()) -> str:
    """What an error says and, behind it, its short class name and what else it is known by (`codes`).

    >>> error_word({"class": "org.x.JobError", "message": "Job aborted."}), error_word({"class": "JobError", "message": None}, ["E1"])
    ('Job aborted. (JobError)', 'JobError (E1)')
    """
    if not error["class"]:
        return str(error["message"])
    name = error["class"].rpartition(".")[2]
    words = [error["message"], ", ".join([name, *codes])] if error["message"] else [name, ", ".join(codes)]
    return f"{words[0]} ({words[1]})" if words[1] else str(words[0])


def _key(dataset: Json) -> _Key:
    return dataset["namespace"], dataset["name"]
