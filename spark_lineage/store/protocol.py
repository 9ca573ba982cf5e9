"""What an ingest needs of a store: the seam at which another one can be put in place of the Delta tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

import pyarrow as pa

from spark_lineage.model import Batch

__all__ = ["Store"]


class Store(Protocol):
    """Tables that rows are appended to and read from; `DeltaStore`, `SparkStore` and `MemoryStore` are such.

    An append may be repeated, whole or in part, by any number of writers: `read` gives each key once.
    """

    @property
    def path(self) -> str:
        """Where the store is: an ingest leaves out what a query did inside of this folder."""

    def create(self) -> None:
        """Create the tables that are missing; a store that is there stays as it is."""

    def append(self, batch: Batch, *, fresh: Collection[str] = frozenset()) -> dict[str, int]:
        """Add the rows that are not there yet; rows added per table.

        `fresh` are applications, by bridge, of which nobody has added anything: what ran in them need not be looked up.
        """

    def sync(self) -> None:
        """Return when all that `read` gives survives a power cut; raises `StoreError` where that cannot be had."""

    def read(
        self,
        table: str,
        columns: Iterable[str] | None = None,
        *,
        scope: Collection[str] | None = None,
        under: Collection[str] | None = None,
    ) -> pa.Table:
        """The rows of a table, one per key.

        `scope`: those whose scope column (`Table.scope`) has one of these values; `under`: those where it begins with one.
        """
