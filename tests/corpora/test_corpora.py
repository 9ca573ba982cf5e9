"""TPC-DS, TPC-DS v2.7, TPC-H and SSB as CREATE TABLE AS SELECT: nothing changes with lineage on, and every answer is right."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import goldens
import pytest
import tomllib
from queries import CACHE, CORPORA, HERE, REPOSITORY, SOURCES, column_names, read_schema, source_folder

pytestmark = pytest.mark.spark

FAILURES = {"tpcds/q90": "DIVIDE_BY_ZERO"}
"""Queries that fail without lineage too: q90 divides one count by another."""
WITH_ROWS = {"tpcds": 29, "tpcds_v27": 13, "tpch": 14, "ssb": 7}
"""How many queries of each corpus find rows in tables that serve all of them at once."""


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The report without lineage, kept between test runs: it depends on Spark and the queries alone."""
    subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "fetch_corpora.py")], check=True)
    report = CACHE / "corpora-bare" / f"{_digest_of_inputs()}.json"
    if not report.is_file():
        report.parent.mkdir(parents=True, exist_ok=True)
        unfinished = report.with_suffix(".part")
        _run_harness(tmp_path_factory.mktemp("bare"), "--into", str(unfinished))
        unfinished.replace(report)
    return json.loads(report.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def lineaged(bare, tmp_path_factory):
    """The report with lineage on; after `bare`, so that the queries are there and only one Spark runs."""
    assert bare["results"]
    folder = tmp_path_factory.mktemp("lineaged")
    report = folder / "report.json"
    _run_harness(folder, "--into", str(report), "--store", str(folder / "store"))
    return json.loads(report.read_text(encoding="utf-8"))


def test_every_query_runs(bare):
    counts = {corpus: sum(name.startswith(f"{corpus}/") for name in bare["results"]) for corpus in CORPORA}
    assert counts == CORPORA
    outcomes = {name: result["outcome"] for name, result in bare["results"].items()}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "ok"} == FAILURES


def test_there_are_results_to_compare(bare):
    found = Counter(name.partition("/")[0] for name, result in bare["results"].items() if result.get("rows"))
    assert found == WITH_ROWS


def test_lineage_changes_no_outcome_and_no_result(bare, lineaged):
    changed = {
        name: (expected, lineaged["results"].get(name))
        for name, expected in bare["results"].items()
        if lineaged["results"].get(name) != expected
    }
    assert changed == {}


def test_every_answer_is_exact_and_without_problems(lineaged):
    answers = lineaged["answers"]
    assert len(answers) == sum(CORPORA.values()) - len(FAILURES)
    assert {
        name: answer["certainty"] for name, answer in answers.items() if answer["certainty"] != "exact"
    } == {}
    assert {name: answer["problems"] for name, answer in answers.items() if answer["problems"]} == {}
    assert lineaged["problems"] == []


def test_every_column_has_an_answer(bare, lineaged):
    for name, answer in lineaged["answers"].items():
        written = bare["results"][name]["columns"]
        assert [[column["name"], column["type"]] for column in answer["columns"]] == written, name


def test_only_constants_and_row_counts_have_no_source(lineaged):
    without = {
        name: [column["name"] for column in answer["columns"] if not column["sources"]]
        for name, answer in lineaged["answers"].items()
    }
    listed = tomllib.loads((HERE / "sourceless.toml").read_text(encoding="utf-8"))
    expected = {
        f"{corpus}/{query}": columns
        for corpus, queries in listed.items()
        for query, columns in queries.items()
        if f"{corpus}/{query}" not in FAILURES
    }
    assert {name: columns for name, columns in without.items() if columns} == expected


def test_every_source_is_a_column_of_a_table(lineaged):
    known = {
        f"{corpus}/{table}.{column}"
        for corpus in CORPORA
        for table, columns in read_schema(corpus).items()
        for column in column_names(columns)
    }
    for name, answer in lineaged["answers"].items():
        corpus = name.partition("/")[0]
        lineage = goldens.from_answer(answer)
        sources = [*lineage.rows, *(source for column in lineage.columns.values() for source in column)]
        assert {f"{corpus}/{source.split()[0]}" for source in sources} <= known, name


@pytest.mark.parametrize("file", goldens.FILES, ids=goldens.name_of)
def test_answer_equals_the_golden(file, lineaged):
    query, golden = goldens.read_golden(file)
    assert goldens.differences(golden, goldens.from_answer(lineaged["answers"][query])) == []


def _run_harness(folder: Path, *options: str) -> None:
    """Run it in a process and folders of its own."""
    homes = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "STATE")}
    tables = CACHE / "corpora-bare" / f"{_digest_of_inputs()}-tables"
    command = [sys.executable, str(HERE / "harness.py"), "--tables", str(tables), *options]
    environment = {**os.environ, **homes, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(HERE.parent)])}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def _digest_of_inputs() -> str:
    """Names a bare report by all that it depends on: Spark's version, the queries, the schemas, the rows, the harness."""
    files = [HERE / "harness.py", HERE / "queries.py", *HERE.glob("*.sql"), *SOURCES.glob("*.json")]
    files += [HERE.parent / "execution" / f"{name}.py" for name in ("corpora", "data", "domains")]
    files += [file for corpus in CORPORA for file in source_folder(corpus).glob("*.sql")]
    digest = hashlib.sha256(importlib.metadata.version("pyspark").encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
