"""Stored edges beside the datasets' columns as they are now: edges whose source or target is gone or has another type.

The edges are those of the current plans. A type is compared with the one that the plan's last run met or, of a target, that the plan itself
gave the column: a table keeps its own types under an INSERT, so only what creates the columns says something about them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from spark_lineage.compare.drift.current import PARQUET, CurrentSchema, current_schema, last_observed
from spark_lineage.compare.drift.schemas import Schemas
from spark_lineage.compare.drift.sentences import short_name
from spark_lineage.compare.findings import Finding
from spark_lineage.compare.labels import reference
from spark_lineage.model import SCHEMA_VERSION, DatasetId, EdgeKind, Severity
from spark_lineage.query.answers import DatasetReference, Json
from spark_lineage.query.snapshot import ReadableStore, Snapshot
from spark_lineage.store.schema import Row

__all__ = ["CheckedDataset", "ValidateAnswer", "validate"]

_CREATES = frozenset({"CREATE TABLE AS SELECT", "REPLACE TABLE AS SELECT"})


@dataclass(frozen=True, slots=True)
class CheckedDataset:
    """A dataset at the end of an edge: where its columns were looked up (delta, iceberg, parquet, observed), None with the reason."""

    dataset: DatasetReference
    checked_by: str | None
    reason: str | None

    def to_dict(self) -> Json:
        """The dataset's JSON."""
        return {**self.dataset.to_dict(), "checked_by": self.checked_by, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class ValidateAnswer:
    """How many edges there are, and of how many ends (two each) the columns are known; the datasets; what was found."""

    edges: int
    ends: int
    ends_checked: int
    datasets: tuple[CheckedDataset, ...]
    findings: tuple[Finding, ...]

    def to_dict(self) -> Json:
        """The JSON of the validation."""
        return {
            "schema_version": SCHEMA_VERSION,
            "edges": self.edges,
            "ends": self.ends,
            "ends_checked": self.ends_checked,
            "datasets": [dataset.to_dict() for dataset in self.datasets],
            "findings": [finding.to_dict() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True, order=True)
class _End:
    """A column at one end of edges."""

    dataset: DatasetId
    field: str
    role: str


def validate(store: ReadableStore) -> ValidateAnswer:
    """Check all current edges of a store."""
    snapshot = Snapshot(store)
    plans = {
        plan.fingerprint: target
        for target, state in snapshot.states.items()
        if state.ended_by is None
        for plan in state.plans
        if plan.kind is EdgeKind.DATA
    }
    edges = [edge for edge in snapshot.edges.to_pylist() if edge["fingerprint"] in plans]
    ends: dict[_End, list[Row]] = {}
    for edge in edges:
        for role in ("source", "target"):
            # What was read at a version that the query asked for is as it was.
            if edge[f"{role}_field"] is not None and not (role == "source" and edge["source_version"]):
                id_ = DatasetId(edge[f"{role}_namespace"], edge[f"{role}_name"])
                ends.setdefault(_End(id_, edge[f"{role}_field"], role), []).append(edge)
    observed = last_observed(snapshot)
    ids = sorted({end.dataset for end in ends})
    current = {id_: current_schema(snapshot.datasets[id_], observed.get(id_)) for id_ in ids}
    types = _Types(store, snapshot)
    findings = [
        finding
        for end, met in sorted(ends.items())
        if current[end.dataset].source is not None
        for finding in _check(snapshot, end, met, current[end.dataset], types)
    ]
    known = [met for end, met in ends.items() if current[end.dataset].source is not None]
    return ValidateAnswer(
        len(edges),
        sum(map(len, ends.values())),
        sum(map(len, known)),
        tuple(
            CheckedDataset(reference(snapshot, id_), current[id_].source, current[id_].reason) for id_ in ids
        ),
        tuple(sorted(findings, key=lambda each: each.order)),
    )


class _Types:
    """The types that columns had when the plans ran."""

    def __init__(self, store: ReadableStore, snapshot: Snapshot) -> None:
        self._schemas = Schemas.of(store)
        runs = snapshot.runs.select(["fingerprint", "run_id", "part"]).to_pylist()
        self._last: Mapping[str, tuple[str, int]] = {
            row["fingerprint"]: (row["run_id"], row["part"]) for row in runs if row["fingerprint"]
        }
        self._plans = {row["fingerprint"]: row for row in snapshot.read("plans").to_pylist()}
        self._met: dict[tuple[DatasetId, str], set[str]] = {}
        for row in snapshot.read("columns").to_pylist():
            key = (DatasetId(row["namespace"], row["name"]), row["field"].lower())
            self._met.setdefault(key, set()).add(row["type"])

    def of(self, end: _End, fingerprint: str, source: str | None) -> set[str]:
        """The types that an end may have had; none where nothing can be said of them."""
        if "." in end.field:
            return set()
        return (
            self._of_target(end, fingerprint, source)
            if end.role == "target"
            else self._of_source(end, fingerprint)
        )

    def _of_target(self, end: _End, fingerprint: str, source: str | None) -> set[str]:
        plan = self._plans[fingerprint]
        creates = plan["operation"] in _CREATES or (source == PARQUET and plan["overwrites"])
        return {
            each["type"] for each in plan["columns"] if creates and each["name"].lower() == end.field.lower()
        }

    def _of_source(self, end: _End, fingerprint: str) -> set[str]:
        run = self._last.get(fingerprint)
        seen = self._schemas.of_run(*run).get((end.dataset, "read")) if run else None
        if seen is not None:
            columns = {name.lower(): type_ for name, type_ in self._schemas.columns(seen).items()}
            return {columns[end.field.lower()]} if end.field.lower() in columns else set()
        return self._met.get((end.dataset, end.field.lower()), set())


def _check(
    snapshot: Snapshot, end: _End, edges: list[Row], current: CurrentSchema, types: _Types
) -> Iterator[Finding]:
    kind = current.find(end.field)
    dataset = reference(snapshot, end.dataset)
    name = f"{short_name(dataset)}.{end.field}"
    used = "is made of it" if end.role == "source" else "writes it"
    targets = sorted({_target(snapshot, edge) for edge in edges})
    whose = ", ".join(targets[:3]) + (f" and {len(targets) - 3} more" if len(targets) > 3 else "")
    plans = sorted({edge["fingerprint"] for edge in edges})
    if kind is None:
        severity = Severity.ERROR if end.role == "source" else Severity.WARNING
        what = f"{whose} {used}" if end.role == "source" else "a current plan writes it"
        facts = {"checked_by": current.source or "", "edges": str(len(edges)), "targets": whose}
        yield _finding(
            end, f"{end.role}_column_gone", severity, f"The column {name} is gone, and {what}.", facts
        )
        return
    expected = sorted({type_ for plan in plans for type_ in types.of(end, plan, current.source)})
    if kind.text is None or not expected or kind.text.lower() in {each.lower() for each in expected}:
        return
    before = " or ".join(expected)
    facts = {
        "checked_by": current.source or "",
        "before": before,
        "after": kind.text,
        "edges": str(len(edges)),
        "targets": whose,
    }
    message = f"The column {name} is {kind.text} now, and was {before} when {'it was read' if end.role == 'source' else 'it was written'}."
    yield _finding(end, f"{end.role}_type_changed", Severity.WARNING, message, facts)


def _finding(end: _End, kind: str, severity: Severity, message: str, facts: Mapping[str, str]) -> Finding:
    return Finding(kind, severity, message, end.dataset, end.field, evidence=tuple(facts.items()))


def _target(snapshot: Snapshot, edge: Row) -> str:
    dataset = short_name(reference(snapshot, DatasetId(edge["target_namespace"], edge["target_name"])))
    return dataset if edge["target_field"] is None else f"{dataset}.{edge['target_field']}"
