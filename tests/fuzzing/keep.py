"""Keeps what fuzzing has found: `python tests/fuzzing/keep.py` writes the fewest inputs that go all ways that those in
.cache/torture/fuzzing/corpus go, to tests/decode/fuzzed.zip."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE.parents[1] / ".cache" / "torture" / "fuzzing" / "corpus"
KEPT = HERE.parent / "decode" / "fuzzed.zip"
LARGEST = 64 * 1024
"""Bytes of an input: a longer one goes no other way that were worth its room."""


def main() -> None:
    """Merge, and write the archive; its entries have no times, so that the same inputs are the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder) / "merged"
        (Path(folder) / "corpus").mkdir()
        merged.mkdir()
        for each in CORPUS.iterdir():
            if each.stat().st_size <= LARGEST:
                (Path(folder) / "corpus" / each.name).write_bytes(each.read_bytes())
        words = [sys.executable, str(HERE / "fuzz.py"), folder, "-merge=1", str(merged)]
        subprocess.run(words, check=True, capture_output=True)
        inputs = sorted(merged.iterdir())
        with zipfile.ZipFile(KEPT, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for each in inputs:
                archive.writestr(zipfile.ZipInfo(each.name), each.read_bytes(), zipfile.ZIP_DEFLATED)
    print(f"{len(inputs)} inputs, {KEPT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
