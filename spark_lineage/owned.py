"""Folders and files that only their owner may look into, whatever the process's umask is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

FOLDER_MODE = 0o700
FILE_MODE = 0o600


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


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)
