"""What a finding's sentence calls a dataset."""

from __future__ import annotations

from spark_lineage.model import DatasetId
from spark_lineage.query.answers import DatasetReference
from spark_lineage.query.names import short_alias
from spark_lineage.query.snapshot import Snapshot

__all__ = ["label", "reference"]


def label(snapshot: Snapshot, id_: DatasetId) -> str:
    """The shortest alias without the default catalog, or the name."""
    dataset = snapshot.datasets.get(id_)
    return short_alias(() if dataset is None else dataset.aliases, id_.name)


def reference(snapshot: Snapshot, id_: DatasetId) -> DatasetReference:
    """A dataset as answers name it."""
    dataset = snapshot.datasets.get(id_)
    return DatasetReference(id_.namespace, id_.name, () if dataset is None else dataset.aliases)
