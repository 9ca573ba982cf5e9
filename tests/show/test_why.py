"""Causes on a terminal of 80 columns and in a notebook, of an answer written by hand after docs/json.md."""

from __future__ import annotations

from typing import Any

from hand_written import dataset, vertex
from test_html import read, spoil

from spark_lineage.show.answer import plain_text
from spark_lineage.show.html.why import why_html
from spark_lineage.show.text.why import why_text


def cause(kind: str, severity: str, message: str, score: float, *path: str, **others: Any) -> dict[str, Any]:
    first = dataset(path[0])
    return {
        "kind": kind, "severity": severity, "message": message, "dataset": {"namespace": "file", "name": first["name"]},
        "field": None, "job": "clean", "run": "5f0c:3", "at": "2026-11-20T02:10:00.000Z", "evidence": {}, "strength": 1.0,
        "score": score, "hops": len(path) - 1, "bond": "DIRECT", "path": list(map(dataset, path)), **others,
    }  # fmt: skip


def link(table: str, waited: int | None, *stages: int) -> dict[str, Any]:
    told = [
        {"id": each, "attempt": 0, "started_at": None, "ended_at": None, "took_ms": 1000 * each}
        for each in stages
    ]
    return {
        "run": "r", "job": "j", "state": "COMPLETE", "dataset": dataset(table), "started_at": "2026-11-20T02:00:00.000Z",
        "ended_at": "2026-11-20T02:10:00.000Z", "took_ms": 600_000, "waited_ms": waited, "stages": told,
    }  # fmt: skip


def run(day: int) -> dict[str, Any]:
    return {
        "id": f"8c0e:{day}", "state": "COMPLETE", "started_at": f"2026-11-{day}T03:00:00.000Z", "ended_at": f"2026-11-{day}T03:10:00.000Z",
    }  # fmt: skip


ANSWER = {
    "schema_version": 1,
    "start": vertex("gold.revenue", "total"),
    "run": run(20),
    "previous_run": run(19),
    "tables": 4,
    "runs": 6,
    "causes": [
        cause(
            "expression_changed", "warning", "The expression of silver.lines.net is another.", 0.547, "silver.lines", "gold.revenue",
            evidence={"plan_before": "4b", "expression_before": "(a * ?)", "expression_after": "(b * ?)"},
        ),
        cause(
            "run_late", "warning", "raw/items.json was written too late.", 0.2, "raw/items.json", "silver.lines", "gold.revenue",
            bond="INDIRECT", evidence={"usual": "3 of 3", "reader_began_at": "2026-11-20T02:00:00.000Z"}, run=None, at=None,
        ),
        cause("run_failed", "error", "The run failed.", 0.1, "gold.revenue"),
    ],
    "critical_path": [link("silver.lines", None), link("gold.revenue", 3_000_000, 1, 3)],
    "problems": [],
}  # fmt: skip

TEXT = """\
gold.revenue.total
made by the run 8c0e:20 of 2026-11-20 03:00:00 UTC (complete); the one before
was of 2026-11-19 03:00:00 UTC
3 causes in 4 tables and 6 runs that could reach it

0.55  The expression of silver.lines.net is another.
      before: (a * ?)
      after: (b * ?)
      expression changed, run 5f0c:3, 2026-11-20 02:10:00 UTC
      silver.lines > gold.revenue

0.20  raw/items.json was written too late.
      run late
      raw/items.json > silver.lines > gold.revenue (decides its rows)
      usual 3 of 3, reader began at 2026-11-20 02:00:00 UTC

0.10  The run failed.
      run failed, run 5f0c:3, 2026-11-20 02:10:00 UTC

What it waited for
  silver.lines
    took 10 min, ready 2026-11-20 02:10:00 UTC
  gold.revenue
    waited 50 min, took 10 min, ready 2026-11-20 02:10:00 UTC, stages 1, 3, the
    longest 3 with 3.0 s

Full names
  raw/items.json  /srv/raw/items.json"""


def nothing(**others: Any) -> dict[str, Any]:
    return {**ANSWER, "causes": [], "critical_path": [link("gold.revenue", None)], **others}


def test_causes_as_text():
    assert plain_text(why_text(ANSWER)) == TEXT


def test_many_stages_are_counted():
    text = plain_text(
        why_text(
            {**ANSWER, "critical_path": [link("silver.lines", None), link("gold.revenue", 0, *range(1, 9))]}
        )
    )
    assert "8 stages one after the other, the longest 8 with 8.0 s" in " ".join(text.split())


def test_no_cause_and_no_run():
    assert plain_text(why_text(nothing(previous_run=None))) == (
        "gold.revenue.total\n"
        "made by the run 8c0e:20 of 2026-11-20 03:00:00 UTC (complete); none before it is\n"
        "known\n"
        "nothing that would explain it in 4 tables and 6 runs that could reach it"
    )
    assert plain_text(why_text(nothing(run=None, critical_path=[]))) == (
        "gold.revenue.total\nNo run that is known here wrote it."
    )


def test_a_run_that_has_not_ended():
    """Nothing is made of it yet, and nobody can say how long it took."""
    running = {**ANSWER["run"], "state": "RUNNING", "ended_at": None}
    assert plain_text(why_text(nothing(run=running))).splitlines()[1:4] == [
        "being made by the run 8c0e:20 of 2026-11-20 03:00:00 UTC (running); the one",
        "before was of 2026-11-19 03:00:00 UTC",
        "It has not ended: what is told is what came before it began.",
    ]
    failed = plain_text(why_text(nothing(run={**ANSWER["run"], "state": "FAILED"})))
    assert failed.splitlines()[1].startswith("not made by the run 8c0e:20 of")


def test_times_that_the_clock_spoiled_are_left_out():
    late = link("gold.revenue", -5, 1, 3)
    late["stages"] = [{**stage, "took_ms": None} for stage in late["stages"]]
    text = plain_text(
        why_text(nothing(critical_path=[link("silver.lines", None), {**late, "took_ms": None}]))
    )
    assert text.endswith("  gold.revenue\n    ready 2026-11-20 02:10:00 UTC, stages 1, 3")


def test_causes_in_a_notebook():
    assert [row for row in read(why_html(ANSWER)).rows if len(row) == 2][1:3] == [
        [
            "0.55",
            (
                "The expression of silver.lines.net is another.|before: (a * ?)|after: (b * ?)"
                "|expression changed, run 5f0c:3, 2026-11-20 02:10:00 UTC|silver.lines > gold.revenue"
            ),
        ],
        [
            "0.20",
            (
                "raw/items.json was written too late.|run late|raw/items.json > silver.lines > gold.revenue (decides its rows)"
                "|usual 3 of 3, reader began at 2026-11-20 02:00:00 UTC"
            ),
        ],
    ]


def test_hostile_texts_are_shown_and_never_markup():
    hostile = spoil(ANSWER)
    for item in (hostile["run"], hostile["previous_run"], *hostile["causes"], *hostile["critical_path"]):
        for key in ("started_at", "ended_at", "at"):
            if item.get(key):
                item[key] = "2026-11-20T03:04:05.000Z"
    page, text = why_html(hostile), plain_text(why_text(hostile))
    assert "<script" not in page
    assert r"<script>alert(1)</script>\x1b[31m[red]" in "".join(read(page).text)
    assert "\x1b" not in page + text
