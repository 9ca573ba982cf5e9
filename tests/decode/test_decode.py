"""The trust boundary: every kind of bad bytes is a `DecodeError` with one sentence, never anything else."""

import json
import random
import re
from typing import Any

import pytest

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, analyze_usage, analyze_write, writes_of
from spark_lineage.decode.plans import data_type, decode_plan
from spark_lineage.decode.records import ApplicationRecord, PlanRecord, decode_record
from spark_lineage.errors import DecodeError
from tests.analyze.building import PlanBuilder, record_of


def payload(**changes: Any) -> bytes:
    return json.dumps({"v": 1, "kind": "application", "bridge": "b", **changes}).encode()


def test_a_record_with_fields_that_this_reader_does_not_know_is_read() -> None:
    assert decode_record(payload(invented_later=1)) == ApplicationRecord(bridge="b")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (payload(v=4), "a record has version 4, this reader knows up to 3: update spark-lineage"),
        (payload(kind="riddle"), "a record does not fit the format: Invalid value 'riddle' - at `$.kind`"),
        (payload(bridge=7), "a record does not fit the format: Expected `str`, got `int` - at `$.bridge`"),
        (b"[]", "a record does not fit the format: Expected `object`, got `array`"),
        (b'{"v":1', "a record does not fit the format: Input data was truncated"),
        (
            b'{"v":1,"kind":"plan","hash":"h","classes":[],"types":[],"attributes":[],"nodes":'
            + b"[" * 100_000,
            "a record does not fit the format: maximum recursion depth exceeded",
        ),
    ],
)
def test_a_bad_record_is_refused_with_one_sentence(bad: bytes, message: str) -> None:
    with pytest.raises(DecodeError) as raised:
        decode_record(bad)
    assert str(raised.value).startswith(message)


def test_a_cycle_is_refused() -> None:
    plan = PlanBuilder()
    first = plan.operator("Project", [], projectList=[], child={"@": 1})
    plan.operator("Project", [], projectList=[], child=first)
    with pytest.raises(DecodeError, match=r"is not a tree: Project#[01] contains itself"):
        decode_plan(plan.record(first))


def test_value_objects_that_unfold_without_end_are_refused() -> None:
    plan = PlanBuilder()
    value = plan.attribute("a")
    for _ in range(60):
        value = plan.node("scala.Tuple2", "value", {"_1": value, "_2": value})
    with pytest.raises(DecodeError, match="unfold to more than 2,000,000 values"):
        decode_plan(plan.record(plan.operator("Project", [], projectList=[value])))


def test_references_to_nothing_are_refused() -> None:
    plan = PlanBuilder()
    node = plan.operator("Project", [], projectList=[], child={"@": 99})
    with pytest.raises(DecodeError, match=r"does not fit the format \(IndexError"):
        decode_plan(plan.record(node))


def test_a_span_stands_for_its_attributes() -> None:
    # the example of the contract, and what it says that its sequence is
    plan = PlanBuilder()
    leaf, columns = plan.files("file:/in", [f"c{number}" for number in range(8)])
    ninth = plan.attribute("c8")
    alias = plan.alias(columns[0], ninth)
    select = plan.operator("Project", [], projectList=[{"a": [0, 1, 2, 3, 4, 5, 6, 7]}, alias], child=leaf)
    plan.nodes[-1]["o"] = {"a": [[0, 8], 8]}
    limit = plan.operator("LocalLimit", [], limitExpr=plan.literal(3), child=select)
    plan.nodes[-1]["o"] = {"a": [[8, 9]]}
    plan.operator("Distinct", [], child=limit)
    plan.nodes[-1]["o"] = {"a": [[8, 9]]}
    plan.operator("Sort", [], order=[{"a": [8, [9, 7], 0]}], child=limit)
    tree = plan.tree(limit)
    nodes = {node.name: node for node in tree.nodes}

    def names(attributes: Any) -> list[str]:
        return [each.name for each in attributes]

    everything = [f"c{number}" for number in range(9)]
    (*passed, last) = nodes["Project"].get("projectList")
    assert (names(passed), last) == (everything[:8], nodes["Alias"])
    assert names(nodes["Project"].output) == everything
    assert names(nodes["LocalLimit"].output) == everything
    assert nodes["Distinct"].output is nodes["LocalLimit"].output
    assert names(nodes["Sort"].get("order")) == ["c8", *everything[1:8], "c0"]
    assert nodes["Project"].expressions == (last,)


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ([[0, 9]], "does not fit the format (IndexError: a copy of 9 from 0, of 8 attributes)"),
        ([0, [-1, 2]], "does not fit the format (IndexError: a copy of 2 from -1, of 8 attributes)"),
        ([0, [3, 0]], "does not fit the format (IndexError: a copy of 0 from 3, of 8 attributes)"),
        ([8], "does not fit the format (IndexError"),
        ([0, "x"], "does not fit the format (TypeError"),
        ([0, [1]], "does not fit the format (TypeError"),
    ],
)
def test_a_span_of_what_is_not_there_is_refused(span: list[Any], message: str) -> None:
    plan = PlanBuilder()
    leaf, _ = plan.files("file:/in", [f"c{number}" for number in range(8)])
    plan.operator("Project", [], projectList=[{"a": list(range(8))}], child=leaf)
    last = plan.operator("Project", [], projectList=[{"a": span}], child=leaf)
    with pytest.raises(DecodeError) as raised:
        decode_plan(plan.record(last))
    assert message in str(raised.value)


def test_spans_that_unfold_without_end_are_refused() -> None:
    plan = PlanBuilder()
    below, _ = plan.files("file:/in", [f"c{number}" for number in range(8)])
    size = 8
    below = plan.operator("Project", [], projectList=[{"a": list(range(8))}], child=below)
    for _ in range(30):
        below = plan.operator("Project", [], projectList=[{"a": [[0, size], [0, size]]}], child=below)
        size *= 3
    with pytest.raises(DecodeError, match="unfold to more than 20,000,000 attributes"):
        decode_plan(plan.record(below))


def test_a_span_stands_in_a_list() -> None:
    plan = PlanBuilder()
    leaf, _ = plan.files("file:/in", [f"c{number}" for number in range(8)])
    last = plan.operator("Project", [], projectList={"a": list(range(8))}, child=leaf)
    with pytest.raises(DecodeError, match=r"does not fit the format \(TypeError"):
        decode_plan(plan.record(last))


@pytest.mark.parametrize(
    ("written", "simple"),
    [
        ("long", "bigint"),
        ("decimal(10,2)", "decimal(10,2)"),
        (
            {"type": "map", "keyType": "string", "valueType": "integer", "valueContainsNull": True},
            "map<string,int>",
        ),
        (
            {
                "type": "struct",
                "fields": [
                    {"name": "a", "type": "short", "nullable": True, "metadata": {}},
                    {"name": "b", "type": {"type": "array", "elementType": "byte"}, "nullable": True},
                ],
            },
            "struct<a:smallint,b:array<tinyint>>",
        ),
    ],
)
def test_types_are_named_as_spark_names_them(written: Any, simple: str) -> None:
    # simpleString of the same types, from Spark's documentation of data types
    assert data_type(written).simple == simple


def test_what_is_inside_a_node_does_not_depend_on_the_order_of_the_nodes() -> None:
    plan = PlanBuilder()
    left, (a,) = plan.files("file:/left", ["a"])
    right, (b,) = plan.files("file:/right", ["b"])
    tested = plan.function("Exists", "exists", plan=right, joinCond=[b])
    pair = plan.node("scala.Tuple2", "value", {"_1": a, "_2": plan.function("Not", "not", child=tested)})
    plan.operator("Filter", [a], condition=[pair, b], child=left)
    names = ["Tuple2", "Filter", "Not", "Exists"]

    def inside(section: dict[str, Any]) -> list[Any]:
        tree = decode_plan(record_of(section))
        found = {node.name: node for node in tree.nodes}
        return [
            [
                [getattr(each, "name", each) for each in part]
                for part in (node.parts, node.expressions, node.plans)
            ]
            + [node.has_subquery]
            for node in map(found.__getitem__, names)
        ]

    section = plan.section(None)
    last = len(section["nodes"]) - 1
    turned = json.loads(
        re.sub(r'"@": (\d+)', lambda found: f'"@": {last - int(found[1])}', json.dumps(section))
    )
    turned["nodes"].reverse()
    expected = [
        [[], ["Not"], [], True],
        [[], ["Not"], ["LogicalRelation"], True],
        [["Exists"], ["Exists"], [], True],
        [["b"], [], ["LogicalRelation"], True],
    ]
    assert inside(section) == inside(turned) == expected


def test_random_damage_gives_an_analyzable_plan_or_a_decode_error() -> None:
    plan = PlanBuilder()
    child, (column,) = plan.files("file:/in", ["a"])
    renamed = plan.attribute("b")
    child = plan.operator("Project", [renamed], projectList=[plan.alias(column, renamed)], child=child)
    whole = json.dumps(plan.section(plan.insert(child, "file:/out", ["b"]))).encode()
    rng = random.Random(20_261_120)
    outcomes = {"plan": 0, "refused": 0}
    for _ in range(5_000):
        bad = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            bad[rng.randrange(len(bad))] = rng.choice(b'0123456789{}[]",:@acet\x00\xff')
        try:
            decoded = decode_record(bytes(bad))
            assert isinstance(decoded, PlanRecord)
            tree = decode_plan(decoded)
        except DecodeError:
            outcomes["refused"] += 1
            continue
        outcomes["plan"] += 1
        for node, write in writes_of(tree, Naming()):
            lineage = analyze_write(node, write, tree, Context("job"))
            assert len(lineage.plan.fingerprint) == 64
            assert lineage == analyze_write(node, write, tree, Context("job"))
        analyze_usage(tree, Context("job"))
    assert min(outcomes.values()) > 100
