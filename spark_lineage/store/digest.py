"""One hash of all that a store says: equal for two stores that give the same answers, however they came to be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from spark_lineage.store.protocol import Store
from spark_lineage.store.schema import TABLES

__all__ = ["content_digest", "table_digests"]


def content_digest(store: Store) -> str:
    """The SHA-256, in hex, of the de-duplicated content of all tables, columns that are null in every row left out.

    It depends on the rows that `read` gives and on nothing else: not on their order, on how often and when they were
    written, on files, commits or the writer, nor on the order inside a map. Raises `StoreError` where the store cannot be read.

    >>> from spark_lineage.store.memory import MemoryStore
    >>> content_digest(MemoryStore()) == content_digest(MemoryStore("/elsewhere"))
    True
    """
    whole = hashlib.sha256()
    for name, digest in table_digests(store).items():
        whole.update(f"{name}={digest}\n".encode())
    return whole.hexdigest()


def table_digests(store: Store) -> dict[str, str]:
    """The same for each table alone: which of them differ, where two stores do."""
    return {name: _digest(store, name) for name in sorted(TABLES)}


def _digest(store: Store, table: str) -> str:
    rows = sorted(_hashes(store, table))
    return f"{len(rows)}:{hashlib.sha256(b''.join(rows)).hexdigest()}"


def _hashes(store: Store, table: str) -> Iterator[bytes]:
    maps = [field.name for field in TABLES[table].schema if pa.types.is_map(field.type)]
    for batch in store.read(table).to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            # A map has no order, and Spark gives it another one than it was written in.
            row.update({name: dict(row[name]) for name in maps if row[name] is not None})
            text = json.dumps(_known(row), sort_keys=True, separators=(",", ":"), default=str)
            yield hashlib.sha256(text.encode()).digest()


def _known(row: dict[str, Any]) -> dict[str, Any]:
    # A column that a later release added is null in rows of before: they say the same.
    return {name: value for name, value in row.items() if value is not None}
