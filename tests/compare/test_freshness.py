"""The age of tables: writes by hand, and what follows from them at a time that is given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spark_lineage.compare.unusual.freshness import freshness, freshness_answer, freshness_asked
from spark_lineage.compare.unusual.rhythm import rhythm
from spark_lineage.model import Batch, EdgeKind, Observation, Problem, RunState, Severity
from spark_lineage.query.snapshot import Snapshot
from tests.query.lineage_rows import dataset, dataset_id, plan, run, store_of

HOUR = 3600
DAY = 24 * HOUR
MONDAY = 4 * DAY


def snapshot(tmp_path, runs, plans=(), observations=(), datasets=()):
    batch = Batch(
        datasets=tuple(datasets), plans=tuple(plans), runs=tuple(runs), observations=tuple(observations)
    )
    return Snapshot(store_of(tmp_path, batch))


def write(number, fingerprint, target, ended, **others):
    """A run of an application of its own."""
    return run(number, fingerprint, target, ended, **{"run_id": f"app{number}:1", **others})


ORDERS = plan("p1", "orders", "a:int", "raw")
REPORT = plan("p2", "report", "a:int", "orders")
BOARD = plan("p3", "board", "a:int", "report")


def ages(answer):
    return {table.dataset.name: table.state(answer.now) for table in answer.tables}


def test_late_against_its_rhythm(tmp_path):
    """Every hour, so the spread is 0 and the floor counts: 3 % of an hour times the normal quantile of 0.999, 3.0902 (t with 36,740
    degrees of freedom: 3.0905): the limit is 3600 * (1 + 0.03 * 3.0905) = 3933.8 s."""
    runs = [write(number, "p1", "orders", MONDAY + number * HOUR) for number in range(8)]
    store = snapshot(tmp_path, runs, [ORDERS])
    last = MONDAY + 7 * HOUR
    assert freshness(store, (last + 3933) * 1000) == ()
    found = freshness(store, (last + 3934) * 1000)
    assert [(each.kind, each.message) for each in found] == [
        ("late", "/w/orders: last written 66 min ago, usual is every 60 min.")
    ]
    table = freshness_answer(store, (last + 3934) * 1000).to_dict()["tables"][0]
    assert table["rhythm"] == {
        "interval_seconds": 3600, "limit_seconds": 3934, "due_at": "1970-01-05T08:00:00.000Z", "late_at": "1970-01-05T08:05:33.769Z", "intervals": 7,
    }  # fmt: skip
    assert (table["state"], table["late"]) == ("late", True)


def test_a_weekend_is_no_delay(tmp_path):
    """Monday to Friday for six weeks. On Sunday nothing is late; on Monday evening the table is."""
    days = [week * 7 + day for week in range(6) for day in range(5)]
    runs = [write(number, "p1", "orders", MONDAY + day * DAY) for number, day in enumerate(days)]
    store = snapshot(tmp_path, runs, [ORDERS])
    friday = MONDAY + 39 * DAY
    assert ages(freshness_answer(store, (friday + 2 * DAY) * 1000)) == {"/w/orders": "fresh"}
    # The gaps that began on a Friday are 3 days; with 3 % of it and 3.0905 the limit is 3.278 days.
    assert ages(freshness_answer(store, int((friday + 3.27 * DAY) * 1000))) == {"/w/orders": "fresh"}
    assert ages(freshness_answer(store, int((friday + 3.29 * DAY) * 1000))) == {"/w/orders": "late"}


def test_the_writes_of_one_application_are_one_load(tmp_path):
    """Three writes a minute apart each day: the rhythm is a day."""
    runs = [
        run(part, "p1", "orders", MONDAY + day * DAY + part * 60, run_id=f"app{day}:{part}")
        for day in range(6)
        for part in range(3)
    ]
    answer = freshness_answer(snapshot(tmp_path, runs, [ORDERS]), (MONDAY + 5 * DAY + HOUR) * 1000)
    assert (answer.tables[0].rhythm.gap, answer.tables[0].rhythm.gaps) == (DAY * 1000, 5)


@pytest.mark.parametrize(
    ("ends", "gap"),
    [
        (list(range(50)), None),  # a job that appends fifty times in a minute: one load
        ([hour * HOUR for hour in range(8)], HOUR),  # a notebook that writes every hour
        ([step * HOUR // 4 for step in range(96)], None),  # every quarter of an hour, not yet for a day
        (
            [step * HOUR // 4 for step in range(150)],
            HOUR // 2,
        ),  # goes on for longer: each half hour is a load
        ([day * DAY + step for day in range(6) for step in (0, 60, 120)], DAY),  # three writes, every day
    ],
)
def test_what_one_application_writes_without_a_pause_is_one_load(tmp_path, ends, gap):
    runs = [run(number, "p1", "orders", MONDAY + end) for number, end in enumerate(ends)]
    answer = freshness_answer(snapshot(tmp_path, runs, [ORDERS]), (MONDAY + ends[-1] + 1) * 1000)
    rhythm_ = answer.tables[0].rhythm
    assert (None if rhythm_ is None else rhythm_.gap) == (None if gap is None else gap * 1000)


def test_the_night_between_the_loads_of_the_mornings_is_no_delay(tmp_path):
    """Three loads an hour apart every morning (some minutes more or less), by an application each: a third of the gaps are 22 hours."""
    ends = [day * DAY + hour * HOUR + (day * 7 + hour * 3) % 5 * 60 for day in range(14) for hour in range(3)]
    runs = [write(number, "p1", "orders", MONDAY + end) for number, end in enumerate(ends)]
    store = snapshot(tmp_path, runs, [ORDERS])
    assert ages(freshness_answer(store, (MONDAY + 13 * DAY + 12 * HOUR) * 1000)) == {"/w/orders": "fresh"}
    assert ages(freshness_answer(store, (MONDAY + 15 * DAY + 12 * HOUR) * 1000)) == {"/w/orders": "late"}


def test_what_one_write_followed_is_not_usual(tmp_path):
    """Four loads of the orders, then the report for the first time, and a fifth load: nobody knows whether it follows again."""
    runs = [write(number, "p1", "orders", MONDAY + number * DAY) for number in range(5)]
    report = write(9, "p2", "report", MONDAY + 3 * DAY + HOUR)
    answer = freshness_answer(
        snapshot(tmp_path, [*runs, report], [ORDERS, REPORT]), (MONDAY + 4 * DAY) * 1000
    )
    (orders,) = answer.tables[1].to_dict(answer.now)["inputs"]
    assert (orders["newer"], orders["usual_wait_seconds"], orders["overdue"]) == (True, None, None)
    assert ages(answer)["/w/report"] == "stale"


def test_a_report_of_a_week_waits_for_its_day(tmp_path):
    """Orders every day, the report each Sunday at one: 145 hours after the first load that it has not. With 3 % of it and 3.0905 the limit
    is 158.4 hours."""
    runs = [write(day, "p1", "orders", MONDAY + day * DAY) for day in range(36)]
    runs += [write(100 + week, "p2", "report", MONDAY + (week * 7 + 6) * DAY + HOUR) for week in range(5)]
    store = snapshot(tmp_path, runs, [ORDERS, REPORT])
    first = MONDAY + 35 * DAY
    told = [ages(freshness_answer(store, int((first + hours * HOUR) * 1000))) for hours in (158.3, 158.6)]
    assert [each["/w/report"] for each in told] == ["behind", "stale"]


def loop(*facts, sources=("raw report", "orders")):
    """Orders are made of raw and of the report, and the report of the orders; `facts` are (table, time)."""
    plans = [plan("o", "orders", "a:int", sources[0]), plan("r", "report", "a:int", sources[1])]
    runs = [write(number, table[0], table, MONDAY + end) for number, (table, end) in enumerate(facts)]
    return runs, plans


@pytest.mark.parametrize(
    ("sources", "facts", "expected"),
    [
        # Each made of the other alone: nothing came in, so nobody is behind.
        (("report", "orders"), [("orders", 10), ("report", 20), ("orders", 30)], ("fresh", "fresh")),
        # The report got what the orders had when they last read raw, and handed that back to them.
        (("raw report", "orders"), [("orders", 10), ("report", 20)], ("unknown", "unknown")),
        # The orders read raw again: the report has not got that.
        (("raw report", "orders"), [("orders", 10), ("report", 20), ("orders", 30)], ("unknown", "stale")),
        # Both read something of their own: the orders have not got the report's.
        (("raw report", "raw orders"), [("orders", 10), ("report", 20)], ("stale", "unknown")),
        # The orders feed themselves as well.
        (("report orders", "orders"), [("orders", 10), ("report", 20), ("orders", 30)], ("fresh", "fresh")),
    ],
)
def test_no_table_is_stale_by_its_own_output(tmp_path, sources, facts, expected):
    runs, plans = loop(*facts, sources=sources)
    answer = freshness_answer(snapshot(tmp_path, runs, plans), (MONDAY + 60) * 1000)
    assert tuple(ages(answer)[f"/w/{name}"] for name in ("orders", "report")) == expected


def test_a_loop_of_three_tables(tmp_path):
    """raw -> a -> b -> c -> a. After a's second run b and c are stale by a, and a is not stale by them; a board below them is."""
    plans = [
        plan("a", "a", "x:int", "raw c"), plan("b", "b", "x:int", "a"), plan("c", "c", "x:int", "b"),
        plan("d", "board", "x:int", "c"),
    ]  # fmt: skip
    order = ["a", "b", "c", "d", "a"]
    runs = [
        write(number, name, "board" if name == "d" else name, MONDAY + 10 * number)
        for number, name in enumerate(order)
    ]
    answer = freshness_answer(snapshot(tmp_path, runs, plans), (MONDAY + 90) * 1000)
    assert ages(answer) == {"/w/a": "unknown", "/w/b": "stale", "/w/board": "stale", "/w/c": "stale"}
    paths = {
        each.dataset.name[3:]: [[step.name[3:] for step in path] for path in each.stale_paths]
        for each in answer.tables
    }
    assert paths == {"a": [], "b": [["a", "b"]], "c": [["a", "b", "c"]], "board": [["a", "b", "c", "board"]]}


def test_a_way_goes_through_no_table_twice(tmp_path):
    """The orders and the report feed each other; rows are deleted from the orders, of which a copy had been made."""
    copy, delete = plan("c", "copy", "a:int", "orders"), plan("d", "orders", "a:int", operation="DELETE")
    runs, plans = loop(("orders", 10), ("report", 20), sources=("report", "orders"))
    runs += [write(5, "c", "copy", MONDAY + 30), write(6, "d", "orders", MONDAY + 40)]
    answer = freshness_answer(snapshot(tmp_path, runs, [*plans, copy, delete]), (MONDAY + 60) * 1000)
    paths = {
        each.dataset.name[3:]: [[step.name[3:] for step in path] for path in each.stale_paths]
        for each in answer.tables
    }
    assert paths == {"orders": [], "report": [["orders", "report"]], "copy": [["orders", "copy"]]}


def test_a_table_that_feeds_itself_is_not_stale_by_that(tmp_path):
    """A MERGE into the orders of rows that a program has: they are their own input."""
    merge = plan("m", "orders", "a:int", "orders", operation="MERGE")
    runs = [write(1, "m", "orders", MONDAY), write(2, "m", "orders", MONDAY + 60)]
    (table,) = freshness_answer(snapshot(tmp_path, runs, [merge]), (MONDAY + 90) * 1000).tables
    assert (table.inputs, table.stale_paths, table.state(0)) == ((), (), "unknown")


def ending(operation):
    return plan("e", "orders", "", kind=EdgeKind.CONTROL, operation=operation, overwrites=True)


def test_a_dropped_table_says_so(tmp_path):
    """It has no age; before it was dropped it had one. The report has all that it had, and nobody knows whether raw changed since."""
    runs = [
        write(1, "p1", "orders", MONDAY), write(2, "p2", "report", MONDAY + 10), write(3, "e", "orders", MONDAY + 20, kind="control"),
    ]  # fmt: skip
    store = snapshot(tmp_path, runs, [ORDERS, REPORT, ending("DROP TABLE")])
    answer = freshness_answer(store, (MONDAY + 90) * 1000, datasets=[dataset_id("orders")])
    assert (answer.tables, answer.to_dict()["dropped"]) == (
        (), [{"namespace": "file", "name": "/w/orders", "aliases": [], "dropped_at": "1970-01-05T00:00:20.000Z", "run": "app3:1"}],
    )  # fmt: skip
    assert ages(freshness_answer(store, (MONDAY + 90) * 1000)) == {"/w/report": "unknown"}
    assert ages(freshness_answer(store, (MONDAY + 19) * 1000)) == {
        "/w/orders": "unknown",
        "/w/report": "unknown",
    }


def test_an_emptied_table_says_so_and_makes_stale_what_was_made_of_it(tmp_path):
    runs = [
        write(1, "p1", "orders", MONDAY), write(2, "p2", "report", MONDAY + 10), write(3, "e", "orders", MONDAY + 20, kind="query"),
    ]  # fmt: skip
    store = snapshot(tmp_path, runs, [ORDERS, REPORT, ending("TRUNCATE TABLE")])
    answer = freshness_answer(store, (MONDAY + 90) * 1000)
    assert ages(answer) == {"/w/orders": "emptied", "/w/report": "stale"}
    assert [table.emptied_at for table in answer.tables] == [(MONDAY + 20) * 1000, None]


def test_what_was_emptied_while_it_was_read_may_have_been_read_before(tmp_path):
    runs = [
        write(1, "p1", "orders", MONDAY), write(2, "p2", "report", MONDAY + 30, started_at=(MONDAY + 10) * 1000),
        write(3, "e", "orders", MONDAY + 20, kind="query"),
    ]  # fmt: skip
    store = snapshot(tmp_path, runs, [ORDERS, REPORT, ending("TRUNCATE TABLE")])
    report = freshness_answer(store, (MONDAY + 90) * 1000).tables[1]
    assert [each.newer for each in report.inputs] == [None]


def test_too_few_writes_have_no_rhythm(tmp_path):
    runs = [write(number, "p1", "orders", MONDAY + number * HOUR) for number in range(4)]
    table = freshness_answer(snapshot(tmp_path, runs, [ORDERS]), (MONDAY + 900 * DAY) * 1000).to_dict()[
        "tables"
    ][0]
    assert (table["state"], table["rhythm"], table["late"]) == ("unknown", None, None)


def test_stale_against_an_input_and_through_one(tmp_path):
    """Orders at 1, report at 2, board at 3, orders again at 4: the report is stale, and through it the board."""
    runs = [
        write(1, "p1", "orders", MONDAY + HOUR),
        write(2, "p2", "report", MONDAY + 2 * HOUR),
        write(3, "p3", "board", MONDAY + 3 * HOUR),
        write(4, "p1", "orders", MONDAY + 4 * HOUR),
    ]
    names = [dataset("orders", "spark_catalog.shop.orders"), dataset("report"), dataset("board")]
    answer = freshness_answer(
        snapshot(tmp_path, runs, [ORDERS, REPORT, BOARD], datasets=names), (MONDAY + 5 * HOUR) * 1000
    )
    assert ages(answer) == {"/w/board": "stale", "/w/orders": "unknown", "/w/report": "stale"}
    assert [(each.kind, each.severity.value, each.message, each.evidence) for each in answer.findings] == [
        ("stale", "warning", "/w/board: shop.orders changed after it was read for it.", (("path_1", "/w/orders -> /w/report -> /w/board"),)),
        ("stale", "warning", "/w/report: shop.orders changed after it was read for it.", (("path_1", "/w/orders -> /w/report"),)),
    ]  # fmt: skip
    report = answer.to_dict()["tables"][2]
    assert report["inputs"] == [
        {
            "namespace": "file", "name": "/w/orders", "aliases": ["spark_catalog.shop.orders"], "data_at": "1970-01-05T04:00:00.000Z",
            "edge_seen_at": "1970-01-05T02:00:00.000Z", "edge_age_seconds": 3 * HOUR, "newer": True,
            "newer_since": "1970-01-05T04:00:00.000Z", "usual_wait_seconds": None, "overdue": None,
        }
    ]  # fmt: skip


def test_an_input_that_the_table_usually_follows_later(tmp_path):
    """Every day orders at 1 and the report at 2. At half past one it is behind, at 3 stale."""
    runs = []
    for day in range(6):
        runs.append(write(2 * day, "p1", "orders", MONDAY + day * DAY + HOUR))
        runs.append(write(2 * day + 1, "p2", "report", MONDAY + day * DAY + 2 * HOUR))
    runs.append(write(20, "p1", "orders", MONDAY + 6 * DAY + HOUR))
    store = snapshot(tmp_path, runs, [ORDERS, REPORT])
    assert ages(freshness_answer(store, (MONDAY + 6 * DAY + 5400) * 1000))["/w/report"] == "behind"
    assert ages(freshness_answer(store, (MONDAY + 6 * DAY + 3 * HOUR) * 1000))["/w/report"] == "stale"


def versions(*facts):
    return [
        Observation(run_id, 0, "file", "/w/orders", direction, "/w/orders", version=version)
        for run_id, direction, version in facts
    ]


@pytest.mark.parametrize(("read", "newer"), [(7, False), (6, True), (None, None)])
def test_versions_decide_where_they_are_known(tmp_path, read, newer):
    """The orders were written while the report ran: only the version says whether it read them."""
    runs = [
        write(1, "p1", "orders", MONDAY + 60),
        write(2, "p2", "report", MONDAY + 90, started_at=(MONDAY + 30) * 1000),
    ]
    facts = versions(("app1:1", "written", 7), *([("app2:1", "read", read)] if read else []))
    answer = freshness_answer(snapshot(tmp_path, runs, [ORDERS, REPORT], facts), (MONDAY + 100) * 1000)
    assert [each.newer for table in answer.tables if table.inputs for each in table.inputs] == [None, newer]


def test_the_age_of_an_edge_is_not_that_of_the_data(tmp_path):
    """Two appends: that from the web stopped on the first day, that from the shops goes on."""
    plans = [plan("p1", "orders", "a:int", "web"), plan("p2", "orders", "a:int", "shops")]
    runs = [write(1, "p1", "orders", MONDAY), write(2, "p2", "orders", MONDAY + 5 * DAY)]
    table = freshness_answer(snapshot(tmp_path, runs, plans), (MONDAY + 6 * DAY) * 1000).to_dict()["tables"][
        0
    ]
    assert [
        (each["name"], each["edge_age_seconds"], each["data_at"], each["newer"]) for each in table["inputs"]
    ] == [
        ("/w/shops", DAY, None, None),
        ("/w/web", 6 * DAY, None, None),
    ]
    assert (table["data_age_seconds"], table["lineage_age_seconds"]) == (DAY, DAY)


def raw_as_seen(run_id, modified):
    return Observation(run_id, 0, "file", "/w/raw", "read", "/w/raw", modified_until=modified * 1000)


def test_an_outside_source_is_as_old_as_its_files(tmp_path):
    """Nobody looked at its files after the read, so nobody knows whether they changed; then another run does, and they have."""
    seen = raw_as_seen("app1:1", MONDAY - 60)
    store = snapshot(tmp_path / "a", [write(1, "p1", "orders", MONDAY)], [ORDERS], [seen])
    answer = freshness_answer(store, (MONDAY + 90) * 1000)
    (source,) = answer.tables[0].inputs
    assert (source.data_at, source.newer) == ((MONDAY - 60) * 1000, None)
    assert ages(answer) == {"/w/orders": "unknown"}
    copy = plan("p9", "copy", "a:int", "raw")
    store = snapshot(
        tmp_path / "b",
        [write(1, "p1", "orders", MONDAY), write(2, "p9", "copy", MONDAY + 80)],
        [ORDERS, copy],
        [seen, raw_as_seen("app2:1", MONDAY + 30)],
    )
    answer = freshness_answer(store, (MONDAY + 90) * 1000)
    assert ages(answer) == {"/w/copy": "unknown", "/w/orders": "stale"}


def test_fresh_is_said_only_where_it_is_known(tmp_path):
    """Orders are made of nothing (a program's rows), the report of them: the report has all that they have. Nothing is known of the orders themselves."""
    orders = plan("p1", "orders", "a:int")
    runs = [write(1, "p1", "orders", MONDAY), write(2, "p2", "report", MONDAY + 60)]
    store = snapshot(tmp_path, runs, [orders, REPORT])
    assert ages(freshness_answer(store, (MONDAY + 900) * 1000)) == {
        "/w/orders": "unknown", "/w/report": "fresh",
    }  # fmt: skip


def test_what_is_no_complete_write_does_not_count(tmp_path):
    """A failed run, one that ends after `now`, a dropped table, and what a program got."""
    plans = [
        ORDERS,
        REPORT,
        plan("c", "report", "", kind=EdgeKind.CONTROL, operation="DROP TABLE"),
        plan("u", "driver:count", "", "orders"),
    ]
    runs = [
        write(1, "p1", "orders", MONDAY),
        write(2, "p1", "orders", MONDAY + 60, state=RunState.FAILED),
        write(3, "p1", "orders", MONDAY + 600),
        write(4, "p2", "report", MONDAY + 10),
        write(5, "c", "report", MONDAY + 20, kind="query"),
        write(6, "u", "driver:count", MONDAY + 5, kind="usage"),
    ]  # fmt: skip
    answer = freshness_answer(snapshot(tmp_path, runs, plans), (MONDAY + 100) * 1000)
    assert [(table.dataset.name, table.data_at) for table in answer.tables] == [("/w/orders", MONDAY * 1000)]


def test_a_write_whose_plan_is_not_in_the_store_is_a_write(tmp_path):
    """It makes the orders new; of what, nobody knows, though they were made of nothing outside before."""
    runs = [write(1, "p2", "report", MONDAY), write(2, None, "report", MONDAY + 60)]
    first = [write(0, "o", "orders", MONDAY - 60)]
    store = snapshot(tmp_path, [*first, *runs], [plan("o", "orders", "a:int"), REPORT])
    answer = freshness_answer(store, (MONDAY + 90) * 1000)
    assert [(each.dataset.name, each.data_at) for each in answer.tables] == [
        ("/w/orders", (MONDAY - 60) * 1000), ("/w/report", (MONDAY + 60) * 1000),
    ]  # fmt: skip
    assert ages(answer) == {"/w/orders": "unknown", "/w/report": "unknown"}


def test_a_view_is_as_old_as_what_it_is_made_of(tmp_path):
    """The orders are written after the view was created: it has their rows all the same, so nothing is stale."""
    view = plan("v", "shown", "a:int", "orders", operation="CREATE VIEW", overwrites=True)
    runs = [
        write(1, "p1", "orders", MONDAY), write(2, "v", "shown", MONDAY + 10, operation="CREATE VIEW"), write(3, "p1", "orders", MONDAY + 20),
    ]  # fmt: skip
    store = store_of(tmp_path, Batch(plans=(ORDERS, view), runs=tuple(runs)))
    for asked in (None, "shown"):
        answer = freshness_asked(store, asked, "1970-01-06")
        assert ages(answer) == {"/w/orders": "unknown"}
        assert answer.findings == ()


def test_a_table_that_was_renamed_says_that_nobody_followed(tmp_path):
    """Its data went to another name: what is told of the old one is told with that."""
    renamed = Problem(
        "command_not_followed", Severity.WARNING, "The command RenameTable changes data in a way that is not followed", "job.py:3",
        run_id="app2:1", dataset=dataset_id("orders"),
    )  # fmt: skip
    other = replace(renamed, dataset=dataset_id("elsewhere"))
    batch = Batch(plans=(ORDERS,), runs=(write(1, "p1", "orders", MONDAY),), problems=(renamed, other))
    answer = freshness_answer(Snapshot(store_of(tmp_path, batch)), (MONDAY + 60) * 1000)
    assert [(each.code, each.where) for each in answer.problems] == [("command_not_followed", "job.py:3")]


def test_a_clock_that_is_ahead_is_told(tmp_path):
    """The second write ended in 2100 by its driver's clock: it has not happened, and that is a problem of its own."""
    runs = [write(1, "p1", "orders", MONDAY), write(2, "p1", "orders", 4_102_444_800)]
    store = store_of(tmp_path, Batch(plans=(ORDERS,), runs=tuple(runs)))
    answer = freshness_asked(store)
    assert [table.data_at for table in answer.tables] == [MONDAY * 1000]
    assert [(each.code, each.message) for each in answer.problems] == [
        ("clock_ahead", "1 run ended later than now, the last at 2100-01-01T00:00:00.000Z: a clock is wrong, and what it wrote is not counted."),
    ]  # fmt: skip
    assert freshness_asked(store, now="2101-01-01").problems == ()


def test_only_some_tables(tmp_path):
    runs = [write(1, "p1", "orders", MONDAY), write(2, "p2", "report", MONDAY + 10)]
    answer = freshness_answer(
        snapshot(tmp_path, runs, [ORDERS, REPORT]), MONDAY * 2000, datasets=[dataset_id("report")]
    )
    assert [table.dataset.name for table in answer.tables] == ["/w/report"]


def test_a_rhythm_needs_four_gaps():
    assert rhythm([]) is None
    assert rhythm([0, 1, 2, 3]) is None
    assert rhythm([0, 10, 20, 30, 40]).gap == 10
