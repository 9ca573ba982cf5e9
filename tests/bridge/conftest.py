"""One application with every kind of action, run once for all tests of the bridge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.paths import JAR
from support.spark import submit

from bridge.records import of_kind, read_spool

JOBS = Path(__file__).parent / "jobs"


@dataclass(frozen=True)
class Application:
    """An application that has run with the bridge: its spool, records, data folder and what Spark knew."""

    spool: Path
    data: Path
    records: list[dict[str, Any]]
    facts: dict[str, Any]

    @property
    def executions(self) -> list[dict[str, Any]]:
        return of_kind(self.records, "execution")

    def plan(self, execution: dict[str, Any]) -> dict[str, Any]:
        return next(plan for plan in of_kind(self.records, "plan") if plan["hash"] == execution["plan"])

    def writing(self, folder: str) -> dict[str, Any]:
        """The one execution whose command writes into that folder of the data."""
        target = f"file:{self.data / folder}"
        found = [
            execution
            for execution in self.executions
            if execution["plan"]
            and any(target in node["f"] for node in self.plan(execution)["nodes"])
            and execution["state"] == "COMPLETE"
        ]
        assert len(found) == 1, [execution["description"] for execution in found]
        return found[0]


def run_many(folder: Path, *words: str) -> dict[str, Any]:
    """Run the job `many.py` in `folder`; the facts that it wrote."""
    facts = folder / "facts.json"
    result = submit(JOBS / "many.py", *words, environment={"DATA": str(folder / "data"), "FACTS": str(facts)})
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(facts.read_text())


@pytest.fixture(scope="package")
def application(tmp_path_factory: pytest.TempPathFactory) -> Application:
    folder = tmp_path_factory.mktemp("captured")
    spool = folder / "spool"
    facts = run_many(
        folder,
        *("--jars", str(JAR), "--conf", "spark.sql.extensions=io.sparklineage.LineageExtension"),
        *("--conf", f"spark.lineage.spool={spool}"),
    )
    return Application(spool, folder / "data", read_spool(spool), facts)
