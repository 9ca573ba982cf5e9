"""Operators that no SQL text and no Python program of this environment makes: hand-made plans of their shape."""

from __future__ import annotations

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, Lineage, analyze_write, writes_of
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import Certainty
from tests.analyze.building import PlanBuilder


def lineage_of(tree: PlanTree) -> Lineage:
    ((node, write),) = writes_of(tree, Naming())
    return analyze_write(node, write, tree, Context("job"))


def edges(lineage: Lineage) -> set[str]:
    """`x <- /in.a TRANSFORMATION` of each edge, `rows` where it is about the rows."""
    return {
        f"{each.target_field or 'rows'} <- {each.source.name}.{each.source_field} {each.subtype.value}"
        for each in lineage.edges
    }


def test_transform_with_state_counts_the_keys_that_lead_its_inputs():
    plan = PlanBuilder()
    child, _ = plan.files("file:/in", ["k", "v"])
    start, _ = plan.files("file:/start", ["k", "old"])
    result = plan.attribute("n")
    state = plan.operator(
        "TransformWithStateInPySpark", [result], groupingAttributesLen=1, child=child, hasInitialState=True,
        initialState=start, initGroupingAttrsLen=1,
    )  # fmt: skip
    lineage = lineage_of(plan.tree(plan.insert(state, "file:/out", ["n"])))
    assert edges(lineage) == {
        "n <- /in.k TRANSFORMATION", "n <- /in.v TRANSFORMATION", "n <- /start.k TRANSFORMATION",
        "n <- /start.old TRANSFORMATION", "rows <- /in.k GROUP_BY", "rows <- /start.k GROUP_BY",
    }  # fmt: skip
    assert lineage.plan.certainty is Certainty.OVER_APPROXIMATE
    assert lineage.problems == ()


def test_state_of_groups_has_its_keys_by_name():
    plan = PlanBuilder()
    child, (key, _) = plan.files("file:/in", ["k", "v"])
    result = plan.attribute("n")
    state = plan.operator("FlatMapGroupsInPandasWithState", [result], groupingAttributes=[key], child=child)
    lineage = lineage_of(plan.tree(plan.insert(state, "file:/out", ["n"])))
    assert edges(lineage) == {
        "n <- /in.k TRANSFORMATION",
        "n <- /in.v TRANSFORMATION",
        "rows <- /in.k GROUP_BY",
    }
    assert lineage.plan.certainty is Certainty.OVER_APPROXIMATE


def test_a_nearest_by_join_joins_by_its_ranking():
    plan = PlanBuilder()
    left, (a, b) = plan.files("file:/left", ["a", "b"])
    right, (c, d) = plan.files("file:/right", ["c", "d"])
    ranking = plan.function("Subtract", "-", left=a, right=c)
    near = plan.operator("NearestByJoin", [a, b, c, d], left=left, right=right, rankingExpression=ranking)
    chosen = plan.operator("Project", [b, d], projectList=[b, d], child=near)
    lineage = lineage_of(plan.tree(plan.insert(chosen, "file:/out", ["b", "d"])))
    assert edges(lineage) == {
        "b <- /left.b IDENTITY", "d <- /right.d IDENTITY", "rows <- /left.a JOIN", "rows <- /right.c JOIN",
    }  # fmt: skip
    assert lineage.plan.certainty is Certainty.EXACT


def test_a_sequential_union_is_a_union():
    plan = PlanBuilder()
    one, (a,) = plan.files("file:/one", ["a"])
    two, _ = plan.files("file:/two", ["b"])
    union = plan.operator("SequentialStreamingUnion", [a], children=[one, two])
    lineage = lineage_of(plan.tree(plan.insert(union, "file:/out", ["a"])))
    assert edges(lineage) == {"a <- /one.a IDENTITY", "a <- /two.b IDENTITY"}


def test_rows_that_another_query_made_are_opaque():
    plan = PlanBuilder()
    column = plan.attribute("a")
    leaf = plan.operator("MemoryPlan", [column], sink=None)
    lineage = lineage_of(plan.tree(plan.insert(leaf, "file:/out", ["a"])))
    assert edges(lineage) == set()
    assert lineage.plan.certainty is Certainty.OPAQUE
    assert [each.code for each in lineage.problems] == ["unknown_source"]


def test_a_write_without_a_rule_is_an_append_with_a_problem():
    plan = PlanBuilder()
    child, _ = plan.files("file:/in", ["a"])
    target, _ = plan.files("file:/out", ["a"])
    write = plan.operator("InsertOnlyMerge", [], table=target, query=child)
    lineage = lineage_of(plan.tree(write))
    assert edges(lineage) == {"a <- /in.a IDENTITY"}
    assert lineage.plan.target.name == "/out"
    assert [each.code for each in lineage.problems] == ["unknown_command"]
