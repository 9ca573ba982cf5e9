"""The recorded plans, each cut by the bridge's limits wherever that can be: what is left is told as a part, and none of it is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fuzzing.cuts import CUTS, with_a_mark
from fuzzing.invariants import analyzed
from fuzzing.test_fuzzing import RECORDED
from spark_lineage.analyze.commands import is_command
from spark_lineage.analyze.endings import ending_of
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, Lineage, analyze_usage, analyze_write, writes_of
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import PlanRecord, decode_record
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import UNNAMED_NAMESPACE, Certainty
from tests.analyze.building import PlanBuilder, record_of

PLANS = [each for each in RECORDED if each["kind"] == "plan"]


def short(record: Any) -> str:
    return str(record["hash"][:8])


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
@pytest.mark.parametrize("record", PLANS, ids=short)
def test_what_is_left_of_a_plan_is_told_as_a_part_of_it(record: Any, limit: str) -> None:
    whole = lineages(tree_of(record))
    ran = len(record["nodes"]) if record["executed"] is None else record["executed"]["@"]
    for kept in range(1, ran):
        tree = tree_of(CUTS[limit](record, kept))
        assert not tree.is_whole, kept
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
            if left.plan.target.namespace == UNNAMED_NAMESPACE:
                assert "unknown_target" in codes, kept
            elif left.plan.kind is all_of_it.plan.kind and left.plan.kind.value == "data":
                assert left.plan.target == all_of_it.plan.target, kept


def certainties(lineage: Lineage) -> tuple[Any, ...]:
    return (
        lineage.plan.certainty,
        lineage.plan.columns,
        tuple(replace(edge, fingerprint="") for edge in lineage.edges),
    )


@pytest.mark.parametrize("limit", CUTS)
@pytest.mark.parametrize("record", [each for each in PLANS if each["executed"]], ids=short)
def test_a_plan_that_has_lost_a_part_of_what_ran_is_as_sure_as_before(record: Any, limit: str) -> None:
    before = tree_of(record)
    whole, ended = lineages(before), ending_of(before, Naming())
    for kept in range(record["executed"]["@"], len(record["nodes"])):
        tree = tree_of(CUTS[limit](record, kept))
        assert tree.is_whole, kept
        assert ending_of(tree, Naming()) == ended
        for left, all_of_it in zip(lineages(tree), whole, strict=True):
            codes = [problem.code for problem in left.problems]
            assert codes.count("plan_truncated") == 1, kept
            codes.remove("plan_truncated")
            assert codes == [problem.code for problem in all_of_it.problems], kept
            usage = left.plan.kind.value == "usage"
            assert usage or certainties(left) == certainties(all_of_it), kept
            assert left.plan.certainty is all_of_it.plan.certainty, kept
            assert edges(left) == edges(all_of_it), kept


@pytest.mark.parametrize("record", PLANS, ids=short)
def test_wherever_a_node_is_cut_off_a_plan_is_of_some_kind(record: Any) -> None:
    """All that is asked of a plan before its lineage, with a mark in the place of each node that another one names."""
    for cut in with_a_mark(record):
        tree = tree_of(cut)
        for said in analyzed(tree):
            if isinstance(said, Lineage):
                assert "analysis_failed" not in {problem.code for problem in said.problems}


def test_of_a_plan_that_is_cut_off_below_its_subqueries_nobody_knows_what_it_is() -> None:
    plan = PlanBuilder()
    root = plan.operator("WithCTE", [], plan={"cut": "nodes"}, cteDefs=[])
    section = plan.section(root) | {"truncated": [{"limit": "nodes", "value": 250_000}]}
    tree = decode_plan(record_of(section))
    assert (is_command(tree), tree.is_whole) == (False, False)
