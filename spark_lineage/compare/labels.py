"""What a finding's sentence calls a dataset."""

from __future__ import annotations

from collections.abc import Iterable

from spark_lineage.model import DatasetId
from spark_lineage.query.answers import DatasetReference
from spark_lineage.query.snapshot import Snapshot

__all__ = ["DEFAULT_CATALOG", "label", "reference", "short_alias"]

DEFAULT_CATALOG = "spark_catalog."
"""What people leave out of a table's name."""


def short_alias(aliases: Iterable[str], default: str) -> str:
    """The shortest alias without the default catalog, of several the first by name; `default` where there is none.

    >>> short_alias(["spark_catalog.shop.orders", "hive.shop.old_orders"], "/w/orders"), short_alias([], "/w/orders")
    ('shop.orders', '/w/orders')
    """
    names = (alias.removeprefix(DEFAULT_CATALOG) for alias in aliases)
    return min(names, key=lambda name: (len(name), name), default=default)


def label(snapshot: Snapshot, id_: DatasetId) -> str:
    """The shortest alias without the default catalog, or the name."""
    dataset = snapshot.datasets.get(id_)
    return short_alias(() if dataset is None else dataset.aliases, id_.name)


def reference(snapshot: Snapshot, id_: DatasetId) -> DatasetReference:
    """A dataset as answers name it."""
    dataset = snapshot.datasets.get(id_)
    return DatasetReference(id_.namespace, id_.name, () if dataset is None else dataset.aliases)
