"""Data that are unlike those of the commits before, in real Delta tables: what is told follows from the values, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from spark_lineage.compare.causes.ranking import why
from spark_lineage.compare.drift.drift import drift
from spark_lineage.model import Batch, Dataset, DatasetId, Observation
from spark_lineage.pipeline.logs.added_rows import AddedColumn, AddedRows, added_rows
from tests.query.lineage_rows import plan, run, store_of

BEGIN = datetime(2026, 11, 1, tzinfo=timezone.utc)
ROWS = 100


def load(day: int, **changed: Any) -> pa.Table:
    """A day's rows: ids that go on, a price of 1 to 100, a note of which 2 in 100 are NULL, a rate that never changes."""
    columns: dict[str, Any] = {
        "id": range(day * ROWS, (day + 1) * ROWS),
        "price": [float(1 + place) for place in range(ROWS)],
        "note": [None] * 2 + ["x"] * (ROWS - 2),
        "rate": [19] * ROWS,
        "at": [BEGIN + timedelta(days=day, minutes=place) for place in range(ROWS)],
        **changed,
    }
    return pa.table(
        {
            name: pa.array(values, pa.timestamp("us", "UTC") if name == "at" else None)
            for name, values in columns.items()
        }
    )


def asked(folder: Path, *loads: pa.Table, mode: str = "append") -> list[tuple[str, str | None, str]]:
    """What `drift --data` says of a table with these commits, all since the beginning."""
    path = str(folder / "orders")
    for each in loads:
        write_deltalake(path, each, mode=mode)
    return [
        (each.kind, each.field, each.message)
        for each in drift(known(folder, path), "1970-01-01", data=True).findings
    ]


def known(folder: Path, path: str):
    """A store whose runs wrote the table, each a commit."""
    id_ = DatasetId("file", path)
    times = {each["version"]: each["timestamp"] for each in DeltaTable(path).history()}
    runs = tuple(
        replace(
            run(1, "p", "orders", 1, run_id=f"app{version}:1", started_at=at - 5, ended_at=at + 5), target=id_
        )
        for version, at in sorted(times.items())
    )
    return store_of(
        folder / "store",
        Batch(
            datasets=(Dataset("file", path, ("spark_catalog.shop.orders",), "delta"),),
            plans=(replace(plan("p", "orders", "id:bigint", "raw"), target=id_),),
            runs=runs,
            observations=tuple(
                Observation(f"app{version}:1", 0, "file", path, "written", path, version=version)
                for version in times
            ),
        ),
    )


def test_data_that_go_on_as_before_are_no_drift(tmp_path):
    """Ids and times grow, the note's NULLs vary between 0 and 4 in 100."""
    nulls = (2, 0, 4, 1, 3, 2, 4, 0)
    loads = [load(day, note=[None] * count + ["x"] * (ROWS - count)) for day, count in enumerate(nulls)]
    assert asked(tmp_path, *loads) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        # 99 is the range of the prices: 400 lies 300 beyond 100, which is more than 3 of them; 397 does not.
        ({"price": [400.0] + [5.0] * 99},
         ("values_out_of_range", "price", "shop.orders.price: version 6 added 400.0 as its largest value, usual is 1.0 to 100.0.")),
        ({"price": [397.0] + [5.0] * 99}, None),
        # Prices never were below 0.
        ({"price": [-0.5] + [5.0] * 99},
         ("values_out_of_range", "price", "shop.orders.price: version 6 added -0.5 as its smallest value, usual is 1.0 to 100.0.")),
        ({"at": [datetime(1970, 1, 1, tzinfo=timezone.utc)] + [BEGIN + timedelta(days=6)] * 99},
         ("values_out_of_range", "at",
          "shop.orders.at: version 6 added 1970-01-01 as its smallest value, usual is 2026-11-01 to 2026-11-06 01:39:00 UTC.")),
        ({"at": [BEGIN + timedelta(days=14)] * 100}, None),  # a week without loads
        # 2 in 100 were NULL: 4 standard deviations are 5.7 in 100.
        ({"note": [None] * 9 + ["x"] * 91},
         ("null_share_changed", "note", "shop.orders.note: version 6 added 9.0% NULLs, usual is 2.0%.")),
        ({"note": [None] * 7 + ["x"] * 93}, None),
        ({"rate": [7] * 100}, None),  # one value alone is no range
        ({"note": ["zzzzzzz"] * 98 + [None] * 2}, None),  # texts are not compared
    ],
)  # fmt: skip
def test_what_is_unlike_before(tmp_path, changed, told):
    """Six days as usual, then one with something else in it."""
    found = asked(tmp_path, *(load(day) for day in range(6)), load(6, **changed))
    assert found == ([] if told is None else [told])


def test_what_a_finding_rests_on(tmp_path):
    path = tmp_path / "orders"
    for day in range(6):
        write_deltalake(str(path), load(day), mode="append")
    write_deltalake(str(path), load(6, price=[9000.0] * ROWS), mode="append")
    (found,) = drift(known(tmp_path, str(path)), "1970-01-01", data=True).findings
    assert (found.job, found.run_id, found.severity.value, found.evidence) == (
        "nightly", "app6:1", "warning",
        (("version", "6"), ("commits_compared", "6"), ("value", "9,000.0"), ("usual", "1.0 to 100.0"), ("which", "largest")),
    )  # fmt: skip
    # without being asked, the log is not read
    assert drift(known(tmp_path / "again", str(path)), "1970-01-01").findings == ()


def test_it_is_a_cause(tmp_path):
    """`why` asks the logs of the tables that it looks at, for the time that it looks at."""
    path = str(tmp_path / "orders")
    for day in range(6):
        write_deltalake(path, load(day), mode="append")
    write_deltalake(path, load(6, price=[-9.0] * ROWS), mode="append")
    answer = why(known(tmp_path, path), "orders")
    assert [(each.finding.kind, each.finding.field) for each in answer.causes] == [
        ("values_out_of_range", "price")
    ]
    assert why(known(tmp_path / "b", path), "orders.id").causes == ()


def test_of_few_commits_and_of_other_operations_nothing_is_said(tmp_path):
    """Five loads are compared with, and an overwrite is not an append."""
    odd = load(9, price=[-9.0] * ROWS)
    assert asked(tmp_path / "few", *(load(day) for day in range(4)), odd) == []
    asked(tmp_path / "mode", *(load(day) for day in range(6)))
    assert asked(tmp_path / "mode", odd, mode="overwrite") == []


def test_a_log_that_cannot_be_read_is_a_problem(tmp_path):
    asked(tmp_path, *(load(day) for day in range(6)))
    path = tmp_path / "orders"
    (path / "_delta_log" / f"{5:020}.json").write_text("not json\n")
    (tmp_path / "again").mkdir()
    store = store_of(
        tmp_path / "again" / "store",
        Batch(
            datasets=(Dataset("file", str(path), (), "delta"),),
            plans=(replace(plan("p", "orders", "id:bigint"), target=DatasetId("file", str(path))),),
            runs=(replace(run(1, "p", "orders", 1), target=DatasetId("file", str(path))),),
        ),
    )
    answer = drift(store, "1970-01-01", data=True)
    assert [each.message for each in answer.problems] == [
        "The table's log cannot be read (the entry of version 5 is damaged): changes of its data are not seen."
    ]
    assert answer.findings == ()


def test_random_data_give_few_false_alarms(tmp_path):
    """120 loads with prices of heavy tails (log-normal), NULLs that vary and a count of few values: at most one finding."""
    dice = Random(5)
    loads = [
        load(
            day,
            price=[dice.lognormvariate(3, 1) for _ in range(ROWS)],
            note=[None if dice.random() < 0.05 else "x" for _ in range(ROWS)],
            rate=[dice.choice((0, 1, 1, 2, 7)) for _ in range(ROWS)],
        )
        for day in range(120)
    ]
    assert len(asked(tmp_path, *loads)) <= 1


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (b"", None),
        (b'{"commitInfo":{}}\n{"remove":{"path":"x"}}', None),
        (b'{"add":{"path":"x"}}', None),
        (b'{"add":{"stats":"{"}}', None),
        (b'{"add":{"stats":"{\\"numRecords\\":-1}"}}', None),
        (b'{"add":{"stats":"{\\"numRecords\\":2,\\"nullCount\\":{\\"a\\":99},\\"minValues\\":{\\"a\\":\\"oops\\",\\"b\\":true}}"}}',
         AddedRows(2, {"a": AddedColumn(None, None, None), "b": AddedColumn(None, None, None)})),
        # A file of NULLs alone has no bounds and hides no others; one that says nothing does.
        ((b'{"add":{"stats":"{\\"numRecords\\":2,\\"nullCount\\":{\\"s\\":{\\"a\\":2}}}"}}\n'
         b'{"add":{"stats":"{\\"numRecords\\":3,\\"nullCount\\":{\\"s\\":{\\"a\\":0}},\\"minValues\\":{\\"s\\":{\\"a\\":4}},'
         b'\\"maxValues\\":{\\"s\\":{\\"a\\":9}}}"}}'), AddedRows(5, {"s.a": AddedColumn(2, 4, 9)})),
        ((b'{"add":{"stats":"{\\"numRecords\\":2,\\"nullCount\\":{\\"a\\":0}}"}}\n'
         b'{"add":{"stats":"{\\"numRecords\\":3,\\"minValues\\":{\\"a\\":4},\\"maxValues\\":{\\"a\\":9}}"}}'),
         AddedRows(5, {"a": AddedColumn(None, None, None)})),
    ],
)  # fmt: skip
def test_the_statistics_of_an_entry(entry, found):
    assert added_rows(entry) == found
