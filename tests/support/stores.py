"""A store that many tests write to, kept as quick to read as a new one."""

from __future__ import annotations

from typing import Any

from deltalake import DeltaTable

from spark_lineage.store.schema import TABLES


def tidy(lineage: Any) -> None:
    """Make one file of each table's many, as OPTIMIZE does: every commit leaves one, and every question opens them all."""
    for name in TABLES:
        location = f"{lineage.store}/{name}"
        if DeltaTable.is_deltatable(location):
            table = DeltaTable(location)
            table.optimize.compact()
            table.create_checkpoint()
