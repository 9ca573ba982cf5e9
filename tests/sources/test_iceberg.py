"""Iceberg: every way to write a table and to read one, on a real Spark.

`o` is an Iceberg table that rewrites the files it changes, `m` one that writes what was deleted beside them. The expected
answers are read from the SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lineage.harness import spark_marks, version_of
from lineage.place import Place
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention

from sources.told import told

pytestmark = [*spark_marks(), pytest.mark.matrix35]

MERGE_ON_READ = (
    "TBLPROPERTIES ('format-version' = '2', 'write.delete.mode' = 'merge-on-read', "
    "'write.update.mode' = 'merge-on-read', 'write.merge.mode' = 'merge-on-read')"
)


@pytest.fixture
def at(place: Place) -> Place:
    """The place with the empty tables `o` and `m` of the current namespace of `ice`."""
    place.sql(
        f"CREATE TABLE ice.{place.database}.o(a int, b string, c double) USING iceberg",
        f"CREATE TABLE ice.{place.database}.m(a int, b string, c double) USING iceberg {MERGE_ON_READ}",
    )
    return place


def ice(place: Place, *statements: str) -> None:
    """Run statements in which `ice.` stands for the place's own namespace."""
    place.sql(*(each.replace("ice.", f"ice.{place.database}.") for each in statements))


def frame(place: Place, condition: str = "true") -> Any:
    return place.spark.table("t").where(condition)


def writer(place: Place, name: str = "o", condition: str = "true") -> Any:
    return frame(place, condition).writeTo(f"ice.{place.database}.{name}")


PLAIN = ["a: t.a IDENTITY", "b: t.b IDENTITY", "c: t.c IDENTITY"]
WRITES: list[tuple[str, Callable[[Place], Any], str, list[str], int]] = [
    ("INSERT INTO", lambda at: ice(at, "INSERT INTO ice.o SELECT * FROM t"), "INSERT", PLAIN, 4),
    (
        "INSERT BY NAME",
        lambda at: ice(at, "INSERT INTO ice.o BY NAME SELECT c, upper(b) AS b, a FROM t WHERE a > 1"),
        "INSERT",
        ["a: t.a IDENTITY", "b: t.b TRANSFORMATION", "c: t.c IDENTITY", "rows: t.a FILTER"],
        3,
    ),
    ("INSERT OVERWRITE", lambda at: ice(at, "INSERT OVERWRITE ice.o SELECT * FROM t"), "OVERWRITE", PLAIN, 4),
    ("writeTo append", lambda at: writer(at).append(), "INSERT", PLAIN, 4),
    ("writeTo overwritePartitions", lambda at: writer(at).overwritePartitions(), "OVERWRITE", PLAIN, 4),
    (
        "writeTo overwrite",
        lambda at: writer(at, condition="c > 1").overwrite(F.col("a") == 1),
        "OVERWRITE",
        [*PLAIN, "rows: o.a FILTER, t.c FILTER"],
        3,
    ),
    (
        "save",
        lambda at: frame(at).write.format("iceberg").mode("append").save(f"ice.{at.database}.o"),
        "INSERT",
        PLAIN,
        4,
    ),
    (
        "saveAsTable",
        lambda at: frame(at).write.mode("append").saveAsTable(f"ice.{at.database}.o"),
        "INSERT",
        PLAIN,
        4,
    ),
]


@pytest.mark.matrix35
@pytest.mark.parametrize(
    ("action", "operation", "lines", "rows"), [row[1:] for row in WRITES], ids=[row[0] for row in WRITES]
)
def test_write(
    at: Place, action: Callable[[Place], Any], operation: str, lines: list[str], rows: int
) -> None:
    runs = at.new_runs(lambda: action(at))
    assert [(run["kind"], run["operation"], run["state"], run["rows"]) for run in runs] == [
        ("write", operation, "COMPLETE", rows)
    ]
    target = runs[0]["target"]
    assert (target["namespace"], target["aliases"]) == ("file", [f"ice.{at.database}.o"])
    assert target["name"].endswith(f"/ice/{at.database}/o")
    assert told(at.lineage.table(f"ice.{at.database}.o").to_dict()) == lines


NEW_TABLES: list[tuple[str, Callable[[Place], Any], str]] = [
    (
        "CTAS",
        lambda at: ice(
            at, "CREATE TABLE ice.n USING iceberg PARTITIONED BY (bucket(4, a)) AS SELECT * FROM t"
        ),
        "CREATE TABLE AS SELECT",
    ),
    (
        "RTAS",
        lambda at: ice(at, "CREATE OR REPLACE TABLE ice.n USING iceberg AS SELECT * FROM t"),
        "REPLACE TABLE AS SELECT",
    ),
    ("create", lambda at: writer(at, "n").using("iceberg").create(), "CREATE TABLE AS SELECT"),
    ("createOrReplace", lambda at: writer(at, "n").createOrReplace(), "REPLACE TABLE AS SELECT"),
]


@pytest.mark.parametrize(
    ("action", "operation"), [row[1:] for row in NEW_TABLES], ids=[row[0] for row in NEW_TABLES]
)
def test_new_table(at: Place, action: Callable[[Place], Any], operation: str) -> None:
    runs = at.new_runs(lambda: action(at))
    assert [(run["operation"], run["state"], run["rows"]) for run in runs] == [(operation, "COMPLETE", 4)]
    answer = at.lineage.table(f"ice.{at.database}.n").to_dict()
    assert answer["dataset"]["namespace"] == "file"
    assert answer["dataset"]["name"].endswith(f"/ice/{at.database}/n")
    assert told(answer) == PLAIN


# Row-level commands, each on both kinds of tables: (statement, operation, the answer)
ROW_LEVEL: list[tuple[str, str, list[str]]] = [
    (
        "UPDATE ice.T SET c = c + a, b = 'z' WHERE a = 2",
        "UPDATE",
        ["a:", "b:", "c: T.a TRANSFORMATION, T.c TRANSFORMATION", "rows: T.a FILTER"],
    ),
    ("UPDATE ice.T SET b = upper(b)", "UPDATE", ["a:", "b: T.b TRANSFORMATION", "c:"]),
    (
        "UPDATE ice.T SET c = (SELECT max(v) FROM u) WHERE a IN (SELECT a FROM u WHERE v > 1)",
        "UPDATE",
        ["a:", "b:", "c: u.v AGGREGATION", "rows: T.a JOIN, u.a JOIN, u.v FILTER"],
    ),
    ("DELETE FROM ice.T WHERE a = 1 AND c > 2", "DELETE", ["a:", "b:", "c:", "rows: T.a FILTER, T.c FILTER"]),
    (
        "DELETE FROM ice.T WHERE a IN (SELECT a FROM u WHERE v > 1)",
        "DELETE",
        ["a:", "b:", "c:", "rows: T.a JOIN, u.a JOIN, u.v FILTER"],
    ),
    (
        (
            "MERGE INTO ice.T x USING u ON x.a = u.a WHEN MATCHED AND u.v > 25 THEN DELETE "
            "WHEN MATCHED THEN UPDATE SET c = u.v + x.c WHEN NOT MATCHED THEN INSERT (a, c) VALUES (u.a, u.v)"
        ),
        "MERGE",
        [
            "a: u.a IDENTITY",
            "b:",
            "c: T.c TRANSFORMATION, u.v IDENTITY, u.v TRANSFORMATION",
            "rows: T.a JOIN, u.a JOIN, u.v FILTER",
        ],
    ),
    (
        (
            "MERGE INTO ice.T x USING (SELECT a, max(v) AS v FROM u GROUP BY a) u ON x.a = u.a AND x.c > 1 "
            "WHEN MATCHED THEN UPDATE SET c = u.v WHEN NOT MATCHED BY SOURCE AND x.a > 3 THEN UPDATE SET b = 'gone'"
        ),
        "MERGE",
        ["a:", "b:", "c: u.v AGGREGATION", "rows: T.a FILTER, T.a JOIN, T.c JOIN, u.a GROUP_BY, u.a JOIN"],
    ),
    (
        (
            "MERGE INTO ice.T x USING u ON x.a = u.a WHEN NOT MATCHED AND u.v > 1 THEN INSERT (a, c) VALUES (u.a, u.v) "
            "WHEN NOT MATCHED THEN INSERT (a, b) VALUES (u.a, 'n')"
        ),
        "INSERT",  # all that Spark leaves of it
        ["a: u.a IDENTITY", "b:", "c: u.v IDENTITY", "rows: T.a JOIN, u.a JOIN, u.v FILTER"],
    ),
]


@pytest.mark.parametrize("table", ["o", "m"])
@pytest.mark.parametrize(
    ("statement", "operation", "lines"), ROW_LEVEL, ids=[row[0][:40] for row in ROW_LEVEL]
)
def test_row_level_command(at: Place, table: str, statement: str, operation: str, lines: list[str]) -> None:
    rows = "INSERT INTO ice.T VALUES (1, 'p', 5.0), (2, 'q', 6.0), (4, 's', 7.0)"
    ice(at, rows.replace("ice.T", f"ice.{table}"))
    runs = at.new_runs(lambda: ice(at, statement.replace("ice.T", f"ice.{table}")))
    assert [(run["kind"], run["operation"], run["state"]) for run in runs] == [
        ("write", operation, "COMPLETE")
    ]
    answer = at.lineage.table(f"ice.{at.database}.{table}").to_dict()
    assert told(answer) == [line.replace("T.", f"{table}.") for line in lines]
    assert answer["runs"] == 2


def test_a_path_is_the_table_of_that_location(at: Place) -> None:
    ice(at, "INSERT INTO ice.o SELECT * FROM t")
    location = at.lineage.table(f"ice.{at.database}.o").to_dict()["dataset"]["name"]
    at.new_runs(
        lambda: (
            at.spark.read.format("iceberg").load(location).where("a > 1").select("c").write.saveAsTable("out")
        )
    )
    answer = at.table()
    assert told(answer) == ["c: o.c IDENTITY", "rows: o.a FILTER"]
    assert answer["columns"][0]["sources"][0]["aliases"] == [f"ice.{at.database}.o"]


def test_the_session_catalog_has_iceberg_tables_beside_others(place: Place) -> None:
    runs = place.new_runs(lambda: place.sql("CREATE TABLE kept USING iceberg AS SELECT a, b FROM t"))
    assert [(run["operation"], run["rows"]) for run in runs] == [("CREATE TABLE AS SELECT", 4)]
    assert runs[0]["target"]["aliases"] == [f"spark_catalog.{place.database}.kept"]
    place.sql("CREATE TABLE out USING parquet AS SELECT kept.b FROM kept JOIN u ON kept.a = u.a")
    assert told(place.table()) == ["b: kept.b IDENTITY", "rows: kept.a JOIN, u.a JOIN"]


def test_metadata_tables_are_not_the_table(at: Place) -> None:
    ice(
        at,
        "INSERT INTO ice.o SELECT * FROM t",
        "CREATE TABLE out USING parquet AS SELECT operation FROM ice.o.snapshots",
    )
    answer = at.table()
    assert told(answer) == ["operation: o#snapshots.operation IDENTITY"]
    assert answer["columns"][0]["sources"][0]["aliases"] == [f"ice.{at.database}.o.snapshots"]


# What changes no rows as lineage means it
QUIET = [
    "ALTER TABLE ice.o ADD COLUMN d int",
    "ALTER TABLE ice.o ADD PARTITION FIELD bucket(4, a)",
    "ALTER TABLE ice.o WRITE ORDERED BY a",
    "ALTER TABLE ice.o CREATE BRANCH next",
    "ALTER TABLE ice.o CREATE TAG kept",
    "ALTER TABLE ice.o DROP TAG kept",
]


def test_schema_evolution_branches_and_maintenance_are_no_lineage(at: Place) -> None:
    ice(at, "INSERT INTO ice.o SELECT * FROM t")

    def act() -> None:
        ice(at, *QUIET)
        at.spark.sql(f"CALL ice.system.rewrite_data_files('{at.database}.o')").collect()

    assert at.new_runs(act) == []
    ice(at, "INSERT INTO ice.o SELECT a, b, c, a + 1 FROM t")
    assert told(at.lineage.table(f"ice.{at.database}.o").to_dict()) == [*PLAIN, "d: t.a TRANSFORMATION"]


def test_edges_are_checked_against_the_columns_of_now(at: Place) -> None:
    """`b` is renamed, `a` is a bigint now, `c` stays: of the copy, which read all three, two sources are not as they were."""
    ice(at, "INSERT INTO ice.o SELECT * FROM t", "CREATE TABLE ice.copy USING iceberg AS SELECT * FROM ice.o")
    before = at.lineage.validate().to_dict()
    ice(at, "ALTER TABLE ice.o RENAME COLUMN b TO word", "ALTER TABLE ice.o ALTER COLUMN a TYPE bigint")
    after = at.lineage.validate().to_dict()
    checked = {
        each["name"].rpartition("/")[2]: (each["checked_by"], each["reason"])
        for each in after["datasets"]
        if f"/ice/{at.database}/" in each["name"]
    }
    assert checked == {"o": ("iceberg", None), "copy": ("iceberg", None)}

    def found(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
        here = [each for each in answer["findings"] if f"/ice/{at.database}/" in each["dataset"]["name"]]
        return [(each["kind"], each["field"], each["message"].split(".", 2)[2]) for each in here]

    assert found(before) == []
    assert found(after) == [
        ("source_column_gone", "b", f"o.b is gone, and ice.{at.database}.copy.b is made of it."),
        ("source_type_changed", "a", "o.a is bigint now, and was int when it was read."),
        ("target_column_gone", "b", "o.b is gone, and a current plan writes it."),
    ]


def test_an_overwrite_of_a_branch_replaces_nothing_that_others_see(at: Place) -> None:
    ice(
        at,
        "INSERT INTO ice.o SELECT * FROM t",
        "ALTER TABLE ice.o CREATE BRANCH next",
        "INSERT OVERWRITE ice.o.branch_next SELECT a, 'x', v FROM u",
    )
    assert told(at.lineage.table(f"ice.{at.database}.o").to_dict()) == [
        "a: t.a IDENTITY, u.a IDENTITY",
        "b: t.b IDENTITY",
        "c: t.c IDENTITY, u.v IDENTITY",
    ]


def test_time_travel_is_part_of_the_source(at: Place) -> None:
    ice(
        at,
        "INSERT INTO ice.o SELECT * FROM t",
        "ALTER TABLE ice.o CREATE TAG kept",
        "INSERT INTO ice.o SELECT * FROM t",
    )
    table = f"ice.{at.database}.o"
    first, last = (
        row[0]
        for row in at.spark.table(f"{table}.snapshots")
        .orderBy("committed_at")
        .select("snapshot_id")
        .collect()
    )
    query = "SELECT now.a, old.c FROM T VERSION AS OF LAST now JOIN T VERSION AS OF FIRST old ON now.a = old.a WHERE old.b > 'p'"
    query = query.replace("LAST", str(last)).replace("FIRST", str(first)).replace("T V", f"{table} V")
    at.sql(f"CREATE TABLE out USING parquet AS {query}")
    answer = at.table()
    assert told(answer) == [
        f"a: o.a @{last} IDENTITY",
        f"c: o.c @{first} IDENTITY",
        ", ".join(sorted([f"o.a @{last} JOIN", f"o.a @{first} JOIN", f"o.b @{first} FILTER"])).join(
            ["rows: ", ""]
        ),
    ]
    assert {row["expression"] for row in answer["rows"] if row["subtype"] == "JOIN"} == {
        f"(o@{last}.a = o@{first}.a)"
    }
    edges = at.lineage.upstream(f"{at.database}.out.c").to_dict()["edges"]
    assert {edge["version"] for edge in edges if edge["source"]["field"] == "c" and "version" in edge} == {
        str(first)
    }


def test_tags_and_times(at: Place) -> None:
    ice(at, "INSERT INTO ice.o SELECT * FROM t", "ALTER TABLE ice.o CREATE TAG kept")
    snapshot = at.spark.table(f"ice.{at.database}.o.snapshots").select("snapshot_id").first()[0]
    before_41 = version_of(at.spark.version) < (4, 1)
    ice(
        at,
        "CREATE TABLE tagged USING parquet AS SELECT c FROM ice.o VERSION AS OF 'kept'",
        "CREATE TABLE timed USING parquet AS SELECT c FROM ice.o TIMESTAMP AS OF '2100-01-01 00:00:00'",
    )
    # Before Spark 4.1 the plan has only the snapshot that a tag or a time came to.
    kept, time = (snapshot, snapshot) if before_41 else ("kept", "2100-01-01T00:00:00.000000Z")
    assert told(at.table("tagged")) == [f"c: o.c @{kept} IDENTITY"]
    assert told(at.table("timed")) == [f"c: o.c @{time} IDENTITY"]
