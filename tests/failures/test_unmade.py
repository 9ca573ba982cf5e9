"""A driver that is killed while it makes a table: what the table's name means before and after a good run."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paths import JAR
from support.spark import submit

import spark_lineage
from spark_lineage.pipeline import ingest
from spark_lineage.store.delta import DeltaStore

pytestmark = [pytest.mark.spark, pytest.mark.matrix35]

JOB = Path(__file__).with_name("unmade.py")


def test_the_name_of_a_table_whose_first_write_was_killed(tmp_path: Path) -> None:
    """Asked between the two runs: the store has the killed one before it can know the table's place."""
    store, data = tmp_path / "store", tmp_path / "data"
    conf = {
        "spark.sql.extensions": "io.sparklineage.LineageExtension",
        "spark.lineage.spool": tmp_path / "spool",
    }

    def run(do: str) -> int:
        # Where the table's folder would be, Spark finds what the killed run left and refuses: the rerun has a warehouse of its own.
        settings = {**conf, "spark.sql.warehouse.dir": tmp_path / do}
        words = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
        done = submit(JOB, "--jars", str(JAR), *words, environment={"DO": do, "DATA": str(data)})
        ingest(tmp_path / "spool", store)
        return done.returncode

    assert run("kill") != 0
    killed = spark_lineage.open(store).run("kt").to_dict()
    assert [(each["operation"], each["state"]) for each in killed["runs"]] == [
        ("CREATE TABLE AS SELECT", "UNKNOWN")
    ]
    (planned,) = killed["planned"]
    assert [
        (each["name"], [source["name"] for source in each["sources"]]) for each in planned["columns"]
    ] == [("total", [str(data)])]
    before = spark_lineage.open(store).table("kt").to_dict()
    assert (before["certainty"], before["columns"]) == ("opaque", [])
    codes = [row["code"] for row in DeltaStore(store).read("problems").to_pylist()]
    assert codes == ["run_without_end"]  # and nothing of a log at the place "catalog/kt"

    assert run("finish") == 0
    lineage = spark_lineage.open(store)
    after = lineage.table("kt").to_dict()
    assert after["dataset"]["name"] == str(tmp_path / "finish" / "kt")
    assert (after["certainty"], [each["code"] for each in after["problems"]]) == ("exact", ["write_by_name"])
    assert {each["name"] for each in lineage.upstream("kt.total").to_dict()["nodes"]} == {
        str(tmp_path / "finish" / "kt"),
        str(data),
    }
    assert [each["state"] for each in lineage.run("kt").to_dict()["runs"]] == ["COMPLETE"]
    name = killed["runs"][0]["target"]["name"]
    assert name in {"kt", "spark_catalog.default.kt"}  # the second on Spark 3.5
    assert lineage.run(f"catalog:{name}").to_dict()["id"] == killed["id"]
