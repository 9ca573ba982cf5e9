"""Which literals stand where: their numbers, in the order of the expression, and nothing of the fingerprint."""

from __future__ import annotations

from typing import Any

from spark_lineage.analyze.lineage import Context, Lineage, analyze_write, writes_of
from spark_lineage.analyze.render import MAX_EXPRESSION_CHARACTERS
from spark_lineage.pipeline.constants import constants_of
from tests.analyze.building import EXPRESSION, PlanBuilder


def literal(plan: PlanBuilder, number: int) -> dict[str, int]:
    """A masked literal."""
    return plan.node(
        EXPRESSION + "Literal", "expression", {"dataType": {"t": 0}}, n="literal", t=0, x={"l": number}
    )


def analyzed(plan: PlanBuilder, query: dict[str, int], names: list[str]) -> Lineage:
    tree = plan.tree(plan.insert(query, "file:/out", names))
    ((node, write),) = writes_of(tree, Context("job").naming)
    return analyze_write(node, write, tree, Context("job"))


def query(numbers: list[int]) -> Lineage:
    """SELECT amount * ? + ? AS total, ? AS rate, day FROM orders WHERE day > ? AND ? < amount LIMIT ?, the literals so numbered."""
    plan = PlanBuilder()
    leaf, (day, amount) = plan.files("file:/orders", ["day", "amount"])
    of: list[Any] = [literal(plan, number) for number in numbers]
    above = plan.function("GreaterThan", ">", left=day, right=of[3])
    below = plan.function("LessThan", "<", left=of[4], right=amount)
    condition = plan.function("And", "and", left=above, right=below)
    rows = plan.operator("Filter", [day, amount], condition=condition, child=leaf)
    total, rate = plan.attribute("total"), plan.attribute("rate")
    product = plan.function("Multiply", "*", left=amount, right=of[0])
    taxed = plan.alias(plan.function("Add", "+", left=product, right=of[1]), total)
    chosen = [taxed, plan.alias(of[2], rate), day]
    shown = plan.operator("Project", [total, rate, day], projectList=chosen, child=rows)
    some = plan.operator("LocalLimit", [total, rate, day], limitExpr=of[5], child=shown)
    return analyzed(
        plan,
        plan.operator("GlobalLimit", [total, rate, day], limitExpr=of[5], child=some),
        ["total", "rate", "day"],
    )


def test_each_place_has_its_literals_in_order():
    assert query([5, 4, 3, 2, 1, 0]).constants == (
        ("* FILTER", (2, 1)), ("* LIMIT", (0,)), ("rate", (3,)), ("total", (5, 4)),
    )  # fmt: skip


def test_the_bounds_of_a_window():
    """sum(amount) OVER (ROWS BETWEEN 6 PRECEDING AND 1 FOLLOWING), the literals numbered 1 and 0."""
    plan = PlanBuilder()
    leaf, (amount,) = plan.files("file:/orders", ["amount"])
    before = plan.function("UnaryMinus", "negative", child=literal(plan, 1))
    frame = plan.function(
        "SpecifiedWindowFrame", "frame", frameType={"o": "RowFrame$"}, lower=before, upper=literal(plan, 0)
    )
    over = plan.function(
        "WindowSpecDefinition", "window", partitionSpec=[], orderSpec=[], frameSpecification=frame
    )
    summed = plan.function(
        "AggregateExpression", "sum", aggregateFunction=plan.function("Sum", "sum", child=amount)
    )
    total = plan.attribute("total")
    moving = plan.alias(
        plan.function("WindowExpression", "over", windowFunction=summed, windowSpec=over), total
    )
    rows = plan.operator(
        "Window", [amount, total], windowExpressions=[moving], partitionSpec=[], orderSpec=[], child=leaf
    )
    lineage = analyzed(plan, plan.operator("Project", [total], projectList=[total], child=rows), ["total"])
    assert [edge.expression for edge in lineage.edges] == [
        "sum(amount) OVER (ROWS BETWEEN ? PRECEDING AND ?)"
    ]
    assert lineage.constants == (("total", (1, 0)),)


def test_numbers_are_no_part_of_the_fingerprint():
    assert query([0, 1, 2, 3, 4, 5]).plan.fingerprint == query([5, 4, 3, 2, 1, 0]).plan.fingerprint


def test_what_is_behind_the_cut_of_an_expression_is_left_out():
    plan = PlanBuilder()
    leaf, (amount,) = plan.files("file:/orders", ["amount"])
    value = amount
    for _ in range(1000):
        value = plan.function("Add", "+", left=value, right=literal(plan, 0))
    total = plan.attribute("total")
    shown = plan.operator("Project", [total], projectList=[plan.alias(value, total)], child=leaf)
    ((place, numbers),) = analyzed(plan, shown, ["total"]).constants
    # "(" a thousand times, the column, then " + ?)" for each literal, as far as the limit goes
    assert (place, len(numbers)) == (
        "total",
        (MAX_EXPRESSION_CHARACTERS - 1000 - len("amount")) // len(" + ?)") + 1,
    )


def test_the_hashes_of_a_run():
    constants = constants_of("b:1", 0, query([5, 4, 3, 2, 1, 0]), ("l0", "l1", "l2", None, "l4"), "k")
    assert (constants.key, dict(constants.values)) == (
        "k", {"* FILTER": "l2 l1", "* LIMIT": "l0", "rate": "-", "total": "- l4"},
    )  # fmt: skip
