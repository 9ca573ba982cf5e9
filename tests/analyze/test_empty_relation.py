"""A relation of no files has no source, and that is exact."""

from __future__ import annotations

from spark_lineage.analyze.lineage import Context, analyze_usage
from spark_lineage.decode.plans import decode_plan
from spark_lineage.model import Certainty
from tests.analyze.building import PlanBuilder


def test_a_temporary_view_using_a_format_without_a_path_reads_nothing() -> None:
    plan = PlanBuilder()
    leaf, _ = plan.files(None, ["a"])
    lineage = analyze_usage(decode_plan(plan.record(leaf)), Context("job"))
    assert lineage is not None
    assert (lineage.plan.certainty, lineage.edges, lineage.problems) == (Certainty.EXACT, (), ())
