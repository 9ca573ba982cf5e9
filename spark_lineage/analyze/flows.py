"""Which values of a plan end up in which columns of what it writes: the way between a target's column and its sources.

`spark_lineage.analyze.lineage` answers with the two ends of that way. This has its steps, by expression id, since those are
what the executed plan shares with the analyzed one. What an operator's rule says of it is evaluated over placeholders for
its inputs, so that a value flows here exactly where an edge is DIRECT there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from spark_lineage.analyze.expressions import subquery_plans
from spark_lineage.analyze.operators.opaque import unknown
from spark_lineage.analyze.origins import RDD_RELATIONS
from spark_lineage.analyze.relations import DETACHED, IN_MEMORY, RELATIONS
from spark_lineage.analyze.rules import RULES
from spark_lineage.analyze.scopes import Scope
from spark_lineage.analyze.steps import Define, Step
from spark_lineage.analyze.targets import TargetColumn
from spark_lineage.analyze.values import OUTER, Value, outer_value
from spark_lineage.analyze.work import OperatorWork
from spark_lineage.decode.tree import Attribute, Node, NodeKind, PlanTree
from spark_lineage.model import EdgeType

LEAVES = RELATIONS | IN_MEMORY | DETACHED | RDD_RELATIONS
"""Operators without an operator below."""


@dataclass(frozen=True, slots=True)
class Flows:
    """The values of a plan by local expression id.

    `names` are the target's columns. `ends` has for an id the columns that the command makes of it, and `made_of` for each id
    that an operator defines those it is made of; both are sets of positions, `ends` as the bits of a number. `known` are all ids
    that the plan's operators have. `alike` are the ids of one column of a relation that is read several times.
    """

    names: tuple[str, ...] = ()
    ends: Mapping[int, int] = field(default_factory=dict)
    made_of: Mapping[int, frozenset[int]] = field(default_factory=dict)
    known: frozenset[int] = frozenset()
    alike: tuple[frozenset[int], ...] = ()


def flows_of(inputs: Sequence[Node], columns: Sequence[TargetColumn], tree: PlanTree) -> Flows:
    """How the values of the plans below a command get into the columns that it writes."""
    walk = Walk(tree)
    ends: dict[int, int] = {}
    defines = tuple(Define(position, each.parts) for position, each in enumerate(columns) if each.parts)
    plans = subquery_plans(part.expression for column in columns for part in column.parts)
    for position, ids in _defined(Step(tuple(inputs), defines=defines), plans):
        for each in ids:
            ends[each] = ends.get(each, 0) | 1 << position
    made_of: dict[int, frozenset[int]] = {}
    known: set[int] = set()
    for node in walk.below((*inputs, *plans)):
        known.update(each.expr for each in node.output or ())
        for expr, ids in walk.steps(node):
            made_of[expr] = made_of.get(expr, frozenset()) | ids - {expr}
    names = tuple(each.name for each in columns)
    return Flows(names, ends, made_of, frozenset(known), _alike(walk.below((*inputs, *plans))))


def _alike(nodes: Iterable[Node]) -> tuple[frozenset[int], ...]:
    """The ids that several relations have for one column of what they read."""
    columns: dict[tuple[str, str], set[int]] = defaultdict(set)
    for node in nodes:
        if node.name in RELATIONS:
            read = repr([sorted(each.facts.items(), key=str) for each in _values(node)])
            for attribute in node.output or ():
                columns[read, attribute.name].add(attribute.expr)
    return tuple(frozenset(each) for each in columns.values() if len(each) > 1)


def _values(node: Node) -> list[Node]:
    """The value objects in a node, at any depth, in order, each once."""
    found = dict.fromkeys(node.nodes(NodeKind.VALUE))
    waiting = list(found)
    while waiting:
        more = dict.fromkeys(
            each for one in waiting for each in one.nodes(NodeKind.VALUE) if each not in found
        )
        found |= more
        waiting = list(more)
    return list(found)


class Walk:
    """The operators of a plan, with what its references stand for."""

    def __init__(self, tree: PlanTree) -> None:
        self.definitions = {each.get("id"): each for each in tree.nodes if each.name == "CTERelationDef"}
        self.loops = {each.get("id"): each for each in tree.nodes if each.name == "UnionLoop"}
        self.said: dict[Node, Step] = {}

    def step(self, node: Node) -> Step:
        """What the rule of an operator says of it."""
        if node not in self.said:
            self.said[node] = RULES.get(node.name, unknown)(node)
        return self.said[node]

    def below(self, roots: Iterable[Node]) -> Iterator[Node]:
        """The operators from some down, each once."""
        seen: set[Node] = set()
        stack = list(roots)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                yield node
                stack.extend(self.inputs(node))

    def inputs(self, node: Node) -> tuple[Node, ...]:
        """The operators directly below one, and those of its subqueries."""
        stands_for = self.stands_for(node)
        if stands_for or node.name in LEAVES:
            return stands_for
        return (*self.step(node).inputs, *subquery_plans(node.expressions))

    def stands_for(self, node: Node) -> tuple[Node, ...]:
        """The operators whose columns a reference, or a recursion, shows as its own."""
        if node.name == "UnionLoop":
            return tuple(
                each for each in (node.get("anchor"), node.get("recursion")) if isinstance(each, Node)
            )
        if node.name not in {"CTERelationRef", "UnionLoopRef"}:
            return ()
        of_loop = node.name == "UnionLoopRef"
        found = self.loops.get(node.get("loopId")) if of_loop else self.definitions.get(node.get("cteId"))
        return () if found is None else (found,)

    def steps(self, node: Node) -> Iterator[tuple[int, frozenset[int]]]:
        """The ids that an operator defines, each with those that it is made of."""
        stands_for = self.stands_for(node)
        if stands_for:
            for each in stands_for:
                for own, other in zip(node.output or (), each.output or (), strict=False):
                    if own.expr != other.expr:
                        yield own.expr, frozenset([other.expr])
        elif node.name not in LEAVES:
            yield from _defined(self.step(node), subquery_plans(node.expressions))


def _defined(step: Step, subqueries: Iterable[Node]) -> Iterator[tuple[int, frozenset[int]]]:
    """What a step defines, made of which ids: the row set and what only passes is left out."""
    bare = replace(step, rows=(), withdraws=(), passes=(), view=None, correlates=False)
    plans = {each: Scope(_Placeholders(each.output or ())) for each in subqueries}
    work = OperatorWork("", bare, [Scope(_Placeholders(each.output or ())) for each in step.inputs], plans)
    for expr, value in work.defined.items():
        ids = {
            int(dataset.name)
            for dataset, _, subtype in value.sources
            if dataset.namespace == OUTER and subtype.type is EdgeType.DIRECT
        }
        yield expr, frozenset(ids)


class _Placeholders(Mapping[int, Value]):
    """The columns of an operator as values of which only the id is known, made when they are asked for."""

    def __init__(self, output: Iterable[Attribute]) -> None:
        self.names = {each.expr: each.name for each in output}

    def __getitem__(self, expr: int) -> Value:
        return outer_value(expr, self.names[expr])

    def __iter__(self) -> Iterator[int]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)
