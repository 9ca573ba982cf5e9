"""The same walks as one plain recursive SQL query, in SQLite: what the engine is held against.

Loads the rows as they are stored and decides in SQL which plans are current. '' stands for the whole table.
"""

from __future__ import annotations

import sqlite3

from spark_lineage.model import Batch

_TABLES = """
CREATE TABLE edge (id INTEGER PRIMARY KEY, plan, source, source_field, target, target_field);
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

_MEETS = """({0} = '' OR {1} = '' OR {0} = {1}
 OR substr({0}, 1, length({1}) + 1) = {1} || '.' OR substr({1}, 1, length({0}) + 1) = {0} || '.')"""

_WALK = """
WITH RECURSIVE reached (dataset, field) AS (
  SELECT ?, ?
  UNION
  SELECT e.{far}, e.{far}_field FROM walked e JOIN reached r ON e.{near} = r.dataset AND {meets_edge}
)
SELECT dataset, field FROM reached
UNION SELECT e.{near}, e.{near}_field FROM walked e JOIN reached r ON e.{near} = r.dataset AND {meets_edge}
UNION SELECT k.dataset, k.field FROM known k JOIN reached r ON k.dataset = r.dataset AND {meets_known}
  AND k.field <> ''
"""


def load(batch: Batch) -> sqlite3.Connection:
    """A database in memory with the rows of a batch; the columns of current plans must be given by its `columns`."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(_TABLES)
    connection.executemany(
        "INSERT INTO edge VALUES (NULL, ?, ?, ?, ?, ?)",
        [
            (e.fingerprint, e.source.name, e.source_field or "", e.target.name, e.target_field or "")
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
    near, far = ("target", "source") if direction == "upstream" else ("source", "target")
    sql = _WALK.format(
        near=near,
        far=far,
        meets_edge=_MEETS.format(f"e.{near}_field", "r.field"),
        meets_known=_MEETS.format("k.field", "r.field"),
    )
    return {(name, found or None) for name, found in connection.execute(sql, (table, field or ""))}
