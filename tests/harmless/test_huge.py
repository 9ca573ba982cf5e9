"""A job that runs in 512 MB without lineage runs in them with it, however huge its statements are.

`make test` has a union of 250 queries, a literal of 2 MB and a list of 10,000 values, TORTURE=all ten times as much.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.paths import JAR
from support.spark import run_script
from support.torture import ALL

import spark_lineage
from spark_lineage.pipeline import ingest

pytestmark = [pytest.mark.spark, pytest.mark.torture("huge")]

SCRIPT = Path(__file__).with_name("huge.py")
SIZE = 100 if ALL else 10


def ran(folder: Path, lineage: str) -> dict[str, list[int]]:
    """What an application wrote, by its statements' names; it ended with 0."""
    folder.mkdir()
    run_script(SCRIPT, 1_800, FOLDER=folder, LINEAGE=lineage, SIZE=SIZE, JARS=JAR)
    print(lineage, json.loads((folder / "seconds.json").read_text(encoding="utf-8")))
    return {
        each.name: sorted(pq.read_table(each).column("v").to_pylist()) for each in (folder / "data").iterdir()
    }


def test_a_small_driver_runs_huge_statements_with_lineage_as_without(tmp_path: Path) -> None:
    expected = {
        "union": [2 * number for number in range(25 * SIZE)],
        "text": [200_000 * SIZE],
        "list": [0, 2, 4, 6, 8],
    }
    assert ran(tmp_path / "off", "off") == expected
    assert ran(tmp_path / "on", "on") == expected
    report = ingest(tmp_path / "on" / "spool", tmp_path / "store")
    assert (report.bad_segments, report.bad_records, report.messages) == (0, 0, ())
    lineage = spark_lineage.open(store=tmp_path / "store", ingest=False)
    runs = lineage.runs().to_dict()["runs"]
    states = {Path(run["target"]["name"]).name: run["state"] for run in runs if run["kind"] == "write"}
    assert states == dict.fromkeys(expected, "COMPLETE")
    assert [problem["code"] for problem in lineage.problems().to_dict()["problems"]] == []
