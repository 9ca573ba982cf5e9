"""One run on a terminal of 80 columns and in a notebook."""

from __future__ import annotations

import copy
import html
from typing import Any

from support import one_run
from test_html import read, spoil

from spark_lineage.show.answer import plain_text
from spark_lineage.show.html.run import run_html
from spark_lineage.show.text.run import run_text

TEXT = """\
shop.report  failed
append by the job nightly, in shop, ann, Spark 4.1.3
2026-11-20 03:04:05 UTC, 12.3 s, 42 rows, 1 file, 2.0 KiB
Job aborted. (SparkException, DIVIDE_BY_ZERO, SQLSTATE 22012) In the operator
HashAggregate.
run 00000000-0000-0000-0000-00000000000a:7

Read
  shop.orders
    version 12 of 2026-11-20 03:03:05 UTC
    1,200 rows, 3 files, 4.9 KiB, 2 partitions
  w/raw
    files last changed 2026-11-20 03:02:35 UTC to 2026-11-20 03:02:45 UTC
    /w/raw/day=1
  clicks
    15 rows
    offsets of clicks: 0 from 10 to 20, 2 from 0 to 5, 10 from 0 to 0

Written
  shop.report
    version 4
    42 rows, 1 file

What shop.report would have got
  It did not complete: this is what its plan says, no fact about the table.

    total  double
      sum(amount)
      aggregation     shop.orders.amount

Operators
  OverwriteByExpression
  HashAggregate  failed here, 42 rows, 120 ms, peak 64.0 MiB, stage 4, makes
                 total
  SortMergeJoin  1,200 rows, stage 4
  ├── Exchange  1,200 rows, 3.0 MiB, spilled 1.0 MiB, stage 2
  │   Scan parquet  1,200 rows, 3 files, 4.9 KiB, 12.3 s, stage 2
  └── ReusedExchange  reused
      └── Exchange  (see above)

Stages
  stage  state      tasks                 took        a task: median, longest
  2      complete   200, 2 failed, 1      4.0 s       400 ms, 9.1 s, skewed
                    speculative
         reads 4.9 KiB, shuffles out 3.0 MiB, garbage collection 40 ms
  3      failed     4                     2.0 s
         Executor lost: 2
  3.1    complete   4                     2.0 s
  4      complete   4                     6.0 s       1.1 s, 1.5 s
  One after the other ran the stages 3, 3.1, 4: 10.0 s of 12.3 s.

What happened to the application meanwhile
  2026-11-20 03:04:08  executor removed 2  Container killed: exit code 137

2 problems
  warning Something was odd.
  info Of the plan.

Full names
  w/raw  /w/raw"""

BATCH = """\
Micro-batch
  query   prices
  batch   3: 3,000 rows in, 1.2 s, watermark 2026-11-20 03:04:04 UTC
  source  KafkaV2[Subscribe[clicks]], 3,000 rows
          from clicks 0: 5 to clicks 0: 3005
  state   stateStoreSave, 12 rows kept, 3 rows updated, 0 rows removed, 1 row
          too late, 2.0 KiB
  time    addBatch 900 ms, walCommit 20 ms"""


def with_batch() -> dict[str, Any]:
    return {**copy.deepcopy(one_run.ANSWER), "batch": one_run.BATCH_ANSWER}


def bare() -> dict[str, Any]:
    """A run of which nothing but its row is known, decided by the log."""
    run = {
        **one_run.ANSWER["runs"][0],
        "error": None,
        "failed_operator": None,
        "decided_by": "log",
        "state": "COMPLETE",
    }
    run |= {
        "rows": None,
        "bytes": None,
        "files": None,
        "started_at": None,
        "target": None,
        "job": "shop",
        "kind": "query",
    }
    names = ("planned", "datasets", "operators", "stages", "longest_chain", "events", "problems")
    lists: dict[str, Any] = dict.fromkeys(names, ())
    return {**one_run.ANSWER, **lists, "runs": [run]}


def test_a_run_as_text():
    assert plain_text(run_text(one_run.ANSWER)) == TEXT


def test_a_clock_that_went_back_is_told_and_no_duration_is_below_zero():
    """The run's end lies before its begin, and so does that of its last stage."""
    answer = copy.deepcopy(one_run.ANSWER)
    for each in (answer["runs"][0], answer["stages"][-1]):
        each["started_at"], each["ended_at"] = each["ended_at"], each["started_at"]
    text = plain_text(run_text(answer))
    lines = text.splitlines()
    assert sum("the clock went back while it ran" in line for line in lines) == 1
    (stage,) = [line.split() for line in lines if line.startswith("  4 ")]
    assert stage[:4] == ["4", "complete", "4", "unknown"]
    assert "  One after the other ran the stages 3, 3.1, 4; the clock went back meanwhile." in lines


def test_queries_that_only_helped_are_counted_and_not_drawn():
    """Delta reads its log in queries of their own; those say nothing of the run's data."""
    answer = copy.deepcopy(one_run.ANSWER)
    scan = {**answer["operators"][4], "children": [], "target_columns": [], "stages": [0]}
    answer["operators"] = [
        {**scan, "id": "8:0"},
        *answer["operators"],
        {**scan, "id": "9:1"},
        {**scan, "id": "9:2"},
    ]
    answer["stages"] = [{**answer["stages"][0], "id": 0, "execution": 8}, *answer["stages"]]
    answer["longest_chain"] = [{"id": 0, "attempt": 0}, *answer["longest_chain"]]
    said = "  Not shown: 3 operators of 2 helper queries, such as reads of a table's log."
    expected = TEXT.replace("(see above)\n", f"(see above)\n{said}\n")
    assert plain_text(run_text(answer)) == expected
    assert html.escape(said.strip()) in run_html(answer)


def test_the_notes_of_a_long_name_stand_below_it():
    answer = copy.deepcopy(one_run.ANSWER)
    answer["operators"] = [
        {
            **answer["operators"][1],
            "name": "Scan parquet spark_catalog.default.sales",
            "children": [],
            "time_ms": 0,
        }
    ]
    answer["datasets"] = [{**answer["datasets"][0], "path": "file:/w/orders"}]
    text = plain_text(run_text(answer))
    assert (
        "\n  Scan parquet spark_catalog.default.sales\n    failed here, 42 rows, peak 64.0 MiB, stage 4, makes total\n"
        in text
    )
    assert "file:" not in text


def test_a_condition_that_the_message_tells_is_not_told_twice():
    answer = copy.deepcopy(one_run.ANSWER)
    answer["runs"][0]["error"]["message"] = "[DIVIDE_BY_ZERO] Division by zero."
    assert "\n[DIVIDE_BY_ZERO] Division by zero. (SparkException, SQLSTATE 22012) In the\n" in plain_text(
        run_text(answer)
    )


def test_a_micro_batch_as_text():
    text = plain_text(run_text(with_batch()))
    assert BATCH in text
    assert max(map(len, text.splitlines())) <= 80


def test_what_is_not_known_is_not_told():
    assert plain_text(run_text(bare())) == (
        "shop  complete\n"
        "query, in shop, ann, Spark 4.1.3\n"
        "start unknown, ended 2026-11-20 03:04:17 UTC\n"
        "No end was recorded: the state is that of the target's own log.\n"
        "run 00000000-0000-0000-0000-00000000000a:7"
    )
    assert read(run_html(bare())).rows == []


def test_a_chain_of_operators_deeper_than_any_screen():
    """A chain does not indent; joins within joins go on in a new tree; nothing recurses."""
    answer = copy.deepcopy(one_run.ANSWER)
    operator = {**answer["operators"][0], "target_columns": [f"c{number}" for number in range(9)]}
    answer["operators"] = [
        {**operator, "id": f"7:{number}", "name": f"Project{number}", "children": [f"7:{number + 1}"]}
        for number in range(3000)
    ]
    lines = plain_text(run_text(answer)).splitlines()
    assert "  Project0  makes c0, c1, c2, c3, c4 and 4 more" in lines
    assert lines.count("  Project2999") == 1  # makes what the one above it makes
    answer["operators"] = [
        {
            **operator,
            "id": f"7:{number}",
            "name": f"Join{number}",
            "children": [f"7:{2 * number + 1}", f"7:{2 * number + 2}"],
        }
        for number in range(60)
    ]
    text = plain_text(run_text(answer))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("Join59") == 1


def test_a_run_in_a_notebook():
    rows = read(run_html(with_batch())).rows
    assert rows[1:5] == [
        ["read", "shop.orders", "version 12 of 2026-11-20 03:03:05 UTC|1,200 rows, 3 files, 4.9 KiB, 2 partitions"],
        ["read", "w/raw", "files last changed 2026-11-20 03:02:35 UTC to 2026-11-20 03:02:45 UTC|/w/raw/day=1"],
        ["read", "clicks", "15 rows|offsets of clicks: 0 from 10 to 20, 2 from 0 to 5, 10 from 0 to 0"],
        ["written", "shop.report", "version 4|42 rows, 1 file"],
    ]  # fmt: skip
    assert [row for row in rows if len(row) == 6][1:3] == [
        [
            "2", "complete", "200, 2 failed, 1 speculative", "4.0 s", "400 ms, 9.1 s, skewed",
            "reads 4.9 KiB, shuffles out 3.0 MiB, garbage collection 40 ms",
        ],
        ["3", "failed", "4", "2.0 s", "", "Executor lost: 2"],
    ]  # fmt: skip


def test_hostile_texts_are_shown_and_never_markup():
    answer = with_batch()
    answer["events"][0]["kind"] = "executor_removed<script>"
    # what ties operators together stays as it is, names are spoiled
    hostile = spoil({**answer, "longest_chain": []}) | {"longest_chain": answer["longest_chain"]}
    for item in (
        *hostile["runs"],
        *hostile["stages"],
        *hostile["events"],
        *hostile["datasets"],
        hostile["batch"],
    ):
        for key in (
            "started_at",
            "ended_at",
            "at",
            "version_at",
            "modified_from",
            "modified_until",
            "watermark",
        ):
            if item.get(key):
                item[key] = "2026-11-20T03:04:05.000Z"
    page = run_html(hostile)
    assert "<script" not in page
    assert "\x1b" not in page
    assert r"\x1b[31m[red]" in plain_text(run_text(hostile))
    assert "\x1b" not in plain_text(run_text(hostile))
