"""A finding: one deviation, with its evidence.

Every comparison (design with run, plan with plan, run with its history, lineage with its declaration) gives findings, so
that one ranking, one drawing and one JSON serve all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from spark_lineage.model import DatasetId, Severity
from spark_lineage.query.answers import Json, iso_time

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One deviation. `kind` is a stable word such as `source_added`; `message` one sentence for people.

    `dataset` and `field` say what it is about, `job` and `run_id` who did it, `at` when (epoch milliseconds). `evidence` are
    the facts that it rests on, (name, value) pairs in the order in which they are told. `strength` is between 0 and 1: how far
    from the ordinary it is, 1 where there is nothing to measure, as for a failed run.
    """

    kind: str
    severity: Severity
    message: str
    dataset: DatasetId | None = None
    field: str | None = None
    job: str | None = None
    run_id: str | None = None
    at: int | None = None
    evidence: tuple[tuple[str, str], ...] = ()
    strength: float = 1.0

    @property
    def order(self) -> tuple[int, str, str, str, str]:
        """The most severe first, then by dataset, field, kind and message."""
        name = "" if self.dataset is None else f"{self.dataset.namespace} {self.dataset.name}"
        severity = (Severity.ERROR, Severity.WARNING, Severity.INFO).index(self.severity)
        return (severity, name, self.field or "", self.kind, self.message)

    def to_dict(self) -> Json:
        """The finding's JSON."""
        dataset = None
        if self.dataset is not None:
            dataset = {"namespace": self.dataset.namespace, "name": self.dataset.name}
        return {
            "kind": self.kind,
            "severity": self.severity.value,
            "message": self.message,
            "dataset": dataset,
            "field": self.field,
            "job": self.job,
            "run": self.run_id,
            "at": iso_time(self.at),
            "evidence": dict(self.evidence),
            "strength": round(self.strength, 3),
        }
