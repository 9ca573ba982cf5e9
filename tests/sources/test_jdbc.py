"""Databases behind JDBC, on a real PostgreSQL: what was read and written equals what the database's own driver counts."""

from __future__ import annotations

from typing import Any

import pytest
from lineage.harness import spark_marks
from lineage.place import Json, Place
from support.observe import Met, observe

from sources.database import PASSWORD, USER, Database
from sources.told import told
from spark_lineage.capture import session
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import TABLES

pytestmark = spark_marks()

COLUMNS = [("a", "bigint", True), ("s", "string", True), ("p", "int", True)]


@pytest.fixture
def numbers(place: Place, base: Database) -> str:
    """A table that the database itself made: the numbers from 0 to 8 in `a`, a text in `s`, the rest by 3 in `p`."""
    name = f"{place.database}_numbers"
    rows = ", ".join(f"({each}, 's{each}', {each % 3})" for each in range(9))
    base.ask(
        place.spark,
        f'CREATE TABLE {name}("a" bigint, "s" varchar(9), "p" int)',
        f"INSERT INTO {name} VALUES {rows}",  # noqa: S608  # no one else's text
    )
    return name


def count(place: Place, base: Database, rows: str) -> int:
    """How many rows the database itself counts: of a table, and under a condition."""
    return int(base.ask(place.spark, f"SELECT count(*) FROM {rows}"))  # noqa: S608  # no one else's text


def unlike_files(met: Met, name: str) -> int | None:
    """The rows that were read from a table; of files, versions and partitions nothing is claimed."""
    read = met.one("read", name)
    assert (read.files, read.bytes, read.version, read.partitions_read, read.offsets) == (None,) * 5
    return read.rows


@pytest.mark.smoke35
def test_the_rows_that_a_database_gave(place: Place, base: Database, numbers: str) -> None:
    spark, url = place.spark, base.url
    driver = {"driver": base.driver}
    parts = {"column": "a", "lowerBound": 0, "upperBound": 9, "numPartitions": 3}

    def work() -> None:
        spark.read.jdbc(url, numbers, properties=driver).where("a > 4").select("a").collect()
        spark.read.jdbc(url, numbers, properties=driver, **parts).select("a", "s").collect()
        spark.read.jdbc(url, numbers, predicates=['"p" = 0', '"p" = 2'], properties=driver).collect()
        spark.read.jdbc(url, numbers, properties=driver).where("upper(s) = 'S3'").collect()

    met = observe(place.lineage, work)
    assert [unlike_files(each, numbers) for each in met[:3]] == [
        count(place, base, f'{numbers} WHERE "a" > 4'),
        count(place, base, numbers),
        count(place, base, f'{numbers} WHERE "p" <> 1'),
    ]
    assert [unlike_files(each, numbers) for each in met[:3]] == [4, 9, 6]
    # whether the function went to the database is the optimizer's business: what the database gave is what is told
    assert unlike_files(met[3], numbers) in {1, 9}
    assert [each.columns(each.one("read", numbers)) for each in met] == [COLUMNS] * 4
    names = {(each.one("read", numbers).namespace, each.one("read", numbers).name) for each in met}
    assert names == {(base.namespace, base.prefix + numbers)}


def source(base: Database, name: str) -> tuple[str, str]:
    return base.namespace, base.prefix + name


def names(answer: Json) -> set[tuple[str, str]]:
    """The datasets that the columns of an answer come from."""
    return {(each["namespace"], each["name"]) for column in answer["columns"] for each in column["sources"]}


@pytest.mark.smoke35
def test_a_database_s_table_filled_replaced_and_read_again(
    place: Place, base: Database, numbers: str
) -> None:
    spark, url, kept, driver = place.spark, base.url, f"{numbers}_kept", {"driver": base.driver}
    held: list[int] = []

    def work() -> None:
        frame = (
            spark.read.jdbc(url, numbers, properties=driver).where("p = 1").selectExpr("a", "upper(s) AS s")
        )
        frame.write.jdbc(url, kept, properties=driver)
        held.append(count(place, base, kept))
        spark.table("t").selectExpr("cast(a AS bigint) AS a", "b AS s").where("a > 1").write.jdbc(
            url, kept, mode="append", properties=driver
        )
        held.append(count(place, base, kept))
        spark.table("u").selectExpr("cast(a AS bigint) AS a", "'v' AS s").write.jdbc(
            url, kept, mode="overwrite", properties=driver
        )
        held.append(count(place, base, kept))
        spark.read.jdbc(url, kept, properties=driver).selectExpr("a + 1 AS b").write.saveAsTable("out")

    met = observe(place.lineage, work)
    assert held == [3, 6, 3]
    written = [each.one("written", kept) for each in met[:3]]
    assert [each.rows for each in written] == [held[0], held[1] - held[0], held[2]]
    assert {(each.namespace, each.name) for each in written} == {source(base, kept)}
    assert {(each.files, each.bytes, each.version) for each in written} == {(None,) * 3}
    assert [(each.run.state.value, each.run.rows) for each in met] == [("COMPLETE", 3)] * 4
    assert unlike_files(met[0], numbers) == count(place, base, f'{numbers} WHERE "p" = 1')
    answer = place.lineage.table(kept).to_dict()
    assert (answer["dataset"]["namespace"], answer["dataset"]["name"]) == source(base, kept)
    assert told(answer) == ["a: u.a TRANSFORMATION", "s:"]  # a cast
    assert told(place.table()) == [f"b: {base.prefix}{kept}.a TRANSFORMATION"]
    assert names(place.table()) == {source(base, kept)}


def test_a_table_of_a_catalog_and_what_the_database_computed(
    place: Place, base: Database, numbers: str
) -> None:
    spark = place.spark
    catalog = "spark.sql.catalog.base"
    spark.conf.set(catalog, "org.apache.spark.sql.execution.datasources.v2.jdbc.JDBCTableCatalog")
    spark.conf.set(f"{catalog}.url", base.url)
    spark.conf.set(f"{catalog}.driver", base.driver)
    spark.conf.set(f"{catalog}.pushDownAggregate", "true")
    schema = base.prefix.split(".")[1] if base.prefix else "PUBLIC"
    table = f"base.{schema}.{numbers if base.prefix else numbers.upper()}"

    def work() -> None:
        spark.sql(f"SELECT p, max(a) FROM {table} GROUP BY p").collect()  # noqa: S608  # no one else's text
        spark.sql(f"SELECT a FROM {table} WHERE p = 2").collect()  # noqa: S608  # no one else's text

    met = observe(place.lineage, work)
    reads = [each.one("read", table.rpartition(".")[2]) for each in met]
    # of the first the database gave groups, which are no rows of the table
    assert [each.rows for each in reads] == [None, 3]
    assert {each.namespace for each in reads} == {base.namespace}


def test_a_query_that_a_database_runs_is_a_dataset_of_its_own(
    place: Place, base: Database, numbers: str
) -> None:
    query = f'(SELECT "a" AS "id", "p" FROM {numbers} WHERE "a" > 1) x'  # noqa: S608  # no one else's text
    read = place.spark.read.jdbc(base.url, query, properties={"driver": base.driver}).where("id > 2")
    (met,) = observe(place.lineage, lambda: read.selectExpr("id", "p * 2 AS d").write.saveAsTable("out"))
    answer = place.table()
    ((namespace, name),) = names(answer)
    assert namespace == base.namespace
    assert name.startswith("query:")
    assert met.one("read", name).rows == count(place, base, f'{numbers} WHERE "a" > 2')
    assert [problem["code"] for problem in answer["problems"]] == ["foreign_query"]
    assert f"from {numbers}" in answer["problems"][0]["message"].lower()
    assert answer["problems"][0]["message"].endswith("> ?) x")
    assert [
        (column["name"], [(each["field"], each["subtype"]) for each in column["sources"]])
        for column in answer["columns"]
    ] == [("id", [("id", "IDENTITY")]), ("d", [("p", "TRANSFORMATION")])]
    assert [(each["field"], each["subtype"]) for each in answer["rows"]] == [("id", "FILTER")]


def test_a_query_that_is_read_again_is_the_same_dataset(place: Place, base: Database, numbers: str) -> None:
    """Of the option `query` Spark makes a table with an alias that it counts up."""
    query = f'SELECT "a" FROM {numbers} WHERE "p" = 1'  # noqa: S608  # no one else's text
    reader = place.spark.read.format("jdbc").options(url=base.url, query=query, driver=base.driver)
    met = observe(place.lineage, lambda: [reader.load().collect() for _ in range(2)])
    first, again = (each.one("read", "") for each in met)
    assert first.name == again.name
    assert met[0].run.fingerprint == met[1].run.fingerprint
    assert [first.rows, again.rows] == [count(place, base, f'{numbers} WHERE "p" = 1')] * 2


def test_queries_that_differ_in_a_quoted_name_are_two_datasets(
    place: Place, base: Database, numbers: str
) -> None:
    def work() -> None:
        for name, most in (("a", 3), ("p", 3), ("p", 4)):
            query = f'SELECT "{name}" AS x FROM {numbers} WHERE "a" < {most}'  # noqa: S608  # no one else's text
            place.spark.read.jdbc(
                base.url, f"({query}) y", properties={"driver": base.driver}
            ).write.saveAsTable(f"out_{name}{most}")

    read = [
        each.name
        for met in observe(place.lineage, work)
        for each in met.observations
        if each.direction == "read"
    ]
    assert len(read) == 3
    assert read[1] == read[2] != read[0]  # a literal makes no other dataset


@pytest.mark.smoke35
def test_neither_user_nor_password_is_kept(place: Place, base: Database, numbers: str) -> None:
    url, kept, lineage, driver = base.url, f"{numbers}_secret", place.lineage, {"driver": base.driver}
    lineage.flush()
    place.spark.read.jdbc(url, numbers, properties=driver).write.jdbc(url, kept, properties=driver)
    plain = url.partition("?")[0] if base.prefix else url
    login = driver | {"user": USER, "password": PASSWORD}
    place.spark.read.jdbc(plain, kept, properties=login).collect()
    place.sql(
        f"CREATE TEMPORARY VIEW x USING jdbc OPTIONS (url '{url}', dbtable '{kept}', driver '{base.driver}')"
    )
    place.spark.table("x").count()
    with pytest.raises(Exception, match=r"(?i)no_such_table"):
        place.spark.read.jdbc(url, "no_such_table", properties=driver).collect()
    session.flush(place.spark, 30)
    waiting = [each for each in lineage.spool.rglob("*") if each.is_file()]
    assert waiting
    store: list[Any] = [each.read_bytes() for each in waiting]
    lineage.flush()
    store += [DeltaStore(lineage.store).read(name).to_pylist() for name in TABLES]
    for secret in (PASSWORD, USER):
        assert secret not in repr(store)
    assert base.namespace in repr(store)
