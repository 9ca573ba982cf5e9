"""What both stores refuse, and the sentence they say: no store, another version, a folder with other things."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from spark_lineage.errors import StoreError
from spark_lineage.store.schema import SCHEMA_VERSION, TABLES
from spark_lineage.store.turns import LOCK

__all__ = ["check_version", "local_folder", "no_store", "refuse_other_files"]

_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*:/|file:")
"""`s3a://bucket/a`, and also `dbfs:/a`."""


def local_folder(path: str) -> Path | None:
    """The folder that a store's path names on this machine; None for an address of another scheme."""
    if _SCHEME.match(path) is None:
        return Path(path)
    parts = urlsplit(path)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def no_store(path: str) -> StoreError:
    """The error for a path where no store is."""
    folder = local_folder(path)
    if folder is not None and folder.exists():
        return StoreError(
            f"{path} is not a store of spark_lineage (there is no Delta table {path}/runs): "
            "name the folder that `spark-lineage ingest --store` wrote, or a new one."
        )
    return StoreError(
        f"There is no store at {path}: run a Spark job with lineage on and then "
        f"`spark-lineage ingest --store {path}`, or name another store."
    )


def check_version(path: str, table: str, version: str | None) -> None:
    """Refuse a table whose schema version (the text of its table property) is not ours."""
    if version == str(SCHEMA_VERSION):
        return
    if version is None:
        raise StoreError(
            f"{path} is not a store of spark_lineage (its table {table} has no schema version): "
            "name the folder that `spark-lineage ingest --store` wrote, or a new one."
        )
    newer = version.isdecimal() and int(version) > SCHEMA_VERSION
    remedy = "upgrade spark-lineage" if newer else "read it with the release that wrote it"
    raise StoreError(
        f"The store at {path} has schema version {version} (table {table}) and this release reads version "
        f"{SCHEMA_VERSION}: {remedy}, or name another store."
    )


def refuse_other_files(path: str) -> None:
    """Refuse to create a store in a folder of this machine that holds anything but the tables of a store."""
    folder = local_folder(path)
    if folder is None or not folder.exists():
        return
    if not folder.is_dir():
        raise StoreError(f"{path} is a file, and a store is a folder: name another store.")
    others = sorted(
        entry.name for entry in folder.iterdir() if entry.name not in TABLES and entry.name != LOCK
    )
    if others:
        raise StoreError(
            f"The folder {path} already holds something else ({others[0]}): name an empty or a new folder for the store."
        )
