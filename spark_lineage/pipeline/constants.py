"""The constants of a run: which literals stand where is the plan's, their keyed hashes are the run's."""

from __future__ import annotations

from spark_lineage.analyze.lineage import Lineage
from spark_lineage.model import Constants

_UNKNOWN = "-"
"""Stands for a literal without a hash: NULL, or one of another plan, of a checkpoint."""


def constants_of(
    run_id: str, part: int, lineage: Lineage, hashes: tuple[str | None, ...], key: str | None
) -> Constants:
    """The constants of one write or usage; `hashes` are those of the run's literals by number, `key` the id of their key."""
    values = tuple(
        (place, " ".join(_hash(number, hashes) for number in numbers)) for place, numbers in lineage.constants
    )
    return Constants(run_id, part, values, key)


def _hash(number: int, hashes: tuple[str | None, ...]) -> str:
    return (hashes[number] if 0 <= number < len(hashes) else None) or _UNKNOWN
