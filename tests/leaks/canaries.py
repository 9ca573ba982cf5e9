"""Secrets that are like no other text, so that one that leaks names the position that it leaked from."""

from __future__ import annotations

import base64
import re

MARK = "CnRyPt"
"""What every secret text begins with: a part of one is a leak, too."""

NUMBER_MARK = "47110815"

ENCODED = tuple(
    base64.b64encode(b"\0" * shift + MARK.encode())[-(-shift * 8 // 6) : (shift + len(MARK)) * 8 // 6]
    for shift in range(3)
)
"""The mark in base64, wherever in a text it begins: the characters that nothing else decides."""

_TRACE = re.compile(
    rb"cnrypt[0-9]{0,4}|" + MARK.encode().hex().encode() + rb"|" + NUMBER_MARK.encode() + rb"[0-9]{0,4}",
    re.IGNORECASE,
)
_ENCODED = re.compile(b"|".join(map(re.escape, ENCODED)))


class Canaries:
    """Hands out secrets, each once, and knows which position each went to."""

    def __init__(self) -> None:
        self.positions: list[str] = []

    def filled(self, position: str, text: str) -> str:
        """The text with a new secret in place of each {c} (a text), {n} (a number) and {x} (a text in hexadecimal)."""
        return re.sub(r"\{[cnx]\}", lambda found: self._new(position, found[0][1]), text)

    def _new(self, position: str, kind: str) -> str:
        number = len(self.positions)
        self.positions.append(position)
        if kind == "n":
            return f"{NUMBER_MARK}{number:04d}"
        text = f"{MARK}{number:04d}"
        return text.encode().hex() if kind == "x" else text


def traces(data: bytes, positions: list[str]) -> list[str]:
    """What of secrets is in some bytes: each with the position that it was given to, and what stands around it."""
    found = []
    for match in (*_TRACE.finditer(data), *_ENCODED.finditer(data)):
        digits = match[0][-4:]
        known = digits.isdigit() and int(digits) < len(positions)
        around = data[max(0, match.start() - 60) : match.end() + 20]
        found.append(f"{positions[int(digits)] if known else 'somewhere'}: {around!r}")
    return found
