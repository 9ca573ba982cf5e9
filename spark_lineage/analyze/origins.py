"""Where the rows of a relation come from that only stands for an RDD: another execution's plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spark_lineage.analyze.relations import RunFacts
from spark_lineage.decode.tree import Node, PlanTree


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """An execution whose rows were kept: its plan, what its run knows of the plan's nodes, and its own origins.

    One plan may be the origin of itself: a loop that checkpoints runs the same plan again and again, and each round is an
    origin of its own. `origins` maps a relation of `tree` to the executions of which one made its rows.
    """

    tree: PlanTree
    facts: RunFacts = field(default_factory=dict)
    origins: Mapping[Node, tuple[Origin, ...]] = field(default_factory=dict)


def kept_rows(tree: PlanTree) -> Node | None:
    """The operator whose rows an execution kept: a micro-batch hands on what its sink was given."""
    root = tree.analyzed
    if root is not None and root.name in MICRO_BATCHES:
        query = root.get("query")
        return query if isinstance(query, Node) else None
    return root


MICRO_BATCHES = frozenset({"WriteToMicroBatchDataSource", "WriteToMicroBatchDataSourceV1"})
"""Writes of a stream: the root of each micro-batch's plan."""

RDD_RELATIONS = frozenset({"LogicalRDD", "ExternalRDD"})
"""Relations that stand for an RDD."""
