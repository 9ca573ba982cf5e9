"""A lineage of tables alone: which datasets a write read, and which it wrote (`spark.lineage.level` is `job`)."""

from __future__ import annotations

from dataclasses import replace

from spark_lineage.analyze.lineage import Lineage, fingerprint_of
from spark_lineage.model import DRIVER_NAMESPACE, Certainty, DatasetId, EdgeKind, Problem, Severity

__all__ = ["of_tables"]


def of_tables(lineage: Lineage) -> Lineage:
    """The plan with its datasets alone: no edges, expressions, operators or constants; its columns are opaque, and a problem says why.

    Its fingerprint is that of what is left, so that plans that differ only in what is left out are one plan.
    """
    fine = lineage.plan
    target = DatasetId(DRIVER_NAMESPACE, "") if fine.kind is EdgeKind.USAGE else fine.target
    columns = tuple(replace(each, certainty=Certainty.OPAQUE) for each in fine.columns)
    plan = replace(
        fine, fingerprint="", target=target, certainty=Certainty.OPAQUE, columns=columns, operators=()
    )
    fingerprint = fingerprint_of(plan, (), ())
    if fine.kind is EdgeKind.USAGE:
        target = DatasetId(DRIVER_NAMESPACE, f"{fine.job}/{fingerprint[:12]}")
    plan = replace(plan, fingerprint=fingerprint, target=target)
    why = Problem(
        "level_job",
        Severity.INFO,
        "what becomes of columns is not recorded: the setting level says so",
        hint="set spark.lineage.level to column for the job or its target to record them",
    )
    problems = tuple(
        replace(each, fingerprint=fingerprint, dataset=target) for each in (*lineage.problems, why)
    )
    return replace(
        lineage, plan=plan, edges=(), problems=problems, constants=(), operators={}, is_coarse=True
    )
