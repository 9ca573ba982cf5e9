"""Lineage against its declaration: the whole findings, from rows written by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from compare.shop import SHOP
from query.lineage_rows import dataset, edge, plan, run, store_of
from support.paths import REPOSITORY

import spark_lineage
from spark_lineage.compare.declared.file import read_declaration
from spark_lineage.errors import DeclarationError
from spark_lineage.model import Batch, Certainty, DatasetId, Problem, RunState, Severity
from spark_lineage.show import cli

pytest.importorskip("yaml", reason="declarations need pyyaml")

EXAMPLE = re.search(
    r"```yaml\n(.*?)```", (REPOSITORY / "docs" / "declared.md").read_text("utf-8"), re.DOTALL
)[1]


@pytest.fixture
def check(tmp_path):
    """Checks a declaration (without its version) against the shop and other batches; the answer's JSON."""

    def checked(text: str, *others: Batch, **words: Any) -> dict[str, Any]:
        store_of(tmp_path / "store", SHOP, *others)
        file = tmp_path / "lineage.yaml"
        file.write_text(f"version: 1\n{text}", encoding="utf-8")
        return spark_lineage.open(tmp_path / "store", ingest=False).check(file, **words).to_dict()

    return checked


def told(answer: dict[str, Any]) -> list[tuple[str, str, str, int]]:
    return [(each["severity"], each["kind"], each["message"], each["line"]) for each in answer["findings"]]


def test_the_example_of_the_documentation_holds(tmp_path):
    store_of(tmp_path / "store", SHOP)
    file = tmp_path / "lineage.yaml"
    file.write_text(EXAMPLE, encoding="utf-8")
    answer = spark_lineage.open(tmp_path / "store", ingest=False).check(file).to_dict()
    assert answer == {
        "schema_version": 1,
        "file": str(file),
        "baseline": None,
        "strict": False,
        "outcome": "passed",
        "counts": {"met": 13, "unsure": 0, "failed": 0},
        "expectations": [
            {"what": what, "line": line, "outcome": "met"}
            for what, line in [
                ("table shop.orders", 5),
                ("sources of shop.orders", 5),
                ("column shop.orders.amount", 8),
                ("table shop.report", 10),
                ("required sources of shop.report", 10),
                ("rows of shop.report", 10),
                ("jobs that write shop.report", 10),
                ("column shop.report.total", 18),
                ("column shop.report.land", 23),
                ("columns of shop.report", 10),
                ("no flow from *.country to shop.report, driver:* (unless masked)", 32),
                ("owners of shop.*", 29),
                ("every table that is written is declared", 2),
            ]
        ],
        "findings": [],
    }


def test_sources_of_columns(check):
    answer = check("""tables:
  shop.report:
    columns:
      total:
        - {from: shop.orders.amount, kind: IDENTITY}
        - shop.orders.tax
      land: []
      day: {}
""")
    assert told(answer) == [
        ("error", "column_missing", "shop.report has no column day.", 9),
        (
            "error",
            "source_unexpected",
            "shop.report.land comes from shop.customers.country (TRANSFORMATION, masked), which is not declared.",
            8,
        ),
        (
            "error",
            "kind_changed",
            "shop.report.total comes from shop.orders.amount as AGGREGATION; declared is IDENTITY.",
            6,
        ),
        (
            "error",
            "source_missing",
            "shop.report.total is to come from shop.orders.tax, and it does not.",
            7,
        ),
    ]
    assert answer["findings"][2]["evidence"] == {
        "expected": "IDENTITY",
        "found": "AGGREGATION",
        "expression": "sum(amount)",
    }
    assert answer["counts"] == {"met": 1, "unsure": 0, "failed": 3}


def test_tables_rows_jobs_types_and_owners(check):
    answer = check("""complete: true
owner_required: ["*"]
owners: {"*/raw": ingest, shop.orders: sales}
tables:
  shop.report:
    sources: [shop.orders, shop.stock]
    required_sources: [shop.customers, "*/prices"]
    rows: [{from: shop.customers.name, kind: JOIN}]
    jobs: [hourly]
    complete: true
    columns:
      TOTAL: {type: "decimal(10, 2)"}
  shop.gone: {}
""")
    assert told(answer) == [
        ("error", "table_missing", "There is no table shop.gone in the store.", 14),
        ("error", "table_unexpected", "The table shop.orders is written and not declared.", 2),
        ("error", "job_unexpected", "The job nightly wrote shop.report; declared is hourly.", 6),
        ("error", "owner_missing", "The table shop.report has no owner.", 3),
        ("error", "required_source_missing", "shop.report is to come from */prices, and it does not.", 8),
        (
            "error",
            "source_missing",
            "The set of rows of shop.report is to come from shop.customers.name (JOIN), and it does not.",
            9,
        ),
        ("error", "source_missing", "shop.report is to be made of shop.stock, and it is not.", 7),
        (
            "error",
            "source_unexpected",
            "The set of rows of shop.report comes from shop.customers.country (FILTER), which is not declared.",
            6,
        ),
        ("error", "source_unexpected", "shop.report is made of shop.customers, which is not declared.", 6),
        ("error", "column_unexpected", "shop.report has a column land, which is not declared.", 6),
        ("error", "type_changed", "shop.report.total is double, and is to be decimal(10, 2).", 13),
    ]
    assert {each["job"] for each in answer["findings"]} == {None, "nightly"}
    owners = [each["evidence"].get("owner") for each in answer["findings"]]
    assert owners == [None, "sales", *[None] * 9]


def test_a_forbidden_flow_has_its_path_as_evidence(check):
    answer = check("""forbidden:
  - {from: "*.price", to: shop.report, reason: Prices are secret.}
""")
    (finding,) = answer["findings"]
    assert finding == {
        "kind": "forbidden_flow",
        "severity": "error",
        "message": "file:/w/raw.price reaches shop.report.total, which is forbidden (Prices are secret).",
        "dataset": {"namespace": "file", "name": "/w/report"},
        "field": "total",
        "job": None,
        "run": None,
        "at": None,
        "evidence": {
            "from": "file:/w/raw.price",
            "to": "shop.report.total",
            "hop 1": "file:/w/raw.price -> shop.orders.amount (transformation: CAST(price AS DOUBLE))",
            "hop 2": "shop.orders.amount -> shop.report.total (aggregation: sum(amount))",
        },
        "strength": 1.0,
        "line": 3,
        "expectation": "no flow from *.price to shop.report",
    }


@pytest.mark.parametrize(
    ("rule", "targets"),
    [
        ("", ["shop.report.land"]),
        (", masked: allowed", []),
        (", kinds: all", ["shop.report.land", "shop.report.total", "driver:count"]),
        (", kinds: all, masked: allowed", ["shop.report.land", "shop.report.total", "driver:count"]),
    ],
)
def test_what_is_a_flow(check, rule, targets):
    answer = check(f"forbidden:\n  - {{from: '*.COUNTRY', to: '*'{rule}}}\n")
    assert sorted(each["evidence"]["to"] for each in answer["findings"]) == sorted(targets)


def test_a_masked_path_does_not_hide_one_that_is_not(check):
    """land has two ways from country: the masked one is the stronger bond, and alone in an answer's node."""
    both = Batch(
        plans=(plan("m1", "lands", "land:string", "customers", overwrites=True),),
        edges=(
            edge("m1", "customers.country", "lands.land", "TRANSFORMATION", "sha2(country, ?)", masking=True),
            edge("m1", "customers.country", "lands.land", "AGGREGATION", "max(country)"),
        ),
        runs=(run(41, "m1", "lands", 40),),
    )
    answer = check("forbidden:\n  - {from: '*.country', to: '*/lands', masked: allowed}\n", both)
    assert [each["evidence"]["hop 1"] for each in answer["findings"]] == [
        "shop.customers.country -> file:/w/lands.land (aggregation: max(country))"
    ]


def test_a_field_within_a_column_is_forbidden_by_its_name(check):
    people = Batch(
        plans=(
            plan("q1", "people", "info:struct<name:string,ssn:string>", "raw", overwrites=True),
            plan("q2", "copy", "info:struct<name:string,ssn:string>", "people", overwrites=True),
        ),
        edges=(edge("q2", "people.info", "copy.info", "IDENTITY", "info"),),
        runs=(run(11, "q1", "people", 40), run(12, "q2", "copy", 50)),
    )
    answer = check("forbidden:\n  - {from: '*people*.ssn', to: '*/copy'}\n", people)
    assert [each["evidence"]["to"] for each in answer["findings"]] == ["file:/w/copy.info.ssn"]


UNSURE = Batch(
    plans=(plan("u1", "feed", "a:string? b:string! c:string", "raw customers", overwrites=True),),
    edges=(
        edge("u1", "raw.price", "feed.a", "TRANSFORMATION", "f(price)", certainty=Certainty.OVER_APPROXIMATE),
        edge("u1", "raw.price", "feed.c", "IDENTITY", "price"),
    ),
    runs=(run(21, "u1", "feed", 40),),
)

UNSURE_RULES = """forbidden:
  - {from: "*/raw.price", to: "*.a"}
  - {from: "*.name", to: "*/feed"}
tables:
  feed:
    columns:
      a: ["*/raw.price"]
      b: ["*/raw.price"]
      c: ["*/raw.price"]
"""


def test_what_cannot_be_shown_is_a_warning_and_an_error_if_strict(check):
    answer = check(UNSURE_RULES, UNSURE)
    assert told(answer) == [
        (
            "warning",
            "cannot_be_shown",
            "It cannot be shown that nothing of *.name reaches file:/w/feed: what file:/w/feed.b is made of is not known.",
            4,
        ),
        (
            "warning",
            "cannot_be_shown",
            "It cannot be shown that file:/w/feed.a has these sources: they are a superset.",
            8,
        ),
        ("warning", "cannot_be_shown", "file:/w/raw.price may reach file:/w/feed.a, which is forbidden.", 3),
        (
            "warning",
            "cannot_be_shown",
            "file:/w/feed.b is to come from */raw.price, and it cannot be shown that it does.",
            9,
        ),
    ]
    assert (answer["outcome"], answer["counts"]) == ("passed", {"met": 2, "unsure": 4, "failed": 0})
    strict = check(UNSURE_RULES, strict=True)
    assert {each["severity"] for each in strict["findings"]} == {"error"}
    assert (strict["outcome"], strict["counts"]) == ("failed", {"met": 2, "unsure": 0, "failed": 4})


@pytest.mark.parametrize("code", ["gap", "plan_truncated"])
def test_a_rule_about_nothing_and_a_store_with_losses_are_not_silent(check, code):
    lost = Batch(problems=(Problem(code, Severity.WARNING, "Something was lost."),))
    answer = check("forbidden: [{from: '*.snn', to: shop.report}]\n", lost, strict=True)
    assert told(answer) == [
        (
            "warning",
            "capture_incomplete",
            "1 problem says that something that ran is not in the store: what it moved is not known (see `spark-lineage problems`).",
            2,
        ),
        (
            "warning",
            "nothing_matches",
            "Nothing in the store is called *.snn: the rule says nothing there.",
            2,
        ),
    ]


def test_of_a_plan_that_was_cut_the_table_says_itself_that_it_may_miss_something(check):
    named = DatasetId("file", "/w/elsewhere")
    lost = Batch(
        problems=(Problem("plan_truncated", Severity.WARNING, "Cut.", fingerprint="p", dataset=named),)
    )
    assert told(check("forbidden: [{from: '*.name', to: '*/raw'}]\n", lost)) == []
    unnamed = replace(lost.problems[0], dataset=DatasetId("unknown", "stream"))
    answer = check("forbidden: [{from: '*.name', to: '*/raw'}]\n", Batch(problems=(unnamed,)))
    assert [each[1] for each in told(answer)] == ["capture_incomplete"]


def test_dependencies(check):
    answer = check("""tables:
  shop.report:
    columns:
      total: {depends_on: ["*/raw.price", "*.name"]}
      land: {depends_only_on: [shop.customers.country]}
""")
    assert told(answer) == [
        ("error", "dependency_missing", "shop.report.total is to depend on *.name, and it does not.", 5)
    ]
    answer = check("""tables:
  shop.report:
    columns:
      total: {depends_only_on: [shop.orders.amount]}
      land: {depends_only_on: [shop.orders.amount], kinds: all}
""")
    assert told(answer) == [
        (
            "error",
            "dependency_unexpected",
            "shop.report.land depends on shop.customers.country, and is to depend on shop.orders.amount only.",
            6,
        ),
        (
            "error",
            "dependency_missing",
            "shop.report.land is to depend on shop.orders.amount, and it does not.",
            6,
        ),
    ]


def test_a_rule_that_meets_nothing_says_so(check):
    """A mistyped owner, an owner for what nobody writes (raw is only read), and expectations of a table that nobody wrote: they show nothing."""
    answer = check("""owners: {"shpo.*": sales, "*/raw": ingest}
owner_required: ["shpo.*", "*/raw", shop.orders]
tables:
  "file:/w/raw":
    owner: ingest
    sources: []
    jobs: [nightly]
  shop.orders: {owner: sales}
  shop.customers: {columns: {name: {type: string}}}
""")
    assert told(answer) == [
        ("warning", "nothing_matches", "No table that is written is called */raw: the rule says nothing there.", 3),
        ("warning", "nothing_matches", "No table that is written is called shpo.*: the rule says nothing there.", 3),
        ("warning", "nothing_matches", "Nothing in the store is called shpo.*: sales owns nothing by it.", 2),
        (
            "warning", "cannot_be_shown",
            "It cannot be shown what file:/w/raw is made of: no complete run that is known wrote it.", 5,
        ),
    ]  # fmt: skip
    assert answer["outcome"] == "passed"


LOOP = Batch(
    plans=(
        plan("l1", "left", "x:int", "right orders"),
        plan("l2", "right", "y:int", "left"),
        plan("l3", "sum", "s:int", "right orders"),
        plan("l4", "own", "n:int", "own"),
        plan("l5", "ping", "p:int", "pong"),
        plan("l6", "pong", "q:int", "ping"),
        plan("l7", "both", "b:int", "pong orders"),
    ),
    edges=(
        edge("l1", "right.y", "left.x", "IDENTITY", "y"),
        edge("l1", "orders.amount", "left.x", "TRANSFORMATION", "(y + amount)"),
        edge("l2", "left.x", "right.y", "IDENTITY", "x"),
        edge("l4", "own.n", "own.n", "TRANSFORMATION", "(n + ?)"),
        edge("l5", "pong.q", "ping.p", "IDENTITY", "q"),
        edge("l6", "ping.p", "pong.q", "IDENTITY", "p"),
        edge("l7", "pong.q", "both.b", "TRANSFORMATION", "(q + amount)"),
        edge("l7", "orders.amount", "both.b", "TRANSFORMATION", "(q + amount)"),
    ),
    runs=tuple(
        run(number, f"l{number - 60}", target, number)
        for number, target in enumerate(("left", "right", "sum", "own", "ping", "pong", "both"), 61)
    ),
)


@pytest.mark.parametrize(
    ("table", "expected", "messages"),
    [
        # left.x is made of right.y, which is made of left.x: it comes from itself, too, and all of it from the orders
        ("left", "columns: {x: {depends_on: [left.x, right.y]}}", []),
        ("left", "columns: {x: {depends_only_on: [shop.orders.amount]}}", []),
        ("left", "required_sources: [left]", []),
        # A table that reads itself is no source of itself; a column that counts up comes from itself.
        ("own", "required_sources: [own]", ["file:/w/own is to come from own, and it does not."]),
        ("own", "columns: {n: {depends_on: [own.n]}}", []),
        # Half of both.b comes from two tables that are made of each other alone, and never from the orders.
        (
            "both",
            "columns: {b: {depends_only_on: [shop.orders.amount]}}",
            [
                "file:/w/both.b depends on file:/w/ping.p, and is to depend on shop.orders.amount only.",
                "file:/w/both.b depends on file:/w/pong.q, and is to depend on shop.orders.amount only.",
            ],
        ),
        ("both", "columns: {b: {depends_only_on: [shop.orders.amount, ping.p]}}", []),
    ],
)
def test_dependencies_over_a_loop(check, table, expected, messages):
    answer = check(f"tables: {{{table}: {{{expected}}}}}\n", LOOP)
    assert [each["message"] for each in answer["findings"]] == messages


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("version: 1\nforbidden:\n- from: []\n  to: a", 3, "this has `from` without a name; allowed: one name or more"),
        ("version: 1\nowner_required:", 2, "this has `owner_required` without a name; allowed: one name or more"),
        ("version: 1\ntables:\n  a:\n    columns:\n      x: {depends_only_on: []}", 5, "this has `depends_only_on` without a name; allowed: one name or more"),
        ("version: 2", 1, "this has version 2; allowed: `version: 1`"),
        ("tables: {}", 1, "this has no `version`; allowed: `version: 1`"),
        ("version: 1\ntable: {}", 2, "this has `table` in the file; allowed: `version`, `complete`, `observed`, `tables`, `owners`, `owner_required`, `forbidden`"),
        ("version: 1\ntables:\n  a:\n    columns:\n      x: {kind: direct}", 5, "this has `kind` in the column x; allowed: `type`, `sources`, `depends_on`, `depends_only_on`, `kinds`, `complete`, `certainty`"),
        ("version: 1\ntables:\n  a: {}\n  a: {}", 4, "this has `a` twice, first on line 3; allowed: each name once"),
        ("version: 1\ntables: [a]", 2, "this has `tables` as a list; allowed: a mapping of names"),
        ("version: 1\nforbidden:\n  - to: x", 3, "this is a forbidden flow without `from`; allowed: `from` and `to`"),
        ("version: 1\nforbidden:\n  - {from: a, to: b, kinds: some}", 3, "this has `kinds` as 'some'; allowed: direct, all"),
        ("version: 1\ncomplete: 1", 2, "this has `complete` as '1'; allowed: true, false"),
        ("version: 1\ntables:\n  a:\n    columns:\n      x: [{from: b, kind: COPY}]", 5, "this has `kind` as 'COPY'; allowed: IDENTITY, TRANSFORMATION, AGGREGATION, JOIN, GROUP_BY, FILTER, SORT, WINDOW, CONDITIONAL"),
        ("version: 1\nowners: {a: }", 2, "this has the owner of a as nothing; allowed: a text"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_sentence_with_its_line(tmp_path, text, line, sentence):
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError) as caught:
        spark_lineage.open(tmp_path / "store", ingest=False).check(file)
    assert str(caught.value) == f"{file}, line {line}: {sentence}."


def test_files_that_are_not_yaml(tmp_path, capfd):
    file = tmp_path / "bad.yaml"
    store_of(tmp_path / "store", SHOP)
    words = ["check", str(file), "--no-ingest", "--store", str(tmp_path / "store")]
    sentences = []
    for content in (
        None,
        b"",
        b"a: 1\nb: 2: 3\n",
        b"\xff",
        b"a: !!python/object:os.system {}",
        b"\n\nb\x00: 1",
    ):
        if content is not None:
            file.write_bytes(content)
        assert cli.main(words) == 2
        sentences.append(capfd.readouterr().err.removeprefix("error: ").replace(str(file), "FILE"))
        assert "nests" not in sentences[-1]
        sentences[-1] = re.sub(r"not YAML \(.+\)", "not YAML (...)", sentences[-1])  # the parser's own words
    assert sentences == [
        "FILE cannot be read (No such file or directory): name a YAML file of declared lineage.\n",
        "FILE is empty: docs/declared.md has an example.\n",
        "FILE, line 2: this is not YAML (...): correct it.\n",
        "FILE cannot be read (it is not UTF-8): name a YAML file of declared lineage.\n",
        "FILE, line 1: this has `a` in the file; allowed: `version`, `complete`, `observed`, `tables`, `owners`, `owner_required`, `forbidden`.\n",
        "FILE, line 3: this is not YAML (...): correct it.\n",
    ]


def test_a_table_that_means_several_is_a_mistake(check):
    twin = Batch(datasets=(dataset("other", "spark_catalog.old.report"),))
    with pytest.raises(DeclarationError, match=r'line 3: The name "report" is ambiguous'):
        check("tables:\n  report: {}\n", twin)


def test_required_lineage(check):
    failed = run(31, None, "draft", 40, job="weekly", state=RunState.FAILED)
    opaque = plan("o1", "blob", "a:string!", "raw", overwrites=True, job="blobs")
    others = Batch(plans=(opaque,), runs=(failed, run(32, "o1", "blob", 50, job="blobs")))
    names = ["nightly", "shop.report", "weekly", "blobs", "blob", "raw", "montly"]
    answer = check("", others, require=names)
    assert told(answer) == [
        ("error", "no_lineage", "The job weekly has no lineage: its runs are FAILED, and none that ended well has a plan.", None),
        ("error", "no_lineage", "montly has no lineage: the store has no job and no table of this name.", None),
        ("error", "only_opaque_lineage", "The job blobs has opaque lineage only: it may have sources that are not known.", None),
        ("error", "only_opaque_lineage", "The table blob has opaque lineage only: it may have sources that are not known.", None),
        ("error", "no_lineage", "The table raw has no lineage: no run wrote it.", None),
    ]  # fmt: skip
    assert [each["outcome"] for each in answer["expectations"]] == ["met"] * 2 + ["failed"] * 5


TEXT = """\
error    file:/w/raw.price reaches shop.report.total, which is forbidden.
         hop 1: file:/w/raw.price -> shop.orders.amount (transformation:
         CAST(price AS DOUBLE))
         hop 2: shop.orders.amount -> shop.report.total (aggregation:
         sum(amount))
         line 2

Failed: 1 of 2 expectations holds, 1 does not.
"""


def run_check(capfd: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str, str]:
    code = cli.main(["check", *words, "--no-ingest", "--store", str(folder / "store")])
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def test_the_command(tmp_path, capfd):
    store_of(tmp_path / "store", SHOP)
    file = tmp_path / "lineage.yaml"
    file.write_text(
        'version: 1\nforbidden: [{from: "*.price", to: shop.report}]\ntables: {shop.report: {}}\n'
    )
    assert run_check(capfd, tmp_path, str(file)) == (1, TEXT, "")
    code, out, _ = run_check(capfd, tmp_path, str(file), "--json")
    assert (code, json.loads(out)["outcome"]) == (1, "failed")
    passed = "Passed: 1 of 1 expectation holds.\n"
    assert run_check(capfd, tmp_path, "--require-lineage", "nightly") == (0, passed, "")
    code, _, error = run_check(capfd, tmp_path)
    assert (code, error.startswith("error: Invalid value: Nothing to check: name a FILE")) == (2, True)


def test_a_notebook_shows_markup_as_text(tmp_path):
    store_of(tmp_path / "store", SHOP)
    file = tmp_path / "lineage.yaml"
    file.write_text("version: 1\ntables: {'<b>x</b>': {}}\n")
    html = spark_lineage.open(tmp_path / "store", ingest=False).check(file)._repr_html_()
    assert "There is no table &lt;b&gt;x&lt;/b&gt; in the store." in html


def test_a_file_that_nests_without_end_is_refused(tmp_path):
    """The loader written in C would end the process."""
    path = tmp_path / "deep.yaml"
    path.write_text("version: 1\ntables: " + "[" * 50_000 + "]" * 50_000, encoding="utf-8")
    with pytest.raises(DeclarationError) as raised:
        read_declaration(path)
    assert str(raised.value) == (
        f"{path}, line 2: this nests more than 100 levels deep: a declaration needs 6."
    )
