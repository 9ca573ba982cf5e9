"""What a run met of each dataset: versions, rows, files, offsets, columns.

A relation of the plan and the scan that read it are joined by Spark's expression ids and, where a scan has no columns (`count(*)`) or was planned
anew, by the dataset and version that the scan itself names. A scan that has a relation's ids and other folders reads what a rule of the optimizer put
in its place, as rewrites to an index do. Several scans of one dataset and version are one observation: rows, bytes and
files are sums, what was read as often as it was read. A relation without a scan (Spark answered from a cache or from metadata) has no figures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from spark_lineage.analyze.identity import Location, Naming
from spark_lineage.analyze.origins import RDD_RELATIONS
from spark_lineage.analyze.relations import Located, RunFacts, locate, only_logs, root_folders
from spark_lineage.analyze.targets import Write, relation_of
from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import Attribute, Node, NodeKind, PlanTree
from spark_lineage.model import Dataset, DatasetId, Observation, Schema, SchemaColumn
from spark_lineage.pipeline.scans import Scan, is_streamed, raw_ids

Offsets = Mapping[str, Mapping[str, tuple[int | None, int | None]]]

_ICEBERG_EXTRAS = frozenset({"_spec_id", "_partition", "_file", "_pos", "_deleted", "_row_id", "_last_updated_sequence_number"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Read:
    """A dataset that a relation stands for.

    `attributes` are Spark's ids of the relation's output, none where it is another execution's; `roots` the folders of its files, none where
    a scan of it may have others.
    """

    located: Located
    version: int | None = None
    attributes: frozenset[int] = frozenset()
    output: tuple[Attribute, ...] = ()
    roots: frozenset[DatasetId] = frozenset()


def read_of(node: Node, located: Located, executions: Sequence[Executed], naming: Naming) -> Read:
    """A relation as the execution met it whose plan has it: a plan that ran twice may have met other files and versions.

    `executions` are the run's own and, inside a foreachBatch function, the micro-batch's; what an earlier execution kept is of neither.
    """
    is_rdd = node.name in RDD_RELATIONS  # its columns are the program's, not the dataset's
    output = () if is_rdd else node.output or ()
    for each in executions:
        if node.index < len(each.tree.nodes) and each.tree.nodes[node.index] is node:
            met = (one for one in locate(node, naming, each.facts) if one.dataset.id == located.dataset.id)
            here = replace(located, locations=next(met, located).locations)
            attributes = frozenset() if is_rdd else raw_ids(node, each.record)
            roots = root_folders(node, naming, each.facts)
            return Read(here, _version(node, each.record), attributes, output, roots)
    return Read(located, output=output)


def _version(node: Node, execution: ExecutionRecord) -> int | None:
    """The snapshot version that was read: noted on the relation, or on what it holds."""
    versions = dict(execution.versions)
    stack: list[Node] = [node] if versions else []
    while stack:
        item = stack.pop()
        if item.index in versions:
            return None if is_streamed(item, execution) else versions[item.index]
        stack.extend(item.nodes(NodeKind.VALUE))
    return None


def written_columns(command: Node, write: Write) -> tuple[SchemaColumn, ...]:
    """The columns of a write's target; none where the plan only has those that were given to a table with columns of its own."""
    target = write.target[0].dataset if write.target else None
    if command.name == "SaveIntoDataSourceCommand" and (target is None or target.format != "kafka"):
        return ()
    relation = relation_of(command.get("table")) or relation_of(command.get("target"))
    nullable = {each.name: each.nullable for each in (relation.output if relation else None) or ()}
    return tuple(SchemaColumn(each.name, each.type, nullable.get(each.name, True)) for each in write.columns)


@dataclass(frozen=True, slots=True)
class Executed:
    """One execution: its record, its plan, and what the run knows of the plan's nodes."""

    record: ExecutionRecord
    tree: PlanTree
    facts: RunFacts


def executed(record: ExecutionRecord, tree: PlanTree) -> Executed:
    """An execution with its facts by node."""
    known = ((index, facts) for index, facts in record.facts if index < len(tree.nodes))
    return Executed(record, tree, {tree.nodes[index]: facts for index, facts in known})


@dataclass(slots=True)
class _Group:
    """All relations of one dataset and version, with the scans that read them; `shared` ones read other datasets, too."""

    dataset: Dataset
    version: int | None
    locations: dict[Location, None] = field(default_factory=dict)
    attributes: set[int] = field(default_factory=set)
    roots: set[DatasetId] = field(default_factory=set)
    output: tuple[Attribute, ...] = ()
    scans: list[Scan] = field(default_factory=list)
    shared: bool = False


def observed_reads(
    run_id: str, part: int, reads: Sequence[Read], scans: Sequence[Scan]
) -> tuple[list[Observation], list[Schema]]:
    """One observation for each dataset and version that a run read, with the schemas that they name.

    A read of several paths has a row for each, and its figures stand in one more that has the dataset's name as its path.
    """
    groups = _grouped(reads)
    for scan in scans:
        hits = _hits(scan, groups)
        for group in hits:
            group.scans.append(scan)
            group.shared = group.shared or len({each.dataset.id for each in hits}) > 1
    found: list[Observation] = []
    schemas: list[Schema] = []
    for group in groups:
        columns = schema_of(group.dataset, group.output) if group.output else None
        schemas += [columns] if columns else []
        found.extend(_observations(run_id, part, group, columns))
    return found, schemas


def unplanned(scans: Iterable[Scan], reads: Sequence[Read], own: frozenset[DatasetId]) -> list[Read]:
    """The datasets that scans which ran read and no relation of the plan stands for.

    `own` are the datasets that the run writes. The logs that a table's format looks at are left out.
    """
    planned = {read.located.dataset.id for read in reads} | own
    groups = _grouped(reads)
    found = {
        (scan.datasets[0].dataset.id, scan.version): Read(scan.datasets[0], scan.version)
        for scan in scans
        if scan.ran
        and len(scan.datasets) == 1
        and scan.datasets[0].dataset.id not in planned
        and not _hits(scan, groups)
        and not only_logs([scan.datasets[0].dataset.id])
    }
    return list(found.values())


def schema_of(dataset: Dataset, output: Iterable[Attribute]) -> Schema:
    """The columns of a relation, without those that Spark or a format adds to a file's rows."""
    return schema(
        SchemaColumn(each.name, each.type.simple, each.nullable)
        for each in output
        if not _is_metadata(dataset, each)
    )


def schema(columns: Iterable[SchemaColumn]) -> Schema:
    """A schema with the hash of its columns as its id."""
    return _schema(tuple(columns))


@lru_cache(4_096)
def _schema(whole: tuple[SchemaColumn, ...]) -> Schema:
    text = json.dumps([[each.name, each.type, each.nullable] for each in whole], separators=(",", ":"))
    return Schema(hashlib.sha256(text.encode()).hexdigest()[:32], whole)


def _is_metadata(dataset: Dataset, column: Attribute) -> bool:
    if column.name == "_metadata":
        return column.type.simple.startswith("struct<file_path:")
    return dataset.format == "iceberg" and column.name in _ICEBERG_EXTRAS


def _grouped(reads: Sequence[Read]) -> list[_Group]:
    groups: dict[tuple[DatasetId, int | None], _Group] = {}
    for read in reads:
        dataset = read.located.dataset
        group = groups.setdefault((dataset.id, read.version), _Group(dataset, read.version))
        group.locations.update(dict.fromkeys(read.located.locations))
        group.attributes |= read.attributes
        group.roots |= read.roots
        group.output = group.output or read.output
    return list(groups.values())


def _hits(scan: Scan, groups: Sequence[_Group]) -> list[_Group]:
    by_columns = [
        each for each in groups if scan.attributes & each.attributes and not _is_elsewhere(scan, each.roots)
    ]
    if by_columns:
        return by_columns
    named = [each for each in groups if each.dataset.id in {own.dataset.id for own in scan.datasets}]
    exact = [each for each in named if each.version == scan.version]
    found = exact or [each for each in named if each.version is None or scan.version is None]
    return found if len({each.version for each in found}) == 1 else []


def _is_elsewhere(scan: Scan, roots: set[DatasetId]) -> bool:
    """Whether a scan names folders of which none is, or lies in or around, one of a relation's."""
    pairs = [(each.dataset.id, root) for each in scan.datasets for root in roots]
    return bool(pairs) and not any(_is_within(*pair) or _is_within(*reversed(pair)) for pair in pairs)


def _is_within(inner: DatasetId, outer: DatasetId) -> bool:
    below = f"{outer.name.rstrip('/')}/"
    return inner.namespace == outer.namespace and f"{inner.name}/".startswith(below)


def _observations(run_id: str, part: int, group: _Group, schema: Schema | None) -> list[Observation]:
    dataset = group.dataset
    figures = _figures(group)
    known = {"version": figures["version"], "schema_id": schema.schema_id if schema else None}

    def row(path: str, partitions: tuple[str, ...] = (), **more: Any) -> Observation:
        return Observation(run_id, part, dataset.namespace, dataset.name, "read", path, partitions, **more)

    if len(group.locations) == 1:
        (place,) = group.locations
        return [row(place.path, place.partitions, **(figures | known))]
    places = (row(place.path, place.partitions, **known) for place in group.locations)
    return [row(dataset.name, **(figures | known)), *places]


def _figures(group: _Group) -> dict[str, Any]:
    """What the scans of a group measured, as fields of an observation; nothing but offsets where one of them read other datasets, too."""
    ran = [each for each in group.scans if each.ran]
    versions = {each.version for each in group.scans}
    bare = {
        "version": next(iter(versions)) if group.version is None and len(versions) == 1 else group.version,
        "operator": group.scans[0].operator if len(group.scans) == 1 else None,
        "offsets": _offsets(group, ran),
    }
    if not ran or group.shared:
        return bare
    windows = [each.modified for each in ran]
    known = [each for each in windows if each is not None]
    whole = len(known) == len([each for each in ran if each.files != 0]) and bool(known)
    return bare | {
        "rows": _sum(each.rows for each in ran),
        "bytes": _sum(each.bytes for each in ran),
        "files": _sum(each.files for each in ran),
        "partitions_read": ran[0].partitions if len(ran) == 1 else None,
        "modified_from": min(each[0] for each in known) if whole else None,
        "modified_until": max(each[1] for each in known) if whole else None,
    }


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _offsets(group: _Group, ran: Iterable[Scan]) -> str | None:
    """The offsets as JSON: of the dataset's own topic, or of all topics that its pattern met; their hull where scans differ."""
    merged: dict[str, dict[str, tuple[int | None, int | None]]] = {}
    for scan in ran:
        for topic, ranges in (scan.offsets or {}).items():
            into = merged.setdefault(topic, {})
            for partition, (start, end) in ranges.items():
                first, last = into.get(partition, (start, end))
                into[partition] = (_least(first, start), _most(last, end))
    name = group.dataset.name
    own = {name: merged[name]} if name in merged else merged
    if not own or (group.shared and name not in merged):
        return None
    ordered = {
        topic: {number: list(own[topic][number]) for number in sorted(own[topic], key=int)}
        for topic in sorted(own)
    }
    return json.dumps(ordered, separators=(",", ":"))


def _least(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else min(one, other)


def _most(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)
