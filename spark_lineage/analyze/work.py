"""One operator at work: its step, evaluated over the scopes of its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from spark_lineage.analyze.calls import Environment, column
from spark_lineage.analyze.expressions import evaluate, literals_in
from spark_lineage.analyze.nested import alternatives, renamed
from spark_lineage.analyze.rebuilt import type_of
from spark_lineage.analyze.scopes import RowSet, Scope, merge_rows, row_set, substitute_rows
from spark_lineage.analyze.steps import Define, Part, PartOf, Step
from spark_lineage.analyze.values import (
    ELEMENT,
    SourceKey,
    Trace,
    Value,
    add_via,
    derive,
    either,
    field_keys,
    substitute,
    through,
    weaken,
)
from spark_lineage.analyze.values import part as part_of
from spark_lineage.decode.tree import Attribute, Node
from spark_lineage.model import (
    ROW_SET_SUBTYPES,
    Certainty,
    Problem,
    Subtype,
    weakest,
)

_CONDITIONS = frozenset({Subtype.JOIN, Subtype.FILTER})
"""What keeps a row or drops it: there a subquery's test is a join. Of a key or an order it is the value."""


class OperatorWork:
    """One operator's step, evaluated over its inputs."""

    def __init__(self, name: str, step: Step, inputs: list[Scope], plans: Mapping[Node, Scope]) -> None:
        self.name = name
        self.step = step
        self.inputs = _correlated(inputs) if step.correlates and inputs else inputs
        self.plans = plans
        self.environments: dict[tuple[int | None, bool], Environment] = {}
        self.row_certainty = Certainty.EXACT
        self.effects = [self._effect(part) for part in step.rows]
        self.passed = self._passed()
        self.defined = {define.expr: self._define(define) for define in step.defines}

    def environment(self, number: int | None, *, decides_rows: bool) -> Environment:
        """What expressions over one input, or over all, may see."""
        known = self.environments.get((number, decides_rows))
        if known is None:
            columns: Mapping[int, Value]
            if number is None and len(self.inputs) != 1:
                columns = {expr: value for each in self.inputs for expr, value in each.columns.items()}
            else:
                columns = self.inputs[number or 0].columns if self.inputs else {}
            known = Environment(self.name, columns, self.plans, decides_rows)
            self.environments[number, decides_rows] = known
        return known

    def columns(self) -> dict[int, Value]:
        """The inherited columns, those that pass and the new ones, views named."""
        columns = {
            expr: value
            for number in self.step.inherits
            for expr, value in self.inputs[number].columns.items()
        }
        columns |= self.passed
        columns |= self.defined
        if self.step.view is None:
            return columns
        view = self.step.view
        return {expr: derive([value], lambda each: add_via(each[0], view)) for expr, value in columns.items()}

    def rows(self) -> RowSet:
        """The row sets of the inputs, the operator's own effects, and those of its subqueries."""
        return merge_rows([*self._rows_below(), *self.effects, *self._rows_inside()])

    def literals(self) -> Iterator[tuple[str, list[Node]]]:
        """The literals of the conditions and keys that decide the rows, each with its place: `* FILTER`, `* JOIN`, ..."""
        for part in self.step.rows:
            whole = part.expression
            expression = whole.expression if isinstance(whole, PartOf) else whole
            yield f"* {part.subtype.value}", literals_in(expression)

    def other_rows(self) -> tuple[RowSet, ...]:
        """The row sets of the inputs and of the operator's subqueries."""
        return (*self._rows_below(), *self._rows_inside())

    def _rows_below(self) -> list[RowSet]:
        below = [each.rows for each in self.inputs]
        if self.step.withdraws:
            gone = {key for part in self.step.withdraws for key in self._effect(part)}
            below = [rows for each in self.inputs for rows in _without(each, gone)]
        if self.step.view is not None:
            below = [
                {key: (_with_via(t, self.step.view), term) for key, (t, term) in each.items()}
                for each in below
            ]
        return below

    def _rows_inside(self) -> list[RowSet]:
        return [rows for each in self.environments.values() for rows in each.rows]

    def problems(self) -> list[Problem]:
        """What the expressions could not say."""
        return list(dict.fromkeys(p for each in self.environments.values() for p in each.problems))

    def _passed(self) -> dict[int, Value]:
        if not self.step.passes:
            return {}
        environment = self.environment(None, decides_rows=False)
        known = environment.columns.get
        return {each.expr: known(each.expr) or column(each, environment) for each in self.step.passes}

    def _effect(self, part: Part) -> RowSet:
        value = self._value(part)
        self.row_certainty = weakest(self.row_certainty, value.certainty)
        return row_set(through(value.sources, part.subtype, self.name), value.term)

    def _define(self, define: Define) -> Value:
        if len(define.parts) == 1 and define.certainty is Certainty.EXACT:
            return self._value(define.parts[0])
        values = [self._value(part) for part in define.parts]
        if not values:
            return Value(certainty=define.certainty)
        result = either(_alike(define.parts, values), alternatives(values))
        if define.certainty is Certainty.EXACT:
            return result
        weak = derive([result], lambda each: weaken(each[0], define.certainty))
        return replace(weak, certainty=weakest(weak.certainty, define.certainty))

    def _value(self, part: Part) -> Value:
        environment = self.environment(part.input, decides_rows=part.subtype in _CONDITIONS)
        if isinstance(part.expression, PartOf):
            value = _part_of(part.expression, evaluate(part.expression.expression, environment))
        elif isinstance(part.expression, Attribute):
            value = environment.columns.get(part.expression.expr) or column(part.expression, environment)
        else:
            value = evaluate(part.expression, environment)
        if part.subtype is Subtype.IDENTITY or part.subtype in ROW_SET_SUBTYPES:
            return value
        return derive([value], lambda each: through(each[0], part.subtype, self.name))


def _part_of(wanted: PartOf, whole: Value) -> Value:
    if wanted.position is None:
        return part_of(whole, wanted.name)
    names = field_keys(type_of(wanted.expression).fields)
    name = names[wanted.position] if wanted.position < len(names) else wanted.name
    return part_of(part_of(whole, ELEMENT), name)


def _alike(parts: tuple[Part, ...], values: list[Value]) -> list[Value]:
    """Columns that meet by position meet in the first one's names, and so do their fields."""
    first, *others = (type_of(each.expression) for each in parts)
    return [values[0], *(renamed(value, kind, first) for value, kind in zip(values[1:], others, strict=True))]


def _correlated(inputs: list[Scope]) -> list[Scope]:
    """LATERAL: columns of the left input that the right one mentions are put in."""
    first, *others = inputs
    lookup = first.columns.get
    return [first, *(_put_in(each, lookup) for each in others)]


def _put_in(scope: Scope, lookup: Any) -> Scope:
    columns = {}
    changed = False
    for expr, value in scope.columns.items():
        own = derive([value], lambda each: substitute(each[0], lookup))
        changed = changed or own.sources is not value.sources or value.parts is not None
        columns[expr] = value if own.sources is value.sources and value.parts is None else own
    rows = substitute_rows(scope.rows, lookup)
    if not changed and rows.keys() == scope.rows.keys():
        return scope
    return replace(scope, columns=columns, rows=rows)


def _without(scope: Scope, gone: set[SourceKey]) -> list[RowSet]:
    """The row sets of an input that takes some effects of its own operator back; what came from below stays."""
    own = ({key: entry for key, entry in each.items() if key not in gone} for each in scope.effects)
    return [*scope.others, *own]


def _with_via(trace: Trace, view: str) -> Trace:
    return replace(trace, via=trace.via | {view})
