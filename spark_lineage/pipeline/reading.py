"""The first pass over a spool: every record is decoded once, noted where it stands, or kept aside with its reason."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from spark_lineage.capture import spool as spools
from spark_lineage.decode.records import (
    ApplicationEndRecord,
    ApplicationRecord,
    ExecutionRecord,
    IntentRecord,
    PlanRecord,
    ProgressRecord,
    RddJobRecord,
    Record,
    StreamEndRecord,
    StreamRecord,
    StreamStartRecord,
    decode_record,
)
from spark_lineage.errors import DecodeError
from spark_lineage.model import Problem, Severity
from spark_lineage.pipeline.places import Executions, Noted, Place, Plans, Reader, Trees

LIFE_MS = 2_000
"""How long after the last sign of life in a segment's time its writer may have lived: it shows one every second."""

_KEPT = "the record is kept aside in the spool's folder `bad`"


@dataclass(slots=True)
class Reading:
    """What the first pass found: the applications by bridge, and all that is bad.

    `contents` has the hash of each plan's record by the plan's own hash, over all applications; `kept` where the refused
    records of a segment are kept.
    """

    spool: Path
    reader: Reader = field(default_factory=Reader)
    segments: list[spools.Segment] = field(default_factory=list)
    trees: Trees = field(init=False)
    noted: dict[str, Noted] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    damages: dict[Path, list[spools.SegmentProblem]] = field(default_factory=lambda: defaultdict(list))
    kept: dict[Path, list[Path]] = field(default_factory=lambda: defaultdict(list))
    messages: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    records: int = 0
    bad_records: int = 0
    bad_segments: int = 0

    def __post_init__(self) -> None:
        self.trees = Trees(self.reader)

    def read(self, segment: spools.Segment) -> None:
        """Note the records of a segment that is no longer written."""
        self.segments.append(segment)
        noted: Noted | None = None
        for frame in spools.frames(segment.path):
            if isinstance(frame, spools.SegmentProblem):
                self._damaged(segment, frame)
                continue
            place = Place(segment.path, frame.offset, len(frame.payload))
            try:
                record = decode_record(frame.payload)
                if isinstance(record, ApplicationRecord):
                    noted = None  # what follows one that is refused is nobody's
                    noted = self._application(record, segment)
                else:
                    self._take(record, _after(noted), place, frame.payload)
            except DecodeError as error:
                self.refuse(place, frame.payload, str(error), "bad_record")
                continue
            except _OtherContentError as error:
                self.refuse(place, frame.payload, str(error), "other_content", error.run_id)
                continue
            self.records += 1

    def close(self) -> None:
        """Let go of the segments."""
        self.reader.close()

    def refuse(self, place: Place, payload: bytes, reason: str, code: str, run_id: str | None = None) -> None:
        """Keep a record aside, and say so."""
        kept = spools.keep_aside_payload(self.spool, place.segment, place.offset, payload, reason)
        self.kept[place.segment].append(kept)
        self.bad_records += 1
        where = f"segment {place.segment.name}, byte {place.offset}"
        self.messages.append(f"{where}: {reason}; kept as {kept.name} in {kept.parent}")
        self.problems.append(Problem(code, Severity.ERROR, reason, where, _KEPT, run_id))

    def damage_problems(self) -> list[Problem]:
        """What is bad, as problems: records, and bytes between them."""
        return self.problems + [
            Problem(
                f"segment_{each.damage.value}",
                Severity.ERROR,
                each.message,
                path.name,
                "the bytes are kept aside in the spool's folder `bad`",
            )
            for path, problems in self.damages.items()
            for each in problems
        ]

    def _damaged(self, segment: spools.Segment, problem: spools.SegmentProblem) -> None:
        if problem.damage is spools.Damage.TORN and segment.state is spools.SegmentState.DEAD:
            return  # its writer was stopped in the middle of a record: that one never was
        if problem.damage not in spools.KEPT_WHOLE:
            self.bad_records += 1
        elif not any(each.damage in spools.KEPT_WHOLE for each in self.damages[segment.path]):
            self.bad_segments += 1
        self.messages.append(f"{problem.message} It is kept in {self.spool / spools.BAD_FOLDER}.")
        self.damages[segment.path].append(problem)

    def _application(self, record: ApplicationRecord, segment: spools.Segment) -> Noted:
        noted = self.noted.get(record.bridge)
        if noted is None:
            noted = self.noted[record.bridge] = Noted(record, Plans(self.trees), Executions(self.reader))
        elif noted.application != record:
            raise _OtherContentError("the application", record.bridge)
        if segment.state is spools.SegmentState.DEAD:
            noted.dead = True
            noted.alive_until = max(
                noted.alive_until or 0, int(segment.path.stat().st_mtime * 1_000) + LIFE_MS
            )
        return noted

    def _take(self, record: Record, noted: Noted, place: Place, payload: bytes) -> None:
        bridge = noted.application.bridge
        match record:
            case PlanRecord():
                self._plan(record, noted, place, payload)
            case ExecutionRecord():
                if not noted.ran(record, place, self._content(payload, record.plan)):
                    raise _OtherContentError(
                        execution_named(record.execution_id), bridge, record.execution_id
                    )
            case IntentRecord():
                # With its execution it has nothing in common that could be compared but the number: that one's plan has the executed
                # part and higher limits, and its root may not be known any more.
                if not noted.intend(record.execution_id, place, self._content(payload, record.plan)):
                    raise _OtherContentError(intent_named(record.execution_id), bridge, record.execution_id)
            case _:
                self._take_other(record, noted, place, payload)

    def _take_other(self, record: Record, noted: Noted, place: Place, payload: bytes) -> None:
        """What is no execution's."""
        bridge = noted.application.bridge
        match record:
            case ApplicationEndRecord():
                if noted.end is not None and noted.end != record:
                    raise _OtherContentError("the end of the application", bridge)
                noted.end = record
                return
            case RddJobRecord():
                content = f"{self._content(payload, None):016x}"
                if noted.jobs.setdefault(record.job_id, content) != content:
                    raise _OtherContentError(f"job {record.job_id}", bridge, f"job-{record.job_id}")
            case StreamStartRecord() | ProgressRecord() | StreamEndRecord():
                if not noted.stream(record, self._content(payload, None)):
                    raise _OtherContentError(stream_named(record), bridge)
            case _:
                pass  # an executor's coming or a gap has no number: two of them that differ are two
        noted.others.append(place)

    def _plan(self, record: PlanRecord, noted: Noted, place: Place, payload: bytes) -> None:
        """A plan that is known is not decoded again: its hash and its bytes are those of the one before."""
        content = hashlib.blake2b(payload, digest_size=16).digest()
        if self.contents.get(record.hash, content) != content:
            raise _OtherContentError(f"plan {record.hash}", noted.application.bridge)
        if record.hash not in self.contents:
            self.trees.add(record)
            self.contents[record.hash] = content
            if self.trees.is_full():
                self.trees.clear()
        noted.plans.places.setdefault(record.hash, place)

    def _content(self, payload: bytes, plan: str | None) -> int:
        """The hash of a record together with its plan."""
        content = hashlib.blake2b(payload, digest_size=8, key=self.contents.get(plan or "", b""))
        return int.from_bytes(content.digest(), "big")


def _after(noted: Noted | None) -> Noted:
    if noted is None:
        raise DecodeError("a record stands before the one that names its application")
    return noted


class _OtherContentError(Exception):
    """A record has the number of one that is known and says something else."""

    def __init__(self, what: str, bridge: str, number: object = None) -> None:
        super().__init__(other_content(what, bridge))
        self.run_id = bridge if number is None else f"{bridge}:{number}"


def execution_named(number: int) -> str:
    """An execution, in words."""
    return f"execution {number}"


def intent_named(number: int) -> str:
    """The intent of an execution, in words."""
    return f"the intent of execution {number}"


def stream_named(record: StreamRecord) -> str:
    """What a record of a stream tells of, in words."""
    match record:
        case StreamStartRecord():
            what = "the start"
        case ProgressRecord():
            what = f"batch {record.batch_id}"
        case StreamEndRecord():
            what = "the end"
    return f"{what} of stream {record.query_id}, run {record.run_id}"


def other_content(what: str, bridge: str) -> str:
    """Why a record is refused that contradicts one with the same number."""
    return f"{what} of {bridge} is known with other content: this one is not ingested"
