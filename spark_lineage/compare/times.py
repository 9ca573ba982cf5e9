"""Times that people type (a moment, or how long ago), and which spans of time overlap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from spark_lineage.errors import SettingError
from spark_lineage.query.answers import iso_time

__all__ = ["is_time", "overlapping", "parse_time"]

_DURATION = re.compile(r"(\d{1,6})\s*(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ALLOWED = "a time such as 2026-11-20 or 2026-11-20T03:04:05Z (UTC unless it says otherwise), or how long ago: 90s, 30m, 12h, 7d, 2w"


def parse_time(text: str, now_ms: int, what: str = "--since") -> int:
    """The moment that `text` means, in epoch milliseconds; `now_ms` is the present.

    Raises `SettingError`, naming `what`, where it is neither a time nor a duration.

    >>> parse_time("2026-11-20T00:00:01Z", 0), parse_time("2h", 10_000_000)
    (1795132801000, 2800000)
    """
    duration = _DURATION.fullmatch(text.strip())
    try:
        if duration:
            ago = timedelta(**{_UNITS[duration[2]]: int(duration[1])})
            return _in_range(now_ms - ago // timedelta(milliseconds=1))
        # Python 3.10 does not read the Z.
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return _in_range((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1))
    except (ValueError, OverflowError):
        raise SettingError(f"{what} is {text!r}: allowed is {_ALLOWED}.") from None


def _in_range(milliseconds: int) -> int:
    """The moment, if answers can show it; else `ValueError`."""
    if iso_time(milliseconds) is None:
        raise ValueError
    return milliseconds


def is_time(text: str) -> bool:
    """Whether a text looks like a time or a duration, and not like the id of a run.

    >>> is_time("7d"), is_time("2026-11-20"), is_time("3f2504e0-4f89-11d3-9a0c-0305e82c3301:7")
    (True, True, False)
    """
    text = text.strip()
    return bool(_DURATION.fullmatch(text) or re.match(r"\d{4}-\d{2}-\d{2}(?![0-9a-f-])", text))


def overlapping(spans: Mapping[str, tuple[int, int]]) -> list[list[str]]:
    """The names of spans (begin and end, milliseconds) in the order of their begins, those together that overlap, also by way of others.

    Spans that only touch do not overlap.

    >>> overlapping({"b": (15, 40), "a": (10, 20), "c": (40, 40), "d": (50, 60)})
    [['a', 'b'], ['c'], ['d']]
    """
    groups: list[list[str]] = []
    reach = 0
    for name, (begin, end) in sorted(spans.items(), key=lambda item: item[1]):
        if groups and begin < reach:
            groups[-1].append(name)
            reach = max(reach, end)
        else:
            groups.append([name])
            reach = end
    return groups
