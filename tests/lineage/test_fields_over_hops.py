"""A field over several writes: built in one table, passed on as a whole, cast by position, read alone in the last."""

from __future__ import annotations

import pytest

from lineage.harness import spark_marks
from lineage.place import Place

pytestmark = spark_marks()

WRITES = (
    "CREATE TABLE silver USING parquet AS SELECT a, named_struct('key', a, 'at', struct(upper(b) AS zip, c AS street)) AS info FROM t",
    "CREATE TABLE copy(id int, info struct<k: int, home: struct<code: string, street: double>>) USING parquet",
    "INSERT INTO copy SELECT a, info FROM silver",
    "CREATE TABLE gold USING parquet AS SELECT max(info.home.code) AS zip FROM copy WHERE info.k > 1",
)


@pytest.fixture
def written(place: Place) -> Place:
    """The place, after all writes."""
    place.sql(*WRITES)
    return place


def met(place: Place, direction: str, column: str) -> list[str]:
    """`t.a IDENTITY` of each column that a walk meets."""
    answer = getattr(place.lineage, direction)(f"{place.database}.{column}").to_dict()
    found = (
        (node["aliases"][0].rpartition(".")[2], node["field"], node["subtype"])
        for node in answer["nodes"]
        if node["depth"] and node["field"]
    )
    return sorted(f"{table}.{field} {kind}" for table, field, kind in found)


def test_a_field_goes_back_to_what_was_put_in(written: Place) -> None:
    assert met(written, "upstream", "copy.info.home.code") == [
        "silver.info IDENTITY",
        "silver.info.at IDENTITY",
        "silver.info.at.zip IDENTITY",
        "t.b TRANSFORMATION",
    ]


def test_the_whole_goes_back_to_all_that_was_put_in(written: Place) -> None:
    found = met(written, "upstream", "copy.info")
    assert [each for each in found if each.startswith("t.")] == [
        "t.a TRANSFORMATION",
        "t.b TRANSFORMATION",
        "t.c TRANSFORMATION",
    ]


def test_a_source_goes_to_its_field_alone(written: Place) -> None:
    assert met(written, "downstream", "t.b") == [
        "copy.info TRANSFORMATION",
        "copy.info.home TRANSFORMATION",
        "copy.info.home.code TRANSFORMATION",
        "gold.zip AGGREGATION",
        "silver.info TRANSFORMATION",
        "silver.info.at TRANSFORMATION",
        "silver.info.at.zip TRANSFORMATION",
    ]
    assert "gold.zip FILTER" in met(written, "downstream", "t.a")
    assert not [each for each in met(written, "downstream", "t.c") if each.startswith("gold.")]
