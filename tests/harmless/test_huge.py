"""A job that runs in 512 MB without lineage runs in them with it, however huge its statements are.

`make test` has a union of 250 queries (1,000 operators), a literal of 2 MB and a list of 10,000 values, TORTURE=all ten times as much; and a literal of
100 MB in 1 GB: in 512 MB Spark itself has no room for it.
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
FORMS = [("512m", 100, 20_000_000), ("1g", 10, 100_000_000)] if ALL else [("512m", 10, 2_000_000)]


def ran(folder: Path, lineage: str, **form: object) -> dict[str, list[int]]:
    """What an application wrote, by its statements' names; it ended with 0."""
    folder.mkdir()
    run_script(SCRIPT, 1_800, FOLDER=folder, LINEAGE=lineage, JARS=JAR, **form)
    print(lineage, json.loads((folder / "seconds.json").read_text(encoding="utf-8")))
    return {
        each.name: sorted(pq.read_table(each).column("v").to_pylist()) for each in (folder / "data").iterdir()
    }


@pytest.mark.parametrize(("memory", "size", "text_bytes"), FORMS)
def test_a_small_driver_runs_huge_statements_with_lineage_as_without(
    tmp_path: Path, memory: str, size: int, text_bytes: int
) -> None:
    expected = {
        "union": [2 * number for number in range(25 * size)],
        "text": [text_bytes],
        "list": [0, 2, 4, 6, 8],
    }
    form = {"MEMORY": memory, "SIZE": size, "TEXT_BYTES": text_bytes}
    assert ran(tmp_path / "off", "off", **form) == expected
    assert ran(tmp_path / "on", "on", **form) == expected
    report = ingest(tmp_path / "on" / "spool", tmp_path / "store")
    assert (report.bad_segments, report.bad_records, report.messages) == (0, 0, ())
    lineage = spark_lineage.open(store=tmp_path / "store", ingest=False)
    runs = lineage.runs().to_dict()["runs"]
    states = {Path(run["target"]["name"]).name: run["state"] for run in runs if run["kind"] == "write"}
    assert states == dict.fromkeys(expected, "COMPLETE")
    assert [problem["code"] for problem in lineage.problems().to_dict()["problems"]] == []
