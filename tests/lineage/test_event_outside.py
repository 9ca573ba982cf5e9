"""A Delta table that jobs with lineage write on Spark, and once somebody without: only that commit is told."""

from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from lineage.harness import spark_marks

pytestmark = spark_marks()


def test_a_commit_that_no_run_made(spark, lineage, folder):
    place = folder / "orders"
    spark.sql("CREATE DATABASE IF NOT EXISTS outside")
    spark.sql(f"CREATE TABLE outside.orders USING delta LOCATION '{place}' AS SELECT 1L AS a")
    spark.sql("INSERT INTO outside.orders SELECT 2L AS a")
    write_deltalake(str(place), pa.table({"a": [3]}), mode="append")
    spark.sql("UPDATE outside.orders SET a = a + 10 WHERE a = 3")
    spark.sql("OPTIMIZE outside.orders")
    spark.sql("INSERT INTO outside.orders SELECT 4L AS a")
    theirs = [
        each["version"]
        for each in DeltaTable(str(place)).history()
        if "delta-rs" in each.get("engineInfo", "")
    ]
    answer = lineage.unusual("outside.orders", since="2020-01-01").to_dict()
    told = [(each["kind"], each["evidence"]["version"]) for each in answer["findings"]]
    assert theirs == [2]
    assert (told, answer["problems"]) == ([("write_outside", "2")], [])
