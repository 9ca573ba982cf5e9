"""Every record of a real application is what the contract's schema says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.paths import REPOSITORY

from bridge.conftest import Application
from bridge.records import of_kind, read_spool
from bridge.test_switching import EXTENSION, run

jsonschema = pytest.importorskip("jsonschema", reason="only the main environment has jsonschema")

SCHEMA = json.loads((REPOSITORY / "jvm_bridge" / "contract" / "record.schema.json").read_text())


def violations(records: list[dict[str, Any]]) -> list[str]:
    """What the schema says against the records, each judged as the kind that it claims to be."""
    return [
        f"{record['kind']} {error.json_path}: {error.message[:300]}"
        for record in records
        for error in jsonschema.Draft202012Validator(
            {
                "properties": SCHEMA["properties"],
                "$defs": SCHEMA["$defs"],
                "$ref": f"#/$defs/{record['kind']}",
            }
        ).iter_errors(record)
    ]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.spark
def test_records_validate(application: Application) -> None:
    kinds = {record["kind"] for record in application.records}
    streams = {"stream_start", "progress", "stream_end"}
    assert kinds == {"application", "plan", "intent", "execution", "rdd_job", "application_end", *streams}
    assert violations(application.records) == []


@pytest.mark.spark
def test_kept_literals_pass(tmp_path: Path) -> None:
    run(tmp_path, *EXTENSION, "--conf", "spark.lineage.literals=kept")
    records = read_spool(tmp_path)
    assert violations(records) == []
    facts = [node["x"] for plan in of_kind(records, "plan") for node in plan["nodes"] if "x" in node]
    assert {"l": 1, "value": "2"} in facts


@pytest.mark.spark
def test_wide_plans_pass(tmp_path: Path) -> None:
    run(tmp_path, *EXTENSION, do="wide")
    records = read_spool(tmp_path)
    assert violations(records) == []
    assert [(record["kind"], record["v"]) for record in records] == [
        ("application", 1),
        ("plan", 1),
        ("execution", 1),
        ("plan", 2),
        ("execution", 1),
        ("application_end", 1),
    ]
