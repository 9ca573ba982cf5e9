"""Spans of attributes: the long lists of a wide plan, which say mostly what the lists before them say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spark_lineage.decode.room import COLUMN_BYTES, REFERENCE_BYTES, Room
from spark_lineage.decode.tree import Attribute
from spark_lineage.errors import DecodeError

MAX_ATTRIBUTES = 20_000_000
"""How many attributes the spans of a plan may unfold to; the bridge's own limit."""


class Spans:
    """Reads the spans of one plan, which must come in the order in which they were written.

    A span's items are indexes of attributes, and `(from, count)`, which stands for `count` attributes as they stand from
    position `from` in the sequence of all spans before. A span that is one copy adds nothing to the sequence, and all that
    are the same copy are one tuple: the operators that pass everything on share their output.
    """

    def __init__(self, attributes: Sequence[Attribute], room: Room) -> None:
        self.attributes = attributes
        self.room = room
        self.sequence: list[Attribute] = []
        self.copies: dict[tuple[int, int], tuple[Attribute, ...]] = {}
        self.read_so_far = 0

    def read(self, items: Sequence[Any]) -> tuple[Attribute, ...]:
        """The attributes of the next span; raises `DecodeError` where the spans unfold to more than `MAX_ATTRIBUTES`."""
        if len(items) == 1 and not isinstance(items[0], int):
            return self._whole(*items[0])
        attributes = self.attributes
        self.room.take(len(items), COLUMN_BYTES)
        found: list[Attribute] = []
        copied = 0
        for each in items:
            if isinstance(each, int):
                found.append(attributes[each])
            else:
                found += self._copy(*each)
                copied += 1
        self._count(len(items) - copied)
        self.sequence += found
        return tuple(found)

    def _whole(self, start: int, count: int) -> tuple[Attribute, ...]:
        known = self.copies.get((start, count))
        if known is None:
            known = self.copies[start, count] = tuple(self._copy(start, count))
        return known

    def _copy(self, start: int, count: int) -> list[Attribute]:
        if start < 0 or count < 1 or start + count > len(self.sequence):
            raise IndexError(f"a copy of {count} from {start}, of {len(self.sequence)} attributes")
        self._count(count)
        self.room.take(count, REFERENCE_BYTES)
        return self.sequence[start : start + count]

    def _count(self, more: int) -> None:
        self.read_so_far += more
        if self.read_so_far > MAX_ATTRIBUTES:
            raise DecodeError(f"the lists of a plan unfold to more than {MAX_ATTRIBUTES:,} attributes")
