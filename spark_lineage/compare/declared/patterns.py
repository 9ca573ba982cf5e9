"""Globs over the names of tables and columns: `*.ssn`, `public.*`, `shop.orders.amount`.

`*` is any text (dots too), `?` one character, `[ab]` one of these. A table is named by its full name, any alias, or any ending of
these that begins after a dot or a slash, as in commands; a column by any of these, a dot and its path. Letters match in
either case: a rule that forbids something must not be passed by a spelling.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from spark_lineage.model import Dataset
from spark_lineage.query.names import short_alias

__all__ = [
    "column_matches",
    "escaped",
    "full_name",
    "names_of",
    "nested_fields",
    "short_name",
    "table_matches",
]

_TYPE_WORD = re.compile(r"[<>,]|[^<>,]+")


def table_matches(pattern: str, dataset: Dataset) -> bool:
    """Whether a glob names the table.

    >>> table_matches("public.*", Dataset("file", "/w/p", ("spark_catalog.public.people",)))
    True
    """
    matches = _compiled(pattern)
    return any(matches(name) for name in names_of(dataset))


def column_matches(pattern: str, dataset: Dataset, field: str) -> bool:
    """Whether a glob names the column (or the field within one, by its path).

    >>> people = Dataset("file", "/w/people", ("spark_catalog.hr.people",))
    >>> column_matches("*.SSN", people, "info.ssn"), column_matches("hr.people.ssn", people, "name")
    (True, False)
    """
    matches = _compiled(pattern)
    folded = _folded(field)
    return any(matches(f"{name}.{folded}") for name in names_of(dataset))


def escaped(name: str) -> str:
    """The glob that means this very name.

    >>> escaped("t[1]")
    't[[]1]'
    """
    return re.sub(r"([*?[])", r"[\1]", name)


def full_name(dataset: Dataset) -> str:
    """Namespace and name as one text, as commands take it."""
    if "://" in dataset.namespace:
        return f"{dataset.namespace.rstrip('/')}/{dataset.name.lstrip('/')}"
    return f"{dataset.namespace}:{dataset.name}"


def short_name(dataset: Dataset) -> str:
    """The name to show: the shortest alias without the default catalog, else the full name."""
    return short_alias(dataset.aliases, full_name(dataset))


def nested_fields(column: str, simple_type: str) -> Iterator[str]:
    """The paths of the fields within a column, from Spark's `simpleString` of its type; those of an array are its elements'.

    >>> list(nested_fields("info", "struct<name:string,addr:struct<zip:int>>"))
    ['info.name', 'info.addr', 'info.addr.zip']
    """
    path: list[str | None] = [column]
    for word in _TYPE_WORD.findall(simple_type):
        if word == "<":
            path.append(None)
        elif word in {">", ","}:
            path.pop()
            if word == ",":
                path.append(None)
        elif ":" in word:
            path[-1] = word.partition(":")[0]
            yield ".".join(name for name in path if name)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Callable[[str], object]:
    return re.compile(fnmatch.translate(_folded(pattern))).match


def _folded(text: str) -> str:
    """A name or glob as it is compared: in one case, and without backticks, which quote in one and are part of the other."""
    return text.casefold().replace("`", "")


@lru_cache(maxsize=65_536)
def names_of(dataset: Dataset) -> tuple[str, ...]:
    """All that the table is called, folded: whole names first, then their endings."""
    whole = [full_name(dataset), dataset.name, *dataset.aliases]
    folded = [_folded(name).rstrip("/") for name in whole]
    endings = (name[match.end() :] for name in folded for match in re.finditer(r"[./]", name))
    return tuple(dict.fromkeys([*folded, *(ending for ending in endings if ending)]))
