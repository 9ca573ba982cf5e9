"""Where a table is that the plan knows only by its catalog name.

While Delta creates or replaces a table, the plan has its name and not its location. Here the name is looked up
among the datasets that are known already, then at the place where the session's catalog puts its tables, and taken
only if a Delta log stands there. What is not found keeps its catalog name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from spark_lineage.analyze.endings import Ending
from spark_lineage.analyze.identity import Naming, whole_names
from spark_lineage.analyze.relations import CATALOG, Located
from spark_lineage.model import Dataset, DatasetId

WITHOUT_FILES_OF_THEIR_OWN = frozenset({"iceberg", "jdbc"})
"""Formats whose dropped tables nobody reads by path."""


@dataclass(slots=True)
class Locations:
    """The datasets known by alias, and the warehouse folder of the application at hand."""

    naming: Naming
    warehouse: str | None
    known: list[Dataset]

    def learn(self, datasets: Iterable[Dataset]) -> None:
        """Note datasets that were met since."""
        self.known.extend(datasets)

    def resolve(self, target: tuple[Located, ...]) -> tuple[Located, ...]:
        """The target with its location's identity, where that is certain; itself otherwise."""
        if not target or target[0].dataset.namespace != CATALOG:
            return target
        named = target[0].dataset
        aliased = {each.id: each for each in self.known if _is_called(each, named.name)}
        if len(aliased) == 1:
            (found,) = aliased.values()
            return (Located(replace(found, aliases=whole_names((*found.aliases, *named.aliases)))),)
        location = self._in_warehouse(named.name)
        if location is None:
            return target
        place = self.naming.locate(location)
        dataset = replace(named, namespace=place.id.namespace, name=place.id.name, format="delta")
        return (Located(dataset, (place,)),)

    def ended(self, ending: Ending) -> DatasetId | None:
        """The dataset whose rows an ending takes away, where that is certain.

        A dropped table's files stay where the table had a place of its own. What is at the catalog's place is gone.
        """
        named = ending.table.dataset
        if named.namespace != CATALOG:
            return named.id
        place = self._managed(named.name)
        if ending.managed and place is not None:
            return self.naming.locate(place).id
        found = self.resolve((ending.table,))[0].dataset
        if found.namespace == CATALOG:
            return None if place is None else self.naming.locate(place).id
        return None if ending.managed and found.format not in WITHOUT_FILES_OF_THEIR_OWN else found.id

    def _in_warehouse(self, name: str) -> str | None:
        location = self._managed(name)
        try:
            return location if location and DeltaTable.is_deltatable(_as_path(location)) else None
        except (DeltaError, OSError, ValueError):
            return None

    def _managed(self, name: str) -> str | None:
        """`<warehouse>/table` in the default database, `<warehouse>/db.db/table` elsewhere, as Spark's catalog has it."""
        parts = name.split(".")
        if self.warehouse is None or len(parts) != 3 or parts[0] != "spark_catalog":
            return None
        _, database, table = parts
        folder = table if database == "default" else f"{database}.db/{table}"
        return f"{self.warehouse.rstrip('/')}/{folder.lower()}"


def _as_path(location: str) -> str:
    """A local URI as a path: `file:/x` and `file:///x` are `/x`."""
    if not location.startswith("file:"):
        return location
    return "/" + location.removeprefix("file:").lstrip("/")


def _is_called(dataset: Dataset, name: str) -> bool:
    return dataset.namespace != CATALOG and any(
        alias == name or alias.endswith(f".{name}") for alias in dataset.aliases
    )
