"""Every record of a real application is what the contract's schema says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from support.paths import JAR, REPOSITORY

from bridge.records import read_spool
from bridge.test_capture import run

SCHEMA = json.loads((REPOSITORY / "jvm_bridge" / "contract" / "record.schema.json").read_text())


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.spark
@pytest.mark.parametrize("literals", ["masked", "kept"])
def test_records_validate(tmp_path: Path, literals: str) -> None:
    spool = tmp_path / "spool"
    run(
        tmp_path,
        *("--jars", str(JAR), "--conf", "spark.sql.extensions=io.sparklineage.LineageExtension"),
        *("--conf", f"spark.lineage.spool={spool}", "--conf", f"spark.lineage.literals={literals}"),
    )
    records = read_spool(spool)
    assert {record["kind"] for record in records} == {
        "application", "plan", "execution", "rdd_job", "application_end",
    }  # fmt: skip
    for record in records:
        kind = jsonschema.Draft202012Validator(SCHEMA | {"oneOf": [{"$ref": f"#/$defs/{record['kind']}"}]})
        assert [f"{error.json_path}: {error.message[:300]}" for error in kind.iter_errors(record)] == []
    assert any("s3cret" in json.dumps(record) for record in records) == (literals == "kept")
