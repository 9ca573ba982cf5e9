"""Whole spools of changed records: what an ingest makes of records that fit the format and make no sense together."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fuzzing.mutations import mutated
from spark_lineage.capture import spool as spools
from spark_lineage.pipeline import ingest
from spark_lineage.store.memory import MemoryStore

WHOLE = [
    {"v": 1, "kind": "application", "bridge": "whole", "application_name": "whole"},
    {"v": 1, "kind": "gap", "bridge": "whole", "reason": "spool_failed", "count": 7, "at": 1},
]
"""An application that nothing was done to: whatever stands beside it, its loss is told."""


def ingested(recorded: Sequence[Any], rng: random.Random, folder: Path) -> int:
    """Ingest a spool of some records, changed and shuffled, beside a whole application; how many records were refused."""
    spool = folder / "spool"
    spool.mkdir(parents=True, exist_ok=True)
    application = next(each for each in recorded if each["kind"] == "application")
    records = rng.sample(list(recorded), rng.randint(3, 12))
    plans = [each for each in recorded if each["kind"] == "plan"]
    named = [
        {**each, "plan": rng.choice(plans)["hash"]} if "plan" in each and rng.random() < 0.5 else each
        for each in records
    ]
    payloads = [
        mutated(each, recorded, rng) if rng.random() < 0.7 else json.dumps(each).encode() for each in named
    ]
    _write(spool, "a-00000001.seg", [json.dumps(application).encode(), *payloads])
    _write(spool, "whole-00000001.seg", [json.dumps(each).encode() for each in WHOLE])
    store = MemoryStore()
    report = ingest(spool, store)
    told = [
        row["run_id"] for row in store.rows["problems"] if row["code"] == "gap" and row["run_id"] == "whole"
    ]
    assert told == ["whole"]
    assert not spools.segments(spool), "what was ingested is gone, what was refused is kept aside"
    for each in spools.kept_aside(spool):
        each.unlink()
    return report.bad_records


def _write(spool: Path, name: str, payloads: Sequence[bytes]) -> None:
    frames = [struct.pack(">II", len(each), zlib.crc32(each)) + each for each in payloads]
    (spool / name).write_bytes(spools.MAGIC + b"".join(frames))
