"""A SQL file as its statements, each with the line that it begins on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Statement", "statements"]

# A quoted text (backslash escapes, but not in backticks), a comment, a semicolon, or anything else.
_PIECE = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)"""
    r"""|(?P<line>--[^\n]*)|(?P<open>/\*)|(?P<end>;)|(?P<other>[^'"`;/-]+|.)""",
    re.DOTALL,
)
_BRACKET = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `line` is that of its first word, 1 the first."""

    line: int
    text: str


def statements(text: str) -> Iterator[Statement]:
    r"""The statements of a text, without the semicolons between them; comments stay in them, those that are all comment go.

    >>> [(each.line, each.text) for each in statements("SELECT ';'; -- one; two\n\nSELECT 2")]
    [(1, "SELECT ';'"), (3, '-- one; two\n\nSELECT 2')]
    """
    begin, words, position = 0, -1, 0
    while position < len(text):
        match = _PIECE.match(text, position)
        assert match is not None, "any character is a piece"  # noqa: S101 - the last alternative
        position = _after_comment(text, match.end()) if match["open"] else match.end()
        if match["end"]:
            if words >= 0:
                yield Statement(text.count("\n", 0, words) + 1, text[begin : match.start()].strip())
            begin, words = position, -1
        elif words < 0 and not match["line"] and not match["open"] and match[0].strip():
            words = match.start() + len(match[0]) - len(match[0].lstrip())
    if words >= 0:
        yield Statement(text.count("\n", 0, words) + 1, text[begin:].strip())


def _after_comment(text: str, position: int) -> int:
    """The end of a bracketed comment that was opened; such comments nest."""
    depth = 1
    while depth:
        match = _BRACKET.search(text, position)
        if match is None:
            return len(text)
        depth += 1 if match[0] == "/*" else -1
        position = match.end()
    return position
