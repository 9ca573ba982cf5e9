"""The data of a Delta table at two versions, from its log alone: figures counted by hand, and logs that do not tell them."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

import spark_lineage
from spark_lineage.compare.drift.distributions import data_diff
from spark_lineage.errors import NameLookupError
from spark_lineage.model import Batch, Dataset, Observation
from spark_lineage.show import cli
from spark_lineage.store.delta import DeltaStore
from tests.query.lineage_rows import store_of

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


def write(
    folder: Path, day: int, totals: list[str | None], mode: str = "append", **columns: pa.Array
) -> None:
    """One file of a partition: a total or NULL for each row, and some columns of other types."""
    rows = len(totals)
    table = {
        "total": pa.array([None if each is None else Decimal(each) for each in totals], pa.decimal128(10, 2)),
        "day": pa.array([date(2026, 11, day)] * rows),
        "at": pa.array([NOON] * rows, pa.timestamp("us", "UTC")),
        "info": pa.array([{"zip": day + 100}] * rows, pa.struct([("zip", pa.int64())])),
        "raw": pa.array([b"x"] * rows),
        **columns,
    }
    write_deltalake(
        folder, pa.table(table), mode=mode, partition_by=["day"], schema_mode="merge" if columns else None
    )


@pytest.fixture
def store(tmp_path):
    """A store that knows of the table `report`, which lies beside it."""
    dataset = Dataset("file", str(tmp_path / "report"), ("spark_catalog.shop.report",), "delta")
    seen = Observation("8c0e1a2b-00:7", 0, "file", dataset.name, "written", dataset.name, version=0)
    store_of(tmp_path / "store", Batch(datasets=(dataset,), observations=(seen,)))
    return DeltaStore(tmp_path / "store")


def facts(share, minimum, maximum):
    return {"null_share": share, "minimum": minimum, "maximum": maximum, "distinct": None}


def test_shares_of_nulls_and_bounds_of_each_column(store, tmp_path):
    """Version 0 has 2 rows of one day, version 1 another 2 with one NULL among the 4 and a new column."""
    write(tmp_path / "report", 19, ["1.50", "2.50"])
    write(tmp_path / "report", 20, [None, "9.00"], tip=pa.array([1, 2], pa.int32()))
    answer = data_diff(store, "report").to_dict()
    assert [
        (each["version"], each["rows"], each["files"]) for each in (answer["before"], answer["after"])
    ] == [(0, 2, 1), (1, 4, 2)]
    noon = "2026-11-20T12:00:00Z"
    assert answer["columns"] == [
        {"name": "total", "change": "changed", "before": facts(0.0, "1.50", "2.50"), "after": facts(0.25, "1.50", "9.00")},
        {"name": "at", "change": "same", "before": facts(0.0, noon, noon), "after": facts(0.0, noon, noon)},
        {"name": "info.zip", "change": "changed", "before": facts(0.0, 119, 119), "after": facts(0.0, 119, 120)},
        {"name": "raw", "change": "same", "before": facts(None, None, None), "after": facts(None, None, None)},
        # deltalake puts the columns of partitions last.
        {"name": "day", "change": "changed", "before": facts(0.0, "2026-11-19", "2026-11-19"), "after": facts(0.0, "2026-11-19", "2026-11-20")},
        # The first file has no statistics of a column that it does not have.
        {"name": "tip", "change": "added", "before": None, "after": facts(None, None, None)},
    ]  # fmt: skip
    (finding,) = answer["findings"]
    assert (finding["kind"], finding["field"], finding["message"], finding["strength"]) == (
        "null_share_changed", "total", "25.0% of shop.report.total is NULL, before 0.0%.", 0.25,
    )  # fmt: skip
    assert answer["notes"] == []


def test_a_column_of_nulls_alone_has_no_bounds_and_hides_no_others(store, tmp_path):
    write(tmp_path / "report", 19, [None, None])
    write(tmp_path / "report", 20, ["3.00", "4.00"])
    total = data_diff(store, "report").columns[0]
    assert (total.before.to_dict(), total.after.to_dict()) == (
        facts(1.0, None, None),
        facts(0.5, "3.00", "4.00"),
    )


def test_versions_by_number_time_and_run(store, tmp_path):
    for day in (18, 19, 20):
        write(tmp_path / "report", day, ["1.00"])

    def versions(*words: str | None) -> tuple[int, int]:
        answer = data_diff(store, "shop.report", *words)
        return answer.before.version, answer.after.version

    assert versions() == (1, 2)
    assert versions("version:0", "version:2") == (0, 2)
    assert versions("8c0e1a2b:7") == (0, 2)
    assert versions(None, "version:1") == (0, 1)
    assert versions("0s") == (2, 2)
    for words, message in (
        (
            ("1999-01-01",),
            "--from: the log of shop.report has no version from 1999-01-01 or before: it begins with version 0 of ",
        ),
        (("version:7",), "--from: shop.report has no version 7, the last is 2."),
        (("8c0e:8",), '--from: it is not known which version of shop.report a run "8c0e:8" wrote: '),
        ((None, "version:0"), "shop.report has no version before 0: there is nothing to compare it with."),
    ):
        with pytest.raises(NameLookupError) as caught:
            data_diff(store, "report", *words)
        assert str(caught.value).startswith(message)


def test_a_log_whose_old_entries_are_gone(store, tmp_path):
    for day in range(15, 20):
        write(tmp_path / "report", day, ["1.00"])
    DeltaTable(tmp_path / "report").create_checkpoint()
    for entry in sorted((tmp_path / "report" / "_delta_log").glob("*.json"))[:3]:
        entry.unlink()
    with pytest.raises(
        NameLookupError,
        match=r"^The log of shop.report does not tell version 1 any more \(.*\): old entries are",
    ):
        data_diff(store, "report", "version:1")
    with pytest.raises(NameLookupError, match=r"^The log of shop.report does not tell version 3 any more"):
        data_diff(store, "report")


def test_what_is_no_delta_table(store, tmp_path):
    (tmp_path / "report").mkdir()
    with pytest.raises(
        NameLookupError, match=r"^shop.report is no Delta table that can be reached from here, at "
    ):
        data_diff(store, "report")


TEXT = """\
shop.report
before: version 0, TIME, 2 rows
after: version 1, TIME, 4 rows
3 columns with the same figures

  total  changed
    NULL        0.0%                             25.0%
    smallest    1.50                             1.50
    largest     2.50                             9.00

  day  changed
    NULL        0.0%                             0.0%
    smallest    2026-11-19                       2026-11-19
    largest     2026-11-19                       2026-11-20

warning  25.0% of shop.report.total is NULL, before 0.0%.
         null share changed, TIME
"""


def test_the_command(store, tmp_path, capfd):
    zips = pa.array([{"zip": 1}] * 2, pa.struct([("zip", pa.int64())]))
    write(tmp_path / "report", 19, ["1.50", "2.50"], info=zips)
    write(tmp_path / "report", 20, [None, "9.00"], info=zips)
    words = ["diff", "report", "--data", "--store", store.path, "--no-ingest"]
    assert cli.main(words) == 0
    out = capfd.readouterr().out
    answer = spark_lineage.open(store.path, ingest=False).data_diff("report")
    for when in ("before", "after"):
        at = answer.to_dict()[when]["at"]
        out = out.replace(f"{at[:10]} {at[11:19]} UTC", "TIME")
    assert out == TEXT
    assert cli.main([*words, "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == answer.to_dict()
    assert "25.0%" in answer._repr_html_()


def test_a_table_known_by_its_name_alone_is_not_looked_for_below_the_folder_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path made of the catalog's namespace and the name would be some other table."""
    monkeypatch.chdir(tmp_path)
    for day in (1, 2):
        write(tmp_path / "catalog" / "orders", day, ["1.00"])
    store = store_of(tmp_path / "store", Batch(datasets=(Dataset("catalog", "orders", ("orders",)),)))
    with pytest.raises(NameLookupError) as caught:
        data_diff(store, "orders")
    assert str(caught.value) == (
        "orders is known by its name only, not by its place: the data of a table are compared where its Delta log is."
    )
