"""Where an application's own plans have met the tables of its catalog, and when their names were dropped.

While Delta creates a table the plan has its name and not its place; whoever reads or fills the table afterwards has
both. A name may stand for another place after `DROP TABLE`: what counts for a write lies between the drops around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from spark_lineage.analyze.endings import DROP, ending_of
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.relations import CATALOG, RELATIONS, locate
from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import Node, PlanTree
from spark_lineage.model import Dataset


@dataclass(frozen=True, slots=True)
class Sighting:
    """A table that a plan named together with its place; `managed` as the catalog has it, None where it does not say."""

    dataset: Dataset
    managed: bool | None


class Sightings:
    """What the executions of one application say of the places of tables, in the order in which they ended."""

    def __init__(
        self, plans: Mapping[str, PlanTree], executions: Iterable[ExecutionRecord], naming: Naming
    ) -> None:
        self._plans = plans
        self._executions = tuple(executions)
        self._naming = naming

    def at(self, name: str, order: int) -> Sighting | None:
        """What a name stood for as the execution ended that was number `order` to end: the next that was met, else the last."""
        drops = [each for each, dropped in self._drops.get(_last(name), ()) if is_name_of(name, dropped)]
        begin = max((each for each in drops if each < order), default=-1)
        end = min((each for each in drops if each >= order), default=None)
        met = [
            (each, sighting)
            for each, sighting in self._met.get(_last(name), ())
            if begin < each and (end is None or each <= end) and is_called(sighting.dataset, name)
        ]
        after = [sighting for each, sighting in met if each >= order]
        before = [sighting for each, sighting in met if each < order]
        return next(iter(after), before[-1] if before else None)

    def all(self) -> Iterator[Dataset]:
        """Every table that was met."""
        return (sighting.dataset for met in self._met.values() for _, sighting in met)

    @cached_property
    def _drops(self) -> Mapping[str, list[tuple[int, str]]]:
        """When a name was dropped, by its last part."""
        found: dict[str, list[tuple[int, str]]] = {}
        for execution, tree in self._read:
            ending = ending_of(tree, self._naming)
            if ending is not None and ending.operation == DROP and execution.state == "COMPLETE":
                name = ending.table.dataset.name
                found.setdefault(_last(name), []).append((execution.ended_order, name))
        return found

    @cached_property
    def _met(self) -> Mapping[str, list[tuple[int, Sighting]]]:
        """The tables of each plan, each with the number of its execution's end, by the last part of each name."""
        by_plan: dict[str, tuple[Sighting, ...]] = {}
        found: dict[str, list[tuple[int, Sighting]]] = {}
        for execution, tree in self._read:
            if tree.hash not in by_plan:
                by_plan[tree.hash] = tuple(dict.fromkeys(self._of_plan(tree)))
            for each in by_plan[tree.hash]:
                for name in {_last(alias) for alias in each.dataset.aliases}:
                    found.setdefault(name, []).append((execution.ended_order, each))
        return found

    @cached_property
    def _read(self) -> tuple[tuple[ExecutionRecord, PlanTree], ...]:
        ordered = sorted(self._executions, key=lambda each: each.ended_order)
        trees = ((each, self._plans.get(each.plan or "")) for each in ordered)
        return tuple((each, tree) for each, tree in trees if tree is not None)

    def _of_plan(self, tree: PlanTree) -> Iterator[Sighting]:
        for node in tree.nodes:
            located = locate(node, self._naming) if node.name in RELATIONS else ()
            dataset = located[0].dataset if len(located) == 1 else None
            if dataset is not None and dataset.namespace != CATALOG and dataset.aliases:
                yield Sighting(dataset, _is_managed(node))


def _is_managed(relation: Node) -> bool | None:
    v2 = relation.get("table")
    table = relation.get("catalogTable") or (v2.get("catalogTable") if isinstance(v2, Node) else None)
    kind = table.facts.get("table_type") if isinstance(table, Node) else None
    return None if kind is None else kind == "MANAGED"


def _last(name: str) -> str:
    """The last part of a name, in lower case: names that may be one have it in common."""
    return name.rpartition(".")[2].lower()


def is_called(dataset: Dataset, name: str) -> bool:
    """Whether a dataset with a place goes by a name of the catalog."""
    return dataset.namespace != CATALOG and any(is_name_of(name, alias) for alias in dataset.aliases)


def is_name_of(name: str, whole: str) -> bool:
    """Whether a name is another, or its end: a table's with or without its catalog and database.

    The session's catalog keeps names in lower case, whatever case a plan has them in.
    """
    if whole.lower().startswith("spark_catalog."):
        name, whole = name.lower(), whole.lower()
    return name == whole or whole.endswith(f".{name}")
