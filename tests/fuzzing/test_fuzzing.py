"""Decoder and analyzer on records that were changed at random: lineage or a refusal, never another error.

`TORTURE=all` fuzzes for an hour in all (`TORTURE_SECONDS`), guided by coverage; what was done is kept in .cache/torture/fuzzing.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.paths import REPOSITORY

from fuzzing.invariants import REFUSED, outcome
from fuzzing.mutations import mutated
from fuzzing.segments import ingested

HERE = Path(__file__).parent
RECORDED = [json.loads(line) for line in (HERE / "recorded.jsonl").read_text(encoding="utf-8").splitlines()]
CRASHES = sorted((HERE / "crashes").iterdir())
STATE = REPOSITORY / ".cache" / "torture" / "fuzzing"
PIECE_SECONDS = 60


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


def test_an_ingest_of_changed_records_tells_what_stands_beside_them(tmp_path: Path) -> None:
    cases = int(os.environ.get("TORTURE_SPOOLS", "20000")) if os.environ.get("TORTURE") == "all" else 60
    refused = sum(ingested(RECORDED, random.Random(seed), tmp_path) for seed in range(cases))
    assert refused > cases
    print(f"{cases} spools, {refused} records refused")


@pytest.mark.skipif(os.environ.get("TORTURE") != "all", reason="an hour of fuzzing: TORTURE=all")
def test_an_hour_of_fuzzing() -> None:
    wanted = int(os.environ.get("TORTURE_SECONDS", "3600"))
    STATE.mkdir(parents=True, exist_ok=True)
    done_file = STATE / "seconds"
    done = int(done_file.read_text()) if done_file.exists() else 0
    corpus, work = STATE / "corpus", STATE / "work"
    corpus.mkdir(exist_ok=True)
    while done < wanted:
        # libFuzzer and its bindings grow with every input that they make, so each process has a part of the corpus and a minute
        shutil.rmtree(work, ignore_errors=True)
        (work / "corpus").mkdir(parents=True)
        kept = sorted(corpus.iterdir())
        for each in random.Random(done).sample(kept, min(len(kept), 300)):
            shutil.copy(each, work / "corpus" / each.name)
        piece = min(PIECE_SECONDS, wanted - done)
        command = [sys.executable, str(HERE / "fuzz.py"), str(work), f"-max_total_time={piece}"]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
        }
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert result.returncode == 0, result.stderr[-3_000:]
        for each in (work / "corpus").iterdir():
            shutil.copy(each, corpus / each.name)
        done += piece
        done_file.write_text(str(done))
        runs = [line for line in result.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"fuzzed {done} of {wanted} s, {len(kept)} inputs kept; {' '.join(runs)}", flush=True)
