"""Hand-made segments: records as the bridge writes them, without a JVM."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

from tests.analyze.building import PlanBuilder

BRIDGE = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


def frame(record: dict[str, Any] | bytes) -> bytes:
    """One frame of a record, or of raw payload bytes."""
    payload = record if isinstance(record, bytes) else json.dumps({"v": 1, **record}).encode()
    return struct.pack(">II", len(payload), zlib.crc32(payload)) + payload


def write_segment(spool: Path, number: int, *records: dict[str, Any] | bytes, bridge: str = BRIDGE) -> Path:
    """A sealed segment with the application's record first."""
    spool.mkdir(exist_ok=True)
    path = spool / f"{bridge}-{number:08d}.seg"
    path.write_bytes(b"SLSPOOL1" + b"".join(map(frame, (application(bridge), *records))))
    return path


def application(bridge: str = BRIDGE) -> dict[str, Any]:
    return {
        "kind": "application", "bridge": bridge, "application_id": "app-1", "application_name": "nightly",
        "user": "ann", "spark_version": "4.1.3", "started_at": 1_000, "settings": {},
    }  # fmt: skip


def copy_plan(name: str, source: str, target: str) -> dict[str, Any]:
    """The plan of `INSERT INTO target SELECT a FROM source`, its hash made of `name`."""
    plan = PlanBuilder()
    leaf, _ = plan.files(source, ["a"])
    return plan.section(plan.insert(leaf, target, ["a"])) | {"hash": name}


def execution(number: int, plan: str | None, *, root: int | None = None, **changes: Any) -> dict[str, Any]:
    """An execution that ended well; starts and ends are ordered by its number."""
    return {
        "kind": "execution", "bridge": BRIDGE, "execution_id": number, "plan": plan,
        "root_execution_id": number if root is None else root, "query_execution_id": number,
        "state": "COMPLETE", "started_at": 2_000 + number, "ended_at": 3_000 + number,
        "started_order": 2 * number, "ended_order": 2 * number + 1, **changes,
    }  # fmt: skip


END = {"kind": "application_end", "bridge": BRIDGE, "ended_at": 9_000, "exit_code": 0}
