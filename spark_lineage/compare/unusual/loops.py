"""Tables that are made of each other: what one of them has that another has not.

In a loop (`a` is made of `b`, and `b` of `a`) some table is always written last, and by the clock alone the others would be stale for ever. What counts is what came in
from outside: a write is an *origin* where it reads something outside of the loop, or no other table of it. Each write knows the newest origin of each table
that it was made of, as in a vector clock (L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", 1978; C. Fidge and F. Mattern, 1988). An input
is newer for a table only if it has an origin that the table has not, and that is not the table's own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from spark_lineage.compare.unusual.loads import Write
from spark_lineage.model import DatasetId

__all__ = ["Loop", "loops"]

Origins = Mapping[DatasetId, int]
"""Table of a loop -> the end of its newest origin that is known, epoch milliseconds."""


@dataclass(slots=True)
class Loop:
    """Some tables that are made of each other, directly or through others, and the origins of what each write of them left behind."""

    members: frozenset[DatasetId]
    _known: dict[tuple[DatasetId, str, int], Origins] = field(default_factory=dict)

    def brings(
        self, source: DatasetId, write: Write, target: DatasetId, reader: Write, own: Collection[DatasetId]
    ) -> bool:
        """Whether a write of a source has an origin that the target had not after one of its writes; `own` are tables whose origins do not count."""
        known = self._known[target, reader.run_id, reader.part]
        return any(
            at > known.get(table, at - 1)
            for table, at in self._known[source, write.run_id, write.part].items()
            if table not in own
        )

    def learn(
        self,
        writes: Mapping[DatasetId, Sequence[Write]],
        sources: Mapping[str, Collection[DatasetId]],
        versions_read: Mapping[tuple[str, int, DatasetId], int],
    ) -> None:
        """Find the origins of all writes of the members; `sources` is plan -> what it reads."""
        history: dict[DatasetId, _History] = {each: _History() for each in self.members}
        ordered = [(write, table) for table in sorted(self.members) for write in writes.get(table, ())]
        for write, table in sorted(ordered, key=lambda each: each[0].ended_at):
            reads = sources.get(write.fingerprint or "", ())
            others = [each for each in reads if each in self.members and each != table]
            found = dict(history[table].last)
            for each in others:
                version = versions_read.get((write.run_id, write.part, each))
                for origin, at in history[each].read(write.ended_at, version).items():
                    found[origin] = max(at, found.get(origin, at))
            if not others or any(each not in self.members for each in reads):
                found[table] = write.ended_at
            history[table].add(write, found)
            self._known[table, write.run_id, write.part] = found


class _History:
    """The origins that a table had, write by write."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._versions: list[int | None] = []
        self._origins: list[Origins] = []

    @property
    def last(self) -> Origins:
        return self._origins[-1] if self._origins else {}

    def add(self, write: Write, origins: Origins) -> None:
        self._ends.append(write.ended_at)
        self._versions.append(write.version)
        self._origins.append(origins)

    def read(self, until: int, version: int | None) -> Origins:
        """Those of what was read: at a version where it is known, else of all that had ended."""
        place = bisect_right(self._ends, until) - 1
        while version is not None and place >= 0 and (self._versions[place] or version) > version:
            place -= 1
        return self._origins[place] if place >= 0 else {}


def loops(inputs: Mapping[DatasetId, Iterable[DatasetId]]) -> dict[DatasetId, Loop]:
    """The loop of each table that is in one: the strongly connected components of two tables and more (S. R. Kosaraju's way: twice in depth).

    >>> a, b, c = (DatasetId("file", name) for name in "abc")
    >>> sorted(each.name for each in loops({a: [b], b: [a], c: [a]}))
    ['a', 'b']
    """
    readers: dict[DatasetId, list[DatasetId]] = {}
    for table, sources in inputs.items():
        for source in sources:
            readers.setdefault(source, []).append(table)
    found: dict[DatasetId, Loop] = {}
    seen: set[DatasetId] = set()
    for table in reversed(_finished(inputs)):
        members = frozenset(_reached(table, readers, seen))
        if len(members) > 1:
            loop = Loop(members)
            found.update(dict.fromkeys(members, loop))
    return found


def _finished(inputs: Mapping[DatasetId, Iterable[DatasetId]]) -> list[DatasetId]:
    """All tables in the order in which a walk in depth is done with them."""
    done: list[DatasetId] = []
    seen: set[DatasetId] = set()
    for start in inputs:
        if start in seen:
            continue
        seen.add(start)
        waiting = [(start, iter(inputs[start]))]
        while waiting:
            here, rest = waiting[-1]
            following = next((each for each in rest if each not in seen), None)
            if following is None:
                done.append(here)
                waiting.pop()
            else:
                seen.add(following)
                waiting.append((following, iter(inputs.get(following, ()))))
    return done


def _reached(
    start: DatasetId, readers: Mapping[DatasetId, Sequence[DatasetId]], seen: set[DatasetId]
) -> list[DatasetId]:
    """What was not seen before and is reached from the start; it is seen then."""
    if start in seen:
        return []
    seen.add(start)
    found = [start]
    for each in found:
        new = [reader for reader in readers.get(each, ()) if reader not in seen]
        seen.update(new)
        found += dict.fromkeys(new)
    return found
