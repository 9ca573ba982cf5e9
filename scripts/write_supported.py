"""Write SUPPORTED.md from the analyzer's own tables: `python scripts/write_supported.py [--check]`."""

from __future__ import annotations

import sys
from pathlib import Path

from spark_lineage.analyze.calls import HASHES_AND_MASKS
from spark_lineage.analyze.expressions import RULES as EXPRESSIONS
from spark_lineage.analyze.functions import RANKING
from spark_lineage.analyze.operators.opaque import cogroup, superset
from spark_lineage.analyze.operators.passed import passed
from spark_lineage.analyze.relations import IN_MEMORY, RELATIONS
from spark_lineage.analyze.rules import RULES
from spark_lineage.analyze.writes import WRITES

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
| 3.5.9 | 2.12 | 3.3.3 | 17 | smoke run, `make test` |
| 4.0.4, 4.2.0 | 2.13 | 4.4.0 | 17 | by hand: `Bridge.missingLinks()` is empty, a small job on Parquet tables is captured and answered |
"""

LIMITS = """\
## Not followed yet: each of these gives a problem, never silence

| what | problem |
|---|---|
| a DataFrame made from an RDD that read files (`df.rdd.map(...).toDF()`) | `rdd_round_trip` |
| what a `foreachBatch` function writes is a write of its own; the stream's sources are not joined to it | `foreach_batch` |
| jobs without a query: `df.rdd` actions, `foreachPartition`, `saveAsTextFile` | `rdd_job` |
| recursive queries | `recursive_query` |
| JDBC reads of a query instead of a table | `unknown_source` |
| an operator, subquery expression or source that has no rule | `unknown_operator`, `unknown_subquery`, `unknown_source` |
| a plan beyond the bridge's limits (250,000 nodes, 32 MiB) | `plan_truncated` |

Spark 3.5 posts no event at all for a query that fails in analysis, so nothing can be recorded there. On Spark
Connect the flag goes on the server. Scala and Java programs over whole rows (`map`, `mapInPandas`, `applyInPandas`, ...)
are supersets, marked.

`ALTER TABLE RENAME`, `RENAME COLUMN` and `DROP` are not followed: the old name keeps its history.

An application's exit code is Spark's own, and Spark reports 0 for a PySpark program that ends with an exception.
"""


def section(title: str, names: list[str], note: str) -> str:
    """One list of class names, wrapped for reading."""
    listed = ", ".join(f"`{name}`" for name in sorted(names))
    return f"### {title}\n\n{note}\n\n{listed}\n"


def supported() -> str:
    """The whole file."""
    through = [name for name, rule in RULES.items() if rule is passed]
    programs = [name for name, rule in RULES.items() if rule in {superset, cogroup}]
    ruled = [name for name in RULES if name not in through and name not in programs]
    parts = [
        HEAD,
        "## Operators and expressions, by the class that Spark's analyzed plan has\n",
        section("Operators with a rule", ruled, "Exact."),
        section("Operators that pass everything on", through, "Exact; LIMIT and SAMPLE give no source."),
        section(
            "Programs over whole rows",
            programs,
            "`over_approximate`: every input column for every output column.",
        ),
        section(
            "Relations",
            [*RELATIONS, *IN_MEMORY],
            "Exact; those that hold their rows themselves have no source.",
        ),
        section("Writes", list(WRITES), "Each gives the lineage of its target's columns."),
        section(
            "Expressions with a rule",
            list(EXPRESSIONS),
            "Every other expression is a function of its arguments: TRANSFORMATION.",
        ),
        section("Functions that mask", list(HASHES_AND_MASKS), "Sources that pass them have `masking` set."),
        section(
            "Window functions without a direct source", list(RANKING), "Only the window's columns, as WINDOW."
        ),
        LIMITS,
    ]
    return "\n".join(parts)


def main() -> int:
    """Write the file, or with `--check` say whether it is up to date."""
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(supported(), encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == supported():
        return 0
    print("SUPPORTED.md is out of date: run python scripts/write_supported.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
