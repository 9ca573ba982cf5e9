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


def test_update_that_its_connector_runs_itself():
    plan = PlanBuilder()
    table, (a, b, c) = plan.files("file:/t", ["a", "b", "c"])
    to_b = plan.function("Assignment", "assignment", key=b, value=a)
    of_c = plan.function("GetStructField", "getstructfield", child=c, ordinal=0)
    to_c = plan.function("Assignment", "assignment", key=of_c, value=b)
    same = plan.function("Assignment", "assignment", key=a, value=a)
    condition = plan.function("EqualTo", "=", left=a, right=plan.literal(1))
    update = plan.operator(
        "UpdateTable", [], table=table, assignments=[same, to_b, to_c], condition=condition
    )
    lineage = lineage_of(plan.tree(update))
    assert (lineage.plan.operation, lineage.plan.target.name) == ("UPDATE", "/t")
    assert [each.name for each in lineage.plan.columns] == ["a", "b", "c"]
    assert edges(lineage) == {
        "b <- /t.a IDENTITY", "c <- /t.b TRANSFORMATION", "c <- /t.c TRANSFORMATION", "rows <- /t.a FILTER",
    }  # fmt: skip
    assert lineage.problems == ()


def test_merge_that_its_connector_runs_itself():
    plan = PlanBuilder()
    target, (k, v) = plan.files("file:/t", ["k", "v"])
    source, (key, value) = plan.files("file:/s", ["key", "value"])
    on = plan.function("EqualTo", "=", left=k, right=key)
    larger = plan.function("GreaterThan", ">", left=value, right=v)
    put = plan.function("Assignment", "assignment", key=v, value=value)
    new = plan.function("Assignment", "assignment", key=k, value=key)
    merge = plan.operator(
        "MergeIntoTable", [], targetTable=target, sourceTable=source, mergeCondition=on,
        matchedActions=[plan.function("UpdateAction", "update", condition=larger, assignments=[put])],
        notMatchedActions=[plan.function("InsertAction", "insert", condition=None, assignments=[new, put])],
        notMatchedBySourceActions=[plan.function("DeleteAction", "delete", condition=None)],
    )  # fmt: skip
    lineage = lineage_of(plan.tree(merge))
    assert (lineage.plan.operation, lineage.plan.target.name) == ("MERGE", "/t")
    assert edges(lineage) == {
        "k <- /s.key IDENTITY", "v <- /s.value IDENTITY", "rows <- /t.k JOIN", "rows <- /s.key JOIN",
        "rows <- /s.value FILTER", "rows <- /t.v FILTER",
    }  # fmt: skip
    assert lineage.problems == ()
