"""Two stores, one schema: each reads and continues what the other wrote."""

from __future__ import annotations

import pytest
from deltalake import DeltaTable
from store_rows import batch
from test_store_delta import NONE, content, expected

from spark_lineage.errors import StoreError
from spark_lineage.model import Batch
from spark_lineage.query.local import LocalEngine
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import TABLES
from spark_lineage.store.spark import SparkStore

pytestmark = [
    pytest.mark.spark,
    # PySpark leaves the sockets over which it collects to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def spark_store(spark):
    return lambda path: SparkStore(spark, path)


def test_deltalake_writes_and_spark_goes_on(spark_store, tmp_path):
    embedded, clustered = DeltaStore(tmp_path / "lineage"), spark_store(tmp_path / "lineage")
    embedded.create()
    embedded.append(batch(1))
    assert content(clustered) == expected(batch(1))
    assert clustered.append(batch(1)) == NONE
    assert clustered.append(batch(2))["edges"] == 3
    clustered.create()
    assert content(embedded) == expected(batch(1), batch(2))
    run = embedded.read("runs", ["run_id"]).to_pylist()[0]["run_id"]
    assert (
        clustered.read("stages", scope=[run]).to_pylist() == embedded.read("stages", scope=[run]).to_pylist()
    )
    assert {name: embedded.read(name).schema for name in TABLES} == {
        name: t.schema for name, t in TABLES.items()
    }


def test_spark_writes_and_deltalake_goes_on(spark_store, tmp_path):
    embedded, clustered = DeltaStore(tmp_path / "lineage"), spark_store(tmp_path / "lineage")
    assert not clustered.exists()
    clustered.create()
    assert embedded.exists()
    assert clustered.append(batch(1))["edges"] == 3
    assert content(embedded) == expected(batch(1))
    assert embedded.append(batch(1)) == NONE
    embedded.append(batch(2))
    assert content(clustered) == expected(batch(1), batch(2))
    assert {DeltaTable(f"{embedded.path}/{name}").protocol()[:2] for name in TABLES} == {(1, 2)}
    assert {DeltaTable(f"{embedded.path}/{name}").version() for name in TABLES} <= {1, 2}


def test_the_engine_answers_from_either(spark_store, tmp_path):
    store = DeltaStore(tmp_path / "lineage")
    store.create()
    store.append(batch())
    clustered = spark_store(store.path)
    answer = LocalEngine(clustered).upstream("sales/größe")
    assert answer == LocalEngine(store).upstream("sales/größe")
    assert len(answer.edges) == 3
    assert clustered.read("runs", ["rows", "kind"]).schema.names == ["rows", "kind"]


def test_bad_stores(spark_store, tmp_path):
    with pytest.raises(StoreError, match=rf"^There is no store at {tmp_path}/missing: "):
        spark_store(tmp_path / "missing").read("runs")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="already holds something else"):
        spark_store(tmp_path).create()
    newer = DeltaStore(tmp_path / "newer")
    newer.create()
    DeltaTable(f"{newer.path}/runs").alter.set_table_properties(
        {"spark_lineage.schema_version": "2"}, raise_if_not_exists=False
    )
    with pytest.raises(
        StoreError, match=r"has schema version 2 \(table runs\) and this release reads version 1: upgrade"
    ):
        spark_store(newer.path).append(Batch())
