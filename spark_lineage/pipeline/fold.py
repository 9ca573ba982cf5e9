"""The executions of one application -> its writes and usages (decision 7 of the design).

One write is one to ten executions. Executions are grouped by their root; within a group the write events whose
intervals nest and whose targets are the same are one write: lineage and location from the innermost, operation and
SQL text from the outermost. What else ran inside gives metrics only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from spark_lineage.analyze.commands import answered_query, data_command, is_schema_inference
from spark_lineage.analyze.endings import Ending, ending_of
from spark_lineage.analyze.identity import Naming, whole_names
from spark_lineage.analyze.lineage import writes_of
from spark_lineage.analyze.relations import Located
from spark_lineage.analyze.targets import TargetColumn, Write
from spark_lineage.analyze.writes import by_position
from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import Node, PlanTree
from spark_lineage.model import CATALOG_NAMESPACE, RunState


@dataclass(frozen=True, slots=True)
class Event:
    """A write command of one execution: number `position` of `siblings`."""

    execution: ExecutionRecord
    tree: PlanTree
    node: Node
    write: Write
    position: int
    siblings: int


@dataclass(frozen=True, slots=True)
class FoldedWrite:
    """One write: `inner` has the lineage, `outer` the operation; `helpers` are all that ran for it.

    `write` is the inner one's, with the outer one's operation and the aliases that either knows.
    """

    inner: Event
    outer: Event
    write: Write
    helpers: tuple[ExecutionRecord, ...]


@dataclass(frozen=True, slots=True)
class FoldedUsage:
    """A query whose result went to the driver, or to a session variable."""

    execution: ExecutionRecord
    tree: PlanTree
    query: Node
    helpers: tuple[ExecutionRecord, ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """What one root execution was: writes, or a usage, or (neither) a command without data.

    `unread` are executions without a plan: they failed in analysis, or their plan was lost. `not_followed` are
    commands, with their names, that change data in a way that no rule follows; after `endings` a table begins anew. `failed` are micro-batches whose
    function failed. `batch` is the micro-batch whose rows the executions were handed.
    """

    root: int
    writes: tuple[FoldedWrite, ...] = ()
    usages: tuple[FoldedUsage, ...] = ()
    unread: tuple[ExecutionRecord, ...] = ()
    not_followed: tuple[tuple[ExecutionRecord, str], ...] = ()
    endings: tuple[tuple[ExecutionRecord, Ending], ...] = ()
    failed: tuple[ExecutionRecord, ...] = ()
    batch: ExecutionRecord | None = None


Plans = Callable[[ExecutionRecord], PlanTree | None]
Query = tuple[ExecutionRecord, PlanTree, Node]
"""A query with its answer: the execution, its plan, and the part of the plan whose rows are handed out."""


def groups(executions: Iterable[ExecutionRecord]) -> dict[int, list[ExecutionRecord]]:
    """The executions by their root execution, each group in the order in which they ended."""
    found: dict[int, list[ExecutionRecord]] = {}
    for execution in sorted(executions, key=lambda each: each.ended_order):
        found.setdefault(execution.root, []).append(execution)
    return found


def is_complete(root: int, group: list[ExecutionRecord]) -> bool:
    """Whether the root itself has ended: it ends last."""
    return any(each.execution_id == root for each in group)


def fold(root: int, group: list[ExecutionRecord], plans: Plans, naming: Naming) -> Folded:
    """Fold one group; `plans` gives the decoded plan of an execution, None where it has none."""
    events: list[Event] = []
    queries: list[Query] = []
    unread: list[ExecutionRecord] = []
    not_followed: list[tuple[ExecutionRecord, str]] = []
    endings: list[tuple[ExecutionRecord, Ending]] = []
    for execution in group:
        tree = plans(execution)
        if tree is None or tree.analyzed is None:
            unread.append(execution)
        elif execution.command_result:
            continue  # displays what an earlier event ran
        elif writes := writes_of(tree, naming):
            events.extend(
                Event(execution, tree, node, write, position, len(writes))
                for position, (node, write) in enumerate(writes)
            )
        elif (ending := tree.once(("ending", naming), partial(ending_of, tree, naming))) is not None:
            endings.append((execution, ending))
        elif (name := tree.once("command", partial(data_command, tree))) is not None:
            not_followed.append((execution, name))
        elif (query := tree.once("query", partial(_query_of, tree))) is not None:
            queries.append((execution, tree, query))
    folded = [_folded(root, chain, group, queries) for chain in _chains(events)]
    writes_ = tuple(each for each in folded if not _left_alone(each))
    usages = tuple(
        FoldedUsage(execution, tree, query, tuple(group))
        for execution, tree, query in queries
        if execution.execution_id == root  # what ran inside another execution is its helper
    )
    lost = tuple(each for each in unread if each.execution_id == root or each.state is not RunState.COMPLETE)
    return Folded(root, writes_, usages, lost, tuple(not_followed), tuple(endings))


def _query_of(tree: PlanTree) -> Node | None:
    return None if is_schema_inference(tree) else answered_query(tree)


def _chains(events: list[Event]) -> list[list[Event]]:
    """Events that nest and write the same target, each chain from the innermost out."""
    chains: list[list[Event]] = []
    for event in events:
        for chain in chains:
            last = chain[-1]
            if (
                last.execution is not event.execution
                and is_within(last.execution, event.execution)
                and _same_target(last.write.target, event.write.target)
            ):
                chain.append(event)
                break
        else:
            chains.append([event])
    return chains


def _folded(root: int, chain: list[Event], group: list[ExecutionRecord], queries: list[Query]) -> FoldedWrite:
    inner, outer = _completed(chain[0], queries), chain[-1]
    whole = outer.execution.execution_id == root  # a root's planning runs queries before its start is posted
    helpers = tuple(each for each in group if whole or is_within(each, outer.execution))
    write = replace(
        inner.write,
        operation=outer.write.operation,
        overwrites=inner.write.overwrites or any(each.node.name == "CreateTableAsSelect" for each in chain),
        target=_named(inner.write.target, [alias for each in chain for alias in _aliases(each.write.target)]),
    )
    return FoldedWrite(inner, outer, write, helpers)


def _completed(event: Event, queries: list[Query]) -> Event:
    """The event with the query as its table's format completed it, where that ran as a query of its own.

    Delta adds generated columns and the table's spelling of names in its transaction: the analyzed plan of that
    execution is the written query below one or two projections.
    """
    if len(event.write.inputs) != 1 or event.siblings > 1:
        return event
    (query,) = event.write.inputs
    completions = [
        (execution, tree, tree.analyzed)
        for execution, tree, _ in queries
        if tree.analyzed and is_within(execution, event.execution) and _completes(tree.analyzed, query)
    ]
    if len(completions) != 1:
        return event
    ((execution, tree, plan),) = completions
    columns = _in_order_of(event.write.columns, by_position(plan))
    return replace(
        event, execution=execution, tree=tree, write=replace(event.write, inputs=(plan,), columns=columns)
    )


def _completes(plan: Node, query: Node) -> bool:
    """Whether a plan is the query with other or more columns projected from its output."""
    wanted = _names(query)
    if _names(plan) == wanted:
        return False
    below: Any = plan
    while isinstance(below, Node) and below.name == "Project":
        below = below.get("child")
        if isinstance(below, Node) and _names(below) == wanted:
            return True
    return False


def _names(plan: Node) -> list[str]:
    return [each.name for each in plan.output or ()]


def _in_order_of(
    known: tuple[TargetColumn, ...], written: tuple[TargetColumn, ...]
) -> tuple[TargetColumn, ...]:
    """The written columns, where the table's own are known in its order and with those that nothing was written to.

    Delta writes structs in the order in which the data have their fields; the table's types are those of its plan.
    """
    types = {each.name: each.type for each in known}
    written = tuple(replace(each, type=types.get(each.name, each.type)) for each in written)
    by_name = {each.name: each for each in written}
    if not by_name.keys() <= {each.name for each in known}:
        return written
    return tuple(by_name.get(each.name, replace(each, parts=())) for each in known)


def _left_alone(write: FoldedWrite) -> bool:
    """Whether the target was there already and the command was told to leave it: no job ran, nothing was written."""
    wrote = any(each.jobs for each in write.helpers) or write.outer.execution.state is not RunState.COMPLETE
    return not wrote and spares_what_is_there(write)


def spares_what_is_there(write: FoldedWrite) -> bool:
    """Whether the command was told to leave a target alone that is there already."""
    return any(
        event.node.get("mode") == "Ignore" or event.node.get("ignoreIfExists") is True
        for event in (write.inner, write.outer)
    )


def _named(target: tuple[Located, ...], aliases: list[str]) -> tuple[Located, ...]:
    if not target:
        return ()
    dataset = target[0].dataset
    known = whole_names((*dataset.aliases, *aliases))
    return (replace(target[0], dataset=replace(dataset, aliases=known)), *target[1:])


def _aliases(target: tuple[Located, ...]) -> tuple[str, ...]:
    return target[0].dataset.aliases if target else ()


def is_within(inner: ExecutionRecord, outer: ExecutionRecord) -> bool:
    """Whether one execution ran inside another."""
    return _start(outer) <= _start(inner) and inner.ended_order <= outer.ended_order


def _start(execution: ExecutionRecord) -> int:
    """When an execution started; one that failed before it was announced is over as it starts."""
    return execution.ended_order if execution.started_order is None else execution.started_order


def _same_target(one: tuple[Located, ...], other: tuple[Located, ...]) -> bool:
    """The same identity, or an alias of one is the other's, with or without its catalog.

    While a table is created its files have no alias yet, and the table has no location yet.
    """
    if not one or not other:
        return False
    left, right = one[0].dataset, other[0].dataset
    if left.id == right.id or (right.namespace == CATALOG_NAMESPACE and not left.aliases):
        return True
    names = {*left.aliases, left.name}
    return any(_is_suffix(a, b) or _is_suffix(b, a) for a in names for b in (*right.aliases, right.name))


def _is_suffix(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}")
