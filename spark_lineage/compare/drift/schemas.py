"""The schemas that runs met: of each dataset at each run, and what changed between two of them.

Names and types count; whether a column may be null does not, since readers and writers see it differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spark_lineage.compare.drift.history import WriteRun
from spark_lineage.model import DatasetId
from spark_lineage.query.answers import DatasetReference, Json
from spark_lineage.query.snapshot import ReadableStore

__all__ = ["SchemaChange", "SchemaColumnChange", "Schemas", "compare_schemas"]

Columns = Mapping[str, str]
"""Column -> type, in the order of the dataset."""


@dataclass(frozen=True, slots=True)
class SchemaColumnChange:
    """A column that a dataset got, lost, or has with another type."""

    name: str
    change: str
    type_before: str | None
    type_after: str | None

    def to_dict(self) -> Json:
        """The change's JSON."""
        return {
            "name": self.name,
            "change": self.change,
            "type_before": self.type_before,
            "type_after": self.type_after,
        }


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """The columns in which a dataset, as runs read or wrote it (`direction`), is not the same any more."""

    dataset: DatasetReference
    direction: str
    columns: tuple[SchemaColumnChange, ...]

    def to_dict(self) -> Json:
        """The change's JSON."""
        return {
            **self.dataset.to_dict(),
            "direction": self.direction,
            "columns": [column.to_dict() for column in self.columns],
        }


def compare_schemas(before: Columns, after: Columns) -> tuple[SchemaColumnChange, ...]:
    """What differs, in the order of the later schema; columns that went come last.

    >>> [change.name for change in compare_schemas({"a": "int", "b": "int"}, {"c": "int", "a": "bigint"})]
    ['c', 'a', 'b']
    """
    came = [
        SchemaColumnChange(name, "changed" if name in before else "added", before.get(name), type_)
        for name, type_ in after.items()
        if before.get(name) != type_
    ]
    gone = [
        SchemaColumnChange(name, "removed", type_, None)
        for name, type_ in before.items()
        if name not in after
    ]
    return (*came, *gone)


class Schemas:
    """What runs saw of the datasets' columns. A run that met several schemas of one dataset says nothing about it."""

    def __init__(
        self,
        met: Mapping[tuple[str, int], Mapping[tuple[DatasetId, str], set[str]]],
        schemas: Mapping[str, Columns],
    ) -> None:
        self._met = met
        self._schemas = schemas

    @staticmethod
    def of(store: ReadableStore) -> Schemas:
        """The schemas of a store's observations."""
        rows = store.read("schemas").to_pylist()
        schemas = {row["schema_id"]: {each["name"]: each["type"] for each in row["columns"]} for row in rows}
        met: dict[tuple[str, int], dict[tuple[DatasetId, str], set[str]]] = {}
        columns = ("run_id", "part", "namespace", "name", "direction", "schema_id")
        for row in store.read("observations", columns).to_pylist() if schemas else ():
            if row["schema_id"] in schemas:
                dataset = DatasetId(row["namespace"], row["name"])
                of_run = met.setdefault((row["run_id"], row["part"]), {})
                of_run.setdefault((dataset, row["direction"]), set()).add(row["schema_id"])
        return Schemas(met, schemas)

    def of_run(self, run_id: str, part: int) -> Mapping[tuple[DatasetId, str], str]:
        """The schema id of each dataset and direction that a run met in one schema."""
        met = self._met.get((run_id, part), {})
        return {key: next(iter(ids)) for key, ids in sorted(met.items()) if len(ids) == 1}

    def columns(self, schema_id: str) -> Columns:
        """The columns of a schema."""
        return self._schemas[schema_id]

    def between(
        self, before: WriteRun, after: WriteRun, reference: Callable[[DatasetId], DatasetReference]
    ) -> tuple[SchemaChange, ...]:
        """What changed in the datasets that both runs met; what another plan writes otherwise is the plan's own change."""
        old, new = (self.of_run(run.run_id, run.part) for run in (before, after))
        found: list[SchemaChange] = []
        for (dataset, direction), schema in new.items():
            if direction == "written" and before.fingerprint != after.fingerprint:
                continue
            earlier = old.get((dataset, direction))
            if earlier is not None and earlier != schema:
                columns = compare_schemas(self._schemas[earlier], self._schemas[schema])
                found += [SchemaChange(reference(dataset), direction, columns)] if columns else []
        return tuple(found)

    def changes(
        self, runs: Sequence[WriteRun], reference: Callable[[DatasetId], DatasetReference]
    ) -> list[tuple[WriteRun, SchemaChange]]:
        """What changed from run to run of one write, given in order: each change with the run that met it."""
        last: dict[tuple[DatasetId, str], tuple[str, str]] = {}
        found: list[tuple[WriteRun, SchemaChange]] = []
        for run in runs:
            for key, schema in self.of_run(run.run_id, run.part).items():
                earlier, plan = last.get(key, (schema, run.fingerprint))
                last[key] = schema, run.fingerprint
                if earlier == schema or (key[1] == "written" and plan != run.fingerprint):
                    continue
                columns = compare_schemas(self._schemas[earlier], self._schemas[schema])
                if columns:
                    found.append((run, SchemaChange(reference(key[0]), key[1], columns)))
        return found
