"""Runs against their history: rows written by hand, expected values computed in the comments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spark_lineage.compare.unusual.runs import unusual, unusual_answer
from spark_lineage.compare.unusual.series import history_of
from spark_lineage.model import Batch, Observation, RunState, Severity
from spark_lineage.query.snapshot import Snapshot
from tests.query.lineage_rows import BRIDGE, dataset_id, plan, run, store_of

MONDAY = 4 * 86_400
"""1970-01-05, in seconds."""

DAY = 86_400


def snapshot(tmp_path, runs, plans=None, observations=()):
    plans = plans or (plan("p1", "orders", "amount:double", "raw"),)
    return Snapshot(
        store_of(tmp_path, Batch(plans=plans, runs=tuple(runs), observations=tuple(observations)))
    )


def daily(rows, fingerprint="p1", target="orders", first=0, **others):
    """One run a day from a Monday on, with these rows."""
    return [
        run(first + number, fingerprint, target, MONDAY + number * DAY, rows=count, **others)
        for number, count in enumerate(rows)
    ]


def kinds(findings):
    return [(finding.kind, finding.severity.value, finding.run_id) for finding in findings]


def test_a_tenth_of_the_rows(tmp_path):
    """Twenty days with 1,000 rows and one with 100.

    The spread is 0, so that only the floor counts: the expected count is n + 1 = 1001, the floor
    sqrt(1 / 1001 + 0.02^2) = 0.03742. The normal quantile of 1 - 0.0003 / 2 is 3.6153, with t for 36,740 degrees of freedom 3.6157. The
    last day is a Sunday, day 21 of three weeks: two Sundays before it are less than three dates, so that the
    weekend counts, which has 5 dates: 0.03742 * 3.6157 * sqrt(1 + (pi / 2) / 5) = 0.15511. The usual is 1001 * exp(-+0.15511) - 1.
    """
    found = unusual(snapshot(tmp_path, daily([1000] * 20 + [100])))
    assert kinds(found) == [("unusual_rows", "warning", f"{BRIDGE}:20")]
    assert found[0].dataset == dataset_id("orders")
    assert found[0].message == "/w/orders: 100 rows written, usual is 856 to 1,168."
    assert dict(found[0].evidence) == {
        "value": "100",
        "expected": "1,000",
        "usual": "856 to 1,168",
        "runs_compared": "20",
        "operation": "append",
    }


def test_a_tenth_of_the_bytes_for_the_same_rows(tmp_path):
    """The rows are as ever: somebody else compresses, or the columns are empty."""
    sizes = [100_000] * 20 + [10_000]
    runs = [replace(each, bytes=size) for each, size in zip(daily([1000] * 21), sizes, strict=True)]
    found = unusual(snapshot(tmp_path, runs))
    assert kinds(found) == [("unusual_bytes", "warning", f"{BRIDGE}:20")]
    assert dict(found[0].evidence)["value"] == "10,000"
    assert dict(found[0].evidence)["expected"] == "100,000"


def test_a_tenth_of_the_input_for_the_same_output(tmp_path):
    """A table of 40 countries stays what it is, though only a tenth of the orders was read: so each of those gave ten times as much."""
    observations = [read(number, "raw", 10_000) for number in range(20)] + [read(20, "raw", 1_000)]
    found = unusual(snapshot(tmp_path, daily([40] * 21), observations=observations))
    assert kinds(found) == [
        ("unusual_input", "warning", f"{BRIDGE}:20"),
        ("unusual_yield", "warning", f"{BRIDGE}:20"),
    ]
    assert found[0].message.startswith("/w/orders: 1,000 rows read, usual is ")


def test_a_count_below_nothing_is_none(tmp_path):
    runs = [*daily([1000] * 20), *daily([-1], first=20, bytes=-1)]
    runs[-1] = replace(
        runs[-1], ended_at=(MONDAY + 20 * DAY) * 1000, started_at=(MONDAY + 20 * DAY - 1) * 1000
    )
    found = unusual(snapshot(tmp_path, runs, observations=[read(20, "raw", -1)]))
    assert found == ()


def test_the_same_every_day_is_ordinary(tmp_path):
    assert unusual(snapshot(tmp_path, daily([1000] * 40))) == ()


def test_a_growing_table_is_no_alarm(tmp_path):
    """3 % more every day: after 60 days nearly six times as much, and no day is unusual."""
    found = unusual(snapshot(tmp_path, daily([round(1000 * 1.03**day) for day in range(60)])), since=0)
    assert found == ()


def test_quiet_weekends_are_learned(tmp_path):
    """Working days have 1,000 rows and weekends 100: never unusual, the first weekend included. Then a Wednesday has 100."""
    week = [1000] * 5 + [100] * 2
    rows = week * 6 + [1000, 1000, 100]
    found = unusual(snapshot(tmp_path, daily(rows)), since=0)
    assert kinds(found) == [("unusual_rows", "warning", f"{BRIDGE}:44")]


def test_a_new_level_is_told_once(tmp_path):
    found = unusual(snapshot(tmp_path, daily([1000] * 30 + [3000] * 30)), since=0)
    assert kinds(found) == [("unusual_rows", "warning", f"{BRIDGE}:30")]


def test_nothing_written(tmp_path):
    found = unusual(snapshot(tmp_path, daily([1000] * 12 + [0])))
    assert kinds(found) == [("empty_output", "warning", f"{BRIDGE}:12")]


def test_failed_runs_are_no_history(tmp_path):
    """Twenty failures without rows between the runs: what is compared are the others."""
    failed = [
        run(100 + number, "p1", "orders", MONDAY + number * DAY + 60, rows=0, state=RunState.FAILED)
        for number in range(20)
    ]
    assert unusual(snapshot(tmp_path, [*daily([1000] * 20), *failed])) == ()


def test_little_history_is_not_judged(tmp_path):
    assert unusual(snapshot(tmp_path, daily([1000] * 5 + [1]))) == ()


def test_a_slow_run(tmp_path):
    """A second each, then five minutes. The start-up allowance of 2 s is in both: log(302 / 3) is far beyond 3.9 * 0.1."""
    runs = daily([10] * 20)
    runs.append(
        run(20, "p1", "orders", MONDAY + 20 * DAY, rows=10, started_at=(MONDAY + 20 * DAY - 300) * 1000)
    )
    found = unusual(snapshot(tmp_path, runs))
    assert [(each.kind, each.run_id) for each in found] == [("unusual_duration", f"{BRIDGE}:20")]
    assert found[0].message.startswith("/w/orders: it took 5.0 min, usual is ")


def test_a_clock_that_went_back_gives_no_duration(tmp_path):
    runs = daily([10] * 20)
    runs.append(run(20, "p1", "orders", MONDAY + 20 * DAY, rows=10, started_at=(MONDAY + 21 * DAY) * 1000))
    assert unusual(snapshot(tmp_path, runs)) == ()


def read(number, source, rows):
    id_ = dataset_id(source)
    return Observation(f"{BRIDGE}:{number}", 0, id_.namespace, id_.name, "read", id_.name, rows=rows)


def test_twice_the_rows_for_the_same_input(tmp_path):
    """What comes in swings between 500 and 2,000, so that 2,000 rows are ordinary, but not from 1,000 that were read."""
    amounts = [500, 2000, 1000, 700, 1500, 1200, 900, 1800, 600, 1100, 1600, 800, 1300] * 4
    observations = [read(number, "raw", amount) for number, amount in enumerate(amounts)]
    observations.append(read(len(amounts), "raw", 1000))
    found = unusual(snapshot(tmp_path, daily([*amounts, 2000]), observations=observations))
    assert kinds(found) == [("unusual_yield", "warning", f"{BRIDGE}:52")]
    assert found[0].message.startswith("/w/orders: 2 rows written for each row read, usual is ")


def test_the_figures_of_a_read_of_several_paths_stand_under_the_datasets_name(tmp_path):
    """Two folders were read each day, 1,000 rows in all; those of each alone are not known."""
    id_ = dataset_id("raw")
    paths = [
        Observation(f"{BRIDGE}:{number}", 0, id_.namespace, id_.name, "read", f"{id_.name}/{part}")
        for number in range(53)
        for part in ("a", "b")
    ]
    observations = [*paths, *(read(number, "raw", 1000) for number in range(53))]
    amounts = [500, 2000, 1000, 700, 1500, 1200, 900, 1800, 600, 1100, 1600, 800, 1300] * 4
    history = history_of(snapshot(tmp_path, daily([*amounts, 700]), observations=observations))
    (series,) = history.series.values()
    assert series.rows_read == [{id_: 1000}] * 53


def test_what_the_input_explains_is_information(tmp_path):
    """The orders of the last day are a tenth, the report made of them an hour later too: the report is told as what follows."""
    plans = (plan("p1", "orders", "amount:double", "raw"), plan("p2", "report", "total:double", "orders"))
    report = [
        run(100 + number, "p2", "report", MONDAY + number * DAY + 3600, rows=count, job="reports")
        for number, count in enumerate([500] * 20 + [50])
    ]
    found = unusual(snapshot(tmp_path, [*daily([1000] * 20 + [100]), *report], plans))
    assert kinds(found) == [
        ("unusual_rows", "info", f"{BRIDGE}:120"),
        ("unusual_rows", "warning", f"{BRIDGE}:20"),
    ]
    assert dict(found[0].evidence)["follows"] == f"/w/orders in run {BRIDGE}:20"


def test_a_holiday_is_information(tmp_path):
    """Four tables that have nothing to do with each other have a tenth on the same day."""
    plans = tuple(plan(f"p{n}", f"t{n}", "a:int", f"raw{n}") for n in range(4))
    runs = [
        run(100 * n + number, f"p{n}", f"t{n}", MONDAY + number * DAY + n, rows=count)
        for n in range(4)
        for number, count in enumerate([1000] * 20 + [100])
    ]
    found = unusual(snapshot(tmp_path, runs, plans))
    assert [(each.kind, each.severity) for each in found] == [("unusual_rows", Severity.INFO)] * 4
    assert dict(found[0].evidence)["same_day"] == "3 of 3 unrelated tables were off in the same direction"


def inputs(tmp_path, sources):
    """One run a day, each by a plan that reads these sources."""
    plans = [plan(f"p{place}", "orders", "a:int", each) for place, each in enumerate(sources)]
    runs = [run(place, f"p{place}", "orders", MONDAY + place * DAY, rows=10) for place in range(len(sources))]
    return unusual(snapshot(tmp_path, runs, plans), since=0)


def test_new_and_vanished_inputs(tmp_path):
    """Laplace: seven runs agreed, so the next agrees with 1 - 1 / 9 = 0.889, and with nine runs 1 - 1 / 11 = 0.909."""
    found = inputs(tmp_path, ["raw"] * 7 + ["raw more"] * 2 + ["more"])
    assert [(each.kind, each.run_id, each.message, round(each.strength, 3)) for each in found] == [
        ("input_vanished", f"{BRIDGE}:9", "/w/orders: the run does not read /w/raw, which the 9 runs before did.", 0.909),
        ("input_new", f"{BRIDGE}:7", "/w/orders: the run reads /w/more, which the 7 runs before did not.", 0.889),
    ]  # fmt: skip


def test_inputs_that_take_turns_are_ordinary(tmp_path):
    assert inputs(tmp_path, ["a b", "a", "a b c", "a c"] * 6) == ()


def test_since_and_datasets(tmp_path):
    plans = (plan("p1", "orders", "a:int", "raw"), plan("p2", "other", "a:int", "raw"))
    rows = [1000] * 20 + [100] + [1000] * 20
    runs = [*daily(rows), *daily(rows, "p2", "other", first=100)]
    store = snapshot(tmp_path, runs, plans)
    assert unusual(store) == ()
    assert [each.dataset.name for each in unusual(store, since=0)] == ["/w/orders", "/w/other"]
    assert [each.dataset.name for each in unusual(store, since=0, datasets=[dataset_id("other")])] == [
        "/w/other"
    ]
    after = (MONDAY + 20 * DAY) * 1000 + 1
    assert unusual(store, since=after) == ()


def test_an_empty_store(tmp_path):
    answer = unusual_answer(snapshot(tmp_path, ()), since=5)
    assert answer.to_dict() == {
        "schema_version": 1, "since": "1970-01-01T00:00:00.005Z", "until": None, "runs": 0, "runs_without_history": 0, "findings": [], "datasets": [], "problems": [],
    }  # fmt: skip


@pytest.mark.parametrize("rows", [[None] * 20, [None] * 15 + [100] * 5])
def test_unknown_rows_are_not_zero(tmp_path, rows):
    assert unusual(snapshot(tmp_path, daily(rows)), since=0) == ()


def test_a_drift(tmp_path):
    """Sixty quiet days, then 2 % less every day for forty: no day is unusual beside the one before, and together they are.

    After forty days 0.98^40 = 0.45 of the rows are left. It is told once.
    """
    noise = [1.02, 0.99, 1.01, 0.98, 1.0, 1.015, 0.985]
    rows = [round(10_000 * noise[day * day % 7] * 0.98 ** max(0, day - 60)) for day in range(100)]
    (found,) = unusual(snapshot(tmp_path, daily(rows)), since=0)
    assert (found.kind, found.severity, found.message) == (
        "drift", Severity.WARNING, "/w/orders: the runs of the last days wrote fewer and fewer rows.",
    )  # fmt: skip
