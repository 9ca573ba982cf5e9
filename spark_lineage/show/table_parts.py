"""What text and HTML share on a table's answer: how its sources are grouped."""

from __future__ import annotations

from collections.abc import Iterator

from spark_lineage.show.words import Json, Labels


def sources_of(answer: Json) -> Iterator[Json]:
    """Every source of a table's answer: of its columns, then of its rows."""
    for column in answer["columns"]:
        yield from column["sources"]
    yield from answer["rows"]


def by_expression(column: Json) -> list[tuple[str, list[Json]]]:
    """(expression, sources) of a column; empty where it is no more than the name of its only source."""
    groups: dict[str, list[Json]] = {}
    for source in column["sources"]:
        groups.setdefault(source["expression"], []).append(source)
    return [
        ("" if _plain(expression, sources) else expression, sources) for expression, sources in groups.items()
    ]


def row_groups(answer: Json, labels: Labels) -> list[tuple[str, str, list[str]]]:
    """(subtype, expression, columns) of what decides the rows; empty where it only repeats its one column."""
    groups: dict[tuple[str, str], list[Json]] = {}
    for source in answer["rows"]:
        groups.setdefault((source["subtype"], source["expression"]), []).append(source)
    return [
        (subtype, "" if _plain(expression, sources) else expression, _names(sources, labels))
        for (subtype, expression), sources in groups.items()
    ]


def _names(sources: list[Json], labels: Labels) -> list[str]:
    return list(dict.fromkeys(labels.column(source) for source in sources))


def _plain(expression: str, sources: list[Json]) -> bool:
    return len(sources) == 1 and expression == sources[0].get("field")
