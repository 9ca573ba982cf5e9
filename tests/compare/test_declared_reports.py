"""JUnit XML and SARIF of a check: whole files."""

from __future__ import annotations

import json
import re
from xml.dom import minidom

import pytest
from compare.shop import SHOP
from query.lineage_rows import store_of
from support.paths import REPOSITORY

from spark_lineage import __version__
from spark_lineage.show import check_reports, cli

pytest.importorskip("yaml", reason="declarations need pyyaml")

DECLARED = """\
version: 1
tables:
  shop.report:
    columns:
      total: {type: "deci<mal>"}
forbidden:
  - {from: "*.price", to: shop.report}
  - {from: "*.snn", to: "public.*"}
"""

JUNIT = """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="spark-lineage check" tests="4" failures="2" errors="0" skipped="0">
    <testcase classname="spark-lineage" name="table shop.report" file="lineage.yaml" line="3" />
    <testcase classname="spark-lineage" name="column shop.report.total" file="lineage.yaml" line="5">
      <failure type="type_changed" message="shop.report.total is double, and is to be deci&lt;mal&gt;.">line 5: error: shop.report.total is double, and is to be deci&lt;mal&gt;.</failure>
    </testcase>
    <testcase classname="spark-lineage" name="no flow from *.price to shop.report" file="lineage.yaml" line="7">
      <failure type="forbidden_flow" message="file:/w/raw.price reaches shop.report.total, which is forbidden.">line 7: error: file:/w/raw.price reaches shop.report.total, which is forbidden.
  hop 1: file:/w/raw.price -&gt; shop.orders.amount (transformation: CAST(price AS DOUBLE))
  hop 2: shop.orders.amount -&gt; shop.report.total (aggregation: sum(amount))</failure>
    </testcase>
    <testcase classname="spark-lineage" name="no flow from *.snn to public.*" file="lineage.yaml" line="8">
      <system-out>line 8: warning: Nothing in the store is called *.snn: the rule says nothing there.
line 8: warning: Nothing in the store is called public.*: the rule says nothing there.</system-out>
    </testcase>
  </testsuite>
</testsuites>
"""

FLOW = """\
file:/w/raw.price reaches shop.report.total, which is forbidden.
hop 1: file:/w/raw.price -> shop.orders.amount (transformation: CAST(price AS DOUBLE))
hop 2: shop.orders.amount -> shop.report.total (aggregation: sum(amount))"""


def result(rule: str, index: int, level: str, line: int, text: str, what: str, name: str | None) -> dict:
    place = {"artifactLocation": {"uri": "lineage.yaml"}, "region": {"startLine": line}}
    logical = {} if name is None else {"logicalLocations": [{"fullyQualifiedName": name}]}
    return {
        "ruleId": rule,
        "ruleIndex": index,
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": place, **logical}],
        "properties": {"expectation": what},
    }


SNN = "no flow from *.snn to public.*"
SARIF = {
    "$schema": check_reports.SARIF_SCHEMA,
    "version": "2.1.0",
    "runs": [
        {
            "tool": {
                "driver": {
                    "name": "spark-lineage",
                    "version": __version__,
                    "rules": [
                        {"id": "forbidden_flow", "shortDescription": {"text": "Data gets to where it must not."}},
                        {
                            "id": "nothing_matches",
                            "shortDescription": {"text": "A rule names nothing that is in the store."},
                        },
                        {
                            "id": "type_changed",
                            "shortDescription": {"text": "A column has another type than declared."},
                        },
                    ],
                }
            },
            "columnKind": "unicodeCodePoints",
            "results": [
                result("forbidden_flow", 0, "error", 7, FLOW, "no flow from *.price to shop.report", "file:/w/report.total"),
                result(
                    "type_changed", 2, "error", 5, "shop.report.total is double, and is to be deci<mal>.",
                    "column shop.report.total", "file:/w/report.total",
                ),
                result(
                    "nothing_matches", 1, "warning", 8,
                    "Nothing in the store is called *.snn: the rule says nothing there.", SNN, None,
                ),
                result(
                    "nothing_matches", 1, "warning", 8,
                    "Nothing in the store is called public.*: the rule says nothing there.", SNN, None,
                ),
            ],
        }
    ],
}  # fmt: skip


@pytest.fixture
def check(tmp_path, monkeypatch):
    """The command line in a folder with a store and a declaration."""
    monkeypatch.chdir(tmp_path)
    store_of(tmp_path / "store", SHOP)
    (tmp_path / "lineage.yaml").write_text(DECLARED)
    return lambda *words: cli.main(["check", *words, "--no-ingest", "--store", "store"])


def test_both_files(check, tmp_path):
    assert check("lineage.yaml", "--junit", "out.xml", "--sarif", "out.sarif") == 1
    text = (tmp_path / "out.xml").read_text("utf-8")
    assert text == JUNIT
    assert minidom.parseString(text).documentElement.tagName == "testsuites"  # noqa: S318 - it is our own
    assert json.loads((tmp_path / "out.sarif").read_text("utf-8")) == SARIF


def test_what_sarif_requires(check, tmp_path):
    """The required members of sarif-schema-2.1.0.json for what we write, and the kinds of values it allows."""
    assert check("--require-lineage", "gone", "--sarif", "out.sarif") == 1
    log = json.loads((tmp_path / "out.sarif").read_text("utf-8"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert run["tool"]["driver"]["name"]
    assert all(rule["id"] for rule in run["tool"]["driver"]["rules"])
    assert [(each["level"], each["ruleId"]) for each in run["results"]] == [("error", "no_lineage")]
    assert all(each["message"]["text"] for each in run["results"])
    assert "locations" not in run["results"][0]


def test_a_file_that_cannot_be_written(check, capfd):
    assert check("lineage.yaml", "--junit", "no/folder/out.xml") == 2
    assert capfd.readouterr().err == (
        "error: no/folder/out.xml cannot be written (No such file or directory): name a file in a folder that is there.\n"
    )


def test_each_kind_of_finding_has_its_sentence():
    text = (REPOSITORY / "docs" / "declared.md").read_text("utf-8")
    rooms = sorted((REPOSITORY / "spark_lineage" / "compare" / "declared").glob("*.py"))
    sources = "".join(path.read_text("utf-8") for path in rooms)
    kinds = set(re.findall(r'(?:deviation|Finding)\(\s*"([a-z_]+)"', sources)) | {"cannot_be_shown"}
    assert set(check_reports.RULES) == kinds
    assert [kind for kind in kinds if f"`{kind}`" not in text] == []
