"""One commit at a time to tables on this machine's disks, whoever writes them.

deltalake adds a commit to a table's log only where none of that number is. Hadoop's local file system, which delta-spark commits
through, looks first and renames then: it replaces a commit that came in between, and the rows of that one are gone
(the comment in `HDFSLogStore.write` of Delta says so; it parts the threads of one JVM, no two processes). Object stores and HDFS need no lock of ours.
"""

from __future__ import annotations

import fcntl
import time
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
    deadline = time.monotonic() + _WAIT_SECONDS
    with owned.open_new(folder / LOCK, "ab") as file:
        while not _is_ours(file.fileno()):
            if time.monotonic() >= deadline:
                raise StoreError(
                    f"Another process writes to the store at {folder} for more than {_WAIT_SECONDS:g} s: "
                    "let it finish or end it, then try again."
                )
            time.sleep(0.02)
        yield


def _is_ours(descriptor: int) -> bool:
    try:
        # flock, not lockf: it also parts two threads of one process.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: two deltalake writers need none
    return True
