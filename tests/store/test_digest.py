"""The hash of a store's content: equal where the answers are, whoever wrote them and how; and what makes them last."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from store_rows import batch

from spark_lineage import owned
from spark_lineage.capture import spool as spools
from spark_lineage.errors import StoreError
from spark_lineage.model import Batch, RunState
from spark_lineage.pipeline import ingest, ingestion
from spark_lineage.store import durable
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.digest import content_digest, table_digests
from spark_lineage.store.durable import MARKER
from spark_lineage.store.memory import MemoryStore
from spark_lineage.store.schema import TABLES
from spark_lineage.store.turns import LOCK
from tests.pipeline.segments import END, copy_plan, execution, write_segment


def filled(*batches: Batch) -> MemoryStore:
    store = MemoryStore()
    for each in batches:
        store.append(each)
    return store


def test_the_digest_is_that_of_the_answers(tmp_path: Path) -> None:
    one, two = batch(1), batch(2)
    delta = DeltaStore(tmp_path / "lineage")
    delta.create()
    for each in (two, one, two):
        delta.append(each)
    assert content_digest(delta) == content_digest(filled(one, two)) != content_digest(filled(one))
    twice = filled(one)
    for rows in twice.rows.values():
        rows.extend(list(reversed(rows)))
    assert content_digest(twice) == content_digest(filled(one))


@pytest.mark.parametrize("table", sorted(TABLES))
def test_no_row_of_any_table_may_be_missing(table: str) -> None:
    store = filled(batch())
    whole = table_digests(store)
    store.rows[table].pop()
    assert [name for name, digest in table_digests(store).items() if digest != whole[name]] == [table]


def test_the_order_inside_a_map_does_not_count_and_its_values_do() -> None:
    digests = []
    for metrics in ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)], [("a", 2), ("b", 1)]):
        store = filled(batch())
        store.rows["stages"][0]["metrics"] = metrics
        digests.append(content_digest(store))
    assert digests[0] == digests[1] != digests[2]


def test_one_changed_cell_is_seen() -> None:
    (run, *_) = batch().runs
    other = replace(batch(), runs=(replace(run, rows=4), *batch().runs[1:]))
    assert content_digest(filled(other)) != content_digest(filled(batch()))
    running = replace(batch(), runs=(replace(run, state=RunState.RUNNING),))
    assert content_digest(filled(running, batch())) == content_digest(filled(batch()))


def test_a_segment_goes_when_every_file_of_the_store_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, store = tmp_path / "spool", tmp_path / "lineage"
    synced: set[str] = set()
    missing: list[str] = []
    settle, fsync = spools.settle, os.fsync

    def noted(descriptor: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def settled(spool: Path, segment: spools.Segment, *others: Any) -> int:
        there = [store, *(each for each in store.rglob("*") if each.name not in {MARKER, LOCK})]
        missing.extend(str(each) for each in there if str(each) not in synced)
        assert len(there) > 2 * len(TABLES)
        return settle(spool, segment, *others)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(spools, "settle", settled)
    path = write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), execution(7, "p"), END)
    ingest(spool, store)
    assert missing == []
    assert not path.exists()


def test_a_sync_leaves_out_what_the_last_one_had_unless_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DeltaStore(tmp_path / "lineage")
    store.create()
    synced: list[str] = []
    monkeypatch.setattr(owned, "sync", lambda paths: synced.extend(path.name for path in paths))
    now = time.time()
    counts = []
    for clock in (now + 3_600, now + 3_601, now):
        monkeypatch.setattr(durable.time, "time", lambda moment=clock: moment)
        synced.clear()
        store.sync()
        counts.append(len(synced))
    table = 3  # the folder, its log and the commit that made it
    whole = table * len(TABLES) + 2
    assert counts == [whole, 2, whole]


def test_a_segment_stays_where_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, store = tmp_path / "spool", tmp_path / "lineage"
    path = write_segment(spool, 0, copy_plan("p", "file:/in", "file:/out"), execution(7, "p"), END)

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(StoreError, match="may not be on its disk"):
            ingest(spool, store)
    assert path.exists()
    assert ingest(spool, store).writes == 1
    assert not path.exists()


def test_what_was_appended_is_synced_before_a_segment_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Noted(MemoryStore):
        def append(self, batch: Batch, **words: Any) -> dict[str, int]:
            done.append("append")
            return super().append(batch, **words)

        def sync(self) -> None:
            done.append("sync")

    monkeypatch.setattr(ingestion.spools, "settle", lambda *_: done.append("settle"))
    spool = tmp_path / "spool"
    for number in (0, 1):
        write_segment(spool, number, copy_plan("p", "file:/in", "file:/out"), execution(number, "p"), END)
    ingest(spool, Noted())
    assert done[0] == "append"
    assert done[-3:] == ["sync", "settle", "settle"]
    assert "append" not in done[-3:]
