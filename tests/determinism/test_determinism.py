"""The same script gives the same lineage, byte for byte; another one shares its fingerprint only with its lineage.

Two fresh JVMs run the same cases and one side each of every pair of `pairs.py`, one after the other in a folder of one
name. Their spools are ingested by two Pythons that hash their strings differently. `make determinism` runs all cases.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lineage.harness import load_all
from support.paths import REPOSITORY

from determinism.pairs import PAIRS, Pair
from spark_lineage.store.delta import DeltaStore

pytestmark = pytest.mark.spark

EVERY = int(os.environ.get("DETERMINISM_EVERY", "60"))
"""Every so manieth case runs; 1 for all."""
TARGETS = ("out", "elsewhere")
Row = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """What one application left in its store, run facts left out."""

    tables: dict[str, list[Row]]

    def lineage(self, database: str) -> list[Row]:
        """The plans, with their edges, of what a pair's script wrote; the fingerprint stands once."""
        plans = [
            row for row in self.tables["plans"] if _written(row["target_name"]) == database and _writes(row)
        ]
        return [
            {**plan, "edges": [_bare(edge) for edge in self.tables["edges"] if edge["fingerprint"] == plan["fingerprint"]]}
            for plan in plans
        ]  # fmt: skip


def _writes(plan: Row) -> bool:
    """Whether a plan writes: the CREATE TABLE of a script's own table does not, and is the same in both."""
    return bool(plan["kind"] != "control")


def _bare(row: Row) -> Row:
    return {name: cell for name, cell in row.items() if name != "fingerprint"}


def _written(name: str) -> str:
    """The database of a pair whose target has this location, else nothing."""
    folder, _, table = name.rpartition("/")
    return folder.rpartition("/")[2].removesuffix(".db") if table in TARGETS else ""


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Side, Side]:
    """Both applications, one after the other."""
    folder = tmp_path_factory.mktemp("determinism")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYSPARK_PYTHON": sys.executable}
    for side in (0, 1):
        seed = {"PYTHONHASHSEED": str(17 + side)}
        session = [
            sys.executable,
            str(Path(__file__).with_name("session.py")),
            str(folder),
            "--side",
            str(side),
        ]
        _run([*session, "--every", str(EVERY)], environment | seed)
        ingest = ["ingest", "--spool", str(folder / f"spool{side}"), "--store", str(folder / f"store{side}")]
        _run([sys.executable, "-m", "spark_lineage", *ingest], environment | seed)
    return _side(folder / "store0"), _side(folder / "store1")


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def _side(folder: Path) -> Side:
    """The tables without run facts; `problems` without the runs in which they were met."""
    store = DeltaStore(folder)
    tables = {
        name: store.read(name).to_pylist() for name in ("plans", "edges", "datasets", "columns", "problems")
    }
    tables["problems"] = [{**row, "run_id": None} for row in tables["problems"]]
    return Side({name: sorted(rows, key=_bytes) for name, rows in tables.items()})


def _bytes(value: Any) -> str:
    return json.dumps(value)


def test_the_same_script_gives_the_same_bytes(sides: tuple[Side, Side]) -> None:
    first, second = ({name: _of_cases(rows) for name, rows in side.tables.items()} for side in sides)
    for name in first:
        assert list(map(_bytes, first[name])) == list(map(_bytes, second[name])), name
    assert len(first["plans"]) >= len(load_all()) // EVERY
    assert len(first["edges"]) > len([plan for plan in first["plans"] if _writes(plan)])


def _of_cases(rows: list[Row]) -> list[Row]:
    """The rows that are not a pair's."""
    return [row for row in rows if "/pair_" not in _bytes(row) and ".pair_" not in _bytes(row)]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{'same' if pair.same else 'apart'}: {pair.title}")
def test_pair(pair: Pair, sides: tuple[Side, Side]) -> None:
    first, second = (side.lineage(pair.database) for side in sides)
    if pair.spark and not first and not second:
        pytest.skip(f"needs Spark {pair.spark}")
    assert first
    assert second
    if pair.same:
        assert first == second
    else:
        shared = {plan["fingerprint"] for plan in first} & {plan["fingerprint"] for plan in second}
        assert shared == set()
