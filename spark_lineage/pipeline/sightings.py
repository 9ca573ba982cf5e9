"""Where an application's own plans have met the tables of its catalog, and when their names were dropped.

While Delta creates a table the plan has its name and not its place; whoever reads or fills the table afterwards has
both. A name may stand for another place after `DROP TABLE`: what counts for a write lies between the drops around it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias, TypeVar

from spark_lineage.analyze.endings import DROP, ending_of
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.relations import RELATIONS, locate
from spark_lineage.decode.tree import Node, PlanTree
from spark_lineage.model import CATALOG_NAMESPACE, Dataset, RunState, is_called, is_name_of


@dataclass(frozen=True, slots=True)
class Sighting:
    """A table that a plan named together with its place; `managed` as the catalog has it, None where it does not say."""

    dataset: Dataset
    managed: bool | None


What = TypeVar("What")
Line: TypeAlias = tuple[list[int], list[What]]
"""Numbers of ends in ascending order, and what ended then."""


class Ended(Protocol):
    """What an execution says of when its plan ended, and how."""

    @property
    def plan(self) -> str | None:
        """The hash of its plan."""

    @property
    def state(self) -> str:
        """How it ended."""

    @property
    def ended_order(self) -> int:
        """The number of its end among all starts and ends of the application."""


class Sightings:
    """What the executions of one application say of the places of tables, in the order in which they ended.

    `ended` gives them in that order, and is asked when it is first of interest.
    """

    def __init__(
        self,
        plans: Mapping[str, PlanTree | None],
        ended: Callable[[], Iterable[Ended]],
        naming: Naming,
    ) -> None:
        self._plans = plans
        self._ended = ended
        self._naming = naming

    def at(self, name: str, order: int) -> Sighting | None:
        """What a name stood for as the execution ended that was number `order` to end: the next that was met, else the last."""
        drops, met = self._seen
        orders, dropped = drops.get(_last(name), ([], []))
        place = bisect_left(orders, order)
        begin = next((orders[each] for each in reversed(range(place)) if is_name_of(name, dropped[each])), -1)
        end = next(
            (orders[each] for each in range(place, len(orders)) if is_name_of(name, dropped[each])), None
        )
        orders, sightings = met.get(_last(name), ([], []))
        place = bisect_left(orders, order)
        for each in range(place, len(orders)):
            if end is not None and orders[each] > end:
                break
            if is_called(sightings[each].dataset, name):
                return sightings[each]
        for each in reversed(range(place)):
            if orders[each] <= begin:
                break
            if is_called(sightings[each].dataset, name):
                return sightings[each]
        return None

    def all(self) -> Iterator[Dataset]:
        """Every table that was met."""
        return (sighting.dataset for _, met in self._seen[1].values() for sighting in met)

    @cached_property
    def _seen(self) -> tuple[dict[str, Line[str]], dict[str, Line[Sighting]]]:
        """When which name was dropped, and which table was met under it, each by the last part of the name."""
        drops: dict[str, Line[str]] = {}
        met: dict[str, Line[Sighting]] = {}
        by_plan: dict[str, tuple[str | None, tuple[tuple[str, Sighting], ...]]] = {}
        for execution in self._ended():
            if execution.plan is None:
                continue
            if execution.plan not in by_plan:
                by_plan[execution.plan] = self._of(self._plans.get(execution.plan))
            dropped, named = by_plan[execution.plan]
            if dropped is not None and execution.state is RunState.COMPLETE:
                _note(drops, _last(dropped), execution.ended_order, dropped)
            for name, sighting in named:
                _note(met, name, execution.ended_order, sighting)
        return drops, met

    def _of(self, tree: PlanTree | None) -> tuple[str | None, tuple[tuple[str, Sighting], ...]]:
        """The table that a plan drops, and those that it meets under the last part of each of their names."""
        if tree is None:
            return None, ()
        ending = ending_of(tree, self._naming)
        dropped = ending.table.dataset.name if ending is not None and ending.operation == DROP else None
        found = dict.fromkeys(self._of_plan(tree))
        return dropped, tuple(
            (name, each)
            for each in found
            for name in sorted({_last(alias) for alias in each.dataset.aliases})
        )

    def _of_plan(self, tree: PlanTree) -> Iterator[Sighting]:
        for node in tree.nodes:
            located = locate(node, self._naming) if node.name in RELATIONS else ()
            dataset = located[0].dataset if len(located) == 1 else None
            if dataset is not None and dataset.namespace != CATALOG_NAMESPACE and dataset.aliases:
                yield Sighting(dataset, _is_managed(node))


def _note(lines: dict[str, Line[What]], name: str, order: int, what: What) -> None:
    orders, whats = lines.setdefault(name, ([], []))
    orders.append(order)
    whats.append(what)


def _is_managed(relation: Node) -> bool | None:
    v2 = relation.get("table")
    table = relation.get("catalogTable") or (v2.get("catalogTable") if isinstance(v2, Node) else None)
    kind = table.facts.get("table_type") if isinstance(table, Node) else None
    return None if kind is None else kind == "MANAGED"


def _last(name: str) -> str:
    """The last part of a name, in lower case: names that may be one have it in common."""
    return name.rpartition(".")[2].lower()
