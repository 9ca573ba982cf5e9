"""What a terminal of 80 columns shows for answers written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hand_written as answers
import pytest

from spark_lineage.pipeline import IngestReport
from spark_lineage.show.answer import plain_text
from spark_lineage.show.doctor import Check, Outcome, doctor_answer
from spark_lineage.show.text.lineage import lineage_text
from spark_lineage.show.text.lists import (
    ingest_text,
    problems_text,
    runs_text,
    search_text,
    tables_text,
)
from spark_lineage.show.text.table import table_text

TABLE = """\
gold.revenue  a superset: some of these sources may not matter
file /srv/lake/gold/revenue
12 runs, the last complete 2026-11-20 03:04:05 UTC, 4,200 rows

  day  date
    identity        silver.payments.paid_on  through silver.paid

  tier  string  a superset: some of these sources may not matter
    CASE WHEN (sum(amount) > ?) THEN ? ELSE ? END
    conditional     silver.lines.amount

  buyer  string
    sha2(mail, ?)
    transformation  in/buyers.csv.mail  masked

  one  int
    no source column

  what  string  opaque: it may have sources that are not known
    not known

Which rows
  join            (order_id = order_id)
                  silver.lines.order_id, silver.payments.order_id
  group by        silver.payments.paid_on

1 problem
  warning The operator Foo is not known, so each of its outputs is taken to come
  from all of its inputs. At Foo#3. Please report the plan.

Full names
  in/buyers.csv  /srv/in/buyers.csv"""

NESTED = """\
gold.boxes  exact
file /srv/lake/gold/boxes
1 run

  info  struct<zip:string,n:int>
    struct(zip, ?)
    transformation  raw.boxes.zip
    info.zip
      identity        raw.boxes@3.zip
    info.n
      no source column

Which rows
  filter          (day > ?)
                  raw.boxes@3.day"""

UPSTREAM = """\
gold.revenue.total
sum(amount)
└── silver.lines.amount  aggregation
    cast((quantity * (unit_price - ((unit_price * discount) / 100))) as
    decimal(12,2))
    ├── bronze.items.price.unit  transformation
    │   └── raw/items.json.price  identity
    └── bronze.items.quantity  transformation
        └── raw/items.json.quantity  identity

Which rows
  gold.revenue
    join            silver.lines.order_id
  These columns are not followed here: ask for their own upstream.

Full names
  raw/items.json  /srv/raw/items.json"""

DOWNSTREAM = """\
raw/items.json.price reaches 4 tables: 3 columns, and the rows of 1

bronze.items  1 hop
  price
    identity        raw/items.json.price

silver.lines  2 hops
  amount  a superset: some of these sources may not matter
    (price * quantity)
    transformation  bronze.items.price

gold.best  3 hops
  its rows
    filter          silver.lines.amount
  and, through its rows, every column

gold.revenue  3 hops
  label  transformation over all hops
    identity        silver.lines.amount

Not farther than 3 hops, as asked.

Full names
  raw/items.json  /srv/raw/items.json"""

RUNS = """\
state          started, UTC         what
with failures  2026-11-20 03:04:05  shop: refunds  8c0e:7
                                    application, 1.5 s
failed         2026-11-20 03:04:05  finance/shares  8c0e:7
                                    CREATE TABLE AS SELECT, 1.5 s, shop: refunds
                                    [DIVIDE_BY_ZERO] Division by zero. Use
                                    `try_divide` to tolerate divisor being ? and
                                    return NULL. (SparkArithmeticException)
complete       2026-11-20 03:04:05  gold.revenue  8c0e:7
                                    CREATE TABLE AS SELECT, 1 row, shop: refunds

Full names
  finance/shares  /srv/finance/shares"""

TABLES = """\
finance/shares  1 run  failed
gold.best  1 column, 1 run  opaque: it may have sources that are not known
└── silver.lines  1 column, 2 runs
    └── bronze.items  2 columns, 2 runs
        └── raw/items.json  1 column, a source
gold.revenue  2 columns, 3 runs, last 40 rows
└── silver.lines  (see above)

1 result went to programs, not to tables: see `spark-lineage runs`.

Full names
  finance/shares  /srv/finance/shares
  raw/items.json  /srv/raw/items.json"""

SEARCH = """\
dataset     raw/items.json
column      bronze.items.price
expression  silver.lines.amount
            cast((quantity * (unit_price - ((unit_price * discount) / 100))) as
            decimal(12,2))

Full names
  raw/items.json  /srv/raw/items.json"""

LONG_PATH = "/a/store/whose/path/is/longer/than/any/line/of/a/terminal/with/eighty/columns/for/sure/store"

CHECKS = f"""\
ok    jar  /opt/x.jar (0.1.0)
ok    store
      {LONG_PATH}
      holds 3 runs
warn  spool  a spool in
      {LONG_PATH},
      which is long, and words behind it that go on to the next line at a blank
      do what is to be done"""

LONG_PROBLEM = f"""\
warning INSERT into
{LONG_PATH}
began.

1 problem"""

PROBLEMS = """\
warning The operator Foo is not known, so each of its outputs is taken to come
from all of its inputs. At Foo#3. Please report the plan.

1 problem"""

Draw = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("draw", "answer", "expected"),
    [
        (table_text, answers.table_answer(), TABLE),
        (table_text, answers.nested_answer(), NESTED),
        (lineage_text, answers.upstream_answer(), UPSTREAM),
        (lineage_text, answers.downstream_answer(), DOWNSTREAM),
        (runs_text, answers.runs_answer(), RUNS),
        (tables_text, answers.tables_answer(), TABLES),
        (search_text, answers.search_answer(), SEARCH),
        (problems_text, {"schema_version": 1, "problems": [answers.problem()]}, PROBLEMS),
    ],
    ids=["table", "fields", "upstream", "downstream", "runs", "tables", "search", "problems"],
)
def test_at_80_columns(draw: Draw, answer: dict[str, Any], expected: str) -> None:
    assert plain_text(draw(answer)) == expected


def test_a_whole_table_has_a_tree_for_each_column_and_names_what_stands_above() -> None:
    answer = answers.upstream_answer()
    answer["start"] = answers.vertex("gold.revenue", None)
    average = answers.edge(
        ("silver.lines", "amount"), ("gold.revenue", "average"), "AGGREGATION", "avg(amount)"
    )
    answer["edges"].append(average)
    answer["nodes"].append(answers.node("gold.revenue", "average", 0, None))
    tree, _, rest = plain_text(lineage_text(answer)).partition("\n\nWhich rows")
    assert tree == (
        UPSTREAM.partition("\n\nWhich rows")[0]
        + "\n\ngold.revenue.average\navg(amount)\n└── silver.lines.amount  aggregation  (see above)"
    )
    assert rest == UPSTREAM.partition("\n\nWhich rows")[2]


def test_a_field_is_followed_as_such_through_copies_of_its_struct() -> None:
    """`boxes.info` was written field by field, `copy` is all of `boxes`: only what the field is made of is drawn."""
    answer = answers.upstream_answer()
    answer["start"] = answers.vertex("gold.report", "n")
    path = [
        ("gold.report", "n"),
        ("silver.copy", "info.n"),
        ("silver.copy", "info"),
        ("silver.boxes", "info.n"),
        ("silver.boxes", "info"),
    ]
    ends = [("raw.files", "count"), ("raw.files", "zip"), ("raw.other", "info")]
    answer["nodes"] = [answers.node(*vertex, 1, "IDENTITY") for vertex in (*path, *ends)]
    answer["edges"] = [
        answers.edge(("raw.files", "zip"), ("silver.boxes", "info"), "TRANSFORMATION", "struct(zip, count)"),
        answers.edge(
            ("raw.files", "count"), ("silver.boxes", "info"), "TRANSFORMATION", "struct(zip, count)"
        ),
        answers.edge(("raw.files", "count"), ("silver.boxes", "info.n"), "IDENTITY", "count"),
        {
            **answers.edge(("raw.other", "info"), ("silver.boxes", "info"), "IDENTITY", "info"),
            "plan": "another",
        },
        answers.edge(("silver.boxes", "info"), ("silver.copy", "info"), "IDENTITY", "info"),
        answers.edge(("silver.copy", "info.n"), ("gold.report", "n"), "IDENTITY", "info.n"),
    ]
    assert plain_text(lineage_text(answer)) == (
        "gold.report.n\n"
        "└── silver.copy.info.n  identity\n"
        "    └── silver.boxes.info.n  identity\n"
        "        ├── raw.files.count  identity\n"
        "        └── raw.other.info  identity"
    )
    answer["start"] = answers.vertex("silver.copy", "info")
    assert plain_text(lineage_text(answer)) == (
        "silver.copy.info\n"
        "└── silver.boxes.info  identity\n"
        "    struct(zip, count)\n"
        "    ├── raw.files.zip  transformation\n"
        "    ├── raw.files.count  transformation\n"
        "    └── raw.other.info  identity"
    )


def test_what_two_plans_say_alike_is_said_once() -> None:
    answer = answers.nested_answer()
    twice = answers.source("raw.boxes", "zip", "IDENTITY", "zip")
    answer["columns"] = [answers.column("zip", "string", twice, {**twice, "plan": "another"})]
    assert plain_text(table_text(answer)).splitlines()[4:8] == [
        "  zip  string",
        "    identity        raw.boxes.zip",
        "",
        "Which rows",
    ]


def test_a_chain_longer_than_the_stack_of_python_goes_on_in_new_trees() -> None:
    hops = 3_000
    answer = answers.upstream_answer()
    answer["start"] = answers.vertex("t0", "c")
    answer["nodes"] = [answers.node(f"t{hop}", "c", hop, "IDENTITY" if hop else None) for hop in range(hops)]
    answer["edges"] = [
        answers.edge((f"t{hop + 1}", "c"), (f"t{hop}", "c"), "IDENTITY", "c") for hop in range(hops - 1)
    ]
    lines = plain_text(lineage_text(answer)).splitlines()
    assert lines[9:14] == [
        " " * 32 + "└── t9.c  identity",
        " " * 36 + "└── t10.c  identity  (goes on below)",
        "",
        "t10.c",
        "└── t11.c  identity",
    ]
    assert lines[-1].strip() == "└── t2999.c  identity"


@pytest.mark.parametrize(
    ("draw", "answer", "expected"),
    [
        (
            lineage_text,
            {**answers.upstream_answer(), "nodes": [], "edges": []},
            "gold.revenue.total comes from nothing that is known here.",
        ),
        (
            lineage_text,
            {
                **answers.downstream_answer(),
                "nodes": [],
                "edges": [],
                "depth": None,
                "start": answers.vertex("t", "c"),
            },
            "Nothing that is known here depends on t.c.",
        ),
        (runs_text, {"runs": []}, "No run is known here."),
        (problems_text, {"problems": []}, "No problems: everything that ran was captured and understood."),
        (search_text, {"text": "x\x1b", "matches": []}, r"Nothing has x\x1b in its name."),
        (tables_text, {"tables": []}, "There are no tables in this store yet: run a job with lineage on."),
        (ingest_text, IngestReport(), "Nothing waits in the spool."),
    ],
)
def test_nothing_is_said_in_a_sentence(draw: Draw, answer: Any, expected: str) -> None:
    assert plain_text(draw(answer)) == expected


def test_an_ingest_says_what_came_in_and_what_was_kept_aside() -> None:
    report = IngestReport(
        segments=1, records=1200, executions=40, writes=17, usages=1, problems=2, bad_records=1, pending=3
    )
    assert plain_text(ingest_text(report)) == (
        "Ingested 1 segment with 1,200 records: 40 executions, 17 writes, 1 usage, 2\nproblems.\n"
        "3 executions wait for others to end.\n"
        "Kept aside, because they could not be read: 0 segments and 1 record."
    )


def test_the_doctor_gives_the_fix_below() -> None:
    checks = [
        Check("jar", Outcome.OK, "It is there"),
        Check("java", Outcome.FAIL, "There is none", "install a JDK 17"),
    ]
    assert (
        str(doctor_answer(checks))
        == "ok    jar  It is there\nfail  java  There is none\n      install a JDK 17"
    )


def test_names_are_no_markup_and_no_escape_sequence() -> None:
    answer = answers.table_answer()
    answer["columns"] = [answers.column(answers.HOSTILE, "int")]
    assert r"  <script>alert(1)</script>\x1b[31m[red]  int" in plain_text(table_text(answer)).splitlines()


def test_long_names_are_wrapped_and_never_cut() -> None:
    name = "n" * 200
    answer = answers.table_answer()
    answer["columns"] = [answers.column(name, "int", answers.source("silver.lines", name, "IDENTITY", name))]
    drawn = plain_text(table_text(answer))
    assert drawn.count("n" * 20) >= 2 * (len(name) // 64)
    assert "".join(drawn.split()).count(name) >= 1
    assert max(map(len, drawn.splitlines())) <= 80


def test_the_full_name_behind_a_short_one_stays_whole_to_be_copied() -> None:
    long = f"/srv/{'x' * 90}/in/buyers.csv"
    answer = answers.table_answer()
    for each in (*answer["columns"], answer):
        for one in each.get("sources", each.get("rows", ())):
            if one["name"] == "/srv/in/buyers.csv":
                one["name"] = long
    assert plain_text(table_text(answer)).splitlines()[-1] == f"  in/buyers.csv  {long}"


def test_nothing_is_sure_of_a_table_that_no_write_succeeded_on() -> None:
    answer = {
        **answers.table_answer(),
        "certainty": "exact",
        "plans": [],
        "columns": [],
        "rows": [],
        "problems": [],
    }
    answer["last_run"] = {**answer["last_run"], "state": "FAILED", "rows": None}
    assert plain_text(table_text(answer)).splitlines()[:3] == [
        "gold.revenue",
        "file /srv/lake/gold/revenue",
        "12 runs, the last failed 2026-11-20 03:04:05 UTC",
    ]


def test_a_path_stands_whole_on_a_line() -> None:
    checks = [
        Check("jar", Outcome.OK, "/opt/x.jar (0.1.0)"),
        Check("store", Outcome.OK, f"{LONG_PATH} holds 3 runs"),
        Check(
            "spool",
            Outcome.WARN,
            f"a spool in {LONG_PATH}, which is long, and words behind it that go on to the next line at a blank",
            "do what is to be done",
        ),
    ]
    assert str(doctor_answer(checks)) == CHECKS
    problem = {**answers.problem(), "message": f"INSERT into {LONG_PATH} began", "where": "", "hint": ""}
    assert plain_text(problems_text({"problems": [problem]})) == LONG_PROBLEM


def test_the_name_of_a_file_is_not_spelled_as_the_beginning_of_a_sentence() -> None:
    problem = {
        **answers.problem(),
        "message": "wrong",
        "where": "",
        "hint": "docs/settings.md lists the settings",
    }
    assert plain_text(problems_text({"problems": [problem]})) == (
        "warning Wrong. docs/settings.md lists the settings.\n\n1 problem"
    )


def test_nothing_is_said_of_how_sure_a_table_is_that_was_never_made() -> None:
    """As `table` does: its only write failed, and what it would be made of is nothing to be sure of."""
    table = answers.tables_answer()["tables"][1]
    table |= {"certainty": "opaque", "plans": [], "runs": 1, "last_run": {"state": "FAILED", "rows": None}}
    answer = {"tables": [table], "edges": [], "problems": []}
    assert plain_text(tables_text(answer)) == "bronze.items  2 columns, 1 run  failed"
    table["plans"] = ["p"]
    assert plain_text(tables_text(answer)) == (
        "bronze.items  2 columns, 1 run  failed  opaque: it may have sources that are not\nknown"
    )
