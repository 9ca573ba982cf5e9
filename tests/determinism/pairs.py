"""Pairs of scripts that differ in one thing, and whether they share a fingerprint.

Two scripts that differ in names of intermediate columns, in partition counts or in values share it; two whose lineage
differs never do. Both write the table `out` of their pair's database.
"""

from __future__ import annotations

from dataclasses import dataclass

SETUP = {
    "t": "CREATE TABLE t(a int, b string, c double, d string) USING parquet",
    "u": "CREATE TABLE u(a int, k int, v double) USING parquet",
    "s": "CREATE TABLE s(id int, info struct<name:string, zip:string>, tags array<string>, m map<string, int>) USING parquet",
    "h": "CREATE TABLE h USING delta AS SELECT 1 AS a, 2.0D AS c; INSERT INTO h VALUES (2, 2.0); INSERT INTO h VALUES (3, 3.0)",
}
"""The tables that a pair may read, by name; one is made where a script names it."""


@dataclass(frozen=True)
class Pair:
    """Two scripts and what differs between them; SQL of a query, or Python after `python:`."""

    title: str
    first: str
    second: str
    same: bool
    database: str
    spark: str = ""

    @property
    def scripts(self) -> tuple[str, str]:
        """Both, in their order."""
        return self.first, self.second


# (what is changed, one script, the other); SQL after `CREATE TABLE out USING parquet AS`, or Python after `python:`
SAME: list[tuple[str, str, str]] = [
    (
        "the name of an intermediate column",
        "SELECT x + 1 AS y FROM (SELECT a AS x FROM t)",
        "SELECT other + 1 AS y FROM (SELECT a AS other FROM t)",
    ),
    (
        "the name of an aggregate that is used further",
        "SELECT b, n * 2 AS y FROM (SELECT b, sum(c) AS n FROM t GROUP BY b) WHERE n > 1",
        "SELECT b, total * 2 AS y FROM (SELECT b, sum(c) AS total FROM t GROUP BY b) WHERE total > 1",
    ),
    (
        "the name of a column that decides rows only",
        "SELECT a FROM (SELECT a, upper(b) AS x FROM t) WHERE x = 'P'",
        "SELECT a FROM (SELECT a, upper(b) AS other FROM t) WHERE other = 'P'",
    ),
    (
        "table aliases",
        "SELECT l.b, r.v FROM t l JOIN u r ON l.a = r.a",
        "SELECT t.b, other.v FROM t JOIN u other ON t.a = other.a",
    ),
    ("the name of a CTE", "WITH x AS (SELECT a FROM t) SELECT a FROM x", "WITH y AS (SELECT a FROM t) SELECT a FROM y"),
    ("the names of a window", "SELECT sum(c) OVER w AS y FROM t WINDOW w AS (ORDER BY a)", "SELECT sum(c) OVER other AS y FROM t WINDOW other AS (ORDER BY a)"),
    ("a literal in a filter", "SELECT a FROM t WHERE b = 'p'", "SELECT a FROM t WHERE b = 'secret'"),
    ("a date in a filter", "SELECT a FROM t WHERE d >= DATE'2024-01-01'", "SELECT a FROM t WHERE d >= DATE'2025-12-31'"),
    ("a literal in an expression", "SELECT a * 2 AS y FROM t", "SELECT a * 3 AS y FROM t"),
    ("a literal column", "SELECT a, 'x' AS y FROM t", "SELECT a, 'other' AS y FROM t"),
    ("a limit", "SELECT a FROM t LIMIT 3", "SELECT a FROM t LIMIT 9"),
    ("the case of names", "SELECT a FROM t WHERE b = 'p'", "select a from T where B = 'p'"),
    ("blanks and comments", "SELECT a, c FROM t", "SELECT a, -- the key\n       c FROM   t /* all */"),
    ("a number of partitions", "python: t.repartition(2).write.saveAsTable('out')", "python: t.repartition(5).write.saveAsTable('out')"),
    ("a number of coalesced partitions", "python: t.coalesce(1).write.saveAsTable('out')", "python: t.coalesce(2).write.saveAsTable('out')"),
    ("the partitions of a keyed repartition", "python: t.repartition(2, 'b').write.saveAsTable('out')", "python: t.repartition(3, 'b').write.saveAsTable('out')"),
    (
        "the shuffle partitions of the session",
        "python: spark.conf.set('spark.sql.shuffle.partitions', 1); t.groupBy('b').count().write.saveAsTable('out')",
        "python: spark.conf.set('spark.sql.shuffle.partitions', 2); t.groupBy('b').count().write.saveAsTable('out')",
    ),
    (
        "the version that a read of the latest finds",
        "SELECT a FROM h",
        "python: spark.sql('INSERT INTO h VALUES (3, 3.0)'); spark.table('h').select('a').write.saveAsTable('out')",
    ),
]  # fmt: skip

APART: list[tuple[str, str, str]] = [
    ("a map's key", "SELECT m['x'] AS y FROM s", "SELECT m['z'] AS y FROM s"),
    ("a map's key, by a function", "SELECT element_at(m, 'x') AS y FROM s", "SELECT element_at(m, 'z') AS y FROM s"),
    ("a map's key, tried", "SELECT try_element_at(m, 'x') AS y FROM s", "SELECT try_element_at(m, 'z') AS y FROM s"),
    ("an array's place", "SELECT tags[0] AS y FROM s", "SELECT tags[1] AS y FROM s"),
    ("an array's place, by a function", "SELECT get(tags, 0) AS y FROM s", "SELECT get(tags, 1) AS y FROM s"),
    ("a JSON path", "SELECT get_json_object(b, '$.x') AS y FROM t", "SELECT get_json_object(b, '$.z') AS y FROM t"),
    ("a JSON field of a tuple", "SELECT json_tuple(b, 'x') AS y FROM t", "SELECT json_tuple(b, 'z') AS y FROM t"),
    ("a JSON schema", "SELECT from_json(b, 'x int').x AS y FROM t", "SELECT from_json(b, 'z int').z AS y FROM t"),
    ("an XML path", "SELECT xpath_string(b, 'a/x') AS y FROM t", "SELECT xpath_string(b, 'a/z') AS y FROM t"),
    (
        "a pivot's value",
        "SELECT * FROM (SELECT a, b, c FROM t) PIVOT (sum(c) FOR b IN ('p' AS x))",
        "SELECT * FROM (SELECT a, b, c FROM t) PIVOT (sum(c) FOR b IN ('q' AS x))",
    ),
    (
        "a pivot's value, of a list",
        "SELECT * FROM (SELECT a, b, c FROM t) PIVOT (collect_list(c) FOR b IN ('p' AS x))",
        "SELECT * FROM (SELECT a, b, c FROM t) PIVOT (collect_list(c) FOR b IN ('q' AS x))",
    ),
    (
        "a pivot's values, two columns",
        "SELECT * FROM (SELECT d, a, b, c FROM t) PIVOT (sum(c) FOR (a, b) IN ((1, 'p') AS x))",
        "SELECT * FROM (SELECT d, a, b, c FROM t) PIVOT (sum(c) FOR (a, b) IN ((1, 'q') AS x))",
    ),
    (
        "which pivot's value is called what",
        "SELECT * FROM (SELECT a, b, c FROM t) PIVOT (sum(c) FOR b IN ('p' AS x, 'q' AS y))",
        "SELECT * FROM (SELECT a, b, c FROM t) PIVOT (sum(c) FOR b IN ('q' AS x, 'p' AS y))",
    ),
    ("the order of columns", "SELECT a, c FROM t", "SELECT c, a FROM t"),
    ("the name of an output column", "SELECT a AS x FROM t", "SELECT a AS y FROM t"),
    ("an explicit cast", "SELECT a FROM t", "SELECT CAST(a AS string) AS a FROM t"),
    ("a cast to the same type", "SELECT a FROM t", "SELECT CAST(a AS int) AS a FROM t"),
    ("the column that is filtered", "SELECT a FROM t WHERE b = 'p'", "SELECT a FROM t WHERE d = 'p'"),
    ("a filter", "SELECT a FROM t", "SELECT a FROM t WHERE b = 'p'"),
    ("the other column of a sum", "SELECT a + c AS y FROM t", "SELECT a + a AS y FROM t"),
    ("an aggregate function", "SELECT b, min(c) AS y FROM t GROUP BY b", "SELECT b, max(c) AS y FROM t GROUP BY b"),
    ("a grouping key", "SELECT sum(c) AS y FROM t GROUP BY b", "SELECT sum(c) AS y FROM t GROUP BY b, a"),
    ("a field of a struct", "SELECT info.name AS y FROM s", "SELECT info.zip AS y FROM s"),
    ("the source", "SELECT a FROM t", "SELECT a FROM u"),
    ("a join of another table", "SELECT t.b FROM t JOIN u ON t.a = u.a", "SELECT t.b FROM t JOIN u ON t.a = u.k"),
    ("the version that is asked for", "SELECT a FROM h VERSION AS OF 1", "SELECT a FROM h VERSION AS OF 2"),
    ("a version and none", "SELECT a FROM h", "SELECT a FROM h VERSION AS OF 2"),
    ("the target", "SELECT a FROM t", "python: t.select('a').write.saveAsTable('elsewhere')"),
    (
        "append and overwrite",
        "python: spark.sql('CREATE TABLE out(a int) USING parquet'); t.select('a').write.insertInto('out')",
        "python: spark.sql('CREATE TABLE out(a int) USING parquet'); t.select('a').write.insertInto('out', True)",
    ),
]  # fmt: skip

APART_SINCE_4 = [
    (
        "a path of a variant",
        "SELECT variant_get(parse_json(b), '$.x', 'int') AS y FROM t",
        "SELECT variant_get(parse_json(b), '$.z', 'int') AS y FROM t",
    ),
    ("a short path of a variant", "SELECT parse_json(b):x AS y FROM t", "SELECT parse_json(b):z AS y FROM t"),
]

_ALL = [
    *((*texts, True, "") for texts in SAME),
    *((*texts, False, "") for texts in APART),
    *((*texts, False, ">=4.0") for texts in APART_SINCE_4),
]
PAIRS = [
    Pair(title, first, second, same, f"pair_{index:02d}", spark)
    for index, (title, first, second, same, spark) in enumerate(_ALL)
]
