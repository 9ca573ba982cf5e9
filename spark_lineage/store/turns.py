"""One commit at a time to tables on this machine's disks, whoever writes them.

deltalake adds a commit to a table's log only where none of that number is. Hadoop's local file system, which delta-spark commits
through, looks first and renames then: it replaces a commit that came in between, and the rows of that one are gone
(the comment in `HDFSLogStore.write` of Delta says so; it parts the threads of one JVM, no two processes). Object stores and HDFS need no lock of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spark_lineage import owned
from spark_lineage.errors import StoreError

__all__ = ["LOCK", "turn"]

LOCK = ".writing"
"""A file in the store's folder that a writer has locked for as long as it commits."""

_WAIT_SECONDS = 600.0
"""A commit takes seconds: who waits longer waits for a process that is stuck."""


@contextmanager
def turn(folder: Path | None) -> Iterator[None]:
    """Commit while no other process and no other thread does; at once where `folder` is None.

    The lock falls with its process. Raises `OSError` where the folder takes no file, `StoreError` when the turn does not come.
    """
    if folder is None:
        yield
        return
    late = StoreError(
        f"Another process writes to the store at {folder} for more than {_WAIT_SECONDS:g} s: "
        "let it finish or end it, then try again."
    )
    with owned.locked(folder / LOCK, _WAIT_SECONDS, late, _try_lock):
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        return owned.try_flock(descriptor)
    except OSError:
        return True  # a file system without locks: two deltalake writers need none
