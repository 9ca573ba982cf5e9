"""Keeps those whom a local store's folder keeps out from what is in it, too.

Neither deltalake nor Hadoop's local file system asks for the rights of what they write: files get what the umask leaves (Spark's:
`fs.permissions.umask-mode`), and the umask is the whole process's, with all its threads. So rights are taken away when a commit is
there. Until then the folder above keeps others out, as it does where this cannot be done.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["narrow_tables"]

_OTHERS = 0o077


def narrow_tables(folder: Path | None, tables: Iterable[str]) -> None:
    """Take the rights of group and others that a store's folder does not give from all that is in its tables.

    So a folder that is its owner's alone has nothing but such files and folders, and one for a group stays one: nothing is ever
    given, and nothing taken that was of use. Another user's file stays as it is, as on a file system without rights.
    """
    if folder is None:
        return
    with suppress(OSError):
        taken = _OTHERS & ~folder.stat().st_mode
        for table in tables:
            _narrow(folder / table, taken)
            for place, folders, files in os.walk(folder / table):
                for name in (*folders, *files):
                    _narrow(Path(place, name), taken)


def _narrow(path: Path, taken: int) -> None:
    with suppress(OSError):  # gone since, or another user's
        mode = path.lstat().st_mode
        if mode & taken and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~taken)
