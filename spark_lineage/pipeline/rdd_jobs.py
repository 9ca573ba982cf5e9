"""RDD jobs -> runs: what a job without a query read, and the folder that it wrote."""

from __future__ import annotations

from spark_lineage.analyze.ancestry import ancestry
from spark_lineage.analyze.identity import Naming
from spark_lineage.analyze.rdd_jobs import Effect, RddJob, effect_of
from spark_lineage.analyze.relations import by_paths, only_logs
from spark_lineage.decode.records import RddJobRecord
from spark_lineage.model import Certainty, RunState
from spark_lineage.pipeline.measures import Measured


def rdd_job_of(record: RddJobRecord, naming: Naming) -> RddJob | None:
    """What there is to tell of a job; None where it moved no data that lineage is about.

    Jobs over the program's own data that write nothing are mostly Spark's and its sources' own: listings, look-ups; so are those
    over the log of a Delta table.
    """
    if record.schema_inference or _infers_schema(record):
        return None
    call_site = record.call_site or "unknown place"
    effect = effect_of(call_site, record.function, record.output)
    read = ancestry(record.rdd or {}, naming)
    target = by_paths([record.output], (), naming, is_pattern=False)[0] if record.output is not None else None
    if effect is not Effect.FILES and only_logs(each.dataset.id for each in read.located()):
        return None
    idle = read.certainty is Certainty.EXACT and effect is not Effect.FILES
    return None if idle or effect is Effect.NOTHING else RddJob(effect, call_site, read, target)


def _infers_schema(record: RddJobRecord) -> bool:
    """Whether Spark looked at files that the text of a query names, to learn their columns.

    While it analyzes the query it reads their lines by a query of its own, and goes on with that query's RDD.
    """
    ancestry = (record.rdd or {}).get("ancestry") or ()
    reads = [each.get("columns") for each in ancestry if each.get("leaf")]
    of_a_query = any(each.get("class") == "SQLExecutionRDD" for each in ancestry)
    return (record.call_site or "").startswith("sql at ") and of_a_query and reads == [["value"]]


def written(record: RddJobRecord) -> Measured:
    """The rows and bytes that the job's tasks wrote; nothing is known of a job that failed before it committed them."""
    if record.state is not RunState.COMPLETE:
        return Measured()
    stages = [each.metrics for each in record.stages]
    return Measured(
        sum(each.get("output_rows", 0) for each in stages),
        sum(each.get("output_bytes", 0) for each in stages),
    )
