"""An answer of `upstream` or `downstream`, indexed for drawing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from spark_lineage.show.words import (
    READ_WITHOUT_COLUMN,
    ROW_SET_ORDER,
    Json,
    Labels,
    count_word,
    kind_word,
    repeats,
)

NodeKey: TypeAlias = tuple[str, str, str | None]
"""(namespace, name, field); the field None is the whole table, or its row set."""

TableKey: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """All edges between two nodes: how `source` acts on `target`."""

    source: NodeKey
    target: NodeKey
    edges: tuple[Json, ...]

    @property
    def subtypes(self) -> tuple[str, ...]:
        """The kinds of the edges, each once, in their order."""
        return tuple(dict.fromkeys(edge["subtype"] for edge in self.edges))

    @property
    def masking(self) -> bool:
        """Whether one of the edges masks the value."""
        return any(edge["masking"] for edge in self.edges)


@dataclass(frozen=True, slots=True)
class Reached:
    """A column, or with `field` None the rows, of a table downstream; `subtype` is the kind over all hops."""

    node: NodeKey
    subtype: str
    certainty: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """One table downstream: what of it is reached by steps of its own, and how far away it is.

    `through_rows` means that its rows are reached, and so, indirectly, all of its columns.
    """

    table: NodeKey
    hops: int
    reached: tuple[Reached, ...]
    through_rows: bool


class Graph:
    """Nodes and steps of one answer, in the answer's order."""

    def __init__(self, answer: Json) -> None:
        ends = [edge[end] for edge in answer["edges"] for end in ("source", "target")]
        # The last one counts, and only nodes carry aliases.
        self.labels = Labels([*ends, answer["start"], *answer["nodes"]])
        self.start = _key(answer["start"])
        self.upstream = answer["direction"] == "upstream"
        self.is_read_without_column = any(each["code"] == READ_WITHOUT_COLUMN for each in answer["problems"])
        self.steps = _steps(answer["edges"])
        self._nodes = {_key(node): node for node in answer["nodes"]}
        self._into: dict[TableKey, list[Step]] = {}
        for step in self.steps:
            self._into.setdefault(step.target[:2], []).append(step)

    def label(self, node: NodeKey) -> str:
        """The short name of a node."""
        return self.labels.column({"namespace": node[0], "name": node[1], "field": node[2]})

    def table_label(self, node: NodeKey) -> str:
        """The short name of a node's table."""
        return self.labels.of({"namespace": node[0], "name": node[1]})

    def sources(self, node: NodeKey) -> list[Step]:
        """The steps that a column is made of: into itself, into a part of it, or into what it is a part of.

        A node without a field, a table whose columns are not known, is made of all that its columns are. Where a plan
        wrote a column field by field, a field has its own edges alone, and the column those that sum them up.
        """
        met = [
            step for step in self._into.get(node[:2], ()) if step.target[2] and _meet(step.target[2], node[2])
        ]
        own = {(edge["plan"], step.target[2] or "") for step in met for edge in step.edges}
        parted = {(plan, outer) for plan, field in own for outer in _outer_fields(field)}

        def says_less(edge: Json) -> bool:
            plan, field = edge["plan"], edge["target"]["field"]
            if node[2] in (None, field):
                return False
            if _lies_within(node[2], field):
                return (plan, field) in parted
            return any((plan, outer) in own for outer in _outer_fields(field))

        kept = [
            replace(step, edges=tuple(each for each in step.edges if not says_less(each))) for step in met
        ]
        return [step for step in kept if step.edges]

    def branches(self, node: NodeKey) -> list[tuple[Step, NodeKey]]:
        """The same with the nodes that the steps come from: a field of a whole that passes on is that field there."""
        grouped: dict[NodeKey, list[Json]] = {}
        for step in self.sources(node):
            grouped.setdefault(self._carried(step, node), []).extend(step.edges)
        return [(Step(source, node, tuple(edges)), source) for source, edges in grouped.items()]

    def _carried(self, step: Step, node: NodeKey) -> NodeKey:
        whole, field = step.target[2], node[2]
        if whole and field and step.source[2] and _lies_within(field, whole):
            carried = (*step.source[:2], step.source[2] + field[len(whole) :])
            if "IDENTITY" in step.subtypes and carried in self._nodes:
                return carried
        return step.source

    def expressions(self, node: NodeKey) -> list[str]:
        """How a column is computed, each text once; what is no more than its source's name is left out."""
        return texts_of(self.sources(node))

    def certainty(self, node: NodeKey) -> str:
        """How sure it is what a node upstream is made of.

        It is not that of all ways to it, as `certainty` in the answer: `opaque` stands where the way back is lost, and not on all behind.
        """
        if self._nodes[node]["own_certainty"] == "opaque":
            return "opaque"
        edges = (edge["certainty"] for step in self.sources(node) for edge in step.edges)
        return "exact" if all(each == "exact" for each in edges) else "over_approximate"

    def roots(self) -> list[NodeKey]:
        """Where the upstream trees begin: the start or, when it is a table, each of its columns with a source."""
        if self.start[2] is not None:
            return [self.start]
        targets = [step.target for step in self._into.get(self.start[:2], ()) if step.target[2] is not None]
        return list(dict.fromkeys(targets))

    def row_sets(self, tables: set[TableKey]) -> list[tuple[NodeKey, str, list[NodeKey]]]:
        """(table, subtype, columns) of what decides the rows of the given tables, each table's together."""
        sets: dict[NodeKey, dict[str, list[NodeKey]]] = {}
        for step in self.steps:
            if step.target[2] is None and step.target[:2] in tables:
                for subtype in step.subtypes:
                    sets.setdefault(step.target, {}).setdefault(subtype, []).append(step.source)
        return [
            (table, subtype, kinds[subtype])
            for table, kinds in sets.items()
            for subtype in sorted(kinds, key=ROW_SET_ORDER.index)
        ]

    def impact(self) -> list[Impact]:
        """What is reached downstream, by table, the nearest first."""
        by_table: dict[TableKey, list[NodeKey]] = {}
        for key in sorted(self._nodes, key=lambda key: self._nodes[key]["depth"]):
            if self._nodes[key]["depth"]:
                by_table.setdefault(key[:2], []).append(key)
        return [self._impact(keys) for keys in by_table.values()]

    def _impact(self, keys: list[NodeKey]) -> Impact:
        steps: dict[NodeKey, list[Step]] = {}
        for step in self._into.get(keys[0][:2], ()):
            steps.setdefault(step.target, []).append(step)
        reached = [
            Reached(key, self._nodes[key]["subtype"], self._nodes[key]["certainty"], tuple(steps[key]))
            for key in sorted(keys, key=lambda key: (key[2] is None, key[2] or ""))
            if key in steps
        ]
        return Impact(
            keys[0], self._nodes[keys[0]]["depth"], tuple(reached), any(key[2] is None for key in keys)
        )


def texts_of(steps: Iterable[Step]) -> list[str]:
    """The expressions of the given steps, each once, without those that only repeat the source's name."""
    texts = [(edge["expression"], step.source[2]) for step in steps for edge in step.edges]
    return list(dict.fromkeys(text for text, field in texts if not repeats(text, field)))


def impact_word(impact: Iterable[Impact]) -> str:
    """How much is reached, in one phrase."""
    tables = list(impact)
    columns = sum(reached.node[2] is not None for each in tables for reached in each.reached)
    rows = sum(each.through_rows for each in tables)
    and_rows = f", and the rows of {rows}" if rows else ""
    return f"reaches {count_word(len(tables), 'table')}: {count_word(columns, 'column')}{and_rows}"


def overall_word(reached: Reached) -> str:
    """The kind over all hops, where the last hop is of another kind; else nothing."""
    last = {subtype for step in reached.steps for subtype in step.subtypes}
    return "" if reached.subtype in last else f"  {kind_word(reached.subtype)} over all hops"


def _meet(field: str, other: str | None) -> bool:
    """Whether two fields of a table are the same, or one lies within the other; None is the whole table."""
    return other is None or field == other or _lies_within(field, other) or _lies_within(other, field)


def _lies_within(field: str, outer: str) -> bool:
    return field.startswith(f"{outer}.")


def _outer_fields(field: str) -> list[str]:
    names = field.split(".")
    return [".".join(names[:length]) for length in range(1, len(names))]


def _steps(edges: Iterable[Json]) -> list[Step]:
    grouped: dict[tuple[NodeKey, NodeKey], list[Json]] = {}
    for edge in edges:
        grouped.setdefault((_key(edge["source"]), _key(edge["target"])), []).append(edge)
    return [Step(source, target, tuple(group)) for (source, target), group in grouped.items()]


def _key(node: Json) -> NodeKey:
    return (node["namespace"], node["name"], node["field"])
