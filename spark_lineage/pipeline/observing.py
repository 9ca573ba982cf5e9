"""What a run did beside what its plan says: datasets as they were, operators, stages, and a write without an end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.lineage import Lineage
from spark_lineage.analyze.relations import Located
from spark_lineage.analyze.targets import Write
from spark_lineage.decode.records import ExecutionRecord
from spark_lineage.decode.tree import PlanTree
from spark_lineage.model import DatasetId, Observation, Run
from spark_lineage.pipeline.datasets import (
    executed,
    observed_reads,
    read_of,
    schema,
    unplanned,
    written_columns,
)
from spark_lineage.pipeline.designs import Design, Designs
from spark_lineage.pipeline.fold import Event, FoldedUsage, FoldedWrite
from spark_lineage.pipeline.logs.log_files import location_of
from spark_lineage.pipeline.measures import Measured
from spark_lineage.pipeline.outcomes import Undecided
from spark_lineage.pipeline.ran import Joins, ran_for
from spark_lineage.pipeline.rows import Rows
from spark_lineage.pipeline.scans import Scan, scans_of
from spark_lineage.pipeline.versions import sought_for, target_version


@dataclass(slots=True)
class Observer:
    """Adds to the rows what the runs of one application did."""

    plans: Mapping[str, PlanTree | None]
    rows: Rows
    naming: Naming
    designs: Designs = field(default_factory=Designs)

    def read(
        self,
        run: Run,
        event: Event | FoldedUsage,
        lineage: Lineage,
        scans: list[Scan],
        batch: ExecutionRecord | None,
    ) -> None:
        """What the run read, as its plan says and as its scans did it; inside a foreachBatch function the micro-batch's scans did."""
        executions = [executed(event.execution, event.tree)]
        tree = self.plans.get(batch.plan or "") if batch is not None else None
        if batch is not None and tree is not None and batch.execution_id != event.execution.execution_id:
            executions.append(executed(batch, tree))
            scans += (replace(each, rows=None) for each in scans_of([batch], self.plans, self.naming))
        reads = [read_of(node, each, executions, self.naming) for node, each in lineage.reads]
        more = unplanned(scans, reads, frozenset({lineage.plan.target}))
        self.rows.datasets.update(dict.fromkeys(each.located.dataset for each in more))
        found, schemas = observed_reads(run.run_id, run.part, [*reads, *more], scans)
        self.rows.describe(schemas)
        formats = {each.located.dataset.id: each.located.dataset.format for each in (*reads, *more)}
        self.rows.observations.extend(
            self.rows.versions.dated(each, formats[DatasetId(each.namespace, each.name)]) for each in found
        )

    def written(self, run: Run, write: FoldedWrite, placed: Write, target: Located, totals: Measured) -> None:
        """What the run wrote, and the version that it made, where the table's log is sure of it."""
        columns = written_columns(write.inner.node, placed)
        met = target_version(write, target.dataset.id, self.plans, self.naming)
        # A part of a table that is replaced (`replaceWhere`) is a WRITE in its log, by whatever command it was asked for.
        as_logged = replace(run, operation="OVERWRITE") if placed.replacing else run
        sought = sought_for(as_logged, totals.rows, met)
        for each in observations(run.run_id, run.part, target, "written"):
            made = replace(each, rows=totals.rows, bytes=totals.bytes, files=totals.files)
            if sought is not None:
                made = self.rows.versions.made(made, sought, target.dataset.format)
            if not columns and made.version is not None:
                columns = self.rows.versions.logs.schema(made.path, made.version)
            if columns:
                known = schema(columns)
                self.rows.describe([known])
                made = replace(made, schema_id=known.schema_id)
            self.rows.observations.append(made)

    def without_end(self, write: FoldedWrite, run: Run, target: Located, alive_until: int | None) -> None:
        """A write whose end is in no record: the target's log may decide it once all runs are known."""
        dataset = target.dataset
        self.rows.undecided.append(
            Undecided(
                run,
                target.locations[0].path if target.locations else location_of(dataset.id),
                dataset.format,
                target_version(write, dataset.id, self.plans, self.naming),
                alive_until,
            )
        )

    def measure(
        self,
        run_id: str,
        executions: Iterable[ExecutionRecord],
        designs: Sequence[Design],
        columns: Sequence[str] = (),
    ) -> None:
        """Its operators and stages, joined to the designs that it followed."""
        ran = ran_for(run_id, executions, self.plans, Joins(self.designs, designs, columns))
        self.rows.operators.extend(ran.operators)
        self.rows.stages.extend(ran.stages)
        self.rows.tell(ran.problems)


def observations(run_id: str, part: int, located: Located, direction: str) -> list[Observation]:
    """A dataset as a run met it, one for each of its places: nothing is known of it yet but its name."""
    each = located.dataset
    if not located.locations:
        return [Observation(run_id, part, each.namespace, each.name, direction, each.name)]
    return [
        Observation(run_id, part, each.namespace, each.name, direction, place.path, place.partitions)
        for place in located.locations
    ]
