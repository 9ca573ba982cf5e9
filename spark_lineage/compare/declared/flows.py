"""Flows over any number of hops: what must not reach what, and what a column depends on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import pyarrow as pa

from spark_lineage.compare.declared.checked import Deviation, Expectation, deviation, nothing_matches
from spark_lineage.compare.declared.declaration import ColumnDeclaration, ExpectedName, FlowDeclaration, Flows
from spark_lineage.compare.declared.known import Known
from spark_lineage.compare.findings import Finding
from spark_lineage.model import UNNAMED_NAMESPACE, Certainty, DatasetId, Problem, Severity
from spark_lineage.query.graph import Graph, Key
from spark_lineage.query.snapshot_graph import graph_of
from spark_lineage.store.schema import Row

_SOURCE = ("source_namespace", "source_name", "source_field")
_TARGET = ("target_namespace", "target_name", "target_field")

__all__ = ["check_dependencies", "check_flow"]

_LOST = frozenset({"gap", "bad_record", "bad_segment", "analysis_failed"})
"""Codes of the problems after which something that ran is not in the store."""


def check_flow(known: Known, flow: FlowDeclaration) -> Expectation:
    """A forbidden flow: each pair of a source and a target that it joins, and where it cannot be shown that there is none."""
    what = f"no flow from {_listed(flow.sources)} to {_listed(flow.targets)}"
    what += " (all kinds)" if flow.flows is Flows.ALL else ""
    what += " (unless masked)" if flow.masked_allowed else ""
    targets = known.vertices(name.pattern for name in flow.targets)
    found = [
        one
        for start in sorted(known.vertices(name.pattern for name in flow.sources), key=_order)
        for one in _flows_from(known, flow, start, targets)
    ]
    certain = {one.finding.dataset for one in found if one.finding.severity is Severity.ERROR}
    found += _unknown_origins(known, flow, targets, certain)
    found += _unmatched(known, (*flow.sources, *flow.targets))
    found += _lost(known, flow)
    return Expectation(what, flow.line, tuple(found))


def check_dependencies(known: Known, column: ColumnDeclaration, start: Key) -> Iterator[Deviation]:
    """What a column is to be made of over any number of hops, and nothing else where the declaration says so."""
    if not column.depends_on:
        return
    walk = known.graph(column.flows).upstream(start, None)
    reached = _upstream(known.graph(column.flows), start)
    sure = set(_upstream(known.graph(column.flows, certain=True), start))
    opaque = any(node.certainty is Certainty.OPAQUE for node in walk.nodes)
    label = known.label(start)
    for name in column.depends_on:
        met = [key for key in reached if known.names(key, name.pattern)]
        if not met:
            said = "it cannot be shown that it does" if opaque else "it does not"
            yield deviation(
                "dependency_missing", f"{label} is to depend on {name.pattern}, and {said}.", name.line, start,
                certain=not opaque, evidence=(("expected", name.pattern), ("found", _some(known, reached))),
            )  # fmt: skip
        elif not any(key in sure for key in met):
            yield deviation(
                "dependency_missing",
                f"{label} may depend on {known.label(met[0])}: its lineage is a superset there.",
                name.line, start, certain=False, evidence=(("expected", name.pattern),),
            )  # fmt: skip
    if column.depends_only:
        yield from _others(known, column, start)


def _flows_from(known: Known, flow: FlowDeclaration, start: Key, targets: set[Key]) -> Iterator[Deviation]:
    graph = known.graph(flow.flows, masked=not flow.masked_allowed)
    paths = {
        key: path
        for key, path in graph.paths_downstream(start).items()
        if key != start and (key in targets or (*key[:2], None) in targets)
    }
    if not paths:
        return
    certain = known.graph(flow.flows, masked=not flow.masked_allowed, certain=True).paths_downstream(start)
    around = {outer for key in paths for outer in _around(key)}
    for key in sorted(paths.keys() - around, key=_order):
        sure = key in certain
        path = certain[key] if sure else paths[key]
        edges = known.graph(flow.flows, masked=not flow.masked_allowed, certain=sure).edges
        verb = "reaches" if sure else "may reach"
        reason = f" ({flow.reason.rstrip('.')})" if flow.reason else ""
        yield deviation(
            "forbidden_flow",
            f"{known.label(start)} {verb} {known.label(key)}, which is forbidden{reason}.",
            flow.line, key, certain=sure,
            evidence=(("from", known.label(start)), ("to", known.label(key)), *_path(known, edges, path)),
        )  # fmt: skip


def _around(key: Key) -> Iterator[Key]:
    """The table of a column, and the columns that a field lies in."""
    parts = [] if key[2] is None else key[2].split(".")
    yield from ((key[0], key[1], ".".join(parts[:length]) or None) for length in range(len(parts)))


def _path(known: Known, edges: pa.Table, path: Sequence[int]) -> Iterator[tuple[str, str]]:
    """The hops of a path, numbered from 1."""
    for number, row in enumerate(edges.take(pa.array(path, pa.int64())).to_pylist(), 1):
        source, target = (
            known.label((row[f"{end}_namespace"], row[f"{end}_name"], row[f"{end}_field"]))
            for end in ("source", "target")
        )
        kind = row["subtype"].replace("_", " ").lower() + (", masked" if row["masking"] else "")
        expression = f": {row['expression']}" if row["expression"] else ""
        yield f"hop {number}", f"{source} -> {target} ({kind}{expression})"


def _unknown_origins(
    known: Known, flow: FlowDeclaration, targets: set[Key], certain: set[DatasetId | None]
) -> Iterator[Deviation]:
    """A warning for each target table that something opaque reaches: anything may be behind it."""
    graph = known.graph(flow.flows, masked=not flow.masked_allowed)
    found: dict[Key, set[Key]] = {}
    for root in sorted(set(known.opaque()), key=_order):
        for key in (root, *graph.paths_downstream(root)):
            if key in targets or (*key[:2], None) in targets or _is_within(key, targets):
                found.setdefault((key[0], key[1], None), set()).add(root)
    for table, roots in sorted(found.items(), key=lambda item: _order(item[0])):
        if DatasetId(*table[:2]) not in certain:
            yield deviation(
                "forbidden_flow",
                f"It cannot be shown that nothing of {_listed(flow.sources)} reaches {known.label(table)}: "
                f"what {_some(known, roots)} is made of is not known.",
                flow.line, table, certain=False, evidence=(("opaque", _some(known, roots)),),
            )  # fmt: skip


def _is_within(key: Key, targets: set[Key]) -> bool:
    """Whether a whole table has some of the targets."""
    return key[2] is None and any(target[:2] == key[:2] for target in targets)


def _unmatched(known: Known, names: Iterable[ExpectedName]) -> Iterator[Deviation]:
    for name in names:
        if not known.vertices([name.pattern]):
            message = f"Nothing in the store is called {name.pattern}: the rule says nothing there."
            yield nothing_matches(message, name.line)


def _lost(known: Known, flow: FlowDeclaration) -> Iterator[Deviation]:
    lost = sum(map(_is_loss, known.snapshot.problems))
    if lost:
        noun = "problem says" if lost == 1 else "problems say"
        message = (
            f"{lost} {noun} that something that ran is not in the store: what it moved is not known "
            "(see `spark-lineage problems`)."
        )
        yield Deviation(Finding("capture_incomplete", Severity.WARNING, message), flow.line)


def _is_loss(problem: Problem) -> bool:
    """Whether nobody knows which table misses something: of a plan that was cut, the columns of its target are opaque."""
    is_unnamed = problem.dataset is None or problem.dataset.namespace == UNNAMED_NAMESPACE
    return problem.code in _LOST or (problem.code == "plan_truncated" and is_unnamed)


def _others(known: Known, column: ColumnDeclaration, start: Key) -> Iterator[Deviation]:
    """The ends of paths back that meet none of the names."""
    patterns = [name.pattern for name in column.depends_on]
    listed, label = ", ".join(patterns), known.label(start)
    ends, opaque = _ends(known, column, start, certain=False)
    sure, _ = _ends(known, column, start, certain=True) if ends else (set[Key](), False)
    for key in sorted(ends, key=_order):
        verb = "depends" if key in sure else "may depend"
        yield deviation(
            "dependency_unexpected",
            f"{label} {verb} on {known.label(key)}, and is to depend on {listed} only.",
            column.line, key, certain=key in sure, evidence=(("expected", listed), ("found", known.label(key))),
        )  # fmt: skip
    if opaque:
        message = (
            f"It cannot be shown that {label} depends on {listed} only: some of its sources are not known."
        )
        yield deviation("dependency_unexpected", message, column.line, start, certain=False)


def _ends(known: Known, column: ColumnDeclaration, start: Key, *, certain: bool) -> tuple[set[Key], bool]:
    """Where the walk upstream ends that goes no further back than the names, without these; and whether it meets what is opaque."""
    edges = known.edges(column.flows, certain=certain)

    @cache
    def named(key: Key) -> bool:
        return any(known.names(key, name.pattern) for name in column.depends_on)

    targets = zip(*(edges[name].to_pylist() for name in _TARGET), strict=True)
    keep = [key == start or not named(key) for key in targets]
    graph = graph_of(known.snapshot, edges.filter(pa.array(keep, pa.bool_())))
    walk = graph.upstream(start, None)
    rows = graph.edges.take(pa.array(walk.edges, pa.int64())).select([*_SOURCE, *_TARGET]).to_pylist()
    hops = [(_key_of(row, _SOURCE), _key_of(row, _TARGET)) for row in rows]
    nodes = [node.key for node in walk.nodes if node.depth]
    made = {target for _, target in hops}
    ends = {key for key in nodes if not any(_meet(key, each) for each in made)}
    ends.update(list(_endless(nodes, hops, ends, start)))
    good = {key for key in ends if named(key)}
    opaque = any(node.certainty is Certainty.OPAQUE and not named(node.key) for node in walk.nodes)
    return {key for key in ends if not any(_meet(key, each) for each in good)}, opaque


def _endless(
    nodes: Iterable[Key], hops: Iterable[tuple[Key, Key]], ends: Iterable[Key], start: Key
) -> Iterator[Key]:
    """The vertices from which no way back ends: they are made of each other alone."""
    by_source: dict[tuple[str, str], list[tuple[Key, Key]]] = {}
    for hop in hops:
        by_source.setdefault(hop[0][:2], []).append(hop)
    ending = set(ends)
    waiting = list(ending)
    while waiting:
        key = waiting.pop()
        new = {
            target
            for source, target in by_source.get(key[:2], ())
            if target not in ending and _meet(key, source)
        }
        ending |= new
        waiting += new
    of_tables: dict[tuple[str, str], list[Key]] = {}
    for key in ending:
        of_tables.setdefault(key[:2], []).append(key)
    for key in nodes:
        if not _meet(key, start) and not any(_meet(key, each) for each in of_tables.get(key[:2], ())):
            yield key


def _upstream(graph: Graph, start: Key) -> list[Key]:
    """All that the start is made of, itself where a loop leads back to it."""
    walk = graph.upstream(start, None)
    sources = graph.edges.take(pa.array(walk.edges, pa.int64())).select(list(_SOURCE)).to_pylist()
    is_in_loop = any(_meet(start, _key_of(row, _SOURCE)) for row in sources)
    return [node.key for node in walk.nodes if node.depth] + [start] * is_in_loop


def _key_of(row: Row, names: Sequence[str]) -> Key:
    namespace, name, field = (row[each] for each in names)
    return namespace, name, field


def _meet(key: Key, other: Key) -> bool:
    """Whether two vertices of one table are one, or one lies within the other."""
    if key[:2] != other[:2]:
        return False
    if key[2] is None or other[2] is None:
        return True
    one, two = key[2] + ".", other[2] + "."
    return one.startswith(two) or two.startswith(one)


def _order(key: Key) -> tuple[str, str, str]:
    return key[0], key[1], key[2] or ""


def _listed(names: Iterable[ExpectedName]) -> str:
    return ", ".join(name.pattern for name in names)


def _some(known: Known, keys: Iterable[Key], limit: int = 5) -> str:
    """A few labels, and how many more there are."""
    labels = sorted({known.label(key) for key in keys})
    more = len(labels) - limit
    return (", ".join(labels[:limit]) or "nothing") + (f" and {more} more" if more > 0 else "")
