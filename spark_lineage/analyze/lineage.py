"""One analyzed plan -> the lineage of its writes, or of what it returned: plans, edges, problems.

Pure and total: any decodable plan gives a result, perhaps with problems; the same plan gives the same
result. The fingerprint is the SHA-256 of that result's canonical JSON, so it knows nothing of the run.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spark_lineage.analyze.identity import Naming, split_version
from spark_lineage.analyze.nested import alternatives, fields_of
from spark_lineage.analyze.origins import Origin
from spark_lineage.analyze.rebuilt import type_of
from spark_lineage.analyze.relations import ANY_TOPIC, Located, RunFacts
from spark_lineage.analyze.render import render, rendered
from spark_lineage.analyze.resolve import Resolver, cut, left_of, rows_left_of
from spark_lineage.analyze.scopes import RowSet
from spark_lineage.analyze.selectors import selectors
from spark_lineage.analyze.steps import Define, Step
from spark_lineage.analyze.targets import Write
from spark_lineage.analyze.values import OUTER, Leaf, Term, Trace, Value, either
from spark_lineage.analyze.work import OperatorWork
from spark_lineage.analyze.writes import (
    FOREACH_BATCH_SINKS,
    FOREACH_SINK,
    WRITES,
    by_position,
    clones,
    write_nodes,
    write_of,
)
from spark_lineage.decode.tree import Node, NodeKind, PlanTree, flatten
from spark_lineage.model import (
    DRIVER_NAMESPACE,
    UNNAMED_NAMESPACE,
    Certainty,
    Dataset,
    DatasetId,
    Edge,
    EdgeKind,
    EdgeType,
    Plan,
    PlanColumn,
    Problem,
    Severity,
    Subtype,
    weakest,
)

_NO_NAME_YET = DatasetId(DRIVER_NAMESPACE, "")
"""The target of a usage before its fingerprint is known, which is part of its name."""

_EXECUTED_COMMANDS = ("DataWritingCommandExec", "ExecutedCommandExec", "OverwriteByExpressionExec")
"""What the bridge asks whether it overwrites dynamically, and what never does."""

MAX_CONSTANTS = 10_000
"""Of how many literals a run keeps the hashes."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan does not say: the job, how paths are named, its literals' hashes, its checkpoints, the run's facts."""

    job: str
    naming: Naming = field(default_factory=Naming)
    literals: tuple[str | None, ...] = ()
    origins: Mapping[Node, tuple[Origin, ...]] = field(default_factory=dict)
    facts: RunFacts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lineage:
    """The lineage of one write or usage, with the relations that it read and wrote.

    `constants` are the numbers of the literals in each column's expression, and in what decides the rows (`* FILTER`), in their order; -1
    stands for one of another plan, of a checkpoint. `operators` has the names of the plan's operators by node. `is_coarse` is true where
    what became of columns is left out on purpose.
    """

    plan: Plan
    edges: tuple[Edge, ...]
    problems: tuple[Problem, ...]
    reads: tuple[tuple[Node, Located], ...]
    target: Located
    constants: tuple[tuple[str, tuple[int, ...]], ...] = ()
    operators: Mapping[Node, str] = field(default_factory=dict)
    is_coarse: bool = False


def writes_of(tree: PlanTree, naming: Naming) -> tuple[tuple[Node, Write], ...]:
    """The write commands of a plan and what they write; empty if it has none."""
    return tree.once(("writes", naming), lambda: _writes_of(tree, naming))


def _writes_of(tree: PlanTree, naming: Naming) -> tuple[tuple[Node, Write], ...]:
    dynamic = any(node.facts.get("dynamic_partition_overwrite") for node in tree.nodes)
    found = [(node, _write_of(node, naming)) for node in write_nodes(tree.analyzed)]
    # Whether a partitioned overwrite replaces all or only the partitions it meets, the executed command knows: it may be cut off.
    unknown = bool(tree.truncated) and sum(map(_says_mode, tree.nodes)) < len(found)
    return tuple(
        (node, replace(write, overwrites=False))
        if (dynamic or (unknown and write.operation == "OVERWRITE")) and _has_partitions(node, write)
        else (node, write)
        for node, write in found
    )


def _says_mode(node: Node) -> bool:
    """Whether a node is the executed command of a write, and all there: then it says where its overwrite is a dynamic one."""
    return node.kind is NodeKind.PHYSICAL and node.name.startswith(_EXECUTED_COMMANDS) and bool(node.fields)


def _has_partitions(node: Node, write: Write) -> bool:
    """Whether a write's table has, or may have, partitions.

    A save of a data source does not say which partitions a table has that is there already, as Delta's by its path: where
    the mode is not known either, what was written before stays, since a superset tells more than a table without its older
    sources. A database's table is replaced in either mode.
    """
    if write.target and write.target[0].dataset.format == "jdbc":
        return False
    if "partitionColumns" in node.fields:
        return bool(node.get("partitionColumns"))
    relation = node.get("table")
    table = relation.get("table") if isinstance(relation, Node) else None
    return not isinstance(table, Node) or table.facts.get("partition_columns") != []


def analyze_write(node: Node, write: Write, tree: PlanTree, context: Context) -> Lineage:
    """The lineage of one write command of a plan, as `writes_of` gave it."""
    return _total(node, write, tree, context, EdgeKind.DATA)


def analyze_usage(tree: PlanTree, context: Context, query: Node | None = None) -> Lineage | None:
    """The lineage of what a query (None: the whole plan) returned to the driver: a usage of its columns."""
    root = query or tree.analyzed
    if root is None:
        return None
    columns = by_position(root, _variables(tree.analyzed) if query is not None else None)
    return _total(root, Write("USAGE", (), (root,), columns), tree, context, EdgeKind.USAGE)


def _variables(command: Node | None) -> list[str]:
    """The names of the session variables that a command sets."""
    targets = command.get("targetVariables") if command is not None else None
    identifiers = [each.get("identifier") for each in flatten(targets) if isinstance(each, Node)]
    return [
        str(each.facts["identifier"][-1])
        for each in identifiers
        if isinstance(each, Node) and each.facts.get("identifier")
    ]


def _write_of(node: Node, naming: Naming) -> Write:
    try:
        return write_of(node, naming)
    except Exception:  # noqa: BLE001 - a plan of a shape that no Spark makes: `_total` reports it
        return Write(node.name, (), (), ())


def _total(node: Node, write: Write, tree: PlanTree, context: Context, kind: EdgeKind) -> Lineage:
    """The lineage, or an opaque one with a problem: no plan stops the ingest of the others, and of one that was cut any part may be gone."""
    try:
        return _assemble(node, write, tree, context, kind)
    except Exception as error:  # noqa: BLE001 - analysis is total, whatever a plan looks like
        failed = Problem(
            "analysis_failed",
            Severity.ERROR,
            f"the plan of {node.name} could not be analyzed ({type(error).__name__}: {error})",
            tree.hash,
            "please report the plan",
        )
        problems = (*cut(tree), failed) if tree.is_whole else (*cut(tree), *_unnamed(node, write, kind))
        nothing = Resolver(context.naming)
        bare = replace(
            write, columns=tuple(replace(each, parts=()) for each in write.columns), rows=(), inputs=()
        )
        values = [Value(certainty=Certainty.OPAQUE) for _ in bare.columns]
        draft = _Draft(bare, values, {}, Certainty.OPAQUE, kind, nothing, context, ())
        plan, edges, target = draft.finish()
        return Lineage(plan, edges, _tied(problems, plan), (), target)


def _assemble(node: Node, write: Write, tree: PlanTree, context: Context, kind: EdgeKind) -> Lineage:
    resolver = Resolver(context.naming, context.origins, context.facts, job=context.job)
    scopes = [resolver.resolve(each, tree) for each in write.inputs]
    expressions = [part.expression for column in write.columns for part in column.parts]
    plans = resolver.plans_in([*expressions, *(part.expression for part in write.rows)], tree)
    defines = tuple(
        Define(position, column.parts) for position, column in enumerate(write.columns) if column.parts
    )
    step = Step(write.inputs, defines=defines, rows=write.rows)
    name = resolver.name_operator(node) if kind is EdgeKind.DATA else "usage"
    work = OperatorWork(name, step, scopes, plans)
    resolver.note_literals(work.literals())
    values = [work.defined.get(position, Value()) for position in range(len(write.columns))]
    rows: RowSet = {**_replaced(write, name), **work.rows()}
    problems = [
        *(each for scope in (*scopes, *plans.values()) for each in scope.problems),
        *work.problems(),
        *cut(tree),
        *_unnamed(node, write, kind),
        *_dangling(values, rows),
    ]
    certainty = weakest(work.row_certainty, *(v.certainty for v in values), *(s.certainty for s in scopes))
    if not tree.is_whole:
        values, rows = [left_of(each) for each in values], rows_left_of(rows)
    if not tree.is_whole or write.unknown is not None:
        certainty = Certainty.OPAQUE
    draft = _Draft(write, values, rows, certainty, kind, resolver, context, selectors(tree, context.literals))
    plan, edges, target = draft.finish()
    reads = tuple((leaf, each) for leaf, located in resolver.located.items() for each in located)
    constants = _constants(draft.literals, resolver.literals, tree)
    return Lineage(plan, edges, _tied(problems, plan), reads, target, constants, resolver.names)


def _tied(problems: Iterable[Problem], plan: Plan) -> tuple[Problem, ...]:
    """Each problem once, as one of a plan and its target."""
    tied = (replace(each, fingerprint=plan.fingerprint, dataset=plan.target) for each in problems)
    return tuple(dict.fromkeys(tied))


def _constants(
    of_columns: Mapping[str, tuple[Node, ...]], of_rows: Mapping[str, list[Node]], tree: PlanTree
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The numbers of the literals by place, sorted; at most `MAX_CONSTANTS`, whole places."""
    found: list[tuple[str, tuple[int, ...]]] = []
    room = MAX_CONSTANTS
    for place, literals in sorted({**of_columns, **of_rows}.items()):
        room -= len(literals)
        if room >= 0:
            found.append((place, tuple(_number(node, tree) for node in literals)))
    return tuple(found)


def _number(literal: Node, tree: PlanTree) -> int:
    number = literal.facts.get("l")
    is_own = literal.index < len(tree.nodes) and tree.nodes[literal.index] is literal
    return number if is_own and isinstance(number, int) else -1


def _replaced(write: Write, operator: str) -> RowSet:
    """The target's columns that decide which of its old rows a write leaves."""
    if not write.target:
        return {}
    target = write.target[0].dataset.id
    return {
        (target, column, Subtype.FILTER): (Trace(operator), Term((Leaf(target, column),)))
        for column in write.replacing
    }


@dataclass(slots=True)
class _Draft:
    """Everything of a lineage but its fingerprint, and the names of its columns."""

    write: Write
    values: list[Value]
    rows: RowSet
    certainty: Certainty
    kind: EdgeKind
    resolver: Resolver
    context: Context
    selectors: tuple[str, ...]
    literals: dict[str, tuple[Node, ...]] = field(default_factory=dict)

    def finish(self) -> tuple[Plan, tuple[Edge, ...], Located]:
        """The plan with its fingerprint, its edges, and the target."""
        name_of = _namer(self.values, self.rows, self.resolver)
        located = self.write.target[0] if self.write.target else None
        target = located.dataset.id if located else DatasetId(UNNAMED_NAMESPACE, self.write.operation.lower())
        if self.kind is EdgeKind.USAGE:
            target = _NO_NAME_YET
        edges = self._edges(target, name_of)
        columns = tuple(
            PlanColumn(column.name, column.type, value.certainty)
            for column, value in zip(self.write.columns, self.values, strict=True)
        )
        sources = sorted({each.dataset.id for found in self.resolver.located.values() for each in found})
        plan = Plan(
            "",
            self.kind,
            self.context.job,
            self.write.operation,
            target,
            self.write.overwrites,
            self.certainty,
            columns,
            tuple(self.resolver.operators.values()),
            tuple(sources),
        )
        plan = identified(plan, edges, self.selectors)
        target = plan.target
        edges = tuple(replace(each, fingerprint=plan.fingerprint, target=target) for each in edges)
        known = Located(Dataset(target.namespace, target.name)) if located is None else located
        return plan, edges, known

    def _edges(self, target: DatasetId, name_of: Any) -> tuple[Edge, ...]:
        edges = []
        for name, value in self._written():
            text, literals = rendered(value.term, name_of)
            if literals:
                self.literals[name] = literals
            text = text if value.sources else ""
            for (dataset, path, subtype), trace in value.sources.items():
                source, version = split_version(dataset)
                edge = Edge(
                    "", self.kind, source, path, target, name, subtype, trace.masking, trace.certainty, text,
                    _transformations(trace, subtype), trace.operator, tuple(sorted(trace.via)), version,
                )  # fmt: skip
                edges.append(edge)
        for (dataset, path, subtype), (trace, term) in self.rows.items():
            source, version = split_version(dataset)
            edge = Edge(
                "", self.kind, source, path, target, None, subtype, trace.masking, trace.certainty, render(term, name_of),
                _transformations(trace, subtype), trace.operator, tuple(sorted(trace.via)), version,
            )  # fmt: skip
            edges.append(edge)
        real = (each for each in edges if each.source.namespace != OUTER)
        return tuple(sorted(real, key=edge_key))

    def _written(self) -> Iterator[tuple[str, Value]]:
        """Each column with its value, and each field of what the query built: another hop may read that alone."""
        for column, value in zip(self.write.columns, self.values, strict=True):
            yield column.name, value
            if self.kind is EdgeKind.DATA and column.parts:
                found: dict[str, list[Value]] = {}
                for path, inner in fields_of(column.name, value, type_of(column.parts[0].expression)):
                    found.setdefault(path, []).append(inner)
                for path, values in found.items():  # a map's keys and values may have fields of one name
                    yield path, values[0] if len(values) == 1 else either(values, alternatives(values))


def _transformations(trace: Trace, subtype: Subtype) -> tuple[str, ...]:
    """What happened on the way, by name: functions, casts, and what an indirect source decides (`join`, `filter`, ...)."""
    decides = {subtype.value.lower()} if subtype.type is EdgeType.INDIRECT else set()
    return tuple(sorted(trace.functions | decides))


def edge_key(edge: Edge) -> tuple[str, ...]:
    """What orders edges: the target column, then the source."""
    target = "" if edge.target_field is None else f"c{edge.target_field}"
    version = edge.source_version or ""
    return (
        target,
        edge.source.namespace,
        edge.source.name,
        edge.source_field or "",
        edge.subtype.value,
        version,
    )


def _namer(values: list[Value], rows: RowSet, resolver: Resolver) -> Any:
    """How a source column is written: alone where its name is unambiguous, else after its table."""
    owners: dict[str, set[DatasetId]] = defaultdict(set)
    keys = [key for value in values for key in value.sources] + list(rows)
    for dataset, path, _ in keys:
        owners[(path or "").partition(".")[0]].add(dataset)
    short = {
        each.dataset.id: (each.dataset.aliases[0] if each.dataset.aliases else each.dataset.name)
        .rpartition("/")[2]
        .rpartition(".")[2]
        for located in resolver.located.values()
        for each in located
    }

    def name_of(leaf: Leaf) -> str:
        if len(owners[leaf.field.partition(".")[0]]) < 2:
            return leaf.field
        dataset, version = split_version(leaf.dataset)
        at = "" if version is None else f"@{version}"
        return f"{short.get(dataset, dataset.name)}{at}.{leaf.field}"

    return name_of


def identified(plan: Plan, edges: tuple[Edge, ...] = (), selectors: tuple[str, ...] = ()) -> Plan:
    """The plan with its fingerprint; what a usage gives to the driver is named by its job and that."""
    if plan.kind is not EdgeKind.USAGE:
        return replace(plan, fingerprint=fingerprint_of(plan, edges, selectors))
    fingerprint = fingerprint_of(replace(plan, target=_NO_NAME_YET), edges, selectors)
    target = DatasetId(DRIVER_NAMESPACE, f"{plan.job}/{fingerprint[:12]}")
    return replace(plan, fingerprint=fingerprint, target=target)


def fingerprint_of(plan: Plan, edges: tuple[Edge, ...], selectors: tuple[str, ...]) -> str:
    """The SHA-256 of the canonical JSON of a lineage, which knows nothing of the run."""
    content = [
        plan.kind.value,
        plan.job if plan.kind is EdgeKind.USAGE else "",  # a usage's target is its job
        plan.operation,
        [plan.target.namespace, plan.target.name],
        plan.overwrites,
        [[each.name, each.type, each.certainty.value] for each in plan.columns],
        [f"{each.id} {each.detail}" if each.detail else each.id for each in plan.operators],
        [[each.namespace, each.name] for each in plan.datasets],
        [
            [
                *edge_key(edge),
                edge.masking,
                edge.certainty.value,
                edge.expression,
                edge.transformations,
                edge.operator,
                edge.via,
            ]
            for edge in edges
        ],
        selectors,
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def _unnamed(node: Node, write: Write, kind: EdgeKind) -> list[Problem]:
    if kind is EdgeKind.USAGE:
        return []
    if write.unknown is not None:
        code, message, hint = write.unknown
        return [Problem(code, Severity.WARNING, message, node.name, hint)]
    if node.name not in WRITES and not clones(node):
        message = f"the command {node.name} has no rule: it is taken as an append of its query"
        return [Problem("unknown_command", Severity.WARNING, message, node.name, "please report the command")]
    code, message, hint = _unnamed_target(node, write)
    return [Problem(code, Severity.WARNING, message, node.name, hint)] if code else []


def _unnamed_target(node: Node, write: Write) -> tuple[str, str, str]:
    """Code, message and hint where a target is not known, or is the program's own; empty texts where it is named."""
    if not write.target:
        return (
            "unknown_target",
            f"{node.name} writes something that could not be named",
            "please report the kind of target",
        )
    target = write.target[0].dataset
    if target.name in FOREACH_BATCH_SINKS:
        return (
            "foreach_batch",
            "the function of a foreachBatch stream ran no query: what it did with the rows is not known",
            "write the batch with a DataFrame's own writer where lineage matters",
        )
    if target.id == FOREACH_SINK:
        return (
            "foreach_sink",
            "the function of a foreach stream got each row: what it did with them is not known",
            "write with one of Spark's sinks, or with foreachBatch, where lineage matters",
        )
    if target.name == ANY_TOPIC:
        return (
            "unknown_topic",
            "each row names the topic that it goes to: the topics written are not known",
            "write to one topic with the option `topic`",
        )
    return ("", "", "")


def _dangling(values: list[Value], rows: RowSet) -> list[Problem]:
    keys = [key for value in values for key in value.sources] + list(rows)
    if not any(dataset.namespace == OUTER for dataset, _, _ in keys):
        return []
    message = "a correlated subquery mentions a column that no enclosing query has"
    return [Problem("unresolved_correlation", Severity.WARNING, message, "", "please report the plan")]
