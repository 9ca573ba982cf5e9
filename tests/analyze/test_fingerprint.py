"""Fingerprints of synthetic plans: the names and numbers inside a plan do not matter, its lineage does."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import pytest

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, Lineage, analyze_write, writes_of
from tests.analyze.building import PlanBuilder

SOURCE_COLUMNS = ("a", "b", "c")
SHAPES = 400
Expression = tuple[Any, ...]
"""("column", place), ("call", name, expressions), ("literal", value) or ("select", expression, key)."""


@dataclass(frozen=True)
class Step:
    """One operator over the one before it: a projection, a filter, an aggregation or a union with another source."""

    kind: str
    expressions: tuple[Expression, ...]


@dataclass(frozen=True)
class Spelling:
    """What a script may spell in another way with the same meaning."""

    prefix: str
    unused_attributes: int
    literal_salt: str
    reads_first: bool


def random_steps(chance: random.Random) -> tuple[Step, ...]:
    """Up to four operators over a table of three columns."""
    width, steps = len(SOURCE_COLUMNS), []
    for _ in range(chance.randint(1, 4)):
        kind = chance.choice(["Project", "Project", "Filter", "Aggregate", "Union"])
        count = 1 if kind == "Filter" else chance.randint(1, 3)
        steps.append(Step(kind, tuple(random_expression(chance, width, 2) for _ in range(count))))
        width = count if kind in {"Project", "Aggregate"} else width
    return tuple(steps)


def random_expression(chance: random.Random, width: int, depth: int) -> Expression:
    """An expression over `width` columns."""
    kind = chance.choice(["column", "column", "call", "select", "literal"]) if depth else "column"
    if kind == "call":
        return "call", chance.choice(["abs", "hash"]), random_expression(chance, width, depth - 1)
    if kind == "select":
        return "select", random_expression(chance, width, depth - 1), chance.choice("xy")
    return ("literal", chance.choice("123")) if kind == "literal" else ("column", chance.randrange(width))


class Writer:
    """Spells steps as a plan record."""

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling
        self.plan = PlanBuilder()
        self.literals: list[str] = []
        self.names = 0
        for _ in range(spelling.unused_attributes):
            self.plan.attribute("unused")

    def lineage(self, steps: tuple[Step, ...]) -> Lineage:
        """The lineage of writing the last step."""
        self.other = (
            self.plan.files("file:/other", list(SOURCE_COLUMNS)) if self.spelling.reads_first else None
        )
        child, columns = self.plan.files("file:/in", list(SOURCE_COLUMNS))
        for step in steps:
            child, columns = getattr(self, step.kind.lower())(step, child, columns)
        names = [f"out{place}" for place in range(len(columns))]
        tree = self.plan.tree(self.plan.insert(child, "file:/out", names))
        ((node, write),) = writes_of(tree, Naming())
        return analyze_write(node, write, tree, Context("job", literals=tuple(self.literals)))

    def project(self, step: Step, child: Any, columns: list[Any]) -> Any:
        aliases, output = self.aliases([self.write(each, columns) for each in step.expressions])
        return self.plan.operator("Project", output, projectList=aliases, child=child), output

    def filter(self, step: Step, child: Any, columns: list[Any]) -> Any:
        condition = self.plan.function(
            "IsNotNull", "isnotnull", child=self.write(step.expressions[0], columns)
        )
        return self.plan.operator("Filter", columns, condition=condition, child=child), columns

    def aggregate(self, step: Step, child: Any, columns: list[Any]) -> Any:
        totals = [self.total(self.write(each, columns)) for each in step.expressions]
        aliases, output = self.aliases(totals)
        fields = {"groupingExpressions": [columns[0]], "aggregateExpressions": aliases, "child": child}
        return self.plan.operator("Aggregate", output, **fields), output

    def union(self, _: Step, child: Any, columns: list[Any]) -> Any:
        source, other = self.other or self.plan.files("file:/other", list(SOURCE_COLUMNS))
        again = [other[place % len(other)] for place in range(len(columns))]
        aliases, renamed = self.aliases(again)
        branch = self.plan.operator("Project", renamed, projectList=aliases, child=source)
        output = [self.plan.attribute(self.name()) for _ in columns]
        return self.plan.operator("Union", output, children=[child, branch]), output

    def total(self, value: Any) -> Any:
        function = self.plan.function("Sum", "sum", child=value)
        return self.plan.function("AggregateExpression", "sum", aggregateFunction=function, filter=None)

    def aliases(self, values: list[Any]) -> tuple[list[Any], list[Any]]:
        output = [self.plan.attribute(self.name()) for _ in values]
        return [self.plan.alias(*pair) for pair in zip(values, output, strict=True)], output

    def name(self) -> str:
        self.names += 1
        return f"{self.spelling.prefix}{self.names}"

    def write(self, expression: Expression, columns: list[Any]) -> Any:
        kind, *rest = expression
        if kind == "column":
            return columns[rest[0]]
        if kind == "call":
            return self.plan.function(rest[0].title(), rest[0], child=self.write(rest[1], columns))
        if kind == "literal":
            return self.literal(self.spelling.literal_salt + rest[0])
        return self.plan.function(
            "GetMapValue", "[]", child=self.write(rest[0], columns), key=self.literal(rest[1])
        )

    def literal(self, value: str) -> Any:
        self.literals.append(value)
        fact = {"l": len(self.literals) - 1}
        return self.plan.node(
            "org.apache.spark.sql.catalyst.expressions.Literal", "expression", {}, n="literal", t=0, x=fact
        )


def content(lineage: Lineage) -> str:
    """All that the store keeps of a lineage, but for the fingerprint."""
    plan = repr(replace(lineage.plan, fingerprint=""))
    return json.dumps([plan, *(repr(replace(edge, fingerprint="")) for edge in lineage.edges)])


PLAIN = Spelling("x", 0, "", reads_first=False)


@pytest.mark.parametrize(
    "spelling",
    [
        replace(PLAIN, prefix="other_name_"),
        replace(PLAIN, prefix=""),
        replace(PLAIN, unused_attributes=7),
        replace(PLAIN, literal_salt="another value "),
    ],
    ids=["names of intermediate columns", "names that are numbers", "expression ids", "values"],
)
def test_another_spelling_has_the_same_fingerprint_and_lineage(spelling: Spelling) -> None:
    for seed in range(SHAPES):
        steps = random_steps(random.Random(seed))
        first, second = Writer(PLAIN).lineage(steps), Writer(spelling).lineage(steps)
        assert first.plan.fingerprint == second.plan.fingerprint, steps
        assert content(first) == content(second), steps


def test_plans_that_share_a_fingerprint_have_the_same_lineage_and_select_the_same() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for seed in range(SHAPES * 5):
        steps = random_steps(random.Random(seed))
        lineage = Writer(PLAIN).lineage(steps)
        found[lineage.plan.fingerprint].add(content(lineage) + json.dumps(sorted(selecting(steps))))
    assert {fingerprint: each for fingerprint, each in found.items() if len(each) > 1} == {}
    assert len(found) > SHAPES


def selecting(steps: tuple[Step, ...]) -> list[str]:
    """The keys by which the steps select."""
    waiting: list[Expression] = [each for step in steps if step.kind != "Union" for each in step.expressions]
    keys = []
    while waiting:
        kind, *rest = waiting.pop()
        keys += rest[1:] if kind == "select" else []
        waiting += [each for each in rest if isinstance(each, tuple)]
    return keys
