"""`spark-lineage plan FILE.sql`: lineage read out of the SQL, from a real session that runs nothing of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from query.lineage_rows import dataset, edge, plan, run, store_of

import spark_lineage
from spark_lineage.errors import LineageError
from spark_lineage.model import Batch, Column
from spark_lineage.show import cli

pytestmark = pytest.mark.spark

JOB = """\
CREATE DATABASE IF NOT EXISTS gold LOCATION '@@/gold';
CREATE TABLE orders (id INT, amount DECIMAL(10,2), day DATE, customer INT)
  USING delta PARTITIONED BY (day) LOCATION '@@/orders';
CREATE EXTERNAL TABLE customers (id INT, country STRING, ssn STRING) STORED AS PARQUET LOCATION '@@/customers';
CREATE TABLE gold.report (day DATE, country STRING, total DECIMAL(20,2)) USING delta;
CREATE OR REPLACE TEMPORARY VIEW big AS SELECT * FROM orders WHERE amount > 100;

INSERT OVERWRITE gold.report
SELECT o.day, upper(c.country), sum(o.amount)
FROM big o JOIN customers c ON o.customer = c.id
GROUP BY o.day, c.country;

CREATE OR REPLACE TABLE gold.copy USING delta LOCATION '@@/copy' AS SELECT sha2(ssn, 256) AS h, id FROM customers;
MERGE INTO gold.copy t USING orders s ON t.id = s.id
  WHEN MATCHED AND s.amount > 1 THEN UPDATE SET h = 'seen'
  WHEN NOT MATCHED THEN INSERT (h, id) VALUES ('new', s.customer);
INSERT INTO orders PARTITION (day = '2026-01-01') SELECT id, 1.0, length(country) FROM customers;
INSERT OVERWRITE DIRECTORY '@@/out' USING csv SELECT id FROM customers;
SHOW TABLES;
SELECT max(total) FROM gold.report
"""
REFUSED = """\
SELECT * FROM csv.`@@/secret.csv`;
CREATE TABLE t USING csv LOCATION '@@/secret.csv';
CREATE TEMPORARY VIEW v USING csv OPTIONS (path '@@/secret.csv');
LOAD DATA INPATH '@@/secret.csv' INTO TABLE t;
INSERT INTO nowhere SELECT 1;
ADD JAR '@@/secret.csv';
SELECT id,
  DATE 'the 5th' FROM orders;
SELEC 1;
BEGIN SELECT 1
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder that the statements name: nothing but one file is in it, before and after."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "secret.csv").write_text("a\n1\n")
    yield folder
    assert [each.name for each in folder.iterdir()] == ["secret.csv"]


@pytest.fixture(scope="module")
def planned(tmp_path_factory, place) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("job") / "nightly.sql"
    file.write_text((JOB + ";\n" + REFUSED).replace("@@", str(place)))
    return spark_lineage.plan(file).to_dict()


def sources(table: dict[str, Any]) -> dict[str, list[str]]:
    def short(source: dict[str, Any]) -> str:
        name = source["name"].removeprefix("spark_catalog.")
        return f"{name}.{source['field']} {source['subtype']}{' masked' if source.get('masking') else ''}"

    columns = {each["name"]: sorted(map(short, each["sources"])) for each in table["columns"]}
    return {**columns, "rows": sorted(map(short, table["rows"]))}


@pytest.mark.smoke35
def test_what_would_be_written(planned, place):
    tables = {each["dataset"]["name"]: each for each in planned["tables"]}
    assert {name: sources(table) for name, table in tables.items()} == {
        "spark_catalog.gold.report": {
            "day": ["default.orders.day IDENTITY"],
            "country": ["default.customers.country TRANSFORMATION"],
            "total": ["default.orders.amount AGGREGATION"],
            "rows": [
                "default.customers.country GROUP_BY",
                "default.customers.id JOIN",
                "default.orders.amount FILTER",
                "default.orders.customer JOIN",
                "default.orders.day GROUP_BY",
            ],
        },
        "spark_catalog.gold.copy": {
            "h": ["default.customers.ssn TRANSFORMATION masked"],
            "id": ["default.customers.id IDENTITY", "default.orders.customer IDENTITY"],
            "rows": ["default.orders.amount FILTER", "default.orders.id JOIN", "gold.copy.id JOIN"],
        },
        "spark_catalog.default.orders": {
            "id": ["default.customers.id IDENTITY"],
            "amount": [],
            "day": [],
            "customer": ["default.customers.country TRANSFORMATION"],
            "rows": [],
        },
        f"{place}/out": {"id": ["default.customers.id IDENTITY"], "rows": []},
    }
    assert {each["certainty"] for each in planned["tables"]} == {"exact"}
    assert tables["spark_catalog.gold.report"]["dataset"] == {
        "namespace": "catalog",
        "name": "spark_catalog.gold.report",
        "aliases": ["spark_catalog.gold.report"],
    }
    assert [each["type"] for each in tables["spark_catalog.gold.report"]["columns"]] == [
        "date",
        "string",
        "decimal(20,2)",
    ]


@pytest.mark.smoke35
def test_each_statement(planned):
    told = [(each["line"], each["outcome"], each["operation"]) for each in planned["statements"]]
    assert told[:12] == [
        (1, "defined", None),
        (2, "defined", None),
        (4, "defined", None),
        (5, "defined", None),
        (6, "skipped", None),
        (8, "analyzed", "OVERWRITE"),
        (13, "analyzed", "REPLACE TABLE AS SELECT"),
        (14, "analyzed", "MERGE"),
        (17, "analyzed", "INSERT"),
        (18, "analyzed", "INSERT OVERWRITE DIRECTORY"),
        (19, "skipped", None),
        (20, "analyzed", "USAGE"),
    ]
    assert (planned["outcome"], planned["against"], planned["findings"]) == ("refused", None, [])


@pytest.mark.smoke35
def test_what_is_refused_says_why(planned, place):
    missing = "is not defined: put its CREATE TABLE into the file or into one of --ddl, or name a store that knows it with --against."
    *told, syntax, script = [each for each in planned["statements"] if each["line"] > 20]
    assert [(each["line"], each["message"]) for each in told] == [
        (22, f"The table csv.{place}/secret.csv {missing}"),
        (23, "This table has no columns: Spark would read its files for them, so list the columns."),
        (24, "A view USING a source reads it: define a table with its columns instead."),
        (25, "LoadData may change something that is not a table of this file: it is not planned."),
        (26, f"The table nowhere {missing}"),
        (27, "AddJarsCommand may change something that is not a table of this file: it is not planned."),
        (
            28,
            "Spark says: [INVALID_TYPED_LITERAL] The value of the typed literal DATE is invalid: ? (line 2, pos 2).",
        ),
    ]
    assert syntax["message"] == "Spark says: [PARSE_SYNTAX_ERROR] Syntax error at or near ? (line 1, pos 0)."
    assert script["message"].startswith("A SQL script (BEGIN ... END) decides while it runs what it does")


STORE = Batch(
    datasets=(
        dataset("orders", "spark_catalog.shop.orders"),
        dataset("report", "spark_catalog.shop.report"),
    ),
    columns=(
        Column("file", "/w/orders", "amount", "double", 0),
        Column("file", "/w/orders", "tax", "double", 1),
    ),
    plans=(
        plan("p2", "report", "total:double", "orders", overwrites=True, operation="OVERWRITE", job="nightly"),
    ),
    edges=(edge("p2", "orders.amount", "report.total", "AGGREGATION", "sum(amount)"),),
    runs=(run(2, "p2", "report", 20),),
)


def test_against_a_store(tmp_path, capfd, monkeypatch):
    gone = [f"/gone/userFiles-{number}/{'package' * 10}.jar" for number in range(2_000)]
    monkeypatch.setattr(sys, "path", [*sys.path, *gone])  # as a process has it after fifty applications
    store_of(tmp_path / "store", STORE)
    file = tmp_path / "nightly.sql"
    file.write_text(
        "INSERT OVERWRITE shop.report SELECT sum(amount + tax) FROM shop.orders;\n"
        "CREATE TABLE shop.fresh USING parquet AS SELECT tax FROM shop.orders;\n"
    )
    code = cli.main(["plan", str(file), "--against", str(tmp_path / "store"), "--json"])
    answer = json.loads(capfd.readouterr().out)
    assert (code, answer["outcome"], answer["verdict"]) == (0, "planned", "changed")
    assert [(each["dataset"]["namespace"], each["dataset"]["name"]) for each in answer["tables"]] == [
        ("file", "/w/report"),
        ("catalog", "spark_catalog.shop.fresh"),
    ]
    assert [(each["kind"], each["message"]) for each in answer["findings"]] == [
        ("source_added", "shop.orders.tax is a new source of shop.report.total (aggregation)."),
        ("write_added", "nightly writes shop.fresh, by CREATE TABLE AS SELECT, and did not before."),
    ]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(LineageError) as caught:
        spark_lineage.plan(tmp_path / "none.sql")
    assert str(caught.value) == (
        f"{Path(tmp_path, 'none.sql')} cannot be read (No such file or directory): name a file of SQL statements."
    )
