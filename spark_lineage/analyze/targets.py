"""What a write command says: what it reads, which dataset it writes, and what each of the target's columns gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.relations import RELATIONS, Located, locate
from spark_lineage.analyze.steps import Part
from spark_lineage.decode.tree import Node, NodeKind


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A column of the target and the expressions that may give its value."""

    name: str
    type: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """One write: `inputs` are the plans it reads, `rows` its own effects on the row set.

    `replacing` are the target's columns that say which of its rows are replaced, where only a text names them.
    `unknown` is (code, sentence, hint) where the plan does not say what the target gets.
    """

    operation: str
    target: tuple[Located, ...]
    inputs: tuple[Node, ...]
    columns: tuple[TargetColumn, ...]
    overwrites: bool = False
    rows: tuple[Part, ...] = field(default=())
    replacing: tuple[str, ...] = ()
    unknown: tuple[str, str, str] | None = None


Rule: TypeAlias = Callable[[Node, Naming], Write]


def target_of(plan: Node, naming: Naming) -> tuple[Located, ...]:
    """The dataset of a command's target."""
    relation = relation_of(plan)
    return locate(relation, naming) if relation is not None else ()


def relation_of(plan: Any) -> Node | None:
    """The relation that a row-level command's target stands for, below aliases and projections."""
    while isinstance(plan, Node) and plan.name not in RELATIONS:
        below = plan.nodes(NodeKind.LOGICAL)
        plan = below[0] if below else None
    return plan if isinstance(plan, Node) else None
