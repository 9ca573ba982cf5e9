"""The recorded plans, each cut by the bridge's limits wherever that can be: what is left is told as a part, and none of it is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fuzzing.cuts import CUTS
from fuzzing.test_fuzzing import RECORDED
from spark_lineage.analyze.endings import ending_of
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, Lineage, analyze_usage, analyze_write, writes_of
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import PlanRecord, decode_record
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import Certainty

PLANS = [each for each in RECORDED if each["kind"] == "plan"]
UNNAMED = "unknown"
"""The namespace of a target that could not be named."""


def tree_of(record: Any) -> PlanTree:
    decoded = decode_record(json.dumps(record).encode())
    assert isinstance(decoded, PlanRecord)
    return decode_plan(decoded)


def lineages(tree: PlanTree) -> list[Lineage]:
    """Those of all writes of a plan, and of the plan as a query."""
    writes = [analyze_write(node, write, tree, Context("job")) for node, write in writes_of(tree, Naming())]
    usage = analyze_usage(tree, Context("job"))
    return writes if usage is None else [*writes, usage]


def edges(lineage: Lineage) -> set[tuple[Any, ...]]:
    """Which column has which source: of what kind it is, and of which field within the column, may hang on what is gone."""
    return {
        (
            edge.source,
            edge.source_field,
            edge.source_version,
            edge.target_field and edge.target_field.split(".")[0],
        )
        for edge in lineage.edges
    }


@pytest.mark.parametrize("limit", CUTS)
@pytest.mark.parametrize("record", PLANS, ids=lambda record: record["hash"][:8])
def test_what_is_left_of_a_plan_is_told_as_a_part_of_it(record: Any, limit: str) -> None:
    whole = lineages(tree_of(record))
    for kept in range(1, len(record["nodes"])):
        tree = tree_of(CUTS[limit](record, kept))
        assert ending_of(tree, Naming()) is None
        for left, all_of_it in zip(lineages(tree), whole, strict=True):
            codes = [problem.code for problem in left.problems]
            assert "analysis_failed" not in codes, kept
            assert codes.count("plan_truncated") == 1, kept
            assert {problem.fingerprint for problem in left.problems} == {left.plan.fingerprint}
            sure = [left.plan.certainty, *(column.certainty for column in left.plan.columns)]
            assert set(sure) == {Certainty.OPAQUE}, kept
            assert edges(left) <= edges(all_of_it), kept
            assert Certainty.EXACT not in {edge.certainty for edge in left.edges}, kept
            assert set(left.plan.datasets) <= set(all_of_it.plan.datasets), kept
            assert not (left.plan.overwrites and not all_of_it.plan.overwrites), kept
            if left.plan.target.namespace == UNNAMED:
                assert "unknown_target" in codes, kept
            elif left.plan.kind is all_of_it.plan.kind and left.plan.kind.value == "data":
                assert left.plan.target == all_of_it.plan.target, kept
