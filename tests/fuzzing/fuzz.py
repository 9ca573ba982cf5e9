"""Coverage-guided fuzzing of decoder and analyzer with atheris: `python fuzz.py FOLDER -max_total_time=300`.

Inputs that reach new code are kept in FOLDER/corpus, and the next run begins with them; one that breaks an invariant is written
to FOLDER/crash-..., and the process ends with an error.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import atheris

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

with atheris.instrument_imports(include=["spark_lineage"]):
    from fuzzing.invariants import outcome

from fuzzing.mutations import mutated  # noqa: E402 - the path is set above

RECORDED = [json.loads(line) for line in (HERE / "recorded.jsonl").read_text(encoding="utf-8").splitlines()]


def one_input(data: bytes) -> None:
    """What libFuzzer calls: anything raised is a crash."""
    outcome(data)


def changed(data: bytes, max_size: int, seed: int) -> bytes:
    """libFuzzer's next input: the given one changed as JSON, or, where it is none, a recorded one."""
    rng = random.Random(seed)
    try:
        record: Any = json.loads(data)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or rng.random() < 0.1:
        record = rng.choice(RECORDED)
    try:
        payload = mutated(record, rng.sample(RECORDED, 3), rng)
    except RecursionError:  # it is too deep to be changed further
        payload = mutated(rng.choice(RECORDED), RECORDED[:3], rng)
    return payload if len(payload) <= max_size else data[:max_size]


if __name__ == "__main__":
    arguments = [f"{sys.executable} {sys.argv[0]}", *sys.argv[1:]]  # libFuzzer calls itself where it merges
    if not sys.argv[1].startswith("-"):
        folder = Path(sys.argv[1])
        corpus = folder / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, record in enumerate(RECORDED):
            (corpus / f"recorded-{number}").write_text(json.dumps(record), encoding="utf-8")
        # libFuzzer itself grows with its corpus; what one record may cost is held by tests/decode/test_hostile.py
        words = [
            "-max_len=400000",
            "-timeout=30",
            "-rss_limit_mb=3072",
            "-verbosity=0",
            "-print_final_stats=1",
            f"-artifact_prefix={folder}/crash-",
        ]
        arguments = [arguments[0], *words, *sys.argv[2:], str(corpus)]
    atheris.Setup(arguments, one_input, custom_mutator=changed)
    atheris.Fuzz()
