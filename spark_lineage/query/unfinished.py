"""Writes that never completed: the tables that nothing else is known of, and what the plan of such a write would have written.

A write that is killed, or fails, before its table exists leaves a name of the catalog and no place. A later run that completes has the
place. Both may be one table, or not (another warehouse, another current database): they are never taken for one, but what people
call by the name is the table with a place, and the answer about it tells of the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.model import (
    CATALOG_NAMESPACE,
    CONTROL_RUN,
    Dataset,
    DatasetId,
    Problem,
    RunState,
    Severity,
    is_called,
)
from spark_lineage.query.names import short_id

__all__ = ["Attempt", "attempts", "namesakes", "no_complete_write", "write_by_name"]

_ENDED = {
    RunState.FAILED: "failed",
    RunState.CANCELLED: "was cancelled",
    RunState.RUNNING: "has not ended",
    RunState.UNKNOWN: "has no known end",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last write of a table of which no write has completed; `number` is that of the run in the order of all."""

    number: int
    run_id: str
    operation: str
    state: RunState
    fingerprint: str | None


def attempts(runs: pa.Table) -> Mapping[DatasetId, Attempt]:
    """The last attempt by table, of those that no run wrote to its end; `runs` are all in their order, with the column `number`."""
    names = (
        "target_namespace",
        "target_name",
        "number",
        "run_id",
        "operation",
        "state",
        "fingerprint",
        "kind",
    )
    here = pc.and_(pc.is_valid(runs["target_name"]), pc.not_equal(runs["kind"], CONTROL_RUN))
    aimed = runs.select(names).filter(here)
    complete = pc.equal(aimed["state"], RunState.COMPLETE.value)
    done = set(_targets(aimed.filter(complete)))
    found: dict[DatasetId, Attempt] = {}
    for namespace, name, number, run_id, operation, state, fingerprint, kind in zip(
        *(aimed.filter(pc.invert(complete))[each].to_pylist() for each in names), strict=True
    ):
        id_ = DatasetId(namespace, name)
        if id_ not in done and kind == "write":
            found[id_] = Attempt(number, run_id, operation, RunState(state), fingerprint)
    return found


def _targets(runs: pa.Table) -> Iterator[DatasetId]:
    groups = runs.group_by(["target_namespace", "target_name"]).aggregate([])
    return map(DatasetId, groups["target_namespace"].to_pylist(), groups["target_name"].to_pylist())


def namesakes(
    attempted: Iterable[DatasetId], read: Collection[DatasetId], datasets: Collection[Dataset]
) -> Mapping[DatasetId, tuple[DatasetId, ...]]:
    """Table known by its name alone, that nobody read and no write completed -> those with a place that go by that name."""
    alone = [each for each in attempted if each.namespace == CATALOG_NAMESPACE and each not in read]
    by_ending = _by_ending(datasets) if alone else {}
    found = {
        each: tuple(other.id for other in by_ending.get(each.name.lower(), ()) if is_called(other, each.name))
        for each in alone
    }
    return {each: others for each, others in found.items() if others}


def _by_ending(datasets: Iterable[Dataset]) -> Mapping[str, Iterable[Dataset]]:
    """The datasets by what their aliases end in behind a dot, in lower case: comparing all with all takes minutes in a large store."""
    found: dict[str, dict[DatasetId, Dataset]] = {}
    for dataset in datasets:
        for alias in dataset.aliases:
            ending, dot = alias.lower(), "."
            while dot:
                found.setdefault(ending, {})[dataset.id] = dataset
                _, dot, ending = ending.partition(".")
    return {ending: each.values() for ending, each in found.items()}


def no_complete_write(id_: DatasetId, attempt: Attempt) -> Problem:
    """What is said of a table instead of its lineage."""
    return Problem(
        "no_complete_write",
        Severity.INFO,
        f"No write of it that is known here has completed, the last ({attempt.operation}) {_ENDED[attempt.state]}: "
        "what it is made of is not known.",
        where=id_.name,
        hint=f"`spark-lineage run {short_id(attempt.run_id)}` says what that one would have written.",
    )


def write_by_name(id_: DatasetId, alone: DatasetId, attempt: Attempt) -> Problem:
    """What is said of a table whose name another write used that did not complete."""
    return Problem(
        "write_by_name",
        Severity.INFO,
        f"A write ({attempt.operation}) of which only the table's name is known, {alone.name}, "
        f"{_ENDED[attempt.state]}: it may have been one of this table.",
        where=id_.name,
        hint=f"`spark-lineage run {short_id(attempt.run_id)}` says what it would have written.",
    )
