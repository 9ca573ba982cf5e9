"""Plans that name no column of what they read, as `count(*)` does: its rows are all that they depend on, and no edge says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from spark_lineage.model import DatasetId, Problem, Severity
from spark_lineage.query.opaque import named_sources
from spark_lineage.query.snapshot import Snapshot

__all__ = ["read_without_column", "walk_problems"]


def read_without_column(snapshot: Snapshot) -> Mapping[DatasetId, tuple[DatasetId, ...]]:
    """Dataset -> those that are made of it by such a plan, itself left out, sorted."""
    named = named_sources(snapshot.walked_edges)
    found: dict[DatasetId, set[DatasetId]] = {}
    for target, state in snapshot.states.items():
        for plan in state.walked:
            for source in plan.datasets:
                if source != target and (plan.fingerprint, source) not in named:
                    found.setdefault(source, set()).add(target)
    return {source: tuple(sorted(targets)) for source, targets in found.items()}


def walk_problems(
    readers: Mapping[DatasetId, tuple[DatasetId, ...]], direction: str, met: Iterable[tuple[DatasetId, bool]]
) -> Iterator[Problem]:
    """A problem for each such read at which a walk ends; `met` are its datasets, each with whether it is there as a whole."""
    wholes = dict.fromkeys((id_ for id_, whole in met if whole or direction == "upstream"))
    for source, targets in readers.items():
        for target in targets:
            here = source if direction == "downstream" else target
            if here in wholes:
                yield Problem(
                    "read_without_column",
                    Severity.INFO,
                    f"{target.name} is made of {source.name} and names no column of it, as count(*) does: the walk does not go on there.",
                    where=target.name,
                    hint="ask `spark-lineage impact` for all that hangs on a table",
                )
