"""Which operator of the analyzed plan an operator of the executed plan carries out, where there is only one answer.

Two things tell it. An expression id is defined by one logical operator: what first shows it carries that operator out. And
the relations below an operator stay the same ones, however joins are ordered and whatever is pushed down: a join of the same
relations is the same join. Where several operators would fit, where the optimizer may have put another one in
its place, or where the relations below are not known (a cached plan, an exchange that is used again), nothing is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from spark_lineage.analyze.executed import children, executed
from spark_lineage.analyze.flows import LEAVES, Walk
from spark_lineage.analyze.relations import RELATIONS
from spark_lineage.decode.tree import Node, PlanTree

_AGGREGATES = frozenset({"HashAggregateExec", "ObjectHashAggregateExec", "SortAggregateExec"})
_AGGREGATED = frozenset(
    {"Aggregate", "Deduplicate", "DeduplicateWithinWatermark", "Distinct", "Except", "Intersect", "Pivot"}
)
_JOINED = frozenset({"Except", "Intersect", "Join"})
_JOINS = frozenset({
    "BroadcastHashJoinExec", "BroadcastNestedLoopJoinExec", "CartesianProductExec", "ShuffledHashJoinExec", "SortMergeJoinExec",
})  # fmt: skip
_LIMITS = frozenset({"CollectLimitExec", "GlobalLimitExec", "TakeOrderedAndProjectExec"})
_SCANS = frozenset({"BatchScanExec", "FileSourceScanExec", "HiveTableScanExec", "RowDataSourceScanExec"})

_DEFINING = frozenset({
    "ExpandExec", "FlatMapGroupsInPandasExec", "GenerateExec", "MapInArrowExec", "MapInPandasExec", "ProjectExec", "WindowExec",
})  # fmt: skip
"""Operators that are named like the logical ones whose ids they define."""

_FILTERING = frozenset({"Except", "Filter", "Generate", "Intersect", "Join", "Window"})
"""Logical operators of which the optimizer makes filters further down."""


@dataclass(frozen=True, slots=True)
class Logical:
    """The operators of an analyzed plan, as an executed one can be compared with them.

    `owners` has the operator that defines an id, None where several do; `leaves` numbers the operators without one below, and
    `below` has the set of those that an operator stands on, as bits. `names` are the plan's names of the operators.
    """

    names: Mapping[Node, str] = field(default_factory=dict)
    owners: Mapping[int, Node | None] = field(default_factory=dict)
    leaves: Mapping[Node, int] = field(default_factory=dict)
    below: Mapping[Node, int] = field(default_factory=dict)
    has_subqueries: bool = False
    has_common_tables: bool = False


def logical_of(inputs: Sequence[Node], tree: PlanTree, names: Mapping[Node, str]) -> Logical:
    """The operators of the plans below a command, with the names that the plan gives them."""
    walk = Walk(tree)
    nodes = list(walk.below(inputs))
    owners: dict[int, Node | None] = {}
    for node in nodes:
        shown = {each.expr for below in walk.inputs(node) for each in below.output or ()}
        for attribute in node.output or ():
            if attribute.expr not in shown:
                owners[attribute.expr] = None if attribute.expr in owners else node
    leaves = {node: place for place, node in enumerate(each for each in nodes if each.name in LEAVES)}
    subqueries = any(node.has_subquery for node in nodes)
    common = any(node.name == "CTERelationRef" for node in nodes)
    return Logical(names, owners, leaves, _standing_on(nodes, walk, leaves), subqueries, common)


def _standing_on(nodes: Iterable[Node], walk: Walk, leaves: Mapping[Node, int]) -> dict[Node, int]:
    """The leaves below each operator, its subqueries' left out."""
    found: dict[Node, int] = {}
    open_nodes: set[Node] = set()
    for start in nodes:
        stack = [start]
        while stack:
            node = stack[-1]
            inputs = walk.stands_for(node) or (() if node.name in LEAVES else walk.step(node).inputs)
            waiting = [each for each in inputs if each not in found and each not in open_nodes]
            if node not in found and waiting and node not in open_nodes:
                open_nodes.add(node)
                stack.extend(waiting)
                continue
            stack.pop()
            open_nodes.discard(node)
            bits = 1 << leaves[node] if node in leaves else 0
            for each in inputs:
                bits |= found.get(each, 0)
            found[node] = bits
    return found


def links(tree: PlanTree, ids: Sequence[int | None], logical: Logical) -> dict[int, str]:
    """The names of the logical operators that those of an executed plan carry out, by index.

    `ids` has the analyzed plan's id for each of the executed one's, None where it has none.
    """
    nodes = list(executed(tree))
    standing = _relations(nodes, ids, logical)
    by_leaves: dict[int, list[Node]] = defaultdict(list)
    for node, bits in logical.below.items():
        by_leaves[bits].append(node)
    joins = [each for each in nodes if each.name in _JOINS]
    found = {}
    for node in nodes:
        target = _defined(node, ids, logical)
        if target is None and standing.get(node):
            target = _alike(node, by_leaves[standing[node]], logical)
        if target is None and node.name in _JOINS and len(joins) == 1:
            target = _only_join(logical)
        if target is not None and target in logical.names:
            found[node.index] = logical.names[target]
    return found


def _defined(node: Node, ids: Sequence[int | None], logical: Logical) -> Node | None:
    """The operator that defines the ids which are first seen here, if it is one and of the kind."""
    shown = {each.expr for child in children(node) for each in child.output or ()}
    owners = {
        logical.owners[own]
        for each in node.output or ()
        if each.expr not in shown and (own := _own(each.expr, ids)) in logical.owners
    }
    if len(owners) != 1:
        return None
    owner = owners.pop()
    if owner is None:
        return None
    if node.name in _SCANS:
        return owner if owner.name in RELATIONS else None
    if node.name in _AGGREGATES:
        return owner if owner.name == "Aggregate" else None
    return owner if node.name in _DEFINING and owner.name == node.name.removesuffix("Exec") else None


def _alike(node: Node, candidates: Sequence[Node], logical: Logical) -> Node | None:
    """The one operator of the same kind that stands on the same relations."""
    kinds: frozenset[str] = frozenset()
    if node.name in _JOINS:
        # The test on a subquery becomes a join, too; of common tables it may stand on the same relations as another one.
        kinds = frozenset() if logical.has_subqueries and logical.has_common_tables else _JOINED
    elif node.name in _AGGREGATES:
        kinds = _AGGREGATED
    elif node.name in _LIMITS:
        kinds = frozenset({"GlobalLimit"})
    elif node.name == "UnionExec":
        kinds = frozenset({"Union"})
    elif node.name == "FilterExec":
        return _filter(candidates, logical)
    fitting = [each for each in candidates if each.name in kinds]
    return fitting[0] if len(fitting) == 1 else None


def _filter(candidates: Sequence[Node], logical: Logical) -> Node | None:
    """A filter that nothing above could have left here instead."""
    fitting = [each for each in candidates if each.name == "Filter"]
    if len(fitting) != 1 or logical.has_subqueries:
        return None
    bits = logical.below[fitting[0]]
    above = [each for each, own in logical.below.items() if each.name in _FILTERING and own & bits]
    return fitting[0] if above == fitting else None


def _only_join(logical: Logical) -> Node | None:
    """The join of a plan that has one, and nothing else that the optimizer would make a join of."""
    joins = [each for each in logical.below if each.name in _JOINED]
    return joins[0] if len(joins) == 1 and joins[0].name == "Join" and not logical.has_subqueries else None


def _relations(nodes: Sequence[Node], ids: Sequence[int | None], logical: Logical) -> dict[Node, int]:
    """The relations that each executed operator stands on; 0 where that is not known."""
    found: dict[Node, int] = {}
    stack = list(reversed(nodes))
    while stack:
        node = stack[-1]
        below = children(node)
        waiting = [each for each in below if each not in found]
        if node not in found and waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        known = [found[each] for each in below]
        if node.name.startswith("Reused") or not all(known):
            found[node] = 0
        elif known:
            found[node] = _together(known)
        else:
            found[node] = _scanned(node, ids, logical)
    return found


def _together(several: Iterable[int]) -> int:
    bits = 0
    for each in several:
        bits |= each
    return bits


def _scanned(node: Node, ids: Sequence[int | None], logical: Logical) -> int:
    """The relation that a scan reads: the one that all its columns are of."""
    is_scan = node.name.endswith("ScanExec") or node.name == "RangeExec"
    if not is_scan or node.facts.get("empty") or node.name == "InMemoryTableScanExec":
        return 0
    owners = {logical.owners.get(_own(each.expr, ids)) for each in node.output or ()}
    owner = owners.pop() if len(owners) == 1 else None
    return 1 << logical.leaves[owner] if owner is not None and owner in logical.leaves else 0


def _own(expr: int, ids: Sequence[int | None]) -> int:
    """The analyzed plan's id; a negative number where it has none."""
    known = ids[expr] if expr < len(ids) else None
    return -1 - expr if known is None else known
