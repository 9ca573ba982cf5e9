"""All tables of the store: their columns, keys and types, and model values <-> rows.

One `Table` stands for one class of `spark_lineage.model`, and one row for one value. `attributes`,
`declared` and `audit` are not here: a table exists once something fills it.

Types are those that deltalake and delta-spark (3.3 and 4.x) read and write alike, without a table
feature: string, long, boolean, array, struct and map, reader version 1, writer version 2.

- A time is a long, epoch milliseconds UTC, as in the records. A Delta timestamp would be microseconds that Spark
  shows in the session's time zone, and one without a zone is a table feature.
- An enum is its text. An unknown text is an error when it is read, not when it is written.
- Every column is nullable: NOT NULL is a constraint that each writer would check in its own way.
- An identity (`DatasetId`) is two columns, `<field>_namespace` and `<field>_name`.

Keys decide what is the same row. Rows are only ever appended, so a key has all that may be learned later: a
run is written again when its state changes, a dataset when another application knows other aliases.
`spark_lineage.store.keys` folds such rows into one when they are read.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from spark_lineage import model
from spark_lineage.model import SCHEMA_VERSION

__all__ = [
    "LATER_TABLES",
    "SCHEMA_VERSION",
    "TABLES",
    "VERSION_PROPERTY",
    "Row",
    "Table",
    "from_rows",
]

VERSION_PROPERTY = "spark_lineage.schema_version"
"""Table property of every table of the store; its value is `SCHEMA_VERSION` as text."""

Row = dict[str, Any]
"""One row: column name -> cell, as `pyarrow.Table.from_pylist` takes it and `to_pylist` gives it."""


@dataclass(frozen=True)
class Codec:
    """How one field of model values becomes cells: one column per suffix, all of type `type`.

    `encode` takes the field of all values at once: a store has a row for each operator that ever ran.
    """

    type: pa.DataType
    encode: Callable[[Sequence[Any]], tuple[Sequence[Any], ...]]
    decode: Callable[[tuple[Any, ...]], Any]
    suffixes: tuple[str, ...] = ("",)


def _plain(arrow_type: pa.DataType) -> Codec:
    return Codec(arrow_type, lambda values: (values,), lambda cells: cells[0])


def _enum(values: type[Enum]) -> Codec:
    members = {value.value: value for value in values}
    texts = {value: value.value for value in values}
    return Codec(
        pa.string(), lambda values: ([texts[each] for each in values],), lambda cells: members[cells[0]]
    )


def _structs(value_class: type[Any], **codecs: Codec) -> Codec:
    """A tuple of small values as an array of structs; each of its fields takes one cell."""
    struct = pa.struct([(name, codec.type) for name, codec in codecs.items()])

    def encode(values: Sequence[tuple[Any, ...]]) -> tuple[list[list[Row]]]:
        found = iter(_rows(codecs, list(chain.from_iterable(values))))
        return ([list(islice(found, len(each))) for each in values],)

    def decode(cells: tuple[Any, ...]) -> tuple[Any, ...]:
        # Field by field, not struct by struct: a store has as many of these as it has edges.
        columns = [
            [cell[name] if codec is TEXT else codec.decode((cell[name],)) for cell in cells[0] or ()]
            for name, codec in codecs.items()
        ]
        return tuple(map(value_class, *columns))

    return Codec(pa.list_(struct), encode, decode)


def _columns(codecs: Mapping[str, Codec], values: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """The columns of some values, by name."""
    return {
        name + suffix: column
        for name, codec in codecs.items()
        for suffix, column in zip(
            codec.suffixes, codec.encode(list(map(operator.attrgetter(name), values))), strict=True
        )
    }


def _rows(codecs: Mapping[str, Codec], values: Sequence[Any]) -> list[Row]:
    columns = _columns(codecs, values)
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _encode_datasets(values: Sequence[model.DatasetId | None]) -> tuple[list[str | None], list[str | None]]:
    return (
        [None if each is None else each.namespace for each in values],
        [None if each is None else each.name for each in values],
    )


def _decode_dataset(cells: tuple[Any, ...]) -> model.DatasetId | None:
    return None if cells[0] is None else model.DatasetId(*cells)


def _list(value_type: pa.DataType, order: Callable[[Iterable[Any]], list[Any]] = list) -> Codec:
    return Codec(
        pa.list_(value_type),
        lambda values: (list(map(order, values)),),
        lambda cells: tuple(cells[0] or ()),
    )


TEXT = _plain(pa.string())
LONG = _plain(pa.int64())
FLAG = _plain(pa.bool_())
TEXTS = _list(pa.string())
NAMES = _list(pa.string(), lambda names: sorted(set(names)))
LONGS = _list(pa.int64())
DATASET = Codec(pa.string(), _encode_datasets, _decode_dataset, ("_namespace", "_name"))


def _map(value_type: pa.DataType) -> Codec:
    """A tuple of (name, value) pairs as a map, sorted by name."""
    return Codec(
        pa.map_(pa.string(), value_type),
        lambda values: (list(map(sorted, values)),),
        lambda cells: tuple(sorted(dict(cells[0] or ()).items())),
    )


METRICS = _map(pa.int64())
TEXT_MAP = _map(pa.string())
STATE = _enum(model.RunState)
CERTAINTY = _enum(model.Certainty)
KIND = _enum(model.EdgeKind)


@dataclass(frozen=True)
class Table:
    """One table: a model class, how its fields are stored, and the columns of its key.

    `scope` is the column by which the rows that a batch could repeat are looked up; None where the
    presence of the plan says it (edges commit before plans).
    """

    name: str
    model: type[Any]
    codecs: Mapping[str, Codec]
    key: tuple[str, ...]
    scope: str | None

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """The arrow schema, in the order of the model's fields."""
        return pa.schema([(n + s, codec.type) for n, codec in self.codecs.items() for s in codec.suffixes])

    def rows(self, values: Sequence[Any]) -> list[Row]:
        """A row for each model value."""
        return _rows(self.codecs, values)

    def arrow(self, values: Sequence[Any]) -> pa.Table:
        """The rows of model values, in the schema."""
        columns = _columns(self.codecs, values)
        return pa.Table.from_arrays(
            [pa.array(columns[field.name], field.type) for field in self.schema], schema=self.schema
        )

    def value(self, row: Row) -> Any:
        """The model value of one row."""
        return self.model(
            **{
                name: codec.decode(tuple(row[name + suffix] for suffix in codec.suffixes))
                for name, codec in self.codecs.items()
            }
        )

    def keys(self, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The key of each model value, hashable: arrays as tuples."""
        columns = _columns(self._key_codecs, values)
        return list(
            zip(
                *(
                    map(tuple, columns[name]) if name in self._lists_in_key else columns[name]
                    for name in self.key
                ),
                strict=True,
            )
        )

    def key_of(self, row: Row) -> tuple[Any, ...]:
        """The key of a row, as `keys` gives it."""
        return tuple([tuple(row[name]) if name in self._lists_in_key else row[name] for name in self.key])

    @functools.cached_property
    def _key_codecs(self) -> dict[str, Codec]:
        return {
            n: codec for n, codec in self.codecs.items() if any(n + s in self.key for s in codec.suffixes)
        }

    @functools.cached_property
    def _lists_in_key(self) -> frozenset[str]:
        return frozenset(name for name in self.key if pa.types.is_list(self.schema.field(name).type))


def _table(name: str, value_class: type[Any], key: str, scope: str | None, **others: Codec) -> Table:
    """A table whose fields are TEXT but for `others`."""
    codecs = {field.name: others.get(field.name, TEXT) for field in fields(value_class)}
    return Table(name, value_class, codecs, tuple(key.split()), scope)


_PLAN_COLUMNS = _structs(model.PlanColumn, name=TEXT, type=TEXT, certainty=CERTAINTY)
_OPERATORS = _structs(model.Operator, id=TEXT, name=TEXT, detail=TEXT)
_DATASETS = _structs(model.DatasetId, namespace=TEXT, name=TEXT)
_DISTRIBUTIONS = _structs(
    model.Distribution,
    metric=TEXT, minimum=LONG, lower_quartile=LONG, median=LONG, upper_quartile=LONG, maximum=LONG,
)  # fmt: skip
_SCHEMA_COLUMNS = _structs(model.SchemaColumn, name=TEXT, type=TEXT, nullable=FLAG)
_STREAM_SOURCES = _structs(model.StreamSource, description=TEXT, start=TEXT, end=TEXT, rows=LONG)
_STATE_OPERATORS = _structs(
    model.StateOperator,
    name=TEXT, rows=LONG, updated_rows=LONG, removed_rows=LONG, late_rows=LONG, memory_bytes=LONG,
)  # fmt: skip

_IN_WRITE_ORDER = (
    _table("datasets", model.Dataset, "namespace name aliases format", "name", aliases=NAMES),
    _table("columns", model.Column, "namespace name field type ordinal", "name", ordinal=LONG),
    _table(
        "operators", model.OperatorMetrics, "run_id operator", "run_id",
        rows=LONG, bytes=LONG, time_ms=LONG, metrics=METRICS, units=TEXT_MAP, children=TEXTS, columns=TEXTS,
        target_columns=TEXTS, stages=LONGS, files=LONG, spill_bytes=LONG, peak_memory_bytes=LONG,
    ),
    _table(
        "stages", model.Stage, "run_id stage_id attempt", "run_id",
        stage_id=LONG, attempt=LONG, state=STATE, tasks=LONG, failed_tasks=LONG, started_at=LONG, ended_at=LONG,
        metrics=METRICS, execution_id=LONG, job_id=LONG, distributions=_DISTRIBUTIONS, killed_tasks=LONG,
        speculative_tasks=LONG,
    ),
    _table("schemas", model.Schema, "schema_id", "schema_id", columns=_SCHEMA_COLUMNS),
    _table(
        "observations", model.Observation, "run_id part namespace name direction path version", "run_id",
        part=LONG, partitions=TEXTS, version=LONG, rows=LONG, bytes=LONG, files=LONG, version_at=LONG,
        partitions_read=LONG, modified_from=LONG, modified_until=LONG,
    ),
    _table(
        "batches", model.StreamBatch, "query_id batch_id stream_run_id", "query_id",
        batch_id=LONG, started_at=LONG, duration_ms=LONG, input_rows=LONG, watermark=LONG, sources=_STREAM_SOURCES,
        state=_STATE_OPERATORS, durations_ms=METRICS, output_rows=LONG, events_from=LONG, events_until=LONG,
    ),
    _table("constants", model.Constants, "run_id part", "run_id", part=LONG, values=TEXT_MAP),
    _table("events", model.ApplicationEvent, "application at kind subject", "application", at=LONG),
    _table(
        "problems", model.Problem,
        "code severity message where hint run_id fingerprint dataset_namespace dataset_name", "code",
        severity=_enum(model.Severity), dataset=DATASET,
    ),
    _table(
        "edges", model.Edge,
        "fingerprint source_namespace source_name source_field target_namespace target_name target_field subtype "
        "source_version",
        None,
        kind=KIND, source=DATASET, target=DATASET, subtype=_enum(model.Subtype), masking=FLAG, certainty=CERTAINTY,
        transformations=TEXTS, via=TEXTS,
    ),
    _table(
        "plans", model.Plan, "fingerprint", "fingerprint",
        kind=KIND, target=DATASET, overwrites=FLAG, certainty=CERTAINTY, columns=_PLAN_COLUMNS,
        operators=_OPERATORS, datasets=_DATASETS,
    ),
    _table(
        "runs", model.Run, "run_id part state", "run_id",
        part=LONG, target=DATASET, state=STATE, started_at=LONG, ended_at=LONG, rows=LONG, bytes=LONG, files=LONG,
        batch_id=LONG, records=TEXTS, metrics=METRICS,
    ),
)  # fmt: skip

TABLES: Mapping[str, Table] = {table.name: table for table in _IN_WRITE_ORDER}
"""The tables by name, in the order in which an append commits them.

A plan that can be seen has all its edges, and a run that can be seen has its plan: who reads in the
opposite order never meets a half.
"""


LATER_TABLES = frozenset({"schemas", "batches", "constants", "events"})
"""Tables that a store of the first release lacks: without rows until there are some, and created then."""


def from_rows(name: str, rows: Iterable[Row]) -> tuple[Any, ...]:
    """The model values of rows of one table, for example of `store.read(name).to_pylist()`."""
    return tuple(map(TABLES[name].value, rows))
