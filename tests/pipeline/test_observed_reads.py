"""Relations and scans -> observations, where records are incomplete or several scans read one dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.relations import Located, by_paths
from spark_lineage.decode.records import ExecutionRecord, JobRecord, ScanRecord
from spark_lineage.decode.tree import Attribute, DataType, Node, NodeKind, PlanTree
from spark_lineage.model import Dataset, Observation
from spark_lineage.pipeline import ingest
from spark_lineage.pipeline.datasets import Read, observed_reads, unplanned
from spark_lineage.pipeline.scans import Scan, scans_of
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import from_rows
from tests.pipeline.segments import END, copy_plan, execution, write_segment

LONG = DataType("bigint")


def located(path: str, form: str | None = None) -> Located:
    (found,) = by_paths([path], (), Naming(), form)
    return found


def read(path: str, *ids: int, version: int | None = None) -> Read:
    return Read(located(path), version, frozenset(ids))


def scan(path: str, *ids: int, operator: str = "1:2", **figures: Any) -> Scan:
    return Scan(operator, frozenset(ids), (located(path),), **{"ran": True, **figures})


def figures(each: Observation) -> tuple[Any, ...]:
    return each.path, each.version, each.rows, each.files, each.bytes, each.operator


def seen(reads: list[Read], scans: list[Scan]) -> list[tuple[Any, ...]]:
    return [figures(each) for each in observed_reads("r", 0, reads, scans)[0]]


def test_a_scan_is_joined_by_ids_and_else_by_what_it_names() -> None:
    reads = [read("/a", 1, 2), read("/b", 3)]
    by_ids = scan("/elsewhere", 3, rows=5, files=1, bytes=9)
    by_name = scan("/a", rows=7, files=2, bytes=8, operator="1:3")
    assert seen(reads, [by_ids, by_name]) == [
        ("/a", None, 7, 2, 8, "1:3"),
        ("/b", None, 5, 1, 9, "1:2"),
    ]


def test_a_scan_with_the_ids_of_a_relation_and_other_folders_is_of_another_dataset() -> None:
    """As rewrites to an index have it. Partitions of a folder, and what is around it, are the relation's own."""
    reads = [replace(read("/a", 1), roots=frozenset({located("/a/part").dataset.id}))]
    index = scan("/a/parts", 1, rows=5, files=1, bytes=9)
    more = unplanned([index], reads, frozenset())
    assert [each.located.dataset.name for each in more] == ["/a/parts"]
    assert seen([*reads, *more], [index]) == [
        ("/a", None, None, None, None, None),
        ("/a/parts", None, 5, 1, 9, "1:2"),
    ]
    for path in ("/a/part", "/a/part/day", "/a", "/"):
        own = scan(path, 1, rows=5, files=1, bytes=9)
        assert unplanned([own], reads, frozenset()) == []
        assert seen(reads, [own]) == [("/a", None, 5, 1, 9, "1:2")]


def test_two_versions_of_one_table_are_two_observations() -> None:
    reads = [read("/a", 1, version=3), read("/a", 2, version=4)]
    scans = [scan("/a", 1, rows=5, version=3), scan("/a", rows=6, version=4, operator="1:3")]
    assert seen(reads, scans) == [("/a", 3, 5, None, None, "1:2"), ("/a", 4, 6, None, None, "1:3")]
    nameless = scan("/a", rows=6)  # which of both it read is not known
    assert seen(reads, [nameless]) == [("/a", 3, None, None, None, None), ("/a", 4, None, None, None, None)]


def test_scans_of_one_dataset_add_up_and_one_that_is_not_known_leaves_the_sum_unknown() -> None:
    two = [
        scan("/a", 1, rows=5, files=1, bytes=9),
        scan("/a", 2, rows=6, files=2, bytes=None, operator="1:3"),
    ]
    assert seen([read("/a", 1, 2)], two) == [("/a", None, 11, 3, None, None)]
    idle = scan("/a", 2, ran=False, operator="1:3")
    assert seen([read("/a", 1, 2)], [two[0], idle]) == [("/a", None, 5, 1, 9, None)]
    assert seen([read("/a", 1, 2)], [idle]) == [("/a", None, None, None, None, "1:3")]
    assert seen([read("/a", 1, 2)], []) == [("/a", None, None, None, None, None)]


def test_the_offsets_of_scans_of_one_topic_are_their_hull() -> None:
    topic = Read(Located(Dataset("kafka://h:1", "t", (), "kafka")), None, frozenset({1}))
    one = scan("/x", 1, offsets={"t": {"0": (3, 7), "10": (0, 1)}})
    other = scan("/x", 1, offsets={"t": {"0": (2, 5), "2": (None, 4)}})
    (found,) = observed_reads("r", 0, [topic], [one, other])[0]
    assert found.offsets == '{"t":{"0":[2,7],"2":[null,4],"10":[0,1]}}'


def test_what_a_scan_read_that_no_relation_stands_for_is_told() -> None:
    reads = [read("/a", 1)]
    scans = [
        scan("/a", 1),
        scan("/other", 9, rows=4, operator="1:3"),
        scan("/idle", 8, ran=False),
        scan("/target", 7),
        scan("/a/_delta_log", 6),
    ]
    more = unplanned(scans, reads, frozenset({located("/target").dataset.id}))
    assert [each.located.dataset.name for each in more] == ["/other"]
    assert seen([*reads, *more], scans)[1] == ("/other", None, 4, None, None, "1:3")


def physical(index: int, name: str = "FileSourceScanExec", **facts: Any) -> Node:
    output = (Attribute(0, "a", LONG),)
    return Node(index, NodeKind.PHYSICAL, f"o.{name}", name, output=output, facts=facts)


def scans(records: list[ExecutionRecord], *nodes: Node) -> list[Scan]:
    return scans_of(records, {"p": PlanTree("p", nodes, None, None)}, Naming())


PLANNED = ScanRecord(rdd=7, files=2, bytes=90, modified=(1, 5))
EXECUTION = ExecutionRecord(
    bridge="b", execution_id=3, query_execution_id=8, plan="p", expressions=(41,),
    metrics=[(0, {"numOutputRows": 6, "numPartitions": 2})], scans=[(0, PLANNED)], versions=[(0, 12)],
    jobs=[JobRecord(job_id=0, rdds=(6, 7))],
)  # fmt: skip


def test_a_scan_that_a_job_computed_has_its_figures_and_each_query_counts_once() -> None:
    whole = Scan(
        operator="3:0", attributes=frozenset({41}), datasets=(located("/in"),), ran=True, version=12, rows=6,
        bytes=90, files=2, partitions=2, modified=(1, 5),
    )  # fmt: skip
    node = physical(0, paths=["/in"])
    assert scans([EXECUTION, EXECUTION], node) == [whole]
    assert scans([EXECUTION], physical(0, "InMemoryTableScanExec"), physical(1, "ProjectExec")) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"jobs": [], "metrics": []}, (False, None, None)),  # no job computed it
        ({"jobs": [], "metrics": [(0, {"numOutputRows": 0})]}, (False, None, None)),
        ({"jobs": []}, (True, 6, 2)),  # jobs were lost, rows were not
        ({"scans": []}, (True, 6, None)),  # an older bridge
        ({"scans": [], "metrics": []}, (False, None, None)),
        ({"metrics": []}, (True, None, 2)),  # metrics that never arrived
        ({"jobs": [], "scans": [(0, ScanRecord(rdd=7, files=0, bytes=0))]}, (True, 0, 0)),  # nothing was left
        ({"expressions": ()}, (True, 6, 2)),
    ],
)
def test_what_is_missing_of_a_scan_is_unknown(change: dict[str, Any], expected: tuple[Any, ...]) -> None:
    (found,) = scans([structs.replace(EXECUTION, **change)], physical(0, paths=["/in"]))
    assert (found.ran, found.rows, found.files) == expected


def log(table: Path, version: int, at: int) -> None:
    file = table / "_delta_log" / f"{version:020}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    info = {"timestamp": at, "operation": "WRITE", "operationParameters": {"mode": "Append"}}
    file.write_text(json.dumps({"commitInfo": info}))


def written(store: Path) -> list[tuple[Any, ...]]:
    found = from_rows("observations", DeltaStore(store).read("observations").to_pylist())
    return [(each.run_id[-1], each.version) for each in found if each.direction == "written"]


def test_a_version_once_known_stays_known_and_a_log_that_was_cleaned_up_is_a_problem(tmp_path: Path) -> None:
    table, spool, store = tmp_path / "out", tmp_path / "spool", tmp_path / "store"
    records = [copy_plan("p", "file:/in", f"file:{table}"), execution(1, "p"), END]
    log(table, 4, 2_500)
    log(table, 5, 9_000_000)
    (table / "_delta_log" / "_last_checkpoint").write_text('{"version":4}')
    write_segment(spool, 0, *records)
    ingest(spool, store)
    assert written(store) == [("1", None)]  # an earlier commit may have been cleaned up
    problems = from_rows("problems", DeltaStore(store).read("problems").to_pylist())
    assert [(each.code, each.where) for each in problems] == [("log_cleaned_up", f"file:{table}")]
    for version in range(4):
        log(table, version, 100 * version)
    write_segment(spool, 0, *records)
    ingest(spool, store)
    assert written(store) == [("1", 4)]
    for file in (table / "_delta_log").iterdir():
        file.unlink()
    write_segment(spool, 0, *records)
    ingest(spool, store)
    assert written(store) == [("1", 4)]


def test_a_commit_that_two_runs_may_have_made_is_neither_s(tmp_path: Path) -> None:
    table, spool, store = tmp_path / "out", tmp_path / "spool", tmp_path / "store"
    log(table, 0, 2_500)
    plan = copy_plan("p", "file:/in", f"file:{table}")
    write_segment(spool, 0, plan, execution(1, "p"), execution(2, "p"), END)
    ingest(spool, store)
    assert sorted(written(store)) == [("1", None), ("2", None)]
