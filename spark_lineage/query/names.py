"""Names that people type -> datasets and columns.

A table is meant by its full name, any alias, or any ending of these that begins after a dot or a slash, as
long as only one dataset has it. In `table.column` the longest table wins; backticks quote dots.

Letters match in either case where Spark takes them so, in aliases and columns and not in paths; what matches as it is
written wins.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from spark_lineage.errors import NameLookupError
from spark_lineage.model import CATALOG_NAMESPACE, Dataset

__all__ = [
    "DEFAULT_CATALOG",
    "resolve_column",
    "resolve_table",
    "short_alias",
    "short_id",
]

_PART = re.compile(r"(?:`(?:[^`]|``)*`|[^.`])+|")
_CLOSE_MATCHES = 3
_BY_NAME_ALONE = f"{CATALOG_NAMESPACE}:"


DEFAULT_CATALOG = "spark_catalog."
"""What people leave out of a table's name."""


def short_alias(aliases: Iterable[str], default: str = "") -> str:
    """The alias to show: the shortest of the default catalog, without it, else the shortest; of several the first by name; `default` where there is none.

    >>> short_alias(["spark_catalog.shop.orders", "hive.old.o"]), short_alias(["hive.old.o"]), short_alias([], "/w/orders")
    ('shop.orders', 'hive.old.o', '/w/orders')
    """
    names = list(aliases)
    known = [name.removeprefix(DEFAULT_CATALOG) for name in names if name.startswith(DEFAULT_CATALOG)]
    return min(known or names, key=lambda name: (len(name), name), default=default)


def short_id(run_id: str) -> str:
    """A run's id, short enough to be typed: `spark-lineage run` takes it as long as one run alone fits.

    >>> short_id("8c0e1a2b-77aa-4b1c-9d2e-0a1b2c3d4e5f:7")
    '8c0e1a2b:7'
    """
    beginning, colon, number = run_id.partition(":")
    return beginning[:8] + colon + number


def resolve_table(text: str, datasets: Collection[Dataset]) -> Dataset:
    """The dataset that `text` means.

    Raises `NameLookupError`: unknown (candidates are close matches) or ambiguous (candidates are what it may mean).

    >>> resolve_table("db.orders", [Dataset("file", "/w/orders", ("spark_catalog.db.orders",))]).name
    '/w/orders'
    """
    name = _unquoted(text)
    found = _meant(name, datasets) or _meant_in_any_case(name, datasets)
    if not found:
        raise _unknown_table(text, [text], datasets)
    return _only(text, found, datasets)


def resolve_column(
    text: str, datasets: Collection[Dataset], fields_of: Callable[[Dataset], Collection[str]]
) -> tuple[Dataset, str | None]:
    """The dataset and field that `text` means; the field is None where `text` is a table.

    A field within a known column (`info.addr.zip` where `info` is known) is accepted. The field is spelled as the
    table spells it. Raises `NameLookupError`.
    """
    parts = _parts(text)
    for table, field in _divisions(parts):
        found = _meant(_unquoted(table), datasets)
        if found:
            dataset = _only(table, found, datasets)
            if field is None or _spellings(field, fields_of(dataset), _as_written):
                return dataset, field
            break
    for table, field in _divisions(parts):
        name = _unquoted(table)
        found = _meant(name, datasets) or _meant_in_any_case(name, datasets)
        if found:
            dataset = _only(table, found, datasets)
            return dataset, None if field is None else _known_field(table, field, fields_of(dataset))
    unknown = _unknown_table(text, [text, ".".join(parts[:-1])], datasets)
    owners = sorted(_shortest(each) for each in datasets if text in fields_of(each))
    if not owners:
        raise unknown
    columns = tuple(f"{owner}.{text}" for owner in owners[:_CLOSE_MATCHES])
    raise NameLookupError(
        f'There is no table "{text}" in the store, but a column: ask for {" or ".join(columns)}.', columns
    )


def _divisions(parts: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """The ways to read `table.field`, the longest table first; the field is unquoted, None where there is none."""
    for length in range(len(parts), 0, -1):
        yield ".".join(parts[:length]), _unquoted(".".join(parts[length:])) or None


def _parts(text: str) -> list[str]:
    """The text split at the dots that stand outside of backticks.

    >>> _parts("`my.table`.total")
    ['`my.table`', 'total']
    """
    return [part for part in _PART.findall(text) if part]


def _unquoted(text: str) -> str:
    """The text without the backticks that quote; a doubled one within stands for itself."""
    if "`" not in text:
        return text.strip()
    return re.sub(r"`((?:[^`]|``)*)`", lambda match: match[1].replace("``", "`"), text).strip()


def _meant(text: str, datasets: Iterable[Dataset]) -> list[Dataset]:
    """The datasets with this very name or alias; where none has it, those with a name that ends in it."""
    return _named(text.rstrip("/"), ((dataset, _names(dataset)) for dataset in datasets), _as_written)


def _meant_in_any_case(text: str, datasets: Iterable[Dataset]) -> list[Dataset]:
    """The same by aliases alone, whatever the case."""
    return _named(text, ((dataset, dataset.aliases) for dataset in datasets), str.lower)


def _named(
    text: str, candidates: Iterable[tuple[Dataset, Iterable[str]]], fold: Callable[[str], str]
) -> list[Dataset]:
    if not text:
        return []
    wanted = fold(text)
    endings = ("." + wanted, "/" + wanted)
    exact, ending = [], []
    for dataset, given in candidates:
        names = [fold(_unquoted(name).rstrip("/")) for name in given]
        if wanted in names:
            exact.append(dataset)
        elif any(name.endswith(endings) for name in names if not name.startswith(_BY_NAME_ALONE)):
            ending.append(dataset)
    return exact or ending


def _as_written(text: str) -> str:
    return text


def _names(dataset: Dataset) -> tuple[str, ...]:
    """What only a catalog knows goes by its aliases, of which its name is one unless it stands back for a table with a place."""
    own = () if dataset.namespace == CATALOG_NAMESPACE else (dataset.name,)
    return (_full_name(dataset), *own, *dataset.aliases)


def _full_name(dataset: Dataset) -> str:
    if "://" in dataset.namespace:
        return f"{dataset.namespace.rstrip('/')}/{dataset.name.lstrip('/')}"
    return f"{dataset.namespace}:{dataset.name}"


def _shortest(dataset: Dataset) -> str:
    return min(dataset.aliases, key=len, default=_full_name(dataset))


def _only(text: str, found: Sequence[Dataset], datasets: Iterable[Dataset]) -> Dataset:
    if len(found) == 1:
        return found[0]
    owners: dict[str, int] = {}
    for dataset in datasets:
        for alias in dataset.aliases:
            owners[alias] = owners.get(alias, 0) + 1
    candidates = tuple(
        sorted(
            next((alias for alias in dataset.aliases if owners[alias] == 1), _full_name(dataset))
            for dataset in found
        )
    )
    raise NameLookupError(
        f'The name "{text}" is ambiguous: write more of it, so that it means one of {", ".join(candidates)}.',
        candidates,
    )


def _unknown_table(text: str, texts: Iterable[str], datasets: Iterable[Dataset]) -> NameLookupError:
    names = {name for dataset in datasets for name in (dataset.name, *dataset.aliases)}
    endings = {re.split(r"[./]", _unquoted(name).rstrip("/"))[-1] for name in names}
    candidates = _close(texts, names | endings)
    if not names:
        message = f'There is no table "{text}": the store is empty, nothing has run with lineage on.'
        return NameLookupError(message)
    remedy = (
        f"did you mean {' or '.join(candidates)}?"
        if candidates
        else "`spark-lineage tables` lists all of them."
    )
    return NameLookupError(f'There is no table "{text}" in the store: {remedy}', candidates)


def _known_field(table: str, field: str, fields: Collection[str]) -> str:
    """The field as the table spells it."""
    if _spellings(field, fields, _as_written):
        return field
    spellings = tuple(sorted(_spellings(field, fields, str.lower)))
    if len(spellings) == 1:
        return spellings[0]
    if spellings:
        raise NameLookupError(
            f'The column "{field}" of the table "{table}" is ambiguous: write it as one of {", ".join(spellings)}.',
            spellings,
        )
    candidates = _close([field], fields)
    if candidates:
        remedy = f"did you mean {' or '.join(candidates)}?"
    elif fields:
        remedy = f"`spark-lineage table {table}` lists its columns."
    else:
        remedy = "its columns are not known; ask for the table."
    raise NameLookupError(f'The table "{table}" has no column "{field}": {remedy}', candidates)


def _spellings(field: str, fields: Iterable[str], fold: Callable[[str], str]) -> set[str]:
    """How a table spells a field that it has, that holds one of its fields, or that lies within one of them.

    >>> _spellings("INFO.Zip", ["info"], str.lower)
    {'info.Zip'}
    """
    given = field.split(".")
    wanted = [fold(part) for part in given]
    found: dict[int, set[str]] = {}
    for known in fields:
        parts = known.split(".")[: len(given)]
        if [fold(part) for part in parts] == wanted[: len(parts)]:
            found.setdefault(len(parts), set()).add(".".join(parts + given[len(parts) :]))
    # What more of the name is known of says more about its spelling.
    return found[max(found)] if found else set()


def _close(texts: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    by_lower = {name.lower(): name for name in sorted(names, reverse=True) if name}
    close: set[str] = set()
    for text in texts:
        close.update(difflib.get_close_matches(text.lower(), by_lower, _CLOSE_MATCHES))
    return tuple(sorted(by_lower[name] for name in close))
