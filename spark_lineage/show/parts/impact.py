"""What text and HTML share on impacts and outages."""

from __future__ import annotations

from collections.abc import Iterator

from spark_lineage.show.words import Json, Labels, clean, count_word, kind_word, time_word

__all__ = [
    "OUTCOMES",
    "head_line",
    "how_words",
    "impact_labels",
    "loss_lines",
    "outage_head",
    "outage_labels",
    "reached_lines",
    "uses_line",
]

OUTCOMES = {
    "lost": "loses all",
    "some_columns": "loses columns",
    "some_rows": "loses rows",
    "incomplete": "is incomplete",
}
"""What each outcome of an outage means, in words."""

_DRIVER = "driver"
_SURENESS = {"opaque": "opaque: how is not known", "over_approximate": "perhaps"}


def impact_labels(answer: Json) -> Labels:
    """Labels of all datasets of an impact."""
    return Labels([answer["start"], *answer["tables"], *answer["results"]])


def head_line(answer: Json) -> str:
    """How much is reached: what follows the name of the start."""
    tables, results = answer["tables"], len(answer["results"])
    if not tables and not results:
        return "has nothing that depends on it, as far as is known"
    columns = sum(len(table["columns"]) for table in tables)
    reached = (
        f"{count_word(len(tables), 'table')} and {count_word(columns, 'column')}" if tables else "no table"
    )
    went = "went to a program" if results == 1 else "went to programs"
    return f"reaches {reached}" + (f"; {count_word(results, 'result')} {went}" if results else "")


def how_words(table: Json) -> list[str]:
    """By what bond a table is reached, where that is worth a word, and how sure that is."""
    words = ["indirect"] if table["type"] == "INDIRECT" else []
    words += [_SURENESS[table["certainty"]]] if table["certainty"] in _SURENESS else []
    return words + ([f"gone by {clean(table['ended_by'])}"] if table["ended_by"] else [])


def reached_lines(table: Json) -> Iterator[str]:
    """What of a table is reached, and what hangs on it."""
    columns = [f"{each['name']} ({kind_word(each['subtype'] or 'its rows')})" for each in table["columns"]]
    if table["rows"]:
        columns.append("which rows there are")
    yield ", ".join(columns) or "read without a column"
    made = [
        count_word(table[key], noun)
        for key, noun in (("tables_on_it", "table"), ("results_on_it", "result"))
        if table[key]
    ]
    used = [
        count_word(table[key], noun) for key, noun in (("runs", "run"), ("usages", "usage")) if table[key]
    ]
    told = [f"{' and '.join(made)} made of it"] if made else []
    told += [f"read by {' and '.join(used)} lately"] if used else []
    if told:
        yield ", ".join(told)


def uses_line(answer: Json) -> str | None:
    """From when to when uses are counted; None where nothing is told of uses."""
    if not answer["tables"] or answer["since"] is None:
        return None
    return f"Lately is from {time_word(answer['since'])} to the newest run."


def outage_labels(answer: Json) -> Labels:
    """Labels of all datasets of an outage."""
    asked = [answer["asked"]] if answer["asked"] else []
    sources = [
        each for table in answer["tables"] for key in ("lost_sources", "left_sources") for each in table[key]
    ]
    return Labels([answer["without"], *asked, *answer["tables"], *sources])


def outage_head(answer: Json, labels: Labels) -> str:
    """What is gone, and how many tables lose something."""
    gone = labels.column(answer["without"])
    of = f", of {labels.of(answer['asked'])} and what is made of it," if answer["asked"] else ""
    if not answer["tables"]:
        return f"Without {gone}{of} nothing is lost."
    tables = [table for table in answer["tables"] if table["namespace"] != _DRIVER]
    results = len(answer["tables"]) - len(tables)
    losing = [count_word(len(tables), "table")] if tables else []
    losing += [f"{count_word(results, 'result')} of programs"] if results else []
    lose = "loses" if len(answer["tables"]) == 1 else "lose"
    return f"Without {gone}{of} {' and '.join(losing)} {lose} something."


def loss_lines(table: Json, labels: Labels) -> Iterator[str]:
    """What a table loses, by which sources, and what it still gets data from."""
    if table["lost_columns"]:
        yield f"no {', '.join(table['lost_columns'])}"
    if table["incomplete_columns"]:
        yield f"a part is missing of {', '.join(table['incomplete_columns'])}"
    if table["lost_sources"]:
        yield f"through {', '.join(map(labels.of, table['lost_sources']))}"
    if table["left_sources"]:
        yield f"still gets data from {', '.join(map(labels.of, table['left_sources']))}"
