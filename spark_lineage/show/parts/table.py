"""What text and HTML share on a table's answer: how its sources are grouped."""

from __future__ import annotations

from collections.abc import Iterator

from spark_lineage.model import EdgeType, Subtype
from spark_lineage.show.words import ROW_SET_ORDER, Json, Labels, repeats

_NOT_SHOWN = frozenset({"plan", "transformations"})
"""What tells apart sources that look alike: which plan says them, and by which functions."""


def sources_of(answer: Json) -> Iterator[Json]:
    """Every source of a table's answer: of its columns, then of its rows."""
    for column in answer["columns"]:
        for each in (column, *column.get("fields", ())):
            yield from each["sources"]
    yield from answer["rows"]


def is_answered(answer: Json) -> bool:
    """Whether it is said of a table how sure its sources are: not where no write has succeeded; of one that has, the plan may be lost."""
    last = answer.get("last_run")
    return bool(answer["plans"]) or not answer["runs"] or bool(last and last["state"] == "COMPLETE")


def without_sources(column: Json) -> str:
    """What is said of a column or field that has no sources; a field is as sure as the plan that wrote it."""
    return "no source column" if column.get("certainty", "exact") == "exact" else "not known"


def by_expression(column: Json) -> list[tuple[str, list[Json]]]:
    """(expression, sources) of a column or field; the expression is empty where it only repeats a source's name.

    What several plans say alike is said once.
    """
    groups: dict[str, dict[str, Json]] = {}
    for source in column["sources"]:
        shown = {name: value for name, value in source.items() if name not in _NOT_SHOWN}
        groups.setdefault(_told(source), {}).setdefault(repr(shown), source)
    return [(expression, list(sources.values())) for expression, sources in groups.items()]


def row_groups(answer: Json, labels: Labels) -> list[tuple[str, str, list[str]]]:
    """(subtype, expression, columns) of what decides the rows, in the order of `ROW_SET_ORDER`.

    The expression is empty where it only repeats the columns' names.
    """
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for source in sorted(answer["rows"], key=lambda source: ROW_SET_ORDER.index(source["subtype"])):
        group = groups.setdefault((source["subtype"], _told(source)), {})
        group[labels.column(source)] = None
    return [(subtype, expression, list(columns)) for (subtype, expression), columns in groups.items()]


def is_made_of(subtype: str) -> bool:
    """Whether a kind says what a table as a whole is made of; the others decide which rows there are."""
    return Subtype(subtype).type is EdgeType.DIRECT


def _told(source: Json) -> str:
    expression: str = source["expression"]
    return "" if repeats(expression, source["field"]) else expression
