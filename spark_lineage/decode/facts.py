"""The shapes of facts: what stands in a record's `x` and `facts`, by the names that the contract gives.

A member with another type is refused with its record; one with a name that this reader does not know is left out.
"""

from __future__ import annotations

from typing import Annotated, TypedDict

import msgspec

PlanFacts = TypedDict(
    "PlanFacts",
    {
        "class": str | None,
        "null": bool,
        "l": int,
        "value": str | None,
        "values": list[int],
        "window": tuple[int, int, int],
        "session": tuple[int, int, int],
        "relation": str | None,
        "index": str | None,
        "identifier": list[str],
        "provider": str | None,
        "location": str | None,
        "table_type": str | None,
        "partition_columns": list[str],
        "partition_types": list[str],
        "paths": list[str],
        "path": str | None,
        "delta_path": str | None,
        "name": str | None,
        "url": str | None,
        "table": str | list[str] | None,
        "query": str | None,
        "columns": list[str],
        "column_types": list[str],
        "command": str | None,
        "inner": str | None,
        "options": dict[str, str],
        "branch": str | None,
        "requested_version": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None,
        "requested_timestamp": str | None,
        "read": list[str],
        "empty": bool,
        "planned": str | None,
        "dynamic_partition_overwrite": bool,
    },
    total=False,
)
"""The facts of a node, `x`."""

Ancestor = TypedDict(
    "Ancestor",
    {
        "id": int,
        "class": str,
        "leaf": bool,
        "paths": list[str],
        "columns": list[str],
        "url": str | None,
        "table": str | None,
        "query": str | None,
    },
    total=False,
)
"""An RDD and what it reads."""


class RunFacts(TypedDict, total=False):
    """What changes with every run: the ancestry of an RDD, the paths of a micro-batch."""

    rdd: int
    ancestry: list[Ancestor]
    ancestry_cut: bool
    paths: list[str]
