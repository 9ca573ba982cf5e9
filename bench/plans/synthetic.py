"""Plans that Spark cannot build in reasonable time or stack, as the bridge would record them and as Spark's `toJSON` has them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from plans.spans import Spans

_CATALYST = "org.apache.spark.sql.catalyst."
_LOGICAL = f"{_CATALYST}plans.logical."
_EXPRESSION = f"{_CATALYST}expressions."
_SOURCES = "org.apache.spark.sql.execution.datasources."
_TABLE = ["spark_catalog", "default", "ten"]
_JVM = "0a6e3c1e-6f4b-4ad1-9d0a-0f5f7d6c1a11"


@dataclass(frozen=True)
class Synthetic:
    """One plan: the bridge's record of it, and Spark's `toJSON`."""

    payload: bytes
    text: str


def chain(operators: int, width: int = 10) -> Synthetic:
    """One SELECT on another, each of `width` columns, one of them `x + 1`, over one table."""
    plan = _Plan(width)
    below, columns = plan.relation()
    for number in range(operators - 1):
        below, columns = plan.select(below, columns, number % width)
    return plan.done(below, list(reversed(plan.texts)))


def union(operators: int, width: int = 10) -> Synthetic:
    """The UNION of as many such SELECTs, each over a read of its own of the table: half the operators are relations."""
    plan = _Plan(width)
    branches = []
    for number in range((operators - 1) // 2):
        relation, columns = plan.relation()
        branches.append(plan.select(relation, columns, number % width))
    output = [plan.attribute(f"c{position}") for position in range(width)]
    root = plan.node(
        f"{_LOGICAL}Union",
        "logical",
        {"children": [branch for branch, _ in branches], "byName": False, "allowMissingCol": False},
        o=output,
    )
    text = {
        "class": f"{_LOGICAL}Union", "num-children": len(branches), "children": list(range(len(branches))),
        "byName": False, "allowMissingCol": False,
    }  # fmt: skip
    below = [each for pair in zip(plan.texts[1::2], plan.texts[0::2], strict=True) for each in pair]
    return plan.done(root, [text, *below])


@dataclass
class _Plan:
    """Collects nodes from the leaves up, for both forms."""

    width: int
    classes: dict[str, dict[str, Any]] = field(default_factory=dict)
    attributes: list[list[Any]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        index = self.node(
            f"{_SOURCES}InMemoryFileIndex",
            "value",
            {},
            x={"paths": ["file:/warehouse/ten"], "index": "InMemoryFileIndex"},
        )
        self.files = self.node(
            f"{_SOURCES}HadoopFsRelation", "value", {"location": index, "options": {"m": []}}
        )
        facts = {
            "identifier": _TABLE, "provider": "parquet", "location": "file:/warehouse/ten", "table_type": "MANAGED",
            "partition_columns": [],
        }  # fmt: skip
        self.table = self.node(f"{_CATALYST}catalog.CatalogTable", "value", {}, x=facts)
        modes = {"evalMode": "ANSI", "allowDecimalPrecisionLoss": True}
        self.mode = self.node(f"{_EXPRESSION}NumericEvalContext", "value", modes)

    def attribute(self, name: str) -> int:
        """A new column; its expression id is its index."""
        self.attributes.append([len(self.attributes), name, 0, _TABLE, True])
        return len(self.attributes) - 1

    def node(self, name: str, kind: str, fields: dict[str, Any], **more: Any) -> dict[str, int]:
        """A node, and how others refer to it."""
        self.classes.setdefault(name, {"name": name, "kind": kind, "fields": list(fields)})
        self.nodes.append({"c": list(self.classes).index(name), "f": list(fields.values()), **more})
        return {"@": len(self.nodes) - 1}

    def relation(self) -> tuple[dict[str, int], list[int]]:
        """One read of the table."""
        columns = [self.attribute(f"c{position}") for position in range(self.width)]
        fields = {
            "relation": self.files, "output": [{"a": each} for each in columns], "catalogTable": self.table,
            "isStreaming": False, "stream": None,
        }  # fmt: skip
        self.texts.append({
            "class": f"{_SOURCES}LogicalRelation", "num-children": 0, "relation": None,
            "output": [[self.attribute_text(each)] for each in columns], "catalogTable": None, "isStreaming": False,
        })  # fmt: skip
        return self.node(f"{_SOURCES}LogicalRelation", "logical", fields, o=columns), columns

    def select(
        self, below: dict[str, int], columns: list[int], changed: int
    ) -> tuple[dict[str, int], list[int]]:
        """SELECT all columns of `below`, the one at `changed` plus 1."""
        name = f"c{changed}"
        one = self.node(
            f"{_EXPRESSION}Literal", "expression", {"dataType": {"t": 0}}, n="literal", t=0, x={"l": 0}
        )
        operands = {"left": {"a": columns[changed]}, "right": one, "evalContext": self.mode}
        total = self.node(f"{_EXPRESSION}Add", "expression", operands, n="+", t=0)
        new = self.attribute(name)
        named: dict[str, Any] = {
            "child": total, "name": name, "exprId": {"e": new}, "qualifier": [], "explicitMetadata": None,
            "nonInheritableMetadataKeys": [],
        }  # fmt: skip
        alias = self.node(f"{_EXPRESSION}Alias", "expression", named, e=new, n="alias", t=0)
        chosen = [{"a": each} for each in columns]
        texts = [[self.attribute_text(each)] for each in columns]
        chosen[changed], texts[changed] = alias, self.sum_text(columns[changed], new)
        self.texts.append({
            "class": f"{_LOGICAL}Project", "num-children": 1, "projectList": texts, "child": 0,
        })  # fmt: skip
        output = [*columns[:changed], new, *columns[changed + 1 :]]
        project = self.node(
            f"{_LOGICAL}Project", "logical", {"projectList": chosen, "child": below}, o=output
        )
        return project, output

    def attribute_text(self, index: int) -> dict[str, Any]:
        """A column as `toJSON` has it."""
        return {
            "class": f"{_EXPRESSION}AttributeReference", "num-children": 0, "name": self.attributes[index][1],
            "dataType": "long", "nullable": True, "metadata": {}, "exprId": _id_text(index), "qualifier": [],
        }  # fmt: skip

    def sum_text(self, index: int, new: int) -> list[dict[str, Any]]:
        """`column + 1 AS name` as `toJSON` has it."""
        return [
            {
                "class": f"{_EXPRESSION}Alias", "num-children": 1, "child": 0, "name": self.attributes[new][1],
                "exprId": _id_text(new), "qualifier": [], "nonInheritableMetadataKeys": [],
            },
            {
                "class": f"{_EXPRESSION}Add", "num-children": 2, "left": 0, "right": 1,
                "evalContext": None,
            },
            self.attribute_text(index),
            {"class": f"{_EXPRESSION}Literal", "num-children": 0, "value": "1", "dataType": "long"},
        ]  # fmt: skip

    def done(self, root: dict[str, int], texts: list[dict[str, Any]]) -> Synthetic:
        """Both forms; the bridge numbers nodes from the root down."""
        last = len(self.nodes) - 1
        spans = Spans()
        nodes = [_in_spans(each, last, spans) for each in reversed(self.nodes)]
        section = {
            "v": 2, "kind": "plan", "hash": "0" * 32, "classes": list(self.classes.values()), "types": ['"long"'],
            "attributes": self.attributes, "nodes": nodes, "analyzed": _turned(root, last), "executed": None,
            "truncated": [],
        }  # fmt: skip
        payload = json.dumps(section, separators=(",", ":")).encode()
        return Synthetic(payload, json.dumps(texts, separators=(",", ":")))


def _id_text(index: int) -> dict[str, Any]:
    return {"product-class": f"{_EXPRESSION}ExprId", "id": index, "jvmId": _JVM}


def _in_spans(node: dict[str, Any], last: int, spans: Spans) -> dict[str, Any]:
    values = [_turned(value, last) for value in node["f"]]
    written = node | {"f": [spans.values(each) if isinstance(each, list) else each for each in values]}
    return written | ({"o": spans.output(node["o"])} if "o" in node else {})


def _turned(value: Any, last: int) -> Any:
    if isinstance(value, list):
        return [_turned(each, last) for each in value]
    return {"@": last - value["@"]} if isinstance(value, dict) and "@" in value else value
