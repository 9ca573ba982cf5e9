"""The columns of a target whose values pass through each operator of an executed plan.

The executed plan and the analyzed one share expression ids. An operator has a part in a column if one of its output's ids
flows into it (`spark_lineage.analyze.flows`), and the operator above uses that id: passes it on, or makes something of it that is used. So
what is not used is not claimed, such as the columns of a common table expression in the copy of it that is joined for its key.

Ids that only the executed plan has stand for values on their way: sums of a partial aggregate, results of a Python function.
Such an id has a part in what is made of it above.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from spark_lineage.analyze.executed import children, executed, subqueries
from spark_lineage.analyze.flows import Flows
from spark_lineage.decode.tree import Node, PlanTree

_AGGREGATES = frozenset({"HashAggregateExec", "ObjectHashAggregateExec", "SortAggregateExec"})

_POSITIONAL = frozenset({"UnionExec", "ReusedExchangeExec", "ReusedSubqueryExec"})
"""Operators whose columns are those of each operator below, by position and under other ids."""

_Columns = dict[int, int]
"""The target's columns that an id has a part in, as bits."""


def target_columns(tree: PlanTree, ids: Sequence[int | None], flows: Flows) -> dict[int, tuple[str, ...]]:
    """The columns that each operator has a part in, by the operator's index.

    `ids` has the analyzed plan's id for each of the executed one's, None where it has none.
    """
    nodes = list(executed(tree))
    if not nodes or not flows.ends:
        return {}
    outputs = {each: _output(each, ids) for each in nodes}
    order = _from_the_root(nodes)
    bits = _Walk(flows, nodes, outputs).bits(order)
    tops = _tops(nodes[0], order, outputs)
    for node in reversed(order):
        if node in tops:  # a command has no columns of its own: those of what it writes
            bits[node] |= _all(bits[each] for each in children(node))
    return {
        each.index: tuple(
            dict.fromkeys(
                name for name, has in zip(flows.names, bin(bits[each])[:1:-1], strict=False) if has == "1"
            )
        )
        for each in nodes
        if bits[each]
    }


def _tops(root: Node, order: Iterable[Node], outputs: Mapping[Node, tuple[int, ...]]) -> set[Node]:
    """The root, and what is below it, as long as it has no columns."""
    tops: set[Node] = set()
    for node in order:
        if node is root and not outputs[node]:
            tops.add(node)
        if node in tops:
            tops.update(each for each in children(node) if not outputs[each])
    return tops


class _Walk:
    """From the root down: which columns the ids of each operator's output have a part in.

    What an exchange that is used again gives to its other users goes by ids that are not its own, so it is followed apart
    (`lent`): below such an exchange an id stands for those that are equal to it, too, and a relation's for those of any other one that
    reads the same.
    """

    def __init__(self, flows: Flows, nodes: Sequence[Node], outputs: Mapping[Node, tuple[int, ...]]) -> None:
        self.flows = flows
        self.outputs = outputs
        self.used: dict[Node, _Columns] = {each: {} for each in nodes}
        self.lent: dict[Node, _Columns] = {each: {} for each in nodes}
        self.columns = _reached(flows, {})
        equal = _equal(nodes, outputs, flows)
        self.equal_columns = _reached(flows, equal) if equal else self.columns

    def bits(self, order: Sequence[Node]) -> dict[Node, int]:
        """The columns of each operator, as bits."""
        root = order[0]
        tops = _tops(root, order, self.outputs)
        self._begin(root)
        for node in order:
            for child in children(node) if node in tops else ():
                self._begin(child)
            if node.name in _POSITIONAL:
                self._by_position(node)
            elif node not in tops:
                _use(node, self.used, self.outputs, self.columns, self.flows)
                _use(node, self.lent, self.outputs, self.equal_columns, self.flows)
        return {each: _all(self.used[each].values()) | _all(self.lent[each].values()) for each in order}

    def _begin(self, node: Node) -> None:
        _add(self.used[node], {each: self.columns.get(each, 0) for each in self.outputs[node]})

    def _by_position(self, node: Node) -> None:
        is_reused = node.name != "UnionExec"
        for child in children(node):
            for own, shown in zip(self.outputs[child], self.outputs[node], strict=False):
                used, lent = self.used[node].get(shown, 0), self.lent[node].get(shown, 0)
                _add(self.used[child], {own: 0 if is_reused else used})
                _add(self.lent[child], {own: used | lent if is_reused else lent})


def _use(
    node: Node,
    used: Mapping[Node, _Columns],
    outputs: Mapping[Node, tuple[int, ...]],
    columns: Mapping[int, int],
    flows: Flows,
) -> None:
    """What an operator uses of those below it."""
    own = used[node]
    if not any(own.values()):
        return
    below = (*children(node), *subqueries(node))
    there = {each for child in below for each in outputs[child]}
    made = [each for each in outputs[node] if each not in there]
    of_all = _all(own.get(each, 0) for each in made)
    available = there & flows.known
    of_unknown = _all(
        own.get(each, 0)
        for each in made
        if node.name in _AGGREGATES or each not in flows.known or not _is_made_of(each, available, flows)
    )
    for child in below:
        found = {}
        for each in outputs[child]:
            if each in flows.known:
                found[each] = columns.get(each, 0) & (own.get(each, 0) | of_all)
            else:
                found[each] = own.get(each, 0) if each in outputs[node] else of_unknown
        _add(used[child], found)


def _is_made_of(wanted: int, available: set[int], flows: Flows) -> bool:
    """Whether a value can be made of nothing but the given ones."""
    seen = set()
    stack = list(flows.made_of.get(wanted, ()))
    while stack:
        each = stack.pop()
        if each in available or each in seen:
            continue
        seen.add(each)
        if each not in flows.made_of:
            return False
        stack.extend(flows.made_of[each])
    return wanted in flows.made_of


def _reached(flows: Flows, equal: Mapping[int, set[int]]) -> _Columns:
    """The columns that each id flows into; an id stands for all that are equal to it, too."""
    columns = dict(flows.ends)
    waiting = deque(columns)
    while waiting:
        each = waiting.popleft()
        for below in (*flows.made_of.get(each, ()), *equal.get(each, ())):
            more = columns.get(below, 0) | columns[each]
            if more != columns.get(below, 0):
                columns[below] = more
                waiting.append(below)
    return columns


def _equal(
    nodes: Iterable[Node], outputs: Mapping[Node, tuple[int, ...]], flows: Flows
) -> dict[int, set[int]]:
    """What an exchange that is used again has computed for the ids of those that use it; nothing where there is none."""
    equal: dict[int, set[int]] = {}
    for node in nodes:
        if node.name.startswith("Reused"):
            for child in children(node):
                for shown, own in zip(outputs[node], outputs[child], strict=False):
                    equal.setdefault(shown, set()).add(own)
    for ids in flows.alike if equal else ():
        for each in ids:
            equal.setdefault(each, set()).update(ids)
    return equal


def _output(node: Node, ids: Sequence[int | None]) -> tuple[int, ...]:
    """The analyzed plan's ids of an operator's output; a negative number where it has none."""
    found = []
    for attribute in node.output or ():
        known = ids[attribute.expr] if attribute.expr < len(ids) else None
        found.append(-1 - attribute.expr if known is None else known)
    return tuple(found)


def _from_the_root(nodes: Sequence[Node]) -> list[Node]:
    """The operators in an order in which each comes after all that use it: an exchange may be used several times."""
    uses = dict.fromkeys(nodes, 0)
    for node in nodes:
        for each in (*children(node), *subqueries(node)):
            uses[each] += 1
    order = [each for each in nodes if not uses[each]]
    for node in order:
        for each in (*children(node), *subqueries(node)):
            uses[each] -= 1
            if not uses[each]:
                order.append(each)
    return order


def _add(columns: _Columns, more: Mapping[int, int]) -> None:
    for each, bits in more.items():
        columns[each] = columns.get(each, 0) | bits


def _all(columns: Iterable[int]) -> int:
    bits = 0
    for each in columns:
        bits |= each
    return bits
