"""`why` on rows written by hand: which causes are found, and in what order, with the score reasoned in a comment.

The shop: orders -> silver -> gold, every day at the hours 1, 2 and 3, each by an application of its own; times are days and hours.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from spark_lineage.compare.causes.ranking import why
from spark_lineage.compare.causes.rounds import Past
from spark_lineage.errors import NameLookupError
from spark_lineage.model import (
    ApplicationEvent,
    Batch,
    Constants,
    Dataset,
    Distribution,
    EdgeKind,
    Observation,
    Run,
    RunState,
    Schema,
    SchemaColumn,
    Stage,
    StreamBatch,
)
from spark_lineage.query.snapshot import Snapshot
from tests.query.lineage_rows import dataset, edge, plan, run, store_of

DAY, HOUR = 86_400, 3_600
STEPS = {"orders": ("o", 1), "silver": ("s", 2), "gold": ("g", 3)}
OVERWRITE: dict[str, Any] = {"operation": "OVERWRITE"}

PLANS = (
    plan("o1", "orders", "amount:double day:date", "raw", job="load", overwrites=True, **OVERWRITE),
    plan("s1", "silver", "net:double day:date", "orders", job="clean", overwrites=True, **OVERWRITE),
    plan("g1", "gold", "day:date total:double", "silver names", job="report", overwrites=True, **OVERWRITE),
)
EDGES = (
    edge("o1", "raw.amount", "orders.amount", "TRANSFORMATION", "CAST(amount AS DOUBLE)"),
    edge("o1", "raw.day", "orders.day", "IDENTITY", "day"),
    edge("s1", "orders.amount", "silver.net", "TRANSFORMATION", "(amount * ?)"),
    edge("s1", "orders.day", "silver.day", "IDENTITY", "day"),
    edge("g1", "silver.net", "gold.total", "AGGREGATION", "sum(net)"),
    edge("g1", "silver.day", "gold.day", "IDENTITY", "day"),
    edge("g1", "silver.day", "gold", "GROUP_BY", "day"),
    edge("g1", "names.day", "gold", "JOIN", "(day = day)"),
)
JOBS = {"orders": "load", "silver": "clean", "gold": "report"}


def daily(target: str, day: int, *, late: float = 0, **others: Any) -> Run:
    """The run of a day: begins at its hour, takes ten minutes; `late` is in hours."""
    letter, hour = STEPS[target]
    began = int(day * DAY + (hour + late) * HOUR)
    facts = {
        "run_id": f"{letter}{day}:1",
        "started_at": began * 1000,
        "job": JOBS[target],
        **OVERWRITE,
        **others,
    }
    return run(1, f"{letter}1", target, began + 600, **facts)


def days(*numbers: int, without: tuple[tuple[str, int], ...] = ()) -> list[Run]:
    return [daily(target, day) for day in numbers for target in STEPS if (target, day) not in without]


def shop(path, runs, *, plans=PLANS, edges=EDGES, **others: Any):
    names = ("raw", "orders", "silver", "names", "gold")
    return store_of(
        path, Batch(datasets=tuple(map(dataset, names)), plans=plans, edges=edges, runs=tuple(runs), **others)
    )


def told(answer) -> list[tuple[str, float, int]]:
    return [(cause.finding.kind, round(cause.score, 3), cause.hops) for cause in answer.causes]


def constants(value: str, *runs: str) -> tuple[Constants, ...]:
    return tuple(Constants(each, 0, (("net", value),), "k") for each in runs)


def test_an_output_that_was_dropped_says_so(tmp_path):
    end = plan("e", "gold", "", kind=EdgeKind.CONTROL, operation="DROP TABLE", overwrites=True)
    dropped = run(1, "e", "gold", 9 * DAY, run_id="x:1", kind="control")
    answer = why(shop(tmp_path, [*days(1, 2), dropped], plans=(*PLANS, end)), "gold")
    assert (answer.run.run_id, [each.code for each in answer.problems]) == ("g2:1", ["table_ended"])


def test_the_critical_path_goes_around_a_loop_once(tmp_path):
    """Silver is made of gold, and gold of silver, every day: gold of day 3 waited for silver of day 3, not for all days before."""
    plans = (
        plan("s1", "silver", "net:double", "gold", job="clean"),
        plan("g1", "gold", "net:double", "silver", job="report"),
    )
    runs = [daily(target, day) for day in (1, 2, 3) for target in ("silver", "gold")]
    links = why(shop(tmp_path, runs, plans=plans, edges=()), "gold").to_dict()["critical_path"]
    assert [each["run"] for each in links] == ["s3:1", "g3:1"]


def test_a_commit_that_no_run_made_is_a_cause(tmp_path):
    """In the log of the orders, a Delta table, a commit by delta-rs lies between the two runs of silver: it is why silver is another.

    0.7 (warning) x 0.8 (one hop) x 0.5^(1 h before silver's begin / 2 h from silver's begin to the next) = 0.396.
    """
    place = tmp_path / "orders"
    for _ in range(2):
        write_deltalake(place, pa.table({"amount": [1.0]}), mode="append")
    minutes = {0: 0, 1: 90}  # silver begins at minutes 30 and 150
    log = place / "_delta_log"
    for version, minute in minutes.items():
        file = log / f"{version:020}.json"
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for line in lines:
            if "commitInfo" in line:
                line["commitInfo"]["timestamp"] = (DAY + minute * 60) * 1000
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    orders = Dataset("file", str(place), ("spark_catalog.shop.orders",), "delta")
    plans = (
        replace(PLANS[0], target=orders.id, overwrites=False, operation="INSERT"),
        replace(PLANS[1], datasets=(orders.id,)),
    )

    def at(minute: int, letter: str, number: int, **others: Any) -> Run:
        facts = {"run_id": f"{letter}{number}:1", "started_at": (DAY + minute * 60) * 1000, **others}
        return run(1, f"{letter}1", "silver", DAY + minute * 60 + 10, **facts)

    runs = (
        replace(at(0, "o", 1, operation="INSERT"), target=orders.id),
        at(30, "s", 1, job="clean"),
        at(150, "s", 2, job="clean"),
    )
    seen = Observation("o1:1", 0, "file", str(place), "written", str(place), version=0)
    batch = Batch(datasets=(orders, dataset("silver")), plans=plans, runs=runs, observations=(seen,))
    answer = why(store_of(tmp_path / "store", batch), "silver")
    assert told(answer) == [("write_outside", 0.396, 1)]
    cause = answer.to_dict()["causes"][0]
    assert cause["message"].startswith("shop.orders: version 1 (WRITE by delta-rs:")
    assert cause["message"].endswith(" was made by no known run.")
    assert (cause["run"], cause["at"]) == (None, "1970-01-02T01:30:00.000Z")
    assert [each["name"] for each in cause["path"]] == [str(place), "/w/silver"]


def test_a_constant_that_changed_two_hops_up(tmp_path):
    """Silver's tax rate of day 5 is another: one hop, a warning, an hour before gold, of a period of a day.

    0.7 (warning) x 0.8 (one hop) x 0.5^(50 min / 24 h) = 0.547; the lost executor of gold's own run ends after its begin: 0.2 (information).
    """
    store = shop(
        tmp_path,
        days(1, 2, 3, 4, 5),
        constants=(*constants("a", "s1:1", "s2:1", "s3:1", "s4:1"), *constants("b", "s5:1")),
        events=(
            ApplicationEvent(
                "g5", (5 * DAY + 3 * HOUR + 60) * 1000, "executor_removed", "2", "Container killed"
            ),
        ),
    )
    answer = why(store, "gold.total")
    assert told(answer) == [("constant_changed", 0.547, 1), ("executor_lost", 0.2, 0)]
    cause = answer.to_dict()["causes"][0]
    assert (cause["run"], cause["field"], cause["bond"]) == ("s5:1", "net", "DIRECT")
    assert cause["message"] == "The constant in w/silver.net has another value than before."
    assert [each["name"] for each in cause["path"]] == ["/w/silver", "/w/gold"]
    # of the day, which the constant has no part in, only the executor tells
    assert told(why(store, "gold.day")) == [("executor_lost", 0.2, 0)]
    # and of the day before, nothing
    assert told(why(store, "gold.total", run="g4:1")) == []


def test_an_expression_and_a_schema_that_changed_upstream(tmp_path):
    """On day 5 silver divides by the rate it multiplied by, from orders whose amount is an int.

    Both are told of silver's run, 50 minutes before gold's began. The expression is silver's own: 0.7 x 0.8 x 0.5^(50/1440) = 0.547; the schema that
    of orders, two hops away: 0.7 x 0.64 x 0.5^(50/1440) = 0.437. That both plans have the same lineage is information: 0.2 x 0.8 x 0.976 = 0.156.
    """
    divided = plan("s2", "silver", "net:double day:date", "orders", job="clean", overwrites=True, **OVERWRITE)
    edges = (
        edge("s2", "orders.amount", "silver.net", "TRANSFORMATION", "(amount / ?)"),
        edge("s2", "orders.day", "silver.day", "IDENTITY", "day"),
    )
    runs = [
        replace(each, fingerprint="s2") if each.run_id == "s5:1" else each for each in days(1, 2, 3, 4, 5)
    ]
    schemas = tuple(
        Schema(type_, (SchemaColumn("amount", type_), SchemaColumn("day", "date")))
        for type_ in ("double", "int")
    )
    read = tuple(
        Observation(
            f"s{day}:1",
            0,
            "file",
            "/w/orders",
            "read",
            "/w/orders",
            schema_id="int" if day == 5 else "double",
        )
        for day in range(1, 6)
    )
    store = shop(
        tmp_path, runs, plans=(*PLANS, divided), edges=(*EDGES, *edges), schemas=schemas, observations=read
    )
    answer = why(store, "gold.total")
    assert told(answer) == [
        ("expression_changed", 0.547, 1),
        ("schema_changed", 0.437, 2),
        ("plan_equivalent", 0.156, 1),
    ]
    expression, schema, _ = answer.to_dict()["causes"]
    assert (expression["field"], expression["run"]) == ("net", "s5:1")
    assert (expression["evidence"]["expression_before"], expression["evidence"]["expression_after"]) == (
        "(amount * ?)",
        "(amount / ?)",
    )
    assert (schema["field"], [each["name"] for each in schema["path"]]) == (
        "amount",
        ["/w/orders", "/w/silver", "/w/gold"],
    )


def test_the_nearer_and_the_newer_come_first(tmp_path):
    """Orders and silver drift at once: 0.547 one hop away; orders is two hops away and 110 minutes old.

    0.7 x 0.64 x 0.5^(110/1440) = 0.425.
    """
    values = {"o": [], "s": []}
    for letter in values:
        values[letter] = [f"{letter}{day}:1" for day in range(1, 5)]
    changed = tuple(
        Constants(f"{letter}{day}:1", 0, ((column, "b" if day == 5 else "a"),), "k")
        for letter, column in (("s", "net"), ("o", "amount"))
        for day in range(1, 6)
    )
    store = shop(tmp_path, days(1, 2, 3, 4, 5), constants=changed)
    assert told(why(store, "gold")) == [("constant_changed", 0.547, 1), ("constant_changed", 0.425, 2)]
    assert [each["name"] for each in why(store, "gold").to_dict()["causes"][1]["path"]] == [
        "/w/orders",
        "/w/silver",
        "/w/gold",
    ]


def test_a_failed_run_upstream(tmp_path):
    """Silver failed on day 5, so gold was made of day 4's: the failure (an error, 0.8 x 0.5^(50/1440) = 0.781), and that
    silver is missing (a warning, at gold's begin: 0.7 x 0.8 = 0.56). Orders, two hops away, did run.
    """
    failed = daily(
        "silver", 5, state=RunState.FAILED, error_class="a.b.SparkException", error_message="Job aborted."
    )
    store = shop(tmp_path, [*days(1, 2, 3, 4), *days(5, without=(("silver", 5),)), failed])
    answer = why(store, "gold.total")
    assert told(answer) == [("run_failed", 0.781, 1), ("run_missing", 0.56, 1)]
    assert [cause.finding.message for cause in answer.causes] == [
        "The run of clean that writes w/silver failed (SparkException: Job aborted.).",
        "w/silver was not written before w/gold was made of it, as it had been 3 of 3 times.",
    ]
    assert dict(answer.causes[1].finding.evidence) == {
        "usual": "3 of 3",
        "last_written_at": "1970-01-05T02:10:00.000Z",
    }


def test_what_kept_an_input_from_being_written_is_one_more_hop(tmp_path):
    """Orders failed, so nobody started silver: 0.64 x 0.5^(110/1440) = 0.607 for the failure. Silver and orders are missing
    at gold's begin: 0.7 x 0.8, 0.7 x 0.64."""
    failed = daily("orders", 5, state=RunState.FAILED)
    runs = [*days(1, 2, 3, 4), daily("gold", 5), failed]
    assert told(why(shop(tmp_path, runs), "gold")) == [
        ("run_failed", 0.607, 2), ("run_missing", 0.56, 1), ("run_missing", 0.448, 2),
    ]  # fmt: skip


def test_a_failure_that_was_made_good_is_weak(tmp_path):
    """0.7 (warning) x 0.3 x 0.8 x 0.5^(50/1440) = 0.164"""
    failed = daily(
        "silver", 5, state=RunState.FAILED, run_id="s5:0", ended_at=(5 * DAY + 2 * HOUR + 60) * 1000
    )
    answer = why(shop(tmp_path, [*days(1, 2, 3, 4, 5), failed]), "gold")
    assert told(answer) == [("run_failed", 0.163, 1)]
    assert (
        answer.causes[0].finding.message
        == "The run of clean that writes w/silver failed, and ran again to its end."
    )


@pytest.mark.parametrize(
    ("state", "kind", "score"),
    [
        (RunState.CANCELLED, "run_cancelled", 0.7),
        (RunState.UNKNOWN, "run_unknown", 1.0),
        (RunState.FAILED, "run_failed", 1.0),
    ],
)
def test_the_output_s_own_run(tmp_path, state, kind, score):
    """It ended after it began, so it is of no age."""
    runs = [*days(1, 2, 3), *days(4, without=(("gold", 4),)), daily("gold", 4, state=state)]
    answer = why(shop(tmp_path, runs), "gold")
    assert told(answer) == [(kind, score, 0)]
    assert answer.to_dict()["run"] == {
        "id": "g4:1", "state": state.value, "started_at": "1970-01-05T03:00:00.000Z", "ended_at": "1970-01-05T03:10:00.000Z",
    }  # fmt: skip
    assert answer.to_dict()["previous_run"]["id"] == "g3:1"


def test_a_late_input(tmp_path):
    """Silver of day 5 is two hours late, gold began at its hour: a warning of no age, 0.7 x 0.8."""
    runs = [*days(1, 2, 3, 4), *days(5, without=(("silver", 5),)), daily("silver", 5, late=2)]
    answer = why(shop(tmp_path, runs), "gold", run="g5:1")
    assert told(answer) == [("run_late", 0.56, 1)]
    # it ended at 4:10, gold began at 3:00
    assert dict(answer.causes[0].finding.evidence) == {
        "usual": "3 of 3", "reader_began_at": "1970-01-06T03:00:00.000Z", "late_by_seconds": "4200",
    }  # fmt: skip


def test_an_input_that_was_being_written(tmp_path):
    """Without any habit: silver's second run ever was still on when gold began."""
    runs = [*days(1), *days(2, without=(("silver", 2),)), daily("silver", 2, late=0.9)]
    assert told(why(shop(tmp_path, runs), "gold")) == [("run_late", 0.56, 1)]


def test_what_is_not_usual_is_not_missed(tmp_path):
    """Silver was fresh for one of three runs of gold; and a second run of gold within the hour waits for nothing."""
    seldom = [daily("silver", 1), daily("silver", 3), *(daily("gold", day) for day in range(1, 6))]
    assert told(why(shop(tmp_path / "seldom", seldom), "gold")) == []
    again = [*days(1, 2, 3, 4, 5), daily("gold", 5, late=0.5, run_id="g6:1")]
    assert told(why(shop(tmp_path / "again", again), "gold")) == []


def test_an_older_cause_is_weaker(tmp_path):
    """Gold was not made for two days; silver failed on the first of them and ran on the second. The period is three days.

    0.7 x 0.3 x 0.8 x 0.5^((24 h + 50 min) / 72 h) = 0.132.
    """
    runs = [
        *days(1, 2), *days(3, 4, 5, without=(("gold", 3), ("gold", 4), ("silver", 4))), daily("silver", 4, state=RunState.FAILED),
    ]  # fmt: skip
    assert told(why(shop(tmp_path, runs), "gold")) == [("run_failed", 0.132, 1)]


def test_a_table_that_only_decides_rows_is_bound_less(tmp_path):
    """`names` is only joined: 1 x 0.8 (hop) x 0.8 (INDIRECT), of no age."""
    plans = (*PLANS, plan("n1", "names", "day:date", "", job="names", **OVERWRITE))
    failed = run(
        1,
        "n1",
        "names",
        None,
        run_id="n5:1",
        job="names",
        state=RunState.FAILED,
        started_at=(5 * DAY + 3 * HOUR) * 1000,
    )
    answer = why(shop(tmp_path, [*days(1, 2, 3, 4, 5), failed], plans=plans), "gold.total")
    assert [(*each, cause.bond.value) for each, cause in zip(told(answer), answer.causes, strict=True)] == [
        ("run_failed", 0.64, 1, "INDIRECT")
    ]


def test_a_column_leaves_out_tables_that_it_has_nothing_to_do_with(tmp_path):
    """`b` feeds `y` alone; `c` is read without a column, so it may decide anything."""
    plans = (
        plan("p1", "t", "x:int y:int", "a b c", job="j"),
        *(plan(f"{name}1", name, "v:int", "", job=name) for name in "abc"),
    )
    edges = (edge("p1", "a.v", "t.x", "IDENTITY"), edge("p1", "b.v", "t.y", "IDENTITY"))
    failed = [run(i, f"{name}1", name, 5, job=name, state=RunState.FAILED) for i, name in enumerate("abc")]
    store = store_of(
        tmp_path,
        Batch(
            datasets=tuple(map(dataset, "abct")),
            plans=plans,
            edges=edges,
            runs=(*failed, run(9, "p1", "t", 10, job="j")),
        ),
    )
    names = [cause.finding.dataset.name for cause in why(store, "t.x").causes]
    assert names == ["/w/a", "/w/c"]
    assert [cause.finding.dataset.name for cause in why(store, "t").causes] == ["/w/a", "/w/b", "/w/c"]
    assert why(store, "t.x").to_dict()["tables"] == 3


def stage(run_id: str, number: int, began: int, ended: int, **others: Any) -> Stage:
    facts = {"attempt": 0, "state": RunState.COMPLETE, "tasks": 100, "failed_tasks": 0, **others}
    return Stage(
        run_id=run_id, stage_id=number, name="s", started_at=began * 1000, ended_at=ended * 1000, **facts
    )


def test_stages_and_executors_of_a_run(tmp_path):
    """What a run got over is information, 0.2 x strength: of tasks the share that failed, of skew what the longest task had beyond the
    median (1 - 100/2000 = 0.95). An executor that was idle, or went before, is none; one that gave up is not lost when its process ends."""
    began = 5 * DAY + 3 * HOUR
    times = Distribution("executor_run_time_ms", 1, 90, 100, 110, 2000)
    events = (
        ApplicationEvent("g5", began * 1000, "executor_removed", "1", "Executor decommissioned"),
        ApplicationEvent("g5", began * 1000 + 9, "executor_removed", "1", "Command exited with code 0"),
        ApplicationEvent("g5", began * 1000, "executor_removed", "2", "Executor idle for 60 s"),
        ApplicationEvent("g5", began * 1000 - 1, "executor_removed", "3", "Container killed"),
        ApplicationEvent("g4", began * 1000, "executor_removed", "4", "Container killed"),
        ApplicationEvent("g5", began * 1000, "executor_excluded", "5", ""),
        ApplicationEvent("g5", began * 1000, "executor_added", "6", ""),
    )
    stages = (stage("g5:1", 1, 0, 1, failed_tasks=25), stage("g5:1", 2, 0, 1, distributions=(times,)))
    answer = why(shop(tmp_path, days(1, 2, 3, 4, 5), stages=stages, events=events), "gold")
    assert told(answer) == [
        ("executor_decommissioned", 0.2, 0), ("executor_excluded", 0.2, 0), ("stage_skewed", 0.19, 0), ("tasks_failed", 0.025, 0),
    ]  # fmt: skip
    assert [cause.finding.message for cause in answer.causes] == [
        "The run that writes w/gold gave up the executor 1 (Executor decommissioned).",
        "The run that writes w/gold excluded the executor 5.",
        "One task of stage 2 of the run that writes w/gold took far longer than the others.",
        "25 of 200 tasks of the run that writes w/gold failed and were tried again.",
    ]


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (
            "FetchFailed(BlockManagerId(1))",
            "fetch_failed",
            "could not fetch shuffled rows (FetchFailed(BlockManagerId(1)))",
        ),
        ("Job aborted", "stage_failed", "failed (Job aborted)"),
    ],
)
def test_a_stage_that_was_tried_again(tmp_path, failure, kind, said):
    """In a run that failed they are warnings: 0.7. The run itself comes first, 1. What made its rows was tried more often."""
    stages = (
        stage("g2:1", 5, 0, 1, state=RunState.FAILED, failure="[DIVIDE_BY_ZERO]", failed_tasks=1),
        *(stage("g2:1", 2, 0, 1, attempt=each) for each in range(3)),
        stage("g2:1", 3, 0, 1, state=RunState.FAILED, failure=failure, failed_tasks=2),
        stage("g2:1", 3, 1, 2, attempt=1),
    )
    runs = [*days(1), *days(2, without=(("gold", 2),)), daily("gold", 2, state=RunState.FAILED)]
    answer = why(shop(tmp_path, runs, stages=stages), "gold")
    assert told(answer) == [("run_failed", 1.0, 0), (kind, 0.7, 0)]
    assert answer.causes[1].finding.message == (
        f"Stage 3 of the run that writes w/gold {said} and was tried again, 2 attempts in all."
    )


def test_a_stage_that_took_its_run_with_it_is_told_once(tmp_path):
    runs = [*days(1), *days(2, without=(("gold", 2),)), daily("gold", 2, state=RunState.FAILED)]
    stages = (stage("g2:1", 3, 0, 1, state=RunState.FAILED, failure="[DIVIDE_BY_ZERO]", failed_tasks=2),)
    assert told(why(shop(tmp_path, runs, stages=stages), "gold")) == [("run_failed", 1.0, 0)]


def test_a_stream_that_was_started_again(tmp_path):
    """Between gold's runs of day 1 and 2 the stream that writes silver began a second time: 0.2 x 0.8 x 0.5^(50 min / 24 h)."""
    batches = [(1, 1.5, "a"), (2, 20, "a"), (3, 24, "b"), (4, 26, "b")]
    runs = [
        run(
            number, "s1", "silver", None, run_id=f"s{attempt}:{number}", job="clean", query_id="q", batch_id=number,
            started_at=int((DAY + hours * HOUR) * 1000), ended_at=int((DAY + hours * HOUR + 600) * 1000),
        )
        for number, hours, attempt in batches
    ]  # fmt: skip
    progress = tuple(
        StreamBatch("q", number, attempt, f"s{attempt}", started_at=int((DAY + hours * HOUR) * 1000))
        for number, hours, attempt in batches
    )
    store = shop(tmp_path, [daily("gold", 1), daily("gold", 2), *runs], batches=progress)
    answer = why(store, "gold")
    assert told(answer) == [("stream_restarted", 0.156, 1)]
    assert dict(answer.causes[0].finding.evidence) == {"query": "q", "at": "1970-01-03T00:00:00.000Z"}


def test_the_critical_path(tmp_path):
    """Gold waited for silver (50 minutes after its end), silver for orders; inside gold the stages 1 and 3 followed each other."""
    began = 5 * DAY + 3 * HOUR
    stages = (
        stage("g5:1", 1, began, began + 60),
        stage("g5:1", 2, began, began + 30),
        stage("g5:1", 3, began + 60, began + 90),
    )
    path = why(shop(tmp_path, days(4, 5), stages=stages), "gold").to_dict()["critical_path"]
    assert [(link["run"], link["took_ms"], link["waited_ms"]) for link in path] == [
        ("o5:1", 600_000, None), ("s5:1", 600_000, 3_000_000), ("g5:1", 600_000, 3_000_000),
    ]  # fmt: skip
    assert [each["id"] for each in path[-1]["stages"]] == [1, 3]
    assert path[0]["stages"] == []


def test_the_critical_path_ends_where_nothing_new_came(tmp_path):
    """Silver was not written between gold's last two runs."""
    path = why(shop(tmp_path, [*days(1, 2), daily("gold", 3)]), "gold").to_dict()["critical_path"]
    assert [link["run"] for link in path] == ["g3:1"]


def test_an_append_after_an_overwrite_counts_both(tmp_path):
    """One application overwrites gold and then appends to it: the overwrite's input failed, and that counts though the last run appended."""
    plans = (
        plan("w", "gold", "x:int", "a", job="report", overwrites=True, **OVERWRITE), plan("p", "gold", "x:int", "b", job="report"),
        plan("a1", "a", "x:int", "", job="a"),
    )  # fmt: skip
    runs = [
        each
        for day in (1, 2)
        for each in (
            run(1, "w", "gold", 100 * day, run_id=f"g{day}:1", job="report", **OVERWRITE),
            run(2, "p", "gold", 100 * day + 10, run_id=f"g{day}:2", job="report"),
        )
    ]
    failed = run(1, "a1", "a", 150, run_id="a1:1", job="a", state=RunState.FAILED)
    store = store_of(
        tmp_path, Batch(datasets=tuple(map(dataset, ("gold", "a", "b"))), plans=plans, runs=(*runs, failed))
    )
    answer = why(store, "gold")
    assert answer.to_dict()["previous_run"]["id"] == "g1:2"
    assert [cause.finding.dataset.name for cause in answer.causes] == ["/w/a"]


def test_an_unusual_volume_and_what_follows_from_it(tmp_path):
    """Of the orders, 1,000 a day, none came on day 30, and gold is empty; silver says nothing of its rows."""
    few = {"orders": 1000, "silver": None, "gold": 500}
    runs = [
        daily(target, day, rows=(rows + day % 3 if day < 30 else 0) if rows is not None else None)
        for day in range(1, 31) for target, rows in few.items()
    ]  # fmt: skip
    causes = why(shop(tmp_path, runs), "gold").causes
    assert [(cause.finding.kind, cause.finding.dataset.name, cause.hops) for cause in causes] == [
        ("empty_output", "/w/gold", 0), ("empty_output", "/w/orders", 2),
    ]  # fmt: skip


def test_applications_that_write_at_the_same_time_all_count(tmp_path):
    """a and b append in turns: what each read is in the table, until a third application begins after both; x was before them."""
    plans = tuple(plan(f"p{name}", "gold", "x:int", name) for name in ("raw", "orders", "silver", "names"))
    turns = (("x:1", "praw", 5), ("a:1", "praw", 10), ("b:1", "porders", 20), ("a:2", "psilver", 30))
    runs = [run(1, fingerprint, "gold", end, run_id=name) for name, fingerprint, end in turns]
    last = run(1, "pnames", "gold", 40, run_id="c:1")
    store = shop(tmp_path, [*runs, last], plans=plans, edges=())
    past = Past(store, Snapshot(store))
    counted = {
        until: sorted(each.run_id for each in past.contributing(last.target, until * 1000))
        for until in (9, 30, 40)
    }
    assert counted == {9: ["x:1"], 30: ["a:1", "a:2", "b:1"], 40: ["c:1"]}


def test_tables_that_are_made_of_each_other(tmp_path):
    """A circle ends."""
    plans = (plan("p1", "a", "x:int", "b", job="a"), plan("p2", "b", "x:int", "a", job="b"))
    runs = [run(i, f"p{1 + i % 2}", "ab"[i % 2], 10 * i + 5, job="ab"[i % 2]) for i in range(6)]
    answer = why(
        store_of(tmp_path, Batch(datasets=tuple(map(dataset, "ab")), plans=plans, runs=tuple(runs))), "b"
    )
    assert (answer.causes, answer.tables) == ((), 2)


def test_names_and_runs(tmp_path):
    store = shop(tmp_path, days(1))
    assert why(store, "raw").to_dict() == {
        "schema_version": 1, "start": {"namespace": "file", "name": "/w/raw", "aliases": [], "field": None}, "run": None,
        "previous_run": None, "tables": 0, "runs": 0, "causes": [], "critical_path": [], "problems": [],
    }  # fmt: skip
    with pytest.raises(NameLookupError, match=r'^The run "s1:1" does not write the table'):
        why(store, "gold", run="s1:1")
    with pytest.raises(NameLookupError, match=r'^There is no run "abc:9" in the store'):
        why(store, "gold", run="abc:9")
    with pytest.raises(NameLookupError, match="has no column"):
        why(store, "gold.nothing")
