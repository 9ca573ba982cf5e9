"""Which commit a run made: logs as Delta, deltalake and Iceberg write them, and what is wrong with some."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from spark_lineage.model import SchemaColumn
from spark_lineage.pipeline.logs import delta_log, log_files
from spark_lineage.pipeline.logs.commits import Commit, Logs, Sought, candidates, fits, only

SPARK = "Apache-Spark/4.1.3 Delta-Lake/4.4.0"


def commit(table: Path, version: int, at: int, operation: str = "WRITE", **info: Any) -> None:
    """One commit as Delta for Spark writes it: numbers of metrics and parameters are texts."""
    content = {
        "timestamp": at,
        "operation": operation,
        "operationParameters": {"mode": "Append", "partitionBy": "[]"},
        "engineInfo": SPARK,
        **info,
    }
    if version > 0:
        content.setdefault("readVersion", version - 1)
    file = table / "_delta_log" / f"{version:020}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    add = {"add": {"path": "part-0.parquet", "stats": '{"commitInfo":1}'}}
    file.write_text(json.dumps({"commitInfo": content}) + "\n" + json.dumps(add) + "\n")
    os.utime(file, ns=(0, (at + 7) * 1_000_000))


def versions(found: tuple[Commit, ...]) -> list[int]:
    return [each.version for each in found]


def test_a_commit_says_what_delta_wrote_of_it(tmp_path: Path) -> None:
    commit(
        tmp_path, 0, 1_000, "MERGE",
        operationParameters={"predicate": "[]"},
        operationMetrics={"numTargetRowsInserted": "2", "numTargetRowsUpdated": "1", "numTargetRowsDeleted": "0",
                          "numOutputRows": "9", "numTargetBytesAdded": "700", "numTargetFilesAdded": "2"},
        inCommitTimestamp=1_003, readVersion=-1,
    )  # fmt: skip
    assert candidates(str(tmp_path), "MERGE", 1_000, 1_000) == (
        Commit(
            version=0, timestamp=1_000, committed_at=1_003, operation="MERGE", read_version=-1, rows=3, bytes=700,
            files=2, engine=SPARK,
        ),
    )  # fmt: skip


def test_without_in_commit_timestamps_a_version_is_as_old_as_its_file(tmp_path: Path) -> None:
    commit(tmp_path, 0, 1_000)
    assert Logs().commit(str(tmp_path), 0) == Commit(
        version=0, timestamp=1_000, committed_at=1_007, operation="WRITE", mode="Append", engine=SPARK
    )
    assert Logs().commit(str(tmp_path), 1) is None


def test_time_operation_and_read_version_rule_out(tmp_path: Path) -> None:
    for version, (at, operation) in enumerate(
        [(100, "WRITE"), (200, "WRITE"), (300, "OPTIMIZE"), (400, "MERGE"), (500, "WRITE"), (600, "WRITE")]
    ):
        commit(tmp_path, version, at, operation)
    place = str(tmp_path)
    assert versions(candidates(place, "INSERT", 150, 450)) == [1]
    assert versions(candidates(place, "INSERT", 200, 500)) == [1, 4]
    assert versions(candidates(place, "INSERT", 200, 500, read_version=1)) == [4]
    assert versions(candidates(place, "INSERT", 450, None)) == [4, 5]
    assert versions(candidates(place, "MERGE", 0, 1_000)) == [3]
    assert versions(candidates(place, None, 250, 450)) == [2, 3]
    assert candidates(place, "OVERWRITE", 0, 1_000) == ()
    assert candidates(place, "INSERT", 201, 299) == ()
    assert candidates(place, "INSERT", 500, 450) == ()  # a clock that stepped backwards
    assert candidates(place, "INSERT", None, 450) == ()


def test_two_writers_in_one_second_are_told_apart_by_rows_or_not_at_all(tmp_path: Path) -> None:
    commit(tmp_path, 0, 100, operationMetrics={"numOutputRows": "10"})
    commit(tmp_path, 1, 200, operationMetrics={"numOutputRows": "3"})
    commit(tmp_path, 2, 210, operationMetrics={"numOutputRows": "5"})
    commit(tmp_path, 3, 220, operationMetrics={"numOutputRows": "5"})
    sought = Sought("INSERT", 150, 250)
    logs = Logs()
    assert only(logs.candidates(str(tmp_path), sought)) is None
    three = only(logs.candidates(str(tmp_path), replace(sought, rows=3)))
    assert three is not None
    assert three.version == 1
    assert only(logs.candidates(str(tmp_path), replace(sought, rows=5))) is None
    assert logs.candidates(str(tmp_path), replace(sought, rows=4)) == ()


def test_what_other_engines_and_streams_wrote_is_not_a_batchs(tmp_path: Path) -> None:
    commit(tmp_path, 0, 100, engineInfo="delta-rs:py-1.6.6")
    commit(tmp_path, 1, 110, engineInfo="Apache-Spark/3.5.9 Delta-Lake/3.3.3")
    commit(tmp_path, 2, 120)
    for version, (query, epoch) in enumerate([("a", "0"), ("b", "0"), ("a", "1")], start=3):
        commit(
            tmp_path, version, 130, "STREAMING UPDATE",
            operationParameters={"outputMode": "Append", "queryId": query, "epochId": epoch},
        )  # fmt: skip
    logs, place = Logs(), str(tmp_path)
    insert = Sought("INSERT", 0, 1_000)
    assert versions(logs.candidates(place, insert)) == [0, 1, 2]
    assert versions(logs.candidates(place, replace(insert, spark_version="4.1.3"))) == [2]
    stream = Sought("STREAM", 0, 1_000, query_id="a", batch_id=1)
    assert versions(logs.candidates(place, stream)) == [5]
    assert versions(logs.candidates(place, replace(stream, batch_id=0))) == [3]


def test_a_commit_that_says_nothing_of_itself_may_be_anyones(tmp_path: Path) -> None:
    commit(tmp_path, 0, 100)
    file = tmp_path / "_delta_log" / f"{1:020}.json"
    file.write_text('{"add":{"path":"x"}}\n{"commitInfo": torn')
    os.utime(file, ns=(0, 150_000_000))
    assert versions(candidates(str(tmp_path), "INSERT", 50, 200)) == [0, 1]


def test_the_log_of_a_busy_table_is_not_read_whole(tmp_path: Path) -> None:
    for version in range(1_500):
        commit(tmp_path, version, version * 1_000_000)
    logs = Logs()
    assert versions(logs.candidates(str(tmp_path), Sought("INSERT", 700_500_000, 702_500_000))) == [701, 702]
    log = logs._open[str(tmp_path)]
    assert log is not None
    assert log_files.LOCAL_READS - log._files.budget < 60


def test_too_many_commits_in_the_time_decide_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta_log, "WINDOW_LIMIT", 5)
    for version in range(20):
        commit(tmp_path, version, 100)
    logs = Logs()
    assert logs.candidates(str(tmp_path), Sought("INSERT", 0, 1_000)) == ()
    assert logs.unreadable == {str(tmp_path): "too many commits fall into the run's time"}


def test_a_budget_bounds_what_one_ingest_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "LOCAL_READS", 3)
    for version in range(20):
        commit(tmp_path, version, 100)
    logs = Logs()
    assert logs.candidates(str(tmp_path), Sought("INSERT", 0, 1_000)) == ()
    assert logs.unreadable == {str(tmp_path): "it has more commits than one ingest reads"}
    assert logs.commit(str(tmp_path), 0) is None


def test_a_log_that_was_cleaned_up_says_so(tmp_path: Path) -> None:
    for version in range(12):
        commit(tmp_path, version, (version + 1) * 1_000_000)
    (tmp_path / "_delta_log" / "_last_checkpoint").write_text('{"version":10,"size":11}')
    for version in range(8):
        (tmp_path / "_delta_log" / f"{version:020}.json").unlink()
    logs, place = Logs(), str(tmp_path)
    assert logs.candidates(place, Sought("INSERT", 500_000, 1_500_000)) == ()
    assert logs.forgotten == {place}
    other = Logs()
    assert versions(other.candidates(place, Sought("INSERT", 10_500_000, 11_500_000))) == [10]
    assert other.forgotten == set()


def test_a_hole_in_the_log_decides_nothing(tmp_path: Path) -> None:
    for name, there, reason in (
        ("a", (0, 1, 3), "a commit is missing"),
        ("b", (0, 2), "a commit is missing"),
        ("c", (1, 2), "its first commit is missing, and no checkpoint says where it goes on"),
    ):
        for version in there:
            commit(tmp_path / name, version, 100)
        logs = Logs()
        assert logs.candidates(str(tmp_path / name), Sought("INSERT", 0, 1_000)) == ()
        assert logs.unreadable == {str(tmp_path / name): reason}


@pytest.mark.parametrize("place", ["/nowhere/at/all", "file:/nowhere/at/all", "file:///dev/null"])
def test_a_table_that_is_gone_has_no_commits(place: str) -> None:
    logs = Logs()
    for table_format in ("delta", "iceberg"):
        assert logs.candidates(place, Sought("INSERT", 0, None), table_format) == ()
    assert (logs.unreadable, logs.forgotten) == ({}, set())


def test_an_address_that_nothing_here_reads_is_one_half_sentence() -> None:
    logs = Logs()
    assert logs.candidates("nosuch://bucket/table", Sought("INSERT", 0, None)) == ()
    assert list(logs.unreadable) == ["nosuch://bucket/table"]
    assert logs.unreadable["nosuch://bucket/table"]
    assert logs.candidates("nosuch://bucket/other", Sought("INSERT", 0, None)) == ()
    assert logs.commit("nosuch://bucket/other", 0) is None
    assert list(logs.unreadable) == ["nosuch://bucket/table"]  # its storage is asked once
    assert logs.candidates("nosuch://else/other", Sought("INSERT", 0, None)) == ()
    assert len(logs.unreadable) == 2


def test_a_damaged_log_is_survived(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    (log / "_last_checkpoint").write_bytes(b"\xff\x00[")
    for content in (b"\xff\xfe\n{]\n" + b"[" * 100_000 + b'"commitInfo"', b"not json\n", b""):
        (log / f"{0:020}.json").write_bytes(content)
        logs = Logs()
        assert logs.candidates(str(tmp_path), Sought("INSERT", 0, None)) == ()
        assert logs.unreadable == {str(tmp_path): "the entry of version 0 is damaged"}


def test_what_deltalake_wrote_is_what_its_history_says(tmp_path: Path) -> None:
    for rows in (1, 2, 3):
        write_deltalake(
            tmp_path,
            pa.table({"a": list(range(rows))}),
            mode="append",
        )
    history = [
        (each["version"], each["timestamp"], each["operation"]) for each in DeltaTable(tmp_path).history()
    ]
    found = candidates(tmp_path.as_uri(), None, 0, None)
    assert [(each.version, each.timestamp, each.operation) for each in reversed(found)] == history
    assert [each.rows for each in found] == [1, 2, 3]


def test_a_version_s_columns_are_those_of_the_last_change_before_it(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"a": [1]}))
    write_deltalake(tmp_path, pa.table({"a": [2]}), mode="append")
    more = pa.table({"a": [3], "b": [[{"c": "x"}]]})
    write_deltalake(tmp_path, more, mode="append", schema_mode="merge")
    logs, place = Logs(), str(tmp_path)
    a, b = SchemaColumn("a", "bigint"), SchemaColumn("b", "array<struct<c:string>>")
    assert [logs.schema(place, version) for version in range(4)] == [(a,), (a,), (a, b), ()]
    assert logs.schema(f"{place}/gone", 0) == ()
    log = tmp_path / "_delta_log"
    (log / f"{0:020}.json").unlink()
    assert [Logs().schema(place, version) for version in (1, 2)] == [(), (a, b)]
    (log / f"{3:020}.json").write_text('{"metaData":{"schemaString":"{"}}')
    assert Logs().schema(place, 3) == ()


def test_elsewhere_deltalake_reads_as_the_operating_system_does_here(tmp_path: Path) -> None:
    for version in range(5):
        commit(tmp_path, version, 1_000)
    here, there = log_files.LocalFiles(str(tmp_path)), log_files.RemoteFiles(tmp_path.as_uri())
    name = f"_delta_log/{3:020}.json"
    assert there.head(name, 50) == here.head(name, 50)
    assert there.modified_at(name) == here.modified_at(name) == 1_007
    assert sorted(there.names("_delta_log")) == sorted(here.names("_delta_log"))
    assert there.head("_delta_log/none.json", 50) is None
    assert there.names("none") == here.names("none") == []
    assert there.modified_at("none") is here.modified_at("none") is None


def snapshot(identity: int, at: int, parent: int | None, **summary: str) -> dict[str, Any]:
    """One snapshot as Iceberg 1.12 writes it."""
    made = {"snapshot-id": identity, "timestamp-ms": at, "schema-id": 0, "manifest-list": "x.avro"}
    summary = {"operation": "append", "spark.app.id": "local-1", **summary}
    return made | {"summary": summary} | ({} if parent is None else {"parent-snapshot-id": parent})


def metadata(table: Path, name: str, *snapshots: dict[str, Any]) -> None:
    text = json.dumps({"format-version": 2, "snapshots": list(snapshots)}).encode()
    file = table / "metadata" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(gzip.compress(text) if ".gz." in name else text)


FIRST = snapshot(70, 1_000, None, **{"added-records": "5", "added-files-size": "99", "added-data-files": "1"})
SECOND = snapshot(50, 2_000, 70, **{"spark.app.id": "local-2"})


@pytest.mark.parametrize("name", ["v2.metadata.json", "v10.gz.metadata.json", "00002-0a1b-2c.metadata.json"])
def test_icebergs_newest_metadata_has_the_snapshots(tmp_path: Path, name: str) -> None:
    metadata(tmp_path, "v1.metadata.json")
    metadata(tmp_path, name, SECOND, FIRST)
    logs, place = Logs(), str(tmp_path)
    sought = Sought("INSERT", 500, 2_500)
    assert versions(logs.candidates(place, sought, "iceberg")) == [70, 50]
    assert logs.candidates(place, replace(sought, application_id="local-1"), "iceberg") == (
        Commit(
            version=70, timestamp=1_000, committed_at=1_000, table_format="iceberg", operation="append", rows=5,
            bytes=99, files=1, application_id="local-1",
        ),
    )  # fmt: skip
    assert versions(logs.candidates(place, replace(sought, rows=6), "iceberg")) == [50]
    assert logs.candidates(place, replace(sought, operation="CLONE"), "iceberg") == ()
    assert versions(logs.candidates(place, replace(sought, operation="MERGE", rows=1), "iceberg")) == [50]
    assert (
        logs.commit(place, 50, "iceberg")
        == logs.candidates(place, replace(sought, started_at=1_500), "iceberg")[0]
    )


def test_of_two_metadata_files_of_one_number_only_what_both_say_counts(tmp_path: Path) -> None:
    metadata(tmp_path, "00002-aa.metadata.json", FIRST, SECOND)
    metadata(tmp_path, "00002-bb.metadata.json", FIRST)
    assert versions(candidates(str(tmp_path), "INSERT", 0, None, table_format="iceberg")) == [70]


def test_snapshots_that_expired_decide_nothing(tmp_path: Path) -> None:
    metadata(tmp_path, "v3.metadata.json", SECOND)
    logs = Logs()
    assert logs.candidates(str(tmp_path), Sought("INSERT", 500, 2_500), "iceberg") == ()
    assert logs.forgotten == {str(tmp_path)}
    assert versions(logs.candidates(str(tmp_path), Sought("INSERT", 2_000, 2_500), "iceberg")) == [50]


@pytest.mark.parametrize(
    "content", [b"{", b"\x1f\x8bnot", b'{"snapshots":[{}]}', b'{"snapshots":7}', b"[]", b"\xff"]
)
def test_damaged_metadata_is_one_half_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "v1.metadata.json").write_bytes(content)
    logs = Logs()
    assert logs.candidates(str(tmp_path), Sought("INSERT", 0, None), "iceberg") == ()
    assert logs.unreadable == {str(tmp_path): "its metadata file is damaged"}


def test_a_plan_s_operations_are_those_that_the_logs_name() -> None:
    made = Commit(1, 5, 5, operation="WRITE", mode="Overwrite")
    assert fits(made, Sought("OVERWRITE", 0, 9))
    assert not fits(made, Sought("INSERT", 0, 9))
    assert fits(replace(made, mode="ErrorIfExists"), Sought("OVERWRITE", 0, 9))
    assert not fits(replace(made, mode="Append"), Sought("OVERWRITE", 0, 9))
    created = replace(made, operation="CREATE OR REPLACE TABLE AS SELECT", mode=None)
    assert fits(created, Sought("REPLACE TABLE AS SELECT", 0, 9))
    assert not fits(created, Sought("NO SUCH OPERATION", 0, 9))
