"""The store without a JVM: what goes in comes out, once, whoever wrote it and however often."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from store_rights import RIGHTS, folder_for, rights
from store_rows import RAW, SALES, batch

from spark_lineage.errors import StoreError
from spark_lineage.model import Batch, Dataset, RunState
from spark_lineage.store import turns
from spark_lineage.store.checks import local_folder
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import LATER_TABLES, TABLES, VERSION_PROPERTY, from_rows
from spark_lineage.store.turns import LOCK, turn

ROWS = {
    "datasets": 2, "columns": 2, "operators": 3, "stages": 3, "schemas": 1, "observations": 3, "batches": 2, "constants": 1,
    "events": 1, "problems": 2, "edges": 3, "plans": 2,
    "runs": 2,
}  # fmt: skip
NONE = dict.fromkeys(ROWS, 0)


def content(store):
    """Everything in a store as model values, in an order that does not depend on the writer."""
    return {name: sorted(from_rows(name, store.read(name).to_pylist()), key=repr) for name in TABLES}


def expected(*batches):
    return {
        name: sorted({value for each in batches for value in getattr(each, name)}, key=repr)
        for name in TABLES
    }


def versions(store):
    return {name: DeltaTable(f"{store.path}/{name}").version() for name in TABLES}


@pytest.fixture
def store(tmp_path):
    store = DeltaStore(tmp_path / "lineage")
    store.create()
    return store


def test_the_rows_of_some_runs(store):
    store.append(batch())
    runs = {row["run_id"] for row in store.read("operators").to_pylist()}
    for run in runs:
        found = store.read("operators", scope=[run])
        assert found.schema == TABLES["operators"].schema
        assert found.to_pylist() == [
            row for row in store.read("operators").to_pylist() if row["run_id"] == run
        ]
    assert store.read("operators", ["name"], scope={*runs, "it's another"}).num_rows == ROWS["operators"]
    assert store.read("operators", ["name"], scope=[]).num_rows == 0


def test_what_goes_in_comes_out(store):
    assert store.exists()
    assert store.append(batch()) == ROWS
    assert content(store) == expected(batch())
    assert store.read("runs").schema == TABLES["runs"].schema
    assert store.read("runs", ["rows", "kind"]).schema.names == ["rows", "kind"]


def test_one_commit_for_a_table_with_new_rows_and_none_for_others(store):
    store.append(batch())
    assert versions(store) == dict.fromkeys(TABLES, 1)
    assert store.append(batch()) == NONE
    assert store.append(Batch()) == NONE
    assert versions(store) == dict.fromkeys(TABLES, 1)
    assert store.append(batch(2)) == {
        "datasets": 0, "columns": 0, "operators": 3, "stages": 3, "schemas": 1, "observations": 3, "batches": 2,
        "constants": 1, "events": 1, "problems": 1, "edges": 3, "plans": 2, "runs": 1,
    }  # fmt: skip
    assert content(store) == expected(batch(), batch(2))


def test_create_is_harmless_when_repeated(store):
    store.append(batch())
    store.create()
    assert content(store) == expected(batch())


def test_rows_repeated_within_a_batch(store):
    one = batch()
    twice = Batch(**{name: getattr(one, name) * 2 for name in TABLES})
    assert store.append(twice) == ROWS


def test_any_order_and_any_split(tmp_path):
    """The rows of three runs in random pieces, some of them twice: always the same content."""
    whole = [batch(1), batch(2), batch(3)]
    for seed in range(5):
        random_ = random.Random(seed)
        other = DeltaStore(tmp_path / f"other-{seed}")
        other.create()
        pieces = [each for each in whole for _ in range(random_.randint(1, 2))]
        random_.shuffle(pieces)
        for piece in pieces:
            other.append(
                Batch(**{n: tuple(random_.sample(getattr(piece, n), len(getattr(piece, n)))) for n in TABLES})
            )
        assert content(other) == expected(*whole)


def test_aliases_are_united(store):
    ids = (SALES.namespace, SALES.name)
    store.append(Batch(datasets=(Dataset(*ids, ("b.sales", "a.sales")),)))
    store.append(
        Batch(datasets=(Dataset(*ids, ("c.sales", "b.sales"), "parquet"), Dataset(RAW.namespace, RAW.name)))
    )
    store.append(Batch(datasets=(Dataset(*ids, (), "delta"),)))
    assert content(store)["datasets"] == [
        Dataset(RAW.namespace, RAW.name),
        Dataset(*ids, ("a.sales", "b.sales", "c.sales"), "delta"),
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_run_is_in_its_most_final_state(store, order):
    run = batch().runs[0]
    states = [
        replace(run, state=RunState.RUNNING, ended_at=None, rows=None),
        replace(run, state=RunState.UNKNOWN, ended_at=None, rows=None),
        run,
    ]
    for index in order:
        assert store.append(Batch(runs=(states[index],)))["runs"] == 1
    assert content(store)["runs"] == [run]


def test_a_writer_that_died_before_its_plans(store):
    """The edges are there already and the plan is not: they are written again and read once."""
    whole = batch()
    store.append(replace(whole, plans=(), runs=()))
    assert content(store)["plans"] == []
    store.append(whole)
    assert content(store) == expected(whole)
    assert DeltaTable(f"{store.path}/edges").to_pyarrow_table().num_rows == 6


def _write_all(path, numbers):
    store = DeltaStore(path)
    store.create()
    for number in numbers:
        store.append(batch(number))


def test_two_processes_write_the_same_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    path = str(tmp_path / "shared")
    orders = ([1, 2, 3, 4], [4, 3, 2, 1])
    writers = [context.Process(target=_write_all, args=(path, order)) for order in orders]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert content(DeltaStore(path)) == expected(*map(batch, (1, 2, 3, 4)))


def test_no_store(tmp_path):
    missing = DeltaStore(tmp_path / "missing")
    assert not missing.exists()
    message = (
        f"There is no store at {tmp_path}/missing: run a Spark job with lineage on and then "
        f"`spark-lineage ingest --store {tmp_path}/missing`, or name another store."
    )
    for ask in (lambda: missing.read("runs"), lambda: missing.append(batch())):
        with pytest.raises(StoreError) as caught:
            ask()
        assert str(caught.value) == message
    assert not (tmp_path / "missing").exists()


def test_a_folder_with_something_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    store = DeltaStore(tmp_path)
    with pytest.raises(StoreError) as caught:
        store.create()
    assert str(caught.value) == (
        f"The folder {tmp_path} already holds something else (notes.txt): name an empty or a new folder for the store."
    )
    with pytest.raises(StoreError) as caught:
        store.read("plans")
    assert str(caught.value) == (
        f"{tmp_path} is not a store of spark_lineage (there is no Delta table {tmp_path}/runs): "
        "name the folder that `spark-lineage ingest --store` wrote, or a new one."
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_a_store_whose_first_writer_died_at_once(tmp_path):
    with turn(tmp_path):
        assert [each.name for each in tmp_path.iterdir()] == [LOCK]
    store = DeltaStore(tmp_path)
    store.create()
    assert store.append(batch())["runs"] == ROWS["runs"]


def test_a_writer_that_is_stuck_is_not_waited_for_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(turns, "_WAIT_SECONDS", 0)
    store = DeltaStore(tmp_path / "lineage")
    store.create()
    with (
        turn(tmp_path / "lineage"),
        pytest.raises(
            StoreError,
            match=rf"^Another process writes to the store at {tmp_path}/lineage for more than 0 s: let",
        ),
    ):
        store.append(batch())
    assert store.read("runs").num_rows == 0


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("lake/a", "lake/a"), ("/lake/a b", "/lake/a b"), ("file:/lake/a%20b", "/lake/a b"), ("file:///lake", "/lake"),
        ("s3a://lake/a", None), ("dbfs:/lake", None), ("hdfs:///lake", None), ("C:lake", "C:lake"),
    ],
)  # fmt: skip
def test_which_paths_are_folders_of_this_machine(path, folder):
    assert local_folder(path) == (None if folder is None else Path(folder))


@pytest.mark.parametrize(("folder_mode", "modes"), RIGHTS)
def test_what_is_in_a_store_is_for_no_more_than_its_folder_is(tmp_path, folder_mode, modes):
    mask = os.umask(0)  # the widest rights that one can forget to take away
    try:
        path = folder_for(tmp_path, folder_mode)
        store = DeltaStore(path)
        store.create()
        assert rights(path) == modes
        for number in range(2):
            store.append(batch(number))
        store.sync()
        assert rights(path) == modes
        assert len(list(path.rglob("*.parquet"))) > len(TABLES)
    finally:
        os.umask(mask)


def test_rights_are_taken_from_what_another_release_wrote_and_never_given(tmp_path):
    store = DeltaStore(tmp_path / "store")
    store.create()
    runs, plans = (tmp_path / "store" / name for name in ("runs", "plans"))
    outside = tmp_path / "mine"
    outside.touch()
    outside.chmod(0o666)
    (runs / "link").symlink_to(outside)
    (runs / "_delta_log" / "old").touch()
    (runs / "_delta_log" / "old").chmod(0o644)
    plans.chmod(0o500)
    (tmp_path / "store").chmod(0o750)
    store.sync()
    assert [
        stat.S_IMODE(each.stat().st_mode) for each in (runs, runs / "_delta_log" / "old", plans, outside)
    ] == [
        0o700,
        0o640,
        0o500,
        0o666,
    ]


def test_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    store = DeltaStore(tmp_path / "file")
    assert not store.exists()
    with pytest.raises(StoreError) as caught:
        store.create()
    assert str(caught.value) == f"{tmp_path}/file is a file, and a store is a folder: name another store."
    with pytest.raises(StoreError, match="is not a store of spark_lineage"):
        store.read("runs")


def test_a_delta_table_of_somebody_else(tmp_path):
    write_deltalake(f"{tmp_path}/runs", pa.table({"x": [1]}))
    with pytest.raises(StoreError) as caught:
        DeltaStore(tmp_path).read("runs")
    assert str(caught.value) == (
        f"{tmp_path} is not a store of spark_lineage (its table runs has no schema version): "
        "name the folder that `spark-lineage ingest --store` wrote, or a new one."
    )


@pytest.mark.parametrize(
    ("version", "remedy"), [("0", "read it with the release that wrote it"), ("2", "upgrade spark-lineage")]
)
def test_another_schema_version(store, version, remedy):
    DeltaTable(f"{store.path}/runs").alter.set_table_properties(
        {VERSION_PROPERTY: version}, raise_if_not_exists=False
    )
    message = (
        f"The store at {store.path} has schema version {version} (table runs) and this release reads version 1: "
        f"{remedy}, or name another store."
    )
    assert store.exists()
    for ask in (store.create, lambda: store.append(batch()), lambda: store.read("runs")):
        with pytest.raises(StoreError) as caught:
            ask()
        assert str(caught.value) == message
    assert versions(store)["plans"] == 0


def test_a_damaged_table(store):
    store.append(batch())
    for file in Path(store.path, "edges").glob("*.parquet"):
        file.unlink()
    with pytest.raises(StoreError) as caught:
        store.read("edges")
    assert str(caught.value).startswith(f"The table edges of the store at {store.path} cannot be read (")
    assert str(caught.value).endswith(
        "): restore the folder from a copy, or choose another store and ingest into it."
    )
    assert "\n" not in str(caught.value)
    assert len(store.read("plans")) == 2


def test_a_missing_table(store):
    shutil.rmtree(f"{store.path}/plans")
    with pytest.raises(StoreError, match=r"^The table plans of the store at .* cannot be read"):
        store.append(batch())


def test_no_table_needs_more_than_the_oldest_protocol(store):
    protocols = {DeltaTable(f"{store.path}/{name}").protocol()[:2] for name in TABLES}
    assert protocols == {(1, 2)}


def test_the_store_needs_no_spark():
    code = (
        "import sys, spark_lineage.store.delta, spark_lineage.query.local;"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('pyspark', 'py4j', 'delta', 'pandas')))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_a_store_from_before_a_table_was_added(store):
    for name in LATER_TABLES:
        shutil.rmtree(f"{store.path}/{name}")
    assert {name: store.read(name).num_rows for name in LATER_TABLES} == dict.fromkeys(LATER_TABLES, 0)
    assert store.read("schemas", ["columns"]).schema.names == ["columns"]
    assert store.append(batch()) == ROWS
    assert content(store) == expected(batch())


def test_a_store_from_before_a_column_was_added(store):
    """Such a store is read as if the column were null there, and gets it with the first row that is written."""
    store.append(batch())
    path = f"{store.path}/edges"
    old = DeltaTable(path).to_pyarrow_table().drop_columns(["source_version"])
    shutil.rmtree(path)
    DeltaTable.create(path, old.schema, configuration={VERSION_PROPERTY: "1"}, raise_if_key_not_exists=False)
    write_deltalake(path, old, mode="append")
    assert content(store) == expected(batch())
    assert store.read("edges", ["source_version", "source_name"]).column_names == [
        "source_version",
        "source_name",
    ]
    newer = batch(2)
    newer = replace(newer, edges=tuple(replace(each, source_version="3") for each in newer.edges))
    store.append(newer)
    assert content(store) == expected(batch(), newer)


def test_a_batch_of_more_runs_than_a_predicate_can_list(store):
    """40,000 values in one predicate end the process (deltalake 1.6): so long a list is never written."""
    run = batch().runs[0]
    many = Batch(runs=tuple(replace(run, run_id=f"b:{number:05}", part=0) for number in range(40_000)))
    assert store.append(many)["runs"] == 40_000
    assert store.append(many)["runs"] == 0
    wanted = [f"b:{number:05}" for number in range(0, 40_000, 2)]
    assert sorted(store.read("runs", ["run_id"], scope=wanted)["run_id"].to_pylist()) == wanted
