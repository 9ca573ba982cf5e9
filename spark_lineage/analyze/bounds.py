"""What a stateful operator of a stream keeps, and for how long: its keys, its condition, and its bounds of time, as text.

Delays of watermarks, lengths of windows and gaps of sessions are a schedule: the bridge lets them pass. The literals of a
condition are `?` here as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spark_lineage.analyze.calls import Environment
from spark_lineage.analyze.expressions import evaluate
from spark_lineage.analyze.operators.joins import join_type
from spark_lineage.analyze.render import render, without_parentheses
from spark_lineage.decode.tree import Node, Opaque, flatten

MAX_DETAIL_CHARACTERS = 500

_UNITS = (
    (86_400_000_000, "day"),
    (3_600_000_000, "hour"),
    (60_000_000, "minute"),
    (1_000_000, "second"),
    (1_000, "millisecond"),
    (1, "microsecond"),
)


def detail_of(node: Node) -> str:
    """The detail of an operator over a stream; empty for one that keeps nothing and bounds nothing."""
    rule = _RULES.get(node.name)
    text = "" if rule is None else rule(node)
    return text if len(text) <= MAX_DETAIL_CHARACTERS else f"{text[: MAX_DETAIL_CHARACTERS - 3]}..."


def is_stream(relation: Node) -> bool:
    """Whether a relation gives a micro-batch of a stream, and not what a table holds."""
    return relation.get("isStreaming") is True or relation.name.startswith("StreamingDataSourceV2")


def _watermark(node: Node) -> str:
    delay = node.get("delay")
    return f"watermark {_interval(delay)} behind {_text(node.get('eventTime'))}"


def _interval(delay: Any) -> str:
    """`[months, days, microseconds]` in words; `?` where an older bridge did not tell it.

    >>> _interval((0, 0, 5_400_000_000)), _interval((1, 2, 0)), _interval((0, 0, 0)), _interval(None)
    ('1 hour 30 minutes', '1 month 2 days', '0 seconds', '?')
    """
    if not isinstance(delay, (list, tuple)) or len(delay) != 3:
        return "?"
    months, days, microseconds = delay
    counts = [(months, "month"), (days, "day")]
    for size, unit in _UNITS:
        count, microseconds = divmod(microseconds, size)
        counts.append((count, unit))
    words = [f"{count:,} {unit}{'' if count == 1 else 's'}" for count, unit in counts if count]
    return " ".join(words) or "0 seconds"


def _microseconds(length: int) -> str:
    return _interval((0, 0, length))


def _text(expression: Any) -> str:
    """An expression by the names of its own columns."""
    if isinstance(expression, Node) and expression.has_subquery:
        return "a subquery"
    return render(
        without_parentheses(evaluate(expression, Environment("", {}, {})).term), lambda leaf: leaf.field
    )


def _keys(expressions: Any) -> str:
    return ", ".join(_text(each) for each in flatten(expressions or ()))


def _duplicates(node: Node) -> str:
    return f"one row for each {_keys(node.get('keys'))}"


def _duplicates_within(node: Node) -> str:
    return f"{_duplicates(node)} within the watermark"


def _join(node: Node) -> str:
    condition = node.get("condition")
    kind = join_type(node)
    return f"{kind} on {_text(condition)}" if condition is not None else kind


def _aggregate(node: Node) -> str:
    keys = _keys(node.get("groupingExpressions"))
    return f"groups by {keys}" if keys else "one group"


def _windows(node: Node) -> str:
    """The windows of time that a select list makes; Spark makes overlapping ones by an Expand."""
    found = (_window(each) for each in node.expressions)
    return "; ".join(dict.fromkeys(each for each in found if each))


def _window(expression: Node) -> str:
    built = _unwrapped(expression)
    for part in built.expressions if built.name == "CreateNamedStruct" else ():
        bound = _unwrapped(part)
        facts = bound.facts if bound.name == "PreciseTimestampConversion" else {}
        if "window" in facts:
            return _sliding(facts["window"], bound)
        if "session" in facts:
            return f"sessions of {_time(bound)} with a gap of {_interval(facts['session'])}"
    return ""


def _sliding(bounds: Any, bound: Node) -> str:
    length, slide, start = bounds
    every = "" if slide == length else f" every {_microseconds(slide)}"
    shifted = f" from {_microseconds(start)} on" if start else ""
    return f"windows of {_microseconds(length)}{every}{shifted} over {_time(bound)}"


def _unwrapped(expression: Node) -> Node:
    while expression.name in {"Alias", "KnownNullable", "Cast"} and expression.expressions:
        expression = expression.expressions[0]
    return expression


def _time(bound: Node) -> str:
    """The column that windows are cut by: what the first conversion inside a bound converts."""
    waiting: list[Node] = list(bound.expressions)
    while waiting:
        node = waiting.pop(0)
        if node.name == "PreciseTimestampConversion":
            return _columns(node)
        waiting.extend(node.expressions)
    return "?"


def _columns(node: Node) -> str:
    """The names of the columns that an expression mentions."""
    names: dict[str, None] = {}
    waiting = [node]
    while waiting:
        for part in waiting.pop().parts:
            if isinstance(part, Node):
                waiting.append(part)
            else:
                names[part.name] = None
    return ", ".join(names) or "?"


def _state_of_groups(node: Node) -> str:
    keys = node.get("groupingAttributes")
    facts = [f"for each {_keys(keys)}"] if keys else []
    facts += [f"{_object(node.get('outputMode'))} mode".lower()] if node.get("outputMode") is not None else []
    facts += [_object(node.get(name)) for name in ("timeout", "timeMode") if node.get(name) is not None]
    return ", ".join(facts)


def _object(value: Any) -> str:
    """The simple name of a case object, `EventTimeTimeout`; a text as it is."""
    if isinstance(value, Opaque):
        return value.class_name.rstrip("$").rpartition("$")[2].rpartition(".")[2]
    return str(value)


_RULES: Mapping[str, Callable[[Node], str]] = {
    "EventTimeWatermark": _watermark,
    "UpdateEventTimeWatermarkColumn": _watermark,
    "Deduplicate": _duplicates,
    "DeduplicateWithinWatermark": _duplicates_within,
    "Join": _join,
    "Aggregate": _aggregate,
    "Project": _windows,
    "Expand": _windows,
    **dict.fromkeys(
        (
            "FlatMapGroupsWithState", "FlatMapGroupsInPandasWithState", "TransformWithState", "TransformWithStateInPySpark",
            "TransformWithStateInPandas",
        ),
        _state_of_groups,
    ),
}  # fmt: skip
