"""Plans of a size or shape that a recursive or exponential walk would not survive."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, Lineage, analyze_write, writes_of
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import Certainty, DatasetId, Subtype
from tests.analyze.building import EXPRESSION, PlanBuilder, record_of

CONTEXT = Context("job")
Build = Callable[[PlanBuilder, int], dict[str, int]]


def lineage_of(tree: PlanTree) -> Lineage:
    ((node, write),) = writes_of(tree, Naming())
    return analyze_write(node, write, tree, CONTEXT)


def column_sources(lineage: Lineage) -> set[tuple[str | None, str, str | None, Subtype]]:
    return {(edge.target_field, edge.source.name, edge.source_field, edge.subtype) for edge in lineage.edges}


def test_a_plan_ten_thousand_operators_deep() -> None:
    plan = PlanBuilder()
    child, (column,) = plan.files("file:/in", ["a"])
    for _ in range(10_000):
        renamed = plan.attribute("a")
        alias = plan.alias(column, renamed)
        child, column = plan.operator("Project", [renamed], projectList=[alias], child=child), renamed
    lineage = lineage_of(plan.tree(plan.insert(child, "file:/out", ["a"])))
    assert column_sources(lineage) == {("a", "/in", "a", Subtype.IDENTITY)}
    assert lineage.plan.certainty is Certainty.EXACT
    assert lineage.plan.target == DatasetId("file", "/out")
    assert lineage.problems == ()


def test_an_expression_ten_thousand_calls_deep() -> None:
    plan = PlanBuilder()
    child, (column,) = plan.files("file:/in", ["a"])
    expression = column
    for _ in range(10_000):
        expression = plan.function("Abs", "abs", child=expression)
    result = plan.attribute("r")
    child = plan.operator("Project", [result], projectList=[plan.alias(expression, result)], child=child)
    lineage = lineage_of(plan.tree(plan.insert(child, "file:/out", ["r"])))
    assert column_sources(lineage) == {("r", "/in", "a", Subtype.TRANSFORMATION)}
    (edge,) = lineage.edges
    assert edge.expression == ("abs(" * 500)[:1971] + "... (cut at 2,000 characters)"
    assert len(edge.expression) == 2_000


def test_a_shared_plan_that_unfolds_to_two_to_the_sixty_is_walked_once() -> None:
    plan = PlanBuilder()
    child, (column,) = plan.files("file:/in", ["a"])
    for _ in range(60):
        doubled = plan.attribute("a")
        total = plan.function("Add", "+", left=column, right=column)
        child = plan.operator("Project", [doubled], projectList=[plan.alias(total, doubled)], child=child)
        output = plan.attribute("a")
        child = plan.operator("Union", [output], children=[child, child])
        column = output
    lineage = lineage_of(plan.tree(plan.insert(child, "file:/out", ["a"])))
    assert column_sources(lineage) == {("a", "/in", "a", Subtype.TRANSFORMATION)}


def test_an_operator_without_a_rule_gives_the_superset_and_a_problem() -> None:
    plan = PlanBuilder()
    child, (a, b) = plan.files("file:/in", ["a", "b"])
    made = plan.attribute("made")
    child = plan.operator("Telepathy", [a, made], child=child)
    lineage = lineage_of(plan.tree(plan.insert(child, "file:/out", ["a", "made"])))
    assert column_sources(lineage) == {
        ("a", "/in", "a", Subtype.IDENTITY),
        ("made", "/in", "a", Subtype.TRANSFORMATION),
        ("made", "/in", "b", Subtype.TRANSFORMATION),
    }
    assert [(c.name, c.certainty) for c in lineage.plan.columns] == [
        ("a", Certainty.EXACT),
        ("made", Certainty.OVER_APPROXIMATE),
    ]
    assert lineage.plan.certainty is Certainty.OVER_APPROXIMATE
    assert [problem.code for problem in lineage.problems] == ["unknown_operator"]
    assert b is not a


def test_the_same_plan_has_the_same_fingerprint_and_another_column_another() -> None:
    def fingerprint(name: str) -> str:
        plan = PlanBuilder()
        child, _ = plan.files("file:/in", [name])
        return lineage_of(plan.tree(plan.insert(child, "file:/out", ["a"]))).plan.fingerprint

    assert fingerprint("a") == fingerprint("a")
    assert fingerprint("a") != fingerprint("b")


def chain(plan: PlanBuilder, size: int) -> dict[str, int]:
    """Operators one on another, each replacing one of ten columns."""
    child, columns = plan.files("file:/in", [f"c{position}" for position in range(10)])
    for number in range(size):
        at = number % 10
        new = plan.attribute(f"c{at}")
        total = plan.function("Add", "+", left=columns[at], right=columns[at - 1])
        chosen = [*columns[:at], plan.alias(total, new), *columns[at + 1 :]]
        columns = [*columns[:at], new, *columns[at + 1 :]]
        child = plan.operator("Project", columns, projectList=chosen, child=child)
    return child


def unions(plan: PlanBuilder, size: int) -> dict[str, int]:
    """As many branches, each over a folder of its own."""
    branches = [plan.files(f"file:/in/{number}", ["a", "b"])[0] for number in range(size)]
    return plan.operator("Union", [plan.attribute("a"), plan.attribute("b")], children=branches)


def case_branches(plan: PlanBuilder, size: int) -> dict[str, int]:
    """CASE with as many branches, over two columns."""
    child, (a, b) = plan.files("file:/in", ["a", "b"])
    branches = []
    for number in range(size):
        test = plan.function("EqualTo", "=", left=a, right=plan.literal(number))
        branches.append(plan.node("scala.Tuple2", "value", {"_1": test, "_2": b}))
    case = plan.function("CaseWhen", "case", branches=branches, elseValue=None)
    return _selected(plan, child, case)


def in_list(plan: PlanBuilder, size: int) -> dict[str, int]:
    """A filter by a list of as many literals."""
    child, (a,) = plan.files("file:/in", ["a"])
    values = [plan.literal(number) for number in range(size)]
    condition = plan.function("In", "in", value=a, list=values)
    return plan.operator("Filter", [a], condition=condition, child=child)


def wide_struct(plan: PlanBuilder, size: int) -> dict[str, int]:
    """A struct of as many fields is built, and each is taken out of it again."""
    names = [f"f{number}" for number in range(size)]
    child, columns = plan.files("file:/in", names)
    parts = [
        part for name, column in zip(names, columns, strict=True) for part in (plan.literal(name), column)
    ]
    struct = plan.attribute("s")
    built = plan.alias(plan.function("CreateNamedStruct", "named_struct", children=parts), struct)
    child = plan.operator("Project", [struct], projectList=[built], child=child)
    output = [plan.attribute(name) for name in names]
    fields = [
        plan.node(
            f"{EXPRESSION}GetStructField",
            "expression",
            {"child": struct, "ordinal": number, "name": name},
            n="struct_field",
            t=0,
        )
        for number, name in enumerate(names)
    ]
    taken = [plan.alias(each, output[number]) for number, each in enumerate(fields)]
    return plan.operator("Project", output, projectList=taken, child=child)


def star_join(plan: PlanBuilder, size: int) -> dict[str, int]:
    """`FROM facts, d0, d1, ... WHERE key = d0.id AND key = d1.id AND ...`."""
    joined, columns = plan.files("file:/facts", ["key"])
    tests = []
    for number in range(size):
        dimension, (key,) = plan.files(f"file:/d{number}", ["id"])
        tests.append(plan.function("EqualTo", "=", left=columns[0], right=key))
        columns = [*columns, key]
        joined = plan.operator(
            "Join", columns, left=joined, right=dimension, joinType={"o": "x.Inner$"}, condition=None
        )
    condition = tests[0]
    for test in tests[1:]:
        condition = plan.function("And", "and", left=condition, right=test)
    return plan.operator("Filter", columns, condition=condition, child=joined)


def _selected(plan: PlanBuilder, child: dict[str, int], expression: dict[str, int]) -> dict[str, int]:
    result = plan.attribute("r")
    return plan.operator("Project", [result], projectList=[plan.alias(expression, result)], child=child)


def work_of(build: Build, size: int) -> tuple[int, Lineage]:
    """The calls of functions while a plan is decoded and analyzed, and the answer."""
    plan = PlanBuilder()
    child = build(plan, size)
    names = [plan.attributes[each][1] for each in plan.nodes[child["@"]]["o"]]
    section = plan.section(plan.insert(child, "file:/out", names))
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        lineage = lineage_of(decode_plan(record_of(section)))
    finally:
        sys.setprofile(before)
    return calls, lineage


@pytest.mark.parametrize(
    ("build", "size", "sources", "growth"),
    [
        (chain, 500, 100, 2.2),
        (unions, 500, 2_000, 2.2),
        (case_branches, 1_000, 2, 2.2),
        (in_list, 5_000, 2, 2.2),
        (wide_struct, 1_000, 2_000, 2.2),
        (star_join, 100, 402, 4.2),  # twice the joins, and each has twice the columns
    ],
)
def test_twice_the_plan_is_twice_the_work(build: Build, size: int, sources: int, growth: float) -> None:
    small_calls, _ = work_of(build, size)
    large_calls, lineage = work_of(build, 2 * size)
    assert lineage.plan.certainty is Certainty.EXACT
    assert lineage.problems == ()
    assert len(lineage.edges) == sources
    assert large_calls / small_calls <= growth
