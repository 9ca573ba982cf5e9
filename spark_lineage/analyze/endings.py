"""Commands after which a table's earlier rows are gone, though they write none: what is written next begins anew.

`CREATE TABLE`, `REPLACE TABLE`, `DROP TABLE` and `TRUNCATE TABLE`. What says that rows may stay ends nothing: `IF NOT
EXISTS`, a place of its own (files may lie there, and they outlive a dropped table), one partition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import identified
from spark_lineage.analyze.relations import Located, by_name, locate
from spark_lineage.analyze.writes import identifier_parts
from spark_lineage.decode.tree import Node, PlanTree
from spark_lineage.model import CATALOG_NAMESPACE, Certainty, DatasetId, EdgeKind, Plan

DROP = "DROP TABLE"
"""The operation of the ending after which a name may come to stand for another place."""

TRUNCATE = "TRUNCATE TABLE"
"""The operation of the one ending that leaves the table as it is and takes its rows."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A table whose rows are gone, by its name or its place.

    `managed` is true where that holds only for a table at the place that the catalog chose for it.
    """

    operation: str
    table: Located
    managed: bool


Rule = Callable[[Node, Naming], Ending | None]


def ending_of(tree: PlanTree, naming: Naming) -> Ending | None:
    """What a plan ends, if it does; the plan's command is one of `ENDINGS`. Of a command that was cut nobody can say that it ends all."""
    root = tree.analyzed if tree.is_whole else None
    rule = ENDINGS.get(root.name) if root is not None else None
    return None if root is None or rule is None else rule(root, naming)


def plan_of_ending(operation: str, target: DatasetId, job: str) -> Plan:
    """The plan of an ending: no columns, no sources, of the kind `control`."""
    plan = Plan(
        "", EdgeKind.CONTROL, job, operation, target, overwrites=True, certainty=Certainty.EXACT, columns=()
    )
    return identified(plan)


def _create(node: Node, _: Naming) -> Ending | None:
    if node.get("ignoreIfExists") is not False:
        return None
    table, specification = node.get("table"), node.get("tableSpec")
    if isinstance(table, Node):
        is_elsewhere = table.facts.get("table_type") != "MANAGED" or table.facts.get("location") is not None
    else:
        is_elsewhere = not isinstance(specification, Node) or _is_elsewhere(specification)
    name = table if isinstance(table, Node) else node.get("name")
    return None if is_elsewhere else _named("CREATE TABLE", name, managed=True)


def _is_elsewhere(specification: Node) -> bool:
    return specification.get("location") is not None or bool(specification.get("external"))


def _replace(node: Node, _: Naming) -> Ending | None:
    return _named("REPLACE TABLE", node.get("name"), managed=False)


def _drop(node: Node, _: Naming) -> Ending | None:
    if node.get("isView") is True:
        return None
    return _named(DROP, node.get("child") or node.get("tableName"), managed=True)


def _truncate(node: Node, naming: Naming) -> Ending | None:
    if node.get("partitionSpec") is not None:
        return None
    table = node.get("table") or node.get("child")
    located = locate(table, naming) if isinstance(table, Node) else ()
    if located:
        return Ending(TRUNCATE, located[0], managed=False)
    return _named(TRUNCATE, node.get("tableName"), managed=False)


def _named(operation: str, name: Any, *, managed: bool) -> Ending | None:
    located = by_name(".".join(identifier_parts(name)), CATALOG_NAMESPACE)
    return Ending(operation, located[0], managed) if located else None


ENDINGS: dict[str, Rule] = {
    "CreateDataSourceTableCommand": _create,
    "CreateTable": _create,
    "CreateTableCommand": _create,
    "DropTable": _drop,
    "DropTableCommand": _drop,
    "ReplaceTable": _replace,
    "TruncateDeltaTableCommand": _truncate,
    "TruncateTable": _truncate,
    "TruncateTableCommand": _truncate,
}
"""Command class -> what it ends."""
