"""A disk that can lose its power: ext4 in a file, to which nothing comes for minutes but what was synced."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

MEBIBYTES = 128
"""The bridge wants 64 of them free."""

MEMORY = Path("/dev/shm")
"""Where a sync takes no time of another disk's: the bridge waits half a second for one."""


SYSTEM = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class NoDiskError(Exception):
    """Nobody may mount one here, or the commands for it are not there."""


@dataclass(frozen=True)
class Disk:
    """A file system in the file `image`, mounted at `at`."""

    image: Path
    at: Path

    def copy_after_a_power_cut(self, folder: str, into: Path) -> None:
        """Copy one of its folders as it would be if the power were cut now, and came back. Nobody may write to it meanwhile."""
        copy = self.image.with_suffix(".copy")
        run("cp", "--sparse=always", self.image, copy)
        with mounted(copy, self.image.with_suffix(".again")) as again:
            shutil.copytree(again / folder, into)


@contextmanager
def disk(at: Path) -> Iterator[Disk]:
    """An empty one, mounted at a new folder; raises `NoDiskError`."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder, ExitStack() as open_:
        image = Path(folder) / "image"
        try:
            run("truncate", "-s", f"{MEBIBYTES}M", image)
            run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
            open_.enter_context(mounted(image, at))
        except FileNotFoundError as error:
            raise NoDiskError(f"there is no {error.filename}") from error
        except subprocess.CalledProcessError as error:
            raise NoDiskError(error.stderr.decode().strip()) from error
        yield Disk(image, at)


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """With a file system mounted; its own thread, which would sync all every few seconds, sleeps."""
    at.mkdir()
    try:
        run("mount", "-t", "ext4", "-o", "loop,commit=300,noatime", image, at)
        try:
            yield at
        finally:
            run("umount", "--lazy", at)
    finally:
        at.rmdir()


def run(*words: str | Path) -> None:
    """A command that has to succeed."""
    environment = os.environ | {"PATH": SYSTEM}
    subprocess.run(list(map(str, words)), check=True, capture_output=True, env=environment)
