"""Impacts and outages on a terminal of 80 columns and in a notebook, of answers written by hand after docs/json.md."""

from __future__ import annotations

from typing import Any

from hand_written import dataset, vertex
from test_html import read, spoil

from spark_lineage.show.answer import plain_text
from spark_lineage.show.html.impact import impact_html, outage_html
from spark_lineage.show.text.impact import impact_text, outage_text


def reached(
    table: str, hops: int, type_: str, *columns: tuple[str, str | None], **others: Any
) -> dict[str, Any]:
    told = [{"name": name, "type": type_, "subtype": subtype} for name, subtype in columns]
    counts = dict.fromkeys(("tables_on_it", "columns_on_it", "results_on_it", "runs", "usages"), 0)
    facts = {
        "hops": hops,
        "type": type_,
        "certainty": "exact",
        "columns": told,
        "rows": False,
        "ended_by": None,
    }
    return {**dataset(table), **facts, **counts, **others}


IMPACT = {
    "schema_version": 1,
    "start": vertex("silver.lines", "amount"),
    "since": "2026-10-21T03:00:00.000Z",
    "until": "2026-11-20T03:00:00.000Z",
    "tables": [
        reached(
            "gold.revenue", 1, "DIRECT", ("total", "AGGREGATION"), ("tier", "TRANSFORMATION"),
            tables_on_it=2, results_on_it=1, runs=30, usages=4,
        ),
        reached("gold.best", 2, "INDIRECT", ("n", None), rows=True),
        reached("gold.scores", 2, "DIRECT", ("score", "TRANSFORMATION"), certainty="opaque", ended_by="DROP TABLE"),
    ],
    "results": [{"namespace": "driver", "name": "collect", "aliases": []}],
}  # fmt: skip

IMPACT_TEXT = """\
silver.lines.amount reaches 3 tables and 4 columns; 1 result went to a program

gold.revenue  1 hop
  total (aggregation), tier (transformation)
  2 tables and 1 result made of it, read by 30 runs and 4 usages lately

gold.best  2 hops  indirect
  n (its rows), which rows there are

gold.scores  2 hops  opaque: how is not known  gone by DROP TABLE
  score (transformation)

Lately is from 2026-10-21 03:00:00 UTC to the newest run."""


def loss(table: str, outcome: str, **others: Any) -> dict[str, Any]:
    lists = dict.fromkeys(("lost_columns", "incomplete_columns", "lost_sources", "left_sources"), ())
    return {**dataset(table), "hops": 1, "outcome": outcome, **lists, **others}


OUTAGE = {
    "schema_version": 1,
    "without": vertex("silver.lines", None),
    "asked": None,
    "tables": [
        loss("gold.revenue", "lost", lost_sources=[dataset("silver.lines")]),
        loss(
            "gold.best", "some_columns", lost_columns=["a", "b"], incomplete_columns=["c"], lost_sources=[dataset("silver.lines")],
            left_sources=[dataset("raw/items.json")],
        ),
        {**loss("gold.best", "lost"), "namespace": "driver", "name": "collect", "aliases": []},
    ],
}  # fmt: skip

OUTAGE_TEXT = """\
Without silver.lines 2 tables and 1 result of programs lose something.

gold.revenue  loses all  1 hop
  through silver.lines

gold.best  loses columns  1 hop
  no a, b
  a part is missing of c
  through silver.lines
  still gets data from raw/items.json

collect  loses all  1 hop

Full names
  raw/items.json  /srv/raw/items.json"""


def test_an_impact_as_text():
    assert plain_text(impact_text(IMPACT)) == IMPACT_TEXT
    nothing = plain_text(impact_text({**IMPACT, "tables": [], "results": []}))
    assert nothing == "silver.lines.amount has nothing that depends on it, as far as is known"
    alone = plain_text(impact_text({**IMPACT, "tables": [], "results": [dataset("a"), dataset("b")]}))
    assert alone == "silver.lines.amount reaches no table; 2 results went to programs"


def test_an_outage_as_text():
    assert plain_text(outage_text(OUTAGE)) == OUTAGE_TEXT
    alone = plain_text(outage_text({**OUTAGE, "tables": OUTAGE["tables"][2:]}))
    assert alone.splitlines()[0] == "Without silver.lines 1 result of programs loses something."
    asked = {**OUTAGE, "asked": vertex("gold.best", None)}
    assert plain_text(outage_text({**asked, "tables": []})) == (
        "Without silver.lines, of gold.best and what is made of it, nothing is lost."
    )
    assert plain_text(outage_text({**asked, "tables": asked["tables"][:1]})).startswith(
        "Without silver.lines, of gold.best and what is made of it, 1 table loses\nsomething."
    )


def test_both_in_a_notebook():
    assert [row for row in read(impact_html(IMPACT)).rows if len(row) == 3][1:] == [
        [
            "gold.revenue 1 hop",
            "direct",
            (
                "total (aggregation), tier (transformation)"
                "|2 tables and 1 result made of it, read by 30 runs and 4 usages lately"
            ),
        ],
        ["gold.best 2 hops", "indirect", "n (its rows), which rows there are"],
        ["gold.scores 2 hops", "opaque: how is not known, gone by DROP TABLE", "score (transformation)"],
    ]
    assert [row for row in read(outage_html(OUTAGE)).rows if len(row) == 3][1:] == [
        ["gold.revenue 1 hop", "loses all", "through silver.lines"],
        [
            "gold.best 1 hop",
            "loses columns",
            "no a, b|a part is missing of c|through silver.lines|still gets data from raw/items.json",
        ],
        ["collect 1 hop", "loses all", ""],
    ]


def test_hostile_names_are_shown_and_never_markup():
    kept = {"since": IMPACT["since"], "until": IMPACT["until"]}
    hostile = spoil(IMPACT) | kept
    for table, own in zip(hostile["tables"], IMPACT["tables"], strict=True):
        table["type"] = own["type"]
    lost = spoil({**OUTAGE, "tables": [{**each, "outcome": ""} for each in OUTAGE["tables"]]})
    for table, own in zip(lost["tables"], OUTAGE["tables"], strict=True):
        table["outcome"] = own["outcome"]
    for page, text in ((impact_html(hostile), impact_text(hostile)), (outage_html(lost), outage_text(lost))):
        assert "<script" not in page
        assert r"<script>alert(1)</script>\x1b[31m[red]" in "".join(read(page).text)
        assert "\x1b" not in page + plain_text(text)
