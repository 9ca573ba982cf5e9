"""Ingest and judge one lineage run: `sql_judge.py report.json FOLDER` reads `FOLDER/spool`, prints the files' coverage."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sql_coverage import coverage

if __name__ == "__main__":
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = coverage(report, Path(sys.argv[2]) / "spool", Path(sys.argv[2]) / "store")
    print(json.dumps({name: each.to_json() for name, each in found.items()}))
