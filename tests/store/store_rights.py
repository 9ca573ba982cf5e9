"""Who may read what is in a store, by who may read its folder."""

from __future__ import annotations

import stat
from pathlib import Path

RIGHTS = [
    (None, {"folder": {0o700}, "file": {0o600}}),
    (0o700, {"folder": {0o700}, "file": {0o600}}),
    (0o2750, {"folder": {0o2750}, "file": {0o640, 0o600}}),
    (0o2770, {"folder": {0o2770}, "file": {0o660, 0o600}}),
    (0o755, {"folder": {0o755}, "file": {0o644, 0o600}}),
]
"""The rights of a folder that is there (None: none is), and what is in a store there that is written under a umask of 0. The files that
writers take turns at are always the owner's alone."""


def folder_for(place: Path, mode: int | None) -> Path:
    """Where a store is to be: a folder with these rights, or none yet."""
    folder = place / "above" / "store"
    if mode is not None:
        folder.mkdir(parents=True)
        folder.chmod(mode)
    return folder


def rights(store: Path) -> dict[str, set[int]]:
    """The rights of all that is in a store, and of its folder."""
    found: dict[str, set[int]] = {"folder": set(), "file": set()}
    for each in (store, *store.rglob("*")):
        found["folder" if each.is_dir() else "file"].add(stat.S_IMODE(each.stat().st_mode))
    return found
