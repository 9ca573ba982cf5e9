"""What kind of thing a plan is: a write, a query, a command without data, or Spark's own look at files."""

from __future__ import annotations

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.relations import by_paths, locate, options_of
from spark_lineage.analyze.writes import write_nodes
from spark_lineage.decode.tree import Node, Opaque, PlanTree, flatten
from spark_lineage.model import DatasetId

DATA_COMMANDS = frozenset({
    "RestoreTableCommand", "RestoreTableStatement", "LoadDataCommand", "LoadData", "ConvertToDeltaCommand", "CloneTableCommand",
    "CloneTableStatement", "CreateDeltaTableCommand", "TruncateTableCommand", "TruncateTable", "TruncatePartition", "AlterTableDropPartitionCommand",
    "DropPartitions",
})  # fmt: skip
"""Commands that change the rows of a table from somewhere that their plan does not name."""

V2_COMMANDS = frozenset({
    "CreateTable", "ReplaceTable", "DropTable", "DropView", "CreateView", "CreateNamespace", "DropNamespace", "DescribeRelation",
    "DescribeNamespace", "DescribeColumn", "ShowTables", "ShowNamespaces", "ShowColumns", "ShowPartitions",
    "ShowTableProperties", "ShowCreateTable", "ShowFunctions", "ShowViews", "ShowCatalogs", "ShowCurrentNamespace",
    "ShowTableExtended", "SetCatalogAndNamespace", "SetNamespaceProperties", "SetNamespaceLocation", "UnsetNamespaceProperties",
    "SetTableProperties", "UnsetTableProperties", "SetViewProperties", "UnsetViewProperties", "SetTableLocation",
    "SetTableSerDeProperties", "AddColumns", "ReplaceColumns", "DropColumns", "RenameColumn", "AlterColumn", "AlterColumns", "RenameTable",
    "AddPartitions", "DropPartitions", "RenamePartitions", "TruncateTable", "TruncatePartition", "RecoverPartitions", "RepairTable",
    "RefreshTable", "RefreshFunction", "LoadData", "AnalyzeTable", "AnalyzeTables", "AnalyzeColumn", "CacheTable",
    "CacheTableAsSelect", "UncacheTable", "CommentOnNamespace", "CommentOnTable", "CreateFunction", "DropFunction",
    "DescribeFunction", "CreateIndex", "DropIndex", "CreateVariable", "DropVariable", "SetVariable", "DeltaOptimize", "NoopCommand",
    "AddConstraint", "DropConstraint", "AddCheckConstraint", "Call", "AlterTableClusterBy", "AlterTableAddConstraint",
    "AlterTableDropConstraint", "AlterTableDropFeature", "RestoreTableStatement", "DeltaVacuumStats",
})  # fmt: skip
"""Logical commands that neither read nor write rows as lineage means it."""


def is_command(tree: PlanTree) -> bool:
    """Whether the plan does something other than return rows: its root has a command's class."""
    root = tree.analyzed
    while root is not None and root.name == "WithCTE":
        root = root.get("plan")
    if root is None:
        return False
    return bool(write_nodes(root)) or not _is_query(root)


def _is_query(root: Node) -> bool:
    """Commands of Spark, Delta and the data sources have an own package or a telling name."""
    name = root.class_name
    if root.name.endswith(("Command", "CommandResult", "Exec")):
        return False
    return ".execution.command." not in name and root.name not in V2_COMMANDS


def data_command(tree: PlanTree) -> str | None:
    """The name of a command that changes data without a query in its plan, which no rule follows; else None."""
    root = tree.analyzed
    return root.name if root is not None and root.name in DATA_COMMANDS else None


def changed_dataset(tree: PlanTree, naming: Naming) -> DatasetId | None:
    """The dataset that such a command changes, where its own fields name it."""
    root = tree.analyzed
    fields = root.fields.values() if root is not None else ()
    for item in (item for each in fields for item in flatten(each)):
        if not isinstance(item, Node):
            continue
        path = item.facts.get("path") or item.facts.get("location")
        located = by_paths([path], (), naming) if isinstance(path, str) else locate(item, naming)
        if located:
            return located[0].dataset.id
    return None


def is_schema_inference(tree: PlanTree) -> bool:
    """Whether a query is Spark's own look at the files of a CSV or JSON read, to learn their columns.

    Spark reads them as text, file by file, without the `path` option that a read of the user's has, and either takes the
    first line or hands the lines to its own code.
    """
    root = tree.analyzed
    if root is None or root.name not in {"GlobalLimit", "DeserializeToObject"}:
        return False
    relations = [each for each in tree.nodes if each.name == "LogicalRelation"]
    if len(relations) != 1 or relations[0].get("catalogTable") is not None:
        return False
    files = relations[0].get("relation")
    form = files.get("fileFormat") if isinstance(files, Node) else None
    is_text = isinstance(form, Node | Opaque) and form.class_name.endswith(".TextFileFormat")
    return is_text and "path" not in options_of(files)
