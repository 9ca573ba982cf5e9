"""Leaves of a plan: which dataset a relation is, and where its location stands in the node.

The location of files is, in this order: the catalog table's, the `basepath` option, the part of the
`path` option before a glob, the root paths of the file index. Catalog names are aliases.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, TypeAlias
from urllib.parse import unquote

from spark_lineage.analyze.identity import Location, Naming, jdbc_id
from spark_lineage.decode.tree import Attribute, Cut, DataType, MapValue, Node, NodeKind, Opaque
from spark_lineage.model import CATALOG_NAMESPACE, Dataset, DatasetId

IN_MEMORY = frozenset({
    "LocalRelation", "OneRowRelation", "Range", "EmptyRelation", "CommandResult", "PythonWorkerLogs", "ResolvedInlineTable",
})  # fmt: skip
"""Relations whose rows stand in the plan or are the program's own: no source, and that is exact."""

DETACHED = frozenset({"MemoryPlan", "Transpose"})
"""Leaves with rows that another query made, and no word of it: opaque, `unknown_source`."""

REFERENCES = frozenset({"CTERelationRef", "UnionLoopRef", "LogicalRDD", "ExternalRDD"})
"""Leaves that stand for another plan, or for an RDD: the resolver follows them."""

RELATIONS = frozenset({
    "LogicalRelation", "HiveTableRelation", "DataSourceV2Relation", "DataSourceV2ScanRelation", "StreamingRelation", "StreamingExecutionRelation", "StreamingRelationV2",
    "StreamingDataSourceV2Relation", "StreamingDataSourceV2ScanRelation",
})  # fmt: skip
"""Relations that read a dataset."""

FOREIGN_QUERY = "query:"
"""What the name of a dataset begins with that is a database's answer to a query: a hash of its masked text follows."""

ANY_TOPIC = "*"
"""The name of a Kafka target whose rows say themselves which topic they go to."""

_ASSIGNED = re.compile(r'"([^"]+)"\s*:')
_DELTA_PATH = re.compile(r"spark_catalog\.delta\.((?:/|[a-z][a-z0-9+.-]*:/).*)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

ICEBERG_METADATA = frozenset({
    "AllDataFilesTable", "AllDeleteFilesTable", "AllEntriesTable", "AllFilesTable", "AllManifestsTable", "DataFilesTable",
    "DeleteFilesTable", "FilesTable", "HistoryTable", "ManifestEntriesTable", "ManifestsTable", "MetadataLogEntriesTable",
    "PartitionsTable", "PositionDeletesTable", "RefsTable", "SnapshotsTable",
})  # fmt: skip
"""Iceberg's classes of tables that describe a table: their columns are not its columns."""

FORMATS = {"DeltaTableV2": "delta", "DeltaDataSource": "delta", "DeltaSink": "delta"}
"""Class of a table, or of what writes to a path -> the format of the files, which a path alone does not say."""

GENERATED_STREAMS = {
    "RateStreamMicroBatchStream": "RateStream",
    "RatePerMicroBatchStream": "RatePerMicroBatch",
}
"""Streams that make their own rows -> their tables' names: a micro-batch of Spark 3.5 names the stream alone."""


@dataclass(frozen=True, slots=True)
class Located:
    """One dataset that a relation or a target stands for, with the exact paths met."""

    dataset: Dataset
    locations: tuple[Location, ...] = ()


RunFacts: TypeAlias = Mapping[Node, Mapping[str, Any]]
"""What a run knows of a plan's nodes: the files of a micro-batch, what an RDD is made of."""


def locate(node: Node, naming: Naming, facts: RunFacts | None = None) -> tuple[Located, ...]:
    """The datasets of a relation or of a write's table node; empty where none is known.

    A read of several folders that are not under one base is several datasets. Where a value of the relation was cut off, it may be what
    says the name, and all that is left would say another one.
    """
    return () if lacks_a_value(node) else _located(node, naming, facts)


def _located(node: Node, naming: Naming, facts: RunFacts | None) -> tuple[Located, ...]:
    relation = node.get("relation")
    if isinstance(relation, Node) and relation.kind is NodeKind.LOGICAL:
        return locate(relation, naming, facts)
    table = node.get("catalogTable") or node.get("tableMeta")
    alias = _aliases(table)
    if isinstance(relation, Node):
        return _relation(relation, table, alias, naming, facts or {})
    v2 = node.get("table")
    if isinstance(v2, Node):
        return _v2_table(v2, node, alias, naming)
    if isinstance(table, Node):
        return catalog_table(table, naming)
    source = node.get("dataSource") or node.get("source")
    if isinstance(source, Node):
        return _facts(source, alias, naming)
    scan = node.get("scan")  # a micro-batch of Spark 3.5 has no table
    return (_facts(scan, alias, naming) if isinstance(scan, Node) else ()) or _generated(node.get("stream"))


def lacks_a_value(node: Node) -> bool:
    """Whether a limit of the bridge cut off one of a node's own values."""
    return any(isinstance(each, Cut) for each in node.fields.values())


def _generated(stream: Any) -> tuple[Located, ...]:
    name = stream.class_name.rpartition(".")[2] if isinstance(stream, Opaque) else ""
    return by_name(GENERATED_STREAMS.get(name, ""), namespace="source")


def only_logs(datasets: Iterable[DatasetId]) -> bool:
    """Whether datasets are the log of Delta tables and nothing else: Delta looks at its own tables by queries, too."""
    names = [each.name.split("/") for each in datasets]
    return bool(names) and all("_delta_log" in each for each in names)


def reads_nothing(node: Node) -> bool:
    """Whether a relation is of no files at all, such as a temporary view USING a format without a path."""
    relation = node.get("relation")
    index = relation.get("location") if isinstance(relation, Node) else None
    return isinstance(index, Node) and index.facts.get("paths") == []


def catalog_table(table: Node, naming: Naming) -> tuple[Located, ...]:
    """The dataset of a catalog table: its location, or its name where it has none (a view)."""
    location = table.facts.get("location")
    kind = table.facts.get("provider")
    aliases = _aliases(table)
    if isinstance(location, str):
        # A catalog's location is a URI, percent-encoded; Hadoop's paths are not.
        kind = kind if isinstance(kind, str) else None
        return by_paths([unquote(location)], aliases, naming, kind, is_pattern=False)
    return by_name(".".join(map(str, table.facts.get("identifier") or ())))


def by_paths(
    paths: Iterable[str],
    aliases: tuple[str, ...],
    naming: Naming,
    form: str | None = None,
    *,
    is_pattern: bool = True,
) -> tuple[Located, ...]:
    """One dataset for each identity that the paths have, in the order of first sight; see `Naming.locate`."""
    grouped: dict[DatasetId, list[Location]] = {}
    for path in paths:
        location = naming.locate(path, is_pattern=is_pattern)
        grouped.setdefault(location.id, []).append(location)
    return tuple(
        Located(Dataset(each.namespace, each.name, aliases, form), tuple(locations))
        for each, locations in grouped.items()
    )


def by_name(name: str, namespace: str = CATALOG_NAMESPACE) -> tuple[Located, ...]:
    """A dataset that only the catalog knows: a view, or a table without a location."""
    return (
        (Located(Dataset(namespace, name, (name,) if namespace == CATALOG_NAMESPACE else ())),)
        if name
        else ()
    )


def by_catalog_name(name: str, naming: Naming) -> tuple[Located, ...]:
    """The table of a name in a catalog; of ``delta.`/path` `` Delta's catalog makes the table at the path."""
    path = _DELTA_PATH.fullmatch(name)
    return by_name(name) if path is None else by_paths([path[1]], (), naming, "delta", is_pattern=False)


def by_options(
    options: dict[str, str], paths: tuple[str, ...], aliases: tuple[str, ...], naming: Naming
) -> tuple[Located, ...]:
    """The dataset of a source given by options: `url` and `dbtable`, `basepath`, `path`, else root paths."""
    table = options.get("dbtable")
    if "url" in options and table:
        identity = jdbc_id(options["url"], table)
        return (Located(Dataset(identity.namespace, identity.name, aliases, "jdbc")),)
    if "kafka.bootstrap.servers" in options:
        return _kafka(options)
    if "basepath" in options:
        located = by_paths([options["basepath"]], aliases, naming)
        return (
            Located(located[0].dataset, tuple(naming.locate(path) for path in paths) or located[0].locations),
        )
    if "path" in options:
        return by_paths([_absolute(options["path"], paths)], aliases, naming)
    return by_paths(paths, aliases, naming)


def _kafka(options: dict[str, str]) -> tuple[Located, ...]:
    """The topics that options name, a pattern as it stands; `*` where each row names its own."""
    server = options["kafka.bootstrap.servers"].split(",")[0].rpartition("://")[2].strip()
    given = options.get("topic") or options.get("subscribe") or ""
    topics = [each.strip() for each in given.split(",") if each.strip()]
    if "assign" in options:
        topics = _ASSIGNED.findall(options["assign"])
    elif "subscribepattern" in options:
        topics = [options["subscribepattern"]]
    return tuple(Located(Dataset(f"kafka://{server}", topic, (), "kafka")) for topic in topics or [ANY_TOPIC])


def _absolute(path: str, roots: tuple[str, ...]) -> str:
    """A relative path as the files that were found under it show it to be."""
    if path.startswith("/") or _SCHEME.match(path):
        return path
    start = re.split(r"[*?{\[]", posixpath.normpath(path), maxsplit=1)[0].rstrip("/")
    for root in roots:
        before, found, after = root.partition(f"/{start}")
        if found and (not after or after.startswith("/")):
            return f"{before}{found}"
    return roots[0] if roots else path


def options_of(node: Node) -> dict[str, str]:
    """The options that passed the masking, by lower-case key."""
    options = node.get("options")
    return options.texts() if isinstance(options, MapValue) else {}


def _aliases(table: Any) -> tuple[str, ...]:
    identifier = table.facts.get("identifier") if isinstance(table, Node) else None
    return (".".join(map(str, identifier)),) if identifier else ()


def _relation(
    relation: Node, table: Any, aliases: tuple[str, ...], naming: Naming, facts: RunFacts
) -> tuple[Located, ...]:
    index = relation.get("location")
    known = (index.facts, facts.get(index, {})) if isinstance(index, Node) else ()
    paths = tuple(str(path) for each in known for path in each.get("paths") or ())
    if isinstance(index, Node) and isinstance(index.facts.get("delta_path"), str):
        return by_paths([index.facts["delta_path"]], aliases, naming, "delta", is_pattern=False)
    if isinstance(table, Node) and isinstance(table.facts.get("location"), str):
        (located,) = catalog_table(table, naming)
        return (Located(located.dataset, tuple(naming.locate(path) for path in paths) or located.locations),)
    if lacks_a_value(relation):
        return ()
    if isinstance(index, Node):
        return by_options(options_of(relation), paths, aliases, naming)
    return _facts(relation, aliases, naming)


def root_folders(node: Node, naming: Naming, facts: RunFacts) -> frozenset[DatasetId]:
    """Where a relation of files has them; empty for one of a catalog, whose partitions may be anywhere, and for all that are no files."""
    relation = node.get("relation")
    index = relation.get("location") if isinstance(relation, Node) else None
    if not isinstance(index, Node) or isinstance(node.get("catalogTable"), Node):
        return frozenset()
    delta = index.facts.get("delta_path")
    if isinstance(delta, str):
        return frozenset(each.dataset.id for each in by_paths([delta], (), naming, is_pattern=False))
    paths = [str(path) for each in (index.facts, facts.get(index, {})) for path in each.get("paths") or ()]
    return frozenset(each.dataset.id for each in by_paths(paths, (), naming))


def _v2_table(table: Node, node: Node, aliases: tuple[str, ...], naming: Naming) -> tuple[Located, ...]:
    identifier = table.facts.get("identifier")
    if identifier:
        aliases = (".".join(map(str, identifier)),)
    inner = table.get("catalogTable")
    if isinstance(inner, Node) and not aliases:
        aliases = _aliases(inner)
    location = table.facts.get("path")
    if isinstance(location, str) and "inner" in table.facts:
        return _wrapped(table, node, location, naming)
    if isinstance(location, str):
        form = table.facts.get("provider") or FORMATS.get(table.class_name.rpartition(".")[2])
        return by_paths([location], aliases, naming, form, is_pattern=False)
    if isinstance(inner, Node):
        return catalog_table(inner, naming)
    if "kafka.bootstrap.servers" in options_of(node):
        return by_options(options_of(node), (), (), naming)
    if "url" in table.facts:
        return _facts(table, tuple(filter(None, [catalog_name(node)])), naming)
    return (
        by_catalog_name(catalog_name(node), naming)
        or _facts(table, aliases, naming)
        or by_options(options_of(node), (), aliases, naming)
    )


def table_behind(source: Node, index: int) -> Node | None:
    """The relation that a command's source stands for, where its facts name its columns: no operator of the plan does."""
    names, types = source.facts.get("columns"), source.facts.get("column_types")
    if not isinstance(names, list) or not isinstance(types, list):
        return None
    pairs = zip(names, types, strict=True)
    output = tuple(
        Attribute(number, str(name), DataType(str(type_))) for number, (name, type_) in enumerate(pairs)
    )
    fields = {"table": source, "output": output}
    return Node(index, NodeKind.LOGICAL, "DataSourceV2Relation", "DataSourceV2Relation", fields, output)


def _wrapped(table: Node, node: Node, location: str, naming: Naming) -> tuple[Located, ...]:
    """A connector's own table (Iceberg's): its location; of a metadata table `location#snapshots`, as Iceberg reads it.

    Its alias is the catalog's name, without the branch or tag that the query added to it.
    """
    identifier = node.get("identifier")
    name = catalog_name(node)
    own = table.facts.get("name")
    if isinstance(identifier, Node) and identifier.name == "PathIdentifier":
        name = ""
    elif isinstance(own, str) and name.startswith(f"{own}."):
        name = own
    form = "iceberg" if ".iceberg." in table.class_name else None
    located = by_paths([location], (name,) if name else (), naming, form, is_pattern=False)
    if table.facts["inner"] not in ICEBERG_METADATA:
        return located
    part = name.rpartition(".")[2] or str(own).rpartition(".")[2]
    return tuple(
        replace(each, dataset=replace(each.dataset, name=f"{each.dataset.name}#{part}")) for each in located
    )


def requested_version(node: Node) -> str | None:
    """The version of its table that a relation was told to read: a version, a tag, a branch, or a time (ISO 8601, UTC)."""
    travel = node.get("timeTravelSpec")
    if isinstance(travel, Node):
        version, micros = travel.get("version"), travel.get("timestamp")
        if isinstance(version, str | int):
            return str(version)
        return _time(micros) if isinstance(micros, int) else None
    relation = node.get("relation")
    index = relation.get("location") if isinstance(relation, Node) else None
    for holder in (node.get("table"), index):
        facts = holder.facts if isinstance(holder, Node) else {}
        for key in ("requested_version", "requested_timestamp", "branch"):
            if facts.get(key) not in {None, "main"}:
                return str(facts[key])
    return None


def _time(micros: int) -> str:
    seconds, rest = divmod(micros, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def is_branch(relation: Node | None) -> bool:
    """Whether a relation stands for a branch of its table (Iceberg), not for the table as all see it."""
    table = relation.get("table") if relation is not None else None
    return isinstance(table, Node) and table.facts.get("branch", "main") != "main"


def catalog_name(node: Node) -> str:
    """`catalog.namespace.table` of a node with a resolved catalog and identifier, empty where it has none."""
    catalog, identifier = node.get("catalog"), node.get("identifier")
    if isinstance(catalog, Cut):
        return ""
    parts = identifier.facts.get("identifier") if isinstance(identifier, Node) else None
    name = catalog.facts.get("name") if isinstance(catalog, Node) else None
    return ".".join(map(str, [*([name] if name else []), *parts])) if parts else ""


def by_facts(scan: Node, naming: Naming) -> tuple[Located, ...]:
    """The datasets that a physical scan itself says it reads; empty where it does not say."""
    facts = scan.facts
    table = facts.get("table")
    aliases = (".".join(map(str, table)),) if isinstance(table, list) else ()
    if isinstance(facts.get("delta_path"), str):
        return by_paths([facts["delta_path"]], aliases, naming, "delta", is_pattern=False)
    if facts.get("inner") in ICEBERG_METADATA:
        return ()
    paths = facts.get("paths")
    if isinstance(paths, list) and paths:
        return by_paths(map(str, paths), aliases, naming)
    return _facts(scan, aliases, naming) if facts.keys() & {"options", "url", "path"} else ()


def _facts(value: Node, aliases: tuple[str, ...], naming: Naming) -> tuple[Located, ...]:
    facts = value.facts
    options = facts.get("options")
    if isinstance(options, dict) and "kafka.bootstrap.servers" in options:
        return _kafka(options)
    url, table, path, name = (facts.get(key) for key in ("url", "table", "path", "name"))
    if isinstance(url, str) and isinstance(table, str):
        identity = jdbc_id(url, table)
        return (Located(Dataset(identity.namespace, identity.name, aliases, "jdbc")),)
    query = facts.get("query")
    if isinstance(url, str) and isinstance(query, str):
        digest = hashlib.sha256(query.encode()).hexdigest()[:12]
        return (Located(Dataset(jdbc_id(url, "").namespace, f"{FOREIGN_QUERY}{digest}", aliases, "jdbc")),)
    if isinstance(path, str):
        return by_paths([path], aliases, naming)
    if aliases:
        return by_name(aliases[0])
    # Spark's own sources have their settings in their names: `RateStream(rowsPerSecond=5, ...)`.
    return by_name(name.partition("(")[0], namespace="source") if isinstance(name, str) and name else ()
