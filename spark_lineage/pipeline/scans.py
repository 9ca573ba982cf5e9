"""The physical scans of a run: what each was planned to read and what it gave, as Spark counted it.

A scan that Spark reused stands once in a plan and is counted once. One that no job ran (adaptive execution found that its rows were not
needed) has given nothing, and is told apart from one that gave no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.relations import Located, by_facts
from spark_lineage.decode.records import ExecutionRecord, ScanRecord
from spark_lineage.decode.tree import Node, NodeKind, PlanTree, flatten
from spark_lineage.model import RunState

_NOT_SOURCES = frozenset({
    "InMemoryTableScanExec", "LocalTableScanExec", "OneRowRelationExec", "RDDScanExec", "ExternalRDDScanExec",
})  # fmt: skip
"""Scans of rows that Spark has already: no dataset is read."""

_STREAMED_INDEX = "TahoeBatchFileIndex"


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of one execution. What is not known is None; a scan that did not run has no figures at all.

    `attributes` are Spark's own ids of its output, `datasets` what it says of itself. `modified` is the first and the last modification of its
    files, `offsets` are start and end by topic and partition.
    """

    operator: str
    attributes: frozenset[int]
    datasets: tuple[Located, ...]
    ran: bool
    version: int | None = None
    rows: int | None = None
    bytes: int | None = None
    files: int | None = None
    partitions: int | None = None
    modified: tuple[int, int] | None = None
    offsets: Mapping[str, Mapping[str, tuple[int | None, int | None]]] | None = None


def scans_of(
    executions: Iterable[ExecutionRecord],
    plans: Mapping[str, PlanTree | None],
    naming: Naming,
    command: int | None = None,
) -> list[Scan]:
    """The scans of all executions of a run, each query's once; of a multi-table INSERT only those below its command of that number."""
    found: list[Scan] = []
    seen: set[int] = set()
    for execution in executions:
        tree = plans.get(execution.plan or "")
        identity = execution.query_execution_id
        if tree is None or (identity is not None and identity in seen):
            continue
        if identity is not None:
            seen.add(identity)
        nodes = tree.once(("scans", command), partial(_scanning, tree, command))
        found.extend(_scans(execution, nodes, naming))
    return found


def is_streamed(node: Node, execution: ExecutionRecord) -> bool:
    """Whether a node lists the files of a micro-batch of Delta's: they are of several versions, and the one it carries is none of them."""
    return execution.streaming is not None and node.facts.get("index") == _STREAMED_INDEX


def raw_ids(node: Node, execution: ExecutionRecord) -> frozenset[int]:
    """Spark's own expression ids of a node's output."""
    known = execution.expressions
    ids = (known[each.expr] for each in node.output or () if each.expr < len(known))
    return frozenset(each for each in ids if each is not None)


def _scanning(tree: PlanTree, command: int | None) -> list[Node]:
    """The operators that read, below a write command or in the whole plan."""
    nodes = tree.nodes if command is None else _below(tree, command)
    scans = (each for each in nodes if each.kind is NodeKind.PHYSICAL and "Scan" in each.name)
    return [each for each in scans if each.name not in _NOT_SOURCES]


def _below(tree: PlanTree, command: int) -> list[Node]:
    """The operators below one of the write commands of an executed plan."""
    commands = [each for each in tree.nodes if each.name == "DataWritingCommandExec"]
    found: dict[Node, None] = {}
    stack = commands[command : command + 1]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            inside = flatten((node.get("children"), node.get("subqueries")))
            stack.extend(each for each in inside if isinstance(each, Node))
    return list(found)


def _scans(execution: ExecutionRecord, nodes: Iterable[Node], naming: Naming) -> Iterable[Scan]:
    planned, metrics, versions = dict(execution.scans), dict(execution.metrics), dict(execution.versions)
    running = {rdd for job in execution.jobs for rdd in job.rdds}
    for node in nodes:
        yield _scan(
            execution,
            node,
            naming,
            planned.get(node.index),
            metrics.get(node.index, {}),
            running,
            versions.get(node.index),
        )


def _scan(
    execution: ExecutionRecord,
    node: Node,
    naming: Naming,
    planned: ScanRecord | None,
    metrics: Mapping[str, int],
    running: set[int],
    version: int | None,
) -> Scan:
    bare = Scan(
        operator=f"{execution.execution_id}:{node.index}",
        attributes=raw_ids(node, execution),
        datasets=by_facts(node, naming),
        ran=False,
        version=None if is_streamed(node, execution) else version,
    )
    rows = metrics.get("numOutputRows")
    nothing = planned is not None and planned.files == 0
    if not (rows or nothing or (planned is not None and planned.rdd in running)):
        return bare
    if rows == 0 and execution.state is not RunState.COMPLETE:
        rows = None  # what a task that failed had counted is lost
    counted = planned is not None and planned.files is not None and bool(planned.bytes or nothing)
    return Scan(
        operator=bare.operator,
        attributes=bare.attributes,
        datasets=bare.datasets,
        ran=True,
        version=bare.version,
        rows=0 if nothing else rows,
        bytes=planned.bytes
        if counted and planned
        else metrics.get("filesSize", metrics.get("totalDataFileSize")),
        files=planned.files
        if counted and planned
        else metrics.get("numFiles", metrics.get("resultDataFiles")),
        partitions=metrics.get("numPartitions"),
        modified=planned.modified if planned else None,
        offsets=planned.offsets or None if planned else None,
    )
