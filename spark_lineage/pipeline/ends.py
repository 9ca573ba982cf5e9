"""The ends of applications, told from what the store has of their runs once these are in it.

Segments of one application may come in several ingests, and at the same time: the state of an application depends on runs that
another ingest brings. So each ingest adds its runs with the ends as it knows them, then looks at all runs that the store has by then,
and looks again after it has corrected an end: whoever comes last sees everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from spark_lineage.decode.records import ApplicationEndRecord
from spark_lineage.model import Batch, Run, RunState
from spark_lineage.pipeline.application import Application
from spark_lineage.pipeline.outcomes import application_state, later_state
from spark_lineage.store.keys import is_more_final
from spark_lineage.store.protocol import Store
from spark_lineage.store.schema import from_rows

__all__ = ["Over", "bridges_of", "correct_ends", "ends"]

_ROUNDS = 10
"""Each round raises a state by a step, of which there are five."""


@dataclass(frozen=True, slots=True)
class Over:
    """An application that is over, with the record of its end; None where it left none."""

    application: Application
    end: ApplicationEndRecord | None


def ends(over: Mapping[str, Over], runs: Iterable[Run], target: Store) -> list[Run]:
    """The runs of the applications themselves that are over, by the runs of the store and those that are about to be added."""
    if not over:
        return []
    added = [(run.run_id, run.state) for run in runs]
    states = _states(over.keys(), target, [run_id for run_id, _ in added])
    for run_id, state in added:
        states[run_id.rpartition(":")[0]].add(state)
    found = (_run(one, None, states[bridge]) for bridge, one in over.items())
    return [run for run in found if run is not None]


def correct_ends(over: Mapping[str, Over], touched: Collection[str], target: Store) -> None:
    """Correct the ends of applications that were `touched`, by all runs that the store has of them: all by bridge."""
    if not touched:
        return
    for _ in range(_ROUNDS):
        states = _states(touched, target)
        told = {run.run_id: run for run in from_rows("runs", target.read("runs", scope=touched).to_pylist())}
        new = tuple(_new(over, touched, states, told))
        if not new:
            return
        target.append(Batch(runs=new))


def _new(
    over: Mapping[str, Over],
    touched: Collection[str],
    states: Mapping[str, set[RunState]],
    told: Mapping[str, Run],
) -> Iterator[Run]:
    for bridge in touched:
        before = told.get(bridge)
        now = _run(over.get(bridge), before, states[bridge])
        if now is not None and (before is None or is_more_final(now.state, before.state)):
            yield now


def _run(over: Over | None, before: Run | None, states: set[RunState]) -> Run | None:
    if over is not None:
        return over.application.ended(over.end, *application_state(over.end, states))
    if before is None:
        return None
    state, why = later_state(before.state, before.error_message, states)
    return replace(before, state=state, error_message=why)


def _states(
    bridges: Collection[str], target: Store, without: Collection[str] = ()
) -> dict[str, set[RunState]]:
    """The states of the stored runs of each application but for some, each run in the most final one."""
    found: dict[str, set[RunState]] = defaultdict(set)
    runs = target.read("runs", ["run_id", "state"], under=[f"{bridge}:" for bridge in bridges])
    if without:
        runs = runs.filter(pc.invert(pc.is_in(runs["run_id"], pa.array(without, pa.string()))))
    pairs = pa.table({"bridge": bridges_of(runs["run_id"]), "state": runs["state"]})
    for pair in pairs.group_by(["bridge", "state"]).aggregate([]).to_pylist():
        found[pair["bridge"]].add(RunState(pair["state"]))
    return found


def bridges_of(run_ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The bridges of runs within applications: what stands before the last colon of their ids. A million take no million objects."""
    return pc.replace_substring_regex(run_ids, ":[^:]*$", "")
