"""Write SUPPORTED.md from the analyzer's own tables: `python scripts/write_supported.py [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from generated import write_or_check

from spark_lineage.analyze.aggregates import RANKING
from spark_lineage.analyze.calls import HASHES_AND_MASKS
from spark_lineage.analyze.classes import NEVER_ANALYZED
from spark_lineage.analyze.commands import CLASSES, Category
from spark_lineage.analyze.expressions import RULES as EXPRESSIONS

TARGET = Path(__file__).parent.parent / "SUPPORTED.md"

HEAD = """\
# What is supported

This file is written by `python scripts/write_supported.py` from the analyzer's tables; a test fails when it is
out of date. How sure an answer is stands in the answer: `exact`, `over_approximate` (a superset of the sources) or
`opaque` (sources unknown). What has no rule gets a conservative answer and a problem (`spark-lineage problems`).

## Versions

| Spark | Scala | Delta | Java | how it is tested |
|---|---|---|---|---|
| 4.1.3 | 2.13 | 4.4.0 | 17 | in full, `make test` |
| 3.5.9 | 2.12 | 3.3.3 | 17 | smoke run, `make test`; case files, event tests and what is marked `matrix35`, `make test-matrix` |
| 4.0.4, 4.2.0 | 2.13 | 4.4.0 | 17 | the case files and event tests, `make test-matrix` |
"""

OPERATORS = """\
The list is closed: `tests/closed` has every concrete class below `LogicalPlan` in the jars of the four versions of Spark, of
Delta 3.3.3 and 4.4.0 and of Iceberg 1.12.0, and a test fails unless each stands here exactly once. In brackets: the versions
of Spark that have a class, where these are not all. Other data sources' classes get a superset and a problem.
"""

LIMITS = """\
## Not followed yet: each of these gives a problem, never silence

| what | problem |
|---|---|
| what a query broadcasts or uses in subqueries, where its RDD is used (`df.rdd`): the sources that are listed are its scans | `rdd_round_trip`, `rdd_job` |
| a DataFrame made from an RDD whose ends do not say what they read (a checkpointed RDD, an RDD class of a connector) | `rdd_round_trip` |
| a `foreachBatch` function that runs no query: what it does with the rows in code of its own | `foreach_batch` |
| what a function writes that a job without a query runs over its rows (`rdd.foreach`, `foreachPartition`); what an RDD class of a connector reads; a job that had ended before the bridge could look at it | `rdd_job` |
| a checkpoint that comes from more than 64 other executions, or whose origin the bridge let go | `unknown_checkpoint` |
| what comes back through a recursive query of a form that Spark's own recursive CTEs do not have | `recursive_query` |
| the tables behind a JDBC read of a query: the query is a dataset of its own | `foreign_query` |
| the topics of a Kafka write whose rows name theirs | `unknown_topic` |
| an operator, subquery expression or source that has no rule | `unknown_operator`, `unknown_subquery`, `unknown_source` |
| a plan beyond the bridge's limits (250,000 nodes, lists of 20,000,000 columns, 32 MiB) | `plan_truncated` |

Spark 3.5 posts no event at all for a query that fails in analysis, so nothing can be recorded there. On Spark
Connect the flag goes on the server. Programs over whole rows (`mapInPandas`, `applyInPandas`, Scala's `map`, ...) are supersets,
marked. `COPY INTO` is a command of Databricks; neither Spark nor Delta has it.

A session variable (`SET VAR v = (SELECT ...)`) is a constant where it is used: where its value came from is not followed.

A DataFrame made from an RDD (`df.rdd.map(...).toDF()`, `sc.textFile(...)`) and a job without a query (`saveAsTextFile`, `collect` of an RDD)
have every column that the RDD's ancestry reads, or the files as a whole, as sources of all that comes out. From files that is a
superset, marked `over_approximate`. Through `df.rdd`, which is the usual way, it is marked `opaque`, with the sources that are
seen: what the query broadcast or used in subqueries is in no RDD's ancestry. Lazy checkpoints
(`eager=False`) of one table that hand on the same columns cannot be told apart, for Spark runs no job for them and their readers' plans name
nothing but the columns' ids: they give their union, marked `over_approximate`. Those of eager checkpoints are exact.

After `ALTER TABLE RENAME` or `RENAME COLUMN` the old name keeps its history, and `command_not_followed` says so. After `DROP TABLE`,
`TRUNCATE TABLE`, `REPLACE TABLE` and a plain `CREATE TABLE` what is written next counts alone; until then the table is answered as it last was, so
that what a dropped table fed still has its sources. That is known of tables at the place that Spark's catalog chooses below its
warehouse, and of Iceberg's and JDBC's in catalogs of their own: files in a place of their own outlive the table, and `IF NOT EXISTS` says nothing.

An application is FAILED where spark-submit ended it because the program failed, or where Spark says an exit code (Spark 4, on Kubernetes and YARN). Spark reports 0
for every application that the JVM's shutdown hook stops, so that code is not believed: after `System.exit`, a signal, or `python job.py` without
`spark.stop()`, nobody knows how the program ended, and the application is UNKNOWN. One that was stopped in order before its program failed is COMPLETE.

A write that is killed is a run (`spark.lineage.intent`): a command that writes, not a micro-batch, which Spark plans before it is an execution. What is
known of a killed stream are the batches that ended; after a restart the batch that was under way runs again under its number. A job without a query leaves a
run where it failed, and nothing where it was killed.

## What a run does not know of itself

The bridge takes what Spark has in memory and asks for nothing, so these are null, not 0:

- the offsets of a batch read of Kafka from `earliest` or to `latest`, which only the executors resolve, and the rows of one topic where
  a scan read several; of a write to Kafka its offsets and, but for what a stream says of its own batches, its rows;
- the rows of a `CLONE`, whose command counts none;
- the rows of a table in a database of which the database computed groups or other values for Spark, and the bytes of what a database gave or took;
- the version that a plain read of an Iceberg table met on Spark 3.5, and that a stream over a Delta table met;
- the rows that a scan inside `foreachBatch` read, those of a cached plan's scans, and those of the other side of a join of which adaptive execution found one side
  empty and took the whole join out;
- the operators below a cached table: they are no part of the plans that read it, nor of the one that filled it;
- which columns of a table were read where several scans of one run read it: `compare` calls them unknown;
- that a rule of the optimizer read something else in place of a catalog's table, whose partitions may lie anywhere, or of a relation that is no folder of
  files, and kept its columns' ids: what was read counts as the table's. In place of files that are read by their path it is told (`not_designed`);
- a skipped stage: its operator has no stages of its own, for they ran in an earlier job;
- the version that a write made where the table's own log does not have exactly one commit that fits it.

Delta's file statistics have no distinct counts: `diff --data` shows null there, and `drift --data` and `why` compare shares of NULLs and the
ranges of numbers, dates and timestamps alone. Of texts Delta keeps but a beginning, so their bounds are shown and not compared.
"""


SPARKS = ("3.5.9", "4.0.4", "4.1.3", "4.2.0")
LISTS = Path(__file__).parent.parent / "tests" / "closed"

SECTIONS: tuple[tuple[Category, str, str], ...] = (
    (Category.RULED, "Operators with a rule", "Exact."),
    (Category.PASSED, "Operators that pass everything on", "Exact; LIMIT and SAMPLE give no source."),
    (
        Category.PROGRAM,
        "Programs over whole rows",
        "`over_approximate`: every input column for every output column.",
    ),
    (Category.READ, "Relations", "Exact: each reads a dataset."),
    (Category.IN_MEMORY, "Rows in the plan", "Exact: no source."),
    (
        Category.REFERENCE,
        "References to another plan or to an RDD",
        "As the other plan; rows of the program itself have no source.",
    ),
    (
        Category.DETACHED,
        "Rows that another query made",
        "The plan does not say which: `opaque`, with the problem `unknown_source`.",
    ),
    (Category.WRITE, "Writes", "Each gives the lineage of its target's columns."),
    (
        Category.WRITE_WITHOUT_RULE,
        "Writes without a rule",
        "Taken as an append of their query, with the problem `unknown_command`.",
    ),
    (
        Category.NOT_FOLLOWED,
        "Commands that change a table and have no query",
        "Not followed: the problem `command_not_followed` says which.",
    ),
    (
        Category.QUIET,
        "Commands without data",
        "No lineage, and no problem.",
    ),
    (
        Category.ASSIGNMENT,
        "Commands that keep what a query returns",
        "A usage, as if the program had taken the row. A variable is a constant where it is used.",
    ),
    (
        Category.ENDING,
        "Commands after which a table begins anew",
        "No lineage; what is written next counts alone. Until then the table is answered as it last was, and `table_ended` says so.",
    ),
    (Category.PART, "Arguments of commands", "They stand inside commands only."),
)


def versions() -> dict[str, tuple[str, ...]]:
    """Name of a class -> the versions of Spark that have it; none for those of Delta and Iceberg."""
    found: dict[str, tuple[str, ...]] = {}
    for version in SPARKS:
        text = (LISTS / f"spark-{version}.txt").read_text(encoding="utf-8")
        plans = text.partition("[plans]\n")[2].partition("\n[")[0].split()
        for name in {each.rpartition(".")[2] for each in plans}:
            found[name] = (*found.get(name, ()), version)
    return found


def class_list(names: Iterable[str], known: dict[str, tuple[str, ...]]) -> str:
    """Names in order, each with the versions that have it where these are not all."""
    texts = []
    for name in sorted(names):
        marked = ", ".join(each.rpartition(".")[0] for each in known.get(name, ()))
        shown = f"`{name.removesuffix('$')}`"
        texts.append(f"{shown} ({marked})" if marked and known[name] != SPARKS else shown)
    return ", ".join(texts)


def section(title: str, listed: str, note: str) -> str:
    """One list under its title."""
    return f"### {title}\n\n{note}\n\n{listed}\n"


def never() -> str:
    """The classes that no analyzed plan has, by the reason."""
    known = versions()
    rows = [f"- {reason}: {class_list(names, known)}" for reason, names in NEVER_ANALYZED.items()]
    return "\n".join(rows)


def supported() -> str:
    """The whole file."""
    known = versions()
    parts = [
        HEAD,
        "## Operators and commands, by the class that Spark's analyzed plan has\n",
        OPERATORS,
        *(section(title, class_list(CLASSES[category], known), note) for category, title, note in SECTIONS),
        section("Classes that the plan of an execution never has", never(), "Why, and which:"),
        "## Expressions\n",
        section(
            "Expressions with a rule",
            class_list(EXPRESSIONS, {}),
            "Every other expression is a function of its arguments: TRANSFORMATION.",
        ),
        section(
            "Functions that mask",
            class_list(HASHES_AND_MASKS, {}),
            "Sources that pass them have `masking` set.",
        ),
        section(
            "Window functions without a direct source",
            class_list(RANKING, {}),
            "Only the window's columns, as WINDOW.",
        ),
        LIMITS,
    ]
    return "\n".join(parts)


def main() -> int:
    """Write the file, or with `--check` say whether it is up to date."""
    return write_or_check(TARGET, supported())


if __name__ == "__main__":
    sys.exit(main())
