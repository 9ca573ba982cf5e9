"""The folded executions of one application -> rows of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spark_lineage.analyze.ancestry import ancestry
from spark_lineage.analyze.coarse import of_tables
from spark_lineage.analyze.commands import changed_dataset
from spark_lineage.analyze.endings import TRUNCATE, Ending, plan_of_ending
from spark_lineage.analyze.lineage import Context, Lineage, analyze_usage, analyze_write
from spark_lineage.analyze.origins import Origin
from spark_lineage.analyze.rdd_jobs import Effect, analyze_rdd_job
from spark_lineage.analyze.relations import only_logs
from spark_lineage.analyze.selectors import selecting
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
    DatasetId,
    EdgeKind,
    Run,
    RunState,
)
from spark_lineage.pipeline.constants import constants_of
from spark_lineage.pipeline.designs import Designs
from spark_lineage.pipeline.failures import failed_operator
from spark_lineage.pipeline.fold import Folded, FoldedUsage, FoldedWrite, fold, spares_what_is_there
from spark_lineage.pipeline.intents import as_execution, is_without_end
from spark_lineage.pipeline.job_names import job_of
from spark_lineage.pipeline.levels import COLUMN, JOB, Levels
from spark_lineage.pipeline.locate import Locations
from spark_lineage.pipeline.measures import has_committed, measured
from spark_lineage.pipeline.observing import Observer, observations
from spark_lineage.pipeline.operators import stage_of
from spark_lineage.pipeline.origins import Origins
from spark_lineage.pipeline.problems import (
    clock_went_back,
    command_not_followed,
    gap,
    missing_plan,
    unseen_job,
)
from spark_lineage.pipeline.rdd_jobs import rdd_job_of, written
from spark_lineage.pipeline.rows import Rows
from spark_lineage.pipeline.runs import new_run, outcome, outcome_of_job, without_error
from spark_lineage.pipeline.scans import scans_of


@dataclass(frozen=True, slots=True)
class Known:
    """What was worked out for the plans at hand, which have their nodes in it: it goes when they go.

    `numbers` are those of `Origins`.
    """

    lineages: dict[Any, Lineage | None] = field(default_factory=dict)
    designs: Designs = field(default_factory=Designs)
    numbers: dict[Any, int] = field(default_factory=dict)

    def forget(self) -> None:
        """Let go of it all: from here on plans have other nodes."""
        self.lineages.clear()
        self.designs.forget()
        self.numbers.clear()


@dataclass(slots=True)
class Application:
    """Turns the folded executions of one application into rows.

    `alive_until` is the last sign of life of an application that is over, epoch milliseconds; `records` are those
    that tell of the runs at hand, as in `Run.records`; `known` is what was worked out before, for other applications too.
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
    records: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: Known = field(default_factory=Known)
    _observer: Observer = field(init=False)
    _levels: Levels = field(init=False)

    def __post_init__(self) -> None:
        self.job = job_of(self.record)
        self._levels = Levels.parse(self.record.settings.get("spark.lineage.level", COLUMN))
        self._observer = Observer(self.plans, self.rows, self.locations.naming, self.known.designs)

    def add(self, folded: Folded) -> None:
        """Add the rows of one root execution, and say of each new run whether its times can be right."""
        first = len(self.rows.runs)
        self._add(folded)
        self.rows.tell(map(clock_went_back, self.rows.runs[first:]))

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
            self.rows.runs.append(self._query(execution, "STREAM"))

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
            fields = outcome(execution) | {"target": target[0].dataset.id}
            run = self._run(run_id, part, "write", write.write.operation, RunState.RUNNING, **fields)
            self.rows.runs.append(run)

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
            self.rows.tell([unseen_job(record, run_id, self.job)])
        job = None if record.rdd is None else rdd_job_of(record, self.locations.naming)
        if job is None:
            if record.state is not RunState.COMPLETE:
                run = self._run(run_id, 0, "query", "RDD", record.state, **outcome_of_job(record))
                self.rows.runs.append(run)
                self.rows.stages.extend(stage_of(run_id, None, each) for each in record.stages)
            return
        lineage = self._once(("rdd", job), lambda: analyze_rdd_job(job, self.job))
        if lineage is None:
            return
        self._lineage(lineage)
        for located in job.read.located():
            self.rows.datasets[located.dataset] = None
        kind = "write" if job.effect is Effect.FILES else "usage"
        fields = outcome_of_job(record) | {
            "fingerprint": lineage.plan.fingerprint,
            "target": lineage.plan.target,
        }
        totals = written(record) if kind == "write" else None
        for each in job.read.located():
            self.rows.observations.extend(observations(run_id, 0, each, "read"))
        if totals is not None:
            self.rows.observations.extend(
                replace(each, rows=totals.rows, bytes=totals.bytes, files=totals.files)
                for each in observations(run_id, 0, lineage.target, "written")
            )
            fields |= {"rows": totals.rows, "bytes": totals.bytes}
        self.rows.runs.append(self._run(run_id, 0, kind, lineage.plan.operation, record.state, **fields))
        self.rows.stages.extend(stage_of(run_id, None, each) for each in record.stages)

    def gap(self, record: GapRecord) -> None:
        """Records that the bridge lost."""
        self.rows.tell([gap(record, self.record)])

    def ended(self, end: ApplicationEndRecord | None, state: RunState, why: str | None) -> Run:
        """The run of the application itself, which ended in order or (None) without a word."""
        return new_run(
            self.record,
            self.job,
            self.record.bridge,
            0,
            "application",
            "APPLICATION",
            state,
            started_at=self.record.started_at,
            ended_at=end.ended_at if end else None,
            error_message=why,
            metrics=tuple(sorted(end.metrics.items())) if end else (),
        )

    def _write(self, folded: Folded, write: FoldedWrite, part: int) -> None:
        inner, outer = write.inner, write.outer
        placed = write.write
        if placed.operation not in VIEW_OPERATIONS:
            creates = placed.operation == "CREATE TABLE AS SELECT"
            order = outer.execution.ended_order
            placed = replace(placed, target=self.locations.resolve(placed.target, order, creates=creates))
        origin = self.origins.of(inner.execution, folded.batch)
        chosen = selecting(inner.tree, inner.execution.literals)
        key = (inner.node, placed, chosen, self.origins.number(origin))
        context = self._context(inner.execution, origin)
        lineage = self._once(key, lambda: analyze_write(inner.node, placed, inner.tree, context))
        if lineage is None:
            return
        self._lineage(lineage)
        run_id = f"{self.record.bridge}:{folded.root}"
        totals = measured(write, self.plans)
        self._constants(run_id, part, inner.execution, lineage)
        run = self._executed(
            run_id,
            part,
            "write",
            outer.execution,
            lineage,
            write.helpers,
            rows=totals.rows,
            bytes=totals.bytes,
            files=totals.files,
        )
        if run.state in {RunState.FAILED, RunState.CANCELLED} and has_committed(write, self.plans):
            run = without_error(run)
        if run.state is RunState.FAILED:
            run = replace(run, failed_operator=failed_operator(write.helpers, self.plans))
        self.rows.runs.append(run)
        if is_without_end(outer.execution):
            self._observer.without_end(write, run, lineage.target, self.alive_until)
        command = inner.position if inner.siblings > 1 else None
        scans = scans_of(write.helpers, self.plans, self.locations.naming, command)
        self._observer.read(run, inner, lineage, scans, folded.batch)
        self._observer.written(run, write, placed, lineage.target, totals)
        if part == 0 and not lineage.is_coarse:
            designs = [self._observer.designs.of_write(inner, lineage)]
            designs += (self._observer.designs.of_write(each.inner) for each in folded.writes[1:])
            names = [each.name for each in lineage.plan.columns] if len(designs) == 1 else []
            self._observer.measure(run_id, write.helpers, designs, names)

    def _constants(self, run_id: str, part: int, execution: ExecutionRecord, lineage: Lineage) -> None:
        if lineage.is_coarse:
            return
        key = self.record.hash_key_id
        self.rows.constants.append(constants_of(run_id, part, lineage, execution.literals, key))

    def _behind_rdds(self, origin: Origin) -> set[DatasetId]:
        """The datasets at the ends of the RDDs that a plan reads."""
        rdds = [each for each in origin.facts.values() if "ancestry" in each]
        found = (ancestry(each, self.locations.naming).located() for each in rdds)
        return {each.dataset.id for located in found for each in located}

    def _usage(self, folded: Folded, usage: FoldedUsage) -> None:
        origin = self.origins.of(usage.execution, folded.batch)
        key = ("usage", selecting(usage.tree, usage.execution.literals), self.origins.number(origin))
        context = self._context(usage.execution, origin)
        lineage = self._once(key, lambda: analyze_usage(usage.tree, context, usage.query))
        if lineage is None or only_logs({*lineage.plan.datasets, *self._behind_rdds(origin)}):
            return
        self._lineage(lineage)
        run_id = f"{self.record.bridge}:{usage.execution.execution_id}"
        self._constants(run_id, 0, usage.execution, lineage)
        run = self._executed(run_id, 0, "usage", usage.execution, lineage, usage.helpers)
        if run.state is RunState.FAILED:
            run = replace(run, failed_operator=failed_operator(usage.helpers, self.plans))
        self.rows.runs.append(run)
        scans = scans_of(usage.helpers, self.plans, self.locations.naming)
        self._observer.read(run, usage, lineage, scans, folded.batch)
        if not lineage.is_coarse:
            self._observer.measure(run_id, usage.helpers, [self._observer.designs.of_query(usage, lineage)])

    def _unread(self, execution: ExecutionRecord) -> None:
        """An execution that failed in analysis, or whose plan was lost: a run without a plan."""
        run = self._query(execution, "UNKNOWN")
        self.rows.runs.append(run)
        if execution.state is RunState.COMPLETE or execution.plan is not None:
            self.rows.tell([missing_plan(execution, run.run_id)])

    def _not_followed(self, execution: ExecutionRecord, name: str) -> None:
        run = self._query(execution, name)
        self.rows.runs.append(run)
        if run.state is RunState.FAILED:
            return
        tree = self.plans.get(execution.plan or "")
        dataset = changed_dataset(tree, self.locations.naming) if tree is not None else None
        self.rows.tell([command_not_followed(execution, run.run_id, name, dataset)])

    def _ending(self, execution: ExecutionRecord, ending: Ending) -> None:
        """A table that begins anew: a run which orders the writes before and after it, shown where rows were taken away."""
        target = self.locations.ended(ending, execution.ended_order)
        kind = "query" if ending.operation == TRUNCATE else CONTROL_RUN
        if target is None and kind == "query":
            self._not_followed(execution, ending.operation)
        is_hidden = kind == CONTROL_RUN and execution.state is not RunState.COMPLETE
        if target is None or is_hidden or target.name.startswith(f"{self.store.name.rstrip('/')}/"):
            return
        plan = plan_of_ending(ending.operation, target, self.job)
        self.rows.plans[plan.fingerprint] = plan
        run = self._query(execution, ending.operation, kind, fingerprint=plan.fingerprint, target=target)
        self.rows.runs.append(run)

    def _lineage(self, lineage: Lineage) -> None:
        if self.rows.add(lineage):
            self.locations.learn([lineage.target.dataset, *(located.dataset for _, located in lineage.reads)])

    def _once(self, key: tuple[Any, ...], analyze: Callable[[], Lineage | None]) -> Lineage | None:
        """The lineage that belongs to a key, analyzed when it is first met; None where there is none to tell of."""
        lineages = self.known.lineages
        whole = (*key, self.job, self.locations.naming, self._levels)
        if whole not in lineages:
            lineage = analyze()
            lineages[whole] = None if lineage is None else self._at_its_level(lineage)
        lineage = lineages[whole]
        return None if lineage is None or self._is_own(lineage) else lineage

    def _at_its_level(self, lineage: Lineage) -> Lineage:
        level = self._levels.of(self.job, lineage.plan.target.namespace)
        return of_tables(lineage) if level == JOB else lineage

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

    def _run(self, run_id: str, part: int, kind: str, operation: str, state: RunState, **fields: Any) -> Run:
        records = self.records.get(run_id, ())
        return new_run(self.record, self.job, run_id, part, kind, operation, state, records=records, **fields)

    def _query(self, execution: ExecutionRecord, operation: str, kind: str = "query", **fields: Any) -> Run:
        """The run of one execution by itself."""
        run_id = f"{self.record.bridge}:{execution.execution_id}"
        return self._run(run_id, 0, kind, operation, execution.state, **outcome(execution), **fields)

    def _executed(
        self,
        run_id: str,
        part: int,
        kind: str,
        execution: ExecutionRecord,
        lineage: Lineage,
        helpers: Iterable[ExecutionRecord],
        **more: int | None,
    ) -> Run:
        left_out = (
            "level" if lineage.is_coarse else next((each.left_out for each in helpers if each.left_out), None)
        )
        return self._run(
            run_id,
            part,
            kind,
            lineage.plan.operation,
            execution.state,
            **outcome(execution),
            fingerprint=lineage.plan.fingerprint,
            target=lineage.plan.target,
            left_out=left_out,
            **more,
        )
