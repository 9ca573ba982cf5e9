"""Spool -> store: read segments, decode, fold, analyze, append, and only then let the segments go.

Repeating an ingest changes nothing: rows have keys. A segment stays in the spool while one of its
executions waits for its root; a bad record is kept aside and counted, the good ones around it are ingested.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spark_lineage.analyze.identity import PATH_RULES, Naming
from spark_lineage.capture import spool as spools
from spark_lineage.decode import collector
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import (
    ApplicationEndRecord,
    ApplicationRecord,
    ExecutionRecord,
    ExecutorRecord,
    GapRecord,
    IntentRecord,
    PlanRecord,
    RddJobRecord,
    Record,
    StreamRecord,
    decode_record,
)
from spark_lineage.decode.tree import PlanTree
from spark_lineage.errors import DecodeError
from spark_lineage.model import Dataset, Problem, RunState, Severity
from spark_lineage.pipeline.application import Application
from spark_lineage.pipeline.batches import fold_all
from spark_lineage.pipeline.fold import Folded, groups, is_complete
from spark_lineage.pipeline.intents import as_execution, end_of, unended
from spark_lineage.pipeline.locate import Locations
from spark_lineage.pipeline.logged import decide_by_logs
from spark_lineage.pipeline.origins import Origins
from spark_lineage.pipeline.problems import senseless
from spark_lineage.pipeline.report import IngestReport
from spark_lineage.pipeline.rows import Rows
from spark_lineage.pipeline.sightings import Sightings
from spark_lineage.pipeline.streams import StreamRows
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.protocol import Store
from spark_lineage.store.schema import from_rows

LIFE_MS = 2_000
"""How long after the last sign of life in a segment's time its writer may have lived: it shows one every second."""

STOP_MS = 5_000
"""How long after its end is announced a stopping application may still commit."""


@dataclass(slots=True)
class _Read:
    """The records of one application, over all its segments that can be read now."""

    application: ApplicationRecord
    plans: dict[str, PlanTree] = field(default_factory=dict)
    executions: dict[int, ExecutionRecord] = field(default_factory=dict)
    others: list[Record] = field(default_factory=list)
    end: ApplicationEndRecord | None = None
    dead: bool = False
    live: bool = False
    homes: dict[int, set[Path]] = field(default_factory=lambda: defaultdict(set))
    intents: list[IntentRecord] = field(default_factory=list)
    alive_until: int | None = None


@dataclass(slots=True)
class _Work:
    spool: Path
    read: dict[str, _Read] = field(default_factory=dict)
    damages: dict[Path, list[spools.SegmentProblem]] = field(default_factory=lambda: defaultdict(list))
    messages: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    records: int = 0
    bad_records: int = 0
    bad_segments: int = 0


def ingest_segments(spool: Path, store: Path | str | Store) -> IngestReport:
    """Bring what waits in a spool into a store, as `spark_lineage.pipeline.ingest` says."""
    target = DeltaStore(store) if isinstance(store, Path | str) else store
    with spools.ingest_lock(spool):
        target.create()
        return _ingest(spool, target)


def _ingest(spool: Path, target: Store) -> IngestReport:
    work = _Work(spool)
    segments = spools.segments(spool)
    usable = [each for each in segments if each.state is not spools.SegmentState.LIVE]
    live = {_writer(each.path) for each in segments if each.state is spools.SegmentState.LIVE}
    for segment in usable:
        _read_segment(segment, work)
    rows = Rows()
    known = list(from_rows("datasets", target.read("datasets").to_pylist()))
    met = {bridge: _sightings(read) for bridge, read in work.read.items()}
    executions = writes = usages = pending = 0
    over: list[tuple[Application, ApplicationEndRecord | None]] = []
    waiting: set[Path] = set()
    for bridge, read in work.read.items():
        read.live = bridge in live
        executions += len(read.executions)
        begun = _begun(read)
        done, open_groups = _fold(read)
        for group in open_groups:
            executions -= len(group)
            pending += len(group)
            waiting.update(path for each in group for path in read.homes[each.execution_id])
        pending += len(begun)
        waiting.update(path for each in begun for path in read.homes[each.execution_id])
        application, found = _rows_of(read, done, begun, rows, target, known, met)
        if read.end is not None or (read.dead and not read.live):
            over.append((application, read.end))
        writes += sum(len(each.writes) for each in found)
        usages += sum(len(each.usages) for each in found)
    decide_by_logs(rows, target)
    for ended, end in over:
        ended.end(end, _states(ended.record.bridge, rows, target))
    for problem in _damage_problems(work):
        rows.problems[problem] = None
    batch = rows.batch()
    if any((batch.runs, batch.plans, batch.problems, batch.datasets, batch.batches, batch.events)):
        target.append(batch)
    target.sync()
    for segment in usable:
        if segment.path not in waiting:
            spools.settle(spool, segment.path, work.damages[segment.path])
    return IngestReport(
        segments=len(usable),
        records=work.records,
        executions=executions,
        writes=writes,
        usages=usages,
        problems=len(batch.problems),
        bad_segments=work.bad_segments,
        bad_records=work.bad_records,
        pending=pending,
        messages=tuple(work.messages),
    )


def _writer(path: Path) -> str:
    """The bridge that a segment's name gives: all but the sequence number."""
    return path.stem.rpartition("-")[0]


def _read_segment(segment: spools.Segment, work: _Work) -> None:
    read: _Read | None = None
    for frame in spools.frames(segment.path):
        if isinstance(frame, spools.SegmentProblem):
            if frame.damage is spools.Damage.TORN and segment.state is spools.SegmentState.DEAD:
                continue  # its writer was stopped in the middle of a record: that one never was
            whole = frame.damage in spools.KEPT_WHOLE
            work.bad_segments += whole
            work.bad_records += not whole
            work.messages.append(f"{frame.message} It is kept in {work.spool / spools.BAD_FOLDER}.")
            work.damages[segment.path].append(frame)
            continue
        try:
            with collector.paused():
                record = decode_record(frame.payload)
                tree = decode_plan(record) if isinstance(record, PlanRecord) else None
        except DecodeError as error:
            _refuse(segment.path, frame, str(error), work)
            continue
        if isinstance(record, ApplicationRecord):
            read = work.read.setdefault(record.bridge, _Read(record))
            if segment.state is spools.SegmentState.DEAD:
                read.dead = True
                read.alive_until = int(segment.path.stat().st_mtime * 1_000) + LIFE_MS
        elif read is None:
            _refuse(segment.path, frame, "a record stands before the one that names its application", work)
            continue
        elif tree is not None:
            read.plans.setdefault(tree.hash, tree)
        else:
            _take(record, read, segment.path)
        work.records += 1


def _refuse(segment: Path, frame: spools.Frame, reason: str, work: _Work) -> None:
    kept = spools.keep_aside_payload(work.spool, segment, frame.offset, frame.payload, reason)
    work.bad_records += 1
    where = f"segment {segment.name}, byte {frame.offset}"
    work.messages.append(f"{where}: {reason}; kept as {kept.name} in {kept.parent}")
    hint = "the record is kept aside in the spool's folder `bad`"
    work.problems.append(Problem("bad_record", Severity.ERROR, reason, where, hint))


def _take(record: Record, read: _Read, path: Path) -> None:
    match record:
        case ExecutionRecord():
            read.executions[record.execution_id] = record
            read.homes[record.execution_id].add(path)
        case IntentRecord():
            read.intents.append(record)
            read.homes[record.execution_id].add(path)
        case ApplicationEndRecord():
            read.end = record
        case _:
            read.others.append(record)


def _begun(read: _Read) -> list[IntentRecord]:
    """The intents that wait for their ends. In an application that is over they are executions without an end from here on."""
    left = unended(read.intents, read.executions)
    if read.end is None and read.live:
        return left
    for intent in left:
        read.executions[intent.execution_id] = as_execution(intent, end_of(intent, read.end))
    return []


def _fold(read: _Read) -> tuple[list[list[ExecutionRecord]], list[list[ExecutionRecord]]]:
    """The groups that are complete, and those that still wait for their root.

    Nothing waits for an application that has ended.
    """
    over = read.end is not None or not read.live
    done: list[list[ExecutionRecord]] = []
    waiting: list[list[ExecutionRecord]] = []
    for root, group in groups(read.executions.values()).items():
        (done if over or is_complete(root, group) else waiting).append(group)
    return done, waiting


def _sightings(read: _Read) -> Sightings:
    return Sightings(read.plans, read.executions.values(), naming_of(read.application.settings))


def naming_of(settings: Mapping[str, str]) -> Naming:
    """The naming rules that travelled in an application's record."""
    rules = settings.get("spark.lineage.dataset.pathRules")
    chosen = (
        tuple(PATH_RULES)
        if rules is None
        else tuple(each.strip() for each in rules.split(",") if each.strip())
    )
    return Naming(chosen, settings.get("spark.lineage.namespace") or "file")


def _rows_of(
    read: _Read,
    done: list[list[ExecutionRecord]],
    begun: list[IntentRecord],
    rows: Rows,
    target: Store,
    known: list[Dataset],
    met: Mapping[str, Sightings],
) -> tuple[Application, list[Folded]]:
    naming = naming_of(read.application.settings)
    warehouse = read.application.settings.get("spark.sql.warehouse.dir")
    own = met[read.application.bridge]
    others = [each for each in met.values() if each is not own]
    locations = Locations(naming, warehouse, known, own, others)
    origins = Origins(read.plans, read.executions, naming)
    store = naming.locate(target.path).id
    end = None if read.end is None or read.end.ended_at is None else read.end.ended_at + STOP_MS
    application = Application(
        read.application, read.plans, rows, locations, store, origins, end or read.alive_until
    )
    found: list[Folded] = []
    for group in done:
        try:
            with collector.paused():
                all_folded = fold_all(
                    group[-1].root, group, lambda each: read.plans.get(each.plan or ""), naming
                )
                for folded in all_folded:
                    application.add(folded)
        except Exception as error:  # noqa: BLE001 - records that fit the format and make no sense: the others count
            rows.tell([senseless(read.application, group[-1].root, error)])
            continue
        found.extend(all_folded)
    _tell_others(application, read, begun)
    return application, found


def _tell_others(application: Application, read: _Read, begun: list[IntentRecord]) -> None:
    """What is no execution that ended: jobs without a query, executors, losses, and writes that run."""
    streams = StreamRows(application.rows.batches, application.rows.events)
    for other in read.others:
        if isinstance(other, RddJobRecord):
            application.rdd_job(other)
        elif isinstance(other, StreamRecord):
            streams.add(other)
        elif isinstance(other, ExecutorRecord):
            application.executor(other)
        elif isinstance(other, GapRecord):
            application.gap(other)
    for intent in begun:
        if intent.execution_id == intent.root:
            try:
                application.running(intent)
            except Exception as error:  # noqa: BLE001 - records that fit the format and make no sense
                application.rows.tell([senseless(read.application, intent.root, error)])


def _states(bridge: str, rows: Rows, target: Store) -> set[RunState]:
    """The states of the runs of an application, of this ingest and of those before."""
    stored = target.read("runs", ["run_id", "part", "state"]).to_pylist()
    states = {
        (row["run_id"], row["part"]): RunState(row["state"])
        for row in stored
        if row["run_id"].startswith(f"{bridge}:")
    }
    for run in rows.runs:
        if run.run_id.startswith(f"{bridge}:"):
            states[run.run_id, run.part] = run.state
    return set(states.values())


def _damage_problems(work: _Work) -> list[Problem]:
    return work.problems + [
        Problem(
            f"segment_{each.damage.value}",
            Severity.ERROR,
            each.message,
            path.name,
            "the bytes are kept aside in the spool's folder `bad`",
        )
        for path, problems in work.damages.items()
        for each in problems
    ]
