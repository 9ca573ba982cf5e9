"""The assertions of spark_lineage.testing: what passes, and the whole messages of what fails."""

from __future__ import annotations

import re

import pytest
from compare.shop import SHOP
from query.lineage_rows import edge, plan, run, store_of

import spark_lineage
from spark_lineage.model import Batch
from spark_lineage.testing import (
    assert_column_depends_on,
    assert_column_depends_only_on,
    assert_lineage_equal,
    assert_no_flow,
)


@pytest.fixture
def lineage(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    store_of(tmp_path / "store", SHOP)
    return spark_lineage.open(tmp_path / "store", ingest=False)


def message(call, *arguments, **words) -> str:
    with pytest.raises(AssertionError) as caught:
        call(*arguments, **words)
    return bare(str(caught.value))


def bare(text: str) -> str:
    """The text with its tables as cells between `|`, without frames."""
    rows = [line for line in text.splitlines() if not line.startswith(("┏", "┡", "└"))]
    cells = (re.split(r"\s*[┃│]\s*", row.strip("┃│ ")) for row in rows)
    return "".join("|".join(row) + "\n" for row in cells)


def test_what_holds(lineage):
    assert_column_depends_on(lineage, "report.total", "orders.amount", "*/raw.price")
    assert_column_depends_on(lineage, "report.total", "shop.customers.country", kinds="all")
    assert_column_depends_only_on(lineage, "report.total", "orders.amount")
    assert_column_depends_only_on(lineage, "report.total", "raw.price")
    assert_column_depends_only_on(lineage, "report.total", "orders.*", "*.country", kinds="all")
    assert_no_flow(lineage, "*.name", "shop.*")
    assert_no_flow(lineage, "*.country", "report", masked_allowed=True)
    assert_lineage_equal(lineage, "report", {"TOTAL": "orders.amount", "land": ["customers.country"]})
    assert_lineage_equal(lineage, "orders", {"amount": {"raw.price": "transformation"}})


def test_a_missing_dependency(lineage):
    assert message(assert_column_depends_on, lineage, "report.total", "orders.tax", "raw.price") == (
        "shop.report.total is to depend on orders.tax, and it does not.\n"
        "expected|found\n"
        "orders.tax|file:/w/raw.price, shop.orders.amount\n"
    )


def test_another_dependency(lineage):
    assert message(assert_column_depends_only_on, lineage, "report.total", "orders.amount", kinds="all") == (
        "shop.report.total depends on shop.customers.country, and is to depend on orders.amount only.\n"
        "expected|found\n"
        "orders.amount|shop.customers.country\n"
    )


def test_a_flow(lineage):
    assert message(assert_no_flow, lineage, "*.price", "report") == (
        "file:/w/raw.price reaches shop.report.total, which is forbidden.\n"
        "hop|from -> to\n"
        "hop 1|file:/w/raw.price -> shop.orders.amount (transformation: CAST(price AS DOUBLE))\n"
        "hop 2|shop.orders.amount -> shop.report.total (aggregation: sum(amount))\n"
    )


def test_a_rule_about_nothing_fails(lineage):
    assert message(assert_no_flow, lineage, "*.snn", "report") == (
        "Nothing in the store is called *.snn: the rule says nothing there.\n"
    )


def test_other_columns_and_sources(lineage):
    assert message(
        assert_lineage_equal, lineage, "report", {"total": {"orders.amount": "IDENTITY"}, "day": []}
    ) == (
        "shop.report has no column day.\n"
        "shop.report has a column land, which is not declared.\n"
        "shop.report.total comes from shop.orders.amount as AGGREGATION; declared is IDENTITY.\n"
        "column|expected|found\n"
        "total|orders.amount IDENTITY|shop.orders.amount AGGREGATION\n"
        "day|(no source)|(no such column)\n"
        "land|(no such column)|shop.customers.country TRANSFORMATION\n"
    )


def test_colours_where_they_are_asked_for(lineage, monkeypatch):
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    said = message(assert_column_depends_on, lineage, "report.total", "orders.tax")
    assert "\x1b[32morders.tax\x1b[0m" in said
    assert "\x1b[31mfile:/w/raw.price, shop.orders.amount\x1b[0m" in said


def test_names_that_are_not_there(lineage):
    assert message(assert_column_depends_on, lineage, "reprot.total", "x") == (
        'There is no table "reprot.total" in the store: did you mean /w/report or report?\n'
    )
    assert (
        message(assert_column_depends_on, lineage, "report", "x")
        == "report is a table: name one of its columns.\n"
    )
    with pytest.raises(ValueError, match=r"No source was named that report\.total is to depend on"):
        assert_column_depends_on(lineage, "report.total")


def test_what_is_not_known_proves_nothing(tmp_path):
    opaque = Batch(
        plans=(plan("o1", "blob", "a:string! b:string", "raw", overwrites=True),),
        edges=(edge("o1", "raw.price", "blob.b", "IDENTITY"),),
        runs=(run(11, "o1", "blob", 40),),
    )
    store_of(tmp_path / "store", SHOP, opaque)
    lineage = spark_lineage.open(tmp_path / "store", ingest=False)
    said = message(assert_no_flow, lineage, "customers.name", "blob")
    assert said == (
        "It cannot be shown that nothing of customers.name reaches file:/w/blob: what file:/w/blob.a is made of is not known.\n"
    )
    assert_no_flow(lineage, "customers.name", "blob", strict=False)
