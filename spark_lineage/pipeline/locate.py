"""Where a table is that the plan knows only by its catalog name.

While Delta creates or replaces a table, the plan has its name and not its location. Here the name is looked up among
what the application's other plans read and wrote, among the datasets that are known already, and at the place where the
session's catalog puts its tables, which is taken only if a Delta log stands there. What is not found keeps its catalog name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from spark_lineage.analyze.endings import Ending
from spark_lineage.analyze.identity import Naming, whole_names
from spark_lineage.analyze.relations import Located
from spark_lineage.model import CATALOG_NAMESPACE, Dataset, DatasetId, is_called
from spark_lineage.pipeline.sightings import Sightings

WITHOUT_FILES_OF_THEIR_OWN = frozenset({"iceberg", "jdbc"})
"""Formats whose dropped tables nobody reads by path."""


@dataclass(slots=True)
class Locations:
    """The datasets known by alias, the warehouse folder of the application at hand, and what its plans met.

    `others` are the plans of the other applications that are ingested with it.
    """

    naming: Naming
    warehouse: str | None
    known: list[Dataset]
    sightings: Sightings
    others: Sequence[Sightings] = ()

    def learn(self, datasets: Iterable[Dataset]) -> None:
        """Note datasets that were met since."""
        self.known.extend(datasets)

    def resolve(
        self, target: tuple[Located, ...], order: int, *, creates: bool = False
    ) -> tuple[Located, ...]:
        """The target with its location's identity, where that is certain; itself otherwise.

        `order` is the number of the end of the execution that names it: a name may stand for another place later.
        What `creates` a table does not go by where one of its name was before.
        """
        if not target or target[0].dataset.namespace != CATALOG_NAMESPACE:
            return target
        named = target[0].dataset
        met = self.sightings.at(named.name, order)
        if met is not None:
            return _known_as(met.dataset, named)
        ways = (self._found, self._by_alias) if creates else (self._by_alias, self._found)
        return ways[0](named) or ways[1](named) or self._met_by_others(named) or target

    def _by_alias(self, named: Dataset) -> tuple[Located, ...]:
        return _only(named, self.known)

    def _met_by_others(self, named: Dataset) -> tuple[Located, ...]:
        return _only(named, (dataset for each in self.others for dataset in each.all()))

    def _found(self, named: Dataset) -> tuple[Located, ...]:
        """The table at the place that the session's catalog has for its name, if Delta's log stands there."""
        location = self._in_warehouse(named.name)
        if location is None:
            return ()
        place = self.naming.locate(location)
        dataset = replace(named, namespace=place.id.namespace, name=place.id.name, format="delta")
        return (Located(dataset, (place,)),)

    def ended(self, ending: Ending, order: int) -> DatasetId | None:
        """The dataset whose rows an ending takes away, where that is certain.

        A dropped table's files stay where the table had a place of its own. What is at the catalog's place is gone.
        """
        named = ending.table.dataset
        if named.namespace != CATALOG_NAMESPACE:
            return named.id
        path = self._managed(named.name)
        place = None if path is None else self.naming.locate(path).id
        met = self.sightings.at(named.name, order)
        if ending.managed and met is not None and met.managed is not None:
            return met.dataset.id if met.managed else None
        ids = {each.id for each in self.known}
        if ending.managed and named.id in ids and place not in ids:
            return named.id  # the name is all that was ever known of it
        if ending.managed and place is not None:
            return place
        found = self.resolve((ending.table,), order)[0].dataset
        if found.namespace == CATALOG_NAMESPACE:
            return place
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
        if "/" in name or not all(parts):  # Spark's catalog has no such names, so no folder is made of one
            return None
        _, database, table = parts
        folder = table if database == "default" else f"{database}.db/{table}"
        return f"{self.warehouse.rstrip('/')}/{folder.lower()}"


def _as_path(location: str) -> str:
    """A local URI as a path: `file:/x` and `file:///x` are `/x`."""
    if not location.startswith("file:"):
        return location
    return "/" + location.removeprefix("file:").lstrip("/")


def _only(named: Dataset, datasets: Iterable[Dataset]) -> tuple[Located, ...]:
    """The dataset of that name, where there is only one."""
    found = {each.id: each for each in datasets if is_called(each, named.name)}
    return _known_as(next(iter(found.values())), named) if len(found) == 1 else ()


def _known_as(found: Dataset, named: Dataset) -> tuple[Located, ...]:
    """The dataset with the aliases of both, as the catalog spells them where they differ in case only."""
    more = (each for each in named.aliases if not is_called(found, each))
    return (Located(replace(found, aliases=whole_names((*found.aliases, *more)))),)
