"""The words that people are shown: short names of datasets, plain words for kinds and certainty.

All renderings read the JSON of an answer (`to_dict()`): what is drawn is what a program gets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from spark_lineage.query.names import DEFAULT_CATALOG, short_alias

Json: TypeAlias = Mapping[str, Any]
"""A JSON object: an answer or a part of one."""

ROW_SET_ORDER = ("IDENTITY", "TRANSFORMATION", "AGGREGATION", "JOIN", "FILTER", "GROUP_BY", "SORT")
"""What a table as a whole is made of, and what decides which rows there are, in the order in which it happens."""

NOT_FOLLOWED = "These columns are not followed here: ask for their own upstream."
"""Said below the columns that only decide which rows there are."""

READ_WITHOUT_COLUMN = "read_without_column"
"""Code of the problem that a walk ends where a table is read and no column of it is named."""

CERTAINTIES = {
    "exact": "exact",
    "over_approximate": "a superset: some of these sources may not matter",
    "opaque": "opaque: it may have sources that are not known",
}
"""What each certainty means, in words."""


def clean(text: object) -> str:
    r"""Make `text` safe for a terminal: what cannot be printed (escapes, controls) is spelled out.

    >>> clean("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )


def kind_word(subtype: str) -> str:
    """The subtype as people read it.

    >>> kind_word("GROUP_BY")
    'group by'
    """
    return subtype.replace("_", " ").lower()


def kinds_word(subtypes: Iterable[str]) -> str:
    """Several subtypes as people read them.

    >>> kinds_word(["IDENTITY", "GROUP_BY"])
    'identity, group by'
    """
    return ", ".join(map(kind_word, subtypes))


def time_word(time: str | None) -> str:
    """An ISO 8601 time without its `T` and its milliseconds; `unknown` for None.

    >>> time_word("2026-11-20T03:04:05.678Z")
    '2026-11-20 03:04:05 UTC'
    """
    return "unknown" if time is None else f"{time[:10]} {time[11:19]} UTC"


def count_word(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun.

    >>> count_word(1, "run"), count_word(1200, "query", "queries")
    ('1 run', '1,200 queries')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def duration_word(milliseconds: int) -> str:
    """A duration in the units that tell it best, two at most.

    >>> duration_word(340), duration_word(12_345), duration_word(200_000), duration_word(7_500_000), duration_word(90_000_000)
    ('340 ms', '12.3 s', '3 min 20 s', '2 h 5 min', '1 d 1 h')
    """
    if abs(milliseconds) < 1_000:
        return f"{milliseconds} ms"
    if abs(milliseconds) < 59_950:
        return f"{milliseconds / 1_000:.1f} s"
    sign = "-" if milliseconds < 0 else ""
    rest = round(abs(milliseconds) / 1_000)
    parts = []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        parts.append((count, unit))
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return sign + " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def elapsed_ms(item: Json) -> int | None:
    """Milliseconds from `started_at` to `ended_at`, below 0 where the clock went back; None where one is not known."""
    if not item["started_at"] or not item["ended_at"]:
        return None
    return round((_moment(item["ended_at"]) - _moment(item["started_at"])).total_seconds() * 1_000)


def size_word(size_bytes: int) -> str:
    """A size with a binary unit, as Spark's own pages show it.

    >>> size_word(900), size_word(1_258_291), size_word(3 << 30)
    ('900 B', '1.2 MiB', '3.0 GiB')
    """
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1023.95:
            return f"{size_bytes} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} PiB"


def state_word(state: str) -> str:
    """A run's state as people read it.

    >>> state_word("COMPLETE_WITH_FAILURES")
    'with failures'
    """
    return clean("with failures" if state == "COMPLETE_WITH_FAILURES" else state.lower())


def sentence(text: str) -> str:
    """`text` as a whole sentence, fit for people.

    >>> sentence("please report it"), sentence("docs/settings.md lists them")
    ('Please report it.', 'docs/settings.md lists them.')
    """
    cleaned = clean(text)
    first = cleaned.partition(" ")[0]
    if not any(
        mark in first for mark in "/._"
    ):  # the name of a file, table or setting stays as it is written
        cleaned = cleaned[:1].upper() + cleaned[1:]
    return cleaned + ("" if cleaned.endswith((".", "!", "?", ":")) else ".")


def repeats(expression: str, field: str | None) -> bool:
    """Whether an expression says no more than the name of the column it comes from, qualified or not.

    >>> repeats("orders.amount", "amount"), repeats("(price * orders.amount)", "amount")
    (True, False)
    """
    if field is None or not expression:
        return not expression
    rest = expression.removesuffix(field)
    return rest != expression and (not rest or (rest.endswith(".") and not set(rest) & set(" (")))


def view_word(name: str) -> str:
    """A view's name without the default catalog."""
    return clean(name.removeprefix(DEFAULT_CATALOG))


class Labels:
    """Short names for the datasets of one answer, each one of them unambiguous within it.

    A dataset is shown by its alias without the default catalog, else by the shortest ending of its name
    with at least two parts that no other dataset of the answer has: a name that commands take again.
    """

    def __init__(self, datasets: Iterable[Json]) -> None:
        known = {(dataset["namespace"], dataset["name"]): dataset for dataset in datasets}
        aliases = {key: short_alias(map(str, dataset.get("aliases") or ())) for key, dataset in known.items()}
        uses = Counter(aliases.values())
        endings = Counter(ending for _, name in known for ending in _endings(name))
        self._aliased = {key for key, alias in aliases.items() if alias and uses[alias] == 1}
        self._labels = {
            key: clean(aliases[key] if key in self._aliased else _shortest(key[1], endings)) for key in known
        }

    def of(self, dataset: Json) -> str:
        """The label of a dataset, or of the dataset of a column."""
        return self._labels[dataset["namespace"], dataset["name"]]

    def column(self, node: Json) -> str:
        """`table.field`, `table@3.field` where version 3 was read; the table alone where the field is None: its column is not known."""
        field, version = node.get("field"), node.get("version")
        table = self.of(node) if version is None else f"{self.of(node)}@{clean(version)}"
        return table if field is None else f"{table}.{clean(field)}"

    def unnamed(self) -> list[tuple[str, str]]:
        """(label, full name) of every dataset that has no alias and whose label is not its full name, sorted."""
        full = {key: clean(key[1]) for key in self._labels if key not in self._aliased}
        return sorted((self._labels[key], name) for key, name in full.items() if self._labels[key] != name)


def _moment(time: str) -> datetime:
    # Python 3.10 does not read the Z.
    return datetime.fromisoformat(time.replace("Z", "+00:00"))


def _endings(name: str) -> list[str]:
    """The endings of a path with two parts and more, the shortest first, without the whole of it."""
    parts = name.split("/")
    return ["/".join(parts[-length:]) for length in range(2, len(parts))]


def _shortest(name: str, endings: Counter[str]) -> str:
    return next((ending for ending in _endings(name) if ending and endings[ending] == 1), name)
