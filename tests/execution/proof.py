"""The check itself: what changes must be claimed, and what is claimed is looked for among the changes.

For each output column, all source columns that it does not claim are changed together, then each claimed column alone.
A column claims its own sources and those of the row set. Rows are compared as multisets, so no order is needed; only
for a column that is claimed for its sort order alone, the sequence of the rows counts as a change.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from execution.data import (
    CHANGES,
    DENSITIES,
    Data,
    Density,
    Generator,
    Tables,
    changed,
    changed_within,
    leaves,
    one_changed,
    type_at,
)
from execution.domains import Domains

Rows = list[tuple[str, ...]]
TRIES = 6
TOGETHER = ("redrawn", "nulls")
TOO_MANY_ROWS = 3000
ENOUGH = 1.75


@dataclass(frozen=True)
class Claims:
    """For each output column, in order, its sources as `table.column`; then the row set's, all and those that only sort."""

    columns: tuple[tuple[str, frozenset[str]], ...]
    rows: frozenset[str]
    sorts: frozenset[str]

    def of(self, place: int) -> frozenset[str]:
        """All that the column at this place may depend on."""
        return self.columns[place][1] | self.rows


def read_claims(columns: Mapping[str, Iterable[str]], rows: Iterable[str]) -> Claims:
    """Claims that are written as `table.column SUBTYPE`, whatever follows."""
    kinds: dict[str, set[str]] = {}
    for text in rows:
        name, kind = text.split(" ")[:2]
        kinds.setdefault(name, set()).add(kind)
    sources = tuple(
        (name, frozenset(text.split(" ")[0] for text in texts)) for name, texts in columns.items()
    )
    return Claims(sources, frozenset(kinds), frozenset(name for name in kinds if kinds[name] == {"SORT"}))


@dataclass(frozen=True)
class Subject:
    """What is proven: its tables, its claims, and how it is run: data -> rows as text.

    `apart` has columns that are not changed unless they are claimed: the old values of a table that is written.
    """

    name: str
    tables: Tables
    claims: Claims
    domains: Domains
    hints: Mapping[str, list[Any]]
    run: Callable[[Data], Rows]
    apart: frozenset[str] = frozenset()


@dataclass
class Result:
    """What one seed showed. `seen` has each claim as `column <- source` (rows: `rows <- source`) and whether it mattered."""

    rows: int = 0
    variants: int = 0
    errors: int = 0
    violations: list[str] = field(default_factory=list)
    seen: dict[str, bool] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class _Proof:
    """One subject with one seed: the base data and what was found so far."""

    def __init__(self, subject: Subject, seed: int) -> None:
        self.subject = subject
        self.claims = subject.claims
        self.chance = random.Random(f"{subject.name}/{seed}")
        self.result = Result()
        self.failure: Exception | None = None
        self.generator, self.data, self.base = self._dense()
        self.result.rows = len(self.base)
        self.places = range(len(self.claims.columns))
        if self.base and len(self.base[0]) != len(self.places):
            raise ValueError(f"{subject.name}: {len(self.base[0])} columns, claims of {len(self.places)}")
        for name, sources in (*self.claims.columns, ("rows", self.claims.rows)):
            self.result.seen |= {f"{name} <- {source}": False for source in sorted(sources)}

    def _dense(self) -> tuple[Generator, Data, Rows]:
        """The densest data out of several tries."""
        best: tuple[float, Any] = (-1.0, None)
        failure: Exception | None = None
        for density in _shuffled(DENSITIES, self.chance):
            generator = Generator(self.subject.domains, self.subject.hints, density, self.chance)
            data = generator.data(self.subject.tables)
            try:
                rows = self.subject.run(data)
            except Exception as error:  # noqa: BLE001  # data that the query cannot work with
                failure = error
                continue
            if (worth := _worth(rows)) > best[0]:
                best = (worth, (generator, data, rows))
            if worth >= ENOUGH:
                break
        if best[1] is None:
            raise failure or ValueError(self.subject.name)
        return best[1]

    def change(self, fields: Iterable[str], kind: str) -> Rows | None:
        """The rows after these columns were changed; None where the query fails on them."""
        data = dict(self.data)
        for name in sorted(fields):
            table, column, *steps = name.split(".")
            data[table] = data[table] | {column: self._changed(data, table, column, steps, kind)}
        self.result.variants += 1
        try:
            return self.subject.run(data)
        except Exception as error:  # noqa: BLE001  # a division by zero, a subquery with two rows
            self.failure = error
            self.result.errors += 1
            return None

    def _changed(self, data: Data, table: str, column: str, steps: list[str], kind: str) -> list[Any]:
        schema = self.subject.tables[table]
        outer, type_ = schema[column].dataType, type_at(schema, (column, *steps))
        values, chance = data[table][column], self.chance

        def fresh() -> Any:
            return self.generator.value(column, type_)

        if not steps:
            return changed(values, kind, fresh, chance)
        if kind == "constant":
            value = fresh()
            return [changed_within(old, outer, steps, lambda _: value) for old in values]

        def again(part: Any) -> Any:
            return one_changed(part, kind, fresh, chance)

        return [changed_within(old, outer, steps, again) for old in values]

    def together(self) -> None:
        """Change all that is not claimed, for each set of claims that columns have."""
        everything = [path for path in leaves(self.subject.tables) if not _covered(path, self.subject.apart)]
        groups: dict[frozenset[str], list[int]] = {}
        for place in self.places:
            groups.setdefault(self.claims.of(place), []).append(place)
        for claimed, places in groups.items():
            if not (others := {path for path in everything if not _covered(path, claimed)}):
                continue
            for kind in TOGETHER:
                rows = self.change(others, kind)
                if rows is not None and _differ(self.base, rows, places):
                    names = ", ".join(self.claims.columns[place][0] for place in places)
                    self.result.violations.append(f"{names}: changed, though nothing it claims was ({kind})")

    def alone(self) -> None:
        """Change each claimed column alone."""
        for source in sorted(self.claims.rows.union(*(sources for _, sources in self.claims.columns))):
            mine = [place for place in self.places if source in self.claims.columns[place][1]]
            others = [place for place in self.places if not self._may_change(source, place)]
            wanted = {f"{self.claims.columns[place][0]} <- {source}": place for place in mine}
            for number in range(TRIES):
                kind = CHANGES[number % len(CHANGES)]
                rows = self.change([source], kind)
                if rows is None:
                    continue
                if _differ(self.base, rows, others):
                    names = ", ".join(self.claims.columns[place][0] for place in others)
                    self.result.violations.append(f"{names}: changed with {source} alone ({kind})")
                for key, place in wanted.items():
                    self.result.seen[key] |= _differ(self.base, rows, [*others, place])
                if source in self.claims.rows:
                    self.result.seen[f"rows <- {source}"] |= self._rows_differ(rows, source)
                if all(self.result.seen[key] for key in self._keys(source, wanted)):
                    break

    def _may_change(self, source: str, place: int) -> bool:
        """Whether a column may change with a source: it claims it, or it has its own old values, which that is."""
        own = _covered(source, self.subject.apart) and source.split(".")[1] == self.claims.columns[place][0]
        return own or _touched(source, self.claims.of(place))

    def _keys(self, source: str, wanted: Iterable[str]) -> list[str]:
        return [*wanted, *([f"rows <- {source}"] if source in self.claims.rows else [])]

    def _rows_differ(self, rows: Rows, source: str) -> bool:
        return rows != self.base if source in self.claims.sorts else _differ(self.base, rows, self.places)


def prove(subject: Subject, seed: int) -> Result:
    """Prove a subject on the data of one seed; raises what it fails with where it fails on all that is changed."""
    proof = _Proof(subject, seed)
    if proof.base:
        proof.together()
        proof.alone()
    if proof.failure and proof.result.errors == proof.result.variants:
        raise proof.failure
    return proof.result


def _covered(path: str, claimed: Iterable[str]) -> bool:
    """Whether the path or one that holds it is claimed."""
    return any(path == claim or path.startswith(f"{claim}.") for claim in claimed)


def _touched(path: str, claimed: Iterable[str]) -> bool:
    """Whether a change at the path is a change of something claimed: itself, what holds it, or a part of it."""
    return any(_covered(path, [claim]) or _covered(claim, [path]) for claim in claimed)


def _worth(rows: Rows) -> float:
    """How much a result can show, from 0 to 2: several different rows, and columns that are not null or zero."""
    if not rows or len(rows) > TOO_MANY_ROWS:
        return 0.0
    columns = list(zip(*rows, strict=True))
    telling = sum(any(not _is_nothing(value) for value in column) for column in columns)
    return telling / len(columns) + min(len(set(rows)), 4) / 4


def _is_nothing(text: str) -> bool:
    return text in ("None", "0", "False", "Decimal('0')", "Decimal('0.00')", "0.0")


def _differ(first: Rows, second: Rows, places: Iterable[int]) -> bool:
    """Whether the two have other values, or other numbers of them, at these places together."""
    kept = sorted(places)
    if not kept:
        return False
    return _project(first, kept) != _project(second, kept)


def _project(rows: Rows, kept: list[int]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(row[place] for place in kept) for row in rows)


def _shuffled(densities: tuple[Density, ...], chance: random.Random) -> list[Density]:
    """The usual ones first, in an order of this seed's own."""
    return [*chance.sample(densities[:3], 3), *densities[3:]]
