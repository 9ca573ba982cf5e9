"""A Delta table that jobs with lineage write on Spark, and once somebody without: only that commit is told."""

from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

import spark_lineage
from tests.lineage.harness import spark_marks

pytestmark = spark_marks()


def test_a_commit_that_no_run_made(spark, tmp_path):
    place = tmp_path / "orders"
    lineage = spark_lineage.enable(spark, store=tmp_path / "store")
    spark.sql("CREATE DATABASE outside")
    spark.sql(f"CREATE TABLE outside.orders USING delta LOCATION '{place}' AS SELECT 1L AS a")
    spark.sql("INSERT INTO outside.orders SELECT 2L AS a")
    write_deltalake(str(place), pa.table({"a": [3]}), mode="append")
    spark.sql("UPDATE outside.orders SET a = a + 10 WHERE a = 3")
    spark.sql("OPTIMIZE outside.orders")
    spark.sql("INSERT INTO outside.orders SELECT 4L AS a")
    lineage.flush()
    theirs = [
        each["version"]
        for each in DeltaTable(str(place)).history()
        if "delta-rs" in each.get("engineInfo", "")
    ]
    answer = (
        spark_lineage.open(lineage.store, ingest=False)
        .unusual("outside.orders", since="2020-01-01")
        .to_dict()
    )
    told = [(each["kind"], each["evidence"]["version"]) for each in answer["findings"]]
    assert theirs == [2]
    assert (told, answer["problems"]) == ([("write_outside", "2")], [])
