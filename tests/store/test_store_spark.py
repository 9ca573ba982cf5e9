"""Two stores, one schema: each reads and continues what the other wrote."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import Row
from store_rights import RIGHTS, folder_for, rights
from store_rows import batch
from test_store_delta import NONE, content, expected

from spark_lineage.capture import spool as spools
from spark_lineage.errors import StoreError
from spark_lineage.model import Batch
from spark_lineage.pipeline import ingest
from spark_lineage.query.local import LocalEngine
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.digest import table_digests
from spark_lineage.store.schema import TABLES
from spark_lineage.store.spark import SparkStore, _collected
from spark_lineage.store.turns import turn
from tests.pipeline.deliveries import Form, deliver, through_deltalake
from tests.pipeline.segments import BRIDGE, copy_plan, execution, write_segment

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
    clustered.sync()
    assert rights(tmp_path / "lineage") == RIGHTS[0][1]
    assert content(embedded) == expected(batch(1))
    assert embedded.append(batch(1)) == NONE
    embedded.append(batch(2))
    assert content(clustered) == expected(batch(1), batch(2))
    assert {DeltaTable(f"{embedded.path}/{name}").protocol()[:2] for name in TABLES} == {(1, 2)}
    assert {DeltaTable(f"{embedded.path}/{name}").version() for name in TABLES} <= {1, 2}


def test_what_spark_writes_is_for_no_more_than_the_folder_is(spark_store, tmp_path):
    folder_mode, modes = RIGHTS[2]
    path = folder_for(tmp_path, folder_mode)
    store = spark_store(path)
    store.create()
    assert rights(path) == modes
    store.append(batch())
    store.sync()
    assert rights(path) == modes
    assert len(list(path.rglob("*.crc"))) > len(TABLES)


def test_rows_without_a_map_that_came_later_are_collected_row_by_row():
    """As on Spark 3.5, which has no way to Arrow of its own."""
    schema = pa.schema([("a", pa.string()), ("m", pa.map_(pa.string(), pa.int64()))])
    rows = [Row(a="old", m=None), Row(a="new", m={"y": 2, "x": 1})]
    found = _collected(SimpleNamespace(collect=lambda: rows), schema)
    assert found.to_pylist() == [{"a": "old", "m": None}, {"a": "new", "m": [("x", 1), ("y", 2)]}]


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


class KilledError(Exception):
    """The end of an ingester."""


class Mortal(SparkStore):
    """A store whose ingester ends, when it is told to, before or after the next commit."""

    dead = False

    def _write(self, table, rows):
        self._end()
        super()._write(table, rows)
        self._end()

    def _end(self):
        if self.dead:
            raise KilledError


class InSession:
    """An ingester in a thread of the tests' own session."""

    def __init__(self, spark, spool, store):
        self._store = Mortal(spark, store)
        pool = ThreadPoolExecutor(1)
        self._ends = pool.submit(ingest, spool, self._store)
        pool.shutdown(wait=False)

    def runs(self):
        return not self._ends.done()

    def kill(self):
        self._store.dead = self.runs()
        return self._store.dead

    def said(self):
        if isinstance(self._ends.exception(), KilledError):
            return []
        return [] if self._ends.result().bad_records == 0 else [str(self._ends.result().messages)]


def after_spark(spool, store):
    """One through deltalake that begins when Spark has committed something: nothing is left to Spark otherwise."""
    for _ in range(3_000):
        if DeltaTable(f"{store}/datasets").version():
            break
        time.sleep(0.1)
    return through_deltalake(spool, store)


def test_both_writers_into_the_same_tables_at_once_and_killed(spark, tmp_path):
    """The quick form of `tests/pipeline/deliveries.py delta-spark`, where each has a process of its own."""
    DeltaStore(tmp_path / "store").create()
    clustered = partial(InSession, spark)
    form = Form((clustered, after_spark) * 2, kills=3, at_once=10, pause=1, bridges=[BRIDGE])
    told = deliver(8, tmp_path, form)
    assert told.kills >= 1
    assert told.digests == told.clean
    assert told.refused == []
    commits = DeltaTable(f"{tmp_path}/store/datasets").history()
    assert any("Apache-Spark" in each.get("engineInfo", "") for each in commits)


def test_a_record_with_a_known_number_and_other_content_is_refused(spark_store, tmp_path):
    """As by deltalake, against what deltalake wrote."""
    plan, spool = copy_plan("p", "file:/in", "file:/out"), tmp_path / "spool"
    odd = (plan, execution(7, "p", state="FAILED"), execution(8, "p"))
    stores = {tmp_path / "one": DeltaStore, tmp_path / "two": spark_store}
    for path, second in stores.items():
        write_segment(spool, 0, plan, execution(7, "p"))
        assert ingest(spool, path).bad_records == 0
        write_segment(spool, 1, *odd)
        report = ingest(spool, second(path))
        assert report.bad_records == 1
        assert f"execution 7 of {BRIDGE} is known with other content: " in report.messages[0]
    assert len(spools.kept_aside(spool)) == 1  # the same bytes of the same segment, twice
    one, two = map(DeltaStore, stores)
    assert table_digests(one) == table_digests(two)
    assert "other_content" in [row["code"] for row in two.read("problems").to_pylist()]


def test_the_writers_take_turns_on_a_local_disk(spark_store, tmp_path):
    path = tmp_path / "lineage"
    DeltaStore(path).create()
    for number, store in enumerate((DeltaStore(path), spark_store(path), spark_store(path.as_uri()))):
        added = threading.Thread(target=store.append, args=(Batch(runs=batch(number).runs),))
        with turn(path):
            added.start()
            added.join(0.5)
            assert added.is_alive()
            assert DeltaTable(f"{path}/runs").version() == number
        added.join()
        assert DeltaTable(f"{path}/runs").version() == number + 1


def test_a_store_that_spark_finds_elsewhere_is_no_folder_of_this_machine(spark, spark_store, tmp_path):
    """What HDFS or an object store as the default file system would be is here the disk under another scheme."""
    settings = {
        "fs.defaultFS": "viewfs:///",
        "fs.viewfs.mounttable.default.link./lake": tmp_path.as_uri(),
    }
    for name, value in settings.items():
        spark.conf.set(name, value)
    try:
        for path in ("/lake/lineage", "viewfs:/lake/lineage"):
            store = spark_store(path)
            store.create()
            store.append(Batch(runs=batch().runs))
            store.sync()
            assert store.read("runs").num_rows == len(batch().runs)
    finally:
        for name in settings:
            spark.conf.unset(name)
    assert not Path("/lake").exists()
    assert sorted(each.name for each in (tmp_path / "lineage").iterdir() if each.name[0] == ".") == []
