"""What changed over the whole store since some time: plans, constants and schemas, as findings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from spark_lineage.compare.drift.added_data import added_data
from spark_lineage.compare.drift.diff import Comparer
from spark_lineage.compare.drift.history import Slot
from spark_lineage.compare.drift.sentences import findings_of, missing_plan, schema_finding, short_name
from spark_lineage.compare.drift.write_runs import first_runs
from spark_lineage.compare.findings import Finding
from spark_lineage.compare.times import parse_time
from spark_lineage.compare.unusual.outside import log_problems
from spark_lineage.model import SCHEMA_VERSION, DatasetId, Problem, Severity
from spark_lineage.pipeline.logs.commits import Logs
from spark_lineage.query.answers import DatasetReference, Json, iso_time, problems_json
from spark_lineage.query.snapshot import ReadableStore, Snapshot

__all__ = ["DriftAnswer", "drift", "drift_of"]


@dataclass(frozen=True, slots=True)
class DriftAnswer:
    """All that changed since a time (epoch milliseconds), the most severe first; `datasets` are those that findings name.

    `problems` are tables' logs that could not be read, where the data were asked for.
    """

    since: int
    writes: int
    findings: tuple[Finding, ...]
    datasets: tuple[DatasetReference, ...]
    problems: tuple[Problem, ...] = ()

    def to_dict(self) -> Json:
        """The JSON of a drift; `writes` is how many writes ran since then."""
        return {
            "schema_version": SCHEMA_VERSION,
            "since": iso_time(self.since),
            "writes": self.writes,
            "findings": [finding.to_dict() for finding in self.findings],
            "datasets": [dataset.to_dict() for dataset in self.datasets],
            "problems": problems_json(self.problems),
        }


def drift(store: ReadableStore, since: str, *, data: bool = False) -> DriftAnswer:
    """What changed in a store since a time or for a duration. Raises `SettingError` for what is neither.

    With `data` also where commits added data that are unlike those before, by the logs of Delta tables (`compare.drift.added_data`).

    A write that ran for the first time since then is no drift: there is nothing before it.
    """
    start = parse_time(since, time.time_ns() // 1_000_000)
    comparer = Comparer(store)
    history = comparer.history
    slots = [
        slot
        for slot, runs in history.slots.items()
        if any(run.at >= start for run in (*runs[-1:], *history.without_plan.get(slot, ())[-1:]))
    ]
    found = {
        _identity(each): each
        for slot in slots
        for each in (*drift_of(comparer, slot, start), *_new_plans(comparer, slot, start))
    }
    logs = Logs()
    if data:
        added = added_data(Snapshot(store), start, logs)
        found |= {_identity(each): each for each in added}
    findings = tuple(sorted(found.values(), key=lambda each: (each.order, each.at or 0)))
    named = sorted({each.dataset for each in findings if each.dataset is not None})
    references = tuple(map(comparer.reference, named))
    return DriftAnswer(
        start, len(slots), findings, references, log_problems(logs, "changes of its data are not seen")
    )


def drift_of(comparer: Comparer, slot: Slot, start: int) -> Iterator[Finding]:
    """What changed in one write since a time (epoch milliseconds)."""
    for change in comparer.changes(slot):
        if change.at >= start:
            write = comparer.compare(change.before, change.after)
            yield from (each for each in findings_of(write) if each.kind != "schema_changed")
    lost = [run for run in comparer.history.without_plan.get(slot, ()) if run.at >= start]
    if lost:
        yield missing_plan(comparer.not_known(lost[-1]), len(lost))
    yield from _other_keys(comparer, slot, start)
    for run, schema in comparer.schemas.changes(comparer.history.slots[slot], comparer.reference):
        if run.at >= start:
            yield from schema_finding(schema, slot[0], run.run_id, run.at)


def _new_plans(comparer: Comparer, slot: Slot, start: int) -> Iterator[Finding]:
    """The plans by which a write was first done since a time, beside those by which it had been done: in one application, no change tells."""
    runs = comparer.history.slots[slot]
    if not runs or runs[0].at >= start:
        return
    told = {each.after.fingerprint for each in comparer.changes(slot) if each.after is not None}
    for fingerprint, run in first_runs(runs).items():
        if run.at >= start and fingerprint not in told:
            yield from findings_of(comparer.compare(None, run))


def _other_keys(comparer: Comparer, slot: Slot, start: int) -> Iterator[Finding]:
    """Where constants could not be compared with those before, since they were hashed under another key."""
    last: str | None = None
    for run in comparer.history.slots[slot]:
        constants = comparer.constants.get((run.run_id, run.part))
        if constants is None or constants.key is None:
            continue
        if last is not None and constants.key != last and run.at >= start:
            message = (
                f"The constants of {short_name(comparer.reference(slot[1]))} cannot be compared with those before: they were hashed "
                "under another key (the setting hashKeyFile)."
            )
            keys = (("key_before", last), ("key_after", constants.key))
            yield Finding(
                "constants_not_compared",
                Severity.INFO,
                message,
                slot[1],
                None,
                slot[0],
                run.run_id,
                run.at,
                keys,
            )
        last = constants.key


def _identity(finding: Finding) -> tuple[str, DatasetId | None, str | None, str, str | None]:
    """What several jobs say alike is said once: a schema that changed, whoever reads it."""
    of_schema = finding.kind == "schema_changed"
    return (
        finding.kind,
        finding.dataset,
        finding.field,
        finding.message,
        None if of_schema else finding.run_id,
    )
