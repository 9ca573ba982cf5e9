"""An earlier state as the declaration: written down and read again, and a store at a time."""

from __future__ import annotations

from typing import Any

import pytest
from compare.shop import SHOP
from query.lineage_rows import dataset, edge, plan, run, store_of

import spark_lineage
from spark_lineage.errors import SettingError
from spark_lineage.model import Batch, Certainty
from spark_lineage.show import cli

pytest.importorskip("yaml", reason="declarations need pyyaml")

# report loses land, gets day, reads what it is made of in another way; a new table appears. At second 100.
LATER = Batch(
    datasets=(dataset("fresh", "spark_catalog.shop.fresh"),),
    plans=(
        plan("p9", "report", "total:bigint day:date", "orders", overwrites=True),
        plan("f1", "fresh", "a:int", "orders", overwrites=True),
    ),
    edges=(
        edge("p9", "orders.amount", "report.total", "AGGREGATION", "max(amount)"),
        edge("p9", "orders.amount", "report.total", "CONDITIONAL", "CASE WHEN (amount > ?)"),
        edge("p9", "orders.amount", "report.day", "IDENTITY", "amount"),
    ),
    runs=(run(91, "p9", "report", 100), run(92, "f1", "fresh", 110)),
)
UNSURE = Batch(
    plans=(plan("u1", "feed", "a:string? b:string!", "raw", overwrites=True),),
    edges=(
        edge("u1", "raw.price", "feed.a", "TRANSFORMATION", "f(price)", certainty=Certainty.OVER_APPROXIMATE),
    ),
    runs=(run(21, "u1", "feed", 30),),
)
CHANGES = [
    ("table_unexpected", "The table shop.fresh is written and not declared."),
    ("source_missing", "The set of rows of shop.report is to come from shop.customers.country (FILTER), and it does not."),
    ("source_missing", "shop.report is to be made of shop.customers, and it is not."),
    ("column_unexpected", "shop.report has a column day, which is not declared."),
    ("column_missing", "shop.report has no column land."),
    ("source_unexpected", "shop.report.total comes from shop.orders.amount (CONDITIONAL), which is not declared."),
    ("type_changed", "shop.report.total is bigint, and is to be double."),
]  # fmt: skip

WRITTEN = """\
version: 1
complete: true
observed: true
tables:
  orders:
    complete: true
    sources:
    - raw
    rows: []
    columns:
      amount:
        type: double
        complete: true
        sources:
        - from: raw.price
          kind: TRANSFORMATION
          masked: false
  report:
    complete: true
    sources:
    - customers
    - orders
    rows:
    - from: customers.country
      kind: FILTER
    columns:
      total:
        type: double
        complete: true
        sources:
        - from: orders.amount
          kind: AGGREGATION
          masked: false
      land:
        type: string
        complete: true
        sources:
        - from: customers.country
          kind: TRANSFORMATION
          masked: true
"""


def told(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["kind"], each["message"]) for each in answer["findings"]]


@pytest.fixture
def place(tmp_path, capfd):
    """A store with the shop and some uncertain lineage, and the command line on it."""
    store = store_of(tmp_path / "store", SHOP, UNSURE)

    def command(*words: str) -> tuple[int, str]:
        code = cli.main(["check", *words, "--no-ingest", "--store", str(tmp_path / "store")])
        return code, capfd.readouterr().out

    return store, command, tmp_path


def test_what_is_written_down_holds_until_something_changes(place):
    store, command, folder = place
    file = str(folder / "baseline.yaml")
    assert command("--write-baseline", file) == (0, "")
    assert command(file, "--strict") == (0, "Passed: 21 of 21 expectations hold.\n")
    store.append(LATER)
    answer = spark_lineage.open(folder / "store", ingest=False).check(file).to_dict()
    assert told(answer) == CHANGES
    assert command("--write-baseline", file)[0] == 0
    assert command(file, "--strict")[0] == 0


def test_the_file_is_for_people(tmp_path):
    plain = Batch(**{**{name: getattr(SHOP, name) for name in SHOP.__slots__}, "datasets": ()})
    store_of(tmp_path / "store", plain)
    text = spark_lineage.open(tmp_path / "store", ingest=False).declare()
    head, _, body = text.partition("version:")
    assert all(line.startswith("#") for line in head.splitlines())
    assert "version:" + body == WRITTEN.replace("  orders:", "  file:/w/orders:").replace(
        "  report:", "  file:/w/report:"
    ).replace("- raw\n", "- file:/w/raw\n").replace("- customers\n", "- file:/w/customers\n").replace(
        "- orders\n", "- file:/w/orders\n"
    ).replace("from: raw", "from: file:/w/raw").replace("from: customers", "from: file:/w/customers").replace(
        "from: orders", "from: file:/w/orders"
    )


def test_a_store_at_a_time(place):
    store, command, folder = place
    store.append(LATER)
    lineage = spark_lineage.open(folder / "store", ingest=False)
    then = f"{folder / 'store'}@1970-01-01T00:01:39Z"
    answer = lineage.check(baseline=then).to_dict()
    assert told(answer) == CHANGES
    assert (answer["file"], answer["baseline"]) == (None, then)
    assert {each["line"] for each in answer["findings"]} == {None}
    assert told(lineage.check(baseline=str(folder / "store")).to_dict()) == []
    assert command("--baseline", f"{folder / 'store'}@1d") == (0, "Passed: 27 of 27 expectations hold.\n")


def test_what_was_known_and_is_opaque_now_is_lost(place):
    """report.total was exact, and its last overwrite calls a function that nobody can look into; land is as it was."""
    store, command, folder = place
    opaque = plan("o1", "report", "total:double! land:string", "orders customers", overwrites=True)
    land = edge("o1", "customers.country", "report.land", "TRANSFORMATION", "sha2(country)", masking=True)
    inside = edge("o1", "orders", "report.total", "TRANSFORMATION", "f(amount)", certainty=Certainty.OPAQUE)
    rows = edge("o1", "customers.country", "report", "FILTER", "(country = ?)")
    file = str(folder / "baseline.yaml")
    command("--write-baseline", file)
    store.append(Batch(plans=(opaque,), edges=(land, inside, rows), runs=(run(91, "o1", "report", 100),)))
    for answer in (
        spark_lineage.open(folder / "store", ingest=False).check(file).to_dict(),
        spark_lineage.open(folder / "store", ingest=False)
        .check(baseline=f"{folder / 'store'}@1970-01-01T00:01:39Z")
        .to_dict(),
    ):
        assert answer["outcome"] == "failed"
        assert [each for each in told(answer) if each[0] != "cannot_be_shown"] == [
            ("lineage_lost", "shop.report.total was known, and is opaque now.")
        ]
    # what somebody expects can only not be shown
    text = (folder / "baseline.yaml").read_text().replace("observed: true", "observed: false")
    (folder / "baseline.yaml").write_text(text)
    assert command(file)[0] == 0
    # and what was not known then is not lost
    command("--write-baseline", file)
    assert command(file, "--strict")[0] == 0


def test_a_baseline_that_cannot_be_read(place):
    _, command, folder = place
    assert command("--baseline", str(folder / "none"))[0] == 1
    for moment in ("2026-99-99", "yesterday", ""):
        with pytest.raises(SettingError, match=f"^--baseline is '{moment}': allowed is a time"):
            spark_lineage.open(folder / "store", ingest=False).check(baseline=f"{folder / 'store'}@{moment}")
    # a path may have an @ of its own
    store_of(folder / "store@home", SHOP, UNSURE)
    assert command("--baseline", f"{folder / 'store@home'}")[0] == 0


def test_a_backtick_in_a_name_is_no_deviation(tmp_path):
    """Of a source's column, of a column of the table, and of the source's own name."""
    odd = Batch(
        plans=(plan("s1", "t", "x`y:int", "`s` u", overwrites=True),),
        edges=(edge("s1", "u.d`d", "t.x`y", "IDENTITY"), edge("s1", "`s`.`c`", "t", "FILTER")),
        runs=(run(1, "s1", "t", 10),),
    )
    store_of(tmp_path / "store", odd)
    lineage = spark_lineage.open(tmp_path / "store", ingest=False)
    assert told(lineage.check(baseline=str(tmp_path / "store"), strict=True).to_dict()) == []
    (tmp_path / "b.yaml").write_text(lineage.declare())
    assert told(lineage.check(tmp_path / "b.yaml", strict=True).to_dict()) == []
    # another column is still another one
    (tmp_path / "b.yaml").write_text(lineage.declare().replace("d`d", "d`e"))
    assert lineage.check(tmp_path / "b.yaml").to_dict()["outcome"] == "failed"


def test_names_with_stars_mean_themselves(tmp_path):
    odd = Batch(
        plans=(plan("s1", "t", "a:int", "a*b a1b", overwrites=True),),
        edges=(edge("s1", "a*b.x[1]", "t.a", "IDENTITY"),),
        runs=(run(1, "s1", "t", 10),),
    )
    store_of(tmp_path / "store", odd)
    lineage = spark_lineage.open(tmp_path / "store", ingest=False)
    (tmp_path / "b.yaml").write_text(lineage.declare())
    assert lineage.check(tmp_path / "b.yaml").to_dict()["counts"] == {"met": 7, "unsure": 0, "failed": 0}
    assert "file:/w/a[*]b.x[[]1]" in lineage.declare()
