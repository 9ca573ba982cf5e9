"""What an action's runs met of their datasets, as the store has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spark_lineage.model import Observation, Run, Schema
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import from_rows


@dataclass(frozen=True)
class Met:
    """One run with its observations; `store` has the rest."""

    run: Run
    observations: tuple[Observation, ...]
    store: DeltaStore

    def one(self, direction: str, name: str) -> Observation:
        """The observation of the dataset whose name ends so, the one with its figures where it was met at several paths."""
        found = [
            each
            for each in self.all(direction, name)
            if len(self.all(direction, name)) == 1 or each.path == each.name
        ]
        (only,) = found
        return only

    def all(self, direction: str, name: str) -> list[Observation]:
        """All observations of the dataset whose name ends so."""
        return [
            each for each in self.observations if each.direction == direction and each.name.endswith(name)
        ]

    def columns(self, observation: Observation) -> list[tuple[str, str, bool]]:
        """The schema that an observation names."""
        schemas: dict[str | None, Schema] = {
            each.schema_id: each for each in from_rows("schemas", self.store.read("schemas").to_pylist())
        }
        return [(each.name, each.type, each.nullable) for each in schemas[observation.schema_id].columns]


def observe(lineage: Any, action: Callable[[], Any]) -> list[Met]:
    """The runs that an action made, in their order, but for commands without data."""
    store = DeltaStore(lineage.store)
    lineage.flush()
    known = {(each.run_id, each.part) for each in _runs(store)}
    action()
    lineage.flush()
    met: dict[tuple[str, int], list[Observation]] = {}
    for each in from_rows("observations", store.read("observations").to_pylist()):
        met.setdefault((each.run_id, each.part), []).append(each)
    new = [
        each
        for each in _runs(store)
        if (each.run_id, each.part) not in known and each.kind in {"write", "usage"}
    ]
    new.sort(key=lambda each: (each.started_at or 0, int(each.run_id.rpartition(":")[2]), each.part))
    return [Met(each, tuple(met.get((each.run_id, each.part), ())), store) for each in new]


def _runs(store: DeltaStore) -> list[Run]:
    return list(from_rows("runs", store.read("runs").to_pylist())) if store.exists() else []
