"""The operators of Delta's commands: they carry out plans with ids of their own, and are joined to the table's columns all the same."""

from __future__ import annotations

from collections.abc import Callable

from lineage.harness import spark_marks
from lineage.place import Place
from spark_lineage.model import OperatorMetrics
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import from_rows

pytestmark = spark_marks()

MERGE = """MERGE INTO d USING u ON d.a = u.a
WHEN MATCHED THEN UPDATE SET c = u.v WHEN NOT MATCHED THEN INSERT (a, c) VALUES (u.a, u.v)"""


def operators(place: Place, action: Callable[[], object]) -> list[OperatorMetrics]:
    """The operators of the one run that an action made."""
    (run,) = place.new_runs(action)
    found = from_rows("operators", DeltaStore(place.lineage.store).read("operators").to_pylist())
    return [each for each in found if each.run_id == run["id"]]


def scans(found: list[OperatorMetrics]) -> set[tuple[tuple[str, ...], tuple[str, ...], int | None]]:
    """Columns, target's columns and rows of the scans of tables."""
    return {
        (each.columns, each.target_columns, each.rows)
        for each in found
        if each.name.startswith("Scan parquet")
    }


def test_what_delta_reads_to_write_is_told_from_what_it_reads_to_find_files(place: Place) -> None:
    """`d` has four rows, `u` three, of which two match: five rows are written. Which files match is found by the key alone."""
    place.sql("CREATE TABLE d USING delta AS SELECT a, c FROM t")
    merged = operators(place, lambda: place.sql(MERGE))
    # Delta 3.3 keeps the source by a lazy checkpoint: its scan runs for a later execution, and counts after its own has ended.
    source = None if place.spark.version.startswith("3.") else 3
    assert scans(merged) == {(("a", "v"), ("a", "c"), source), (("a", "c"), ("a", "c"), 4), (("a",), (), 4)}
    joins = {each.rows: each.target_columns for each in merged if "Join" in each.name}
    assert joins == {2: (), 5: ("a", "c")}

    updated = operators(place, lambda: place.sql("UPDATE d SET c = c + 1 WHERE a > 3"))
    assert scans(updated) == {(("a", "c"), ("a", "c"), 5), (("a",), (), 5)}


def test_an_append_has_the_columns_of_its_query(place: Place) -> None:
    place.sql("CREATE TABLE d(a int, total double) USING delta")
    query = "INSERT INTO d SELECT a, sum(c) FROM t WHERE b <> 'r' GROUP BY a"
    found = operators(place, lambda: place.sql(query))
    assert scans(found) == {(("a", "b", "c"), ("a", "total"), 4)}
    assert {
        (each.rows, each.target_columns)
        for each in found
        if each.columns == ("a", "b", "c") and each.name == "Filter"
    } == {(3, ("a", "total"))}
    assert {each.logical for each in found if each.name.startswith("Scan parquet")} != {None}
