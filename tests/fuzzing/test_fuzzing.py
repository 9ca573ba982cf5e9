"""Decoder and analyzer on records that were changed at random: lineage or a refusal, never another error.

`TORTURE=all` fuzzes for an hour in all (`TORTURE_SECONDS`), guided by coverage; what was done is kept in .cache/torture/fuzzing. A crash
takes back the time of the code that it was found in, and what made it is among the first inputs of every run after it.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support import torture
from support.paths import REPOSITORY
from support.torture import ALL, Passed, parts

from fuzzing.invariants import REFUSED, outcome
from fuzzing.mutations import mutated
from fuzzing.segments import ingested

HERE = Path(__file__).parent
RECORDED = [json.loads(line) for line in (HERE / "recorded.jsonl").read_text(encoding="utf-8").splitlines()]
CRASHES = sorted((HERE / "crashes").iterdir())
PIECE_SECONDS = 60
SPOOLS = parts(range(int(os.environ.get("TORTURE_SPOOLS", "20000"))), 1_000) if ALL else [range(60)]


def test_what_was_recorded_is_understood() -> None:
    found = Counter(outcome(json.dumps(record).encode()) for record in RECORDED)
    assert REFUSED not in found
    assert found["PlanRecord"] == 27


@pytest.mark.parametrize("crash", CRASHES, ids=lambda path: path.stem)
def test_what_once_broke_it_is_refused(crash: Path) -> None:
    assert outcome(crash.read_bytes()) == REFUSED


@pytest.mark.parametrize("seed", range(4))
def test_changed_records_give_lineage_or_a_refusal(seed: int) -> None:
    rng = random.Random(seed)
    found = Counter(outcome(mutated(rng.choice(RECORDED), rng.sample(RECORDED, 3), rng)) for _ in range(500))
    assert found[REFUSED] > 100
    assert found["PlanRecord"] > 20


@pytest.mark.torture("fuzzing-spools")
@pytest.mark.parametrize("spools", SPOOLS, ids=lambda spools: f"{spools[0]}-{spools[-1]}")
def test_an_ingest_of_changed_records_tells_what_stands_beside_them(
    spools: range, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    refused = sum(ingested(RECORDED, random.Random(seed), tmp_path) for seed in spools)
    assert refused > len(spools)
    print(f"{len(spools)} spools, {refused} records refused")
    record_property("spools", len(spools))


def fuzz(passed: Passed, seconds: int) -> None:
    """Fuzz so long in a process of its own, and note it. libFuzzer and its bindings grow with every input that they make, so each
    process has a part of the corpus, and all that has ever made a crash."""
    place = torture.FOLDER / "fuzzing"
    corpus, crashes, work = place / "corpus", place / "crashes", place / "work"
    shutil.rmtree(work, ignore_errors=True)
    for folder in (corpus, crashes, work / "corpus"):
        folder.mkdir(parents=True, exist_ok=True)
    kept = sorted(corpus.iterdir())
    chosen = random.Random(len(passed.pieces)).sample(kept, min(len(kept), 300))
    for each in (*chosen, *crashes.iterdir()):
        shutil.copy(each, work / "corpus")
    began = time.monotonic()
    command = [sys.executable, str(HERE / "fuzz.py"), str(work), f"-max_total_time={seconds}"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    }
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode != 0:
        for each in work.glob("crash-*"):
            shutil.copy(each, crashes)
        passed.forget()
        raise AssertionError(result.stderr[-3_000:])
    for each in (work / "corpus").iterdir():
        shutil.copy(each, corpus)
    runs = re.search(r"number_of_executed_units:\s*(\d+)", result.stderr)
    inputs = int(runs[1]) if runs else 0
    passed.note(f"part {len(passed.pieces)}", time.monotonic() - began, fuzzed_seconds=seconds, inputs=inputs)
    print(f"fuzzed {seconds} s, {inputs} inputs, {len(kept)} kept before", flush=True)


@pytest.mark.skipif(not ALL, reason="an hour of fuzzing: TORTURE=all")
def test_an_hour_of_fuzzing() -> None:
    wanted = int(os.environ.get("TORTURE_SECONDS", "3600"))
    passed = Passed("fuzzing")
    while (left := wanted - int(passed.total("fuzzed_seconds"))) > 0:
        fuzz(passed, min(PIECE_SECONDS, left))
    print(passed)


def test_a_crash_counts_as_no_time_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def crashes(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        work = Path(command[2])
        tried.append(sorted(each.name for each in (work / "corpus").iterdir()))
        broken = len(tried) == 2
        (work / ("crash-1" if broken else "corpus/new")).write_text("{}")
        return subprocess.CompletedProcess(command, int(broken), stderr="stat::number_of_executed_units: 5")

    monkeypatch.setattr(torture, "FOLDER", tmp_path)
    monkeypatch.setattr(subprocess, "run", crashes)
    passed = Passed("fuzzing")
    fuzz(passed, 60)
    assert (passed.total("fuzzed_seconds"), passed.total("inputs")) == (60, 5)
    with pytest.raises(AssertionError):
        fuzz(passed, 60)
    assert Passed("fuzzing").pieces == {}
    fuzz(passed, 60)
    assert tried == [[], ["new"], ["crash-1", "new"]]
    assert Passed("fuzzing").total("fuzzed_seconds") == 60
