"""Plans that the bridge has cut: what is left of them is shown, no answer takes it for all, and none takes it for something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import writes_of
from spark_lineage.decode.plans import decode_plan
from spark_lineage.pipeline import ingest
from spark_lineage.query.local import LocalEngine
from spark_lineage.show.answer import plain_text
from spark_lineage.show.text.lineage import lineage_text
from spark_lineage.show.text.table import table_text
from spark_lineage.store.delta import DeltaStore
from tests.analyze.building import LOGICAL, PlanBuilder, record_of
from tests.pipeline.segments import END, execution, write_segment
from tests.pipeline.test_ingest import rows
from tests.pipeline.test_origins import copied, edges, section

BYTES = [{"limit": "bytes", "value": 33_554_432}]
CUT = {"truncated": BYTES}
TOLD = {
    "code": "plan_truncated",
    "severity": "warning",
    "message": "the plan was larger than the bridge's limit of bytes: its lineage is not complete",
    "where": "bytes",
    "hint": "split the job, or report it with the size of its plan",
}

TABLE = """\
/out  opaque: it may have sources that are not known
file /out
1 run, the last complete 1970-01-01 00:00:02 UTC

  a  int  opaque: it may have sources that are not known
    identity        /in1.a
"""

UPSTREAM = """\
/out.a  opaque: it may have sources that are not known
└── /in1.a  identity
"""


def bare(plan: PlanBuilder, name: str, kind: str = "logical") -> dict[str, int]:
    """A node that waited when the limit was reached."""
    return plan.node(name, kind, {})


def half_a_union(plan: PlanBuilder) -> dict[str, int]:
    """`SELECT a FROM in1 AS one UNION ALL ...`, of whose second part there is nothing but its class."""
    leaf, columns = plan.files("file:/in1", ["a"])
    first = plan.operator("SubqueryAlias", columns, identifier="one", child=leaf)
    second = bare(plan, LOGICAL + "SubqueryAlias")
    return plan.operator("Union", [plan.attribute("a")], children=[first, second])


def test_all_answers_show_what_is_known_and_call_it_opaque(tmp_path: Path) -> None:
    plan = PlanBuilder()
    written = section(plan, plan.insert(half_a_union(plan), "file:/out", ["a"]), "c") | CUT
    write_segment(tmp_path / "spool", 0, written, execution(1, "c"), END)
    ingest(tmp_path / "spool", tmp_path / "store")
    engine = LocalEngine(DeltaStore(tmp_path / "store"))
    tables, table, upstream = (
        each.to_dict() for each in (engine.tables(), engine.table("/out"), engine.upstream("/out.a"))
    )
    (fingerprint,) = table["plans"]
    of_out = {"namespace": "file", "name": "/out", "aliases": [], "field": "a"}
    of_in = {"namespace": "file", "name": "/in1", "aliases": [], "field": "a"}
    identity = {"type": "DIRECT", "subtype": "IDENTITY", "masking": False}
    assert [(each["name"], each["certainty"]) for each in tables["tables"]] == [
        ("/in1", "exact"),
        ("/out", "opaque"),
    ]
    assert (table["certainty"], table["columns"], table["rows"]) == (
        "opaque",
        [{
            "name": "a", "type": "int", "certainty": "opaque",
            "sources": [{**of_in, **identity, "expression": "a", "plan": fingerprint}],
        }],
        [],
    )  # fmt: skip
    assert upstream == {
        "schema_version": 1, "start": of_out, "direction": "upstream", "depth": None,
        "nodes": [
            {**of_in, "depth": 1, **identity, "certainty": "opaque", "own_certainty": "exact"},
            {**of_out, "depth": 0, "type": None, "subtype": None, "masking": False, "certainty": "opaque", "own_certainty": "opaque"},
        ],
        "edges": [{
            "source": {"namespace": "file", "name": "/in1", "field": "a"}, "target": {"namespace": "file", "name": "/out", "field": "a"},
            **identity, "certainty": "over_approximate", "expression": "a", "plan": fingerprint, "operator": "LogicalRelation#0",
        }],
        "problems": [TOLD],
    }  # fmt: skip
    assert [answer["problems"] for answer in (tables, table)] == [[TOLD], [TOLD]]
    assert plain_text(table_text(table)).startswith(TABLE)
    assert plain_text(lineage_text(upstream)).startswith(UPSTREAM)


@pytest.mark.parametrize("known", [{("/in1", "a", "a", "IDENTITY", "over_approximate")}, set()])
def test_what_was_made_of_the_rows_of_a_plan_that_was_cut_is_opaque_too(
    tmp_path: Path, known: set[tuple[str, ...]]
) -> None:
    """A checkpoint: its reader's own plan is whole. Of the other one a part is left, or nothing that leads anywhere."""
    spool, store = tmp_path / "spool", tmp_path / "store"
    plan = PlanBuilder()
    root = half_a_union(plan)
    if not known:
        output = [plan.attribute("a")]
        root = plan.operator("Project", output, child=bare(plan, LOGICAL + "Filter"), projectList=output)
    made = section(plan, root, "first") | CUT
    origins = {"execution_id": 5, "plan": "first", "facts": [], "origins": []}
    writer = execution(
        9, "w", origins=[[1, {"execution_id": 5, "plan": "first"}]], origin_executions=[origins]
    )
    write_segment(spool, 0, made, copied("w", "file:/out"), writer, END)
    ingest(spool, store)
    (written,) = rows(store, "plans")
    assert (written["certainty"], [each["certainty"] for each in written["columns"]]) == (
        "opaque",
        ["opaque"],
    )
    assert edges(store, "/out") == known
    assert [each["code"] for each in rows(store, "problems")] == ["plan_truncated"]


def targets(plan: PlanBuilder, command: dict[str, int], **cut: Any) -> list[tuple[str, bool]]:
    """The target of each write, and whether it is overwritten."""
    tree = decode_plan(record_of(plan.section(command) | cut))
    return [
        (write.target[0].dataset.name if write.target else "", write.overwrites)
        for _, write in writes_of(tree, Naming())
    ]


def test_a_stream_whose_table_is_cut_off_is_not_named_by_its_sink() -> None:
    plan = PlanBuilder()
    leaf, output = plan.files("file:/in", ["a"])
    table = bare(plan, "org.apache.spark.sql.catalyst.catalog.CatalogTable", "value")
    sink = {"o": "org.apache.spark.sql.execution.streaming.FileStreamSink"}
    command = plan.operator(
        "WriteToMicroBatchDataSourceV1", output, catalogTable=table, sink=sink, query=leaf
    )
    assert targets(plan, command, **CUT) == [("", False)]


@pytest.mark.parametrize(
    ("partitions", "cut", "expected"),
    [
        (1, {}, ("/out", True)),
        (1, CUT, ("/out", False)),
        (0, {}, ("/out", True)),
        (0, CUT, ("/out", True)),
    ],
)
def test_an_overwrite_of_partitions_replaces_all_only_where_the_executed_command_is_there_to_say_so(
    partitions: int, cut: dict[str, Any], expected: tuple[str, bool]
) -> None:
    plan = PlanBuilder()
    leaf, output = plan.files("file:/in", ["a"])
    command = plan.operator(
        "InsertIntoHadoopFsRelationCommand", [], outputPath="file:/out", query=leaf, mode="Overwrite",
        partitionColumns=output[:partitions], catalogTable=None, outputColumnNames=["a"],
    )  # fmt: skip
    assert targets(plan, command, **cut) == [expected]


def test_a_value_without_fields_and_facts_is_one_that_was_cut_off_only_where_something_was() -> None:
    plan = PlanBuilder()
    index = bare(plan, "org.example.InMemoryFileIndex", "value")
    command = plan.operator("LogicalRelation", [], relation=index)
    (_, whole), (_, cut) = (decode_plan(record_of(plan.section(command) | more)).nodes for more in ({}, CUT))
    assert [str(each.get("relation")) for each in (whole, cut)] == [
        "InMemoryFileIndex#0",
        "Cut(limit='bytes')",
    ]
