"""`problems` on writes whose end nobody knows: what they name, and what a later run makes of them."""

from __future__ import annotations

from dataclasses import replace
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


@pytest.mark.parametrize("part", [0, 2], ids=["before", "after"])
def test_a_part_that_ended_says_nothing_of_another(tmp_path: Any, part: int) -> None:
    """A multi-table INSERT writes a table in several parts; its log knows the commit of one of them."""
    decided = run(1, "add", "orders", AFTER, part=part, started_at=1_700_000_000_000, decided_by="log")
    assert told(engine_of(tmp_path, decided, killed=replace(KILLED, part=1))) == [OPEN]


def test_a_write_into_another_table_of_the_run_is_not_this_tables_problem(tmp_path: Any) -> None:
    """`raw`, which the killed run wrote too, was replaced since."""
    raw = replace(KILLED, part=1, fingerprint="other", target=dataset_id("raw"))
    engine = engine_of(tmp_path, raw, run(2, "other", "raw", AFTER))
    assert told(engine) == [OPEN]
    assert engine.table("raw").to_dict()["problems"] == []


@pytest.mark.parametrize(
    ("last_of_the_killed", "expected"),
    [
        pytest.param([], [], id="not-heard-of-since"),
        pytest.param([run(3, "other", "raw", AFTER - 10)], [], id="last-heard-of-before"),
        pytest.param([run(3, "other", "raw", AFTER + 10)], [OPEN], id="it-went-on"),
    ],
)  # fmt: skip
def test_what_another_application_replaced_while_the_killed_one_went_on(
    tmp_path: Any, last_of_the_killed: list[Run], expected: list[Any]
) -> None:
    """The write may have come after what replaced the rows."""
    other = run(2, "replace", "orders", AFTER, run_id="11111111-0000-0000-0000-00000000000a:2", job="repair")
    assert told(engine_of(tmp_path, other, *last_of_the_killed)) == expected


def test_a_problem_of_an_old_store_is_over_with_the_next_overwrite(tmp_path: Any) -> None:
    """It does not say which table it is about, so the runs after it say nothing of it: it counts as any other problem of a run does."""
    batch = Batch(
        plans=(plan("add", "orders", "a:int"), plan("replace", "orders", "a:int", overwrites=True)),
        runs=(KILLED, run(2, "replace", "orders", AFTER)),
        problems=(replace(STORED, dataset=None),),
    )
    assert LocalEngine(store_of(tmp_path, batch)).table("orders").to_dict()["problems"] == []
