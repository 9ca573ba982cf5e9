"""`problems` on writes whose end nobody knows: what they name, and what a later run makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from lineage_rows import dataset, dataset_id, plan, run, store_of

from spark_lineage.model import Batch, EdgeKind, Problem, Run, RunState, Severity
from spark_lineage.query.local import LocalEngine

KILLED = run(
    1, "add", "orders", None, state=RunState.UNKNOWN, started_at=1_700_000_000_000, operation="INSERT"
)
STORED = Problem(
    "run_without_end", Severity.WARNING, "as stored", "save at x.py:3", "h", KILLED.run_id, None, dataset_id("orders")
)  # fmt: skip
AFTER = 1_700_000_100  # seconds: 22:15:00 UTC, begun at 22:14:59

OPEN = {
    "code": "run_without_end",
    "severity": "warning",
    "message": (
        "INSERT into shop.orders by nightly (run 00000000:1) began at 2023-11-14 22:13:20 UTC and its end is not known: "
        "its application was killed, or the record of it was lost"
    ),
    "where": "save at x.py:3",
    "hint": "look whether shop.orders has what it should have, and run nightly again where it has not",
}
NOTICE = {
    "code": "run_without_end",
    "severity": "info",
    "message": (
        "INSERT into shop.orders by nightly (run 00000000:1) began at 2023-11-14 22:13:20 UTC and its end is not known; "
        "nightly wrote it again at 2023-11-14 22:14:59 UTC (run 00000000:2)"
    ),
    "where": "save at x.py:3",
    "hint": "look whether shop.orders has rows twice: what was killed may have been written all the same",
}


def engine_of(path: Any, *later: Run, killed: Run = KILLED) -> LocalEngine:
    batch = Batch(
        datasets=(dataset("orders", "spark_catalog.shop.orders"), dataset("raw")),
        plans=(
            plan("add", "orders", "a:int", "raw"),
            plan("replace", "orders", "a:int", "raw", overwrites=True),
            plan("rework", "orders", "a:int", "orders", overwrites=True),
            plan("drop", "orders", "", kind=EdgeKind.CONTROL, operation="DROP TABLE", overwrites=True),
            plan("other", "raw", "a:int", overwrites=True),
        ),
        runs=(killed, *later),
        problems=(STORED,),
    )
    return LocalEngine(store_of(path, batch))


def told(engine: LocalEngine) -> list[dict[str, Any]]:
    """The problems, which are those of the table, too, but for what an answer says of itself."""
    problems: list[dict[str, Any]] = engine.problems().to_dict()["problems"]
    of_the_table = engine.table("orders").to_dict()["problems"]
    assert [each for each in of_the_table if each["code"] != "no_complete_write"] == problems
    return problems


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param([], [OPEN], id="nothing-since"),
        pytest.param([run(2, "replace", "orders", AFTER)], [], id="replaced"),
        pytest.param([run(2, "replace", "orders", AFTER, job="repair")], [], id="replaced-by-another-job"),
        pytest.param([run(2, "drop", "orders", AFTER, kind="control")], [], id="dropped"),
        pytest.param([run(2, "add", "orders", AFTER)], [NOTICE], id="appended-again"),
        pytest.param([run(2, "rework", "orders", AFTER)], [NOTICE], id="overwritten-with-what-was-there"),
        pytest.param([run(2, "add", "orders", AFTER, job="hourly")], [OPEN], id="appended-by-another-job"),
        pytest.param([run(2, "other", "raw", AFTER)], [OPEN], id="another-table"),
        pytest.param(
            [run(2, "replace", "orders", AFTER, started_at=1_699_999_999_000)], [OPEN], id="began-before"
        ),
        pytest.param(
            [run(2, "replace", "orders", AFTER, state=RunState.FAILED)], [OPEN], id="the-rerun-failed"
        ),
    ],
)  # fmt: skip
def test_a_later_run_settles_it_or_not(tmp_path: Any, later: list[Run], expected: list[Any]) -> None:
    assert told(engine_of(tmp_path, *later)) == expected


def test_an_end_that_is_known_by_now_is_no_problem(tmp_path: Any) -> None:
    ended = run(1, "add", "orders", AFTER, started_at=1_700_000_000_000)
    assert told(engine_of(tmp_path, killed=ended)) == []
