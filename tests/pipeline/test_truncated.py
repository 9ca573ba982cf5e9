"""Plans that the bridge has cut: what is left of them is shown, no answer takes it for all, and none takes it for something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, Lineage, analyze_write, writes_of
from spark_lineage.compare.design import compare
from spark_lineage.decode.plans import decode_plan
from spark_lineage.pipeline import ingest
from spark_lineage.query.local import LocalEngine
from spark_lineage.show.answer import plain_text
from spark_lineage.show.text.lineage import lineage_text
from spark_lineage.show.text.table import table_text
from spark_lineage.store.delta import DeltaStore
from tests.analyze.building import EXPRESSION, LOGICAL, PlanBuilder, record_of
from tests.pipeline.segments import END, execution, write_segment
from tests.pipeline.test_ingest import rows
from tests.pipeline.test_origins import copied, edges, section

BYTES = [{"limit": "bytes", "value": 33_554_432}]
CUT = {"truncated": BYTES}
TOLD = {
    "code": "plan_truncated",
    "severity": "warning",
    "message": "the plan takes more bytes than the bridge writes: its lineage is not complete",
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


INSTEAD = {
    "code": "cut_checkpoint",
    "severity": "warning",
    "message": "the plan that made the rows of a checkpoint was cut by a limit of the bridge: what they are made of is not all known",
    "where": "bytes",
    "hint": "see what the problem plan_truncated says of the query whose rows were kept",
}


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
    told = [{name: each[name] for name in INSTEAD} for each in rows(store, "problems")]
    assert told == [INSTEAD]  # nothing says that the reader's own plan was cut
    assert compare(DeltaStore(store), "/out").writes[0].plan_is_known


def lineage_of(plan: PlanBuilder, command: dict[str, int], *limits: str, **more: Any) -> Lineage:
    """That of the write of a plan that was cut at some limits."""
    truncated = [{"limit": limit, "value": 1} for limit in limits]
    tree = decode_plan(record_of(plan.section(command) | more | {"truncated": truncated}))
    ((node, write),) = writes_of(tree, Naming())
    return analyze_write(node, write, tree, Context("job"))


def sure(lineage: Lineage) -> tuple[set[str], list[tuple[str, str]]]:
    """How sure a plan with its columns and edges is, and the code and the sentence of each problem."""
    every = [lineage.plan, *lineage.plan.columns, *lineage.edges]
    return {each.certainty.value for each in every}, [(each.code, each.message) for each in lineage.problems]


def test_a_name_that_is_too_long_takes_nothing_of_what_is_known() -> None:
    """`SELECT to_json(struct(*))` of 800 columns, whose alias the command gives a name of its own."""
    plan = PlanBuilder()
    leaf, (a,) = plan.files("file:/in", ["a"])
    made = plan.attribute("made")
    alias = plan.node(
        EXPRESSION + "Alias", "expression", {"child": a, "name": {"cut": "text"}}, e=made["a"], n="alias"
    )
    query = plan.operator("Project", [made], child=leaf, projectList=[alias])
    told = (
        "a name in the plan is longer than the bridge writes, but nothing that its lineage needs is missing"
    )
    lineage = lineage_of(plan, plan.insert(query, "file:/out", ["a"]), "text")
    assert sure(lineage) == ({"exact"}, [("plan_truncated", told)])
    assert [(each.source.name, each.source_field, each.target_field) for each in lineage.edges] == [
        ("/in", "a", "a")
    ]


def test_an_update_knows_a_column_whose_name_is_too_long_by_its_output() -> None:
    """Iceberg's UPDATE, as Spark rewrites it: what is assigned is found by the names of a select list."""
    plan = PlanBuilder()
    a, b, new = (plan.attribute(name) for name in ("a", "b", "a"))
    table = plan.node(
        "org.example.RowLevelOperationTable", "value", {}, x={"command": "UPDATE", "name": "cat.s.t"}
    )
    leaf = plan.operator("DataSourceV2Relation", [a, b], table=table, identifier=None, catalog=None)
    alias = plan.node(
        EXPRESSION + "Alias", "expression", {"child": b, "name": {"cut": "text"}}, e=new["a"], n="alias"
    )
    query = plan.operator("Project", [new, b], projectList=[alias, b], child=leaf)
    command = plan.operator("ReplaceData", [], table=leaf, condition=None, query=query)
    lineage = lineage_of(plan, command, "text")
    assert [(each.source_field, each.target_field, each.certainty.value) for each in lineage.edges] == [
        ("b", "a", "exact")
    ]


@pytest.mark.parametrize("fields", [{}, {"children": [{"cut": "nodes"}], "subqueries": []}])
def test_what_is_cut_off_of_the_executed_plan_takes_nothing_of_what_is_known(fields: dict[str, Any]) -> None:
    plan = PlanBuilder()
    leaf, _ = plan.files("file:/in", ["a"])
    command = plan.insert(leaf, "file:/out", ["a"])
    ran = plan.node("org.apache.spark.sql.execution.ProjectExec", "physical", fields)
    told = "the plan has more operators, expressions and values than the bridge writes, but nothing that its lineage needs is missing"
    lineage = lineage_of(plan, command, "nodes", executed=ran)
    assert sure(lineage) == ({"exact"}, [("plan_truncated", told)])


@pytest.mark.parametrize("limit", ["time", "attributes"])
def test_an_operator_whose_columns_nobody_was_asked_for_is_a_loss(limit: str) -> None:
    """A union of two tables: of the second one's columns nothing is known, and the rule of a union goes by position."""
    plan = PlanBuilder()
    (one, _), (other, _) = plan.files("file:/in1", ["a"]), plan.files("file:/in2", ["a"])
    plan.nodes[other["@"]]["o"] = None
    query = plan.operator("Union", [plan.attribute("a")], children=[one, other])
    lineage = lineage_of(plan, plan.insert(query, "file:/out", ["a"]), limit)
    assert sure(lineage)[0] == {"opaque", "over_approximate"}
    assert [each.certainty.value for each in lineage.plan.columns] == ["opaque"]


@pytest.mark.parametrize(
    "truncated", [{"limit": "elements", "value": 250_000}, {"limit": "bytes", "value": 8 << 20}]
)
def test_a_limit_that_leaves_no_mark_is_a_loss(truncated: dict[str, Any]) -> None:
    """A map just ends, and the paths of a stream are beside the plan."""
    plan = PlanBuilder()
    leaf, _ = plan.files("file:/in", ["a"])
    command = plan.insert(leaf, "file:/out", ["a"])
    tree = decode_plan(record_of(plan.section(command) | {"truncated": [truncated]}))
    assert not tree.is_whole


@pytest.mark.parametrize(
    ("limit", "message", "hint"),
    [
        ("nodes", "the plan has more operators, expressions and values than the bridge writes", "split the job, or report it with the size of its plan"),
        ("bytes", "the plan takes more bytes than the bridge writes", "split the job, or report it with the size of its plan"),
        ("elements", "the lists of the plan have more entries than the bridge writes", "split the job, or report it with the size of its plan"),
        ("attributes", "the operators of the plan list more columns than the bridge writes", "select the columns that are needed before the joins, or split the job"),
        ("depth", "values of the plan lie deeper inside of each other than the bridge writes", "report the plan"),
        ("text", "a name in the plan is longer than the bridge writes", "give a long expression a short name (an alias)"),
        ("time", "Spark took longer than the bridge waits to say which columns the operators of the plan have", "report the plan with the number of its operators"),
    ],
)  # fmt: skip
def test_each_limit_is_told_in_its_own_words(limit: str, message: str, hint: str) -> None:
    plan = PlanBuilder()
    lineage = lineage_of(plan, plan.insert(half_a_union(plan), "file:/out", ["a"]), limit)
    (problem,) = [each for each in lineage.problems if each.code == "plan_truncated"]
    assert (problem.message, problem.where, problem.hint) == (f"{message}: its lineage is not complete", limit, hint)  # fmt: skip


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


RAN = {"children": [], "subqueries": []}
"""The fields of an operator that ran."""


@pytest.mark.parametrize(
    ("partitions", "ran", "cut", "expected"),
    [
        (1, None, {}, ("/out", True)),
        (1, None, CUT, ("/out", False)),
        (1, {}, CUT, ("/out", False)),
        (1, RAN, CUT, ("/out", True)),
        (0, None, {}, ("/out", True)),
        (0, None, CUT, ("/out", True)),
    ],
)
def test_an_overwrite_of_partitions_replaces_all_only_where_the_executed_command_is_there_to_say_so(
    partitions: int, ran: dict[str, Any] | None, cut: dict[str, Any], expected: tuple[str, bool]
) -> None:
    plan = PlanBuilder()
    leaf, output = plan.files("file:/in", ["a"])
    command = plan.operator(
        "InsertIntoHadoopFsRelationCommand", [], outputPath="file:/out", query=leaf, mode="Overwrite",
        partitionColumns=output[:partitions], catalogTable=None, outputColumnNames=["a"],
    )  # fmt: skip
    name = "org.apache.spark.sql.execution.command.DataWritingCommandExec"
    executed = {} if ran is None else {"executed": plan.node(name, "physical", ran)}
    assert targets(plan, command, **cut, **executed) == [expected]


SAVES = {
    "jdbc": ([["url", "jdbc:postgresql://h/d"], ["dbtable", "s.t"]], "d.s.t"),
    "delta": ([["path", "file:/out"]], "/out"),
}


@pytest.mark.parametrize(
    ("kind", "cut", "dynamic", "overwrites"),
    [
        ("jdbc", {}, False, True),
        ("jdbc", {}, True, True),
        ("jdbc", CUT, None, True),
        ("delta", {}, False, True),
        ("delta", {}, True, False),
        ("delta", CUT, None, False),
        ("delta", CUT, False, True),
        ("delta", CUT, True, False),
    ],
)
def test_a_save_replaces_all_unless_its_table_may_have_partitions_and_the_mode_is_dynamic_or_not_known(
    kind: str, cut: dict[str, Any], *, dynamic: bool | None, overwrites: bool
) -> None:
    """Whether Delta's table has any is not in the plan, nor, where the executed command is cut off, the mode."""
    plan = PlanBuilder()
    leaf, _ = plan.files("file:/in", ["a"])
    options, name = SAVES[kind]
    command = plan.operator(
        "SaveIntoDataSourceCommand", [], query=leaf, dataSource={"o": "x.Source"}, options={"m": options}, mode="Overwrite"
    )  # fmt: skip
    executed = {}
    if dynamic is not None:
        facts = {"x": {"dynamic_partition_overwrite": True}} if dynamic else {}
        physical = "org.apache.spark.sql.execution.command.ExecutedCommandExec"
        executed = {"executed": plan.node(physical, "physical", RAN, **facts)}
    assert targets(plan, command, **cut, **executed) == [(name, overwrites)]


def test_a_value_without_fields_and_facts_is_one_that_was_cut_off_only_where_something_was() -> None:
    plan = PlanBuilder()
    index = bare(plan, "org.example.InMemoryFileIndex", "value")
    command = plan.operator("LogicalRelation", [], relation=index)
    (_, whole), (_, cut) = (decode_plan(record_of(plan.section(command) | more)).nodes for more in ({}, CUT))
    assert [str(each.get("relation")) for each in (whole, cut)] == [
        "InMemoryFileIndex#0",
        "Cut(limit='bytes')",
    ]
