"""A lineage of tables alone: which datasets a write read, and which it wrote (`spark.lineage.level` is `job`)."""

from __future__ import annotations

from dataclasses import replace

from spark_lineage.analyze.lineage import Lineage, identified
from spark_lineage.model import Certainty, Problem, Severity

__all__ = ["of_tables"]


def of_tables(lineage: Lineage) -> Lineage:
    """The plan with its datasets alone: no edges, expressions, operators or constants; its columns are opaque, and a problem says why.

    Its fingerprint is that of what is left, so that plans that differ only in what is left out are one plan.
    """
    columns = tuple(replace(each, certainty=Certainty.OPAQUE) for each in lineage.plan.columns)
    plan = identified(replace(lineage.plan, certainty=Certainty.OPAQUE, columns=columns, operators=()))
    why = Problem(
        "level_job",
        Severity.INFO,
        "what becomes of columns is not recorded: the setting level says so",
        hint="set spark.lineage.level to column for the job or its target to record them",
    )
    problems = tuple(
        replace(each, fingerprint=plan.fingerprint, dataset=plan.target) for each in (*lineage.problems, why)
    )
    return replace(
        lineage, plan=plan, edges=(), problems=problems, constants=(), operators={}, is_coarse=True
    )
