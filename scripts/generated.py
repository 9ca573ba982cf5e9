"""What the scripts that write a document from the code have in common."""

from __future__ import annotations

import sys
from pathlib import Path


def write_or_check(file: Path, text: str) -> int:
    """Write the file or, with `--check`, say whether it is up to date; returns the exit code."""
    if "--check" not in sys.argv[1:]:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return 0
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        print(f"{file.name} is not up to date: run `make docs`.", file=sys.stderr)
        return 1
    return 0
