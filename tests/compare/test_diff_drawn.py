"""`diff` and `drift` as people see them: text, HTML, exit codes."""

from __future__ import annotations

import json

import pytest

import spark_lineage
from spark_lineage.model import Batch, RunState
from spark_lineage.show import cli
from tests.query.lineage_rows import dataset, edge, plan, run, store_of

HOSTILE = "<script>\x1b[31m"

DIFF = """\
nightly  another lineage

  shop.report  another lineage
  1970-01-01 00:00:10 UTC, Spark 3.5.9 → 1970-01-01 00:00:20 UTC, Spark 4.1.3
  Constants: not known of both runs.

warning  shop.orders.net is a new source of shop.report.total (aggregation).
         before: sum(amount)
         after: sum(net)
         source added, nightly, 1970-01-01 00:00:20 UTC
warning  shop.orders.amount is no source of shop.report.total any more (before:
         aggregation).
         source removed, nightly, 1970-01-01 00:00:20 UTC
"""


@pytest.fixture
def store(tmp_path):
    def of(column: str):
        plans = [plan(name, "report", f"{column}:double", "orders", overwrites=True) for name in ("p1", "p2")]
        edges = (
            edge("p1", "orders.amount", f"report.{column}", "AGGREGATION", "sum(amount)"),
            edge("p2", "orders.net", f"report.{column}", "AGGREGATION", "sum(net)"),
        )
        runs = (
            run(1, "p1", "report", 10, run_id="a:1", spark_version="3.5.9"),
            run(1, "p2", "report", 20, run_id="b:1"),
            run(2, "p1", "report", 30, run_id="b:2", state=RunState.FAILED),
        )
        names = (
            dataset("orders", "spark_catalog.shop.orders"),
            dataset("report", "spark_catalog.shop.report"),
        )
        store_of(tmp_path / "store", Batch(datasets=names, plans=tuple(plans), edges=edges, runs=runs))
        return tmp_path / "store"

    return of


def run_cli(capfd, *words):
    exit_code = cli.main([str(word) for word in words])
    captured = capfd.readouterr()
    return exit_code, captured.out, captured.err


def test_a_diff_as_text(store, capfd):
    assert run_cli(capfd, "diff", "nightly", "--store", store("total"), "--no-ingest") == (0, DIFF, "")


def test_a_drift_as_text_and_json(store, capfd):
    path = store("total")
    code, out, _ = run_cli(capfd, "drift", "--since", "1970-01-01", "--store", path, "--no-ingest")
    assert code == 0
    assert out.splitlines()[0] == "1 write ran since 1970-01-01 00:00:00 UTC: 2 findings"
    code, out, _ = run_cli(capfd, "drift", "--since", "1970-01-02", "--store", path, "--no-ingest")
    assert out == "Nothing was written since 1970-01-02 00:00:00 UTC: there is nothing to compare.\n"
    code, out, _ = run_cli(capfd, "drift", "--since", "1970-01-01", "--store", path, "--no-ingest", "--json")
    answer = json.loads(out)
    assert [finding["kind"] for finding in answer["findings"]] == ["source_added", "source_removed"]
    assert answer["datasets"] == [
        {"namespace": "file", "name": "/w/report", "aliases": ["spark_catalog.shop.report"]}
    ]


def test_wrong_use_is_one_sentence(store, capfd):
    path = store("total")
    for words, message in (
        (["diff", "nightly", "--from", "soon"], 'error: --from: there is no complete run "soon" of this: '),
        (["drift", "--since", "soon"], "error: --since is 'soon': allowed is a time such as 2026-11-20 or "),
        (
            ["diff", "shop.orders"],
            'error: No job has written the table "shop.orders" to the end: there is nothing to ',
        ),
    ):
        code, out, err = run_cli(capfd, *words, "--store", path, "--no-ingest")
        assert (code, out, err.count("\n"), err[: len(message)]) == (2, "", 1, message)


def test_html_escapes_what_it_shows(store):
    lineage = spark_lineage.open(store(HOSTILE), ingest=False)
    for answer in (lineage.diff("report"), lineage.drift("1970-01-01")):
        drawn = answer._repr_html_()
        assert "<script>" not in drawn
        assert "shop.report.&lt;script&gt;\\x1b[31m" in drawn
        assert "\x1b" not in str(answer)
