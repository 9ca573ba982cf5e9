"""Small dense tables for a query: keys from a common small domain, values from what the query compares them with.

Everything depends on the given random numbers alone. Values are Python's, nested ones dicts and lists; a table is
column -> values, in Spark's types.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
from pyspark.sql import types as T  # noqa: N812  # Spark's own convention
from pyspark.sql.pandas.types import to_arrow_schema

from execution.domains import Domains

Table = dict[str, list[Any]]
Data = dict[str, Table]
Tables = Mapping[str, T.StructType]

FACTS = re.compile(r"_sales$|_returns$|^inventory$|^lineitem$|^lineorder$|^orders$|^partsupp$")
"""The benchmarks' big tables; every other one is a dimension, whose first column is its key."""
VARIANT = getattr(T, "VariantType", ())
"""Since Spark 4.0."""
CHANGES = ("redrawn", "shuffled", "nulls", "one cell", "constant", "moved")
NEAR_SHARE = 0.25
NULL_SHARE = 0.04
MORE_NULLS = 0.3
FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class Density:
    """How dense: number of keys, rows of a big table, and the share of values that are what the query asks for."""

    keys: int
    rows: int
    hits: float


DENSITIES = (
    Density(4, 40, 0.75),
    Density(3, 40, 0.9),
    Density(6, 60, 0.6),
    Density(2, 40, 0.9),
    Density(3, 60, 0.97),
    Density(8, 60, 0.85),
    Density(2, 60, 0.97),
    Density(1, 40, 0.9),
)


@dataclass(frozen=True)
class Generator:
    """Makes the values of one query's tables.

    `hints` gives, by column name, the values to draw from; `sizes` gives a table's number of rows, `lengths` the
    shortest and longest array, and `cycles` the values of columns row by row, over and over.
    """

    domains: Domains
    hints: Mapping[str, Any]
    density: Density
    chance: random.Random

    def data(self, tables: Tables) -> Data:
        """All tables, each value drawn on its own, but for alternatives of the query that several columns meet."""
        branches = self.domains.alternatives
        favourite = self.chance.choice(branches) if branches else {}
        return {name: self._table(name, schema, favourite) for name, schema in tables.items()}

    def _table(self, name: str, schema: T.StructType, favourite: Mapping[str, set[str]]) -> Table:
        facts = bool(FACTS.search(name))
        usual = self.density.rows if facts else self.density.keys + 3
        count = self.hints.get("sizes", {}).get(name, usual)
        table = {
            field.name: [self.value(field.name, field.dataType) for _ in range(count)] for field in schema
        }
        first = schema.fields[0]
        plain_key = not isinstance(first.dataType, (T.StructType, T.ArrayType, T.MapType))
        compared = self.domains.compared(first.name.lower())
        if not facts and plain_key and compared and first.name not in self.hints:
            table[first.name] = [
                self._key(row % self.density.keys + 1, first.dataType) for row in range(count)
            ]
        self._meet_alternatives(table, schema, favourite, count)
        for field in schema:
            if values := self.hints.get("cycles", {}).get(field.name):
                table[field.name] = [
                    _convert(str(values[row % len(values)]), field.dataType) for row in range(count)
                ]
        return table

    def _key(self, number: int, type_: T.DataType) -> Any:
        return number if isinstance(type_, T.IntegralType) else self._plain(type_, compared=True)

    def _meet_alternatives(
        self, table: Table, schema: T.StructType, favourite: Mapping[str, set[str]], count: int
    ) -> None:
        own = {field.name.lower(): field for field in schema}
        branches = [branch for branch in self.domains.alternatives if branch.keys() & own.keys()]
        if not branches:
            return
        for row in range(count):
            branch = favourite if favourite.keys() & own.keys() and self.chance.random() < 0.5 else None
            branch = branch or self.chance.choice(branches)
            if self.chance.random() < self.density.hits:
                for name in sorted(branch.keys() & own.keys()):
                    wanted = _converted(branch[name], own[name].dataType)
                    if wanted:
                        table[own[name].name][row] = self._hit(wanted, own[name].dataType)

    def value(self, name: str, type_: T.DataType) -> Any:
        """A value for the column (for a nested one: for the part of it that has this type)."""
        if self.chance.random() < NULL_SHARE:
            return None
        values = self.hints.get(name) or self.hints.get("cycles", {}).get(name)
        if values:
            return _convert(str(self.chance.choice(values)), type_)
        if isinstance(type_, T.StructType):
            return {field.name: self.value(name, field.dataType) for field in type_}
        if isinstance(type_, T.ArrayType):
            return [self.value(name, type_.elementType) for _ in range(self._length())]
        if isinstance(type_, VARIANT):
            return json.dumps({"a": self.chance.randint(1, self.density.keys), "b": [self.chance.random()]})
        if isinstance(type_, T.MapType):
            keys = {self._map_key(name, type_.keyType) for _ in range(self._length())}
            return {key: self.value(name, type_.valueType) for key in sorted(keys)}
        wanted = _converted(self._literals(name.lower()), type_)
        if wanted and self.chance.random() < self.density.hits:
            return self._hit(wanted, type_)
        plain = self._plain(type_, compared=self.domains.compared(name.lower()))
        steps = sorted(self.domains.steps.get(name.lower(), ()))
        if steps and isinstance(plain, int) and self.chance.random() < 0.5:
            plain += self.chance.choice(steps)
        return plain

    def _length(self) -> int:
        """The length of an array or map."""
        shortest, longest = self.hints.get("lengths", (0, 3))
        return self.chance.randint(shortest, longest)

    def _map_key(self, name: str, type_: T.DataType) -> Any:
        wanted = _converted(self._literals(name.lower()), type_)
        if wanted and self.chance.random() < self.density.hits:
            return self.chance.choice(wanted)
        return self._plain(type_, compared=True)

    def _literals(self, name: str) -> set[str]:
        leader = self.domains.leader(name)
        return {
            text
            for other, texts in self.domains.literals.items()
            if self.domains.leader(other) == leader
            for text in texts
        }

    def _hit(self, wanted: Sequence[Any], type_: T.DataType) -> Any:
        """One of the wanted values, or one near it, or one between two of them."""
        first = self.chance.choice(wanted)
        if self.chance.random() >= NEAR_SHARE:
            return first
        if isinstance(type_, T.StringType):
            return self.chance.choice(["x" + first, first + "x"])
        second = self.chance.choice(wanted)
        if isinstance(type_, (T.DateType, T.TimestampType)):
            between = (
                first + (second - first) / 2 if isinstance(type_, T.TimestampType) else _middle(first, second)
            )
            return self.chance.choice([between, first + timedelta(days=self.chance.choice((-1, 1)))])
        if isinstance(type_, T.BooleanType):
            return not first
        between = _convert(str((first + second) / 2), type_)
        return _fitting(self.chance.choice([between, first + 1, first - 1]), type_)

    def _plain(self, type_: T.DataType, *, compared: bool) -> Any:
        """A value of the type that no literal decides; few different ones where columns are compared."""
        keys = self.density.keys
        number = self.chance.randint(1, keys if compared else 12)
        makers: dict[type[T.DataType], Callable[[], Any]] = {
            T.StringType: lambda: "abcdefghijklm"[number - 1 if compared else number % (keys + 1)],
            T.DecimalType: lambda: (
                Decimal(number) if compared else Decimal(self.chance.randint(1, 9999)) / 100
            ),
            T.DateType: lambda: FIRST_DAY + timedelta(days=number if compared else 9 * number),
            T.TimestampType: lambda: _midnight(FIRST_DAY) + timedelta(hours=7 * number),
            T.TimestampNTZType: lambda: datetime(2000, 1, 1) + timedelta(hours=7 * number),  # noqa: DTZ001
            T.BooleanType: lambda: number % 2 == 0,
            T.BinaryType: lambda: bytes([96 + number]),
            T.DoubleType: lambda: number * (1.0 if compared else 0.25),
            T.FloatType: lambda: number * (1.0 if compared else 0.25),
        }
        maker = makers.get(type(type_))
        return _fitting(maker() if maker else number, type_)


def plain(schema: T.StructType) -> T.StructType:
    """The schema with a text in JSON for each VARIANT, as the tables here have it."""
    return T.StructType(
        [
            T.StructField(each.name, T.StringType() if isinstance(each.dataType, VARIANT) else each.dataType)
            for each in schema
        ]
    )


def arrow(table: Table, schema: T.StructType) -> pa.Table:
    """The table in Arrow's form."""
    kinds = to_arrow_schema(schema)
    columns = [
        pa.array([_for_arrow(value, field.dataType) for value in table[field.name]], type=kind.type)
        for field, kind in zip(schema, kinds, strict=True)
    ]
    return pa.table(columns, schema=kinds)


def _for_arrow(value: Any, type_: T.DataType) -> Any:
    """The value with maps as lists of pairs, as Arrow wants them."""
    if value is None:
        return None
    if isinstance(type_, T.StructType):
        return {field.name: _for_arrow(value[field.name], field.dataType) for field in type_}
    if isinstance(type_, T.ArrayType):
        return [_for_arrow(element, type_.elementType) for element in value]
    if isinstance(type_, T.MapType):
        return [(key, _for_arrow(element, type_.valueType)) for key, element in value.items()]
    return value


def changed(values: list[Any], kind: str, fresh: Callable[[], Any], chance: random.Random) -> list[Any]:
    """The values of a column changed in one of the ways of `CHANGES`; `fresh` draws another value for it."""
    if kind == "redrawn":
        return [fresh() for _ in values]
    if kind == "shuffled":
        return chance.sample(values, len(values))
    if kind == "nulls":
        return [None if chance.random() < MORE_NULLS else value for value in values]
    if kind == "one cell":
        place = chance.randrange(len(values))
        return [*values[:place], fresh(), *values[place + 1 :]]
    if kind == "constant":
        value = fresh()
        return [value for _ in values]
    return [_moved(value) for value in values]


def leaves(tables: Tables) -> dict[str, T.DataType]:
    """Every path that can be changed alone, such as `s.info.addr.zip`, and its type.

    Fields of structs, in arrays and in the values of maps too; a map or an array of plain values is one.
    """
    found: dict[str, T.DataType] = {}
    waiting = [
        (f"{name}.{field.name}", field.dataType) for name, schema in tables.items() for field in schema
    ]
    while waiting:
        path, type_ = waiting.pop()
        within = _innermost(type_)
        if isinstance(within, T.StructType):
            waiting += [(f"{path}.{field.name}", field.dataType) for field in within]
        else:
            found[path] = type_
    return found


def type_at(schema: T.StructType, path: Sequence[str]) -> T.DataType:
    """The type that a path leads to, through structs, and through arrays and maps of them."""
    type_: T.DataType = schema
    for step in path:
        type_ = _innermost(type_)[step].dataType
    return type_


def _innermost(type_: T.DataType) -> Any:
    """The type of what is in an array, or the value of a map, however deep."""
    while isinstance(type_, (T.ArrayType, T.MapType)):
        type_ = type_.elementType if isinstance(type_, T.ArrayType) else type_.valueType
    return type_


def changed_within(value: Any, type_: T.DataType, steps: Sequence[str], change: Callable[[Any], Any]) -> Any:
    """The nested value with what the steps lead to changed; what is null above it stays null."""
    if not steps:
        return change(value)
    if value is None:
        return None
    if isinstance(type_, T.ArrayType):
        return [changed_within(element, type_.elementType, steps, change) for element in value]
    if isinstance(type_, T.MapType):
        return {key: changed_within(each, type_.valueType, steps, change) for key, each in value.items()}
    assert isinstance(type_, T.StructType)
    first, *rest = steps
    return value | {first: changed_within(value[first], type_[first].dataType, rest, change)}


def one_changed(value: Any, kind: str, fresh: Callable[[], Any], chance: random.Random) -> Any:
    """A nested value changed by itself, in one of the ways of `CHANGES`."""
    if kind == "moved":
        return _moved(value)
    if kind in ("nulls", "one cell"):
        again = chance.random() < MORE_NULLS
        return (None if kind == "nulls" else fresh()) if again else value
    return fresh()


def _moved(value: Any) -> Any:
    """Another value of the same type, not far away; null stays null."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return "a" + value
    if isinstance(value, (date, datetime)):
        return value + timedelta(days=1)
    if isinstance(value, bytes):
        return value + b"a"
    if isinstance(value, (int, float, Decimal)):
        return value + 1
    return value


def _converted(texts: set[str], type_: T.DataType) -> list[Any]:
    found = (_convert(text, type_) for text in sorted(texts))
    return [value for value in found if value is not None]


def _convert(text: str, type_: T.DataType) -> Any:
    """The literal in the type, None where it has no place there."""
    try:
        if isinstance(type_, VARIANT):
            return text
        if isinstance(type_, T.StringType):
            return text.replace("%", "").replace("_", "x")
        if isinstance(type_, T.DateType):
            return date.fromisoformat(text[:10])
        if isinstance(type_, T.TimestampType):
            return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
        if isinstance(type_, T.TimestampNTZType):
            return datetime.fromisoformat(text)
        if isinstance(type_, T.BooleanType):
            return {"true": True, "false": False}.get(text)
        if isinstance(type_, T.BinaryType):
            return None
        return _fitting(Decimal(text), type_)
    except (ValueError, InvalidOperation):
        return None


def _fitting(value: Any, type_: T.DataType) -> Any:
    """A number within the type."""
    if isinstance(type_, T.DecimalType):
        limit = Decimal(10) ** (type_.precision - type_.scale)
        exact = Decimal(value).quantize(Decimal(1).scaleb(-type_.scale))
        return exact if abs(exact) < limit else exact % limit
    if isinstance(type_, T.ByteType):
        return int(value) % 128
    if isinstance(type_, T.ShortType):
        return int(value) % 32768
    if isinstance(type_, T.IntegerType):
        return int(value) % 2**31
    if isinstance(type_, T.LongType):
        return int(value)
    if isinstance(type_, (T.DoubleType, T.FloatType)):
        return float(value)
    return value


def _middle(first: date, second: date) -> date:
    return first + timedelta(days=(second - first).days // 2)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
