"""Streaming queries: one history over restarts, failed batches, batches that ran again, and rows that lack much."""

from __future__ import annotations

from pathlib import Path

import pytest
from lineage_rows import BRIDGE, dataset_id, run, store_of
from support.streams import (
    DIVIDED,
    FIRST,
    HISTORY,
    LATER,
    QUERY,
    REASON,
    SECOND,
    THIRD,
    batch_run,
    event,
    second,
)

from spark_lineage.errors import NameLookupError
from spark_lineage.model import Batch, RunState, StreamBatch
from spark_lineage.query.local import LocalEngine


@pytest.fixture
def engine(tmp_path: Path) -> LocalEngine:
    return LocalEngine(store_of(tmp_path / "store", HISTORY))


def test_the_history_of_a_query_goes_over_its_starts(engine: LocalEngine) -> None:
    answer = engine.stream("clicks").to_dict()
    assert [
        (each["batch_id"], each["stream_run_id"], each["outcome"], each["repeated"], each["runs"], each["late_rows"])
        for each in answer["batches"]
    ] == [
        (3, THIRD, "COMPLETE", True, [f"{LATER}:12"], 3),
        (3, SECOND, "COMPLETE", False, [f"{LATER}:8"], 1),
        (2, SECOND, "COMPLETE", False, [f"{LATER}:4", f"{LATER}:6"], 1),
        (2, FIRST, "FAILED", False, [f"{BRIDGE}:7"], None),
        (1, FIRST, "COMPLETE", False, [f"{BRIDGE}:5"], 1),
        (0, FIRST, "COMPLETE", False, [f"{BRIDGE}:3"], 0),
    ]  # fmt: skip
    assert answer["batches"][3]["error"] == {"class": DIVIDED, "message": "Division by zero."}
    assert [each["error"] for each in answer["batches"] if each["error"]] == [answer["batches"][3]["error"]]
    shop = {"id": "local-1", "name": "shop"}
    assert answer["starts"] == [
        {"stream_run_id": THIRD, "application": {"run": LATER, **shop}, "state": "running", "started_at": second(203),
         "ended_at": None, "error": None, "batches_count": 1, "first_batch": 3, "last_batch": 3, "input_rows": 3},
        {"stream_run_id": SECOND, "application": {"run": LATER, **shop}, "state": "ended", "started_at": second(99),
         "ended_at": second(106), "error": None, "batches_count": 2, "first_batch": 2, "last_batch": 3, "input_rows": 3},
        {"stream_run_id": FIRST, "application": {"run": BRIDGE, **shop}, "state": "failed", "started_at": second(0),
         "ended_at": second(9), "error": REASON, "batches_count": 3, "first_batch": 0, "last_batch": 2, "input_rows": 6},
    ]  # fmt: skip
    assert answer["operators"] == [
        {
            "id": "EventTimeWatermark#0",
            "name": "EventTimeWatermark",
            "detail": "watermark of at, 10 minutes late",
        }
    ]


def test_the_list_says_how_each_query_is(engine: LocalEngine) -> None:
    (found,) = engine.streams().to_dict()["streams"]
    assert found == {
        "query_id": QUERY, "name": "clicks", "state": "running", "error": None,
        "application": {"run": LATER, "id": "local-1", "name": "shop"},
        "starts_count": 3, "batches_count": 6, "failed_batches": 1, "input_rows": 12, "late_rows": 6,
        "last_batch": {
            "batch_id": 3, "stream_run_id": THIRD, "started_at": second(204), "duration_ms": 2000, "input_rows": 3,
            "output_rows": 3, "watermark": "2023-11-14T22:06:44.000Z", "events_from": second(0),
            "events_until": "2023-11-14T22:13:20.001Z",
            "sources": [{"description": "KafkaV2[Subscribe[t]]", "start": {"t": {"0": 9}}, "end": {"t": {"0": 12}}, "rows": 3}],
            "sink": "S",
            "state": [
                {"name": "dedupe", "rows": 5, "updated_rows": 2, "removed_rows": 1, "late_rows": 1, "memory_bytes": 2048},
                {"name": "save", "rows": 1, "updated_rows": 1, "removed_rows": 0, "late_rows": 2, "memory_bytes": 512},
            ],
            "durations": [{"name": "addBatch", "ms": 1500}, {"name": "walCommit", "ms": 40}],
        },
        "processed_rows_per_second": 1.5, "watermark_lag_ms": 600_000, "state_rows": 6, "state_bytes": 2560,
        "targets": [{"namespace": "file", "name": dataset_id("out").name, "aliases": []}],
    }  # fmt: skip


def test_a_limit_leaves_out_the_oldest(engine: LocalEngine) -> None:
    answer = engine.stream(QUERY[:6], 2).to_dict()
    assert [each["stream_run_id"] for each in answer["batches"]] == [THIRD, SECOND]
    assert answer["batches_count"] == 6


@pytest.mark.parametrize(
    ("application", "state"),
    [
        (None, "running"),
        (RunState.RUNNING, "running"),
        (RunState.COMPLETE, "ended"),
        (RunState.FAILED, "ended"),
        (RunState.UNKNOWN, "unknown"),
    ],
)
def test_a_query_without_an_end_ended_with_its_application(
    tmp_path: Path, application: RunState | None, state: str
) -> None:
    runs = (
        [run(0, None, None, 900, run_id=LATER, kind="application", state=application)] if application else []
    )
    store = store_of(tmp_path / "store", HISTORY, Batch(runs=tuple(runs)))
    assert LocalEngine(store).streams().to_dict()["streams"][0]["state"] == state


def test_rows_of_older_bridges_and_of_queries_that_did_nothing(tmp_path: Path) -> None:
    old, idle, bare = "old-query", "idle-query", "bare-query"
    rows = Batch(
        runs=(
            batch_run(BRIDGE, 2, 5, 50, query_id=old),
            batch_run(BRIDGE, 3, 6, 51, query_id=old, state=RunState.CANCELLED),
        ),
        batches=(StreamBatch(bare, -3, "rb", BRIDGE), StreamBatch(bare, -4, "rb", BRIDGE)),
        events=(
            event(70, "stream_started", "ri", "waits", idle),
            event(71, "stream_ended", "rn", "Odd", "never-started"),
        ),
    )
    engine = LocalEngine(store_of(tmp_path / "store", rows))
    found = engine.streams().to_dict()["streams"]
    assert [
        (each["query_id"], each["name"], each["state"], each["error"], each["batches_count"], each["input_rows"])
        for each in found
    ] == [
        ("never-started", None, "failed", "Odd", 0, None),
        (idle, "waits", "running", None, 0, None),
        (old, None, "unknown", None, 2, None),
        (bare, None, "running", None, 2, None),
    ]  # fmt: skip
    assert {each["watermark_lag_ms"] for each in found} == {None}
    answer = engine.stream("old-query").to_dict()
    assert [(each["batch_id"], each["outcome"], each["stream_run_id"]) for each in answer["batches"]] == [
        (6, "CANCELLED", None),
        (5, "COMPLETE", None),
    ]
    assert [each["batch_id"] for each in engine.stream(bare).to_dict()["batches"]] == [-3, -4]
    assert engine.stream(bare).to_dict()["batches"][0]["started_at"] is None


def test_names_that_mean_nothing_or_too_much(tmp_path: Path) -> None:
    other = "5f0c5f0c-0000-0000-0000-000000000002"
    rows = Batch(batches=(StreamBatch(other, 0, "r", LATER, "clicks"), StreamBatch("7777", 0, "r", LATER)))
    engine = LocalEngine(store_of(tmp_path / "store", HISTORY, rows))
    with pytest.raises(NameLookupError) as unknown:
        engine.stream("click")
    assert str(unknown.value) == (
        'There is no streaming query "click" in the store: `spark-lineage stream` lists those that ran.'
    )
    assert unknown.value.candidates == ("clicks",)
    for several in ("clicks", "5f0c"):
        with pytest.raises(NameLookupError) as ambiguous:
            engine.stream(several)
        assert ambiguous.value.candidates == (QUERY, other)
    assert engine.stream("7777").to_dict()["query_id"] == "7777"
