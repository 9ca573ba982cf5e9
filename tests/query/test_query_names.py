"""What a name means, and what is said when it means nothing or too much."""

from __future__ import annotations

import pytest

from spark_lineage.errors import NameLookupError
from spark_lineage.model import Dataset
from spark_lineage.query.names import resolve_column, resolve_table

DATASETS = (
    Dataset("file", "/warehouse/report", ("spark_catalog.default.report",)),
    Dataset("file", "/warehouse/shop/orders", ("spark_catalog.shop.orders",)),
    Dataset("file", "/old/orders", ("spark_catalog.old.orders",)),
    Dataset("file", "/raw/orders.csv"),
    Dataset("s3://lake", "gold/report.daily", ("spark_catalog.gold.`report.daily`",)),
    Dataset("s3://lake", "gold/visits"),
    Dataset("s3://attic", "gold/visits"),
    Dataset("file", "/nested/info"),
)
FIELDS = {"/warehouse/report": {"day", "total", "a.b", "daily"}, "/nested/info": {"addr", "addr.zip"}}


def fields_of(dataset):
    return FIELDS.get(dataset.name, set())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("report", "/warehouse/report"),
        ("default.report", "/warehouse/report"),
        ("spark_catalog.default.report", "/warehouse/report"),
        ("warehouse/report", "/warehouse/report"),
        ("/warehouse/report", "/warehouse/report"),
        ("/warehouse/report/", "/warehouse/report"),
        ("file:/warehouse/report", "/warehouse/report"),
        ("`spark_catalog`.default.`report`", "/warehouse/report"),
        ("shop.orders", "/warehouse/shop/orders"),
        ("shop/orders", "/warehouse/shop/orders"),
        ("orders.csv", "/raw/orders.csv"),
        ("csv", "/raw/orders.csv"),
        ("`report.daily`", "gold/report.daily"),
        ("gold.report.daily", "gold/report.daily"),
        ("s3://lake/gold/report.daily", "gold/report.daily"),
        ("s3://attic/gold/visits", "gold/visits"),
    ],
)
def test_a_table(text, name):
    assert resolve_table(text, DATASETS).name == name


@pytest.mark.parametrize(
    ("text", "message", "candidates"),
    [
        (
            "orders",
            (
                'The name "orders" is ambiguous: write more of it, so that it means one of '
                "spark_catalog.old.orders, spark_catalog.shop.orders."
            ),
            ("spark_catalog.old.orders", "spark_catalog.shop.orders"),
        ),
        (
            "gold/visits",
            (
                'The name "gold/visits" is ambiguous: write more of it, so that it means one of '
                "s3://attic/gold/visits, s3://lake/gold/visits."
            ),
            ("s3://attic/gold/visits", "s3://lake/gold/visits"),
        ),
        ("reprt", 'There is no table "reprt" in the store: did you mean report?', ("report",)),
        ("REPORT", 'There is no table "REPORT" in the store: did you mean report?', ("report",)),
        ("eport", 'There is no table "eport" in the store: did you mean report?', ("report",)),
        ("zzz", 'There is no table "zzz" in the store: `spark-lineage tables` lists all of them.', ()),
        ("", 'There is no table "" in the store: `spark-lineage tables` lists all of them.', ()),
    ],
)
def test_no_table(text, message, candidates):
    with pytest.raises(NameLookupError) as caught:
        resolve_table(text, DATASETS)
    assert (str(caught.value), caught.value.candidates) == (message, candidates)


@pytest.mark.parametrize(
    ("text", "name", "field"),
    [
        ("report", "/warehouse/report", None),
        ("report.total", "/warehouse/report", "total"),
        ("/warehouse/report.total", "/warehouse/report", "total"),
        ("default.report.`a.b`", "/warehouse/report", "a.b"),
        ("`default`.report.a.b", "/warehouse/report", "a.b"),
        ("report.daily", "gold/report.daily", None),
        ("default.report.daily", "/warehouse/report", "daily"),
        ("info.addr.zip", "/nested/info", "addr.zip"),
        ("info.addr.zip.plus4", "/nested/info", "addr.zip.plus4"),
    ],
)
def test_a_column(text, name, field):
    dataset, found = resolve_column(text, DATASETS, fields_of)
    assert (dataset.name, found) == (name, field)


@pytest.mark.parametrize(
    ("text", "message", "candidates"),
    [
        ("report.totl", 'The table "report" has no column "totl": did you mean total?', ("total",)),
        (
            "report.zzz",
            'The table "report" has no column "zzz": `spark-lineage table report` lists its columns.',
            (),
        ),
        ("csv.x", 'The table "csv" has no column "x": its columns are not known; ask for the table.', ()),
        (
            "orders.x",
            (
                'The name "orders" is ambiguous: write more of it, so that it means one of '
                "spark_catalog.old.orders, spark_catalog.shop.orders."
            ),
            ("spark_catalog.old.orders", "spark_catalog.shop.orders"),
        ),
        ("reprt.total", 'There is no table "reprt.total" in the store: did you mean report?', ("report",)),
    ],
)
def test_no_column(text, message, candidates):
    with pytest.raises(NameLookupError) as caught:
        resolve_column(text, DATASETS, fields_of)
    assert (str(caught.value), caught.value.candidates) == (message, candidates)
