"""Spool -> store: read segments, decode, fold, analyze, append piece by piece, and only then let the segments go.

Some applications at a time: a first pass notes where every record of theirs stands (`reading`); then each application's executions
are loaded group by group in the order in which they ended, and their rows are appended when there are enough of them. So the memory
does not grow with the number of applications in the spool, and with a long one's executions by the little that is noted of each; the
answers are those of one piece. Repeating an ingest changes nothing: rows have keys. A segment stays in the spool while one of its
executions waits for its root; a bad record is kept aside and counted, the good ones around it are ingested.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from pathlib import Path

from spark_lineage.analyze.identity import PATH_RULES, Naming
from spark_lineage.capture import spool as spools
from spark_lineage.decode import collector
from spark_lineage.decode.records import (
    ExecutionRecord,
    ExecutorRecord,
    GapRecord,
    IntentRecord,
    ProgressRecord,
    RddJobRecord,
    StreamEndRecord,
    StreamRecord,
    StreamStartRecord,
)
from spark_lineage.model import Batch, Dataset
from spark_lineage.pipeline.application import Application, Known
from spark_lineage.pipeline.batches import fold_all
from spark_lineage.pipeline.ends import Over, bridges_of, correct_ends, ends
from spark_lineage.pipeline.fold import Folded
from spark_lineage.pipeline.intents import as_execution, end_of
from spark_lineage.pipeline.locate import Locations
from spark_lineage.pipeline.logged import decide_by_logs
from spark_lineage.pipeline.origins import Origins
from spark_lineage.pipeline.places import Noted, Place
from spark_lineage.pipeline.problems import senseless
from spark_lineage.pipeline.reading import Reading, execution_named, intent_named, other_content, stream_named
from spark_lineage.pipeline.report import IngestReport
from spark_lineage.pipeline.rows import Rows
from spark_lineage.pipeline.sightings import Sightings
from spark_lineage.pipeline.streams import Run as StreamRun
from spark_lineage.pipeline.streams import StreamRows, stored_records, told_of
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.protocol import Store
from spark_lineage.store.schema import from_rows

STOP_MS = 5_000
"""How long after its end is announced a stopping application may still commit."""

PART_RECORDS = 1_000_000
"""So many records are noted before the applications met so far are brought in, and let go.

What is decided across applications, such as which of two writes made a commit, is decided within such a part, as between two
ingests: so a part is as large as memory allows.
"""

PIECE_ROWS = 50_000
"""So many rows of what ran are appended at once: some thousand executions."""

_CHECKED = 500
"""So many executions are compared at once with what the store has of them."""

_Segments = Iterable[spools.Segment]
"""Those of one application, in the order in which they were written."""

_Group = tuple[int, list[int]]
"""A root execution, and all inside it in the order in which they ended."""


@dataclass(slots=True)
class _Ingest:
    """One ingest under way. `stored` are the applications of which the store has runs."""

    reading: Reading
    target: Store
    known: list[Dataset]
    stored: frozenset[str]
    rows: Rows = field(default_factory=Rows)
    plans: Known = field(default_factory=Known)
    met: dict[str, Sightings] = field(default_factory=dict)
    over: dict[str, Over] = field(default_factory=dict)
    waiting: set[Path] = field(default_factory=set)
    executions: int = 0
    writes: int = 0
    usages: int = 0
    pending: int = 0
    problems: int = 0

    def flush(self, *, last: bool = False) -> None:
        """Append the rows that are there; all but those that are held, or with them."""
        batch = self.rows.take(last=last)
        self.problems += len(batch.problems)
        if batch != Batch():
            fresh = self.reading.noted.keys() - self.stored
            self.target.append(batch, fresh=fresh)
        del batch
        gc.collect(0)  # the collector is paused: what has come since then, and is not gone by itself


def ingest_segments(spool: Path, store: Path | str | Store) -> IngestReport:
    """Bring what waits in a spool into a store, as `spark_lineage.pipeline.ingest` says."""
    target = DeltaStore(store) if isinstance(store, Path | str) else store
    with spools.ingest_lock(spool):
        target.create()
        segments = spools.segments(spool)
        live = {_writer(each.path) for each in segments if each.state is spools.SegmentState.LIVE}
        usable = (each for each in segments if each.state is not spools.SegmentState.LIVE)
        writers = groupby(usable, lambda each: _writer(each.path))
        report = IngestReport()
        for _, first in writers:
            with collector.paused(), closing(_read(spool, first, (more for _, more in writers))) as reading:
                report += _ingest(reading, live, target)
    return report


def _read(spool: Path, first: _Segments, more: Iterable[_Segments]) -> Reading:
    """The first pass over whole applications, one at least, until there are many records."""
    reading = Reading(spool)
    for written in chain([first], more):
        for segment in written:
            reading.read(segment)
        if reading.records + reading.bad_records >= PART_RECORDS:
            break
    return reading


def _ingest(reading: Reading, live: Collection[str], target: Store) -> IngestReport:
    work = _Ingest(
        reading,
        target,
        list(from_rows("datasets", target.read("datasets").to_pylist())),
        _stored(reading.noted, target),
    )
    for bridge, noted in reading.noted.items():
        noted.live = bridge in live
        naming = naming_of(noted.application.settings)
        work.met[bridge] = Sightings(noted.plans, noted.executions.ended, naming)
    for bridge, noted in reading.noted.items():
        application = _application(noted, work)
        _bring_in(application, noted, work)
        if noted.end is not None or (noted.dead and not noted.live):
            work.over[bridge] = Over(application, noted.end)
    decide_by_logs(work.rows, target)
    work.rows.tell(reading.damage_problems())
    work.rows.runs.extend(ends(work.over, work.rows.runs, target))
    work.flush(last=True)
    correct_ends(work.over, reading.noted.keys(), target)
    target.sync()
    for segment in reading.segments:
        if segment.path not in work.waiting:
            damages, kept = reading.damages[segment.path], reading.kept[segment.path]
            spools.settle(reading.spool, segment, damages, kept)
    return IngestReport(
        segments=len(reading.segments),
        records=reading.records,
        executions=work.executions,
        writes=work.writes,
        usages=work.usages,
        problems=work.problems,
        bad_segments=reading.bad_segments,
        bad_records=reading.bad_records,
        pending=work.pending,
        messages=tuple(reading.messages),
    )


def _writer(path: Path) -> str:
    """The bridge that a segment's name gives: all but the sequence number."""
    return path.stem.rpartition("-")[0]


def _stored(bridges: Iterable[str], target: Store) -> frozenset[str]:
    runs = target.read("runs", ["run_id"], under=[f"{each}:" for each in bridges])
    return frozenset(bridges_of(runs["run_id"]).unique().to_pylist())


def naming_of(settings: Mapping[str, str]) -> Naming:
    """The naming rules that travelled in an application's record."""
    rules = settings.get("spark.lineage.dataset.pathRules")
    chosen = (
        tuple(PATH_RULES)
        if rules is None
        else tuple(each.strip() for each in rules.split(",") if each.strip())
    )
    return Naming(chosen, settings.get("spark.lineage.namespace") or "file")


def _application(noted: Noted, work: _Ingest) -> Application:
    settings = noted.application.settings
    naming = naming_of(settings)
    own = work.met[noted.application.bridge]
    others = [each for each in work.met.values() if each is not own]
    locations = Locations(naming, settings.get("spark.sql.warehouse.dir"), work.known, own, others)
    origins = Origins(noted.plans, noted.executions, naming, work.plans.numbers)
    store = naming.locate(work.target.path).id
    end = None if noted.end is None or noted.end.ended_at is None else noted.end.ended_at + STOP_MS
    return Application(
        noted.application,
        noted.plans,
        work.rows,
        locations,
        store,
        origins,
        end or noted.alive_until,
        known=work.plans,
    )


def _bring_in(application: Application, noted: Noted, work: _Ingest) -> None:
    """Make rows of all that is known of one application."""
    work.executions += len(noted.executions)
    begun = _begun(noted)
    work.pending += len(begun)
    work.waiting |= noted.homes(each.execution_id for each in begun)
    groups = noted.executions.groups()
    while piece := list(islice(groups, _CHECKED)):
        others = _contradicting(noted, piece, work)
        for group in piece:
            _group(application, noted, group, others, work)
            if work.reading.trees.is_full():
                work.reading.trees.clear()
                work.plans.forget()
            if work.rows.size() >= PIECE_ROWS:
                work.flush()
    _tell_others(application, noted, begun, work)
    noted.executions.let_go()


def _begun(noted: Noted) -> list[IntentRecord]:
    """The intents that wait for their ends. In an application that is over they are executions without an end from here on."""
    left = noted.unended()
    if noted.end is None and noted.live:
        return left
    for intent in left:
        noted.executions.intents[intent.execution_id] = as_execution(intent, end_of(intent, noted.end))
    return []


def _group(application: Application, noted: Noted, group: _Group, others: set[int], work: _Ingest) -> None:
    """Make rows of one root execution; it waits where its root has not ended. Nothing waits for an application that has ended."""
    root, numbers = group
    left = [each for each in numbers if each not in others]
    is_over = noted.end is not None or not noted.live or root in others
    if not is_over and root not in numbers:
        work.executions -= len(numbers)
        work.pending += len(numbers)
        work.waiting |= noted.homes(numbers)
        return
    work.executions -= sum(noted.executions.content(each) is not None for each in numbers if each in others)
    if not left:
        return
    application.records = _records_of(noted, root, left)
    try:
        all_folded = _folded(application, root, noted.executions.load(left))
        for folded in all_folded:
            application.add(folded)
    except Exception as error:  # noqa: BLE001 - records that fit the format and make no sense: the others count
        work.rows.tell([senseless(noted.application, root, error)])
        return
    work.writes += sum(len(each.writes) for each in all_folded)
    work.usages += sum(len(each.usages) for each in all_folded)


def _folded(application: Application, root: int, members: list[ExecutionRecord]) -> list[Folded]:
    plans = application.plans
    return fold_all(root, members, lambda each: plans.get(each.plan or ""), application.locations.naming)


def _records_of(noted: Noted, root: int, numbers: list[int]) -> dict[str, tuple[str, ...]]:
    """The records of the runs that may come of a group: of its root all, of another its own."""
    found = ((each, noted.record_of(each)) for each in sorted(numbers))
    known = {each: ":".join(record) for each, record in found if record is not None}
    bridge = noted.application.bridge
    return {f"{bridge}:{each}": (record,) for each, record in known.items()} | {
        f"{bridge}:{root}": tuple(known.values())
    }


def _contradicting(noted: Noted, piece: list[_Group], work: _Ingest) -> set[int]:
    """The executions of some groups that the store knows with other content: they are refused."""
    bridge = noted.application.bridge
    if bridge not in work.stored:
        return set()
    numbers = {each for root, members in piece for each in (root, *members)}
    known = _known_records(work.target, bridge, map(str, numbers))
    refused = set()
    for number in sorted(numbers):
        name, content = noted.record_of(number) or (str(number), "")
        if content and content not in known.get(name, {content}):
            refused.add(number)
            what = execution_named(number) if name == str(number) else intent_named(number)
            _refuse(work, noted.place_of(number), what, bridge, str(number))
    return refused


def _known_records(target: Store, bridge: str, names: Iterable[str]) -> dict[str, set[str]]:
    """The hashes of the records that the store has runs of, by what stands behind the bridge in a run's id."""
    runs = target.read("runs", ["run_id", "records"], scope=[f"{bridge}:{each}" for each in names])
    known: dict[str, set[str]] = {}
    for records in runs["records"].to_pylist():
        for name, _, content in (each.partition(":") for each in records or ()):
            known.setdefault(name, set()).add(content)
    return known


def _refuse(work: _Ingest, place: Place, what: str, bridge: str, number: str | None = None) -> None:
    payload = work.reading.reader.payload(place)
    reason = other_content(what, bridge)
    work.reading.refuse(
        place, payload, reason, "other_content", bridge if number is None else f"{bridge}:{number}"
    )


def _tell_others(application: Application, noted: Noted, begun: list[IntentRecord], work: _Ingest) -> None:
    """What is no execution that ended: jobs without a query, executors, losses, and writes that run."""
    streams = StreamRows(application.rows.batches, application.rows.events)
    bridge = noted.application.bridge
    known: dict[str, set[str]] = {}
    if noted.jobs and bridge in work.stored:
        known = _known_records(work.target, bridge, (f"job-{each}" for each in noted.jobs))
    said = stored_records(work.target, bridge, noted.streamed.keys()) if noted.streamed else {}
    for place in noted.others:
        match work.reading.reader.record(place, object):
            case RddJobRecord() as job:
                _tell_job(application, noted, job, place, known, work)
            case StreamStartRecord() | ProgressRecord() | StreamEndRecord() as stream:
                _tell_stream(streams, noted, stream, place, said, work)
            case ExecutorRecord() as executor:
                application.executor(executor)
            case GapRecord() as gap:
                application.gap(gap)
        if work.rows.size() >= PIECE_ROWS:
            work.flush()
    application.records = {}
    for intent in begun:
        if intent.execution_id == intent.root:
            _tell_intent(application, intent)


def _tell_intent(application: Application, intent: IntentRecord) -> None:
    try:
        application.running(intent)
    except Exception as error:  # noqa: BLE001 - records that fit the format and make no sense
        application.rows.tell([senseless(application.record, intent.root, error)])


def _tell_stream(
    rows: StreamRows,
    noted: Noted,
    record: StreamRecord,
    place: Place,
    said: Mapping[tuple[StreamRun, int], set[str]],
    work: _Ingest,
) -> None:
    content = noted.said(record)
    if content in said.get(told_of(record), {content}):
        rows.add(record, content)
    else:
        _refuse(work, place, stream_named(record), noted.application.bridge)


def _tell_job(
    application: Application,
    noted: Noted,
    job: RddJobRecord,
    place: Place,
    known: Mapping[str, set[str]],
    work: _Ingest,
) -> None:
    bridge = noted.application.bridge
    name, content = f"job-{job.job_id}", noted.jobs[job.job_id]
    if content not in known.get(name, {content}):
        _refuse(work, place, f"job {job.job_id}", bridge, name)
        return
    application.records = {f"{bridge}:{name}": (f"{name}:{content}",)}
    try:
        application.rdd_job(job)
    except Exception as error:  # noqa: BLE001 - records that fit the format and make no sense
        application.rows.tell([senseless(noted.application, name, error)])
