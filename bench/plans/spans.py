"""Lists of attributes as the bridge writes them: long ones as copies of what stands in earlier ones.

The contract's README says what a reader makes of it; `AttributeSpans.java` is the bridge's own.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

SHORTEST = 8
SHORTEST_COPY = 3


class Spans:
    """The lists of one plan, to be written in the record's order."""

    def __init__(self) -> None:
        self.sequence: list[int] = []
        self.latest: dict[int, int] = {}

    def values(self, values: list[Any]) -> list[Any]:
        """The values of a field's list, of which attributes are `{"a": i}`."""
        written: list[Any] = []
        for are_attributes, group in groupby(values, key=_is_attribute):
            found = list(group)
            if are_attributes and len(found) >= SHORTEST:
                written.append(self.span([each["a"] for each in found]))
            else:
                written += found
        return written

    def output(self, attributes: list[int]) -> Any:
        """An operator's output."""
        return self.span(attributes) if len(attributes) >= SHORTEST else attributes

    def span(self, attributes: list[int]) -> dict[str, list[Any]]:
        """Attributes in a row, and those of them that are copies."""
        items: list[Any] = []
        position = longest = 0
        while position < len(attributes):
            start = self.latest.get(attributes[position])
            length = 0 if start is None else self._length(start, attributes[position:])
            if length >= SHORTEST_COPY:
                items.append([start, length])
                position += length
            else:
                items.append(attributes[position])
                position += 1
            longest = max(longest, length)
        if longest < len(attributes):
            self.latest |= {each: len(self.sequence) + place for place, each in enumerate(attributes)}
            self.sequence += attributes
        return {"a": items}

    def _length(self, start: int, attributes: list[int]) -> int:
        length = 0
        for known, each in zip(self.sequence[start : start + len(attributes)], attributes, strict=False):
            if known != each:
                break
            length += 1
        return length


def _is_attribute(value: Any) -> bool:
    return isinstance(value, dict) and "a" in value
