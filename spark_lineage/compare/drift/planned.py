"""What a file would write, asked as a store is asked, and beside what a store has of the same tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from spark_lineage.compare.declared.patterns import full_name
from spark_lineage.compare.drift.diff import WriteDiff
from spark_lineage.compare.drift.history import History, WriteRun
from spark_lineage.compare.drift.lineages import (
    CHANGED,
    EQUIVALENT,
    IDENTICAL,
    UNKNOWN,
    PlanLineage,
    compare_plans,
)
from spark_lineage.compare.drift.sentences import findings_of
from spark_lineage.compare.findings import Finding
from spark_lineage.errors import without_secrets
from spark_lineage.model import SCHEMA_VERSION, Dataset, DatasetId, EdgeKind, Plan
from spark_lineage.planning.planned import Known, Planned, plan_script, plan_sql
from spark_lineage.query.answers import DatasetReference, Json, TableAnswer
from spark_lineage.query.local import LocalEngine
from spark_lineage.query.names import DEFAULT_CATALOG
from spark_lineage.query.snapshot import ReadableStore, Snapshot
from spark_lineage.store.delta import DeltaStore

__all__ = ["PlanAnswer", "plan_file"]


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """What a file would do: each statement, each table that would be written, and how that differs from the store `against`."""

    file: str
    planned: Planned
    tables: tuple[TableAnswer, ...]
    against: str | None = None
    verdict: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether something in the file could not be analyzed."""
        return any(each.outcome == "refused" for each in self.planned.statements)

    def to_dict(self) -> Json:
        """The JSON that docs/json.md describes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "file": self.file,
            "outcome": "refused" if self.refused else "planned",
            "statements": [
                {
                    "line": each.line,
                    "outcome": each.outcome,
                    "operation": each.operation,
                    "target": each.target and {"namespace": each.target.namespace, "name": each.target.name},
                    "message": each.message,
                }
                for each in self.planned.statements
            ],
            "tables": [
                {name: value for name, value in table.to_dict().items() if name not in _OF_RUNS}
                for table in self.tables
            ],
            "against": self.against,
            "verdict": self.verdict,
            "findings": [finding.to_dict() for finding in self.findings],
        }


_OF_RUNS = ("schema_version", "runs", "last_run")
"""What a table's answer has and a plan, which did not run, has not."""


def plan_file(
    path: Path, ddl: Iterable[Path] = (), against: str | None = None, arguments: Sequence[str] = ()
) -> PlanAnswer:
    """Analyze a file without executing it: a Python script (`.py`, with its arguments), else SQL statements.

    Raises `LineageError` for a file that cannot be read or a session that does not start, `StoreError` for the store.
    """
    store = None if against is None else DeltaStore(against)
    known = _known(store)
    is_script = path.suffix == ".py"
    planned = plan_script(path, arguments, ddl, known) if is_script else plan_sql(path, ddl, known)
    with TemporaryDirectory(prefix="spark-lineage-plan-") as folder:
        temporary = DeltaStore(Path(folder) / "store")
        temporary.create()
        temporary.append(planned.batch)
        engine = LocalEngine(temporary)
        written = [plan for plan in planned.batch.plans if plan.kind is EdgeKind.DATA]
        targets = dict.fromkeys(plan.target for plan in written)
        tables = tuple(engine.table(full_name(Dataset(each.namespace, each.name))) for each in targets)
        answer = PlanAnswer(str(path), planned, tables, None if against is None else without_secrets(against))
        return answer if store is None else _compared(answer, written, temporary, store)


def _known(store: ReadableStore | None) -> Known:
    """What a store knows of tables: columns by their name in the session's catalog, identities by alias."""
    if store is None:
        return Known({}, {}, {})
    snapshot = Snapshot(store)
    ids = {alias.casefold(): each for each in snapshot.datasets.values() for alias in each.aliases}
    tables = {
        alias.removeprefix(DEFAULT_CATALOG): [(field.name, field.type) for field in snapshot.fields(each.id)]
        for alias, each in ids.items()
        if alias.startswith(DEFAULT_CATALOG)
    }
    places = {
        f"{id_.namespace}|{id_.name}": [(field.name, field.type) for field in snapshot.fields(id_)]
        for id_ in snapshot.datasets
    }
    return Known(
        {name: columns for name, columns in tables.items() if columns},
        ids,
        {place: columns for place, columns in places.items() if columns},
    )


def _compared(
    answer: PlanAnswer, plans: Sequence[Plan], planned: ReadableStore, store: ReadableStore
) -> PlanAnswer:
    """The answer with what is another than in the store's current plans of the same tables."""
    snapshot, old, new = Snapshot(store), History(store), History(planned)
    reference = {
        id_: DatasetReference(id_.namespace, id_.name, each.aliases)
        for known in (Snapshot(planned), snapshot)
        for id_, each in known.datasets.items()
    }
    last = {run.fingerprint: run for runs in old.slots.values() for run in runs}
    diffs: list[WriteDiff] = []
    for plan in plans:
        after = WriteRun(
            "planned", 0, plan.fingerprint, plan.job, plan.target, plan.operation, "", None, None
        )
        before = _before(
            plan,
            [
                last[each.fingerprint]
                for each in snapshot.state(plan.target).plans
                if each.fingerprint in last
            ],
        )
        diffs.append(_diff(before, after, old, new, reference))
    verdicts = {each.verdict for each in diffs}
    verdict = (
        CHANGED
        if verdicts - {IDENTICAL, EQUIVALENT, UNKNOWN}
        else next((each for each in (UNKNOWN, EQUIVALENT) if each in verdicts), IDENTICAL)
    )
    findings = (finding for each in diffs for finding in findings_of(each))
    return replace(answer, verdict=verdict, findings=tuple(sorted(findings, key=lambda each: each.order)))


def _before(plan: Plan, current: Sequence[WriteRun]) -> WriteRun | None:
    """The store's write that the planned one stands for: the same plan, else the same operation, else the last."""
    same = (run for run in current if run.fingerprint == plan.fingerprint)
    alike = (run for run in current if run.operation == plan.operation)
    return next(same, None) or next(alike, None) or next(iter(current), None)


def _diff(
    before: WriteRun | None,
    after: WriteRun,
    old: History,
    new: History,
    reference: dict[DatasetId, DatasetReference],
) -> WriteDiff:
    plan = PlanLineage(new.plans[after.fingerprint], new.edges([after.fingerprint])[after.fingerprint])
    target = reference.get(after.target, DatasetReference(after.target.namespace, after.target.name))
    if before is None:
        lineage = compare_plans(plan, plan, reference)
        return WriteDiff(after.job, target, None, after, lineage, "added", "unknown", (), (), is_first=True)
    earlier = PlanLineage(old.plans[before.fingerprint], old.edges([before.fingerprint])[before.fingerprint])
    lineage = compare_plans(earlier, plan, reference)
    return WriteDiff(after.job, target, before, after, lineage, lineage.verdict, "unknown", (), ())
