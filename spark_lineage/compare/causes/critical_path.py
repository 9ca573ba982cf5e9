"""Which chain of runs determined when an output was ready.

From the output's run one goes back to the run that wrote an input last before it began, and from that one to the last of its inputs, and so
on, as long as the input was written for this round, that is after the run before had begun. Of that chain each run says how long it
waited after its input was ready, and which of its stages followed each other up to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from spark_lineage.compare.causes.own_causes import Work
from spark_lineage.compare.causes.rounds import Past, began_at, end_of
from spark_lineage.model import DatasetId, Run, Stage
from spark_lineage.query.answers import DatasetReference, Json, iso_time
from spark_lineage.query.stage_chain import stage_chain

__all__ = ["Link", "critical_path"]


@dataclass(frozen=True, slots=True)
class Link:
    """A run of the chain: `waited_ms` from the end of the link before it to its begin, None for the first."""

    run: Run
    dataset: DatasetReference
    waited_ms: int | None
    stages: tuple[Stage, ...]

    def to_dict(self) -> Json:
        """The link's JSON."""
        return {
            "run": self.run.run_id,
            "job": self.run.job,
            "state": self.run.state.value,
            "dataset": self.dataset.to_dict(),
            "started_at": iso_time(self.run.started_at),
            "ended_at": iso_time(self.run.ended_at),
            "took_ms": _took(self.run.started_at, self.run.ended_at),
            "waited_ms": self.waited_ms,
            "stages": [
                {
                    "id": stage.stage_id,
                    "attempt": stage.attempt,
                    "started_at": iso_time(stage.started_at),
                    "ended_at": iso_time(stage.ended_at),
                    "took_ms": _took(stage.started_at, stage.ended_at),
                }
                for stage in self.stages
            ],
        }


def _took(started_at: int | None, ended_at: int | None) -> int | None:
    """Milliseconds; None where one is not known or the clock went back between them."""
    known = started_at is not None and ended_at is not None and ended_at >= started_at
    return (ended_at or 0) - (started_at or 0) if known else None


def critical_path(
    past: Past,
    work: Work,
    output: Run,
    datasets: Collection[DatasetId],
    reference: Callable[[DatasetId], DatasetReference],
) -> tuple[Link, ...]:
    """The chain of runs that ends with `output`, the first one first; only runs that write one of `datasets` count.

    Where tables are made of each other it ends before it comes back to one: what is further back is the round before.
    """
    chain = [output]
    met = {output.target}
    while (before := _last_input(past, chain[-1], datasets)) is not None and before.target not in met:
        chain.append(before)
        met.add(before.target)
    chain.reverse()
    return tuple(
        Link(
            run,
            reference(run.target) if run.target else DatasetReference("", ""),
            None if number == 0 else began_at(run) - end_of(chain[number - 1]),
            stage_chain(work.stages.get(run.run_id, ())),
        )
        for number, run in enumerate(chain)
    )


def _last_input(past: Past, run: Run, datasets: Collection[DatasetId]) -> Run | None:
    """The run that wrote one of the inputs last before `run` began, if that was after the run before had begun."""
    previous = past.before(run)
    since = None if previous is None else began_at(previous)
    inputs = [
        each
        for source in past.sources(run)
        if source in datasets
        for each in past.contributing(source, began_at(run))
        if since is None or end_of(each) > since
    ]
    return max(inputs, key=lambda each: (end_of(each), each.run_id), default=None)
