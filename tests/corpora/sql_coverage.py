"""What the lineage run of Spark's SQL tests says: columns answered, and everything that is not as it must be.

A column is answered where it has a source, or where it has none and none can reach it (`sql_closure`, which shares no
rule with the analyzer). An opaque column is counted apart. Everything else is unanswered.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sql_closure import reaching
from sql_inputs import read_file
from sql_places import Places

from spark_lineage.analyze.classes import ASSIGNMENTS, QUIET
from spark_lineage.analyze.commands import answered_query, is_schema_inference
from spark_lineage.analyze.endings import ENDINGS
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import writes_of
from spark_lineage.capture import spool as spools
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import ExecutionRecord, GapRecord, PlanRecord, RddJobRecord, decode_record
from spark_lineage.decode.tree import Node, PlanTree
from spark_lineage.model import Certainty, Edge, EdgeKind, Plan, Problem
from spark_lineage.pipeline import ingest
from spark_lineage.store.delta import DeltaStore
from spark_lineage.store.schema import from_rows

_SCRIPT = re.compile(r"\s*(\w+\s*:\s*)?begin\b", re.IGNORECASE)


@dataclass
class FileCoverage:
    """Figures of one file; `unanswered`, `problems`, `unrecorded` and `wrong` are for a person to explain or to mend."""

    sources: int = 0
    sourceless: int = 0
    opaque: int = 0
    unanswered: list[str] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    unrecorded: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """Columns with an answer that is not opaque."""
        return self.sources + self.sourceless

    @property
    def columns(self) -> int:
        """Columns written or returned."""
        return self.answered + self.opaque + len(self.unanswered)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "problems": dict(self.problems), "unrecorded": dict(self.unrecorded)}


@dataclass(frozen=True)
class Recorded:
    """What stands in a spool: executions, jobs without one, and plans."""

    executions: tuple[ExecutionRecord, ...]
    jobs: tuple[RddJobRecord, ...]
    plans: dict[str, PlanTree]
    gaps: int


def read_spool(spool: Path) -> Recorded:
    """Decode every record, before the ingest takes the segments away."""
    executions, jobs, plans, gaps = [], [], {}, 0
    for segment in spools.segments(spool):
        for frame in spools.frames(segment.path):
            assert isinstance(frame, spools.Frame), frame
            record = decode_record(frame.payload)
            if isinstance(record, PlanRecord):
                if record.hash not in plans:
                    plans[record.hash] = decode_plan(record)
            elif isinstance(record, ExecutionRecord):
                executions.append(record)
            elif isinstance(record, RddJobRecord):
                jobs.append(record)
            elif isinstance(record, GapRecord):
                gaps += 1
    return Recorded(tuple(executions), tuple(jobs), plans, gaps)


def coverage(report: dict[str, Any], spool: Path, store: Path) -> dict[str, FileCoverage]:
    """Ingest what a lineage run left in its spool, and judge it, file by file."""
    recorded = read_spool(spool)
    ingested = ingest(spool, store)
    assert (recorded.gaps, ingested.bad_records, ingested.bad_segments, ingested.messages) == (0, 0, 0, ())
    return _Judge(report, recorded, DeltaStore(store)).judge()


class _Judge:
    def __init__(self, report: dict[str, Any], recorded: Recorded, store: DeltaStore) -> None:
        self.report = report
        self.recorded = recorded
        self.places = Places(report["files"], recorded.executions, recorded.jobs)
        self.files = {name: FileCoverage() for name in report["files"]}
        self.plans = {each.fingerprint: each for each in _values(store, "plans")}
        self.runs: dict[str, list[Any]] = {}
        for run in _values(store, "runs"):
            self.runs.setdefault(run.run_id.rpartition(":")[2], []).append(run)
        self.edges: dict[str, list[Edge]] = {}
        for edge in _values(store, "edges"):
            self.edges.setdefault(edge.fingerprint, []).append(edge)
        self.problems = _values(store, "problems")

    def judge(self) -> dict[str, FileCoverage]:
        known = self._known_columns()
        schemas: dict[tuple[str, int], list[str]] = {}
        for execution in self.recorded.executions:
            place = self.places.labelled(execution)
            if place is None or execution.root != execution.execution_id:
                continue
            name, position = place
            runs = self.runs.get(str(execution.execution_id), [])
            tree = self.recorded.plans.get(execution.plan or "")
            if not runs and (what := _not_quiet(execution, tree)):
                self.files[name].unrecorded[what] += 1
            for run in runs:
                if run.fingerprint is None:
                    continue
                self._run(name, position, run, tree)
                self._sources(name, position, run, known)
                plan = self.plans[run.fingerprint]
                if plan.kind is EdgeKind.USAGE:
                    columns = ",".join(f"{column.name}:{column.type}" for column in plan.columns)
                    schemas.setdefault(place, []).append(f"struct<{columns}>")
        for (name, position), found in schemas.items():
            self.files[name].wrong += self._unlike(name, position, found)
        self._problems()
        return self.files

    def _problems(self) -> None:
        """Count each problem where its statements stand; one that cannot be placed is counted with the first file."""
        of_plan: dict[str, set[tuple[str, int]]] = {}
        for key, runs in self.runs.items():
            for run in runs:
                of_plan.setdefault(run.fingerprint, set()).update(self.places.of_run(key))
        for problem in self.problems:
            if problem.fingerprint is not None:
                places = of_plan.get(problem.fingerprint, set())
            else:
                places = self.places.of_run((problem.run_id or "").rpartition(":")[2])
            for name, position in places or {(next(iter(self.files)), "?")}:
                self.files[name].problems[f"{position}: {problem.code} {_detail(problem)}".rstrip()] += 1

    def _unlike(self, name: str, position: int, found: list[str]) -> list[str]:
        """The schemas of a statement's usages that are not Spark's; a script returns one of those of its statements."""
        schema = self.report["files"][name][position].get("schema")
        if schema in {None, "struct<>"}:
            return []
        unlike = [each for each in found if not _same_schema(schema, each)]
        if _SCRIPT.match(read_file(name).statements[position]) and len(unlike) < len(found):
            return []
        return [f"{position}: Spark's schema is {schema}, the plan's is {each}" for each in unlike]

    def _run(self, name: str, position: int, run: Any, tree: PlanTree | None) -> None:
        """Count the columns of one write or usage."""
        plan = self.plans[run.fingerprint]
        file = self.files[name]
        sourced: dict[str, set[str]] = {}
        for edge in self.edges.get(run.fingerprint, ()):
            if edge.target_field is not None:
                sourced.setdefault(edge.target_field, set()).add(edge.source_field or "*")
        reached = _reached(plan, tree, run.part)
        if reached is not None:
            file.wrong += [f"{position}: {each}" for each in _impossible(plan, sourced, reached)]
        for ordinal, column in enumerate(plan.columns):
            if column.certainty is Certainty.OPAQUE:
                file.opaque += 1
            elif column.name in sourced:
                file.sources += 1
            elif reached is not None and ordinal < len(reached) and not reached[ordinal]:
                file.sourceless += 1
            else:
                file.unanswered.append(f"{position}: {run.operation} {column.name}")

    def _sources(self, name: str, position: int, run: Any, known: dict[str, set[str]]) -> None:
        """Every source must be a column of its table."""
        for edge in self.edges.get(run.fingerprint, ()):
            table = self._table(edge.source.name)
            if table is None or edge.source_field is None:
                continue
            column = edge.source_field
            columns = known.get(table, set())
            if column not in columns and column.partition(".")[0] not in columns:
                file = self.files[name]
                text = f"{position}: {table} has no column {column}"
                if text not in file.wrong:
                    file.wrong.append(text)

    def _table(self, path: str) -> str | None:
        """`default.t` for a folder of the warehouse, None for any other place."""
        prefix = f"{self.report['folder']}/warehouse/"
        if not path.startswith(prefix):
            return None
        parts = path.removeprefix(prefix).split("/")
        if len(parts) == 1:
            return f"default.{parts[0]}"
        return (
            f"{parts[0].removesuffix('.db')}.{parts[1]}"
            if len(parts) == 2 and parts[0].endswith(".db")
            else None
        )

    def _known_columns(self) -> dict[str, set[str]]:
        """The columns that each table ever had, by the catalog's word."""
        dumps = [self.report["tables"]]
        dumps += [
            each["tables"] for file in self.report["files"].values() for each in file if "tables" in each
        ]
        known: dict[str, set[str]] = {}
        for dump in dumps:
            for table, columns in dump.items():
                known.setdefault(table, set()).update(columns)
        return known


def _detail(problem: Problem) -> str:
    """The command that a problem is about, else its place in the plan or in Spark."""
    found = re.search(r"\bthe command (\w+)", problem.message)
    return found[1] if found else problem.where


def _not_quiet(execution: ExecutionRecord, tree: PlanTree | None) -> str | None:
    """What an execution without a run was; None for a command that the analyzer knows to move no rows, as DROP of a view."""
    if execution.command_result:
        return "CommandResult"
    if tree is None or tree.analyzed is None:
        return "no plan"
    if is_schema_inference(tree):
        return "schema inference"
    root = tree.analyzed.name
    if root in ASSIGNMENTS and answered_query(tree) is None:
        return None
    return None if root in QUIET | ENDINGS.keys() else root


def _values(store: DeltaStore, table: str) -> tuple[Any, ...]:
    return from_rows(table, store.read(table).to_pylist())


def _impossible(plan: Plan, sourced: dict[str, set[str]], reached: list[set[str]]) -> list[str]:
    """The claimed sources that no way leads from."""
    possible: dict[str, set[str]] = {}  # two columns of a query may have one name
    for column, names in zip(plan.columns, reached, strict=False):
        possible.setdefault(column.name, set()).update(names)
    return [
        f"{source} cannot reach {name}"
        for name, sources in sourced.items()
        for source in sorted(sources)
        if not _is_one_of(source, possible.get(name, set()))
    ]


def _is_one_of(field: str, columns: set[str]) -> bool:
    """Whether a source's path is, or lies inside, one of the columns."""
    return field in columns or any(field.startswith(f"{column}.") for column in columns)


def _reached(plan: Plan, tree: PlanTree | None, part: int) -> list[set[str]] | None:
    """For each column of a write or usage what stored columns can reach it; None where that cannot be asked."""
    if tree is None or tree.analyzed is None:
        return None
    root: Node = answered_query(tree) or tree.analyzed
    if plan.kind is EdgeKind.DATA:
        writes = writes_of(tree, Naming())
        inputs = writes[part][1].inputs if part < len(writes) else ()
        if len(inputs) != 1:
            return None
        root = inputs[0]
    return reaching(tree, root)


def _same_schema(expected: str, actual: str) -> bool:
    """Whether two schemas are the same, where a `?` stands for a literal that was masked."""
    pattern = "".join(".*" if part == "?" else re.escape(part) for part in _tokens(actual))
    return re.fullmatch(pattern, expected, re.DOTALL) is not None


def _tokens(text: str) -> Iterator[str]:
    yield from re.split(r"(\?)", text)
