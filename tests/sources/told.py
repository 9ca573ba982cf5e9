"""A whole answer as short lines that a person can write down."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def told(answer: Json) -> list[str]:
    """Certainty, columns with their sources, what decides the rows, codes of problems; datasets by `short_name`."""
    lines = [] if answer["certainty"] == "exact" else [answer["certainty"]]
    for column in answer["columns"]:
        sources = sorted({source_line(each) for each in column["sources"]})
        lines.append(" ".join([f"{column['name']}:", ", ".join(sources)]).strip())
    rows = sorted({source_line(each) for each in answer["rows"]})
    lines += [f"rows: {', '.join(rows)}"] if rows else []
    return lines + sorted({f"problem: {each['code']}" for each in answer["problems"]})


def source_line(source: Json) -> str:
    """`t.a IDENTITY`, with ` @3` after the column where a version was asked for."""
    version = f" @{source['version']}" if source.get("version") else ""
    return f"{short_name(source)}.{source['field'] or '*'}{version} {source['subtype']}"


def short_name(dataset: Json) -> str:
    """The last part of a dataset's name."""
    return str(dataset["name"]).rpartition("/")[2]
