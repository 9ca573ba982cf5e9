"""Decoder and analyzer on records that were changed at random: lineage or a refusal, never another error.

`TORTURE=all` fuzzes for an hour in all (`TORTURE_SECONDS`), guided by coverage; what was done is kept in .cache/torture/fuzzing.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.paths import REPOSITORY

from fuzzing.invariants import REFUSED, outcome
from fuzzing.mutations import mutated

HERE = Path(__file__).parent
RECORDED = [json.loads(line) for line in (HERE / "recorded.jsonl").read_text(encoding="utf-8").splitlines()]
CRASHES = sorted((HERE / "crashes").iterdir())
STATE = REPOSITORY / ".cache" / "torture" / "fuzzing"
PIECE_SECONDS = 300


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


@pytest.mark.skipif(os.environ.get("TORTURE") != "all", reason="an hour of fuzzing: TORTURE=all")
def test_an_hour_of_fuzzing() -> None:
    wanted = int(os.environ.get("TORTURE_SECONDS", "3600"))
    STATE.mkdir(parents=True, exist_ok=True)
    done_file = STATE / "seconds"
    done = int(done_file.read_text()) if done_file.exists() else 0
    while done < wanted:
        piece = min(PIECE_SECONDS, wanted - done)
        command = [sys.executable, str(HERE / "fuzz.py"), str(STATE), f"-max_total_time={piece}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-3_000:]
        done += piece
        done_file.write_text(str(done))
        kept = sum(1 for _ in (STATE / "corpus").iterdir())
        runs = [line for line in result.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"fuzzed {done} of {wanted} s, {kept} inputs kept; {' '.join(runs)}")
