"""Plans of a size or shape that a recursive or exponential walk would not survive."""

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, Lineage, analyze_write, writes_of
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import Certainty, DatasetId, Subtype
from tests.analyze.building import PlanBuilder

CONTEXT = Context("job")


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
    assert edge.expression == ("abs(" * 500)[:1997] + "..."


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
