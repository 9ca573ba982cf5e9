"""The tables: what is in them is fixed, and a value comes back as it went in."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pytest
from store_rows import batch

from spark_lineage import model
from spark_lineage.store.schema import SCHEMA_VERSION, TABLES, from_rows

DELTA_TYPES = (pa.string(), pa.int64(), pa.bool_())


def leaves(arrow_type):
    if pa.types.is_list(arrow_type):
        return leaves(arrow_type.value_type)
    if pa.types.is_map(arrow_type):
        return [*leaves(arrow_type.key_type), *leaves(arrow_type.item_type)]
    if pa.types.is_struct(arrow_type):
        return [leaf for field in arrow_type for leaf in leaves(field.type)]
    return [arrow_type]


def test_every_part_of_a_batch_is_a_table_in_write_order():
    assert {field.name for field in dataclasses.fields(model.Batch)} == set(TABLES)
    assert list(TABLES) == [
        "datasets", "columns", "operators", "stages", "schemas", "observations", "batches", "constants", "events",
        "problems", "edges", "plans", "runs",
    ]  # fmt: skip


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_types_keys_and_scope(table):
    assert {leaf for field in table.schema for leaf in leaves(field.type)} <= set(DELTA_TYPES)
    assert set(table.key) <= set(table.schema.names)
    assert table.scope is None or table.schema.field(table.scope).type == pa.string()


def test_the_columns_of_version_1():
    """Who takes a column away or changes it changes SCHEMA_VERSION too; one that is added is null in older stores."""
    assert SCHEMA_VERSION == 1
    assert {name: " ".join(table.schema.names) for name, table in TABLES.items()} == {
        "datasets": "namespace name aliases format",
        "columns": "namespace name field type ordinal",
        "operators": "run_id operator name rows bytes time_ms metrics units children columns target_columns logical stages files "
        "spill_bytes peak_memory_bytes note",
        "stages": "run_id stage_id attempt name state tasks failed_tasks started_at ended_at metrics "
        "execution_id job_id distributions killed_tasks speculative_tasks failure",
        "schemas": "schema_id columns",
        "observations": "run_id part namespace name direction path partitions version rows bytes files version_at schema_id "
        "partitions_read modified_from modified_until offsets operator",
        "batches": "query_id batch_id stream_run_id application name run_id started_at duration_ms input_rows watermark "
        "sources state durations_ms sink output_rows events_from events_until record",
        "constants": "run_id part values key",
        "events": "application at kind subject detail stream_run_id record",
        "problems": "code severity message where hint run_id fingerprint dataset_namespace dataset_name",
        "edges": "fingerprint kind source_namespace source_name source_field target_namespace target_name target_field "
        "subtype masking certainty expression transformations operator via source_version",
        "plans": "fingerprint kind job operation target_namespace target_name overwrites certainty columns operators "
        "datasets",
        "runs": "run_id part kind fingerprint job operation target_namespace target_name state application_id "
        "application_name user spark_version started_at ended_at error_class error_message rows bytes files "
        "description call_site sql_text query_id batch_id error_condition failed_operator decided_by left_out records session metrics error_sqlstate",
    }


def test_a_row():
    assert TABLES["edges"].rows(batch().edges)[0] == {
        "fingerprint": f"{1:064x}",
        "kind": "data",
        "source_namespace": "file",
        "source_name": '/raw/o\'clock \\ "quoted"',
        "source_field": "Größe",
        "target_namespace": "s3://lake",
        "target_name": "sales/größe",
        "target_field": "info",
        "subtype": "CONDITIONAL",
        "masking": True,
        "certainty": "over_approximate",
        "expression": "if('x' = ?, Größe, ?)",
        "transformations": ["if", "cast"],
        "operator": "Project#2",
        "via": ["v.one", "v.two"],
        "source_version": None,
    }


@pytest.mark.parametrize("name", TABLES)
def test_values_come_back(name):
    values = getattr(batch(), name)
    table = TABLES[name].arrow(values)
    assert table.equals(pa.Table.from_pylist(TABLES[name].rows(values), schema=TABLES[name].schema))
    assert from_rows(name, table.to_pylist()) == values
