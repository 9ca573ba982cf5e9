"""The store in memory: what the Delta tables answer, without a file; and an ingest into it."""

from __future__ import annotations

from store_rows import batch

from spark_lineage.pipeline import IngestReport, ingest
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.memory import MemoryStore
from spark_lineage.store.schema import TABLES
from tests.pipeline.segments import END, copy_plan, execution, write_segment


def content(store):
    return {name: sorted(store.read(name).to_pylist(), key=repr) for name in TABLES}


def test_it_answers_as_the_delta_tables_do(tmp_path):
    delta, memory = DeltaStore(tmp_path / "lineage"), MemoryStore()
    for store in (delta, memory):
        store.create()
        added = store.append(batch())
        assert sum(added.values()) > 20
        assert store.append(batch()) == dict.fromkeys(TABLES, 0)
    assert content(memory) == content(delta)
    run = batch().runs[0].run_id
    for table in ("runs", "operators"):
        assert memory.read(table, ["run_id"], scope=[run]) == delta.read(table, ["run_id"], scope=[run])
    assert memory.read("runs", ["run_id"], scope=[]).num_rows == 0


def test_a_spool_goes_into_any_store(tmp_path):
    spool, memory = tmp_path / "spool", MemoryStore()
    delivered = []
    for store in (memory, tmp_path / "lineage", memory):
        write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), execution(7, "p"), END)
        assert ingest(spool, store) == IngestReport(segments=1, records=4, executions=1, writes=1)
        delivered.append(len(memory.rows["runs"]))
    assert delivered == [2, 2, 2]
    assert content(memory) == content(DeltaStore(tmp_path / "lineage"))
