"""Makes what was written to tables on this machine's disks survive a power cut.

Neither deltalake nor Hadoop's local file system syncs what it writes: a commit that all readers see may stand in the
page cache alone, and the segment it was made of must not go before it is on the disk. An object store has an object
on its disks when it says that it has it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from spark_lineage import owned
from spark_lineage.errors import StoreError
from spark_lineage.store.checks import local_folder

__all__ = ["MARKER", "sync_tables"]

MARKER = ".synced"
"""A file in the store's folder; its time is when the last sync of all that was there then had begun."""

_SLACK_SECONDS = 10.0
"""How far the clocks of a file system's times may be apart, and how long a write may take from its time to its name."""


def sync_tables(path: str, tables: Iterable[str]) -> None:
    """Sync all files and folders of a store's tables that are younger than the last sync, whoever wrote them.

    Not only one's own: a row that is there already is not written again, and the writer of that row may have been killed
    before it could sync. Raises `StoreError` where the disk refuses: then nothing may rely on what was written.
    """
    folder = local_folder(path)
    if folder is None:
        return
    begun = time.time()
    try:
        since = _synced_until(folder / MARKER, begun)
        young = [each for table in tables for each in _young(folder / table, since)]
        # One that is removed meanwhile was a temporary file, or the table's upkeep took it away.
        owned.sync([*young, folder, folder.absolute().parent])
        (folder / MARKER).touch(mode=0o600)
        os.utime(folder / MARKER, (begun, begun))
    except OSError as error:
        raise StoreError(
            f"What was written to the store at {path} may not be on its disk ({error.strerror}): "
            "check the disk; the spool keeps its segments, and they are ingested again."
        ) from error


def _synced_until(marker: Path, now: float) -> float:
    try:
        synced = marker.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    # A time that is still to come says that the clock was set back: it parts nothing.
    return synced - _SLACK_SECONDS if synced <= now else 0.0


def _young(table: Path, since: float) -> list[Path]:
    """What a table's folder and its log have that changed since then, and the folders themselves."""
    folders = (table, table / "_delta_log")
    found: list[Path] = []
    for folder in folders:
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            continue  # a table that a store of an earlier release lacks
        found += [Path(each.path) for each in entries if _is_younger(each, since)]
    return [*found, *folders] if found else []


def _is_younger(entry: os.DirEntry[str], since: float) -> bool:
    if not entry.is_file(follow_symlinks=False):
        return False
    try:
        status = entry.stat()
    except FileNotFoundError:
        return False
    # The change of the inode counts, too: the time of a file's content can be set.
    return max(status.st_mtime, status.st_ctime) >= since
