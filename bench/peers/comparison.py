"""Two answers to one write, compared column by column, and the file that explains each difference.

A *unit* is one output column, or the row set of a write. Units are compared twice: by the direct sources alone (which
columns the value is made of) and by the kinds (all sources with their subtypes).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tomllib

ROWS = "(rows)"
DIRECT = frozenset({"IDENTITY", "TRANSFORMATION", "AGGREGATION"})
OUTCOMES = ("same", "ours only", "theirs only", "differs")

Sources = frozenset[str]


@dataclass(frozen=True)
class Lineage:
    """The lineage of one write: a source is `t.a IDENTITY`."""

    columns: Mapping[str, Sources]
    rows: Sources

    def unit(self, column: str) -> Sources:
        """The sources of one unit."""
        return self.rows if column == ROWS else self.columns.get(column, frozenset())


@dataclass(frozen=True)
class Compared:
    """One unit of one write in both answers; `truth` is None where nobody wrote it down."""

    write: str
    column: str
    ours: Sources
    theirs: Sources
    truth: Sources | None = None

    @property
    def kinds(self) -> str:
        """How the two compare, all kinds told apart."""
        return outcome(self.ours, self.theirs)

    @property
    def direct(self) -> str:
        """How the two compare by direct sources alone; a row set has none."""
        return outcome(direct_sources(self.ours), direct_sources(self.theirs))


@dataclass(frozen=True)
class Explanation:
    """Why two answers differ in one unit: what theirs lacks and adds, and the reason's name."""

    write: str
    column: str
    lacks: Sources
    adds: Sources
    reason: str


@dataclass(frozen=True)
class Reason:
    """A reason in words, and who is right by it: "ours", "theirs" or "both" where two conventions meet."""

    text: str
    right: str


def lineage(target: str, columns: Mapping[str, Iterable[str]], rows: Iterable[str]) -> Lineage:
    """A lineage in which a column that keeps its own old value has no source, as MERGE and UPDATE leave it.

    Some tools state such a column as its own source and others do not; neither is wrong.
    """
    return Lineage(
        {
            name: frozenset(source for source in sources if source != f"{target}.{name} IDENTITY")
            for name, sources in columns.items()
        },
        frozenset(rows),
    )


def direct_sources(sources: Sources) -> Sources:
    """The columns that a value is made of, without their kinds."""
    pairs = (source.rsplit(" ", 1) for source in sources)
    return frozenset(name for name, subtype in pairs if subtype in DIRECT)


def outcome(ours: Sources, theirs: Sources) -> str:
    """One of `OUTCOMES`.

    >>> outcome(frozenset({"t.a IDENTITY"}), frozenset())
    'ours only'
    """
    if ours == theirs:
        return "same"
    if not theirs:
        return "ours only"
    return "differs" if ours else "theirs only"


def compare(write: str, ours: Lineage, theirs: Lineage, truth: Lineage | None = None) -> list[Compared]:
    """All units of a write: its columns in our order, those that theirs alone has, and the row set."""
    names = [*ours.columns, *(name for name in theirs.columns if name not in ours.columns), ROWS]
    return [
        Compared(write, name, ours.unit(name), theirs.unit(name), truth.unit(name) if truth else None)
        for name in names
    ]


def is_right(answer: Lineage, truth: Lineage, aspect: str) -> bool:
    """Whether a whole write is right: "direct" sources, "kinds" of all columns' sources, or "rows" besides."""
    if aspect == "direct":
        return all(
            direct_sources(answer.unit(name)) == direct_sources(sources)
            for name, sources in truth.columns.items()
        )
    same = all(answer.unit(name) == sources for name, sources in truth.columns.items())
    return same and (aspect == "kinds" or answer.rows == truth.rows)


def count(units: Iterable[Compared], aspect: str) -> Counter[str]:
    """Outcome -> number of units; by direct sources the row sets are left out."""
    if aspect == "direct":
        return Counter(unit.direct for unit in units if unit.column != ROWS)
    return Counter(unit.kinds for unit in units)


def read_explanations(file: Path) -> tuple[dict[str, Reason], list[Explanation]]:
    """The reasons and the explained differences of a file."""
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    reasons = {name: Reason(raw["text"], raw["right"]) for name, raw in data.get("reason", {}).items()}
    explained = [
        Explanation(write, column, frozenset(raw.get("lacks", ())), frozenset(raw.get("adds", ())), raw["reason"])
        for write, columns in data.get("difference", {}).items()
        for column, raw in columns.items()
    ]  # fmt: skip
    return reasons, explained


def forgiven(theirs: Lineage, units: Iterable[Compared], both: Iterable[Explanation]) -> Lineage:
    """Their answer to one write, with ours in the units where two conventions meet and neither is wrong."""
    ours = {unit.column: unit.ours for unit in units}
    names = {(each.write, each.column) for each in both}
    equal = {unit.column for unit in units if (unit.write, unit.column) in names}
    columns = {name: ours[name] if name in equal else sources for name, sources in theirs.columns.items()}
    return Lineage(columns, ours[ROWS] if ROWS in equal else theirs.rows)


def check(
    units: Iterable[Compared], reasons: Mapping[str, Reason], explained: Iterable[Explanation]
) -> list[str]:
    """A sentence for each difference that is not explained as it is, and for each explanation of none.

    Explanations of writes that did not run are left alone.
    """
    units = list(units)
    writes = {unit.write for unit in units}
    known = {(each.write, each.column): each for each in explained if each.write in writes}
    complaints: list[str] = []
    for unit in units:
        found = known.pop((unit.write, unit.column), None)
        if unit.ours != unit.theirs:
            complaints += _complain(unit, found, reasons)
        elif found:
            complaints.append(f"stale: {unit.write}: {unit.column}: the two agree by now")
    return complaints + [f"stale: {write}: {column}: there is no such unit" for write, column in known]


def _complain(unit: Compared, found: Explanation | None, reasons: Mapping[str, Reason]) -> list[str]:
    lacks, adds = unit.ours - unit.theirs, unit.theirs - unit.ours
    if found is None or (found.lacks, found.adds) != (lacks, adds):
        state = "unexplained" if found is None else "explained as another difference"
        return [f"{state}: {as_toml(unit)}"]
    if found.reason not in reasons:
        return [f"{unit.write}: {unit.column}: no reason is called {found.reason!r}"]
    if unit.truth is not None and (reasons[found.reason].right == "theirs") == (unit.ours == unit.truth):
        return [
            f"{unit.write}: {unit.column}: the reason {found.reason!r} does not agree with the expectation"
        ]
    return []


def as_toml(unit: Compared) -> str:
    """The line that explains a difference, but for its reason."""
    parts = [
        f"{word} = [{', '.join(map(_quoted, sorted(sources)))}]"
        for word, sources in (("lacks", unit.ours - unit.theirs), ("adds", unit.theirs - unit.ours))
        if sources
    ]
    return f"[difference.{_quoted(unit.write)}] {_quoted(unit.column)} = {{ {', '.join(parts)}, reason = ? }}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
