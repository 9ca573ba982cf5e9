"""A store as it is, or as it was, written down as a declaration: what it is later compared with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.compare.declared.declaration import (
    ColumnDeclaration,
    Declaration,
    ExpectedName,
    ExpectedSource,
    TableDeclaration,
)
from spark_lineage.compare.declared.known import Known
from spark_lineage.compare.declared.patterns import escaped, full_name, names_of
from spark_lineage.compare.times import is_time, parse_time
from spark_lineage.model import Certainty, Dataset, DatasetId, EdgeType, Subtype
from spark_lineage.query.names import DEFAULT_CATALOG
from spark_lineage.query.snapshot import ReadableStore, Snapshot
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import Row

__all__ = ["StoreAt", "declaration_of", "declaration_text", "named_store"]

_HEAD = """\
# The lineage of a store as it was when this was written, by `spark-lineage check --write-baseline`.
# docs/declared.md describes the file; `spark-lineage check FILE` compares a store with it.
"""


@dataclass(frozen=True, slots=True)
class StoreAt:
    """A store as it was at a time (epoch milliseconds): without the runs that ended later."""

    store: ReadableStore
    until: int

    def read(
        self, table: str, columns: Iterable[str] | None = None, *, scope: Collection[str] | None = None
    ) -> pa.Table:
        """The rows of a table, as `ReadableStore` has it."""
        if table != "runs":
            return self.store.read(table, columns, scope=scope)
        runs = self.store.read(table, scope=scope)
        ended = pc.coalesce(runs["ended_at"], runs["started_at"], pa.scalar(0, pa.int64()))
        kept = runs.filter(pc.less_equal(ended, self.until))
        return kept if columns is None else kept.select(list(columns))


def named_store(text: str) -> ReadableStore:
    """The store that `STORE[@TIME]` names; the time is that of `parse_time`.

    Raises `SettingError` for a time that is none.
    """
    path, at, moment = text.rpartition("@")
    # A path may have an @ of its own.
    is_path = Path(text).exists() or not Path(path).exists()
    if not at or (is_path and not is_time(moment)):
        return DeltaStore(text)
    return StoreAt(DeltaStore(path), parse_time(moment, int(time.time() * 1000), "--baseline"))


def declaration_of(snapshot: Snapshot) -> Declaration:
    """All that is known of every table that was written: columns with types and sources, sources of the rows."""
    known = Known(snapshot)
    names = _Names(known)
    return Declaration(
        tables=tuple(_table(known, names, dataset) for dataset in known.written()),
        complete=True,
        observed=True,
    )


def declaration_text(declaration: Declaration) -> str:
    """A declaration that `declaration_of` made, as a YAML file; equal declarations have equal texts."""
    import yaml  # noqa: PLC0415 - only `check` needs it

    content = {
        "version": 1,
        "complete": declaration.complete,
        "observed": declaration.observed,
        "tables": {table.name: _table_json(table) for table in declaration.tables},
    }
    text = yaml.dump(
        content,
        Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper),
        sort_keys=False,
        allow_unicode=True,
        width=120,
    )
    return _HEAD + str(text)


class _Names:
    """For each table the shortest name that no other table has."""

    def __init__(self, known: Known) -> None:
        uses = Counter(name for dataset in known.datasets for name in names_of(dataset))
        self._names = {dataset.id: _only_name(dataset, uses) for dataset in known.datasets}

    def table(self, id_: DatasetId) -> str:
        return self._names.get(id_) or full_name(Dataset(id_.namespace, id_.name))

    def column(self, row: Row) -> str:
        """The glob of an edge's source: a column, or the whole table."""
        table = self.table(DatasetId(row["source_namespace"], row["source_name"]))
        return escaped(table if row["source_field"] is None else f"{table}.{row['source_field']}")


def _only_name(dataset: Dataset, uses: Counter[str]) -> str:
    aliases = sorted(dataset.aliases, key=lambda alias: (len(alias), alias))
    short = (alias.removeprefix(DEFAULT_CATALOG) for alias in aliases)
    candidates = [*short, *aliases]
    return next((name for name in candidates if uses[name.casefold()] == 1), full_name(dataset))


def _table(known: Known, names: _Names, dataset: Dataset) -> TableDeclaration:
    plans = known.snapshot.state(dataset.id).plans
    sources = sorted(
        {names.table(source) for plan in plans for source in plan.datasets if source != dataset.id}
    )
    rows = known.direct(dataset.id)
    return TableDeclaration(
        name=names.table(dataset.id),
        sources=tuple(ExpectedName(escaped(source)) for source in sources),
        rows=_sources(names, [row for row in rows if row["target_field"] is None]),
        columns=tuple(_columns(known, names, dataset.id, rows)),
        complete=True,
        certainty=known.certainty_of_table(dataset.id),
    )


def _columns(known: Known, names: _Names, id_: DatasetId, rows: Iterable[Row]) -> Iterator[ColumnDeclaration]:
    """The columns in the table's order, then the fields within them that were written on their own."""
    by_field: dict[str, list[Row]] = {}
    for row in rows:
        if row["target_field"] is not None:
            by_field.setdefault(row["target_field"], []).append(row)
    types = known.fields(id_)
    for field in dict.fromkeys([*known.columns(id_), *sorted(by_field)]):
        yield ColumnDeclaration(
            name=field,
            type=types.get(field) or None,
            sources=_sources(names, by_field.get(field, ())),
            complete=True,
            certainty=known.certainty(id_, field),
        )


def _sources(names: _Names, rows: Iterable[Row]) -> tuple[ExpectedSource, ...]:
    found = {(names.column(row), row["subtype"], row["masking"]) for row in rows}
    kinds = ((pattern, Subtype(kind), masked) for pattern, kind, masked in sorted(found))
    return tuple(
        ExpectedSource(pattern, kind, masked if kind.type is EdgeType.DIRECT else None)
        for pattern, kind, masked in kinds
    )


def _table_json(table: TableDeclaration) -> Mapping[str, Any]:
    return {
        "complete": table.complete,
        **_certainty_json(table.certainty),
        "sources": [name.pattern for name in table.sources or ()],
        "rows": [_source_json(source) for source in table.rows or ()],
        "columns": {column.name: _column_json(column) for column in table.columns},
    }


def _column_json(column: ColumnDeclaration) -> Mapping[str, Any]:
    return {
        **({} if column.type is None else {"type": column.type}),
        "complete": column.complete,
        **_certainty_json(column.certainty),
        "sources": [_source_json(source) for source in column.sources or ()],
    }


def _certainty_json(certainty: Certainty) -> Mapping[str, str]:
    return {} if certainty is Certainty.EXACT else {"certainty": certainty.value}


def _source_json(source: ExpectedSource) -> Mapping[str, Any]:
    kind = {} if source.kind is None else {"kind": source.kind.value}
    return {"from": source.pattern, **kind, **({} if source.masked is None else {"masked": source.masked})}
