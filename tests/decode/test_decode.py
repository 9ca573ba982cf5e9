"""The trust boundary: every kind of bad bytes is a `DecodeError` with one sentence, never anything else."""

import json
import random
import re
from typing import Any

import msgspec
import pytest

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Context, analyze_usage, analyze_write, writes_of
from spark_lineage.decode.plans import data_type, decode_plan
from spark_lineage.decode.records import ApplicationRecord, PlanRecord, decode_record
from spark_lineage.errors import DecodeError
from tests.analyze.building import PlanBuilder


def payload(**changes: Any) -> bytes:
    return json.dumps({"v": 1, "kind": "application", "bridge": "b", **changes}).encode()


def test_a_record_with_fields_that_this_reader_does_not_know_is_read() -> None:
    assert decode_record(payload(invented_later=1)) == ApplicationRecord(bridge="b")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (payload(v=2), "a record has version 2, this reader knows up to 1: update spark-lineage"),
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
        tree = decode_plan(msgspec.convert(section, PlanRecord))
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
