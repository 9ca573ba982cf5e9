"""Rules for expressions with a plan inside, and for what such a plan mentions of the enclosing query."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spark_lineage.analyze.calls import (
    Call,
)
from spark_lineage.analyze.render import joined
from spark_lineage.analyze.scopes import Scope, substitute_rows
from spark_lineage.analyze.values import (
    Term,
    Value,
    derive,
    outer_value,
    substitute,
    weaken,
)
from spark_lineage.decode.tree import Attribute, ExprId, Node, NodeKind
from spark_lineage.model import Certainty, Subtype


def outer_reference(call_: Call) -> Value:
    """A column of the enclosing query: a placeholder until that query puts its own in."""
    reference = call_.node.get("e")
    if isinstance(reference, Attribute):
        return outer_value(reference.expr, reference.name)
    call_.environment.problem(
        "unknown_outer_reference", "a reference to the enclosing query was not understood"
    )
    return Value(certainty=Certainty.OPAQUE)


def common_definition(call_: Call) -> Value:
    """The definition of a common expression: remembered for its references."""
    value = call_.of("child")
    call_.environment.common[_common_id(call_.node)] = value
    return value


def common_reference(call_: Call) -> Value:
    """A reference to a common expression."""
    return call_.environment.common.get(_common_id(call_.node), Value())


def _common_id(node: Node) -> Any:
    identity = node.get("id")
    if isinstance(identity, Node):
        return identity.get("id")
    return identity.expr if isinstance(identity, ExprId) else identity


def with_common(call_: Call) -> Value:
    """An expression with common ones defined first."""
    return call_.of("child")


def _scope(call_: Call) -> tuple[Node | None, Scope]:
    plans = call_.node.nodes(NodeKind.LOGICAL)
    if not plans:
        call_.environment.problem("cut_subquery", "a subquery was cut by a limit of the bridge")
        return None, Scope.unknown()
    return plans[0], call_.environment.plans[plans[0]]


def _inner_values(call_: Call) -> tuple[list[Value], Scope]:
    """The output of a subquery, the enclosing query's columns put in; its row set goes to ours."""
    plan, scope = _scope(call_)
    environment = call_.environment
    lookup = environment.columns.get
    environment.rows.append(substitute_rows(scope.rows, lookup))
    values = [scope.columns.get(each.expr, Value()) for each in ((plan.output if plan else None) or ())]
    return [derive([each], lambda sources: substitute(sources[0], lookup)) for each in values], scope


def scalar_subquery(call_: Call) -> Value:
    """A subquery as a value: its first column."""
    values, scope = _inner_values(call_)
    if not values:
        return Value(certainty=scope.certainty)
    return Value(values[0].sources, Term(("(", values[0].term, ")")), values[0].certainty, values[0].parts)


def exists(call_: Call) -> Value:
    """EXISTS: its conditions go to the row set; as a value it is made of what its rows are matched by."""
    _, scope = _inner_values(call_)
    environment, term = call_.environment, Term(("EXISTS (...)",))
    if environment.decides_rows:
        return Value(term=term)
    inner = environment.rows.pop()
    matched = {key: trace for key, (trace, _) in inner.items() if key[2] is Subtype.JOIN}
    environment.rows.append({key: entry for key, entry in inner.items() if key not in matched})
    sources = {
        (dataset, path, Subtype.TRANSFORMATION): replace(trace, operator=environment.operator)
        for (dataset, path, _), trace in matched.items()
    }
    return Value(sources, term, scope.certainty)


def list_query(call_: Call) -> Value:
    """The subquery of IN: its columns."""
    values, _ = _inner_values(call_)
    return call_.combine(values, Subtype.IDENTITY, Term(("(", *joined([each.term for each in values]), ")")))


def in_subquery(call_: Call) -> Value:
    """In a condition both sides decide which rows there are, they are JOIN; elsewhere they give a value."""
    tested, candidates = call_.parts("values"), call_.of("query")
    term = Term(("(", *joined([each.term for each in tested]), " IN ", candidates.term, ")"))
    if not call_.environment.decides_rows:
        return call_.combine([*tested, candidates], Subtype.TRANSFORMATION, term, "in")
    both = call_.combine([*tested, candidates], Subtype.JOIN, term, "in")
    call_.environment.rows.append({key: (trace, term) for key, trace in both.sources.items()})
    return Value(term=term, certainty=both.certainty)


def unknown_subquery(call_: Call, values: list[Value]) -> Value:
    """A subquery expression without a rule: all its columns, marked, and a problem."""
    inner, _ = _inner_values(call_)
    name = call_.node.name
    call_.environment.problem(
        "unknown_subquery",
        f"the subquery expression {name} has no rule: all its columns are taken as sources",
    )
    result = call_.combine([*values, *inner], Subtype.TRANSFORMATION, Term((f"{name}(...)",)), name)
    return Value(weaken(result.sources, Certainty.OVER_APPROXIMATE), result.term, Certainty.OVER_APPROXIMATE)
