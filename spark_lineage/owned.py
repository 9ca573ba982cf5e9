"""Folders and files that only their owner may look into, whatever the process's umask is."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

FOLDER_MODE = 0o700
FILE_MODE = 0o600

_AT_ONCE = 8
"""A file system brings files that are synced side by side onto the disk together."""


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, all of them the owner's alone; one that is there stays as it is."""
    if not folder.is_dir():
        if folder.parent != folder:
            make_folder(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def open_new(path: Path, mode: str) -> IO[Any]:
    """Open a file for writing, in a text mode as UTF-8; it is the owner's alone if it is made here."""
    encoding = None if "b" in mode else "utf-8"
    return open(path, mode, encoding=encoding, opener=_opener)


def write_text(path: Path, text: str) -> None:
    """Write a file of text, as UTF-8."""
    with open_new(path, "w") as file:
        file.write(text)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file."""
    with open_new(path, "wb") as file:
        file.write(content)


def sync(paths: Iterable[Path]) -> None:
    """Return when files and folders are on the disk; one that is gone needs nothing. Raises `OSError` where the disk refuses."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(_sync, paths))


@contextmanager
def locked(
    path: Path, timeout_seconds: float, late: Exception, try_lock: Callable[[int], bool]
) -> Iterator[None]:
    """Hold a file that processes and threads take turns at; the lock falls with its process.

    `try_lock` gets the file's descriptor and says whether it is locked now. Raises `late` when the turn does not come in time, `OSError`
    where the file cannot be made.
    """
    deadline = time.monotonic() + timeout_seconds
    with open_new(path, "ab") as file:
        while not try_lock(file.fileno()):
            if time.monotonic() >= deadline:
                raise late
            time.sleep(0.02)
        yield


def try_flock(descriptor: int) -> bool:
    """Lock a whole file at once, or not: flock, not lockf, since it also parts two threads of one process."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)
