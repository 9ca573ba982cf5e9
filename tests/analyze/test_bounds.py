"""The bounds of stateful operators, of hand-made plans: those that no test here runs as a stream, and those that lack something."""

from __future__ import annotations

from typing import Any

import pytest

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, analyze_write, writes_of
from spark_lineage.model import Operator
from tests.analyze.building import PlanBuilder

HOUR = 3_600_000_000


def operators(plan: PlanBuilder, query: dict[str, int], columns: int = 1) -> dict[str, str]:
    """Detail by class of operator."""
    tree = plan.tree(plan.insert(query, "file:/out", [f"c{number}" for number in range(columns)]))
    ((node, write),) = writes_of(tree, Naming())
    found: tuple[Operator, ...] = analyze_write(node, write, tree, Context("job")).plan.operators
    return {each.name: each.detail for each in found}


def stream(
    plan: PlanBuilder, path: str = "file:/in", *, streams: bool = True
) -> tuple[dict[str, int], Any, Any]:
    leaf, (key, at) = plan.files(path, ["id", "at"])
    fields = plan.classes[plan.nodes[leaf["@"]]["c"]]["fields"]
    if "isStreaming" not in fields:
        fields.append("isStreaming")
    plan.nodes[leaf["@"]]["f"].append(streams)
    return leaf, key, at


def window(plan: PlanBuilder, at: dict[str, int], **facts: Any) -> dict[str, int]:
    """An alias of the struct that Spark makes of a window."""
    inner = plan.function("PreciseTimestampConversion", "precise", child=at)
    start = plan.function("PreciseTimestampConversion", "precise", child=inner)
    end = plan.node(
        "org.apache.spark.sql.catalyst.expressions.PreciseTimestampConversion",
        "expression",
        {"child": inner},
        n="precise",
        x=facts,
    )
    known = plan.function("KnownNullable", "known", child=end)
    made = plan.function(
        "CreateNamedStruct",
        "named_struct",
        children=[plan.literal("start"), start, plan.literal("end"), known],
    )
    return plan.alias(made, plan.attribute("window"))


@pytest.mark.parametrize(
    ("delay", "words"),
    [
        ([0, 0, 10 * 60_000_000], "10 minutes"),
        ([0, 0, 25 * HOUR + 1], "1 day 1 hour 1 microsecond"),
        ([14, 3, 0], "14 months 3 days"),
        ({"o": "org.apache.spark.unsafe.types.CalendarInterval"}, "?"),
    ],
)  # fmt: skip
def test_a_watermark(delay: Any, words: str) -> None:
    plan = PlanBuilder()
    leaf, key, at = stream(plan)
    query = plan.operator("EventTimeWatermark", [key, at], eventTime=at, delay=delay, child=leaf)
    assert operators(plan, query, 2)["EventTimeWatermark"] == f"watermark {words} behind at"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"window": [HOUR, HOUR, 0]}, "windows of 1 hour over at"),
        ({"window": [HOUR, HOUR // 4, HOUR // 60]}, "windows of 1 hour every 15 minutes from 1 minute on over at"),
        ({"session": [0, 1, HOUR]}, "sessions of at with a gap of 1 day 1 hour"),
        ({}, ""),
    ],
)  # fmt: skip
def test_windows(facts: dict[str, Any], words: str) -> None:
    plan = PlanBuilder()
    leaf, _, at = stream(plan)
    query = plan.operator(
        "Project", [plan.attribute("window")], projectList=[window(plan, at, **facts)], child=leaf
    )
    assert operators(plan, query)["Project"] == words


def test_what_is_no_stream_has_no_bounds() -> None:
    plan = PlanBuilder()
    leaf, key, at = stream(plan, streams=False)
    query = plan.operator("Deduplicate", [key, at], keys=[key], child=leaf)
    assert operators(plan, query, 2)["Deduplicate"] == ""


@pytest.mark.parametrize("both", [True, False])
def test_a_join_with_a_table_keeps_nothing(both: bool) -> None:  # noqa: FBT001 - one of two plans
    plan = PlanBuilder()
    left, key, at = stream(plan)
    right, other, then = stream(plan, "file:/right", streams=both)
    kind = {"o": "org.apache.spark.sql.catalyst.plans.LeftOuter$"}
    query = plan.operator(
        "Join", [key, at, other, then], left=left, right=right, joinType=kind, condition=None
    )
    assert operators(plan, query, 4)["Join"] == ("LeftOuter" if both else "")
