"""An opaque table of which some sources are known, as an RDD makes it: all answers say the same of it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_lineage.model import Batch, Certainty, EdgeKind
from spark_lineage.query.local import LocalEngine
from spark_lineage.show.answer import plain_text
from spark_lineage.show.graph import Graph, NodeKey
from spark_lineage.show.html.lineage import lineage_html
from spark_lineage.show.html.lists import tables_html
from spark_lineage.show.html.table import table_html
from spark_lineage.show.text.lineage import lineage_text
from spark_lineage.show.text.lists import tables_text
from spark_lineage.show.text.table import table_text
from tests.query.lineage_rows import dataset, edge, plan, run, store_of

SAID = "opaque: it may have sources that are not known"
OVER = Certainty.OVER_APPROXIMATE
STORE = Batch(
    datasets=tuple(dataset(name, f"spark_catalog.{name}") for name in ("raw", "mapped", "total", "half")),
    plans=(
        plan("p1", "mapped", "a:int!", "raw"),
        plan("p2", "total", "a:int", "mapped"),
        plan("p3", "half", "a:int?", "raw", kind=EdgeKind.DATA),
    ),
    edges=(
        edge("p1", "raw.x", "mapped.a", "TRANSFORMATION", "rdd", certainty=OVER),
        edge("p2", "mapped.a", "total.a", "AGGREGATION", "sum(a)"),
        edge("p3", "raw.x", "half.a", "TRANSFORMATION", "f(x)", certainty=OVER),
    ),
    runs=(run(1, "p1", "mapped", 10), run(2, "p2", "total", 20), run(3, "p3", "half", 30)),
)

TABLES = """\
half  1 column, 1 run  a superset: some of these sources may not matter
└── raw  a source
total  1 column, 1 run
└── mapped  1 column, 1 run  opaque: it may have sources that are not known
    └── raw  a source"""

TABLE = """\
mapped  opaque: it may have sources that are not known
file /w/mapped
1 run, the last complete 1970-01-01 00:00:09 UTC

  a  int  opaque: it may have sources that are not known
    rdd
    transformation  raw.x"""

UPSTREAM = """\
total.a
sum(a)
└── mapped.a  aggregation  opaque: it may have sources that are not known
    rdd
    └── raw.x  transformation"""

SUPERSET = """\
half.a  a superset: some of these sources may not matter
f(x)
└── raw.x  transformation"""


@pytest.fixture
def engine(tmp_path: Path) -> LocalEngine:
    return LocalEngine(store_of(tmp_path / "store", STORE))


def said_in(html: str) -> list[str]:
    """How sure the page says something is, tags left out."""
    return re.findall(r"opaque: [^<]*|a superset: [^<]*", html)


@pytest.mark.parametrize(
    ("question", "text", "html", "expected", "said"),
    [
        ("tables", tables_text, tables_html, TABLES, ["a superset: some of these sources may not matter", SAID]),
        ("table mapped", table_text, table_html, TABLE, [SAID, SAID]),
        ("upstream total.a", lineage_text, lineage_html, UPSTREAM, [SAID]),
        ("upstream half.a", lineage_text, lineage_html, SUPERSET, ["a superset: some of these sources may not matter"]),
    ],
)  # fmt: skip
def test_all_answers_say_the_same(
    engine: LocalEngine, question: str, text: Any, html: Any, expected: str, said: list[str]
) -> None:
    command, *names = question.split()
    answer = getattr(engine, command)(*names).to_dict()
    assert plain_text(text(answer)) == expected
    assert said_in(html(answer)) == said


def test_a_table_that_is_made_of_itself_says_it_too(tmp_path: Path) -> None:
    """Each node of a ring leads to an opaque one: the nearest to the start says it, once."""
    ring = Batch(
        datasets=tuple(dataset(name, f"spark_catalog.{name}") for name in ("raw", "kept", "one", "two", "out")),
        plans=(
            plan("p1", "kept", "a:int!", "raw kept"),
            plan("p2", "one", "a:int!", "raw two"),
            plan("p3", "two", "a:int", "one"),
            plan("p4", "out", "a:int", "kept"),
        ),
        edges=(
            edge("p1", "raw.x", "kept.a", "IDENTITY"),
            edge("p1", "kept.a", "kept.a", "IDENTITY"),
            edge("p2", "raw.x", "one.a", "IDENTITY"),
            edge("p2", "two.a", "one.a", "IDENTITY"),
            edge("p3", "one.a", "two.a", "IDENTITY"),
            edge("p4", "kept.a", "out.a", "IDENTITY"),
        ),
        runs=tuple(run(number, f"p{number}", name, number) for number, name in enumerate(("kept", "one", "two", "out"), start=1)),
    )  # fmt: skip
    engine = LocalEngine(store_of(tmp_path / "store", ring))
    kept, one, out = (engine.upstream(name).to_dict() for name in ("kept.a", "one.a", "out.a"))
    assert plain_text(lineage_text(kept)) == (
        f"kept.a  {SAID}\n├── kept.a  identity  (see above)\n└── raw.x  identity"
    )
    assert plain_text(lineage_text(one)) == (
        f"one.a  {SAID}\n├── raw.x  identity\n└── two.a  identity\n    └── one.a  identity  (see above)"
    )
    assert plain_text(lineage_text(out)) == (
        f"out.a\n└── kept.a  identity  {SAID}\n    ├── kept.a  identity  (see above)\n    └── raw.x  identity"
    )
    assert [said_in(lineage_html(each)) for each in (kept, one, out)] == [[SAID]] * 3


def test_a_table_whose_plan_is_lost_is_no_table_that_was_never_written(tmp_path: Path) -> None:
    written = Batch(datasets=(dataset("kept", "spark_catalog.kept"),), runs=(run(1, "lost", "kept", 10),))
    engine = LocalEngine(store_of(tmp_path / "store", written))
    tables, table = engine.tables().to_dict(), engine.table("kept").to_dict()
    assert plain_text(tables_text(tables)).splitlines()[0] == f"kept  1 run  {SAID}"
    assert plain_text(table_text(table)).splitlines()[0] == f"kept  {SAID}"
    assert [said_in(tables_html(tables)), said_in(table_html(table))] == [[SAID], [SAID]]


def test_rows_that_a_table_decides_itself_do_not_hide_it(tmp_path: Path) -> None:
    """As a `MERGE` has them: the table's rows are opaque as its column is, and are not drawn as a node."""
    merged = Batch(
        datasets=tuple(dataset(name, f"spark_catalog.{name}") for name in ("raw", "kept", "out")),
        plans=(plan("p1", "kept", "a:int!", "raw kept"), plan("p2", "out", "a:int", "kept")),
        edges=(
            edge("p1", "raw.x", "kept.a", "IDENTITY"),
            edge("p1", "kept.a", "kept", "JOIN", "(a = x)"),
            edge("p2", "kept.a", "out.a", "IDENTITY"),
        ),
        runs=(run(1, "p1", "kept", 10), run(2, "p2", "out", 20)),
    )
    engine = LocalEngine(store_of(tmp_path / "store", merged))
    kept, out = (engine.upstream(name).to_dict() for name in ("kept.a", "out.a"))
    assert plain_text(lineage_text(kept)).splitlines()[:2] == [f"kept.a  {SAID}", "└── raw.x  identity"]
    assert plain_text(lineage_text(out)).splitlines()[:3] == [
        "out.a",
        f"└── kept.a  identity  {SAID}",
        "    └── raw.x  identity",
    ]
    assert [said_in(lineage_html(each)) for each in (kept, out)] == [[SAID]] * 2


def test_what_decides_the_rows_of_an_opaque_table_is_not_opaque_itself(tmp_path: Path) -> None:
    """One column of `made` is opaque and another is not: of the other's source all is known."""
    half = Batch(
        datasets=tuple(dataset(name, f"spark_catalog.{name}") for name in ("raw", "made")),
        plans=(plan("p1", "made", "a:int b:int!", "raw"),),
        edges=(
            edge("p1", "raw.x", "made.a", "IDENTITY"),
            edge("p1", "raw.x", "made", "FILTER", "(x > ?)"),
        ),
        runs=(run(1, "p1", "made", 10),),
    )
    answer = LocalEngine(store_of(tmp_path / "store", half)).upstream("made.a").to_dict()
    assert plain_text(lineage_text(answer)).splitlines()[:2] == ["made.a", "└── raw.x  identity"]
    assert said_in(lineage_html(answer)) == []


def tables_made_of_one_another(seed: int) -> tuple[Batch, dict[str, str], set[NodeKey]]:
    """A few tables, each written by one plan from any of them, itself included: all, their columns, and the opaque ones."""
    draw = random.Random(seed)
    columns = {f"t{number}": "abc"[: draw.randint(1, 3)] for number in range(draw.randint(2, 5))}
    opaque = {
        ("file", f"/w/{table}", field)
        for table, fields in columns.items()
        for field in fields
        if draw.random() < 0.2
    }

    def a_column() -> str:
        table = draw.choice(list(columns))
        return f"{table}.{draw.choice(columns[table])}"

    plans, edges = [], []
    for table, fields in columns.items():
        made = {
            (a_column(), f"{table}.{field}", "IDENTITY")
            for field in fields
            for _ in range(draw.randint(0, 2))
        }
        made |= {(a_column(), table, "FILTER") for _ in range(draw.randint(0, 1))}
        edges += [edge(f"p-{table}", *each) for each in sorted(made)]
        types = " ".join(f"{f}:int{'!' if ('file', f'/w/{table}', f) in opaque else ''}" for f in fields)
        plans.append(
            plan(f"p-{table}", table, types, " ".join(sorted({each[0].split(".")[0] for each in made})))
        )
    runs = tuple(run(number, f"p-{table}", table, number) for number, table in enumerate(columns, start=1))
    datasets = tuple(dataset(table, f"spark_catalog.{table}") for table in columns)
    return Batch(datasets=datasets, plans=tuple(plans), edges=tuple(edges), runs=runs), columns, opaque


def drawn(graph: Graph, root: NodeKey) -> Iterator[NodeKey]:
    """All nodes of a tree."""
    met, waiting = {root}, [root]
    while waiting:
        yield (node := waiting.pop())
        new = [source for _, source in graph.branches(node) if source not in met]
        met.update(new)
        waiting += new


@pytest.mark.parametrize("seed", range(30))
def test_each_tree_says_opaque_where_a_column_is_and_nowhere_else(tmp_path: Path, seed: int) -> None:
    batch, columns, opaque = tables_made_of_one_another(seed)
    engine = LocalEngine(store_of(tmp_path / "store", batch))
    for table, fields in columns.items():
        for name in (table, *(f"{table}.{field}" for field in fields)):
            for depth in (None, 1):
                graph = Graph(engine.upstream(name, depth).to_dict())
                for root in graph.roots():
                    nodes = set(drawn(graph, root))
                    said = {node for node in nodes if graph.certainty(node) == "opaque"}
                    assert said == nodes & opaque, (name, depth)
