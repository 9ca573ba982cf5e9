"""Folded executions -> rows of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from spark_lineage.analyze.ancestry import ancestry
from spark_lineage.analyze.commands import changed_dataset
from spark_lineage.analyze.endings import TRUNCATE, Ending, plan_of_ending
from spark_lineage.analyze.lineage import Context, Lineage, analyze_usage, analyze_write
from spark_lineage.analyze.origins import RDD_RELATIONS, Origin
from spark_lineage.analyze.rdd_jobs import Effect, analyze_rdd_job
from spark_lineage.analyze.relations import Located, only_logs
from spark_lineage.analyze.targets import Write
from spark_lineage.analyze.writes import VIEW_OPERATIONS
from spark_lineage.decode.records import (
    ApplicationEndRecord,
    ApplicationRecord,
    ExecutionRecord,
    ExecutorRecord,
    GapRecord,
    IntentRecord,
    RddJobRecord,
)
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import (
    CONTROL_RUN,
    ApplicationEvent,
    Batch,
    Column,
    Constants,
    Dataset,
    DatasetId,
    Edge,
    EdgeKind,
    Observation,
    OperatorMetrics,
    Plan,
    Problem,
    Run,
    RunState,
    Schema,
    Severity,
    Stage,
    StreamBatch,
)
from spark_lineage.pipeline.constants import constants_of
from spark_lineage.pipeline.datasets import (
    executed,
    observed_reads,
    read_of,
    schema,
    unplanned,
    written_columns,
)
from spark_lineage.pipeline.designs import Design, Designs
from spark_lineage.pipeline.failures import failed_operator
from spark_lineage.pipeline.fold import Event, Folded, FoldedUsage, FoldedWrite, fold, spares_what_is_there
from spark_lineage.pipeline.intents import as_execution, is_without_end
from spark_lineage.pipeline.job_names import job_of
from spark_lineage.pipeline.locate import Locations
from spark_lineage.pipeline.measures import Measured, measured
from spark_lineage.pipeline.operators import stage_of
from spark_lineage.pipeline.origins import Origins
from spark_lineage.pipeline.outcomes import BY_APPLICATION, Undecided, application_state
from spark_lineage.pipeline.ran import Joins, ran_for
from spark_lineage.pipeline.rdd_jobs import rdd_job_of, written
from spark_lineage.pipeline.scans import Scan, scans_of
from spark_lineage.pipeline.versions import Versions, sought_for, target_version


@dataclass(slots=True)
class Rows:
    """Collects the rows of an ingest, each table in the order in which its rows were found."""

    datasets: dict[Dataset, None] = field(default_factory=dict)
    columns: dict[Column, None] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    edges: dict[str, tuple[Edge, ...]] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    operators: list[OperatorMetrics] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    problems: dict[Problem, None] = field(default_factory=dict)
    batches: list[StreamBatch] = field(default_factory=list)
    events: list[ApplicationEvent] = field(default_factory=list)
    constants: list[Constants] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    schemas: dict[str, Schema] = field(default_factory=dict)
    versions: Versions = field(default_factory=Versions)

    def batch(self) -> Batch:
        """All rows as one batch for the store."""
        return Batch(
            datasets=tuple(self.datasets),
            columns=tuple(self.columns),
            plans=tuple(self.plans.values()),
            edges=tuple(edge for edges in self.edges.values() for edge in edges),
            runs=tuple(self.runs),
            operators=tuple(self.operators),
            stages=tuple(self.stages),
            batches=tuple(self.batches),
            events=tuple(self.events),
            constants=tuple(self.constants),
            observations=tuple(self.versions.settled(self.observations)),
            problems=tuple({**self.problems, **dict.fromkeys(self.versions.problems())}),
            schemas=tuple(self.schemas.values()),
        )


@dataclass(slots=True)
class Application:
    """Turns the folded executions of one application into rows.

    `alive_until` is the last sign of life of an application that is over, epoch milliseconds.
    Analysis is repeated only where the plan, its literals or its checkpoints' plans differ.
    """

    record: ApplicationRecord
    plans: Mapping[str, PlanTree | None]
    rows: Rows
    locations: Locations
    store: DatasetId
    origins: Origins
    job: str = field(init=False)
    alive_until: int | None = None
    _analyzed: dict[Any, Lineage | None] = field(default_factory=dict)
    _designs: Designs = field(default_factory=Designs)

    def __post_init__(self) -> None:
        self.job = job_of(self.record)

    def add(self, folded: Folded) -> None:
        """Add the rows of one root execution, and say of each new run whether its times can be right."""
        first = len(self.rows.runs)
        self._add(folded)
        for run in self.rows.runs[first:]:
            if run.started_at is not None and run.ended_at is not None and run.ended_at < run.started_at:
                back = (run.started_at - run.ended_at) / 1_000
                message = f"a run ended {back:.1f} s before it began: the clock of its driver was set back, its duration is not known"
                problem = Problem(
                    "clock_went_back", Severity.INFO, message, run.call_site or "", "", run.run_id
                )
                self.rows.problems[problem] = None

    def _add(self, folded: Folded) -> None:
        for part, write in enumerate(folded.writes):
            self._write(folded, write, part)
        for usage in folded.usages:
            self._usage(folded, usage)
        for execution in folded.unread:
            self._unread(execution)
        for execution, name in folded.not_followed:
            self._not_followed(execution, name)
        for execution, ending in folded.endings:
            self._ending(execution, ending)
        for execution in folded.failed:
            run = self._run(
                f"{self.record.bridge}:{execution.execution_id}",
                0,
                "query",
                "STREAM",
                RunState(execution.state),
            )
            self.rows.runs.append(_with_outcome(run, execution))

    def running(self, intent: IntentRecord) -> None:
        """A write that has begun and not ended, in an application that lives: its lineage is told when it has ended."""
        execution = as_execution(intent, RunState.RUNNING)
        naming = self.locations.naming
        folded = fold(intent.root, [execution], lambda each: self.plans.get(each.plan or ""), naming)
        for part, write in enumerate(folded.writes):
            target = self.locations.resolve(write.write.target, execution.ended_order)
            if not target or spares_what_is_there(write) or self._is_in_store(target[0].dataset.id):
                continue
            run_id = f"{self.record.bridge}:{folded.root}"
            run = self._run(run_id, part, "write", write.write.operation, RunState.RUNNING)
            self.rows.runs.append(_with_outcome(replace(run, target=target[0].dataset.id), execution))

    def executor(self, record: ExecutorRecord) -> None:
        """An executor that came or went."""
        kind = f"executor_{record.event}"
        self.rows.events.append(
            ApplicationEvent(self.record.bridge, record.at, kind, record.executor, record.reason or "")
        )

    def rdd_job(self, record: RddJobRecord) -> None:
        """A job without an SQL execution: files in, files out, or rows that went to the program."""
        run_id = f"{self.record.bridge}:job-{record.job_id}"
        if record.rdd is None:
            self._unseen_job(run_id, record)
        job = None if record.rdd is None else rdd_job_of(record, self.locations.naming)
        if job is None:
            if record.state != RunState.COMPLETE.value:
                run = self._run(run_id, 0, "query", "RDD", RunState(record.state))
                self.rows.runs.append(_with_job(run, record))
                self.rows.stages.extend(stage_of(run_id, None, each) for each in record.stages)
            return
        lineage = self._once(("rdd", job), lambda: analyze_rdd_job(job, self.job))
        if lineage is None:
            return
        self._lineage(lineage)
        for located in job.read.located():
            self.rows.datasets[located.dataset] = None
        kind = "write" if job.effect is Effect.FILES else "usage"
        run = self._run(run_id, 0, kind, lineage.plan.operation, RunState(record.state))
        run = replace(run, fingerprint=lineage.plan.fingerprint, target=lineage.plan.target)
        totals = written(record) if kind == "write" else None
        for each in job.read.located():
            self.rows.observations.extend(_observations(run_id, 0, each, "read"))
        if totals is not None:
            self.rows.observations.extend(
                replace(each, rows=totals.rows, bytes=totals.bytes, files=totals.files)
                for each in _observations(run_id, 0, lineage.target, "written")
            )
            run = replace(run, rows=totals.rows, bytes=totals.bytes)
        self.rows.runs.append(_with_job(run, record))
        self.rows.stages.extend(stage_of(run_id, None, each) for each in record.stages)

    def _unseen_job(self, run_id: str, record: RddJobRecord) -> None:
        """A job that had ended before the bridge heard of its start; one over no partitions has no stage and runs nothing."""
        if record.schema_inference or (record.call_site is None and not record.stages):
            return
        place = record.call_site or "unknown place"
        message = (
            f"an RDD job ({place}) had ended before it could be looked at: what it read or wrote is not known"
        )
        hint = "use DataFrames where lineage matters"
        problem = Problem("rdd_job", Severity.WARNING, message, record.call_site or "", hint, run_id)
        self.rows.problems[problem] = None

    def gap(self, gap: GapRecord) -> None:
        """Records that the bridge lost."""
        where = f"{self.record.application_name} at {gap.at}"
        if gap.reason == "wrong_setting":
            message = f"a setting of the job is not followed: {gap.message}"
            hint = "docs/settings.md lists the settings and what is allowed"
            self.rows.problems[
                Problem("wrong_setting", Severity.ERROR, message, where, hint, self.record.bridge)
            ] = None
            return
        what = f": {gap.message}" if gap.message else ""
        message = f"the bridge lost {gap.count} record(s) ({gap.reason}){what}"
        self.rows.problems[
            Problem(
                "gap",
                Severity.ERROR,
                message,
                where,
                "run spark-lineage doctor",
                self.record.bridge,
            )
        ] = None

    def end(self, end: ApplicationEndRecord | None, states: set[RunState]) -> None:
        """The application ended, in order or (None) without a word; `states` are those of its runs."""
        state, why = application_state(end, states)
        run = self._run(self.record.bridge, 0, "application", "APPLICATION", state)
        ended_at = end.ended_at if end else None
        self.rows.runs.append(
            replace(run, started_at=self.record.started_at, ended_at=ended_at, error_message=why)
        )

    def _write(self, folded: Folded, write: FoldedWrite, part: int) -> None:
        inner, outer = write.inner, write.outer
        placed = write.write
        if placed.operation not in VIEW_OPERATIONS:
            creates = placed.operation == "CREATE TABLE AS SELECT"
            order = outer.execution.ended_order
            placed = replace(placed, target=self.locations.resolve(placed.target, order, creates=creates))
        origin = self.origins.of(inner.execution, folded.batch)
        key = (inner.node, placed, inner.execution.literals, self.origins.number(origin))
        context = self._context(inner.execution, origin)
        lineage = self._once(key, lambda: analyze_write(inner.node, placed, inner.tree, context))
        if lineage is None:
            return
        self._lineage(lineage)
        run_id = f"{self.record.bridge}:{folded.root}"
        totals = measured(write, self.plans)
        self._constants(run_id, part, inner.execution, lineage)
        run = self._executed(run_id, part, "write", outer.execution, lineage)
        run = replace(run, rows=totals.rows, bytes=totals.bytes, files=totals.files)
        if run.state is RunState.FAILED:
            run = replace(run, failed_operator=failed_operator(write.helpers, self.plans))
        self.rows.runs.append(run)
        if is_without_end(outer.execution):
            self._without_end(write, run, lineage.target)
        command = inner.position if inner.siblings > 1 else None
        scans = scans_of(write.helpers, self.plans, self.locations.naming, command)
        self._observe(run, inner, lineage, scans, folded.batch)
        self._observe_written(run, write, placed, lineage.target, totals)
        if part == 0:
            designs = [self._designs.of_write(inner, lineage)]
            designs += (self._designs.of_write(each.inner) for each in folded.writes[1:])
            names = [each.name for each in lineage.plan.columns] if len(designs) == 1 else []
            self._measure(run_id, write.helpers, designs, names)

    def _constants(self, run_id: str, part: int, execution: ExecutionRecord, lineage: Lineage) -> None:
        key = self.record.hash_key_id
        self.rows.constants.append(constants_of(run_id, part, lineage, execution.literals, key))

    def _without_end(self, write: FoldedWrite, run: Run, target: Located) -> None:
        """A write whose end is in no record: the target's log may decide it once all runs are known."""
        dataset = target.dataset
        place = (
            dataset.name if dataset.namespace == "file" else f"{dataset.namespace}/{dataset.name.lstrip('/')}"
        )
        self.rows.undecided.append(
            Undecided(
                run,
                target.locations[0].path if target.locations else place,
                dataset.format,
                target_version(write, dataset.id, self.plans, self.locations.naming),
                self.alive_until,
            )
        )

    def _behind_rdds(self, origin: Origin) -> set[DatasetId]:
        """The datasets at the ends of the RDDs that a plan reads."""
        rdds = [each for each in origin.facts.values() if "ancestry" in each]
        found = (ancestry(each, self.locations.naming).located() for each in rdds)
        return {each.dataset.id for located in found for each in located}

    def _usage(self, folded: Folded, usage: FoldedUsage) -> None:
        origin = self.origins.of(usage.execution, folded.batch)
        key = ("usage", usage.execution.literals, self.origins.number(origin))
        context = self._context(usage.execution, origin)
        lineage = self._once(key, lambda: analyze_usage(usage.tree, context, usage.query))
        if lineage is None or only_logs({*lineage.plan.datasets, *self._behind_rdds(origin)}):
            return
        self._lineage(lineage)
        run_id = f"{self.record.bridge}:{usage.execution.execution_id}"
        self._constants(run_id, 0, usage.execution, lineage)
        run = self._executed(run_id, 0, "usage", usage.execution, lineage)
        if run.state is RunState.FAILED:
            run = replace(run, failed_operator=failed_operator(usage.helpers, self.plans))
        self.rows.runs.append(run)
        scans = scans_of(usage.helpers, self.plans, self.locations.naming)
        self._observe(run, usage, lineage, scans, folded.batch)
        self._measure(run_id, usage.helpers, [self._designs.of_query(usage, lineage)])

    def _unread(self, execution: ExecutionRecord) -> None:
        """An execution that failed in analysis, or whose plan was lost: a run without a plan."""
        run_id = f"{self.record.bridge}:{execution.execution_id}"
        run = self._run(run_id, 0, "query", "UNKNOWN", RunState(execution.state))
        self.rows.runs.append(_with_outcome(run, execution))
        if execution.state == "COMPLETE" or execution.plan is not None:
            message = "the plan of an execution is not there: what it read or wrote is unknown"
            self._problem(
                "missing_plan",
                message,
                execution,
                run_id,
                "look for what was kept aside or lost: spark-lineage doctor",
            )

    def _not_followed(self, execution: ExecutionRecord, name: str) -> None:
        run_id = f"{self.record.bridge}:{execution.execution_id}"
        run = self._run(run_id, 0, "query", name, RunState(execution.state))
        self.rows.runs.append(_with_outcome(run, execution))
        if run.state is RunState.FAILED:
            return
        tree = self.plans.get(execution.plan or "")
        dataset = changed_dataset(tree, self.locations.naming) if tree is not None else None
        message = f"the command {name} changes data in a way that is not followed"
        self._problem("command_not_followed", message, execution, run_id, "see SUPPORTED.md", dataset)

    def _ending(self, execution: ExecutionRecord, ending: Ending) -> None:
        """A table that begins anew: a run which orders the writes before and after it, shown where rows were taken away."""
        target = self.locations.ended(ending, execution.ended_order)
        kind = "query" if ending.operation == TRUNCATE else CONTROL_RUN
        if target is None and kind == "query":
            self._not_followed(execution, ending.operation)
        is_hidden = kind == CONTROL_RUN and execution.state != RunState.COMPLETE.value
        if target is None or is_hidden or target.name.startswith(f"{self.store.name.rstrip('/')}/"):
            return
        plan = plan_of_ending(ending.operation, target, self.job)
        self.rows.plans[plan.fingerprint] = plan
        run_id = f"{self.record.bridge}:{execution.execution_id}"
        run = self._run(run_id, 0, kind, ending.operation, RunState(execution.state))
        run = replace(run, fingerprint=plan.fingerprint, target=target)
        self.rows.runs.append(_with_outcome(run, execution))

    def _problem(
        self,
        code: str,
        message: str,
        execution: ExecutionRecord,
        run_id: str,
        hint: str,
        dataset: DatasetId | None = None,
    ) -> None:
        where = execution.call_site or execution.description or ""
        problem = Problem(code, Severity.WARNING, message, where, hint, run_id, dataset=dataset)
        self.rows.problems[problem] = None

    def _lineage(self, lineage: Lineage) -> None:
        fingerprint = lineage.plan.fingerprint
        if fingerprint in self.rows.plans:
            return
        self.rows.plans[fingerprint] = lineage.plan
        self.rows.edges[fingerprint] = lineage.edges
        self.rows.datasets[lineage.target.dataset] = None
        self.locations.learn([lineage.target.dataset, *(located.dataset for _, located in lineage.reads)])
        target = lineage.plan.target
        for position, column in enumerate(lineage.plan.columns):
            self.rows.columns[Column(target.namespace, target.name, column.name, column.type, position)] = (
                None
            )
        for node, located in lineage.reads:
            self.rows.datasets[located.dataset] = None
            if node.name in RDD_RELATIONS:
                continue  # its columns are the program's, not the dataset's
            for position, attribute in enumerate(node.output or ()):
                each = located.dataset
                column_ = Column(each.namespace, each.name, attribute.name, attribute.type.simple, position)
                self.rows.columns[column_] = None
        for problem in lineage.problems:
            self.rows.problems[problem] = None

    def _once(self, key: tuple[Any, ...], analyze: Callable[[], Lineage | None]) -> Lineage | None:
        """The lineage that belongs to a key, analyzed when it is first met; None where there is none to tell of."""
        if key not in self._analyzed:
            self._analyzed[key] = analyze()
        lineage = self._analyzed[key]
        return None if lineage is None or self._is_own(lineage) else lineage

    def _is_own(self, lineage: Lineage) -> bool:
        """Whether a query worked on the lineage store itself: its reading and upkeep are not the user's data flow."""
        touched = {located.dataset.id for _, located in lineage.reads}
        if lineage.plan.kind is EdgeKind.DATA:
            touched.add(lineage.plan.target)
        return bool(touched) and all(map(self._is_in_store, touched))

    def _is_in_store(self, id_: DatasetId) -> bool:
        folder = f"{self.store.name.rstrip('/')}/"
        return id_.namespace == self.store.namespace and id_.name.startswith(folder)

    def _context(self, execution: ExecutionRecord, origin: Origin) -> Context:
        return Context(self.job, self.locations.naming, execution.literals, origin.origins, origin.facts)

    def _run(self, run_id: str, part: int, kind: str, operation: str, state: RunState) -> Run:
        record = self.record
        return Run(
            run_id=run_id,
            part=part,
            kind=kind,
            fingerprint=None,
            job=self.job,
            operation=operation,
            target=None,
            state=state,
            application_id=record.application_id,
            application_name=record.application_name,
            user=record.user,
            spark_version=record.spark_version,
            started_at=None,
            ended_at=None,
        )

    def _executed(
        self, run_id: str, part: int, kind: str, execution: ExecutionRecord, lineage: Lineage
    ) -> Run:
        run = self._run(run_id, part, kind, lineage.plan.operation, RunState(execution.state))
        run = replace(run, fingerprint=lineage.plan.fingerprint, target=lineage.plan.target)
        return _with_outcome(run, execution)

    def _observe(
        self,
        run: Run,
        event: Event | FoldedUsage,
        lineage: Lineage,
        scans: list[Scan],
        batch: ExecutionRecord | None,
    ) -> None:
        """What the run read, as its plan says and as its scans did it; inside a foreachBatch function the micro-batch's scans did."""
        naming = self.locations.naming
        executions = [executed(event.execution, event.tree)]
        tree = self.plans.get(batch.plan or "") if batch is not None else None
        if batch is not None and tree is not None and batch.execution_id != event.execution.execution_id:
            executions.append(executed(batch, tree))
            scans += (replace(each, rows=None) for each in scans_of([batch], self.plans, naming))
        reads = [read_of(node, each, executions, naming) for node, each in lineage.reads]
        more = unplanned(scans, reads, frozenset({lineage.plan.target}))
        self.rows.datasets.update(dict.fromkeys(each.located.dataset for each in more))
        found, schemas = observed_reads(run.run_id, run.part, [*reads, *more], scans)
        self.rows.schemas.update((each.schema_id, each) for each in schemas)
        formats = {each.located.dataset.id: each.located.dataset.format for each in (*reads, *more)}
        self.rows.observations.extend(
            self.rows.versions.dated(each, formats[DatasetId(each.namespace, each.name)]) for each in found
        )

    def _observe_written(
        self, run: Run, write: FoldedWrite, placed: Write, target: Located, totals: Measured
    ) -> None:
        """What the run wrote, and the version that it made, where the table's log is sure of it."""
        columns = written_columns(write.inner.node, placed)
        met = target_version(write, target.dataset.id, self.plans, self.locations.naming)
        sought = sought_for(run, totals.rows, met)
        for each in _observations(run.run_id, run.part, target, "written"):
            made = replace(each, rows=totals.rows, bytes=totals.bytes, files=totals.files)
            if sought is not None:
                made = self.rows.versions.made(made, sought, target.dataset.format)
            if not columns and made.version is not None:
                columns = self.rows.versions.logs.schema(made.path, made.version)
            if columns:
                known = schema(columns)
                self.rows.schemas[known.schema_id] = known
                made = replace(made, schema_id=known.schema_id)
            self.rows.observations.append(made)

    def _measure(
        self,
        run_id: str,
        executions: Iterable[ExecutionRecord],
        designs: Sequence[Design],
        columns: Sequence[str] = (),
    ) -> None:
        ran = ran_for(run_id, executions, self.plans, Joins(self._designs, designs, columns))
        self.rows.operators.extend(ran.operators)
        self.rows.stages.extend(ran.stages)
        self.rows.problems.update(dict.fromkeys(ran.problems))


def _with_outcome(run: Run, execution: ExecutionRecord) -> Run:
    error = execution.error or execution.plan_error
    streaming = execution.streaming
    return replace(
        run,
        user=execution.user or run.user,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        error_class=error.class_ if error else None,
        error_message=error.message if error else None,
        error_condition=error.condition if error else None,
        decided_by=BY_APPLICATION if is_without_end(execution) and execution.state == "CANCELLED" else None,
        description=execution.description,
        call_site=execution.call_site,
        sql_text=execution.sql_text,
        query_id=streaming.query_id if streaming else None,
        batch_id=streaming.batch_id if streaming else None,
    )


def _with_job(run: Run, record: RddJobRecord) -> Run:
    return replace(
        run,
        started_at=record.started_at,
        ended_at=record.ended_at,
        error_class=record.error.class_ if record.error else None,
        error_message=record.error.message if record.error else None,
        error_condition=record.error.condition if record.error else None,
        call_site=record.call_site,
    )


def _observations(run_id: str, part: int, located: Located, direction: str) -> list[Observation]:
    each = located.dataset
    if not located.locations:
        return [Observation(run_id, part, each.namespace, each.name, direction, each.name)]
    return [
        Observation(run_id, part, each.namespace, each.name, direction, place.path, place.partitions)
        for place in located.locations
    ]
