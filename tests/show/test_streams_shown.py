"""Streaming queries on a terminal of 80 columns, in a notebook, and on the command line."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from query.lineage_rows import store_of
from support.streams import HISTORY, QUERY
from test_html import read, spoil

from spark_lineage.model import Batch
from spark_lineage.query.local import LocalEngine
from spark_lineage.show import cli
from spark_lineage.show.answer import plain_text
from spark_lineage.show.html.streams import stream_html, streams_html
from spark_lineage.show.text.streams import stream_text, streams_text

HEAD = """\
clicks  running
query 5f0c5f0c-0000-0000-0000-000000000001
6 batches, 3 starts, 1 batch failed, 12 rows read
last batch 3 at 2023-11-14 22:16:44 UTC, 3 rows, 2.0 s, 1.5 rows/s
watermark 2023-11-14 22:06:44 UTC, 10 min behind the clock
state 6 rows, 2.5 KiB; 6 late rows dropped in all
writes w/out
"""
TAIL = """
Full names
  w/out  /w/out
"""
LIST = f"""{HEAD}
1 streaming query
{TAIL}"""
ONE = f"""{HEAD}
Bounds of time
  EventTimeWatermark  watermark of at, 10 minutes late

Last batch
  source  KafkaV2[Subscribe[t]], 3 rows
          from {{"t": {{"0": 9}}}} up to {{"t": {{"0": 12}}}}
  state   dedupe, 5 rows kept, 2.0 KiB, 1 row too late
  state   save, 1 row kept, 512 B, 2 rows too late
  sink    S, 3 rows
  time    addBatch 1.5 s, walCommit 40 ms

Starts
  2023-11-14 22:16:43  running   batch 3, 3 rows, shop
  2023-11-14 22:14:59  ended     batches 2 to 3, 3 rows, ran 7.0 s, shop
  2023-11-14 22:13:20  failed    batches 0 to 2, 6 rows, ran 9.0 s, shop
                                 org.apache.spark.SparkArithmeticException
                                 [DIVIDE_BY_ZERO]: Division by zero.

Batches
  batch   outcome    started              took        rows       kept      late
  3       complete   2023-11-14 22:16:44  2.0 s       3          6         3
          This number had completed before: the checkpoint was set back, and the
          batch ran again.
  3       complete   2023-11-14 22:15:04                         5         1
  2       complete   2023-11-14 22:15:00  2.0 s       3          5         1
  2       failed     2023-11-14 22:13:27
          Division by zero. (SparkArithmeticException)
  1       complete   2023-11-14 22:13:24  2.0 s       3          5         1
  1 older batch left out: see --limit.
{TAIL}"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("streams") / "store"
    store_of(path, HISTORY)
    return path


@pytest.fixture(scope="module")
def engine(store: Path) -> LocalEngine:
    return LocalEngine(store_of(store))


def answer_of(engine: LocalEngine, limit: int | None = 5) -> dict[str, Any]:
    return copy.deepcopy(engine.stream("clicks", limit).to_dict())


def test_streams_as_text(engine: LocalEngine) -> None:
    assert plain_text(streams_text(engine.streams().to_dict())) + "\n" == LIST
    assert plain_text(stream_text(answer_of(engine))) + "\n" == ONE


def test_a_store_without_streams(tmp_path: Path) -> None:
    answer = LocalEngine(store_of(tmp_path / "store", Batch())).streams().to_dict()
    assert plain_text(streams_text(answer)) == (
        "There are no streaming queries in this store yet: run one with lineage on."
    )
    assert read(streams_html(answer)).rows == []


def test_what_is_not_known_is_not_told(engine: LocalEngine) -> None:
    answer = answer_of(engine)
    for key in (
        "last_batch",
        "processed_rows_per_second",
        "watermark_lag_ms",
        "state_rows",
        "state_bytes",
        "late_rows",
        "input_rows",
        "name",
    ):
        answer[key] = None
    answer |= {
        "batches": [],
        "batches_count": 0,
        "operators": [],
        "targets": [],
        "failed_batches": 0,
        "starts_count": 1,
    }
    nothing = {
        "started_at": None,
        "ended_at": None,
        "batches_count": 0,
        "first_batch": None,
        "last_batch": None,
        "input_rows": None,
    }
    answer["starts"] = [
        {**answer["starts"][0], **nothing, "application": {"run": "b", "id": None, "name": None}}
    ]
    assert plain_text(stream_text(answer)) == (
        f"{QUERY}  running\n0 batches, 1 start\n\nStarts\n  start not seen       running   no batch"
    )


def test_streams_in_a_notebook(engine: LocalEngine) -> None:
    rows = read(stream_html(answer_of(engine))).rows
    assert ["EventTimeWatermark", "watermark of at, 10 minutes late"] in rows
    assert [
        "3", "complete", "2023-11-14 22:16:44", "2.0 s", "3", "6", "3",
        "This number had completed before: the checkpoint was set back, and the batch ran again.",
    ] in rows  # fmt: skip
    assert [
        "2",
        "failed",
        "2023-11-14 22:13:27",
        "",
        "",
        "",
        "",
        "Division by zero. (SparkArithmeticException)",
    ] in rows
    rows = read(streams_html(engine.streams().to_dict())).rows
    assert tuple(rows[1][:2]) == ("running", "clicks")


def test_hostile_texts_are_shown_and_never_markup(engine: LocalEngine) -> None:
    answer = spoil(answer_of(engine))
    for item in (*answer["starts"], *answer["batches"], answer["last_batch"]):
        for key in ("started_at", "ended_at", "watermark"):
            if item.get(key):
                item[key] = "2026-11-20T03:04:05.000Z"
    read(stream_html(answer))
    text = plain_text(stream_text(answer)).partition("Full names")[0]  # paths stay whole to be copied
    for line in text.splitlines():
        assert len(line) <= 80
        assert line.isprintable()


def run(capfd: pytest.CaptureFixture[str], store: Path, *words: str) -> tuple[int, str, str]:
    exit_code = cli.main(["stream", *words, "--store", str(store), "--no-ingest"])
    return exit_code, *capfd.readouterr()


def test_the_command(capfd: pytest.CaptureFixture[str], store: Path, engine: LocalEngine) -> None:
    assert run(capfd, store) == (0, LIST, "")
    assert run(capfd, store, "clicks", "--limit", "5") == (0, ONE, "")
    exit_code, out, err = run(capfd, store, "5f0c", "--json")
    assert (exit_code, json.loads(out), err) == (0, answer_of(engine, 20), "")
    message = (
        'error: There is no streaming query "cl" in the store: `spark-lineage stream` lists those that ran.\n'
    )
    assert run(capfd, store, "cl") == (2, "", message)
