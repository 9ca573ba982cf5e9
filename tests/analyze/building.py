"""Hand-made plan records, in the format of `jvm_bridge/contract/README.md`, for tests without a JVM."""

from __future__ import annotations

from typing import Any

import msgspec

from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import PlanRecord, decode_record
from spark_lineage.decode.tree import PlanTree

LOGICAL = "org.apache.spark.sql.catalyst.plans.logical."
EXPRESSION = "org.apache.spark.sql.catalyst.expressions."


def record_of(section: dict[str, Any]) -> PlanRecord:
    """A plan section as the record that a decoder gets."""
    record = decode_record(msgspec.json.encode(section))
    assert isinstance(record, PlanRecord)
    return record


class PlanBuilder:
    """Collects nodes; every method returns a value in the record's notation."""

    def __init__(self) -> None:
        self.classes: list[dict[str, Any]] = []
        self.attributes: list[list[Any]] = []
        self.nodes: list[dict[str, Any]] = []

    def attribute(self, name: str) -> dict[str, int]:
        """A new attribute of type int, with an expression id of its own."""
        index = len(self.attributes)
        self.attributes.append([index, name, 0, [], True])
        return {"a": index}

    def node(self, name: str, kind: str, fields: dict[str, Any], **extra: Any) -> dict[str, int]:
        """A node of any class."""
        spec = {"name": name, "kind": kind, "fields": list(fields)}
        if spec not in self.classes:
            self.classes.append(spec)
        self.nodes.append({"c": self.classes.index(spec), "f": list(fields.values()), **extra})
        return {"@": len(self.nodes) - 1}

    def operator(self, name: str, output: list[dict[str, int]], /, **fields: Any) -> dict[str, int]:
        """A logical operator."""
        return self.node(LOGICAL + name, "logical", fields, o=[each["a"] for each in output])

    def function(self, name: str, label: str, **fields: Any) -> dict[str, int]:
        """An expression without an id."""
        return self.node(EXPRESSION + name, "expression", fields, n=label, t=0)

    def literal(self, value: str | int) -> dict[str, int]:
        """A literal that was kept."""
        return self.node(
            EXPRESSION + "Literal",
            "expression",
            {"dataType": {"t": 0}},
            n="literal",
            t=0,
            x={"value": str(value)},
        )

    def alias(self, child: dict[str, int], target: dict[str, int]) -> dict[str, int]:
        """`child AS target`."""
        name = self.attributes[target["a"]][1]
        return self.node(EXPRESSION + "Alias", "expression", {"child": child, "name": name}, e=target["a"])

    def files(self, path: str | None, names: list[str]) -> tuple[dict[str, int], list[dict[str, int]]]:
        """A relation over files at a path (None: over no files), and its columns."""
        paths = [] if path is None else [path]
        index = self.node("org.example.InMemoryFileIndex", "value", {}, x={"paths": paths})
        relation = self.node(
            "org.example.HadoopFsRelation", "value", {"location": index, "options": {"m": []}}
        )
        output = [self.attribute(name) for name in names]
        leaf = self.operator("LogicalRelation", output, relation=relation, catalogTable=None)
        return leaf, output

    def insert(self, query: dict[str, int], path: str, names: list[str]) -> dict[str, int]:
        """The command that appends a query to a folder."""
        return self.operator(
            "InsertIntoHadoopFsRelationCommand",
            [],
            outputPath=path,
            query=query,
            mode="Append",
            catalogTable=None,
            outputColumnNames=names,
        )

    def record(self, analyzed: dict[str, int] | None) -> PlanRecord:
        """The plan record."""
        return record_of(self.section(analyzed))

    def section(self, analyzed: dict[str, int] | None) -> dict[str, Any]:
        """The plan record as the bridge would write it."""
        return {
            "v": 1,
            "kind": "plan",
            "hash": "0" * 32,
            "classes": self.classes,
            "types": ['"integer"'],
            "attributes": self.attributes,
            "nodes": self.nodes,
            "analyzed": analyzed,
        }

    def tree(self, analyzed: dict[str, int] | None) -> PlanTree:
        """The decoded plan."""
        return decode_plan(self.record(analyzed))
