"""Reading a spool by the contract alone, apart from the package's own reader, which has tests of its own."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

MAGIC = b"SLSPOOL1"


def read_segment(segment: Path) -> list[dict[str, Any]]:
    """The records of one segment; every frame must be whole and its CRC right."""
    content = segment.read_bytes()
    assert content[:8] == MAGIC
    position, records = 8, []
    while position < len(content):
        length, crc = struct.unpack_from(">II", content, position)
        payload = content[position + 8 : position + 8 + length]
        assert len(payload) == length
        assert zlib.crc32(payload) == crc
        records.append(json.loads(payload))
        position += 8 + length
    return records


def frame_sizes(segment: Path) -> list[int]:
    """The bytes of each frame of a segment, with its header."""
    content = segment.read_bytes()
    position, sizes = 8, []
    while position < len(content):
        sizes.append(8 + struct.unpack_from(">I", content, position)[0])
        position += sizes[-1]
    return sizes


def read_spool(spool: Path) -> list[dict[str, Any]]:
    """The records of all sealed segments, in order."""
    return [record for segment in sorted(spool.glob("*.seg")) for record in read_segment(segment)]


def of_kind(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The records of one kind."""
    return [record for record in records if record["kind"] == kind]


def operators(plan: dict[str, Any], root: str) -> list[str]:
    """Simple class names of the logical or physical nodes below `analyzed` or `executed`, depth first."""
    names: list[str] = []
    seen: set[int] = set()
    stack = [plan[root]["@"]]
    while stack:
        index = stack.pop()
        if index in seen:
            continue
        seen.add(index)
        node = plan["nodes"][index]
        described = plan["classes"][node["c"]]
        if described["kind"] in {"logical", "physical"}:
            names.append(described["name"].rsplit(".", 1)[1])
            stack.extend(reversed(references(node["f"])))
    return names


def references(value: Any) -> list[int]:
    """Indexes of the nodes that a field's value points at, in order."""
    if isinstance(value, list):
        return [index for item in value for index in references(item)]
    return [value["@"]] if isinstance(value, dict) and "@" in value else []


def paths(value: Any, key: str) -> list[str]:
    """Every text that stands under `key` in any depth of a record, in order."""
    if isinstance(value, list):
        return [path for item in value for path in paths(item, key)]
    if not isinstance(value, dict):
        return []
    here = (
        [text for text in value.get(key, []) if isinstance(text, str)]
        if isinstance(value.get(key), list)
        else []
    )
    return here + [path for item in value.values() for path in paths(item, key)]
