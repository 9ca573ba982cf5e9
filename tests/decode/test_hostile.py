"""Records made to hurt: read or refused with one sentence, in bounded memory; what stands beside them is read all the same.

`make test` takes those of a few megabytes and some of 64; `TORTURE=all` all of them, and a segment of 1 GB. `bench/hostile.py` measures the time.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from decode.hostile import RECORDS
from support.paths import REPOSITORY
from support.torture import ALL

import spark_lineage
from spark_lineage.capture import spool as spools
from spark_lineage.pipeline import ingest
from spark_lineage.show.cli import main
from spark_lineage.store.memory import MemoryStore
from tests.analyze.building import PlanBuilder

READ = {
    "a text of 64 MB",
    "escapes of 64 MB",
    "white space of 64 MB",
    "as many literals as fit",
    "a chain of 60,000",
    "a chain of 250,000",
    "a fraction of 1,000,000 digits",
    "a key a million times",
}
"""Those that say nothing wrong; all others are refused."""

REFUSED_SECONDS = 3
"""Of CPU time, for a refusal: three times what `bench/hostile.py` asks for, so that a machine that is busy does not fail it."""

LARGE = [
    name
    for name in RECORDS
    if any(word in name for word in ("fit", "64 MB", "50 MB", "frame", "chain of 250,000"))
]
SMALL = [name for name in RECORDS if name not in LARGE]
SAMPLE = ["a name of 64 MB", "as many nodes as fit", "as many facts of a run as fit"]
GROUPS = [SMALL, *([LARGE[start : start + 6] for start in range(0, len(LARGE), 6)] if ALL else [SAMPLE])]


def _told_of(names: list[str]) -> list[list[Any]]:
    """What a process with 512 MB tells of some records, or of a spool."""
    command = [sys.executable, str(Path(__file__).with_name("hostile.py")), *names]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr[-2_000:]
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.torture("hostile")
@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_a_record_is_read_or_refused_within_512_mb(
    names: list[str], record_property: Callable[[str, object], None]
) -> None:
    found = _told_of(names)
    assert [name for name, *_ in found] == names
    for name, outcome, seconds, peak_mb, size in found:
        assert outcome == "read" if name in READ else outcome.startswith("refused: "), (name, outcome)
        assert name in READ or seconds < REFUSED_SECONDS, (name, seconds)
        print(f"{name}: {outcome[:60]}; {size:,} bytes, {seconds} s of CPU time, {peak_mb} MB so far")
    record_property("records", len(names))


def _write(spool: Path, name: str, payloads: list[bytes]) -> None:
    spool.mkdir(exist_ok=True)
    frames = [struct.pack(">II", len(each), zlib.crc32(each)) + each for each in payloads]
    (spool / name).write_bytes(spools.MAGIC + b"".join(frames))


def _application(bridge: str, name: str = "app") -> bytes:
    return json.dumps({"v": 1, "kind": "application", "bridge": bridge, "application_name": name}).encode()


def test_what_stands_beside_hostile_records_is_ingested(tmp_path: Path) -> None:
    names = [name for name in SMALL if name not in READ]
    gap = b'{"v":1,"kind":"gap","bridge":"b","reason":"spool_failed","count":7}'
    payloads = [_application("b"), *[RECORDS[name]() for name in names], gap]
    _write(tmp_path / "spool", "b-00000001.seg", payloads)
    store = MemoryStore()
    report = ingest(tmp_path / "spool", store)
    assert report.bad_records == len(names)
    assert [row["code"] for row in store.rows["problems"] if row["code"] == "gap"] == ["gap"]
    assert len(spools.kept_aside(tmp_path / "spool")) == len(names)
    assert all(len(each) < 1_200 and "\n" not in each for each in report.messages)
    assert len(report.messages) == len(names)


@pytest.mark.torture("hostile")
@pytest.mark.skipif(not ALL, reason="1 GB of disk: TORTURE=all")
@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (struct.pack(">II", 1 << 30, 0) + b'{"v":1,', f"a frame of {1 << 30} bytes is above the limit of 67108864."),
        (b"", f"{(1 << 30) - 89} zero bytes were never written to."),
    ],
    ids=["frame", "zeros"],
)  # fmt: skip
def test_1_gb_that_is_no_record_is_refused_within_512_mb(tmp_path: Path, start: bytes, sentence: str) -> None:
    spool = tmp_path / "spool"
    _write(spool, "b-00000001.seg", [_application("b")])
    with (spool / "b-00000001.seg").open("ab") as file:
        file.write(start)
        file.truncate(1 << 30)
    ((_, told, seconds, *_),) = _told_of([str(spool)])
    where = f"Segment b-00000001.seg at byte 89: {sentence} It is kept in {spool / 'bad'}."
    assert told == f"refused: ({where!r},)"
    print(f"1 GB: {seconds} s of CPU time")


def test_no_name_in_a_record_leads_out_of_the_spool(tmp_path: Path) -> None:
    bridge, spool = "../../../out", tmp_path / "a" / "b" / "spool"
    spool.parent.mkdir(parents=True)
    plan = PlanBuilder()
    child, _ = plan.files("file:/in", ["a"])
    section = plan.section(plan.insert(child, "../../../../out", ["a"]))
    execution = {
        "v": 1,
        "kind": "execution",
        "bridge": bridge,
        "execution_id": 1,
        "plan": "../../h",
        "user": "../../x",
    }
    payloads = [_application(bridge, "../../app"), json.dumps(section | {"hash": "../../h"}).encode()]
    _write(
        spool,
        "..-..-out-00000001.seg",
        [*payloads, json.dumps(execution).encode(), b'{"v":1,"kind":"../../x"}'],
    )
    before = {each for each in tmp_path.rglob("*") if spool not in each.parents}
    report = ingest(spool, tmp_path / "a" / "store")
    assert (report.bad_records, report.executions) == (1, 1)
    offset = len(spools.MAGIC) + sum(8 + len(each) for each in [*payloads, json.dumps(execution)])
    digest = hashlib.blake2b(b'{"v":1,"kind":"../../x"}', digest_size=8).hexdigest()
    assert [each.name for each in spools.kept_aside(spool)] == [f"..-..-out-00000001-{offset}-{digest}.frame"]
    made = {each for each in tmp_path.rglob("*") if spool not in each.parents} - before
    assert {each.relative_to(tmp_path).parts[:2] for each in made} == {("a", "store")}


ODD = (
    "[red]o[/red]\x1b[2J\x07\u202e<script>alert(1)</script>'; DROP TABLE runs; --\x00\x9b31m\u2066{{7*7}}%s\r"
)
"""Markup, a terminal's commands, a text from right to left, HTML, SQL."""

UNSAFE = {"Cc", "Cf"}


def _odd_store(folder: Path) -> Path:
    plan = PlanBuilder()
    child, (column,) = plan.files(f"file:/in/{ODD}", [ODD])
    out = plan.attribute(ODD)
    child = plan.operator("Project", [out], projectList=[plan.alias(column, out)], child=child)
    section: dict[str, Any] = plan.section(plan.insert(child, f"file:/out/{ODD}", [ODD]))
    execution = {
        "v": 1,
        "kind": "execution",
        "bridge": "b",
        "execution_id": 1,
        "plan": section["hash"],
        "state": "FAILED",
        "error": {"class": ODD, "message": ODD, "condition": ODD, "sqlstate": ODD},
        "description": ODD,
        "call_site": ODD,
        "job_group": ODD,
        "sql_text": ODD,
        "user": ODD,
        "started_at": 1,
        "ended_at": 2,
        "stages": [{"stage_id": 0, "name": ODD, "state": "FAILED", "failure": ODD}],
    }
    stream = {
        "v": 3,
        "kind": "stream_start",
        "bridge": "b",
        "query_id": ODD,
        "run_id": "r",
        "name": ODD,
        "at": 1,
    }
    gap = {"v": 1, "kind": "gap", "bridge": "b", "reason": ODD, "message": ODD}
    records = [json.dumps(each).encode() for each in (section, execution, stream, gap)]
    _write(folder / "spool", "b-00000001.seg", [_application("b", ODD), *records])
    ingest(folder / "spool", folder / "store")
    return folder / "store"


def test_names_do_nothing_to_a_terminal_or_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = _odd_store(tmp_path)
    place = ["--store", str(store), "--no-ingest"]
    capsys.readouterr()
    seen = ""
    lineage = spark_lineage.open(store)
    names = [each["name"] for each in lineage.tables().to_dict()["tables"]]
    asked = [
        ["tables"],
        ["runs"],
        ["problems"],
        ["drift"],
        ["unusual"],
        ["freshness"],
        ["stream"],
        ["search", "red"],
        ["run", "b:1"],
    ]
    for name in names:
        quoted = f"`{name}`"
        asked += [
            [word, quoted]
            for word in ("table", "upstream", "downstream", "why", "impact", "diff", "freshness")
        ]
        for answer in (lineage.table(quoted), lineage.upstream(quoted)):
            assert "<script>alert" not in answer._repr_html_()
    for words in (*asked, ["table", ODD], ["run", ODD], ["diff", ODD]):
        main([*words, *place])
        printed = capsys.readouterr()
        seen += printed.out + printed.err
    odd = {f"{ord(each):x}" for each in seen if unicodedata.category(each) in UNSAFE and each not in "\n\t"}
    assert odd == set()
    assert "[red]o[/red]" in seen
    assert "fault of spark-lineage" not in seen
