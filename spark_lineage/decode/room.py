"""How much memory a plan may take: asked for before it is taken, so that a refusal costs no more than what was read so far."""

from __future__ import annotations

from spark_lineage.errors import DecodeError

MAX_PLAN_BYTES = 480_000_000
"""What the tree of a plan and its lineage may take in memory; 250,000 nodes, the bridge's limit, leave a quarter of it for all else."""

NODE_BYTES = 1_400
"""A node in the tree, and what the analyzer keeps of an operator."""

ATTRIBUTE_BYTES = 100
"""A column of an operator's output."""

TEXT_BYTES = 3
"""A character of a type's JSON, while it is read."""

TYPE_BYTES = 200
"""A data type, or a part of one, besides its text."""

ELEMENT_BYTES = 100
"""A value in a list or map."""

COLUMN_BYTES = 100
"""A column that an operator's output or select list names itself."""

REFERENCE_BYTES = 16
"""One that is copied from an earlier list: in the list, and in the sequence of all spans."""

_OBJECT_BYTES = ((b"{", 240), (b"[", 88), (b",", 24), (b'"', 45))
"""What each character of JSON makes in CPython at most: an object with a member, a list, a place in it, half a text."""

MOST_OBJECT_BYTES = max(cost for _, cost in _OBJECT_BYTES)
"""What the objects of a JSON text take at most for each of its bytes."""


class Room:
    """What is left of the memory of one plan."""

    def __init__(self, plan: str) -> None:
        self.plan = plan
        self.left = MAX_PLAN_BYTES

    def take(self, count: int, each_bytes: int = 1) -> None:
        """Take so much; raises `DecodeError` where it is not left."""
        self.left -= count * each_bytes
        if self.left < 0:
            raise DecodeError(
                f"plan {self.plan[:64]} would take more than {MAX_PLAN_BYTES:,} bytes of memory"
            )

    def check(self, json: bytes) -> None:
        """Refuse what would not fit for the moment that it takes to read it."""
        needed = object_bytes(json)
        self.take(needed)
        self.left += needed


def object_bytes(json: bytes) -> int:
    """How much memory the objects of a JSON text would take, by the characters that begin or part them, before any is made."""
    return sum(json.count(character) * cost for character, cost in _OBJECT_BYTES)
