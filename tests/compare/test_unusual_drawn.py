"""`unusual` and `freshness` as people see them: text, HTML, exit codes."""

from __future__ import annotations

import json

import pytest

import spark_lineage
from spark_lineage.model import Batch, EdgeKind
from spark_lineage.show import cli
from tests.query.lineage_rows import dataset, plan, run, store_of

DAY = 86_400
MONDAY = 4 * DAY
HOSTILE = "<script>\x1b[31m"

UNUSUAL = """\
13 runs since 1970-01-10 00:00:00 UTC: 1 finding

warning  shop.orders: 100 rows written, usual is 856 to 1,168.
         unusual rows, nightly, 1970-01-25 00:00:00 UTC
"""

FRESHNESS = """\
late     shop.orders
         written 2 days ago, was due 1970-01-26 00:00:00 UTC
stale    shop.report
         written 21 days ago, too few loads to know what is usual
         newer: shop.orders → shop.report
"""


@pytest.fixture
def store(tmp_path):
    def of(alias="report"):
        rows = [1000] * 20 + [100]
        runs = [
            run(number, "p1", "orders", MONDAY + number * DAY, rows=count, run_id=f"app{number}:1")
            for number, count in enumerate(rows)
        ]
        runs.append(run(50, "p2", "report", MONDAY + 60, run_id="app50:1", rows=1))
        names = (
            dataset("orders", "spark_catalog.shop.orders"),
            dataset("report", f"spark_catalog.shop.{alias}"),
        )
        plans = (plan("p1", "orders", "a:int", "raw"), plan("p2", "report", "a:int", "orders"))
        store_of(tmp_path / "store", Batch(datasets=names, plans=plans, runs=tuple(runs)))
        return tmp_path / "store"

    return of


def run_cli(capfd, *words):
    exit_code = cli.main([str(word) for word in words])
    captured = capfd.readouterr()
    return exit_code, captured.out, captured.err


def test_unusual(capfd, store):
    assert run_cli(capfd, "unusual", "--since", "1970-01-13", "--store", store()) == (
        0,
        UNUSUAL.replace("01-10", "01-13"),
        "",
    )


def test_nothing_unusual(capfd, store):
    said = "Nothing to compare with: 1 run since 1970-01-05 00:00:00 UTC, with too few of\nthe same job before.\n"
    assert run_cli(capfd, "unusual", "report", "--since", "1970-01-05", "--store", store()) == (0, said, "")


def test_nothing_to_judge(capfd, tmp_path):
    store_of(tmp_path / "store", Batch())
    words = ("unusual", "--store", tmp_path / "store")
    assert run_cli(capfd, *words) == (0, "Nothing to judge: no write ended well.\n", "")


def test_what_is_new_is_not_called_usual(capfd, store):
    """Of the 20 first runs of the orders, six have fewer than six before them; so has the report's one."""
    code, out, _ = run_cli(capfd, "unusual", "--since", "1970-01-01", "--json", "--store", store())
    assert (code, json.loads(out)["runs"], json.loads(out)["runs_without_history"]) == (0, 22, 7)


def test_freshness(capfd, store):
    words = ("freshness", "--now", "1970-01-27", "--store", store())
    assert run_cli(capfd, *words) == (0, FRESHNESS, "")


def test_many_inputs_that_are_newer(capfd, tmp_path):
    """Seven sources were written after the report: five ways are drawn, and only their tables have full names below."""
    names = [f"s{number}" for number in range(7)]
    plans = (plan("r", "report", "a:int", " ".join(names)), *(plan(each, each, "a:int") for each in names))
    runs = (
        run(1, "r", "report", MONDAY),
        *(run(number, each, each, MONDAY + number) for number, each in enumerate(names, 2)),
    )
    store_of(tmp_path / "store", Batch(plans=plans, runs=runs))
    _, out, _ = run_cli(capfd, "freshness", "report", "--now", "1970-01-06", "--store", tmp_path / "store")
    lines = [line.strip() for line in out.splitlines()]
    assert [line for line in lines if line.startswith(("newer", "and"))] == [
        *(f"newer: w/s{number} → w/report" for number in range(5)), "and 2 more",
    ]  # fmt: skip
    assert [
        line.split()[0] for line in lines if line.endswith(tuple(f"/w/s{number}" for number in range(7)))
    ] == [f"w/s{number}" for number in range(5)]


def test_freshness_of_a_dropped_table(capfd, tmp_path):
    names = (dataset("orders", "spark_catalog.shop.orders"), dataset("raw"))
    end = plan("e", "orders", "", kind=EdgeKind.CONTROL, operation="DROP TABLE", overwrites=True)
    plans = (plan("p1", "orders", "a:int", "raw"), end)
    runs = (run(1, "p1", "orders", MONDAY), run(2, "e", "orders", MONDAY + 60, kind="control"))
    path = tmp_path / "store"
    store_of(path, Batch(datasets=names, plans=plans, runs=runs))
    words = ("freshness", "orders", "--now", "1970-01-27", "--store", path)
    assert run_cli(capfd, *words) == (0, "dropped  shop.orders, 1970-01-05 00:01:00 UTC\n", "")
    drawn = spark_lineage.open(path).freshness("orders", now="1970-01-27")._repr_html_()
    assert "dropped" in drawn
    assert "shop.orders, 1970-01-05 00:01:00 UTC" in drawn


def test_json_is_what_the_api_gives(capfd, store):
    path = store()
    lineage = spark_lineage.open(path)
    for words, answer in (
        (("unusual", "orders", "--since", "1970-01-05"), lineage.unusual("orders", since="1970-01-05")),
        (("freshness", "orders", "--now", "1970-02-01"), lineage.freshness("orders", now="1970-02-01")),
    ):
        exit_code, out, err = run_cli(capfd, *words, "--json", "--store", path)
        assert (exit_code, json.loads(out), err) == (0, answer.to_dict(), "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("unusual", "odrers"), 'There is no table "odrers" in the store: did you mean'),
        (("freshness", "odrers"), 'There is no table "odrers" in the store: did you mean'),
        (("unusual", "--since", "soon"), "--since is 'soon': allowed is a time such as 2026-11-20"),
        (("freshness", "--now", "soon"), "--now is 'soon': allowed is a time such as 2026-11-20"),
    ],
)
def test_wrong_use_is_one_sentence(capfd, store, words, sentence):
    exit_code, out, err = run_cli(capfd, *words, "--store", store())
    assert (exit_code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {sentence}")


def test_html_escapes_everything(store):
    lineage = spark_lineage.open(store(HOSTILE))
    for answer in (lineage.unusual(since="1970-01-05"), lineage.freshness(now="1970-01-27")):
        drawn = answer._repr_html_()
        assert "<script>" not in drawn
        assert "\x1b" not in drawn + str(answer)
        assert max(map(len, str(answer).splitlines())) <= 80
    assert "&lt;script&gt;" in drawn
