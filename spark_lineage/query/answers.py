"""The answers: frozen values, and their JSON (`to_dict()`) exactly as docs/json.md describes it.

Times are epoch milliseconds UTC in the values and ISO 8601 in the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spark_lineage.model import SCHEMA_VERSION, Certainty, Problem, Run, RunState, Subtype, iso_time

__all__ = [
    "ColumnAnswer",
    "DatasetReference",
    "FieldAnswer",
    "LastRun",
    "Match",
    "ProblemsAnswer",
    "RunsAnswer",
    "SearchAnswer",
    "Source",
    "TableAnswer",
    "TableEdge",
    "TableSummary",
    "TablesAnswer",
    "Vertex",
    "WalkAnswer",
    "WalkEdge",
    "WalkNode",
    "iso_time",
    "json_or_text",
    "problems_json",
    "run_json",
    "total",
]

Json = dict[str, Any]


def total(numbers: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where nothing is.

    >>> total([1, None, 2]), total([None])
    (3, None)
    """
    known = [each for each in numbers if each is not None]
    return sum(known) if known else None


def json_or_text(text: str | None) -> Any:
    """What a text says as JSON; the text where it is none."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


@dataclass(frozen=True, slots=True)
class DatasetReference:
    """A dataset as an answer names it; `aliases` are sorted."""

    namespace: str
    name: str
    aliases: tuple[str, ...] = ()

    def to_dict(self) -> Json:
        """Namespace, name, aliases."""
        return {"namespace": self.namespace, "name": self.name, "aliases": list(self.aliases)}


@dataclass(frozen=True, slots=True)
class Vertex:
    """A column, or with `field` None a whole table."""

    dataset: DatasetReference
    field: str | None

    def to_dict(self) -> Json:
        """The dataset's keys and `field`."""
        return {**self.dataset.to_dict(), "field": self.field}

    def to_short_dict(self) -> Json:
        """The same without the aliases."""
        return {"namespace": self.dataset.namespace, "name": self.dataset.name, "field": self.field}

    @property
    def order(self) -> tuple[str, str, str]:
        """By namespace, name and field, the whole table first."""
        return (self.dataset.namespace, self.dataset.name, self.field or "")


@dataclass(frozen=True, slots=True)
class Source:
    """A direct source of a column, or of a table's rows.

    `transformations` names what happened on the way (`cast`, `sum`, `join`, ...), `via` the catalog views passed, `version`
    the version, tag, branch or time that the query asked for.
    """

    vertex: Vertex
    subtype: Subtype
    masking: bool
    expression: str
    plan: str
    via: tuple[str, ...] = ()
    transformations: tuple[str, ...] = ()
    version: str | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """By vertex, type and subtype, then by what tells apart several plans and versions."""
        kind = (self.subtype.type.value, self.subtype.value)
        return (*self.vertex.order, *kind, self.plan, self.expression, self.version or "")

    def to_dict(self, *, of_rows: bool = False) -> Json:
        """The source's JSON; what decides the rows (`of_rows`) masks nothing and has no `masking`."""
        kind = {"type": self.subtype.type.value, "subtype": self.subtype.value}
        masking = {} if of_rows else {"masking": self.masking}
        passed = {"transformations": list(self.transformations), "via": list(self.via)}
        return {
            **self.vertex.to_dict(), **kind, **masking, "expression": self.expression, "plan": self.plan,
            **{name: names for name, names in passed.items() if names},
            **({} if self.version is None else {"version": self.version}),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldAnswer:
    """A field of a column that was written field by field, by its path, with its direct sources."""

    name: str
    sources: tuple[Source, ...]

    def to_dict(self) -> Json:
        """The field's JSON."""
        return {"name": self.name, "sources": [source.to_dict() for source in self.sources]}


@dataclass(frozen=True, slots=True)
class ColumnAnswer:
    """A column of a table with its direct sources; `fields` are those that the plan knows more of than the column."""

    name: str
    type: str
    certainty: Certainty
    sources: tuple[Source, ...]
    fields: tuple[FieldAnswer, ...] = ()

    def to_dict(self) -> Json:
        """The column's JSON."""
        fields = {"fields": [field.to_dict() for field in self.fields]} if self.fields else {}
        return {
            "name": self.name,
            "type": self.type,
            "certainty": self.certainty.value,
            "sources": [source.to_dict() for source in self.sources],
            **fields,
        }


@dataclass(frozen=True, slots=True)
class LastRun:
    """The latest run that wrote a table or tried to."""

    id: str
    state: RunState
    started_at: int | None
    rows: int | None

    def to_dict(self) -> Json:
        """Id, state, start, rows."""
        return {
            "id": self.id, "state": self.state.value, "started_at": iso_time(self.started_at), "rows": self.rows
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableAnswer:
    """One table: where each column comes from, and what decides its rows."""

    dataset: DatasetReference
    certainty: Certainty
    plans: tuple[str, ...]
    runs: int
    last_run: LastRun | None
    columns: tuple[ColumnAnswer, ...]
    rows: tuple[Source, ...]
    problems: tuple[Problem, ...]

    def to_dict(self) -> Json:
        """The table's JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "dataset": self.dataset.to_dict(),
            "certainty": self.certainty.value,
            "plans": list(self.plans),
            "runs": self.runs,
            "last_run": self.last_run and self.last_run.to_dict(),
            "columns": [column.to_dict() for column in self.columns],
            "rows": [source.to_dict(of_rows=True) for source in self.rows],
            "problems": problems_json(self.problems),
        }


@dataclass(frozen=True, slots=True)
class WalkNode:
    """A vertex that a walk met; `subtype` None at depth 0. `certainty` is that of all ways to it, `own` of its own sources alone."""

    vertex: Vertex
    depth: int
    subtype: Subtype | None
    masking: bool
    certainty: Certainty
    own: Certainty

    def to_dict(self) -> Json:
        """The node's JSON."""
        return {
            **self.vertex.to_dict(),
            "depth": self.depth,
            "type": self.subtype and self.subtype.type.value,
            "subtype": self.subtype and self.subtype.value,
            "masking": self.masking,
            "certainty": self.certainty.value,
            "own_certainty": self.own.value,
        }


@dataclass(frozen=True, slots=True)
class WalkEdge:
    """One hop of a walk, from source to target whatever the direction of the walk."""

    source: Vertex
    target: Vertex
    subtype: Subtype
    masking: bool
    certainty: Certainty
    expression: str
    plan: str
    operator: str | None
    transformations: tuple[str, ...] = ()
    version: str | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """By source, target, type and subtype, then by plan and version."""
        kind = (self.subtype.type.value, self.subtype.value)
        return (*self.source.order, *self.target.order, *kind, self.plan, self.version or "")

    def to_dict(self) -> Json:
        """The edge's JSON."""
        return {
            "source": self.source.to_short_dict(),
            "target": self.target.to_short_dict(),
            "type": self.subtype.type.value,
            "subtype": self.subtype.value,
            "masking": self.masking,
            "certainty": self.certainty.value,
            "expression": self.expression,
            "plan": self.plan,
            "operator": self.operator,
            **({"transformations": list(self.transformations)} if self.transformations else {}),
            **({} if self.version is None else {"version": self.version}),
        }


@dataclass(frozen=True, slots=True)
class WalkAnswer:
    """Everything upstream or downstream of a vertex; `depth` is the limit in hops, None for none."""

    start: Vertex
    direction: str
    depth: int | None
    nodes: tuple[WalkNode, ...]
    edges: tuple[WalkEdge, ...]
    problems: tuple[Problem, ...]

    def to_dict(self) -> Json:
        """The walk's JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "start": self.start.to_dict(),
            "direction": self.direction,
            "depth": self.depth,
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [edge.to_dict() for edge in self.edges],
            "problems": problems_json(self.problems),
        }


@dataclass(frozen=True, slots=True)
class TableSummary:
    """One table in the list of all."""

    dataset: DatasetReference
    format: str | None
    columns: tuple[str, ...]
    certainty: Certainty
    plans: tuple[str, ...]
    runs: int
    last_run: LastRun | None

    def to_dict(self) -> Json:
        """The table's entry."""
        return {
            **self.dataset.to_dict(),
            "format": self.format,
            "columns": list(self.columns),
            "certainty": self.certainty.value,
            "plans": list(self.plans),
            "runs": self.runs,
            "last_run": self.last_run and self.last_run.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class TableEdge:
    """One table is made directly of another (kind data), or a driver result is (usage)."""

    source: DatasetReference
    target: DatasetReference
    kind: str
    plans: tuple[str, ...]

    def to_dict(self) -> Json:
        """The edge's JSON."""
        ends = {"source": self.source, "target": self.target}
        return {
            **{key: {"namespace": end.namespace, "name": end.name} for key, end in ends.items()},
            "kind": self.kind,
            "plans": list(self.plans),
        }


@dataclass(frozen=True, slots=True)
class TablesAnswer:
    """All tables, and how they hang together."""

    tables: tuple[TableSummary, ...]
    edges: tuple[TableEdge, ...]
    problems: tuple[Problem, ...]

    def to_dict(self) -> Json:
        """The JSON of all tables."""
        return {
            "schema_version": SCHEMA_VERSION,
            "tables": [table.to_dict() for table in self.tables],
            "edges": [edge.to_dict() for edge in self.edges],
            "problems": problems_json(self.problems),
        }


@dataclass(frozen=True, slots=True)
class RunsAnswer:
    """What ran, the newest first; each run with the dataset that it wrote."""

    runs: tuple[tuple[Run, DatasetReference | None], ...]

    def to_dict(self) -> Json:
        """The JSON of the runs."""
        return {
            "schema_version": SCHEMA_VERSION,
            "runs": [run_json(run, target) for run, target in self.runs],
        }


@dataclass(frozen=True, slots=True)
class ProblemsAnswer:
    """What was not understood, not captured or cut."""

    problems: tuple[Problem, ...]

    def to_dict(self) -> Json:
        """The JSON of the problems."""
        return {"schema_version": SCHEMA_VERSION, "problems": problems_json(self.problems)}


@dataclass(frozen=True, slots=True)
class Match:
    """What a search found: `kind` is dataset, column, expression or transformation."""

    kind: str
    vertex: Vertex
    expression: str | None = None
    plan: str | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """By vertex, then by kind and expression."""
        return (*self.vertex.order, self.kind, self.expression or "", self.plan or "")

    def to_dict(self) -> Json:
        """The match's JSON."""
        return {"kind": self.kind, **self.vertex.to_dict(), "expression": self.expression, "plan": self.plan}


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """All matches of a text."""

    text: str
    matches: tuple[Match, ...]

    def to_dict(self) -> Json:
        """The JSON of a search."""
        return {
            "schema_version": SCHEMA_VERSION,
            "text": self.text,
            "matches": [match.to_dict() for match in self.matches],
        }


def problems_json(problems: tuple[Problem, ...]) -> list[Json]:
    """The problems of an answer."""
    return [
        {
            "code": problem.code,
            "severity": problem.severity.value,
            "message": problem.message,
            "where": problem.where,
            "hint": problem.hint,
        }
        for problem in problems
    ]


def run_json(run: Run, target: DatasetReference | None) -> Json:
    """One run, with the dataset that it wrote."""
    failed = run.error_class is not None or run.error_message is not None
    error = {
        "class": run.error_class,
        "message": run.error_message,
        "condition": run.error_condition,
        "sqlstate": run.error_sqlstate,
    }
    return {
        "id": run.run_id,
        "part": run.part,
        "kind": run.kind,
        "state": run.state.value,
        "job": run.job,
        "operation": run.operation,
        "target": target and target.to_dict(),
        "plan": run.fingerprint,
        "started_at": iso_time(run.started_at),
        "ended_at": iso_time(run.ended_at),
        "rows": run.rows,
        "bytes": run.bytes,
        "files": run.files,
        "error": error if failed else None,
        "failed_operator": run.failed_operator,
        "decided_by": run.decided_by,
        "left_out": run.left_out,
        "application": {"id": run.application_id, "name": run.application_name},
        "user": run.user,
        "session": run.session,
        "spark_version": run.spark_version,
        "description": run.description,
        "call_site": run.call_site,
        "sql_text": run.sql_text,
        "query_id": run.query_id,
        "batch_id": run.batch_id,
    }
