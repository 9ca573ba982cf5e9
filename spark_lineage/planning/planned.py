"""What the child found -> the lineage of what would be written, under the names that the real tables have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from spark_lineage.analyze.commands import answered_query
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import (
    Context,
    Lineage,
    analyze_usage,
    analyze_write,
    fingerprint_of,
    writes_of,
)
from spark_lineage.analyze.selectors import selectors
from spark_lineage.capture.session import jar_path
from spark_lineage.decode.plans import decode_plan
from spark_lineage.decode.records import PlanRecord, decode_record
from spark_lineage.errors import DecodeError, LineageError
from spark_lineage.model import (
    CATALOG_NAMESPACE,
    Batch,
    Column,
    Dataset,
    DatasetId,
    EdgeKind,
    Plan,
    Run,
    RunState,
)
from spark_lineage.planning.sql_file import Statement, statements

__all__ = ["CATALOG_NAMESPACE", "Known", "Planned", "PlannedStatement", "plan_script", "plan_sql"]

_SCRUBBED = ("SPARK_", "HADOOP_", "PYSPARK_", "SPARK_LINEAGE_", "HIVE_")
_KEPT = ("SPARK_HOME",)
_TIMEOUT_SECONDS = 1_800


@dataclass(frozen=True, slots=True)
class PlannedStatement:
    """A statement or call at a line: `outcome` is analyzed, defined, skipped or refused; `target` what it would write."""

    line: int
    outcome: str
    message: str = ""
    operation: str | None = None
    target: DatasetId | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What a file would do, and its lineage as rows of a store."""

    job: str
    statements: tuple[PlannedStatement, ...]
    batch: Batch


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of real tables: their columns by catalog name (`db.table`) and by `namespace|name`, their identity by alias."""

    tables: Mapping[str, Sequence[tuple[str, str]]]
    ids: Mapping[str, Dataset]
    places: Mapping[str, Sequence[tuple[str, str]]]


def plan_sql(path: Path, ddl: Iterable[Path], known: Known) -> Planned:
    """Analyze the statements of a SQL file after those of the files `ddl`, without executing them.

    Raises `LineageError` for a file that cannot be read and for a session that does not start.
    """
    return _plan(path, ddl, known, statements=[(each.line, each.text) for each in _statements_of(path)])


def plan_script(path: Path, arguments: Sequence[str], ddl: Iterable[Path], known: Known) -> Planned:
    """Run a Python script with a session that only analyzes. Raises as `plan_sql`."""
    if not path.is_file():
        raise LineageError(f"{path} cannot be read (no such file): name a Python script.")
    return _plan(path, ddl, known, script=str(path.resolve()), arguments=list(arguments))


def _plan(path: Path, ddl: Iterable[Path], known: Known, **asked: Any) -> Planned:
    request = {
        "statements": [], "script": None, "arguments": [], **asked, "tables": known.tables, "places": known.places, "cwd": str(Path.cwd()),
        "ddl": [(each.line, each.text) for file in ddl for each in _statements_of(file)],
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="spark-lineage-plan-", ignore_cleanup_errors=True) as folder:
        answers = _ask(request, Path(folder))
        made = {
            alias.casefold(): Dataset(*id_)
            for each in answers
            for alias, id_ in each.get("renamed", {}).items()
        }
        known = replace(known, ids={**known.ids, **made})
        warehouse = Naming().locate(f"{Path(folder) / 'warehouse'}").id.name
        return _planned(path.stem, [each for each in answers if "renamed" not in each], known, warehouse)


def _statements_of(path: Path) -> list[Statement]:
    try:
        return list(statements(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise LineageError(f"{path} cannot be read ({reason}): name a file of SQL statements.") from None


def _python_path() -> str:
    """What this Python imports from, as far as it is there.

    Each SparkContext of a process adds the folder of its files, and each of its packages, and takes nothing away: after some fifty
    of them the whole is longer than Linux lets a variable of the environment be (128 KiB).
    """
    return os.pathsep.join(dict.fromkeys(each for each in sys.path if each and os.access(each, os.F_OK)))


def _ask(request: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Run the child and read its answer; nothing of the user's Spark configuration reaches it."""
    asked, answer = folder / "request.json", folder / "answer.jsonl"
    (folder / "conf").mkdir()
    asked.write_text(json.dumps({**request, "folder": str(folder), "jar": str(jar_path())}), encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if name in _KEPT or not name.startswith(_SCRUBBED)
    }
    environment |= {
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TMPDIR": str(folder),
        "PYTHONPATH": _python_path(),
    }
    command = [sys.executable, "-m", "spark_lineage.planning.child", str(asked), str(answer)]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise LineageError(
            f"The analysis took more than {_TIMEOUT_SECONDS // 60} minutes and was stopped."
        ) from None
    if done.returncode != 0 and answer.exists():  # what a script prints may be what it holds
        raise LineageError(
            f"The session that analyzes ended early (exit code {done.returncode}): plan the file in parts to find what ends it."
        )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        last = lines[-1].strip().rstrip(".") if lines else f"exit code {done.returncode}"
        raise LineageError(
            f"The session that analyzes did not start ({last}): `spark-lineage doctor` looks for the cause."
        )
    return [json.loads(line) for line in answer.read_text(encoding="utf-8").splitlines()]


def _planned(job: str, answers: Iterable[Mapping[str, Any]], known: Known, warehouse: str) -> Planned:
    rows = _Rows(job, known, warehouse)
    found = [each for answer in answers for each in rows.add(answer)]
    return Planned(job, tuple(found), rows.batch())


class _Rows:
    """Collects the rows of a store for what would be written."""

    def __init__(self, job: str, known: Known, warehouse: str) -> None:
        self._job = job
        self._known = known
        self._warehouse = warehouse
        self._datasets: dict[Dataset, None] = {}
        self._columns: dict[Column, None] = {}
        self._lineages: dict[str, Lineage] = {}
        self._runs: list[Run] = []

    def add(self, answer: Mapping[str, Any]) -> Iterator[PlannedStatement]:
        line, outcome = answer["line"], answer["outcome"]
        if answer["plan"] is None:
            yield PlannedStatement(line, outcome, answer["message"])
            return
        found = list(self._lineages_of(answer))
        for lineage in found:
            plan = lineage.plan
            self._lineages[plan.fingerprint] = lineage
            self._note(lineage)
            self._runs.append(_run(len(self._runs), plan))
            yield PlannedStatement(line, outcome, answer["message"], plan.operation, plan.target)
        if not found:
            yield PlannedStatement(line, "skipped", "It moves no data.")

    def batch(self) -> Batch:
        lineages = self._lineages.values()
        return Batch(
            datasets=tuple(self._datasets),
            columns=tuple(self._columns),
            plans=tuple(each.plan for each in lineages),
            edges=tuple(edge for each in lineages for edge in each.edges),
            runs=tuple(self._runs),
            problems=tuple(dict.fromkeys(problem for each in lineages for problem in each.problems)),
        )

    def _lineages_of(self, answer: Mapping[str, Any]) -> Iterator[Lineage]:
        record = decode_record(msgspec.json.encode(answer["plan"]))
        if not isinstance(record, PlanRecord):
            raise DecodeError("The analysis gave a record that is no plan: please report the statement.")
        tree = decode_plan(record)
        literals = tuple(answer["literals"])
        context = Context(self._job, literals=literals)
        writes = writes_of(tree, context.naming)
        for node, write in writes:
            done = replace(write, operation=answer["operation"] or write.operation)
            yield self._renamed(analyze_write(node, done, tree, context), selectors(tree, literals))
        query = None if writes else answered_query(tree)
        usage = None if query is None else analyze_usage(tree, context, query)
        if usage is not None:
            yield self._renamed(usage, selectors(tree, literals))

    def _renamed(self, lineage: Lineage, chosen: tuple[str, ...]) -> Lineage:
        """The lineage under the identities of the real tables, with its own fingerprint."""
        names = {each.dataset.id: self._real(each.dataset) for _, each in lineage.reads}
        names[lineage.target.dataset.id] = self._real(lineage.target.dataset)

        def real(id_: DatasetId) -> DatasetId:
            return names[id_].id if id_ in names else self._by_place(id_)

        plan = replace(
            lineage.plan,
            target=real(lineage.plan.target),
            datasets=tuple(sorted({*map(real, lineage.plan.datasets)})),
        )
        edges = tuple(
            replace(edge, source=real(edge.source), target=plan.target, fingerprint="")
            for edge in lineage.edges
        )
        if plan.kind is EdgeKind.DATA:
            plan = replace(plan, fingerprint=fingerprint_of(plan, edges, chosen))
        edges = tuple(replace(edge, fingerprint=plan.fingerprint) for edge in edges)
        problems = tuple(
            replace(each, fingerprint=plan.fingerprint, dataset=plan.target) for each in lineage.problems
        )
        target = replace(lineage.target, dataset=names[lineage.target.dataset.id])
        reads = tuple((node, replace(each, dataset=names[each.dataset.id])) for node, each in lineage.reads)
        return replace(lineage, plan=plan, edges=edges, problems=problems, target=target, reads=reads)

    def _real(self, dataset: Dataset) -> Dataset:
        """The real table behind one of the throw-away catalog: by alias, else by its place below the warehouse."""
        for alias in dataset.aliases:
            found = self._known.ids.get(alias.casefold())
            if found is not None:
                return found
        real = self._by_place(dataset.id)
        if real == dataset.id:
            return dataset
        return Dataset(real.namespace, real.name, dataset.aliases or (real.name,))

    def _by_place(self, id_: DatasetId) -> DatasetId:
        """A place in the throw-away warehouse as the name in the catalog: `/…/warehouse/db.db/t` is `db.t`."""
        prefix = f"{self._warehouse}/"
        if not id_.name.startswith(prefix):
            return id_
        database, _, table = id_.name.removeprefix(prefix).rpartition("/")
        name = f"spark_catalog.{database.removesuffix('.db') or 'default'}.{table}"
        found = self._known.ids.get(name.casefold())
        return DatasetId(CATALOG_NAMESPACE, name) if found is None else found.id

    def _note(self, lineage: Lineage) -> None:
        for dataset in (lineage.target.dataset, *(each.dataset for _, each in lineage.reads)):
            self._datasets[dataset] = None
        for node, each in lineage.reads:
            id_ = each.dataset.id
            for ordinal, attribute in enumerate(node.output or ()):
                column = Column(id_.namespace, id_.name, attribute.name, attribute.type.simple, ordinal)
                self._columns[column] = None


def _run(number: int, plan: Plan) -> Run:
    """A run that stands for one to come, so that the plan counts as current."""
    return Run(
        run_id=f"planned:{number}",
        part=0,
        kind="write" if plan.kind is EdgeKind.DATA else "usage",
        fingerprint=plan.fingerprint,
        job=plan.job,
        operation=plan.operation,
        target=plan.target,
        state=RunState.COMPLETE,
        application_id="",
        application_name="",
        user="",
        spark_version="",
        started_at=number,
        ended_at=number,
    )
