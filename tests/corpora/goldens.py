"""The notation of the golden files, and an answer of the product written in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib
from queries import HERE

FOLDERS = {"tpcds": "golden", "tpcds_v27": "golden_v27"}
"""Corpus -> the folder of its goldens."""
FILES = tuple(file for folder in FOLDERS.values() for file in sorted((HERE / folder).glob("*.toml")))


@dataclass(frozen=True)
class Lineage:
    """The lineage of one table: a source is `table.column SUBTYPE`; `columns` is in the table's order."""

    certainty: str
    rows: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]


def read_golden(file: Path) -> tuple[str, Lineage]:
    """The query's name, such as `tpcds/q3`, and its expected lineage.

    A golden that is `like` another one says what it has more or less: rows, columns, or all columns anew.
    """
    golden = tomllib.loads(file.read_text(encoding="utf-8"))
    columns = {name: tuple(sources) for name, sources in golden.get("columns", {}).items()}
    if "like" not in golden:
        return golden["query"], Lineage(golden["certainty"], tuple(golden["rows"]), columns)
    corpus, _, stem = golden["like"].partition("/")
    _, other = read_golden(HERE / FOLDERS[corpus] / f"{stem}.toml")
    less = golden.get("columns_less", ())
    kept = {name: sources for name, sources in other.columns.items() if name not in less}
    rows = tuple(sorted((*other.rows, *golden.get("rows_more", ()))))
    return golden["query"], Lineage(other.certainty, rows, columns or kept)


def name_of(file: Path) -> str:
    """The query that a file's place stands for: `tpcds/q3`."""
    corpus = next(name for name, folder in FOLDERS.items() if folder == file.parent.name)
    return f"{corpus}/{file.stem}"


def from_answer(answer: dict[str, Any]) -> Lineage:
    """The JSON of `lineage.table(...)` in the goldens' notation; a source that is repeated stays repeated."""
    columns = {column["name"]: _sources(column["sources"]) for column in answer["columns"]}
    return Lineage(answer["certainty"], _sources(answer["rows"]), columns)


def differences(expected: Lineage, actual: Lineage) -> list[str]:
    """What is missing from and what is too much in `actual`, a line each; empty where they are equal."""
    lines = []
    if expected.certainty != actual.certainty:
        lines.append(f"certainty: expected {expected.certainty}, got {actual.certainty}")
    if list(expected.columns) != list(actual.columns):
        lines.append(f"columns: expected {list(expected.columns)}, got {list(actual.columns)}")
    lines += _source_differences("rows", expected.rows, actual.rows)
    for name in expected.columns.keys() & actual.columns.keys():
        lines += _source_differences(name, expected.columns[name], actual.columns[name])
    return sorted(lines)


def _sources(sources: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(f"{_table(source)}.{source['field']} {source['subtype']}" for source in sources))


def _table(source: dict[str, Any]) -> str:
    """The last part of the table's alias, or of its path where it has none."""
    aliases = source.get("aliases") or ()
    return aliases[0].rpartition(".")[2] if aliases else source["name"].rpartition("/")[2]


def _source_differences(place: str, expected: tuple[str, ...], actual: tuple[str, ...]) -> list[str]:
    missing = [f"{place}: missing {source}" for source in sorted(set(expected) - set(actual))]
    surplus = [f"{place}: surplus {source}" for source in sorted(set(actual) - set(expected))]
    repeated = [f"{place}: repeated {source}" for source in sorted(set(actual)) if actual.count(source) > 1]
    return missing + surplus + repeated
