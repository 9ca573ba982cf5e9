"""`spark-lineage plan SCRIPT.py`: a script runs, nothing that it does reaches anything, and its lineage is that of its code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import spark_lineage
from spark_lineage.errors import LineageError

JOB = """\
import sys
from pyspark.sql import SparkSession, functions as F

spark = SparkSession.builder.appName("nightly").config("spark.jars.packages", "no:such:1").getOrCreate()
orders = spark.read.schema("id INT, amount DOUBLE, day DATE, customer INT").option("header", "true").csv("/lake/orders")
customers = spark.table("shop.customers")
rates = spark.createDataFrame([("de", 0.19)], ["country", "rate"])
report = (
    orders.filter(F.col("amount") > 10).join(customers, orders.customer == customers.id)
    .groupBy("day").agg(F.sum("amount").alias("total"))
)
report.cache().show()
report.write.mode("overwrite").parquet(sys.argv[1] + "/report")
rates.withColumn("x", F.udf(lambda x: x)("rate")).write.format("delta").mode("append").save("rel/rates")
report.write.mode("overwrite").saveAsTable("gold.report")
spark.sql("INSERT INTO gold.report SELECT current_date(), max(id) FROM shop.customers")
assert orders.count() == 0 and orders.collect() == [] and orders.toPandas().empty
assert spark.sql("SHOW TABLES IN gold").first() is None

def attempt(call):
    try:
        call()
    except BaseException:
        pass

PLACE = sys.argv[1]
attempt(lambda: spark.read.csv("/lake/other.csv"))
attempt(lambda: spark.read.format("jdbc").load())
attempt(lambda: orders.rdd)
attempt(lambda: spark.sparkContext.textFile(PLACE))
attempt(lambda: spark.readStream)
attempt(lambda: orders.writeStream)
attempt(lambda: spark._jvm.java.lang.System.getenv())
attempt(lambda: orders._jdf.count())
attempt(lambda: orders.write.format("jdbc").save())
attempt(lambda: orders.groupBy("day").pivot("customer"))
attempt(lambda: open(PLACE + "/evil", "w"))
attempt(lambda: __import__("os").mkdir(PLACE + "/evil"))
attempt(lambda: __import__("subprocess").run(["touch", PLACE + "/evil"]))
attempt(lambda: __import__("socket").create_connection(("127.0.0.1", 9)))
attempt(lambda: spark.table("nowhere"))
attempt(lambda: spark.sql("SELECT * FROM parquet.`/lake/other`"))
raise ValueError("the end\\nof it")
"""
STOPPED = "That cannot be planned, and the script was stopped here."


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def planned(tmp_path_factory, place) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("job")
    (folder / "job.py").write_text(JOB)
    (folder / "ddl.sql").write_text("CREATE TABLE shop.customers (id INT, country STRING)")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return spark_lineage.plan(folder / "job.py", [str(place)], ddl=[folder / "ddl.sql"]).to_dict()


def sources(table: dict[str, Any]) -> dict[str, list[str]]:
    def short(source: dict[str, Any]) -> str:
        return f"{source['name'].removeprefix('spark_catalog.')}.{source['field']} {source['subtype']}"

    columns = {each["name"]: sorted(map(short, each["sources"])) for each in table["columns"]}
    return {**columns, "rows": sorted(map(short, table["rows"]))}


@pytest.mark.spark
@pytest.mark.matrix35
def test_what_would_be_written(planned, place):
    rows = [
        "/lake/orders.amount FILTER",
        "/lake/orders.customer JOIN",
        "/lake/orders.day GROUP_BY",
        "shop.customers.id JOIN",
    ]
    report = {
        "day": ["/lake/orders.day IDENTITY"],
        "total": ["/lake/orders.amount AGGREGATION"],
        "rows": rows,
    }
    written = {each["dataset"]["name"]: sources(each) for each in planned["tables"]}
    (rates,) = (name for name in written if name.endswith("/rel/rates"))
    assert written == {
        f"{place}/report": report,
        rates: {"country": [], "rate": [], "x": [], "rows": []},
        "spark_catalog.gold.report": {
            "day": report["day"],
            "total": [*report["total"], "shop.customers.id AGGREGATION"],
            "rows": rows,
        },
    }
    assert list(place.iterdir()) == []


@pytest.mark.spark
@pytest.mark.matrix35
def test_what_is_told_line_by_line(planned):
    told = [(each["line"], each["outcome"], each["operation"]) for each in planned["statements"]]
    assert told[:8] == [
        (12, "analyzed", "USAGE"),
        (13, "analyzed", "OVERWRITE"),
        (14, "analyzed", "INSERT"),
        (15, "analyzed", "REPLACE TABLE AS SELECT"),
        (16, "analyzed", "INSERT"),
        (17, "analyzed", "USAGE"),
        (17, "analyzed", "USAGE"),
        (17, "analyzed", "USAGE"),
    ]
    assert planned["statements"][0]["message"] == (
        "The script looks at data here (show): it got no rows, and may go another way when it runs."
    )
    assert planned["outcome"] == "refused"


@pytest.mark.spark
@pytest.mark.matrix35
def test_what_is_refused(planned, place):
    refused = [
        (each["line"], each["message"]) for each in planned["statements"] if each["outcome"] == "refused"
    ]
    missing = "is not defined: put its CREATE TABLE into the file or into one of --ddl, or name a store that knows it with --against."
    *first, connection, table, path, end = refused
    assert first == [
        (27, ("It reads /lake/other.csv (csv) without a schema, and Spark would look into the files for it: give the reader a schema, or "
             f"name a store that knows it with --against. {STOPPED}")),
        (28, f"It reads by jdbc. {STOPPED}"),
        (29, f"It uses `DataFrame.rdd`. {STOPPED}"),
        (30, f"It uses `sparkContext.textFile`: RDDs have no plan. {STOPPED}"),
        (31, f"It uses `spark.readStream`. {STOPPED}"),
        (32, f"It uses `DataFrame.writeStream`. {STOPPED}"),
        (33, f"It goes to the JVM by itself (java), where nothing can be held back. {STOPPED}"),
        (34, f"It goes to the JVM by itself (count), where nothing can be held back. {STOPPED}"),
        (35, f"It writes by jdbc to no path. {STOPPED}"),
        (36, f"It uses `pivot` without values, which looks at the data for them. {STOPPED}"),
        (37, f"It opens {place}/evil to write. {STOPPED}"),
        (38, f"It would change {place}/evil (os.mkdir). {STOPPED}"),
        (39, f"It starts another process (subprocess.Popen). {STOPPED}"),
    ]  # fmt: skip
    assert connection == (40, f"It connects to ('127.0.0.1', 9). {STOPPED}")
    assert table == (41, f"The table nowhere {missing}")
    assert path == (42, f"The table parquet./lake/other {missing}")
    assert end == (
        43,
        "The script stopped with ValueError; it was given no rows where it looked at data. What comes after is not planned.",
    )


GUARDED = """
import os, pathlib, shutil, sys
from spark_lineage.planning.guards import guard_files
class No(BaseException): pass
def refuse(why): raise No(why)
inside, outside = map(pathlib.Path, sys.argv[1:])
guard_files(inside, refuse)
(inside / "ok").write_text("x"); (inside / "d").mkdir(); os.rename(inside / "ok", inside / "d" / "ok"); open(os.devnull, "w").close()
open(__file__).close() if "__file__" in globals() else None
assert (outside / "there").read_text() == "y"
calls = [
    lambda: (outside / "there").write_text("z"), lambda: (outside / "there").open("r+"), lambda: os.open(outside / "new", os.O_CREAT),
    lambda: (outside / "there").unlink(), lambda: os.rename(outside / "there", inside / "x"), lambda: os.symlink(outside, inside / "l"),
    lambda: shutil.rmtree(outside), lambda: os.system("true"), lambda: (inside / ".." / "up").write_text("x"),
]
held = 0
for call in calls:
    try: call()
    except No: held += 1
print(held, len(calls))
"""


def test_files_outside_are_not_touched(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "there").write_text("y")
    command = [sys.executable, "-c", GUARDED, str(inside), str(outside)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "9 9\n"
    assert (outside / "there").read_text() == "y"
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["d", "in", "ok", "out", "there"]


def test_a_script_that_is_not_there(tmp_path):
    with pytest.raises(LineageError) as caught:
        spark_lineage.plan(tmp_path / "none.py")
    assert str(caught.value) == f"{tmp_path}/none.py cannot be read (no such file): name a Python script."
