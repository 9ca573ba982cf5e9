"""Write commands: which plan is written, to which dataset, into which columns.

The table `WRITES` maps a command's class to a function `(node, naming) -> Write`. Row-level
commands (`row_level.py`) say themselves what each column gets; the others write their query by position.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from spark_lineage.analyze import row_level
from spark_lineage.analyze.classes import NOT_FOLLOWED, QUIET, WRITES_WITHOUT_RULE
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.rebuilt import evolved
from spark_lineage.analyze.relations import (
    FORMATS,
    Located,
    by_catalog_name,
    by_name,
    by_options,
    by_paths,
    catalog_name,
    catalog_table,
    is_branch,
    lacks_a_value,
    locate,
    options_of,
    table_behind,
)
from spark_lineage.analyze.steps import Part, effects
from spark_lineage.analyze.targets import Rule, TargetColumn, Write, relation_of
from spark_lineage.decode.tree import Attribute, MapValue, Node, NodeKind, Opaque
from spark_lineage.model import DatasetId, Subtype


def below_ctes(root: Node | None) -> Node | None:
    """What a plan does, below what its WITH names; None where that was cut off."""
    while root is not None and root.name == "WithCTE":
        plan = root.get("plan")
        root = plan if isinstance(plan, Node) else None
    return root


def write_nodes(root: Node | None) -> list[Node]:
    """The write commands of an analyzed plan: its root, or the branches of a multi-table INSERT's Union.

    What lies below CommandResult or ExplainCommand was not run by this event.
    """
    root = below_ctes(root)
    if root is None:
        return []
    if root.name == "Union":
        return [each for each in root.nodes(NodeKind.LOGICAL) if _writes(each)]
    if root.name in VIEW_COMMANDS and not _is_persisted(root):
        return []
    return [root] if _writes(root) else []


def write_of(node: Node, naming: Naming) -> Write:
    """What a write command writes; a command without a rule is taken as an append of its query."""
    return WRITES.get("CloneTableCommand" if clones(node) else node.name, _unknown)(node, naming)


def clones(node: Node) -> bool:
    """Whether a command makes a table a copy of another one: Delta's CLONE."""
    query = node.get("query")
    return isinstance(query, Node) and query.name == "CloneTableCommand"


def finds_table(node: Node) -> bool:
    """Whether IF NOT EXISTS has found the table, so that nothing is done."""
    return node.get("mode") == "Ignore" and isinstance(node.get("existingTableOpt"), Node)


def _writes(node: Node) -> bool:
    """Whether a node is a write command, or a command without a rule that has a query."""
    if node.name in WRITES or node.name in WRITES_WITHOUT_RULE:
        return True
    if clones(node):
        return not finds_table(node)
    query = node.get("query")
    has_query = isinstance(query, Node) and query.kind is NodeKind.LOGICAL
    return has_query and node.name not in QUIET and node.name not in NOT_FOLLOWED


def _unknown(node: Node, naming: Naming) -> Write:
    target = by_options(options_of(node), (), (), naming)
    for name in ("table", "relation", "logicalRelation"):
        place = relation_of(node.get(name))
        target = target or (locate(place, naming) if place is not None else ())
    return _simple(node, node.name, target)


def by_position(query: Node, names: Any = None) -> tuple[TargetColumn, ...]:
    """The columns of a query, under the names given or its own."""
    output = query.output or ()
    given = [each for each in names or () if isinstance(each, str)]
    if len(given) != len(output):
        given = [each.name for each in output]
    return tuple(
        TargetColumn(name, each.type.simple, (Part(each, input=0),))
        for name, each in zip(given, output, strict=True)
    )


def _files(node: Node, naming: Naming) -> Write:
    table = node.get("catalogTable")
    path = node.get("outputPath")
    aliases = tuple(
        a
        for each in ((catalog_table(table, naming)) if isinstance(table, Node) else ())
        for a in each.dataset.aliases
    )
    target = by_paths([path], aliases, naming, is_pattern=False) if isinstance(path, str) else ()
    static = node.get("staticPartitions")
    partial = isinstance(static, MapValue) and bool(static.pairs)
    operation = "OVERWRITE" if _replaces(node) else "INSERT"
    return _simple(node, operation, target, overwrites=_replaces(node) and not partial)


def _table_as_select(node: Node, naming: Naming) -> Write:
    table = node.get("table") or node.get("tableDesc")
    target = catalog_table(table, naming) if isinstance(table, Node) else ()
    overwrites = _replaces(node)
    return _simple(node, "CREATE TABLE AS SELECT", target, overwrites=overwrites)


def _v2_table_as_select(node: Node, naming: Naming) -> Write:
    name = node.get("name")
    target = by_catalog_name(".".join(identifier_parts(name)), naming) if isinstance(name, Node) else ()
    replaces = node.name.startswith("ReplaceTable")
    return _simple(
        node, "REPLACE TABLE AS SELECT" if replaces else "CREATE TABLE AS SELECT", target, overwrites=True
    )


def _clone(node: Node, naming: Naming) -> Write:
    """CLONE: every column of the source, as it is; the target begins anew."""
    command = node if node.name == "CloneTableCommand" else node.get("query")
    source, path, table = command.get("sourceTable"), command.get("targetPath"), node.get("table")
    is_named = isinstance(table, Node) and "/" not in str(table.facts.get("identifier"))
    aliases = catalog_table(table, naming)[0].dataset.aliases if is_named else ()
    target = by_paths([unquote(path)], aliases, naming, "delta") if isinstance(path, str) else ()
    relation = table_behind(source, command.index) if isinstance(source, Node) else None
    if relation is None:
        unknown = (
            "command_not_followed",
            "the table is a CLONE of a table whose columns the plan does not name: they and their sources are not known",
            "write it with CREATE TABLE AS SELECT where lineage matters",
        )
        return Write("CLONE", target, (), (), overwrites=True, unknown=unknown)
    return Write("CLONE", target, (relation,), by_position(relation), overwrites=True)


def _directory(node: Node, naming: Naming) -> Write:
    storage = node.get("storage")
    path = storage.get("locationUri") if isinstance(storage, Node) else None
    target = by_paths([unquote(path)], (), naming, is_pattern=False) if isinstance(path, str) else ()
    return _simple(node, "INSERT OVERWRITE DIRECTORY", target, overwrites=bool(node.get("overwrite")))


def _data_source(node: Node, naming: Naming) -> Write:
    options = options_of(node)
    target = _as_written(node.get("dataSource"), by_options(options, (), (), naming))
    replaces = _replaces(node) and not _is_topic(target)
    operation = "OVERWRITE" if replaces else "INSERT"
    return _simple(node, operation, target, overwrites=replaces and not _is_partial(options))


def _as_written(writer: Any, target: tuple[Located, ...]) -> tuple[Located, ...]:
    """The target with the format that its writer says, which a path alone does not."""
    kind = FORMATS.get(_class_of(writer))
    if kind is None:
        return target
    return tuple(replace(each, dataset=replace(each.dataset, format=kind)) for each in target)


def _is_topic(target: tuple[Located, ...]) -> bool:
    """Whether a write adds to a topic: no save mode takes anything out of it."""
    return bool(target) and target[0].dataset.format == "kafka"


def _hive(node: Node, naming: Naming) -> Write:
    table = node.get("table")
    target = catalog_table(table, naming) if isinstance(table, Node) else ()
    partition = node.get("partition")
    partial = isinstance(partition, MapValue) and bool(partition.pairs)
    write = _simple(node, "INSERT", target, overwrites=bool(node.get("overwrite")) and not partial)
    return (
        replace(write, columns=_with_partitions(table, write.columns)) if isinstance(table, Node) else write
    )


def _with_partitions(table: Node, columns: tuple[TargetColumn, ...]) -> tuple[TargetColumn, ...]:
    """The columns with those of static partitions, which Hive's query lacks: a table has its partition columns last."""
    names = [str(each) for each in table.facts.get("partition_columns") or ()]
    types = [str(each) for each in table.facts.get("partition_types") or ()]
    types += [""] * (len(names) - len(types))  # records of earlier bridges lack them
    written = {each.name: each for each in columns}
    last = [
        written.get(name) or TargetColumn(name, type_, ()) for name, type_ in zip(names, types, strict=True)
    ]
    return (*(each for each in columns if each.name not in names), *last)


def _logical_relation(node: Node, naming: Naming) -> Write:
    relation = node.get("logicalRelation")
    target = locate(relation, naming) if isinstance(relation, Node) else ()
    return _simple(node, "INSERT", target, overwrites=bool(node.get("overwrite")))


def _v2(node: Node, naming: Naming) -> Write:
    table = relation_of(node.get("table"))
    target = locate(table, naming) if table is not None else ()
    options = node.get("writeOptions")
    partial = isinstance(options, MapValue) and _is_partial(options.texts())
    whole = _is_literal(node.get("deleteExpr")) and not partial and not is_branch(table)
    overwrites = node.name == "OverwriteByExpression" and whole
    query = node.get("query")
    output = table.output if table is not None else None
    columns: tuple[TargetColumn, ...] = ()
    if isinstance(query, Node):
        by_column_name = bool(node.get("isByName")) and output is not None
        columns = _by_name(query, output or ()) if by_column_name else _into(query, output or ())
    rows = effects(_deleted(node.get("deleteExpr")), Subtype.FILTER)
    operation = "OVERWRITE" if "Overwrite" in node.name else "INSERT"
    inputs = (query, table) if rows and table is not None else (query,)
    read = tuple(each for each in inputs if isinstance(each, Node))
    return Write(
        operation, target, read, columns, overwrites, rows, () if rows else _replacing(node, columns)
    )


def _into(query: Node, output: tuple[Attribute, ...]) -> tuple[TargetColumn, ...]:
    """The columns of a query by position, as those of the table where it has as many."""
    columns = by_position(query, [each.name for each in output])
    given = query.output or ()
    if len(output) != len(given):
        return columns
    types = [evolved(own.type, each.type).simple for own, each in zip(output, given, strict=True)]
    return tuple(replace(each, type=type_) for each, type_ in zip(columns, types, strict=True))


def _by_name(query: Node, output: tuple[Attribute, ...]) -> tuple[TargetColumn, ...]:
    """The table's columns in its order, each from the query's column of that name; then those that are new."""
    given = {each.name.lower(): each for each in query.output or ()}
    columns = []
    for attribute in output:
        source = given.pop(attribute.name.lower(), None)
        parts = () if source is None else (Part(source, input=0),)
        kind = (
            attribute.type
            if source is None or not attribute.type.parts
            else evolved(attribute.type, source.type)
        )
        columns.append(TargetColumn(attribute.name, kind.simple, parts))
    new = (TargetColumn(each.name, each.type.simple, (Part(each, input=0),)) for each in given.values())
    return (*columns, *new)


def _deleted(expression: Any) -> tuple[Any, ...]:
    """REPLACE WHERE: the columns that say what is replaced; `true` replaces all."""
    return () if expression is None or _is_literal(expression) else (expression,)


def _stream(node: Node, naming: Naming) -> Write:
    table = node.get("catalogTable")
    sink = node.get("sink") or node.get("table")
    relation = node.get("relation")
    options = node.get("writeOptions")
    target: tuple[Located, ...] = ()
    complete = _class_of(node.get("outputMode")) == "Complete"
    if lacks_a_value(node):  # it may be what says the target, and all that is left says another one
        return _simple(node, "STREAM", (), overwrites=complete)
    if isinstance(table, Node):
        target = catalog_table(table, naming)
    elif isinstance(relation, Node):
        target = locate(relation, naming)
    if not target and isinstance(sink, Node) and isinstance(sink.facts.get("path"), str):
        target = _as_written(sink, by_paths([sink.facts["path"]], (), naming, is_pattern=False))
    if not target and isinstance(options, MapValue):
        target = by_options(options.texts(), (), (), naming)
    if not target and isinstance(sink, Node | Opaque):
        named = sink.facts.get("name") if isinstance(sink, Node) else None
        target = by_name(str(named or _class_of(sink) or sink.class_name), namespace="sink")
    if target and target[0].dataset.namespace == "source":  # a table of Spark's own without a place, on 4.2
        target = by_name(target[0].dataset.name, namespace="sink")
    return _simple(node, "STREAM", target, overwrites=complete)


def _view(node: Node, naming: Naming) -> Write:
    plan = node.get("plan") if node.get("plan") is not None else node.get("query")
    name = ".".join(identifier_parts(node.get("name") or node.get("child")))
    given = node.get("userSpecifiedColumns") or node.get("columnAliases") or ()
    renamed = [each.get("_1") if isinstance(each, Node) else each for each in given]
    columns = by_position(plan, renamed) if isinstance(plan, Node) else ()
    inputs = (plan,) if isinstance(plan, Node) else ()
    return Write("CREATE VIEW", by_name(name), inputs, columns, overwrites=True)


def _simple(node: Node, operation: str, target: tuple[Located, ...], *, overwrites: bool = False) -> Write:
    """A write of the node's query; what overwrites the folder of a partition leaves the others as they are."""
    query = node.get("query")
    overwrites = overwrites and not any(place.partitions for each in target for place in each.locations)
    if not isinstance(query, Node):
        return Write(operation, target, (), (), overwrites)
    columns = by_position(query, node.get("outputColumnNames"))
    return Write(operation, target, (query,), columns, overwrites, replacing=_replacing(node, columns))


def _replacing(node: Node, columns: tuple[TargetColumn, ...]) -> tuple[str, ...]:
    """The columns that Delta's option `replaceWhere` compares: its text has passed with `?` for its literals."""
    given = node.get("options") or node.get("writeOptions")
    condition = given.texts().get("replacewhere", "") if isinstance(given, MapValue) else ""
    words = {(quoted or plain).lower() for quoted, plain in _COLUMN_IN_TEXT.findall(condition)}
    return tuple(each.name for each in columns if each.name.lower() in words)


def identifier_parts(value: Any) -> list[str]:
    """The parts of a table's name in a TableIdentifier, a ResolvedIdentifier or a DSv2 Identifier."""
    if not isinstance(value, Node):
        return []
    given = value.facts.get("identifier")
    if given:
        return [str(each) for each in given]
    if "table" in value.fields:
        return [
            each
            for each in (value.get("catalog"), value.get("database"), value.get("table"))
            if isinstance(each, str)
        ]
    name = catalog_name(value)
    return [name] if name else []


def _class_of(value: Any) -> str:
    name = value.class_name if isinstance(value, Opaque | Node) else str(value)
    return (
        name.rpartition(".")[2].rpartition("$")[2]
        if not name.endswith("$")
        else name.rstrip("$").rpartition(".")[2].rpartition("$")[2]
    )


def _is_partial(options: dict[str, str]) -> bool:
    """Whether options make an overwrite replace only some of the rows, as Delta has it."""
    return "replacewhere" in options or options.get("partitionoverwritemode", "").lower() == "dynamic"


def _replaces(node: Node) -> bool:
    """Whether a save mode leaves nothing of what was there; ErrorIfExists succeeds only where nothing was."""
    return node.get("mode") in {"Overwrite", "ErrorIfExists"}


def _is_literal(expression: Any) -> bool:
    return isinstance(expression, Node) and expression.name == "Literal"


def _is_persisted(node: Node) -> bool:
    return node.name != "CreateViewCommand" or _class_of(node.get("viewType")) == "PersistedView"


_COLUMN_IN_TEXT = re.compile(r"`([^`]+)`|\b([A-Za-z_]\w*)\b(?!\s*\()")
"""A name in a condition's text, in backticks or plain, that is no function's."""

VIEW_OPERATIONS = frozenset({"CREATE VIEW"})
"""Writes whose target has no location: its name is its identity."""

VIEW_COMMANDS = frozenset({"CreateViewCommand", "AlterViewAsCommand"})

FOREACH_BATCH_SINKS = frozenset({"ForeachBatchSink", "PythonForeachBatchSink"})
"""Sinks behind which the real writes are executions of their own."""

FOREACH_SINK = DatasetId("sink", "ForeachSink")
"""What a stream's function of each row is called: what it writes is the program's."""

WRITES: dict[str, Rule] = {
    "InsertIntoHadoopFsRelationCommand": _files,
    "CreateDataSourceTableAsSelectCommand": _table_as_select,
    "SaveAsV1TableCommand": _table_as_select,
    "CreateHiveTableAsSelectCommand": _table_as_select,
    "InsertIntoDataSourceDirCommand": _directory,
    "InsertIntoHiveDirCommand": _directory,
    "InsertIntoHiveTable": _hive,
    "InsertIntoDataSourceCommand": _logical_relation,
    "SaveIntoDataSourceCommand": _data_source,
    "CreateTableAsSelect": _v2_table_as_select,
    "ReplaceTableAsSelect": _v2_table_as_select,
    "AppendData": _v2,
    "OverwriteByExpression": _v2,
    "OverwritePartitionsDynamic": _v2,
    "DeltaDynamicPartitionOverwriteCommand": _v2,
    "CloneTableCommand": _clone,
    "WriteToMicroBatchDataSource": _stream,
    "WriteToMicroBatchDataSourceV1": _stream,
    "CreateViewCommand": _view,
    "AlterViewAsCommand": _view,
    "CreateIcebergView": _view,
    "MergeIntoCommand": row_level.merge,
    "UpdateCommand": row_level.update,
    "DeleteCommand": row_level.delete,
    "DeleteFromTable": row_level.delete,
    "UpdateTable": row_level.plain_update,
    "MergeIntoTable": row_level.plain_merge,
    "ReplaceData": row_level.rewritten,
    "WriteDelta": row_level.rewritten,
}
"""Command class -> rule."""
