"""What text and HTML share on a table's data at two versions."""

from __future__ import annotations

from spark_lineage.show.words import Json, clean, count_word, time_word

FIGURES = (("null_share", "NULL"), ("minimum", "smallest"), ("maximum", "largest"))
"""The figures of a column, and what people call them."""


def data_head(answer: Json) -> list[str]:
    """The two versions, and how many columns are the same."""
    lines = [f"{when}: version {_version(answer[when])}" for when in ("before", "after")]
    same = len(answer["columns"]) - len(shown_columns(answer))
    if same:
        lines.append(f"{count_word(same, 'column')} with the same figures")
    return lines


def shown_columns(answer: Json) -> list[Json]:
    """The columns that differ."""
    return [column for column in answer["columns"] if column["change"] != "same"]


def figure(facts: Json | None, name: str) -> str:
    """A figure as people read it; a dash where the column was not there."""
    if facts is None:
        return "-"
    value = facts[name]
    if value is None:
        return "not known"
    return f"{value:.1%}" if name == "null_share" else clean(value)


def _version(version: Json) -> str:
    rows = "rows not known" if version["rows"] is None else count_word(version["rows"], "row")
    return f"{version['version']}, {time_word(version['at'])}, {rows}"
