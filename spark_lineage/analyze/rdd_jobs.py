"""The lineage of a job without a query: files in, files out, a superset.

What its functions do cannot be seen, so a dataset that was read is a source of the target as a whole, by its columns
where the RDD says which it read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from spark_lineage.analyze.ancestry import Ancestry
from spark_lineage.analyze.lineage import Lineage, edge_key, identified
from spark_lineage.analyze.relations import Located
from spark_lineage.model import DRIVER_NAMESPACE, Dataset, DatasetId, Edge, EdgeKind, Plan, Problem, Severity

OPERATION = "RDD"
"""The operation of every job without a query."""


class Effect(str, Enum):
    """What becomes of the rows that an RDD job computes."""

    NOTHING = "nothing"
    DRIVER = "driver"
    FILES = "files"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RddJob:
    """A job without a query: its effect, the words for where it was called, what it read, and the folder it wrote."""

    effect: Effect
    call_site: str
    read: Ancestry
    target: Located | None = None


def effect_of(call_site: str, function: str | None, output: str | None) -> Effect:
    """What becomes of a job's rows, by the Spark code that runs in its tasks and the action that was called.

    >>> effect_of("collect at report.py:7", "org.apache.spark.SparkContext", None).value
    'driver'
    >>> effect_of("$anonfun$withThreadLocalCaptured$2 at CompletableFuture.java:1768", None, None).value
    'driver'
    """
    code = (function or "").rstrip("$").rpartition(".")[2].partition("$")[0]
    if output is not None:
        return Effect.FILES
    if code in _KEEPING_CODE:
        return Effect.NOTHING
    action, _, place = call_site.partition(" at ")
    taken = action in DRIVER_ACTIONS or action.startswith(_QUERY_THREADS) or place.startswith(_DRIVER_PLACES)
    if code not in _WRITING_CODE and taken:
        return Effect.DRIVER
    return Effect.UNKNOWN


def analyze_rdd_job(job: RddJob, application: str) -> Lineage:
    """The lineage of an RDD job that read something or wrote files; `application` is the job's name."""
    kind = EdgeKind.DATA if job.effect is Effect.FILES else EdgeKind.USAGE
    target = job.target.dataset.id if job.target is not None else DatasetId(DRIVER_NAMESPACE, "")
    edges = tuple(
        sorted(
            (
                Edge(
                    "",
                    kind,
                    dataset,
                    column,
                    target,
                    None,
                    subtype,
                    certainty=trace.certainty,
                    transformations=("rdd",),
                    operator="rdd",
                )
                for (dataset, column, subtype), trace in job.read.sources("rdd").items()
            ),
            key=edge_key,
        )
    )
    located = job.read.located()
    datasets = tuple(sorted({each.dataset.id for each in located}))
    plan = Plan(
        "",
        kind,
        application,
        OPERATION,
        target,
        overwrites=False,
        certainty=job.read.certainty,
        columns=(),
        datasets=datasets,
    )
    plan = identified(plan, edges)
    target = plan.target
    tied = tuple(
        replace(each, fingerprint=plan.fingerprint, dataset=target) for each in _problems(job, application)
    )
    edges = tuple(replace(each, fingerprint=plan.fingerprint, target=target) for each in edges)
    known = job.target or Located(Dataset(target.namespace, target.name))
    return Lineage(plan, edges, tied, (), known)


def _problems(job: RddJob, application: str) -> list[Problem]:
    problems = []
    if job.read.unknown:
        message = f"an RDD job of {application} ({job.call_site}) ran: what {', '.join(job.read.unknown)} reads is not known"
        problems.append(message)
    if job.effect is Effect.UNKNOWN:
        problems.append(
            f"an RDD job of {application} ({job.call_site}) ran a function over its rows: what that wrote is not known"
        )
    hint = "use DataFrames where lineage matters"
    return [Problem("rdd_job", Severity.WARNING, each, job.call_site, hint) for each in problems]


_WRITING_CODE = frozenset({"SparkHadoopWriter"})
_KEEPING_CODE = frozenset({"ReliableCheckpointRDD", "LocalRDDCheckpointData"})
"""Spark's code that keeps an RDD's rows for its later readers."""

_DRIVER_PLACES = ("PythonRDD.scala", "SerDeUtil.scala")
"""Where PySpark's own code takes rows for the program."""

_QUERY_THREADS = "$anonfun$withThreadLocalCaptured"
"""The threads in which Spark runs parts of a query: what it broadcasts, samples to sort, or takes from a subquery."""

DRIVER_ACTIONS = frozenset({
    "aggregate", "collect", "collectAsMap", "collectAsync", "count", "countApprox", "countApproxDistinct", "countAsync", "countByKey",
    "countByValue", "first", "fold", "getNumPartitions", "histogram", "isEmpty", "lookup", "max", "mean", "meanApprox", "min", "reduce",
    "reduceByKeyLocally", "repartitionAndSortWithinPartitions", "sampleStdev", "sampleVariance", "sortBy", "sortByKey", "sql", "stats", "stdev",
    "sum", "sumApprox", "take", "takeAsync", "takeOrdered", "takeSample", "toDF", "toLocalIterator", "top", "treeAggregate",
    "treeReduce", "variance", "zipWithIndex",
})  # fmt: skip
"""Actions that hand rows, or what was computed of them, to the program and nowhere else.

`sql` is the FOR of a script, which takes its query's rows one by one after the query has ended.
"""
