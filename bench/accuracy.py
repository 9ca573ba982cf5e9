"""Column lineage of the same writes by this project and by OpenLineage's Spark agent, both listening to one session.

    python bench/accuracy.py           # 48 ordinary writes
    python bench/accuracy.py --full    # and the 103 queries of TPC-DS, each written to a table

`peers/writes.toml` holds the writes and what a person read out of them. Every difference between the two answers is
explained in `peers/differences.toml`; one that is not, or an explanation of none, fails the bench. The agent's jar comes from Maven Central; without it nothing is compared.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib
from pyspark.sql import SparkSession

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path[1:1] = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "corpora")]

import harness as corpora_harness  # noqa: E402  # tests/corpora, beside lineage/harness.py
import queries  # noqa: E402
from lineage import harness  # noqa: E402
from peers import openlineage  # noqa: E402
from peers.comparison import (  # noqa: E402
    OUTCOMES,
    ROWS,
    Compared,
    Explanation,
    Lineage,
    Reason,
    check,
    compare,
    count,
    forgiven,
    is_right,
    lineage,
    read_explanations,
)
from support.spark import local_builder  # noqa: E402

import spark_lineage  # noqa: E402
from spark_lineage.demo.runner import IVY_SETTINGS  # noqa: E402

DATA = HERE / "peers"
SOURCELESS = REPOSITORY / "tests" / "corpora" / "sourceless.toml"
"""The output columns that have no source, by query, as a person read them."""
JARS = REPOSITORY / ".cache" / "openlineage"
ASPECTS = {
    "direct": "direct sources of all columns",
    "kinds": "... and their kinds, with indirect ones",
    "rows": "... and what decides the rows",
}
EXPLAINED_FOR = "4.1"
"""The Spark line whose differences are explained; on another one the table is printed and nothing is checked."""


@dataclass(frozen=True)
class Place:
    """One session with both listeners, and where each leaves its answers; `events` is None without the peer."""

    spark: SparkSession
    folder: Path
    events: Path | None
    lineage: spark_lineage.api.Lineage

    def flush(self) -> None:
        """Have both say all that they have to say."""
        self.spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()  # noqa: SLF001  # there is no other way
        self.lineage.flush(timeout_seconds=300)


@dataclass(frozen=True)
class Explained:
    """What `differences.toml` says."""

    reasons: dict[str, Reason]
    differences: list[Explanation]


@dataclass(frozen=True)
class Answered:
    """The answers to one write; `theirs` is None without the peer, `truth` where nobody wrote it down."""

    write: str
    ours: Lineage
    theirs: Lineage | None
    truth: Lineage | None

    def units(self) -> list[Compared]:
        """The comparison, unit by unit."""
        return [] if self.theirs is None else compare(self.write, self.ours, self.theirs, self.truth)


def main() -> int:
    """Run the bench; 1 if a goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help="the queries of TPC-DS as well")
    full = parser.parse_args().full
    with tempfile.TemporaryDirectory() as folder:
        place = start(Path(folder))
        writes = answers_to_writes(place)
        tpcds = answers_to_tpcds(place) if full else []
        version = place.spark.version
        place.spark.stop()
    explained = Explained(*read_explanations(DATA / "differences.toml"))
    figures = report_writes(writes, explained) | (report_tpcds(tpcds) if full else {})
    if place.events and version.startswith(EXPLAINED_FOR):
        units = [unit for answer in (*writes, *tpcds) for unit in answer.units()]
        complaints = check(units, explained.reasons, explained.differences)
        print(*complaints, sep="\n")
        figures["unexplained"] = len(complaints)
    return verdict(figures)


def start(folder: Path) -> Place:
    """A session with Delta in which both listen."""
    ivy = folder / "ivysettings.xml"
    ivy.write_text(IVY_SETTINGS, encoding="utf-8")
    builder = local_builder(folder).config("spark.jars.ivySettings", ivy.as_uri())
    # The agent looks for extensions of itself in a way that modern JVMs refuse unless told otherwise.
    options = (
        f"-Dderby.stream.error.file={folder / 'derby.log'} --add-opens=java.base/java.security=ALL-UNNAMED"
    )
    builder = builder.config("spark.driver.extraJavaOptions", options)
    jar = openlineage.fetch_jar(JARS, scala_line())
    events = folder / "events.jsonl" if jar else None
    if jar and events:
        for name, value in openlineage.settings(jar, events).items():
            builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return Place(spark, folder, events, spark_lineage.enable(spark, store=folder / "store"))


def scala_line() -> str:
    """The Scala line of this environment's Spark, by the name of a jar of it."""
    import pyspark  # noqa: PLC0415  # its place alone

    (jar,) = (Path(pyspark.__file__).parent / "jars").glob("spark-core_*.jar")
    return re.sub(r"spark-core_([\d.]+)-.*", r"\1", jar.name)


def answers_to_writes(place: Place) -> list[Answered]:
    """Run the ordinary writes that this Spark can run; an exception in one of them ends the bench."""
    cases = [case for case in harness.load_family(DATA / "writes.toml") if case.supports(place.spark.version)]
    ran = {}
    for case in cases:
        ran[case.name] = harness.run_case(place.spark, case, harness.folder_of(place.folder, case))
        if error := ran[case.name].error:
            raise error
    place.flush()
    events = [] if place.events is None else list(openlineage.read_events(place.events))
    return [answer_to_write(place, case, ran[case.name], events) for case in cases]


def answer_to_write(
    place: Place, case: harness.Case, ran: harness.Ran, events: list[dict[str, Any]]
) -> Answered:
    """Both answers to one case, and the expectation."""
    target = case.target.rpartition("/")[2].rpartition(":")[2]
    tables = f"{place.folder}/warehouse/{case.database}.db/"

    def shorten(name: str) -> str:
        for prefix in (tables, f"{ran.folder}/", f"{case.database}."):
            if name.startswith(prefix):
                return name.removeprefix(prefix)
        return name

    names = frozenset(
        name.lower() for name in (f"{tables}{target}", f"{case.database}.{target}", f"{ran.folder}/{target}", target)
    )  # fmt: skip
    truth = case.expected
    return Answered(
        case.name,
        ours_of(place, ran.lookup, target, shorten),
        theirs_of(place, events, names, target, shorten),
        lineage(target, truth["columns"], truth.get("rows", ())),
    )


def ours_of(place: Place, lookup: str, target: str, shorten: openlineage.Shorten) -> Lineage:
    """Our answer for a table."""
    answer = place.lineage.table(lookup).to_dict()

    def text(source: dict[str, Any]) -> str:
        return f"{shorten(source['name'])}.{source['field'] or '*'}".lower() + f" {source['subtype']}"

    columns = {column["name"].lower(): map(text, column["sources"]) for column in answer["columns"]}
    return lineage(target, columns, map(text, answer["rows"]))


def theirs_of(
    place: Place,
    events: list[dict[str, Any]],
    names: frozenset[str],
    target: str,
    shorten: openlineage.Shorten,
) -> Lineage | None:
    """The peer's answer for a table; None without the peer."""
    if place.events is None:
        return None
    facts = openlineage.facts_of(events, names, shorten)
    return lineage(target, facts.columns, facts.rows)


def answers_to_tpcds(place: Place) -> list[Answered]:
    """Run the queries of TPC-DS, each written to a table, over empty tables."""
    place.spark.sql("CREATE DATABASE tpcds")
    for table, columns in queries.read_schema("tpcds").items():
        place.spark.sql(f"CREATE TABLE tpcds.{table} ({columns}) USING parquet")
    place.spark.catalog.setCurrentDatabase("tpcds")
    place.spark.conf.set("spark.sql.ansi.enabled", "false")  # q90 divides a count of no rows by another
    ran = queries.read_queries("tpcds")
    for query in ran:
        place.spark.sql(corpora_harness.create_table_as(query, place.spark.sql(query.sql)))
    place.flush()
    events = [] if place.events is None else list(openlineage.read_events(place.events))
    return [answer_to_query(place, query, events) for query in ran]


def answer_to_query(place: Place, query: queries.Query, events: list[dict[str, Any]]) -> Answered:
    """Both answers to one query."""
    tables = f"{place.folder}/warehouse/tpcds.db/"
    target = query.target.rpartition(".")[2]

    def shorten(name: str) -> str:
        return name.removeprefix(tables)

    names = frozenset({f"{tables}{target}".lower(), query.target})
    ours = ours_of(place, query.target, target, shorten)
    theirs = theirs_of(place, events, names, target, shorten)
    return Answered(query.name, without_row_kinds(ours), theirs and without_row_kinds(theirs), None)


def without_row_kinds(answer: Lineage) -> Lineage:
    """The same with the names alone in the row set.

    TPC-DS joins with commas: a WHERE conjunct between two tables is FILTER by the one and JOIN by the other.
    """
    return Lineage(answer.columns, frozenset(source.rpartition(" ")[0] for source in answer.rows))


def report_writes(answers: list[Answered], explained: Explained) -> dict[str, int]:
    """Print the table of the ordinary writes; its figures."""
    units = [unit for answer in answers for unit in answer.units()]
    print(f"{'output columns and row sets':<46}{'same':>8}{'ours':>8}{'theirs':>8}{'differ':>8}")
    for answer in answers:
        print_row(answer.write, answer.units(), "kinds")
    print_row(f"all {len(answers)} writes, with kinds", units, "kinds")
    print_row(f"all {len(answers)} writes, direct sources of columns", units, "direct")
    figures = {"writes": len(answers)} | outcome_figures(units, "writes")
    print(f"\n{'writes that are right, of ' + str(len(answers)):<46}{'ours':>16}{'OpenLineage':>16}")
    for aspect, words in ASPECTS.items():
        ours = sum(is_right(each.ours, each.truth, aspect) for each in answers if each.truth)
        theirs = sum(is_right_theirs(each, aspect, explained) for each in answers) if units else None
        print(f"{words:<46}{ours:>16}{'not measured' if theirs is None else theirs:>16}")
        figures[f"ours_right_{aspect}"] = ours
        if theirs is not None:
            figures[f"openlineage_right_{aspect}"] = theirs
    print(f"{'Apache Kyuubi plugin (no jar to be had)':<46}{'not measured':>32}")
    for line in (line for answer in answers for line in mistakes(answer)):
        print(line)
    return figures


def is_right_theirs(answer: Answered, aspect: str, explained: Explained) -> bool:
    """Whether the peer's answer is right; where two conventions meet it is."""
    both = [each for each in explained.differences if explained.reasons[each.reason].right == "both"]
    if answer.theirs is None or answer.truth is None:
        return False
    return is_right(forgiven(answer.theirs, answer.units(), both), answer.truth, aspect)


def mistakes(answer: Answered) -> list[str]:
    """Where our own answer is not the expectation."""
    if answer.truth is None:
        return []
    return [
        f"ours is wrong: {answer.write}: {name}: {sorted(answer.ours.unit(name))}, expected {sorted(answer.truth.unit(name))}"
        for name in (*answer.truth.columns, ROWS)
        if answer.ours.unit(name) != answer.truth.unit(name)
    ]


def report_tpcds(answers: list[Answered]) -> dict[str, int]:
    """Print the table of TPC-DS; its figures."""
    units = [unit for answer in answers for unit in answer.units()]
    print(
        f"\n{'TPC-DS, ' + str(len(answers)) + ' queries':<46}{'same':>8}{'ours':>8}{'theirs':>8}{'differ':>8}"
    )
    print_row("output columns, with kinds", [unit for unit in units if unit.column != ROWS], "kinds")
    print_row("output columns, direct sources", units, "direct")
    print_row("row sets, without kinds", [unit for unit in units if unit.column == ROWS], "kinds")
    sourceless = tomllib.loads(SOURCELESS.read_text(encoding="utf-8"))["tpcds"]
    sourced = [
        (answer, name)
        for answer in answers
        for name in answer.ours.columns
        if name not in sourceless.get(answer.write.rpartition("/")[2], ())
    ]
    ours = [name for answer, name in sourced if answer.ours.unit(name)]
    theirs = [name for answer, name in sourced if answer.theirs and answer.theirs.unit(name)]
    print(f"\n{f'{len(sourced)} columns have sources':<46}{'ours':>16}{'OpenLineage':>16}")
    print(f"{'answered':<46}{len(ours):>16}{len(theirs) if units else 'not measured':>16}")
    figures = outcome_figures(units, "tpcds") | {
        "tpcds_columns_with_sources": len(sourced),
        "ours_tpcds_answered": len(ours),
    }
    return figures | ({"openlineage_tpcds_answered": len(theirs)} if units else {})


def print_row(name: str, units: list[Compared], aspect: str) -> None:
    """One row of the table."""
    found = count(units, aspect)
    cells = "".join(f"{found[outcome]:>8}" for outcome in OUTCOMES) if units else f"{'not measured':>32}"
    print(f"{name:<46}{cells}")


def outcome_figures(units: list[Compared], title: str) -> dict[str, int]:
    """Name -> number of units."""
    return {
        f"{title}_{aspect}_{outcome.replace(' ', '_')}": count(units, aspect)[outcome]
        for aspect in ("direct", "kinds")
        for outcome in OUTCOMES
        if units
    }


def verdict(figures: dict[str, int]) -> int:
    """Print the JSON line; the exit code. A goal that was not measured leaves open whether all are met."""
    goals: dict[str, dict[str, Any]] = {
        f"ours_right_{aspect}": {"op": ">=", "limit": figures["writes"]} for aspect in ASPECTS
    }
    if "tpcds_columns_with_sources" in figures:
        goals["ours_tpcds_answered"] = {"op": ">=", "limit": figures["tpcds_columns_with_sources"]}
    met = all(figures[name] >= goal["limit"] for name, goal in goals.items())
    met = met and figures.get("unexplained", 0) == 0
    goals["unexplained"] = {"op": "<=", "limit": 0}
    answer = None if met and "unexplained" not in figures else met
    print(json.dumps({"bench": "accuracy", "figures": figures, "goals": goals, "met": answer}))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
