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
        (
            "RAW/orders.csv",
            'There is no table "RAW/orders.csv" in the store: did you mean /raw/orders.csv or orders?',
            ("/raw/orders.csv", "orders"),
        ),
        ("eport", 'There is no table "eport" in the store: did you mean report?', ("report",)),
        ("zzz", 'There is no table "zzz" in the store: `spark-lineage tables` lists all of them.', ()),
        ("", 'There is no table "" in the store: `spark-lineage tables` lists all of them.', ()),
    ],
)
def test_no_table(text, message, candidates):
    with pytest.raises(NameLookupError) as caught:
        resolve_table(text, DATASETS)
    assert (str(caught.value), caught.value.candidates) == (message, candidates)


def test_an_empty_store_says_so():
    with pytest.raises(NameLookupError) as caught:
        resolve_table("report", [])
    assert (
        str(caught.value)
        == 'There is no table "report": the store is empty, nothing has run with lineage on.'
    )


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
        (
            "total",
            'There is no table "total" in the store, but a column: ask for spark_catalog.default.report.total.',
            ("spark_catalog.default.report.total",),
        ),
        (
            "addr.zip",
            'There is no table "addr.zip" in the store, but a column: ask for file:/nested/info.addr.zip.',
            ("file:/nested/info.addr.zip",),
        ),
        ("reprt.total", 'There is no table "reprt.total" in the store: did you mean report?', ("report",)),
    ],
)
def test_no_column(text, message, candidates):
    with pytest.raises(NameLookupError) as caught:
        resolve_column(text, DATASETS, fields_of)
    assert (str(caught.value), caught.value.candidates) == (message, candidates)


CASED = (
    Dataset("file", "/w/u1", ("spark_catalog.default.u1",)),
    Dataset("file", "/w/a/Twin", ("spark_catalog.a.Twin",)),
    Dataset("file", "/w/a/twin", ("spark_catalog.a.twin",)),
    Dataset("file", "/w/u1.sxy", ("spark_catalog.u1.Total",)),
)
CASED_FIELDS = {"/w/u1": {"sxy", "Info", "Info.zip", "Day", "day", "total"}}


@pytest.mark.parametrize(
    ("text", "name", "field"),
    [
        ("U1", "/w/u1", None),
        ("DEFAULT.U1", "/w/u1", None),
        ("u1.SXY", "/w/u1", "sxy"),
        ("U1.sxy", "/w/u1", "sxy"),
        ("U1.INFO.ZIP", "/w/u1", "Info.zip"),
        ("u1.info", "/w/u1", "Info"),
        ("u1.info.Street", "/w/u1", "Info.Street"),
        ("u1.Day", "/w/u1", "Day"),
        ("U1.day", "/w/u1", "day"),
        ("a.Twin", "/w/a/Twin", None),
        ("A.TWIN", None, None),
        # As it is written, a whole name wins over a longer table in another case.
        ("u1.total", "/w/u1", "total"),
        ("u1.TOTAL", "/w/u1.sxy", None),
    ],
)
def test_either_case(text, name, field):
    if name is None:
        with pytest.raises(NameLookupError) as caught:
            resolve_table(text, CASED)
        assert caught.value.candidates == ("spark_catalog.a.Twin", "spark_catalog.a.twin")
        return
    dataset, found = resolve_column(text, CASED, lambda dataset: CASED_FIELDS.get(dataset.name, set()))
    assert (dataset.name, found) == (name, field)
    if field is None:
        assert resolve_table(text, CASED).name == name


def test_columns_that_differ_only_in_case():
    with pytest.raises(NameLookupError) as caught:
        resolve_column("U1.DAY", CASED, lambda dataset: CASED_FIELDS.get(dataset.name, set()))
    message = 'The column "DAY" of the table "U1" is ambiguous: write it as one of Day, day.'
    assert (str(caught.value), caught.value.candidates) == (message, ("Day", "day"))
