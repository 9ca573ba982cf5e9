"""Why an output is as it is: what changed upstream before it was made, the nearest and strongest first.

**Which changes.** The walk is that of `rounds`: upstream, and back in time, each table with the window in which a change could
reach the output. In that window count: runs that failed, were cancelled, have no known end, were late or are missing; stages that failed or were
tried again, fetch failures, executors that were lost or decommissioned, skew, restarts of streams (`compare.own_causes`); sources, expressions,
constants and schemas that are not as they were (`compare.drift.drift`); rows, bytes, durations and inputs that are unusual (`compare.unusual.runs`), commits that no
run explains (`compare.unusual.outside`), and NULLs and values of Delta tables that are unlike before (`compare.drift.added_data`). Of a column, only what its table, its rows or the columns that it is made of have to do with.

**The rank.** `score = weight x strength x 0.8^hops x 0.5^(age / period) x bond`, where

- weight is 1 for an error, 0.7 for a warning, 0.2 for information, and strength the finding's own (0 to 1);
- hops is the distance from the table that it is about to the output;
- age is the time from the finding to the begin of the output's run, not below zero, and period the time between the begins of that run and the one
  before it (at least an hour; a day where there is none before): what happened in the last round counts more than what had been so for several;
- bond is 0.8 where the table only decides rows (INDIRECT), else 1.

Ties are in the order of hops, name, kind, field and message. The numbers are conventions, not measurements: they order causes, and are no
probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from spark_lineage.compare.causes.critical_path import Link, critical_path
from spark_lineage.compare.causes.own_causes import Work, own_causes
from spark_lineage.compare.causes.rounds import Past, Reach, Round, began_at, rounds_of
from spark_lineage.compare.drift.added_data import added_data
from spark_lineage.compare.drift.diff import Comparer
from spark_lineage.compare.drift.drift import drift_of
from spark_lineage.compare.drift.sentences import short_name
from spark_lineage.compare.findings import Finding
from spark_lineage.compare.labels import label
from spark_lineage.compare.unusual.outside import log_problems, outside_writes
from spark_lineage.compare.unusual.runs import unusual_of
from spark_lineage.compare.unusual.series import history_of
from spark_lineage.errors import NameLookupError
from spark_lineage.model import SCHEMA_VERSION, Dataset, DatasetId, EdgeType, Problem, Run, Severity
from spark_lineage.pipeline.logs.commits import Logs
from spark_lineage.query.answers import DatasetReference, Json, Vertex, iso_time, problems_json
from spark_lineage.query.local import LocalEngine
from spark_lineage.query.one_run import find_run
from spark_lineage.query.snapshot import ReadableStore, Snapshot

__all__ = ["Cause", "WhyAnswer", "why"]

WEIGHTS = {Severity.ERROR: 1.0, Severity.WARNING: 0.7, Severity.INFO: 0.2}
HOP_DECAY = 0.8
INDIRECT_BOND = 0.8
LEAST_PERIOD_MS = 3_600_000
DEFAULT_PERIOD_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Cause:
    """A finding with its rank, and the tables from the one that it is about to the output."""

    finding: Finding
    score: float
    hops: int
    bond: EdgeType | None
    path: tuple[DatasetReference, ...]

    @property
    def order(self) -> tuple[float, int, tuple[int, str, str, str, str], str]:
        """By score, then by hops, then as findings are ordered."""
        return (-self.score, self.hops, self.finding.order, self.finding.run_id or "")

    def to_dict(self) -> Json:
        """The finding's JSON with the rank and the path."""
        return {
            **self.finding.to_dict(),
            "score": round(self.score, 3),
            "hops": self.hops,
            "bond": self.bond and self.bond.value,
            "path": [each.to_dict() for each in self.path],
        }


@dataclass(frozen=True, slots=True)
class WhyAnswer:
    """The causes for one run of an output, the strongest first; `run` None where no run wrote it.

    `tables` were looked at, with `runs` of them in their windows. `critical_path` ends with the output's run. `problems` are tables' logs
    that could not be read.
    """

    start: Vertex
    run: Run | None
    previous: Run | None
    causes: tuple[Cause, ...]
    critical_path: tuple[Link, ...]
    tables: int
    runs: int
    problems: tuple[Problem, ...]

    def to_dict(self) -> Json:
        """The JSON of the causes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "start": self.start.to_dict(),
            "run": _run(self.run),
            "previous_run": _run(self.previous),
            "tables": self.tables,
            "runs": self.runs,
            "causes": [cause.to_dict() for cause in self.causes],
            "critical_path": [link.to_dict() for link in self.critical_path],
            "problems": problems_json(self.problems),
        }


def why(store: ReadableStore, name: str, run: str | None = None) -> WhyAnswer:
    """What changed before a run of an output (`run` None: its last), the strongest cause first.

    `name` is a table or `table.column`, `run` a run's id or its beginning and number. Raises `NameLookupError` for a name or run that is
    unknown, and for a run that does not write the table.
    """
    engine = LocalEngine(store)
    snapshot = engine.snapshot
    dataset, field = engine.resolve(name)
    past, logs = Past(store, snapshot), Logs()
    comparer = Comparer(store)
    start = Vertex(comparer.reference(dataset.id), field)
    output = _output(past, snapshot, dataset, run)
    if output is None:
        return WhyAnswer(start, None, None, (), (), 0, 0, ())
    rounds, reach = rounds_of(past, output, field)
    in_window = {each.dataset: _runs_in(past, each, output) for each in rounds}
    everything = [each for runs in in_window.values() for each in runs]
    work = Work.of(past, [output, *everything], lambda id_: short_name(comparer.reference(id_)))
    found = [
        *(
            (each, finding)
            for each in rounds
            for finding in own_causes(past, work, each, in_window[each.dataset])
        ),
        *_drifted(comparer, rounds),
        *_unusual(snapshot, rounds, logs),
    ]
    rank = _Rank(past, output, reach, comparer.reference)
    causes = {
        rank.identity(finding): rank.cause(each, finding) for each, finding in found if rank.counts(finding)
    }
    return WhyAnswer(
        start=start,
        run=output,
        previous=past.before(output),
        causes=tuple(sorted(causes.values(), key=lambda cause: cause.order)),
        critical_path=critical_path(
            past, work, output, {each.dataset for each in rounds}, comparer.reference
        ),
        tables=len(rounds),
        runs=len({each.run_id for each in everything}),
        problems=(*log_problems(logs), *_ended(snapshot, dataset.id)),
    )


def _ended(snapshot: Snapshot, id_: DatasetId) -> Iterator[Problem]:
    """That the output was dropped or emptied after its last write."""
    return (each for each in snapshot.problems_of([id_]) if each.code == "table_ended")


class _Rank:
    """The ranking rule of the module's docstring, for one output."""

    def __init__(
        self, past: Past, output: Run, reach: Reach, reference: Callable[[DatasetId], DatasetReference]
    ) -> None:
        previous = past.before(output)
        self._begin = began_at(output)
        period = DEFAULT_PERIOD_MS if previous is None else self._begin - began_at(previous)
        self._period = max(LEAST_PERIOD_MS, period)
        self._output = output
        self._reach = reach
        self._reference = reference

    def counts(self, finding: Finding) -> bool:
        """Whether a finding is about something that the output depends on. A column that went is in no edge any more."""
        if finding.dataset is None or finding.kind in {"column_removed", "schema_changed"}:
            return True
        return self._reach.has(finding.dataset, finding.field)

    def identity(self, finding: Finding) -> tuple[object, ...]:
        """What is said twice counts once."""
        return (finding.kind, finding.dataset, finding.field, finding.message, finding.run_id)

    def cause(self, at: Round, finding: Finding) -> Cause:
        """The finding with its score."""
        bond = self._reach.type(at.dataset) if at.hops else None
        age = max(0, self._begin - finding.at) if finding.at is not None else 0
        score = (
            WEIGHTS[finding.severity] * finding.strength * HOP_DECAY**at.hops * 0.5 ** (age / self._period)
        )
        if bond is EdgeType.INDIRECT:
            score *= INDIRECT_BOND
        return Cause(finding, score, at.hops, bond, tuple(map(self._reference, at.path)))


def _output(past: Past, snapshot: Snapshot, dataset: Dataset, run: str | None) -> Run | None:
    """The run whose output is asked about; None where no run wrote the table."""
    runs = past.runs(dataset.id)
    if run is None:
        return runs[-1] if runs else None
    run_id = find_run(run, snapshot)
    found = [each for each in runs if each.run_id == run_id]
    if not found:
        raise NameLookupError(
            f'The run "{run}" does not write the table: `spark-lineage run {run}` shows what it does.'
        )
    return found[0]


def _runs_in(past: Past, at: Round, output: Run) -> list[Run]:
    """The runs of a table that ended in its window, or began there and have no end; for the output's table up to its run."""
    if at.hops == 0:
        runs = list(past.runs(at.dataset))
        own = next(
            i for i, each in enumerate(runs) if (each.run_id, each.part) == (output.run_id, output.part)
        )
        return [
            each
            for each in runs[: own + 1]
            if each is runs[own] or at.holds(each.ended_at or each.started_at)
        ]
    return [each for each in past.runs(at.dataset) if at.holds(each.ended_at or each.started_at)]


def _drifted(comparer: Comparer, rounds: Sequence[Round]) -> Iterator[tuple[Round, Finding]]:
    """What is not as it was in the writes of each table's window. A schema is that of the table that was read or written."""
    by_dataset = {each.dataset: each for each in rounds}
    slots: dict[DatasetId, list[tuple[str, DatasetId]]] = {}
    for slot in comparer.history.slots:
        slots.setdefault(slot[1], []).append(slot)
    for each in rounds:
        for slot in slots.get(each.dataset, ()):
            for finding in drift_of(comparer, slot, (each.since or 0) + 1):
                if not each.holds(finding.at):
                    continue
                at = by_dataset.get(finding.dataset or each.dataset)
                if at is not None:
                    yield at, finding


def _unusual(snapshot: Snapshot, rounds: Sequence[Round], logs: Logs) -> Iterator[tuple[Round, Finding]]:
    """What is unlike the history in each table's window; without a lower limit, in the day before its end."""
    by_dataset = {each.dataset: each for each in rounds}
    begin = min(each.until - DEFAULT_PERIOD_MS if each.since is None else each.since for each in rounds)
    datasets = frozenset(by_dataset)
    runs = unusual_of(history_of(snapshot), begin, datasets, lambda id_: label(snapshot, id_))
    others = (outside_writes(snapshot, begin, logs, datasets), added_data(snapshot, begin, logs, datasets))
    for finding in (*runs, *(each for found in others for each in found)):
        at = by_dataset.get(finding.dataset) if finding.dataset else None
        if at is not None and at.holds(finding.at):
            yield at, finding


def _run(run: Run | None) -> Json | None:
    if run is None:
        return None
    return {
        "id": run.run_id,
        "state": run.state.value,
        "started_at": iso_time(run.started_at),
        "ended_at": iso_time(run.ended_at),
    }
