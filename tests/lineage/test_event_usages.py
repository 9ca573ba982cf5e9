"""What hands rows or figures to the program: a usage of exactly the columns that they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lineage.harness import spark_marks, version_of
from lineage.place import Json, Place

pytestmark = spark_marks()

Columns = dict[str, list[str]]


def used(place: Place, action: Callable[[Place], Any]) -> tuple[Columns, list[str]]:
    """The sources of each column that one action handed to the program, and of its rows, as `t.a IDENTITY`."""
    (run,) = place.new_runs(lambda: action(place))
    return sources_of(place, run)


def sources_of(place: Place, run: Json) -> tuple[Columns, list[str]]:
    """The same of a run."""
    assert (run["kind"], run["state"], run["target"]["namespace"]) == ("usage", "COMPLETE", "driver")
    answer = place.lineage.table(run["target"]["name"]).to_dict()
    assert answer["certainty"] == "exact"
    return {each["name"]: texts(each["sources"]) for each in answer["columns"]}, texts(answer["rows"])


def texts(sources: list[dict[str, Any]]) -> list[str]:
    """`t.a IDENTITY` of each source, sorted."""
    return sorted(f"{each['name'].rpartition('/')[2]}.{each['field']} {each['subtype']}" for each in sources)


def table(place: Place, name: str = "t") -> Any:
    """A table as a DataFrame."""
    return place.spark.table(name)


@pytest.mark.parametrize(
    ("action", "columns", "rows"),
    [
        (lambda at: table(at).where("a > 1").select("b").isEmpty(), {}, ["t.a FILTER"]),
        (lambda at: table(at).select("a").take(1), {"a": ["t.a IDENTITY"]}, []),
        (lambda at: table(at).orderBy("c").select("a").head(), {"a": ["t.a IDENTITY"]}, ["t.c SORT"]),
        (lambda at: table(at).select("a").tail(1), {"a": ["t.a IDENTITY"]}, []),
        (lambda at: table(at).describe("c").collect(), {"summary": [], "c": ["t.c AGGREGATION"]}, []),
        (
            lambda at: table(at).stat.freqItems(["a"]).collect(),
            {"a_freqItems": ["t.a AGGREGATION"]},
            [],
        ),
        # Spark's own query puts 0 where a value is null: what is tested decides, CONDITIONAL.
        (
            lambda at: table(at).stat.corr("a", "c"),
            {"corr": ["t.a AGGREGATION", "t.a CONDITIONAL", "t.c AGGREGATION", "t.c CONDITIONAL"]},
            [],
        ),
    ],
    ids=["isEmpty", "take", "head in an order", "tail", "describe", "freqItems", "corr"],
)
def test_an_action_uses_exactly_its_columns(
    place: Place, action: Callable[[Place], Any], columns: Columns, rows: list[str]
) -> None:
    found, found_rows = used(place, action)
    assert {name: sources for name, sources in found.items() if sources or name in columns} == columns
    assert found_rows == rows


def test_quantiles_use_their_columns_alone(place: Place) -> None:
    """Spark turns the columns into rows and groups them by their place, which comes from no column; nulls are left out."""
    (run,) = place.new_runs(lambda: table(place).stat.approxQuantile(["a", "c"], [0.5], 0.1))
    if run["operation"] == "RDD":  # older Sparks look at the rows themselves
        assert [place.reaches_driver(f"t.{name}") for name in "abc"] == [True, False, True]
        return
    found, rows = sources_of(place, run)
    assert sorted(found.values()) == [[], ["t.a AGGREGATION", "t.c AGGREGATION"]]
    assert rows == ["t.a FILTER", "t.c FILTER"]


def test_columns_of_one_name_are_one_column_of_what_the_program_got(place: Place) -> None:
    found, rows = used(
        place,
        lambda at: at.spark.sql("SELECT t.a, u.a, t.c + u.v AS s FROM t JOIN u ON t.a = u.a").collect(),
    )
    assert found == {
        "a": ["t.a IDENTITY", "u.a IDENTITY"],
        "s": ["t.c TRANSFORMATION", "u.v TRANSFORMATION"],
    }
    assert rows == ["t.a JOIN", "u.a JOIN"]


def test_what_a_session_variable_is_set_to_is_a_usage(place: Place) -> None:
    if version_of(place.spark.version) < (4, 0):
        pytest.skip(f"needs SQL variables, this is Spark {place.spark.version}")
    place.sql("DECLARE top int", "DECLARE low int")
    found, rows = used(place, lambda at: at.sql("SET VAR top = (SELECT max(a) FROM t WHERE b = 'p')"))
    assert (found, rows) == ({"top": ["t.a AGGREGATION"]}, ["t.b FILTER"])
    found, rows = used(
        place, lambda at: at.sql("SET VAR (top, low) = (SELECT max(a) AS x, min(v) AS y FROM u)")
    )
    assert (found, rows) == ({"top": ["u.a AGGREGATION"], "low": ["u.v AGGREGATION"]}, [])
    found, _ = used(place, lambda at: at.sql("EXECUTE IMMEDIATE 'SELECT min(c) AS z FROM t' INTO top"))
    assert found == {"top": ["t.c AGGREGATION"]}
    assert place.new_runs(lambda: place.sql("SET VAR top = top + 1", "SET VAR low = 5")) == []


def test_a_function_over_each_row_is_a_usage_whose_writes_are_not_known(place: Place) -> None:
    frame = table(place).select("a")
    (run,) = place.new_runs(lambda: frame.foreach(lambda _: None))
    assert (run["kind"], run["state"]) == ("usage", "COMPLETE")
    assert place.reaches_driver("t.a")
    assert not place.reaches_driver("t.b")
    answer = place.lineage.table(run["target"]["name"]).to_dict()
    assert answer["certainty"] == "opaque"  # what the query broadcast, its RDD does not show
    assert {each["code"] for each in answer["problems"]} == {"rdd_job"}
