"""Streaming queries: their micro-batches as one history, over every start from the same checkpoint.

A query is its checkpoint: each start has a `stream_run_id` of its own and the same `query_id`. A micro-batch that failed said nothing
of itself, so it is known from its runs alone, and the batch that completed in its place has the same number. Where a
number comes back that had been completed before, the checkpoint was set back: both are shown, the later one as `repeated`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow.compute as pc

from spark_lineage.errors import NameLookupError
from spark_lineage.model import (
    SCHEMA_VERSION,
    ApplicationEvent,
    DatasetId,
    Operator,
    Run,
    RunState,
    StreamBatch,
)
from spark_lineage.query.answers import DatasetReference, Json, iso_time, json_or_text, total
from spark_lineage.query.snapshot import ReadableStore, Snapshot
from spark_lineage.store.schema import from_rows

__all__ = ["StreamAnswer", "StreamsAnswer", "batch_json", "stream_answer", "streams_answer"]

_CANDIDATES = 3
_STARTED, _ENDED = "stream_started", "stream_ended"


@dataclass(slots=True)
class Attempt:
    """One try at a micro-batch: what its progress said (None: it failed, or an older bridge was not told), and its runs."""

    batch_id: int
    application: str
    batch: StreamBatch | None
    runs: list[Run] = field(default_factory=list)
    repeated: bool = False

    @property
    def at(self) -> int:
        """When it began, epoch milliseconds; 0 where that is not known."""
        known = [run.started_at for run in self.runs if run.started_at is not None]
        if self.batch is not None and self.batch.started_at is not None:
            return self.batch.started_at
        return min(known, default=0)

    @property
    def outcome(self) -> RunState:
        """COMPLETE where its progress says so, else the state of its micro-batch's run, else of the last of its runs."""
        if self.batch is not None:
            return RunState.COMPLETE
        whole = [run for run in self.runs if run.operation == "STREAM"]
        return (whole or self.runs)[-1].state


@dataclass(slots=True)
class Start:
    """One start of a query; `stream_run_id` is None for runs of which no progress was recorded. `reason` is why it failed."""

    stream_run_id: str | None
    application: str
    started_at: int | None = None
    ended_at: int | None = None
    has_ended: bool = False
    reason: str = ""
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def at(self) -> int:
        """When it began: as it said, else when its first micro-batch did."""
        return (
            min((each.at for each in self.attempts), default=0)
            if self.started_at is None
            else self.started_at
        )


@dataclass(slots=True)
class Stream:
    """One streaming query: its starts in their order, each with its attempts in theirs."""

    query_id: str
    name: str | None
    starts: list[Start]
    applications: dict[str, Run]
    targets: list[DatasetReference] = field(default_factory=list)

    @property
    def attempts(self) -> list[Attempt]:
        """All attempts, the oldest first."""
        return [attempt for start in self.starts for attempt in start.attempts]

    def state_of(self, start: Start) -> str:
        """`failed` or `ended` as it said; else `running`, or `unknown` where its application is over without a word on it."""
        if start.has_ended:
            return "failed" if start.reason else "ended"
        application = self.applications.get(start.application)
        if application is None or application.state is RunState.RUNNING:
            return "running" if start.stream_run_id else "unknown"
        return "unknown" if application.state is RunState.UNKNOWN else "ended"


@dataclass(frozen=True, slots=True)
class StreamsAnswer:
    """All streaming queries, the one that was last at work first."""

    streams: tuple[Stream, ...]

    def to_dict(self) -> Json:
        """The JSON of `streams`."""
        return {"schema_version": SCHEMA_VERSION, "streams": [_summary(each) for each in self.streams]}


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """One streaming query with its newest `limit` attempts (None: all); `operators` are the stateful ones of its newest plan."""

    stream: Stream
    operators: tuple[Operator, ...]
    limit: int | None = None

    def to_dict(self) -> Json:
        """The JSON of `stream`."""
        newest = [(attempt, start) for start in self.stream.starts for attempt in start.attempts][::-1]
        return {
            "schema_version": SCHEMA_VERSION,
            **_summary(self.stream),
            "operators": [
                {"id": each.id, "name": each.name, "detail": each.detail} for each in self.operators
            ],
            "starts": [_start(self.stream, start) for start in reversed(self.stream.starts)],
            "batches": [_attempt(attempt, start) for attempt, start in newest[: self.limit]],
        }


def streams_answer(store: ReadableStore, snapshot: Snapshot) -> StreamsAnswer:
    """All streaming queries of a store."""
    runs = _stream_runs(snapshot)
    batches = _by_query(from_rows("batches", store.read("batches").to_pylist()))
    events = _stream_events(store)
    ids = sorted({*runs, *batches, *events})
    found = [
        _stream(each, batches.get(each, []), runs.get(each, []), events.get(each, []), snapshot)
        for each in ids
    ]
    found.sort(key=lambda each: (-_last_at(each), each.name or "", each.query_id))
    return StreamsAnswer(tuple(found))


def stream_answer(
    store: ReadableStore, snapshot: Snapshot, name: str, limit: int | None = None
) -> StreamAnswer:
    """The history of one streaming query, by its name, its id or the beginning of it.

    Raises `NameLookupError` for one that is unknown or ambiguous.
    """
    runs, events = _stream_runs(snapshot), _stream_events(store)
    known: dict[str, set[str]] = {each: set() for each in (*runs, *events)}
    for row in store.read("batches", ["query_id", "name"]).to_pylist():
        known.setdefault(row["query_id"], set()).update([row["name"]] if row["name"] else [])
    for query, found in events.items():
        known[query].update(each.detail for each in found if each.kind == _STARTED and each.detail)
    query_id = _find(name.strip(), known)
    batches = list(from_rows("batches", store.read("batches", scope={query_id}).to_pylist()))
    stream = _stream(query_id, batches, runs.get(query_id, []), events.get(query_id, []), snapshot)
    return StreamAnswer(stream, _stateful(store, stream), limit)


def _find(wanted: str, known: dict[str, set[str]]) -> str:
    named = sorted(query for query, names in known.items() if wanted in names)
    found = [wanted] if wanted in known else named
    if not found and len(wanted) >= 4:
        found = sorted(query for query in known if query.startswith(wanted))
    if len(found) == 1:
        return found[0]
    if found:
        candidates = tuple(found[:_CANDIDATES])
        raise NameLookupError(
            f'The streaming query "{wanted}" is ambiguous: write the id of the one that is meant, such as {", ".join(candidates)}.',
            candidates,
        )
    names = tuple(sorted({each for some in known.values() for each in some}))[:_CANDIDATES]
    raise NameLookupError(
        f'There is no streaming query "{wanted}" in the store: `spark-lineage stream` lists those that ran.',
        names,
    )


def _stream(
    query_id: str,
    batches: Collection[StreamBatch],
    runs: Collection[Run],
    events: Sequence[ApplicationEvent],
    snapshot: Snapshot,
) -> Stream:
    starts: dict[tuple[str, str | None], Start] = {}

    def start_of(application: str, stream_run: str | None) -> Start:
        return starts.setdefault((application, stream_run), Start(stream_run, application))

    for event in sorted(events, key=lambda each: each.at):
        start = start_of(event.application, event.stream_run_id)
        if event.kind == _STARTED:
            start.started_at = event.at
        else:
            start.ended_at, start.has_ended, start.reason = event.at, True, event.detail
    for attempt in _attempts(batches, runs):
        if attempt.batch is not None:
            start_of(attempt.application, attempt.batch.stream_run_id).attempts.append(attempt)
        else:
            before = [each for each in starts.values() if each.application == attempt.application]
            before = [each for each in before if each.stream_run_id and each.at <= attempt.at]
            last = max(before, key=lambda each: each.at, default=None)
            (last or start_of(attempt.application, None)).attempts.append(attempt)
    ordered = sorted(starts.values(), key=lambda each: (each.at, each.stream_run_id or ""))
    for start in ordered:
        start.attempts.sort(key=lambda each: (each.batch_id, each.at))
    names = [each.name for each in sorted(batches, key=lambda each: each.started_at or 0) if each.name]
    names = names or [each.detail for each in events if each.kind == _STARTED and each.detail]
    stream = Stream(query_id, names[-1] if names else None, ordered, _applications(snapshot, starts.values()))
    _mark_repeated(stream.attempts)
    targets = {run.target for run in runs if run.target is not None}
    stream.targets = [_reference(snapshot, each) for each in sorted(targets)]
    return stream


def _attempts(batches: Collection[StreamBatch], runs: Collection[Run]) -> list[Attempt]:
    """The attempts, those that completed first; each run is part of the one whose root execution began last before it."""
    complete: dict[tuple[str, int], list[tuple[int, Attempt]]] = {}
    for batch in batches:
        attempt = Attempt(batch.batch_id, batch.application, batch)
        key = batch.application, batch.batch_id
        complete.setdefault(key, []).append((_number(batch.run_id or ""), attempt))
    others: list[Attempt] = []
    for run in sorted(runs, key=lambda each: (_number(each.run_id), each.part)):
        application, number = run.run_id.partition(":")[0], _number(run.run_id)
        batch_id = -1 if run.batch_id is None else run.batch_id
        roots = [each for each in complete.get((application, batch_id), ()) if 0 <= each[0] <= number]
        if roots:
            max(roots, key=lambda each: each[0])[1].runs.append(run)
        elif others and run.operation != "STREAM" and _is_part(others[-1], application, batch_id):
            others[-1].runs.append(run)
        else:
            others.append(Attempt(batch_id, application, None, [run]))
    return [*(attempt for found in complete.values() for _, attempt in found), *others]


def _is_part(attempt: Attempt, application: str, batch_id: int) -> bool:
    return (attempt.application, attempt.batch_id) == (application, batch_id)


def _number(run_id: str) -> int:
    """The execution of a run's id; -1 where it has none."""
    number = run_id.rpartition(":")[2]
    return int(number) if number.isdigit() else -1


def _mark_repeated(attempts: Iterable[Attempt]) -> None:
    newest = -1
    for attempt in attempts:
        if attempt.batch is not None:
            attempt.repeated = attempt.batch_id <= newest
            newest = max(newest, attempt.batch_id)


def _reference(snapshot: Snapshot, id_: DatasetId) -> DatasetReference:
    known = snapshot.datasets.get(id_)
    return DatasetReference(id_.namespace, id_.name, () if known is None else known.aliases)


def _stream_runs(snapshot: Snapshot) -> dict[str, list[Run]]:
    rows = snapshot.runs.filter(pc.is_valid(snapshot.runs["query_id"])).to_pylist()
    found: dict[str, list[Run]] = {}
    for run in from_rows("runs", rows):
        found.setdefault(run.query_id, []).append(run)
    return found


def _stream_events(store: ReadableStore) -> dict[str, list[ApplicationEvent]]:
    found: dict[str, list[ApplicationEvent]] = {}
    for event in from_rows("events", store.read("events").to_pylist()):
        if event.kind in {_STARTED, _ENDED}:
            found.setdefault(event.subject, []).append(event)
    return found


def _by_query(batches: Iterable[StreamBatch]) -> dict[str, list[StreamBatch]]:
    found: dict[str, list[StreamBatch]] = {}
    for batch in batches:
        found.setdefault(batch.query_id, []).append(batch)
    return found


def _applications(snapshot: Snapshot, starts: Iterable[Start]) -> dict[str, Run]:
    wanted = {start.application for start in starts}
    rows = snapshot.runs.filter(pc.equal(snapshot.runs["kind"], "application")).to_pylist()
    return {run.run_id: run for run in from_rows("runs", rows) if run.run_id in wanted}


def _stateful(store: ReadableStore, stream: Stream) -> tuple[Operator, ...]:
    """The operators of the newest plan that say their bounds of time."""
    newest = next(
        (run.fingerprint for each in reversed(stream.attempts) for run in each.runs if run.fingerprint), None
    )
    if newest is None:
        return ()
    plans = from_rows("plans", store.read("plans", scope={newest}).to_pylist())
    return tuple(each for plan in plans for each in plan.operators if each.detail)


def _last_at(stream: Stream) -> int:
    times = [each.at for each in stream.attempts]
    times += [time for each in stream.starts for time in (each.started_at, each.ended_at) if time is not None]
    return max(times, default=0)


def _summary(stream: Stream) -> Json:
    attempts = stream.attempts
    complete = [each.batch for each in attempts if each.batch is not None]
    last = complete[-1] if complete else None
    state = last.state if last else ()
    newest = stream.starts[-1]
    return {
        "query_id": stream.query_id,
        "name": stream.name,
        "state": stream.state_of(newest),
        "error": newest.reason or None,
        "application": _application(stream, newest),
        "starts_count": len(stream.starts),
        "batches_count": len(attempts),
        "failed_batches": sum(each.outcome is RunState.FAILED for each in attempts),
        "input_rows": total(each.input_rows for each in complete),
        "late_rows": total(operator.late_rows for each in complete for operator in each.state),
        "last_batch": last and _told(last),
        "processed_rows_per_second": last and _rate(last),
        "watermark_lag_ms": _lag(last),
        "state_rows": total(each.rows for each in state),
        "state_bytes": total(each.memory_bytes for each in state),
        "targets": [each.to_dict() for each in stream.targets],
    }


def _application(stream: Stream, start: Start) -> Json:
    run = stream.applications.get(start.application)
    runs = [each for attempt in start.attempts for each in attempt.runs]
    known = run or next(iter(runs), None)
    return {
        "run": start.application,
        "id": known and known.application_id,
        "name": known and known.application_name,
    }


def _rate(batch: StreamBatch) -> float | None:
    """Rows a second, as Spark's `processedRowsPerSecond` counts: input rows over the duration of the batch."""
    if batch.input_rows is None or not batch.duration_ms:
        return None
    return round(batch.input_rows * 1000 / batch.duration_ms, 3)


def _lag(batch: StreamBatch | None) -> int | None:
    """How far the watermark is behind the clock when the batch began; None without either."""
    if batch is None or batch.watermark is None or batch.started_at is None:
        return None
    return batch.started_at - batch.watermark


def _start(stream: Stream, start: Start) -> Json:
    ids = [each.batch_id for each in start.attempts]
    return {
        "stream_run_id": start.stream_run_id,
        "application": _application(stream, start),
        "state": stream.state_of(start),
        "started_at": iso_time(start.started_at),
        "ended_at": iso_time(start.ended_at),
        "error": start.reason or None,
        "batches_count": len(ids),
        "first_batch": min(ids, default=None),
        "last_batch": max(ids, default=None),
        "input_rows": total(each.batch.input_rows for each in start.attempts if each.batch is not None),
    }


def _attempt(attempt: Attempt, start: Start) -> Json:
    failed = next((run for run in attempt.runs if run.error_class is not None), None)
    batch = attempt.batch or StreamBatch("", attempt.batch_id, start.stream_run_id or "", attempt.application)
    told = _told(batch)
    return {
        **told,
        "stream_run_id": start.stream_run_id,
        "started_at": iso_time(attempt.at or None),
        "outcome": attempt.outcome.value,
        "repeated": attempt.repeated,
        "late_rows": total(each.late_rows for each in batch.state),
        "runs": list(dict.fromkeys(run.run_id for run in attempt.runs)),
        "error": failed and {"class": failed.error_class, "message": failed.error_message},
    }


def _told(batch: StreamBatch) -> Json:
    """What a batch says besides which query it is of."""
    return {name: value for name, value in batch_json(batch).items() if name not in {"query_id", "name"}}


def batch_json(batch: StreamBatch) -> Json:
    """The JSON of a micro-batch; offsets are JSON, `"?"` where they were masked."""
    return {
        "query_id": batch.query_id,
        "batch_id": batch.batch_id,
        "name": batch.name,
        "stream_run_id": batch.stream_run_id,
        "started_at": iso_time(batch.started_at),
        "duration_ms": batch.duration_ms,
        "input_rows": batch.input_rows,
        "output_rows": batch.output_rows,
        "watermark": iso_time(batch.watermark),
        "events_from": iso_time(batch.events_from),
        "events_until": iso_time(batch.events_until),
        "sources": [
            {
                "description": each.description,
                "start": json_or_text(each.start),
                "end": json_or_text(each.end),
                "rows": each.rows,
            }
            for each in batch.sources
        ],
        "sink": batch.sink,
        "state": [
            {
                "name": each.name,
                "rows": each.rows,
                "updated_rows": each.updated_rows,
                "removed_rows": each.removed_rows,
                "late_rows": each.late_rows,
                "memory_bytes": each.memory_bytes,
            }
            for each in batch.state
        ],
        "durations": [{"name": name, "ms": value} for name, value in sorted(batch.durations_ms)],
    }
