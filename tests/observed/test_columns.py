"""Metrics joined to columns: which of the target's columns pass through an operator that really ran, and what it carries out.

The queries are in `jobs.py`. In all joins `customer` and `customer_id` are only compared: they are in no column of the target.
"""

from __future__ import annotations

import pytest
from lineage.harness import spark_marks

from observed.conftest import Observed, Seen
from observed.jobs import CLASSES
from observed.test_operators import MERGED

pytestmark = [*spark_marks(), pytest.mark.matrix35]


def columns(seen: Seen, name: str) -> dict[tuple[str, ...], set[str]]:
    """The target's columns of the operators of that name, by their own columns."""
    return {each.columns: set(each.target_columns) for each in seen.named(name)}


def logical(seen: Seen) -> dict[str, set[str]]:
    """The names of the operators that carry out each of the plan's."""
    found: dict[str, set[str]] = {}
    for each in seen.operators:
        if each.logical is not None:
            found.setdefault(each.logical, set()).add(each.name)
    return found


@pytest.mark.parametrize("name", [*MERGED, "returned"])
def test_each_operator_of_a_join_and_a_sum_has_its_columns(observed: Observed, name: str) -> None:
    """However it was joined: amount becomes total, name stays name, and orders begins where rows are counted."""
    seen = observed.jobs[name]
    assert columns(seen, "Scan parquet") == {
        ("customer", "amount"): {"total"},
        ("customer_id", "name"): {"name"},
    }
    assert columns(seen, "HashAggregate") == {
        ("name", "sum", "count"): {"name", "total", "orders"},
        ("name", "total", "orders"): {"name", "total", "orders"},
    }
    assert columns(seen, "Project") == {("amount", "name"): {"name", "total"}}
    (join,) = (each for each in seen.operators if "Join" in each.name)
    assert set(join.target_columns) == {"name", "total"}
    for each in seen.operators:
        if each.columns in {("customer", "amount"), ("customer_id", "name")}:
            assert set(each.target_columns) == ({"total"} if "amount" in each.columns else {"name"})
        if not each.columns:
            assert each.target_columns == ("name", "total", "orders")


@pytest.mark.parametrize("name", [*MERGED, "returned"])
def test_each_operator_is_linked_to_the_one_that_it_carries_out(observed: Observed, name: str) -> None:
    """The filter is not: what stands there may be the join's condition that a key is not null."""
    seen = observed.jobs[name]
    (join,) = (each.name for each in seen.operators if "Join" in each.name)
    assert logical(seen) == {
        "LogicalRelation#0": {"Scan parquet"},
        "LogicalRelation#2": {"Scan parquet"},
        "Join#3": {join},
        "Aggregate#4": {"HashAggregate"},
    }
    by_scan = {each.columns: each.logical for each in seen.named("Scan parquet")}
    assert by_scan == {
        ("customer", "amount"): "LogicalRelation#0",
        ("customer_id", "name"): "LogicalRelation#2",
    }


@pytest.mark.parametrize("name", ["reused_plainly", "reused_adaptively"])
def test_what_is_computed_once_and_used_twice_is_in_both_columns(observed: Observed, name: str) -> None:
    seen = observed.jobs[name]
    assert [set(each.target_columns) for each in seen.named("ReusedExchange")] == [{"other"}]
    assert columns(seen, "Scan parquet") == {("customer", "amount"): {"customer", "own", "other"}}
    assert [set(each.target_columns) for each in seen.named("Exchange")] == [{"customer", "own", "other"}]
    finals = [each for each in seen.named("HashAggregate") if each.columns == ("customer", "total")]
    assert [(set(each.target_columns), each.logical) for each in finals] == [
        ({"customer", "own"}, "Aggregate#2"),
        ({"other"}, "Aggregate#5"),
    ]
    assert seen.one("SortMergeJoin").logical == "Join#6"


def test_a_skewed_join_passes_what_is_chosen(observed: Observed) -> None:
    seen = observed.jobs["skewed"]
    assert columns(seen, "Scan parquet") == {
        ("order_id", "customer", "comment"): {"order_id", "comment"},
        ("customer_id", "name"): {"name"},
    }
    join = seen.one("SortMergeJoin(skew=true)")
    assert (set(join.target_columns), join.logical) == ({"order_id", "name", "comment"}, "Join#3")


@pytest.mark.parametrize("name", ["cached_plainly", "cached_adaptively"])
def test_a_cached_plan_is_a_scan_of_what_was_kept(observed: Observed, name: str) -> None:
    """Ten rows, one for each customer; what made them is no part of the plan that reads them."""
    seen = observed.jobs[name]
    scan = seen.one("InMemoryTableScan")
    assert (scan.rows, seen.named("Scan parquet"), seen.named("HashAggregate")) == (10, (), ())
    assert (scan.columns, set(scan.target_columns), scan.logical) == (
        ("name", "total"),
        {"name", "twice"},
        None,
    )
    assert seen.one("Project").logical == "Project#5"


def test_what_adaptive_execution_emptied_is_gone_or_stands_for_its_columns(observed: Observed) -> None:
    """One branch of the union has no rows: only the other one is left, and its column is the target's first."""
    seen = observed.jobs["emptied"]
    assert columns(seen, "Scan parquet") == {("order_id", "comment"): {"name"}}
    (empty,) = (each for each in observed.jobs["emptied_wholly"].operators if each.note == "empty")
    assert (empty.columns, empty.target_columns, empty.logical) == (("name",), ("name",), None)


def test_a_subquery_has_a_part_in_the_column_that_it_gives(observed: Observed) -> None:
    seen = observed.jobs["scalar"]
    assert columns(seen, "Scan parquet") == {("name",): {"name"}, ("amount",): {"most"}}
    assert set(seen.one("Subquery").target_columns) == {"most"}


def test_a_python_function_has_a_part_in_its_column(observed: Observed) -> None:
    seen = observed.jobs["python"]
    evaluated = seen.one("BatchEvalPython")
    assert set(evaluated.target_columns) == {"order_id", "more"}
    assert evaluated.rows == 1000
    assert seen.one("Project").logical == "Project#1"


def test_an_index_that_is_read_in_place_of_a_source_is_reported(observed: Observed) -> None:
    """Its ten orders were read, of which ids 3 to 6 have an amount over 2; the plan names the orders, and they were not read."""
    if not observed.compared:
        pytest.skip(f"{CLASSES} is not built: run `make jvm_bridge/target/tested`")
    seen = observed.jobs["substituted"]
    assert (seen.returned, seen.one("Scan parquet").rows) == (4, 10)
    assert columns(seen, "Scan parquet") == {("order_id", "amount"): {"order_id", "amount"}}
    (write,) = observed.compared["writes"]
    assert [
        (each["name"].rpartition("/")[2], each["status"], each["reason"], each["rows"], each["files"])
        for each in write["sources"]
    ] == [
        ("indexed", "not_designed", "10 rows were read", 10, 1),
        ("orders", "never_executed", "the executed plan has no scan of it", None, None),
    ]
    found = [
        (each["kind"], each["dataset"]["name"].rpartition("/")[2]) for each in observed.compared["findings"]
    ]
    assert sorted(found) == [("source_never_executed", "orders"), ("source_not_designed", "indexed")]
