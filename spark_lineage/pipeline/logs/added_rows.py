"""What a commit added to a Delta table, by the statistics that its own entry has of each file (PROTOCOL.md, "Per-file Statistics").

No file but the entry is read. A bound of a text may lie outside of the values, since Delta keeps but its beginning; so texts have none here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

__all__ = ["AddedColumn", "AddedRows", "added_rows"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?")


@dataclass(frozen=True, slots=True)
class AddedColumn:
    """A column of the files that a commit added: its NULLs and bounds, None where a file does not say them.

    Bounds are numbers; where `is_time`, of dates and timestamps, seconds since 1970 UTC.
    """

    nulls: int | None
    minimum: float | None
    maximum: float | None
    is_time: bool = False


@dataclass(frozen=True, slots=True)
class AddedRows:
    """The rows that a commit added, and its columns; fields of structs by path."""

    rows: int
    columns: Mapping[str, AddedColumn]


def added_rows(entry: bytes) -> AddedRows | None:
    r"""What a commit's whole entry says; None where it added nothing, or a file of it has no statistics.

    >>> added_rows(b'{"add":{"stats":"{\\"numRecords\\":3,\\"minValues\\":{\\"a\\":1},\\"maxValues\\":{\\"a\\":5},\\"nullCount\\":{\\"a\\":0}}"}}')
    AddedRows(rows=3, columns={'a': AddedColumn(nulls=0, minimum=1, maximum=5, is_time=False)})
    """
    files: list[tuple[int, Mapping[str, AddedColumn]]] = []
    for line in entry.split(b"\n"):
        if not line.startswith(b'{"add"'):
            continue
        try:
            found = _file(json.loads(json.loads(line)["add"]["stats"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        if found is None:
            return None
        files.append(found)
    rows = sum(count for count, _ in files)
    names = dict.fromkeys(name for _, columns in files for name in columns)
    return AddedRows(rows, {name: _merged(name, files) for name in names}) if rows else None


def _file(statistics: Mapping[str, Any]) -> tuple[int, Mapping[str, AddedColumn]] | None:
    rows = statistics.get("numRecords")
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 0:
        return None
    lowest, highest, nulls = (
        dict(_leaves(statistics.get(name))) for name in ("minValues", "maxValues", "nullCount")
    )
    columns = {}
    for name in dict.fromkeys([*nulls, *lowest, *highest]):
        count = nulls.get(name)
        low, high = _number(lowest.get(name)), _number(highest.get(name))
        columns[name] = AddedColumn(
            count if isinstance(count, int) and 0 <= count <= rows else None,
            low[0] if low else None,
            high[0] if high else None,
            bool(low and low[1]),
        )
    return rows, columns


def _merged(name: str, files: list[tuple[int, Mapping[str, AddedColumn]]]) -> AddedColumn:
    """The column over all files; a bound is known where each file that has values says its own."""
    parts = [(rows, columns.get(name)) for rows, columns in files if rows]
    nulls = [None if column is None else column.nulls for _, column in parts]
    known = [each for each in nulls if each is not None]
    filled = [column for rows, column in parts if column is None or column.nulls != rows]
    low = [column.minimum for column in filled if column is not None and column.minimum is not None]
    high = [column.maximum for column in filled if column is not None and column.maximum is not None]
    return AddedColumn(
        sum(known) if len(known) == len(parts) else None,
        min(low) if low and len(low) == len(filled) else None,
        max(high) if high and len(high) == len(filled) else None,
        any(column is not None and column.is_time for column in filled),
    )


def _leaves(values: Any) -> Iterator[tuple[str, Any]]:
    """The values by path."""
    stack = [("", values)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((f"{path}.{name}" if path else str(name), each) for name, each in value.items())
        elif path:
            yield path, value


def _number(value: Any) -> tuple[float, bool] | None:
    """A bound as a number, and whether it is a time; None for texts and what is not finite."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return (value, False) if math.isfinite(value) else None
    if not isinstance(value, str) or not (_DAY.fullmatch(value) or _MOMENT.fullmatch(value)):
        return None
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp(), True
