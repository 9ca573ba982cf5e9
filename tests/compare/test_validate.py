"""Stored edges beside real tables: a Delta log, Parquet files, what a run saw; and places where nothing can be looked up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from spark_lineage.compare.drift.current import current_schema, kind_of
from spark_lineage.compare.drift.validate import validate
from spark_lineage.model import (
    Batch,
    Certainty,
    Column,
    Dataset,
    DatasetId,
    Edge,
    EdgeKind,
    Observation,
    Plan,
    PlanColumn,
    Schema,
    SchemaColumn,
    Subtype,
)
from spark_lineage.show import cli
from spark_lineage.store.delta import DeltaStore
from tests.query.lineage_rows import run, store_of


def edge(source: DatasetId, field: str | None, target: DatasetId, to: str | None, **others) -> Edge:
    subtype = Subtype.FILTER if to is None else Subtype.IDENTITY
    return Edge("p1", EdgeKind.DATA, source, field, target, to, subtype, **others)


def plan(target: DatasetId, operation: str, *sources: DatasetId) -> Plan:
    columns = (PlanColumn("total", "int"), PlanColumn("day", "date"))
    facts = {
        "kind": EdgeKind.DATA,
        "job": "nightly",
        "overwrites": True,
        "certainty": Certainty.EXACT,
        "datasets": sources,
    }
    return Plan(fingerprint="p1", operation=operation, target=target, columns=columns, **facts)


@pytest.fixture
def shop(tmp_path):
    """`report` is made of a Delta table, a Parquet folder, a topic and a folder that is not here."""
    delta, parquet = tmp_path / "orders", tmp_path / "rates"
    item = pa.struct([("zip", pa.int64())])
    write_deltalake(
        delta, pa.table({"Amount": pa.array([1], pa.int64()), "info": pa.array([{"zip": 1}], item)})
    )
    (parquet / "year=2026").mkdir(parents=True)
    pq.write_table(pa.table({"rate": [1.5]}), parquet / "year=2026" / "part-0.parquet")
    report = tmp_path / "report"
    write_deltalake(report, pa.table({"total": pa.array([1], pa.int64())}))
    orders, rates, target, gone = (
        DatasetId("file", str(each)) for each in (delta, parquet, report, tmp_path / "gone")
    )
    topic = DatasetId("kafka://broker:9092", "clicks")

    def batch(operation: str = "CREATE TABLE AS SELECT") -> Path:
        edges = (
            edge(orders, "amount", target, "total"),
            edge(orders, "tip", target, None),
            edge(orders, "info.zip", target, None),
            edge(orders, "info.street", target, None),
            edge(orders, "old", target, None, source_version="3"),
            edge(rates, "rate", target, None),
            edge(rates, "year", target, None),
            edge(rates, "factor", target, "total"),
            edge(topic, "value", target, None),
            edge(gone, "a", target, "day"),
        )
        one = run(1, "p1", None, 10, operation=operation)
        store = tmp_path / operation[:6]
        store_of(
            store,
            Batch(
                datasets=(Dataset(target.namespace, target.name, ("spark_catalog.shop.report",)),),
                columns=(
                    Column("file", str(delta), "amount", "int", 0),
                    Column("file", str(parquet), "rate", "int", 0),
                ),
                plans=(plan(target, operation, orders, rates, topic, gone),),
                edges=edges,
                runs=(replace(one, target=target),),
                observations=(
                    Observation(one.run_id, 0, topic.namespace, topic.name, "read", "clicks", schema_id="s"),
                    # what a program gives to a topic is not what is read of it
                    Observation(
                        one.run_id, 0, topic.namespace, topic.name, "written", "clicks", schema_id="w"
                    ),
                ),
                schemas=(
                    Schema("s", (SchemaColumn("key", "binary"),)),
                    Schema("w", (SchemaColumn("value", "string"),)),
                ),
            ),
        )
        return store

    return batch


def found(store: Path, folder: Path) -> list[str]:
    answer = validate(DeltaStore(store))
    return [each.message.replace(f"{folder.name}/", "") for each in answer.findings]


def test_what_is_gone_or_has_another_type(shop, tmp_path):
    """`year` is a partition, `info.zip` lies in a struct, `old` was read at a version, and the type of `rate` is not known."""
    assert found(shop(), tmp_path) == [
        "The column orders.info.street is gone, and shop.report is made of it.",
        "The column orders.tip is gone, and shop.report is made of it.",
        "The column rates.factor is gone, and shop.report.total is made of it.",
        "The column clicks.value is gone, and shop.report is made of it.",
        "The column orders.amount is bigint now, and was int when it was read.",
        "The column shop.report.day is gone, and a current plan writes it.",
        "The column shop.report.total is bigint now, and was int when it was written.",
    ]


def test_a_table_casts_what_is_inserted(shop, tmp_path):
    assert "The column shop.report.total is bigint now, and was int when it was written." not in found(
        shop("INSERT"), tmp_path
    )


def test_the_command_says_what_it_could_not_check(shop, capfd):
    code = cli.main(["validate", "--store", str(shop()), "--no-ingest", "--json"])
    answer = json.loads(capfd.readouterr().out)
    assert (code, answer["edges"], answer["ends"], answer["ends_checked"]) == (1, 10, 12, 11)
    assert [(Path(each["name"]).name, each["checked_by"], each["reason"]) for each in answer["datasets"]] == [
        ("gone", None, "nothing is at its place, seen from here"),
        ("orders", "delta", None), ("rates", "parquet", None), ("report", "delta", None), ("clicks", "observed", None),
    ]  # fmt: skip
    assert cli.main(["validate", "--store", str(shop()), "--no-ingest"]) == 1
    out = capfd.readouterr().out
    assert out.startswith("10 edges, 11 of 12 ends checked: 7 findings\n")
    assert "/gone: nothing is at its place, seen from here" in out


def test_a_store_without_edges(tmp_path, capfd):
    store_of(tmp_path / "s", Batch())
    assert cli.main(["validate", "--store", str(tmp_path / "s"), "--no-ingest"]) == 0
    assert capfd.readouterr().out == "No column has an edge to be checked\n"


def test_a_folder_without_data_and_a_broken_log(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken" / "_delta_log").mkdir(parents=True)
    (tmp_path / "broken" / "_delta_log" / f"{0:020}.json").write_text("{")
    empty, broken = (
        current_schema(Dataset("file", str(tmp_path / name)), None) for name in ("empty", "broken")
    )
    assert (empty.source, empty.reason) == (
        None,
        "no Delta log, no Iceberg metadata and no Parquet file is at its place",
    )
    assert broken.source is None
    assert broken.reason.startswith("its log cannot be read (")
    known = current_schema(Dataset("file", str(tmp_path / "empty")), {"a": "int"})
    assert (known.source, known.find("A"), known.find("b")) == ("observed", kind_of("integer"), None)


def test_types_are_spelled_as_spark_does():
    spec = {"type": "struct", "fields": [
        {"name": "a", "type": {"type": "map", "keyType": "string", "valueType": {"type": "array", "elementType": "short"}}},
        {"name": "b", "type": "decimal(10,2)"},
    ]}  # fmt: skip
    assert kind_of(spec).text == "struct<a:map<string,array<smallint>>,b:decimal(10,2)>"
    assert kind_of({"type": "udt", "class": "x"}).text is None


ICEBERG = {
    "format-version": 2,
    "current-schema-id": 1,
    "schemas": [
        {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "old", "required": True, "type": "int"}]},
        {
            "type": "struct", "schema-id": 1,
            "fields": [
                {"id": 1, "name": "id", "required": True, "type": "long"},
                {"id": 2, "name": "net", "required": False, "type": "decimal(10, 2)"},
                {"id": 3, "name": "at", "required": False, "type": "timestamptz"},
                {"id": 4, "name": "info", "required": False, "type": {
                    "type": "struct", "fields": [{"id": 5, "name": "key", "required": False, "type": "fixed[16]"}]}},
                {"id": 6, "name": "tags", "required": False, "type": {
                    "type": "map", "key-id": 7, "key": "string", "value-id": 8, "value": "boolean", "value-required": False}},
                {"id": 9, "name": "noon", "required": False, "type": "time"},
            ],
        },
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("files", "source", "reason"),
    [
        ({"v2.metadata.json": ICEBERG, "v1.metadata.json": {}}, "iceberg", None),
        ({"00001-ab.metadata.json": {"schema": ICEBERG["schemas"][1]}}, "iceberg", None),  # version 1 of the format
        ({"00001-a.metadata.json": ICEBERG, "00001-b.metadata.json": {**ICEBERG, "current-schema-id": 0}}, None, "its metadata cannot be read (it does not say its columns)"),
        ({"v1.metadata.json": {**ICEBERG, "current-schema-id": 7}}, None, "its metadata cannot be read (it does not say its columns)"),
        ({"v1.metadata.json": []}, None, "its metadata cannot be read (its metadata file is damaged)"),
    ],
)  # fmt: skip
def test_the_columns_of_an_iceberg_table(tmp_path, files, source, reason):
    """`current-schema-id` names one of `schemas`; Spark knows no `time`, so nothing is said of that type."""
    (tmp_path / "metadata").mkdir()
    for name, content in files.items():
        (tmp_path / "metadata" / name).write_text(json.dumps(content))
    found = current_schema(Dataset("file", str(tmp_path), (), "iceberg"), None)
    assert (found.source, found.reason) == (source, reason)
    assert {name: kind.text for name, kind in found.columns.items()} == (
        {} if source is None else {
            "id": "bigint", "net": "decimal(10,2)", "at": "timestamp", "info": "struct<key:binary>", "tags": "map<string,boolean>", "noon": None,
        }
    )  # fmt: skip
