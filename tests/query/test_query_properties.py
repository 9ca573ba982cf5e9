"""Walks over random graphs: the node sets of a plain recursive SQL query, and composition by its definition."""

from __future__ import annotations

import random

import pytest
import recursive_sql
from lineage_rows import dataset, edge, plan, run, store_of

from spark_lineage.model import Batch, Certainty, Column, EdgeKind, EdgeType, RunState, Subtype, weakest
from spark_lineage.query.local import LocalEngine

FIELDS = ("a", "ab", "b", "s", "s.x", "s.x.y", "s.z", "t")
COLUMNS = " ".join(f"{field}:int" for field in FIELDS)
BONDS = [
    "IDENTITY",
    "TRANSFORMATION",
    "AGGREGATION",
    "CONDITIONAL",
    "WINDOW",
    "JOIN",
    "GROUP_BY",
    "FILTER",
    "SORT",
]
DIRECTIONS = ("upstream", "downstream")


def may_pass(source, target):
    """Whether a value of one field may be that of another: only then are they of one type."""
    structs = {"s", "s.x"}
    return source == target or not {source, target} & structs


def random_batch(seed):
    """Few tables and many plans: cycles, self-overwrites, whole tables as sources, structs, superseded plans.

    All tables have all FIELDS, and all of them are read by one last plan.
    """
    random_ = random.Random(seed)
    tables = [f"t{number}" for number in range(random_.randint(2, 9))]
    plans = [plan("count", "driver:count", "", " ".join(tables), kind=EdgeKind.USAGE)]
    edges, runs = [], [run(0, "count", "driver:count", 1)]
    for number in range(random_.randint(1, 2 * len(tables))):
        fingerprint, target = f"p{number}", random_.choice(tables)
        sources = random_.sample(tables, random_.randint(1, min(3, len(tables))))
        plans.append(plan(fingerprint, target, COLUMNS, " ".join(sources), overwrites=random_.random() < 0.3))
        for _ in range(random_.randint(0, 6)):
            ends = [
                (random_.choice(sources), None if random_.random() < 0.1 else random_.choice(FIELDS)),
                (target, None if random_.random() < 0.2 else random_.choice(FIELDS)),
            ]
            source, target_ = (name if field is None else f"{name}.{field}" for name, field in ends)
            kinds = [bond for bond in BONDS if bond != "IDENTITY" or may_pass(ends[0][1], ends[1][1])]
            kind = random_.choice(kinds)
            edges.append(edge(fingerprint, source, target_, kind, masking=random_.random() < 0.2))
        for _ in range(random_.randint(0, 2)):
            state = random_.choice([RunState.COMPLETE, RunState.COMPLETE, RunState.FAILED])
            runs.append(run(len(runs), fingerprint, target, len(runs) + 1, state=state))
    columns = [Column("file", f"/w/{t}", field, "int", n) for t in tables for n, field in enumerate(FIELDS)]
    batch = Batch(tuple(map(dataset, tables)), tuple(columns), tuple(plans), tuple(edges), tuple(runs))
    return tables, batch


def walk(engine, direction, table, field):
    return getattr(engine, direction)(table if field is None else f"{table}.{field}").nodes


@pytest.mark.parametrize("seed", range(40))
def test_node_sets_equal_a_recursive_query(tmp_path, seed):
    tables, batch = random_batch(seed)
    engine = LocalEngine(store_of(tmp_path, batch))
    connection = recursive_sql.load(batch)
    starts = [(table, field) for table in tables for field in (None, *FIELDS)]
    for table, field in random.Random(seed).sample(starts, min(12, len(starts))):
        for direction in DIRECTIONS:
            nodes = walk(engine, direction, table, field)
            found = [(node.vertex.dataset.name, node.vertex.field) for node in nodes]
            assert len(found) == len(set(found))
            assert set(found) == recursive_sql.walk(connection, direction, f"/w/{table}", field)


def pairs_of(engine, tables, direction):
    """(source column, target column, kind, masking) of all pairs that the walks from every column in one direction find."""
    pairs = set()
    for table in tables:
        for field in FIELDS:
            here = (f"/w/{table}", field)
            for node in walk(engine, direction, table, field):
                there = (node.vertex.dataset.name, node.vertex.field)
                if there[1] and node.depth:
                    ends = (there, here) if direction == "upstream" else (here, there)
                    pairs.add((*ends, node.subtype, node.masking))
    return pairs


def test_upstream_and_downstream_mirror_each_other(tmp_path):
    """A column is upstream of another, by some kind, exactly when that is downstream of it by the same."""
    count = 0
    for seed in range(1000, 1020):
        tables, batch = random_batch(seed)
        engine = LocalEngine(store_of(tmp_path / str(seed), batch))
        upstream, downstream = (pairs_of(engine, tables, direction) for direction in DIRECTIONS)
        assert upstream == downstream, seed
        count += len(upstream)
    assert count > 1000


def random_layers(seed):
    """A graph without cycles, of columns only, with one plan for each table."""
    random_ = random.Random(seed)
    tables = [f"t{number}" for number in range(8)]
    edges = {}
    for number in range(1, len(tables)):
        for _ in range(random_.randint(1, 4)):
            source = f"{random_.choice(tables[:number])}.{random_.choice('ab')}"
            target = f"{tables[number]}.{random_.choice('ab')}"
            subtype = random_.choice(BONDS[:5])
            edges[source, target, subtype] = edge(
                tables[number],
                source,
                target,
                subtype,
                masking=random_.random() < 0.3,
                certainty=random_.choice(list(Certainty)),
            )
    batch = Batch(
        datasets=tuple(map(dataset, tables)),
        plans=tuple(plan(table, table, "a:int b:int") for table in tables),
        edges=tuple(edges.values()),
        runs=tuple(run(number, table, table, 1) for number, table in enumerate(tables)),
    )
    return tables, batch


def paths_to(edges, target):
    """All paths that end in a column, each a list of edges from its first source on."""
    for each in edges:
        if (each.target.name, each.target_field) == target:
            yield [each]
            for path in paths_to(edges, (each.source.name, each.source_field)):
                yield [*path, each]


def by_definition(paths):
    """Depth, kind, masking and certainty of several paths between two columns, in the words of docs/json.md."""
    kinds = set()
    for path in paths:
        indirect = [each.subtype.value for each in path if each.subtype.type is EdgeType.INDIRECT]
        direct = max((each.subtype.value for each in path), key=BONDS.index)
        kinds.add((indirect[-1] if indirect else direct, any(each.masking for each in path)))
    kind = min((kind for kind, _ in kinds), key=BONDS.index)
    certainty = weakest(*(each.certainty for path in paths for each in path))
    return min(map(len, paths)), Subtype(kind), (kind, False) not in kinds, certainty


@pytest.mark.parametrize("seed", range(30))
def test_composition_by_its_definition(tmp_path, seed):
    tables, batch = random_layers(seed)
    engine = LocalEngine(store_of(tmp_path, batch))
    for target in [f"{table}.{field}" for table in tables for field in "ab"]:
        table, _, field = target.partition(".")
        by_source = {}
        for path in paths_to(batch.edges, (f"/w/{table}", field)):
            by_source.setdefault((path[0].source.name, path[0].source_field), []).append(path)
        found = {
            (node.vertex.dataset.name, node.vertex.field): (
                node.depth,
                node.subtype,
                node.masking,
                node.certainty,
            )
            for node in engine.upstream(target).nodes
            if node.depth
        }
        assert found == {source: by_definition(paths) for source, paths in by_source.items()}
