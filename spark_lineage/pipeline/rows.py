"""The rows of an ingest, each table's in the order in which they were found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from spark_lineage.analyze.lineage import Lineage
from spark_lineage.analyze.origins import RDD_RELATIONS
from spark_lineage.model import (
    ApplicationEvent,
    Batch,
    Column,
    Constants,
    Dataset,
    Edge,
    Observation,
    OperatorMetrics,
    Plan,
    Problem,
    Run,
    Schema,
    Stage,
    StreamBatch,
)
from spark_lineage.pipeline.outcomes import Undecided
from spark_lineage.pipeline.versions import Versions, with_counts

_Key = tuple[str, int]
"""A run's id and part."""


@dataclass(slots=True)
class Rows:
    """Collects the rows of all applications of an ingest, which are taken out piece by piece.

    Runs whose version of their target, or whose end, only the whole ingest can tell are held until the last piece.
    """

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
    told: set[int] = field(default_factory=set)
    _taken: set[str] = field(default_factory=set)

    def size(self) -> int:
        """How many rows wait to be taken: those that grow with what ran."""
        return len(self.operators) + len(self.observations) + len(self.stages) + len(self.runs)

    def take(self, *, last: bool = False) -> Batch:
        """The rows that wait, without those that are held; with them where it is the `last` time."""
        held = set() if last else self._held()
        if last:
            self.tell(self.versions.problems())
        free = [each for each in self.observations if not _is_held(each, held)]
        observations = self.versions.settled(free)
        runs = [each for each in self.runs if (each.run_id, each.part) not in held]
        batch = Batch(
            datasets=tuple(self.datasets),
            columns=tuple(self.columns),
            plans=tuple(self.plans.values()),
            edges=tuple(edge for edges in self.edges.values() for edge in edges),
            runs=tuple(with_counts(runs, observations)),
            operators=tuple(self.operators),
            stages=tuple(self.stages),
            batches=tuple(self.batches),
            events=tuple(self.events),
            constants=tuple(self.constants),
            observations=tuple(observations),
            problems=tuple(self.problems),
            schemas=tuple(self.schemas.values()),
        )
        self.runs = [each for each in self.runs if (each.run_id, each.part) in held]
        self.observations = [each for each in self.observations if _is_held(each, held)]
        self._taken.update(self.plans)
        for taken in (self.datasets, self.columns, self.plans, self.edges, self.problems, self.schemas):
            taken.clear()
        for told in (self.operators, self.stages, self.batches, self.events, self.constants):
            told.clear()
        return batch

    def _held(self) -> set[_Key]:
        return self.versions.claimants | {(each.run.run_id, each.run.part) for each in self.undecided}

    def tell(self, problems: Iterable[Problem | None]) -> None:
        """Add problems; one that is there already counts once."""
        for each in problems:
            if each is not None and hash(each) not in self.told:
                self.told.add(hash(each))
                self.problems[each] = None

    def describe(self, schemas: Iterable[Schema]) -> None:
        """Add what datasets looked like."""
        self.schemas.update((each.schema_id, each) for each in schemas)

    def add(self, lineage: Lineage) -> bool:
        """Add a plan with its edges, datasets, columns and problems; whether it is a new one."""
        fingerprint = lineage.plan.fingerprint
        if fingerprint in self.plans or fingerprint in self._taken:
            return False
        self.plans[fingerprint] = lineage.plan
        self.edges[fingerprint] = lineage.edges
        self.datasets[lineage.target.dataset] = None
        target = lineage.plan.target
        for position, each in enumerate(lineage.plan.columns):
            self.columns[Column(target.namespace, target.name, each.name, each.type, position)] = None
        for node, located in lineage.reads:
            read = located.dataset
            self.datasets[read] = None
            if node.name in RDD_RELATIONS:
                continue  # its columns are the program's, not the dataset's
            for position, attribute in enumerate(node.output or ()):
                column = Column(read.namespace, read.name, attribute.name, attribute.type.simple, position)
                self.columns[column] = None
        self.tell(lineage.problems)
        return True


def _is_held(each: Observation, held: set[_Key]) -> bool:
    return each.direction == "written" and (each.run_id, each.part) in held
