"""Spark's SQL tests under lineage: run, compared with a bare run and with Spark's golden results, and judged.

    python tests/corpora/sql_corpus.py [--chunk 16] [--only PATTERN]

runs all files, prints a line a chunk and the totals, and fails where anything is not explained in `sql_explained.toml`.
What Spark did stays done: outcomes and spools are kept under `.cache/sql-tests`, by all that they depend on, so that a
second run goes on where the first one stopped, and after a change of the analyzer only ingests again.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib
from queries import CACHE, HERE, REPOSITORY
from sql_inputs import Golden, file_names, path_of, read_file, read_golden

from spark_lineage.capture.session import jar_path

EXPLAINED = HERE / "sql_explained.toml"
CHANCE_OR_CLOCK = re.compile(
    r"\b(rand|randn|random|randstr|uniform|uuid|shuffle|now|current_(date|time|timestamp)|localtimestamp|"
    r"unix_timestamp|curdate)\b",
    re.IGNORECASE,
)
"""What may say something else each time."""

_OF_A_TASK = "org.apache.spark.SparkException"
"""Around an error in a task, whose own name is in its text alone."""


@dataclass(frozen=True)
class Result:
    """One file: how many statements ran and succeeded, what differed, and its coverage (see `FileCoverage`)."""

    statements: int
    succeeded: int
    changed: tuple[str, ...]
    excepted: int
    unlike_golden: tuple[str, ...]
    coverage: dict[str, Any]


def run_chunk(names: list[str], folder: Path) -> dict[str, Result]:
    """Run some files bare and with lineage, unless that was done before, and judge them."""
    with ThreadPoolExecutor() as pool:  # two Sparks side by side
        bare_run = pool.submit(bare_outcomes, names, folder)
        spooled = lineage_run(names, folder)
        bare = bare_run.result()
    report = json.loads((spooled / "report.json").read_text(encoding="utf-8"))
    shutil.copytree(spooled / "spool", folder / "spool")  # an ingest empties it
    judged = json.loads(_python(folder, "sql_judge.py", str(spooled / "report.json"), str(folder)))
    return {name: _result(name, bare[name], report["files"][name], judged[name]) for name in names}


def lineage_run(names: list[str], folder: Path) -> Path:
    """Where the report and the spool of these files' run with lineage stand, kept between runs.

    They depend on Spark, the runner, the files, and the bridge's jar.
    """
    digest = hashlib.sha256(" ".join(f"{name} {_digest(name)}" for name in names).encode())
    digest.update(jar_path().read_bytes())
    kept = _kept("lineage") / digest.hexdigest()[:16]
    if not kept.is_dir():
        report = _run(names, folder / "lineage", "--store", str(folder / "unused"))
        shutil.copytree(report["spool"], folder / "lineage" / "kept" / "spool")
        shutil.copy(folder / "lineage" / "report.json", folder / "lineage" / "kept")
        shutil.copytree(folder / "lineage" / "kept", kept.with_suffix(".part"), dirs_exist_ok=True)
        kept.with_suffix(".part").replace(kept)
    return kept


def bare_outcomes(names: list[str], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What the files do without lineage, kept between runs: that depends on Spark, the runner, and the file."""
    kept = _kept("bare")
    places = {name: kept / f"{name.replace('/', '~')}-{_digest(name)}.json" for name in names}
    missing = [name for name in names if not places[name].is_file()]
    if missing:
        for name, outcomes in _run(missing, folder / "bare")["files"].items():
            part = places[name].with_suffix(".part")
            part.write_text(json.dumps(outcomes), encoding="utf-8")
            part.replace(places[name])
    return {name: json.loads(place.read_text(encoding="utf-8")) for name, place in places.items()}


def explained() -> dict[str, Any]:
    """The checked-in reasons."""
    return tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))


def unexplained(results: dict[str, Result]) -> list[str]:
    """Everything that no reason covers, a line each; empty where all is as it must be."""
    reasons = explained()
    lines = [f"{name}: changed: {each}" for name, result in results.items() for each in result.changed]
    return lines + [
        f"{name}: {what}: {each}"
        for name, what, each in _findings(results)
        if not any(_covers(reason, name, what, each) for reason in _listed(reasons))
    ]


def not_met(results: dict[str, Result]) -> list[str]:
    """The reasons that cover nothing of these results."""
    found = tuple(_findings(results))
    return [
        f"{what}: {files}: {pattern}"
        for what, files, pattern in _listed(explained())
        if not any(_covers((what, files, pattern), *each) for each in found)
    ]


def _findings(results: dict[str, Result]) -> Iterator[tuple[str, str, str]]:
    """(File, what it is about, finding) of everything that needs a reason; a table of the reasons has the second's name."""
    for name, result in results.items():
        found = {
            "golden": result.unlike_golden,
            "problems": result.coverage["problems"],
            "sourceless": result.coverage["unanswered"],
            "wrong": result.coverage["wrong"],
            "commands": result.coverage["unrecorded"],
        }
        yield from ((name, what, each) for what, findings in found.items() for each in findings)


def _listed(reasons: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(What it is about, files, finding) of every reason; the last two are patterns."""
    for what, of_files in reasons.items():
        by_files = {"*": of_files} if what == "commands" else of_files
        yield from ((what, files, pattern) for files, entries in by_files.items() for pattern in entries)


def _covers(reason: tuple[str, str, str], name: str, what: str, finding: str) -> bool:
    about, files, pattern = reason
    return about == what and name in matching(files, [name]) and fnmatch.fnmatchcase(finding, pattern)


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """The runs that a reason's pattern of files stands for, whatever their combination of settings."""
    return [name for name in names if fnmatch.fnmatchcase(name.partition("%")[0], pattern)]


@dataclass(frozen=True)
class Columns:
    """Columns written or returned: with sources, truly without, opaque, and without an answer."""

    sources: int
    sourceless: int
    opaque: int
    unanswered: int


def count_columns(results: dict[str, Result]) -> Columns:
    """The columns of some files; one whose lack of a source is explained has an answer."""
    lines = unexplained(results)
    unanswered = sum(": sourceless: " in line for line in lines)
    coverages = [each.coverage for each in results.values()]
    sources, sourceless, opaque = (
        sum(each[key] for each in coverages) for key in ("sources", "sourceless", "opaque")
    )
    listed = sum(len(each["unanswered"]) for each in coverages) - unanswered
    return Columns(sources, sourceless + listed, opaque, unanswered)


def share_answered(results: dict[str, Result]) -> float:
    """Columns answered / columns written, opaque ones apart."""
    columns = count_columns(results)
    answered = columns.sources + columns.sourceless
    return answered / max(answered + columns.unanswered, 1)


def totals(results: dict[str, Result]) -> str:
    """The line that is printed."""
    columns = count_columns(results)
    answered = columns.sources + columns.sourceless
    problems = Counter(
        problem.split()[1] for each in results.values() for problem in each.coverage["problems"]
    )
    return (
        f"{len({path_of(name) for name in results})} files in {len(results)} runs, {sum(each.statements for each in results.values()):,} statements, "
        f"{sum(each.succeeded for each in results.values()):,} succeed, "
        f"{sum(len(each.changed) for each in results.values())} changed by lineage "
        f"({sum(each.excepted for each in results.values())} differ by chance or clock); "
        f"columns answered / columns written: {answered:,} / {answered + columns.unanswered:,} "
        f"= {share_answered(results):.2%} ({columns.sources:,} with sources, {columns.sourceless:,} truly without), "
        f"opaque apart: {columns.opaque:,}; statements with problems: {dict(problems)}"
    )


def _result(
    name: str, bare: list[dict[str, Any]], lineage: list[dict[str, Any]], judged: dict[str, Any]
) -> Result:
    statements = read_file(name).statements
    changed, excepted = [], 0
    for position, (sql, before, after) in enumerate(zip(statements, bare, lineage, strict=True)):
        if _comparable(before) == _comparable(after):
            continue
        if CHANCE_OR_CLOCK.search(sql) and before["outcome"] == after["outcome"]:
            excepted += 1
        else:
            changed.append(f"{position}: {before} became {after}")
    goldens = zip(read_golden(name), lineage, strict=True)
    found = ((position, unlike_golden(golden, after)) for position, (golden, after) in enumerate(goldens))
    unlike = [f"{position}: {what}" for position, what in found if what]
    succeeded = sum(each["outcome"] == "ok" for each in lineage)
    return Result(len(statements), succeeded, tuple(changed), excepted, tuple(unlike), judged)


def unlike_golden(golden: Golden, outcome: dict[str, Any]) -> str | None:
    """What ended otherwise than in Spark's own results: success or failure, the error, or the schema."""
    ended = outcome["outcome"]
    if golden.fails != (ended != "ok"):
        return f"{'fails' if golden.fails else 'succeeds'} in Spark's suite: {ended}"
    if golden.fails:
        same = {golden.condition, golden.error_class, golden.error_class.rpartition(".")[2], _OF_A_TASK}
        return (
            None if ended in same else f"{golden.condition or golden.error_class} in Spark's suite: {ended}"
        )
    if golden.schema.split() != outcome["schema"].split():
        return f"schema {outcome['schema']}, in Spark's suite {golden.schema}"
    return None


def _comparable(outcome: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in outcome.items() if key not in {"first", "tables"}}


def _run(names: list[str], folder: Path, *options: str) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.json"
    _python(folder, "sql_runner.py", "--into", str(report), *options, "--files", *names)
    return dict(json.loads(report.read_text(encoding="utf-8")))


def _python(folder: Path, script: str, *arguments: str) -> str:
    """Run a script of this folder in a process and a home of its own; returns what it prints."""
    homes = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "STATE")}
    environment = {**os.environ, **homes, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(HERE / script), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def _kept(what: str) -> Path:
    """The folder for what one Spark and one runner did."""
    digest = hashlib.sha256(importlib.metadata.version("pyspark").encode())
    digest.update((HERE / "sql_runner.py").read_bytes())
    folder = CACHE / "sql-tests" / digest.hexdigest()[:16] / what
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _digest(name: str) -> str:
    """Of all that a run is given: its statements, settings and function."""
    return hashlib.sha256(repr(read_file(name)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def main() -> int:
    """Run everything that has not been run, print the totals; 1 where something is not explained."""
    parser = argparse.ArgumentParser(description="All of Spark's SQL tests under lineage.")
    parser.add_argument("--chunk", type=int, default=16, help="files in one Spark (default: %(default)s)")
    parser.add_argument("--only", default="*", help="a pattern of file names")
    arguments = parser.parse_args()
    names = [name for name in file_names() if fnmatch.fnmatch(name, arguments.only)]
    results: dict[str, Result] = {}
    for start in range(0, len(names), arguments.chunk):
        with tempfile.TemporaryDirectory() as folder:
            found = run_chunk(names[start : start + arguments.chunk], Path(folder))
        results |= found
        print(f"[{min(start + arguments.chunk, len(names))}/{len(names)}] {totals(found)}", flush=True)
    lines = unexplained(results)
    print(*lines, sep="\n")
    if arguments.only == "*":
        print(*(f"a reason that is not met: {each}" for each in not_met(results)), sep="\n")
    print(totals(results))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
