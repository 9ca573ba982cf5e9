"""The same walks as one plain recursive SQL query, in SQLite: what the engine is held against.

Loads the rows as they are stored and decides in SQL which plans are current. '' stands for the whole table.
"""

from __future__ import annotations

import sqlite3

from spark_lineage.model import Batch

_TABLES = """
CREATE TABLE edge (id INTEGER PRIMARY KEY, plan, source, source_field, target, target_field, passes);
CREATE TABLE plan (plan PRIMARY KEY, target, overwrites, reads_itself);
CREATE TABLE run (id, plan, state, ended_at);
CREATE TABLE field (dataset, field, PRIMARY KEY (dataset, field));
CREATE INDEX edge_source ON edge (source);
CREATE INDEX edge_target ON edge (target);
"""

_CURRENT = """
CREATE TABLE walked AS
WITH last AS (
  SELECT p.plan, p.target, p.overwrites AND NOT p.reads_itself AS resets, max(r.ended_at) AS at
  FROM plan p JOIN run r USING (plan) WHERE r.state = 'COMPLETE' GROUP BY p.plan
)
SELECT edge.* FROM edge JOIN last USING (plan)
WHERE last.at >= coalesce((SELECT max(o.at) FROM last o WHERE o.target = last.target AND o.resets), 0);
CREATE INDEX walked_source ON walked (source);
CREATE INDEX walked_target ON walked (target);
CREATE TABLE known AS
SELECT dataset, field FROM field UNION
SELECT source, source_field FROM walked UNION SELECT target, target_field FROM walked;
"""

_WITHIN = "substr({0}, 1, length({1}) + 1) = {1} || '.'"
"""Whether the first field lies within the second."""

_MEETS = f"({{0}} = '' OR {{1}} = '' OR {{0}} = {{1}} OR {_WITHIN} OR {_WITHIN.format('{1}', '{0}')})"

_NEXT = f"""CASE WHEN e.passes AND e.{{near}}_field <> '' AND e.{{far}}_field <> '' AND {_WITHIN.format("r.field", "e.{near}_field")}
 THEN e.{{far}}_field || substr(r.field, length(e.{{near}}_field) + 1) ELSE e.{{far}}_field END"""
"""The field that a hop leads to: a value that passes on whole takes the fields within it along."""

_UPSTREAM = f"""
WITH RECURSIVE reached (dataset, field) AS (
  SELECT :table, :field
  UNION
  SELECT e.source, {_NEXT.format(near="target", far="source")}
  FROM walked e JOIN reached r ON e.target = r.dataset AND {_MEETS.format("e.target_field", "r.field")}
)
SELECT dataset, field FROM reached
UNION SELECT e.target, e.target_field FROM walked e JOIN reached r
  ON e.target = r.dataset AND {_MEETS.format("e.target_field", "r.field")}
UNION SELECT k.dataset, k.field FROM known k JOIN reached r
  ON k.dataset = r.dataset AND {_MEETS.format("k.field", "r.field")} AND k.field <> ''
"""  # noqa: S608  # our own texts

_READS = f"""e.source = r.dataset AND {_MEETS.format("e.source_field", "r.field")}
  AND NOT (r.partial AND (r.field = '' AND e.source_field <> '' OR {_WITHIN.format("e.source_field", "r.field")}))"""
"""What is known to be reached in part is read by what reads all of it."""

_DOWNSTREAM = f"""
WITH RECURSIVE reached (dataset, field, partial) AS (
  SELECT :table, :field, 0
  UNION
  SELECT :table, k.field, 1 FROM known k WHERE k.dataset = :table AND k.field <> '' AND {_WITHIN.format(":field", "k.field")}
  UNION
  SELECT e.target, {_NEXT.format(near="source", far="target")}, r.partial AND e.passes AND e.source_field <> ''
  FROM walked e JOIN reached r ON {_READS}
  UNION
  SELECT e.target, k.field, 1
  FROM walked e JOIN reached r ON {_READS}
  JOIN known k ON k.dataset = e.target AND k.field <> '' AND {_WITHIN.format("e.target_field", "k.field")}
  WHERE e.target_field = {_NEXT.format(near="source", far="target")}
)
SELECT dataset, field FROM reached
UNION SELECT e.source, e.source_field FROM walked e JOIN reached r
  ON {_READS} AND NOT r.partial AND (e.source_field = '' OR NOT {_WITHIN.format("r.field", "e.source_field")})
UNION SELECT k.dataset, k.field FROM known k JOIN reached r
  ON k.dataset = r.dataset AND k.field <> '' AND NOT r.partial
  AND (r.field = '' OR {_WITHIN.format("k.field", "r.field")})
"""  # noqa: S608  # our own texts


def load(batch: Batch) -> sqlite3.Connection:
    """A database in memory with the rows of a batch; the columns of current plans must be given by its `columns`."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(_TABLES)
    connection.executemany(
        "INSERT INTO edge VALUES (NULL, ?, ?, ?, ?, ?, ?)",
        [
            (
                e.fingerprint,
                e.source.name,
                e.source_field or "",
                e.target.name,
                e.target_field or "",
                e.subtype.value == "IDENTITY",
            )
            for e in batch.edges
        ],
    )
    connection.executemany(
        "INSERT INTO plan VALUES (?, ?, ?, ?)",
        [(p.fingerprint, p.target.name, p.overwrites, p.target in p.datasets) for p in batch.plans],
    )
    connection.executemany(
        "INSERT INTO run VALUES (?, ?, ?, ?)",
        [(r.run_id, r.fingerprint, r.state.value, r.ended_at) for r in batch.runs],
    )
    connection.executemany("INSERT INTO field VALUES (?, ?)", [(c.name, c.field) for c in batch.columns])
    connection.executescript(_CURRENT)
    return connection


def walk(
    connection: sqlite3.Connection, direction: str, table: str, field: str | None
) -> set[tuple[str, str | None]]:
    """The (table name, field) of all nodes of a walk; a field None is the whole table."""
    sql = _UPSTREAM if direction == "upstream" else _DOWNSTREAM
    return {
        (name, found or None)
        for name, found in connection.execute(sql, {"table": table, "field": field or ""})
    }
