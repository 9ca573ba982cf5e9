"""Where the records of a spool stand: what an ingest keeps of them in memory while it brings them in piece by piece.

Every record is decoded once to see that it is good and where it belongs, and let go. What it says is read again from its
place when its turn comes. A million executions take some 100 bytes each here, and several thousand in full.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from spark_lineage.capture import spool as spools
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import (
    ApplicationEndRecord,
    ApplicationRecord,
    ExecutionRecord,
    IntentRecord,
    PlanRecord,
    StreamRecord,
    decode_record,
)
from spark_lineage.decode.tree import PlanTree
from spark_lineage.errors import DecodeError
from spark_lineage.pipeline.streams import Run, told_of

NODE_LIMIT = 400_000
"""So many nodes of plans are kept decoded at once."""

RECENT_LIMIT = 256
"""So many executions that others refer to are kept decoded at once."""

OPEN_LIMIT = 16
"""So many segments are kept open at once."""

AnyRecord = TypeVar("AnyRecord")


class Place(NamedTuple):
    """Where a payload stands."""

    segment: Path
    offset: int
    length: int


class Reader:
    """Reads records again from their places."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, spools.Payloads] = OrderedDict()

    def record(self, place: Place, kind: type[AnyRecord]) -> AnyRecord:
        """The record at a place. Raises `DecodeError` where it is none of that kind any more."""
        record = decode_record(self.payload(place))
        if not isinstance(record, kind):
            raise DecodeError(f"a record of segment {place.segment.name} changed while it was ingested")
        return record

    def close(self) -> None:
        """Let go of all segments."""
        while self._open:
            self._open.popitem()[1].close()

    def payload(self, place: Place) -> bytes:
        """The bytes at a place; raises `BridgeError` where they are not there any more."""
        payloads = self._open.get(place.segment)
        if payloads is None:
            payloads = self._open[place.segment] = spools.Payloads(place.segment)
            if len(self._open) > OPEN_LIMIT:
                self._open.popitem(last=False)[1].close()
        else:
            self._open.move_to_end(place.segment)
        return payloads.read(place.offset, place.length)


class Trees:
    """Decoded plans by hash, for all applications of an ingest: the same hash is the same plan."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._trees: dict[str, PlanTree] = {}
        self._nodes = 0

    def get(self, hash_: str, place: Place) -> PlanTree:
        """The plan with a hash, which stands at the place."""
        tree = self._trees.get(hash_)
        return self.add(self._reader.record(place, PlanRecord)) if tree is None else tree

    def add(self, record: PlanRecord) -> PlanTree:
        """Decode a plan and keep it; raises `DecodeError` where it is none."""
        tree = decode_plan(record)
        self._trees[record.hash] = tree
        self._nodes += len(tree.nodes)
        return tree

    def is_full(self) -> bool:
        """Whether it is time to `clear`, once nobody compares nodes with those of before."""
        return self._nodes > NODE_LIMIT

    def clear(self) -> None:
        """Let go of all plans: whoever asks for one gets other nodes from here on."""
        self._trees.clear()
        self._nodes = 0


class Plans(Mapping[str, PlanTree | None]):
    """The plans of one application by hash, decoded when they are asked for."""

    def __init__(self, trees: Trees) -> None:
        self.places: dict[str, Place] = {}
        self._trees = trees

    def __getitem__(self, hash_: str) -> PlanTree:
        """The decoded plan; raises `KeyError` where the application has none with this hash."""
        return self._trees.get(hash_, self.places[hash_])

    def get(self, hash_: str, default: PlanTree | None = None) -> PlanTree | None:  # type: ignore[override]
        """The decoded plan, or `default`."""
        return self[hash_] if hash_ in self.places else default

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


class Ended(NamedTuple):
    """What is kept of an execution: enough to know which plan ended when."""

    plan: str | None
    state: str
    ended_order: int


class Executions(Mapping[int, ExecutionRecord]):
    """The executions of one application by id: a line of numbers for each, and the record when it is asked for.

    `intents` are those that never ended, as executions; they come after all others.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.intents: dict[int, ExecutionRecord] = {}
        self._paths: list[Path] = []
        self._positions: dict[int, int] = {}
        self._roots = array("q")
        self._orders = array("q")
        self._contents = array("Q")
        self._intents = array("Q")
        self._segments = array("l")
        self._offsets = array("q")
        self._lengths = array("l")
        self._outcomes = array("l")
        self._outcome_numbers: dict[tuple[str | None, str], int] = {}
        self._repeated: dict[int, list[Path]] = {}
        self._recent: OrderedDict[int, ExecutionRecord] = OrderedDict()

    def add(self, record: ExecutionRecord, place: Place, content: int) -> bool:
        """Note an execution; False where it is known already with another content, and then nothing is noted."""
        known = self._positions.get(record.execution_id)
        if known is not None:
            if self._contents[known] != content:
                return False
            self._repeated.setdefault(record.execution_id, []).append(place.segment)
            return True
        try:
            self._roots.append(record.root)
            self._orders.append(record.ended_order)
        except OverflowError as error:
            del self._roots[len(self._positions) :]
            raise DecodeError("an execution has a number above 64 bits") from error
        self._positions[record.execution_id] = len(self._positions)
        self._contents.append(content)
        self._intents.append(0)
        if not self._paths or self._paths[-1] != place.segment:
            self._paths.append(place.segment)
        self._segments.append(len(self._paths) - 1)
        self._offsets.append(place.offset)
        self._lengths.append(place.length)
        outcome = (record.plan, record.state)
        self._outcomes.append(self._outcome_numbers.setdefault(outcome, len(self._outcome_numbers)))
        return True

    def intend(self, number: int, content: int) -> bool:
        """Note the hash of the intent of an execution that is known; False where another one is noted."""
        position = self._positions[number]
        known = self._intents[position] or content
        self._intents[position] = known
        return known == content

    def content(self, number: int) -> str | None:
        """The hash of an execution's record, 16 hex; None of one that never ended."""
        position = self._positions.get(number)
        return None if position is None else f"{self._contents[position]:016x}"

    def place(self, number: int) -> Place:
        """Where the record of an execution stands."""
        position = self._positions[number]
        segment = self._paths[self._segments[position]]
        return Place(segment, self._offsets[position], self._lengths[position])

    def homes(self, number: int) -> list[Path]:
        """The segments that an execution's record stands in."""
        position = self._positions.get(number)
        if position is None:
            return []
        return [self._paths[self._segments[position]], *self._repeated.get(number, ())]

    def groups(self) -> Iterator[tuple[int, list[int]]]:
        """The roots, each with the ids of the executions inside it in the order in which they ended; roots by their first end."""
        numbers = list(self._positions)
        order = sorted(range(len(numbers)), key=self._orders.__getitem__)
        found: dict[int, list[int] | int] = {}
        for position in order:
            _into(found, self._roots[position], numbers[position])
        for intent in sorted(self.intents.values(), key=lambda each: each.ended_order):
            _into(found, intent.root, intent.execution_id)
        del numbers, order
        for root, members in found.items():
            yield root, [members] if isinstance(members, int) else members

    def ended(self) -> Iterator[Ended]:
        """What is kept of each execution, in the order in which they ended."""
        outcomes = list(self._outcome_numbers)
        for position in sorted(range(len(self._positions)), key=self._orders.__getitem__):
            yield Ended(*outcomes[self._outcomes[position]], self._orders[position])
        for intent in sorted(self.intents.values(), key=lambda each: each.ended_order):
            yield Ended(intent.plan, intent.state, intent.ended_order)

    def let_go(self) -> None:
        """Keep no decoded record: the application is done with."""
        self._recent.clear()

    def load(self, numbers: Iterable[int]) -> list[ExecutionRecord]:
        """The records of some executions, in that order."""
        return [self[each] for each in numbers]

    def __getitem__(self, number: int) -> ExecutionRecord:
        """The record of an execution; raises `KeyError` where there is none."""
        recent = self._recent.get(number)
        if recent is not None:
            return recent
        position = self._positions.get(number)
        if position is None:
            return self.intents[number]
        record = self._recent[number] = self.reader.record(self.place(number), ExecutionRecord)
        if len(self._recent) > RECENT_LIMIT:
            self._recent.popitem(last=False)
        return record

    def get(self, number: int, default: ExecutionRecord | None = None) -> ExecutionRecord | None:  # type: ignore[override]
        """The record of an execution, or `default`."""
        return self[number] if self.__contains__(number) else default

    def __contains__(self, number: object) -> bool:
        return number in self._positions or number in self.intents

    def __iter__(self) -> Iterator[int]:
        yield from self._positions
        yield from self.intents

    def __len__(self) -> int:
        return len(self._positions) + len(self.intents)


def _into(found: dict[int, list[int] | int], root: int, number: int) -> None:
    members = found.get(root)
    if members is None:
        found[root] = number  # most have nothing inside: a list for each would be most of what is kept
    elif isinstance(members, int):
        found[root] = [members, number]
    else:
        members.append(number)


@dataclass(slots=True)
class Noted:
    """Where the records of one application stand, over all its segments that can be read now."""

    application: ApplicationRecord
    plans: Plans
    executions: Executions
    others: list[Place] = field(default_factory=list)
    end: ApplicationEndRecord | None = None
    dead: bool = False
    live: bool = False
    intents: dict[int, list[Place]] = field(default_factory=dict)
    alive_until: int | None = None
    jobs: dict[int, str] = field(default_factory=dict)
    intended: dict[int, int] = field(default_factory=dict)
    streamed: dict[Run, dict[int, int]] = field(default_factory=dict)

    def ran(self, record: ExecutionRecord, place: Place, content: int) -> bool:
        """Note an execution, which takes the place of its intent; False where it is known with another content."""
        if not self.executions.add(record, place, content):
            return False
        self.intents.pop(record.execution_id, None)
        if (intent := self.intended.pop(record.execution_id, None)) is not None:
            self.executions.intend(record.execution_id, intent)
        return True

    def intend(self, number: int, place: Place, content: int) -> bool:
        """Note the intent of an execution; False where it has another one."""
        if number in self.executions:
            return self.executions.intend(number, content)
        if self.intended.setdefault(number, content) != content:
            return False
        self.intents.setdefault(number, []).append(place)
        return True

    def stream(self, record: StreamRecord, content: int) -> bool:
        """Note what a run of a stream said of its start, its end or a batch; False where it said something else of that."""
        run, batch = told_of(record)
        return self.streamed.setdefault(run, {}).setdefault(batch, content) == content

    def said(self, record: StreamRecord) -> str:
        """The hash of a noted record of a stream, 16 hex."""
        run, batch = told_of(record)
        return f"{self.streamed[run][batch]:016x}"

    def record_of(self, number: int) -> tuple[str, str] | None:
        """What stands in `Run.records` for an execution, or for its intent where it never ended: a name and a hash."""
        content = self.executions.content(number)
        if content is not None:
            return str(number), content
        intent = self.intended.get(number)
        return None if intent is None else (f"intent-{number}", f"{intent:016x}")

    def place_of(self, number: int) -> Place:
        """Where an execution's record stands, or its intent where it never ended."""
        intents = self.intents.get(number)
        return self.executions.place(number) if intents is None else intents[0]

    def unended(self) -> list[IntentRecord]:
        """The intents whose executions have no record, each execution once, in the order in which they began."""
        places = (found[-1] for number, found in self.intents.items() if number not in self.executions)
        found = [self.executions.reader.record(each, IntentRecord) for each in places]
        return sorted(found, key=lambda each: each.sequence)

    def homes(self, numbers: Iterable[int]) -> set[Path]:
        """The segments in which the records and intents of some executions stand."""
        found: set[Path] = set()
        for each in numbers:
            found.update(self.executions.homes(each))
            found.update(place.segment for place in self.intents.get(each, ()))
        return found
