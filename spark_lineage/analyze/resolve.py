"""The only walker: plan tree -> scope of its output, operator by operator, iteratively.

Each operator is resolved once, after the operators below it and the plans of the subqueries in its
expressions. Operators are numbered in the order in which they are done, so that the same plan gets the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spark_lineage.analyze.ancestry import ancestry
from spark_lineage.analyze.bounds import detail_of, is_stream
from spark_lineage.analyze.expressions import literals_in, subquery_plans
from spark_lineage.analyze.identity import Naming, VersionId
from spark_lineage.analyze.loops import Held, settle
from spark_lineage.analyze.nested import alternatives
from spark_lineage.analyze.operators.opaque import unknown
from spark_lineage.analyze.origins import RDD_RELATIONS, Origin, kept_rows
from spark_lineage.analyze.relations import (
    DETACHED,
    FOREIGN_QUERY,
    IN_MEMORY,
    RELATIONS,
    Located,
    RunFacts,
    locate,
    reads_nothing,
    requested_version,
)
from spark_lineage.analyze.rules import RULES
from spark_lineage.analyze.scopes import RowSet, Scope, merge_rows, substitute_rows
from spark_lineage.analyze.steps import Step
from spark_lineage.analyze.values import (
    NOTHING,
    Leaf,
    SourceKey,
    Term,
    Trace,
    Value,
    derive,
    merge,
    outer_value,
    weaken,
)
from spark_lineage.analyze.work import OperatorWork
from spark_lineage.decode.tree import Attribute, Node, PlanTree
from spark_lineage.model import (
    Certainty,
    Operator,
    Problem,
    Severity,
    Subtype,
    weakest,
)

_LEAVES = RELATIONS | IN_MEMORY | DETACHED | RDD_RELATIONS

_LIMITS = {"GlobalLimit": "limitExpr", "Offset": "offsetExpr", "Tail": "limitExpr"}
"""What cuts rows off without looking at them -> the field that says how many."""

_ELSEWHERE = frozenset({"CTERelationRef", "LogicalRDD", "UnionLoop", "UnionLoopRef"})
"""Operators that stand for something elsewhere in the plan, or in another plan."""


@dataclass(slots=True)
class Resolver:
    """Resolves the operators of one plan, and of the plans that its checkpoints come from.

    `origins` maps a LogicalRDD to the executions of which one made its rows; each is resolved on its own, since two may
    have run the same plan. `literals` are those that decide the plan's own rows, by place (`* FILTER`). `located` and `operators` fill up while resolving, and `kept` with the origins' scopes; the
    origins' resolvers share these three. `names` has the plan's own operators by node,
    `job` is whose plan it is, for people.
    """

    naming: Naming
    origins: Mapping[Node, tuple[Origin, ...]] = field(default_factory=dict)
    facts: RunFacts = field(default_factory=dict)
    located: dict[Node, tuple[Located, ...]] = field(default_factory=dict)
    operators: dict[str, Operator] = field(default_factory=dict)
    kept: dict[Origin, tuple[Node, Scope] | None] = field(default_factory=dict)
    scopes: dict[Node, Scope] = field(default_factory=dict)
    literals: dict[str, list[Node]] = field(default_factory=dict)
    names: dict[Node, str] = field(default_factory=dict)
    job: str = "a job"
    _steps: dict[Node, Step] = field(default_factory=dict)
    _ctes: dict[tuple[str, Any], Node] = field(default_factory=dict)
    _trees: dict[Node, str] = field(default_factory=dict)
    _loops: dict[tuple[str, Any], dict[Node, None]] = field(default_factory=dict)

    def resolve(self, root: Node, tree: PlanTree) -> Scope:
        """The scope of an operator's output."""
        self._resolve_origins()
        self._index_ctes(tree)
        below: dict[Node, list[Node]] = {}  # what an open node waits for
        stack = [root]
        while stack:
            node = stack[-1]
            if node in self.scopes:
                stack.pop()
                continue
            inside = below[node] if node in below else self._below(node)
            waiting = [each for each in inside if each not in self.scopes]
            recursive = [each for each in waiting if each in below]
            if waiting and not recursive:
                below[node] = inside
                stack.extend(reversed(waiting))
                continue
            stack.pop()
            below.pop(node, None)
            self.scopes[node] = self._recursion(node) if recursive else self._scope(node)
        return self.scopes[root]

    def _resolve_origins(self) -> None:
        """Resolve what the relations over RDDs stand for, the innermost first: a chain of checkpoints may be long."""
        stack = [origin for origins in self.origins.values() for origin in origins]
        while stack:
            origin = stack[-1]
            if origin in self.kept:
                stack.pop()
                continue
            waiting = [each for below in origin.origins.values() for each in below if each not in self.kept]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            stack.pop()
            self.kept[origin] = self._kept(origin)

    def _kept(self, origin: Origin) -> tuple[Node, Scope] | None:
        """The operator whose rows an origin kept, and its scope."""
        rows = kept_rows(origin.tree)
        if rows is None:
            return None
        resolver = Resolver(
            self.naming, origin.origins, origin.facts, self.located, self.operators, self.kept, job=self.job
        )
        return rows, _resolved(resolver, rows, origin.tree)

    def plans_in(self, expressions: Iterable[Any], tree: PlanTree) -> dict[Node, Scope]:
        """The scopes of the subqueries inside a command's own expressions."""
        return {plan: self.resolve(plan, tree) for plan in subquery_plans(expressions)}

    def note_literals(self, places: Iterable[tuple[str, list[Node]]]) -> None:
        """Note literals that decide which rows there are, in the order in which the operators are resolved."""
        for place, literals in places:
            if literals:
                self.literals.setdefault(place, []).extend(literals)

    def name_operator(self, node: Node, detail: str = "") -> str:
        """Number an operator, `Join#3`, and note it as a transformation vertex."""
        name = f"{node.name}#{len(self.operators)}"
        self.operators[name] = Operator(name, node.name, detail)
        self.names[node] = name
        return name

    def _index_ctes(self, tree: PlanTree) -> None:
        """A reference names its definition by a number that is unique within one plan only."""
        for node in tree.nodes:
            if node.name == "CTERelationDef":
                self._ctes[tree.hash, node.get("id")] = node
            elif node.name in {"CTERelationRef", "UnionLoop"}:
                self._trees[node] = tree.hash
            elif node.name == "UnionLoopRef":
                self._loops.setdefault((tree.hash, node.get("loopId")), {})[node] = None

    def _definition(self, node: Node) -> Node | None:
        return self._ctes.get((self._trees.get(node, ""), node.get("cteId")))

    def _step(self, node: Node) -> Step:
        step = self._steps.get(node)
        if step is None:
            step = self._steps[node] = RULES.get(node.name, unknown)(node)
        return step

    def _below(self, node: Node) -> list[Node]:
        if node.name == "CTERelationRef":
            definition = self._definition(node)
            return [] if definition is None else [definition]
        if node.name == "UnionLoopRef" or _is_leaf(node):
            return []
        inputs = self._step(node).inputs
        return [*inputs, *subquery_plans(node.expressions)] if node.has_subquery else list(inputs)

    def _scope(self, node: Node) -> Scope:
        if node.name in IN_MEMORY:
            return replace(_constant(node), streams=is_stream(node))
        if node.name in RELATIONS or node.name in DETACHED:
            return self._relation(node)
        return self._elsewhere(node) if node.name in _ELSEWHERE else self._operator(node)

    def _elsewhere(self, node: Node) -> Scope:
        special = {
            "CTERelationRef": self._cte,
            "LogicalRDD": self._rdd,
            "ExternalRDD": self._rdd,
            "UnionLoop": self._loop,
            "UnionLoopRef": _loop_reference,
        }
        return special[node.name](node)

    def _cte(self, node: Node) -> Scope:
        return self._reference(node, self._definition(node), "cte")

    def _relation(self, node: Node) -> Scope:
        located = () if node.name in DETACHED else locate(node, self.naming, self.facts)
        self._locate(node, located)
        if not located and reads_nothing(node):
            return replace(_constant(node), streams=is_stream(node))
        if not located:
            problem = Problem(
                "unknown_source",
                Severity.WARNING,
                f"the relation {node.name} reads something that could not be named: its sources are unknown",
                node.name,
                "please report the kind of source",
            )
            return _opaque(node, problem)
        name = self.name_operator(node)
        trace = Trace(name)
        version = requested_version(node)
        datasets = [each.dataset.id for each in located]
        if version is not None:
            datasets = [VersionId(each.namespace, each.name, version) for each in datasets]
        columns = {}
        for attribute in node.output or ():
            field_name = attribute.name
            sources: dict[SourceKey, Trace] = {
                (dataset, field_name, Subtype.IDENTITY): trace for dataset in datasets
            }
            columns[attribute.expr] = Value(sources, Term((Leaf(datasets[0], field_name),)))
        return Scope(columns, problems=_foreign_query(node, located), streams=is_stream(node))

    def _locate(self, node: Node, located: tuple[Located, ...]) -> None:
        """Note what a relation reads: one that two origins have may stand for other files in each."""
        self.located[node] = tuple(dict.fromkeys((*self.located.get(node, ()), *located)))

    def _rdd(self, node: Node) -> Scope:
        origins = self.origins.get(node, ())
        if origins:
            candidates = [self._origin(node, each) for each in origins]
            return candidates[0] if len(candidates) == 1 else _one_of(candidates)
        rdd = node.get("rdd")
        found = ancestry(self.facts.get(rdd, {}) if isinstance(rdd, Node) else {}, self.naming)
        if found.certainty is Certainty.EXACT:
            return _constant(node)
        self._locate(node, found.located())
        sources = found.sources(self.name_operator(node))
        columns = {
            each.expr: Value(sources, Term(("rdd",)), found.certainty)
            for each in node.output or _produced(node)
        }
        problems = _unknown_reads(node, found.unknown, self.job)
        return Scope(columns, certainty=found.certainty, problems=problems, streams=is_stream(node))

    def _origin(self, node: Node, origin: Origin) -> Scope:
        target, scope = self.kept.get(origin) or (None, None)
        return self._reference(node, target, "checkpoint", scope)

    def _reference(self, node: Node, target: Node | None, what: str, scope: Scope | None = None) -> Scope:
        """A leaf that stands for another plan's output, by ordinal."""
        if target is None or target.output is None:
            problem = Problem(
                f"unknown_{what}",
                Severity.WARNING,
                f"a {what} refers to a plan that is not in the record",
                node.name,
            )
            return _opaque(node, problem)
        scope = self.scopes[target] if scope is None else scope
        columns = {}
        for own, other in zip(node.output or (), target.output, strict=False):
            columns[own.expr] = scope.columns.get(other.expr, Value(certainty=Certainty.OPAQUE))
        return replace(scope, columns=columns)

    def _loop(self, node: Node) -> Scope:
        """A recursive query: its references stand for its own columns, which are put in until nothing changes."""
        anchor, recursion = (self.scopes[node.get(name)] for name in ("anchor", "recursion"))
        first, again = (node.get(name).output or () for name in ("anchor", "recursion"))
        held = [
            Held(
                anchor.columns.get(start.expr, Value()),
                recursion.columns.get(more.expr, Value()),
                start.type,
                more.type,
            )
            for start, more in zip(first, again, strict=False)
        ]
        references = {
            each.expr: position
            for reference in self._loops.get((self._trees.get(node, ""), node.get("id")), ())
            for position, each in enumerate(reference.output or ())
        }
        values, lookup = settle(held, references)
        return Scope(
            {each.expr: value for each, value in zip(node.output or (), values, strict=False)},
            merge_rows([anchor.rows, substitute_rows(recursion.rows, lookup)]),
            weakest(anchor.certainty, recursion.certainty),
            tuple(dict.fromkeys((*anchor.problems, *recursion.problems))),
        )

    def _recursion(self, node: Node) -> Scope:
        problem = Problem(
            "recursive_query",
            Severity.WARNING,
            "a query refers to itself: what comes back through the recursion is not followed",
            node.name,
        )
        return _opaque(node, problem)

    def _operator(self, node: Node) -> Scope:
        step = self._step(node)
        self._steps.pop(node, None)  # it was asked for what is below, and is not asked for again
        # A table's alias does nothing to its rows: with or without it, the plan is the same.
        inputs = [self.scopes[each] for each in step.inputs]
        streams = [each.streams for each in inputs]
        detail = detail_of(node) if any(streams) and (node.name != "Join" or all(streams)) else ""
        name = "" if node.name == "SubqueryAlias" else self.name_operator(node, detail)
        subqueries = subquery_plans(node.expressions) if node.has_subquery else ()
        plans = {plan: self.scopes[plan] for plan in subqueries}
        work = OperatorWork(name, step, inputs, plans)
        self.note_literals(work.literals())
        if node.name in _LIMITS:
            self.note_literals([("* LIMIT", literals_in(node.get(_LIMITS[node.name])))])
        columns = _shown(node, work)
        problems = [*work.problems(), *_missing(node, columns)]
        if step.problem is not None:
            code, message, hint = step.problem
            problems.append(Problem(code, Severity.WARNING, message, name, hint))
        below = [*inputs, *plans.values()]
        return Scope(
            columns=columns,
            rows=work.rows(),
            certainty=weakest(step.certainty, work.row_certainty, *(each.certainty for each in below)),
            problems=tuple(dict.fromkeys(p for each in below for p in each.problems)) + tuple(problems),
            effects=tuple(work.effects),
            others=work.other_rows(),
            streams=any(streams),
        )


_SPLIT = "split the job, or report it with the size of its plan"

_CUT: dict[str, tuple[str, str]] = {
    "nodes": ("the plan has more operators, expressions and values than the bridge writes", _SPLIT),
    "bytes": ("the plan takes more bytes than the bridge writes", _SPLIT),
    "elements": ("the lists of the plan have more entries than the bridge writes", _SPLIT),
    "attributes": (
        "the operators of the plan list more columns than the bridge writes",
        "select the columns that are needed before the joins, or split the job",
    ),
    "depth": ("values of the plan lie deeper inside of each other than the bridge writes", "report the plan"),
    "text": (
        "a name in the plan is longer than the bridge writes",
        "give a long expression a short name (an alias)",
    ),
    "time": (
        "Spark took longer than the bridge waits to say which columns the operators of the plan have",
        "report the plan with the number of its operators",
    ),
}
"""Limit of the bridge -> what was beyond it, and what to do. The numbers are in docs/operations.md."""


def cut(tree: PlanTree) -> tuple[Problem, ...]:
    """A problem for each limit of the bridge that a plan was cut at."""
    what = (
        ", but nothing that its lineage needs is missing"
        if tree.is_whole
        else ": its lineage is not complete"
    )
    told = ((limit, *_CUT.get(limit, ("the plan was cut", _SPLIT))) for limit in tree.truncated)
    return tuple(
        Problem("plan_truncated", Severity.WARNING, f"{beyond}{what}", limit, hint)
        for limit, beyond, hint in told
    )


def _cut_checkpoint(tree: PlanTree) -> Problem:
    """Of a plan whose own record is whole, and which reads the rows of one that was cut."""
    return Problem(
        "cut_checkpoint",
        Severity.WARNING,
        "the plan that made the rows of a checkpoint was cut by a limit of the bridge: what they are made of is not all known",
        ", ".join(tree.truncated),
        "see what the problem plan_truncated says of the query whose rows were kept",
    )


def _resolved(resolver: Resolver, rows: Node, tree: PlanTree) -> Scope:
    """The scope of an operator of another plan: where that has lost a part, what is left may be of any shape, and is never all."""
    if tree.is_whole:
        return resolver.resolve(rows, tree)
    try:
        scope = resolver.resolve(rows, tree)
    except Exception:  # noqa: BLE001 - as `lineage` has it for a plan's own operators
        scope = Scope.unknown()
    columns = {expr: left_of(value) for expr, value in scope.columns.items()}
    return replace(
        scope,
        columns=columns,
        rows=rows_left_of(scope.rows),
        certainty=Certainty.OPAQUE,
        problems=(*scope.problems, _cut_checkpoint(tree)),
    )


def left_of(value: Value) -> Value:
    """A column of a plan that was cut: what is gone may be a source of it, or what shows that a known one is none."""
    weak = derive([value], lambda each: weaken(each[0], Certainty.OVER_APPROXIMATE))
    return replace(weak, certainty=Certainty.OPAQUE)


def rows_left_of(rows: RowSet) -> RowSet:
    """What decides the rows of a plan that was cut, as far as it is known."""
    weak = weaken({key: trace for key, (trace, _) in rows.items()}, Certainty.OVER_APPROXIMATE)
    return {key: (weak[key], term) for key, (_, term) in rows.items()}


def _foreign_query(node: Node, located: tuple[Located, ...]) -> tuple[Problem, ...]:
    """A database computed the rows: its query's columns are the sources, and the tables behind them are not known."""
    relation = node.get("relation")
    if not any(each.dataset.name.startswith(FOREIGN_QUERY) for each in located) or not isinstance(
        relation, Node
    ):
        return ()
    dataset = located[0].dataset
    message = f"the tables behind {dataset.name} of {dataset.namespace} are not known, it is a query: {relation.facts['query']}"
    return (
        Problem(
            "foreign_query",
            Severity.WARNING,
            message,
            node.name,
            "read the tables by their names (dbtable), and query them in Spark",
        ),
    )


def _shown(node: Node, work: OperatorWork) -> Mapping[int, Value]:
    """The columns of the operator's output; the input's own mapping where nothing changes."""
    step = work.step
    if not step.defines and step.view is None and len(step.inherits) == 1:
        inherited = work.inputs[step.inherits[0]].columns
        if node.output is None or len(node.output) == len(inherited):
            return inherited
    columns = work.columns()
    if node.output is None or not step.inherits:
        return columns
    return {each.expr: columns[each.expr] for each in node.output if each.expr in columns}


def _missing(node: Node, columns: Mapping[int, Value]) -> list[Problem]:
    missing = [each.name for each in node.output or () if each.expr not in columns]
    if not missing:
        return []
    names = ", ".join(missing[:5])
    return [
        Problem(
            "missing_output",
            Severity.WARNING,
            f"the rule of {node.name} does not say where its output {names} comes from",
            node.name,
            "please report the plan",
        )
    ]


def _is_leaf(node: Node) -> bool:
    return node.name in _LEAVES


def _one_of(candidates: list[Scope]) -> Scope:
    """A relation that is one of several plans' output: the union of all, marked."""
    over = Certainty.OVER_APPROXIMATE
    columns = {}
    for expr in candidates[0].columns:
        values = [each.columns[expr] for each in candidates if expr in each.columns]
        value = derive(values, lambda each: weaken(merge(each), over), alternatives(values))
        columns[expr] = replace(value, certainty=weakest(over, value.certainty))
    return Scope(
        columns,
        merge_rows(each.rows for each in candidates),
        weakest(over, *(each.certainty for each in candidates)),
        tuple(dict.fromkeys(problem for each in candidates for problem in each.problems)),
    )


def _loop_reference(node: Node) -> Scope:
    """What a recursive query reads of itself: placeholders, until the loop is resolved."""
    return Scope({each.expr: outer_value(each.expr, each.name) for each in node.output or ()})


def _constant(node: Node) -> Scope:
    return Scope({each.expr: Value(NOTHING, Term((each.name,))) for each in node.output or ()})


def _produced(node: Node) -> tuple[Attribute, ...]:
    """The one column of objects that an `ExternalRDD` has."""
    column = node.get("outputObjAttr")
    return (column,) if isinstance(column, Attribute) else ()


def _unknown_reads(node: Node, classes: tuple[str, ...], job: str) -> tuple[Problem, ...]:
    if not classes:
        return ()
    problem = Problem(
        "rdd_round_trip",
        Severity.WARNING,
        f"a DataFrame of {job} was made from an RDD: what {', '.join(classes)} reads is not known",
        node.name,
        "build the DataFrame from DataFrames, or read its input as a table",
    )
    return (problem,)


def _opaque(node: Node, problem: Problem) -> Scope:
    columns = {each.expr: Value(NOTHING, Term((each.name,)), Certainty.OPAQUE) for each in node.output or ()}
    return Scope(columns, certainty=Certainty.OPAQUE, problems=(problem,))
