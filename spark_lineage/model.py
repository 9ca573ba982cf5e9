"""The vocabulary: frozen values that every stage shares, and nothing else.

The words are OpenLineage's (dataset naming, DIRECT and INDIRECT with their subtypes, masking) and
Spark's (execution, operator, stage). Each class that ends up in the store is one row of the table of the
same name in `spark_lineage.store.schema`.

The graph has five kinds of nodes: a dataset (namespace, name), a column (dataset, field), a
transformation (fingerprint, operator), a job (its name) and a run (its id). A driver result, what
`collect` or `count` hands to the program, is a dataset of the namespace `DRIVER_NAMESPACE`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

SCHEMA_VERSION = 1
"""Version of every JSON answer and of the store's tables."""

DRIVER_NAMESPACE = "driver"
"""Namespace of the datasets that stand for what an action returned to the driver program."""

UNNAMED_NAMESPACE = "unknown"
"""Namespace of what a write writes where that could not be named."""

CATALOG_NAMESPACE = "catalog"
"""Namespace of what only a catalog knows: views, and tables whose location is not known."""

CONTROL_RUN = "control"
"""Kind of the runs after which a table begins anew (`CREATE TABLE`, `DROP TABLE`): answers do not list them."""


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all times here are UTC


def iso_time(milliseconds: int | None) -> str | None:
    """Epoch milliseconds as ISO 8601 UTC; None stays None, and a moment outside of the years 1 to 9999 is not known.

    >>> iso_time(1_700_000_000_007), iso_time(-62_135_596_800_000), iso_time(10**15)
    ('2023-11-14T22:13:20.007Z', '0001-01-01T00:00:00.000Z', None)
    """
    if milliseconds is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def told_time(milliseconds: int | None) -> str:
    """Epoch milliseconds as a sentence of a problem has them.

    >>> told_time(1_700_000_000_007), told_time(None)
    ('2023-11-14 22:13:20 UTC', 'an unknown time')
    """
    time = iso_time(milliseconds)
    return "an unknown time" if time is None else f"{time[:10]} {time[11:19]} UTC"


class EdgeKind(str, Enum):
    """What an edge means: data that was written, data that was only read, or control."""

    DATA = "data"
    USAGE = "usage"
    CONTROL = "control"


class EdgeType(str, Enum):
    """OpenLineage's transformation type."""

    DIRECT = "DIRECT"
    INDIRECT = "INDIRECT"


class Subtype(str, Enum):
    """OpenLineage's transformation subtype."""

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    JOIN = "JOIN"
    GROUP_BY = "GROUP_BY"
    FILTER = "FILTER"
    SORT = "SORT"
    WINDOW = "WINDOW"
    CONDITIONAL = "CONDITIONAL"

    __hash__ = (
        str.__hash__
    )  # an Enum's own is a call of Python code, and these are keys of the analyzer's maps

    @property
    def type(self) -> EdgeType:
        """DIRECT for a value that flows, INDIRECT for one that only decides."""
        return EdgeType.DIRECT if self in _DIRECT else EdgeType.INDIRECT


_DIRECT = frozenset({Subtype.IDENTITY, Subtype.TRANSFORMATION, Subtype.AGGREGATION})

ROW_SET_SUBTYPES = frozenset({Subtype.JOIN, Subtype.GROUP_BY, Subtype.FILTER, Subtype.SORT})
"""INDIRECT subtypes that act on which rows there are: one edge to the table, not to each column."""


class Certainty(str, Enum):
    """How sure an answer is."""

    EXACT = "exact"
    OVER_APPROXIMATE = "over_approximate"
    OPAQUE = "opaque"

    @property
    def rank(self) -> int:
        """0 for exact, 2 for opaque: the weakest of several is their maximum."""
        return (Certainty.EXACT, Certainty.OVER_APPROXIMATE, Certainty.OPAQUE).index(self)


def weakest(*certainties: Certainty) -> Certainty:
    """The least sure of the given certainties; `EXACT` for none.

    >>> weakest(Certainty.EXACT, Certainty.OPAQUE).value
    'opaque'
    """
    if Certainty.OPAQUE in certainties:
        return Certainty.OPAQUE
    return Certainty.OVER_APPROXIMATE if Certainty.OVER_APPROXIMATE in certainties else Certainty.EXACT


class RunState(str, Enum):
    """State of a run; COMPLETE_WITH_FAILURES is for applications only."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    COMPLETE_WITH_FAILURES = "COMPLETE_WITH_FAILURES"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"


class Severity(str, Enum):
    """How much a problem takes from an answer."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, order=True, slots=True)
class DatasetId:
    """Identity of a dataset: OpenLineage's namespace and name."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A vertex: one table, folder, topic or driver result."""

    namespace: str
    name: str
    aliases: tuple[str, ...] = ()
    format: str | None = None

    @property
    def id(self) -> DatasetId:
        """The identity without the aliases."""
        return DatasetId(self.namespace, self.name)


def is_called(dataset: Dataset, name: str) -> bool:
    """Whether a dataset with a place goes by a name of the catalog."""
    return dataset.namespace != CATALOG_NAMESPACE and any(
        is_name_of(name, alias) for alias in dataset.aliases
    )


def is_name_of(name: str, whole: str) -> bool:
    """Whether a name is another, or its end: a table's with or without its catalog and database.

    The session's catalog keeps names in lower case, whatever case a plan has them in.
    """
    if whole.lower().startswith("spark_catalog."):
        name, whole = name.lower(), whole.lower()
    return name == whole or whole.endswith(f".{name}")


@dataclass(frozen=True, slots=True)
class Column:
    """A vertex: one column of a dataset, as last written. `type` is Spark's `simpleString`."""

    namespace: str
    name: str
    field: str
    type: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class PlanColumn:
    """One output column of a plan, in the order of the target."""

    name: str
    type: str
    certainty: Certainty = Certainty.EXACT


@dataclass(frozen=True, slots=True)
class Operator:
    """A transformation vertex: one logical operator of a plan, `id` such as `Join#3`."""

    id: str
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job does, without when: the lineage of one write or usage, keyed by `fingerprint`.

    `overwrites` is true where the write replaces the whole table. `datasets` lists every source as
    (namespace, name), those without a used column too.
    """

    fingerprint: str
    kind: EdgeKind
    job: str
    operation: str
    target: DatasetId
    overwrites: bool
    certainty: Certainty
    columns: tuple[PlanColumn, ...]
    operators: tuple[Operator, ...] = ()
    datasets: tuple[DatasetId, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """A source column that reaches a target column, or the target's row set.

    `target_field` None means the row set (JOIN, FILTER, GROUP_BY, SORT). `source_field` None means
    that the source dataset is known and its columns are not. `via` names the catalog views passed. `source_version` is the
    version, tag, branch or time of the source that the query asked for (time travel).
    """

    fingerprint: str
    kind: EdgeKind
    source: DatasetId
    source_field: str | None
    target: DatasetId
    target_field: str | None
    subtype: Subtype
    masking: bool = False
    certainty: Certainty = Certainty.EXACT
    expression: str = ""
    transformations: tuple[str, ...] = ()
    operator: str | None = None
    via: tuple[str, ...] = ()
    source_version: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a plan, or an application (`kind` "application", no fingerprint).

    `failed_operator` is the `operator` of the table `operators` in which a task failed, where that is known. `decided_by` says
    how the state is known where no end was recorded: "log", the target's own log has exactly one commit that fits; "application_end", the
    application was stopped while it ran. `left_out` says why operators and stages, or some of them, were not recorded on purpose: "sample" or
    "level", the settings of that name; None where nothing was left out. `session` is the id of the session that ran it: on a Spark
    Connect server the client's, as `user` is, else Spark's own; None where it is not known. `error_sqlstate` is that of the error
    condition, or the one that a database gave.

    `run_id` is `<bridge uuid>:<execution id>`, `<bridge uuid>:job-<job id>` for a job without a query or, for an
    application, the bridge uuid. `part` counts
    the writes of one execution (a multi-table INSERT has several). Times are epoch milliseconds UTC.
    `records` are the bridge's records that tell of it, as `<execution id, job-<job id> or, of a write without an end, intent-<execution
    id>>:<hash of the record and its plan>`: one with the same number and another hash is refused. `metrics` are the numbers that the bridge
    of an application told of itself when that ended (docs/metrics.md).
    """

    run_id: str
    part: int
    kind: str
    fingerprint: str | None
    job: str
    operation: str
    target: DatasetId | None
    state: RunState
    application_id: str
    application_name: str
    user: str
    spark_version: str
    started_at: int | None
    ended_at: int | None
    error_class: str | None = None
    error_message: str | None = None
    rows: int | None = None
    bytes: int | None = None
    files: int | None = None
    description: str | None = None
    call_site: str | None = None
    sql_text: str | None = None
    query_id: str | None = None
    batch_id: int | None = None
    error_condition: str | None = None
    failed_operator: str | None = None
    decided_by: str | None = None
    left_out: str | None = None
    records: tuple[str, ...] = ()
    session: str | None = None
    metrics: tuple[tuple[str, int], ...] = ()
    error_sqlstate: str | None = None


@dataclass(frozen=True, slots=True)
class OperatorMetrics:
    """One physical operator of a run as it was executed, and what it measured.

    `operator` is `<execution id>:<number>`, `children` those that gave it rows. `metrics` are Spark's, raw, by name, and
    `units` says of each what it counts: "rows", "bytes", "files", "ms", "ns", "count" or (Spark's averages, added up over the tasks)
    "tenths". `rows` is what it gave, None where nothing counts it or where it may never have run; `time_ms` and `peak_memory_bytes` are
    sums over its tasks. Where Spark runs an operator twice, as it does to sample what it sorts, all of it counts twice. `columns` are the names
    of its output, `target_columns` the columns of the run's target whose values it computes or passes, both joined by expression ids; `logical` is
    the `id` of the plan's operator that it carries out, where only one fits; `stages` are the stages in which it ran. `note` says what adaptive
    execution made of it: "reused", "empty", "coalesced", "local read", "skew split", "planned as SortMergeJoin".
    """

    run_id: str
    operator: str
    name: str
    rows: int | None
    bytes: int | None
    time_ms: int | None
    metrics: tuple[tuple[str, int], ...] = ()
    units: tuple[tuple[str, str], ...] = ()
    children: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    target_columns: tuple[str, ...] = ()
    logical: str | None = None
    stages: tuple[int, ...] = ()
    files: int | None = None
    spill_bytes: int | None = None
    peak_memory_bytes: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How a metric is spread over the tasks of a stage: the smallest, the quartiles, the largest; units in the name."""

    metric: str
    minimum: int
    lower_quartile: int
    median: int
    upper_quartile: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage attempt of a run. `metrics` are sums over its tasks, units in their names; `failure` why it failed, masked.

    `distributions` are over the tasks that succeeded, estimated where they are more than 200; a metric that was 0 in every task has none.
    """

    run_id: str
    stage_id: int
    attempt: int
    name: str
    state: RunState
    tasks: int
    failed_tasks: int
    started_at: int | None
    ended_at: int | None
    metrics: tuple[tuple[str, int], ...] = ()
    execution_id: int | None = None
    job_id: int | None = None
    distributions: tuple[Distribution, ...] = ()
    killed_tasks: int = 0
    speculative_tasks: int = 0
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """A dataset as a run met it: `direction` is "read" or "written", `path` the exact one.

    `version` and `version_at` (epoch milliseconds) are those of the snapshot that was read, or of the commit that the write made where the
    table's own log has exactly one that fits. `schema_id` names the row of `schemas` with the columns at that moment. Rows, bytes (whole files), files and
    `partitions_read` are what was left after pruning. Where the run has several scans of one dataset and version they are sums: what was read twice counts
    twice, what Spark reused once; which partitions both met is not known then. All are null where no scan ran: the rows came from a cache or from metadata, or were not needed.
    `modified_from` and `modified_until` are the window in which the files that were read had been changed (epoch milliseconds). `offsets` is JSON,
    `{"topic": {"partition": [start, end]}}`, the end not included. `operator` is the scan in `operators`, where it is the only one.
    Of a read of several paths each has a row, and the figures of all stand in one more, whose path is the dataset's name.
    """

    run_id: str
    part: int
    namespace: str
    name: str
    direction: str
    path: str
    partitions: tuple[str, ...] = ()
    version: int | None = None
    rows: int | None = None
    bytes: int | None = None
    files: int | None = None
    version_at: int | None = None
    schema_id: str | None = None
    partitions_read: int | None = None
    modified_from: int | None = None
    modified_until: int | None = None
    offsets: str | None = None
    operator: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaColumn:
    """One column of a schema. `type` is Spark's `simpleString`."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a dataset at some moment, in order. `schema_id` is a hash of them: datasets with equal columns share it."""

    schema_id: str
    columns: tuple[SchemaColumn, ...]


@dataclass(frozen=True, slots=True)
class StreamSource:
    """A source of a micro-batch: its offsets as JSON text, and the rows between them."""

    description: str
    start: str | None
    end: str | None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class StateOperator:
    """A stateful operator after a micro-batch: rows and memory of its state, rows dropped because they were late.

    Late rows are counted as Spark counts them, where the operator meets them: an aggregation has put rows of one group together before.
    """

    name: str
    rows: int | None = None
    updated_rows: int | None = None
    removed_rows: int | None = None
    late_rows: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """One micro-batch of a streaming query, as its progress says.

    `query_id` is that of the checkpoint: a restart continues the same history under another `stream_run_id`. `run_id` is that of
    its run, None where it ran nothing; the runs of what a foreachBatch function ran are of their own, with the same query and batch.
    `watermark` is epoch milliseconds, None while there is none yet; `events_from` and `events_until` are the times of the earliest
    and the latest row, likewise. `record` is the hash of the bridge's record, None in rows of older releases: another of the same batch is refused.
    """

    query_id: str
    batch_id: int
    stream_run_id: str
    application: str
    name: str | None = None
    run_id: str | None = None
    started_at: int | None = None
    duration_ms: int | None = None
    input_rows: int | None = None
    watermark: int | None = None
    sources: tuple[StreamSource, ...] = ()
    state: tuple[StateOperator, ...] = ()
    durations_ms: tuple[tuple[str, int], ...] = ()
    sink: str | None = None
    output_rows: int | None = None
    events_from: int | None = None
    events_until: int | None = None
    record: str | None = None


@dataclass(frozen=True, slots=True)
class Constants:
    """The constants of a run, as keyed hashes: nothing of a value can be read from them, only whether it is the same.

    `values` has for each place, a column of the target (`total`) or what decides the rows (`* FILTER`, `* JOIN`, `* LIMIT`, ...), the
    hashes in the order in which the expression has its literals, separated by spaces; `-` stands for one without a hash (NULL).
    Only hashes under one `key` (its id) can be compared.
    """

    run_id: str
    part: int
    values: tuple[tuple[str, str], ...] = ()
    key: str | None = None


@dataclass(frozen=True, slots=True)
class ApplicationEvent:
    """What happened to an application while it ran.

    `kind` is "executor_added", "executor_removed", "executor_excluded", "stream_started" or "stream_ended". `subject` is the executor or the streaming query's id, `detail` the reason, masked; of "stream_started" it is the query's name, of
    "stream_ended" it is empty where the query did not fail. `stream_run_id` tells the starts of one query apart; `record` is the hash of the
    bridge's record of a stream's start or end, None in rows of older releases: another one of the same start or end is refused.
    An executor that registered before the application analyzed its first plan, or called `enable`, has no "executor_added".
    """

    application: str
    at: int
    kind: str
    subject: str
    detail: str = ""
    stream_run_id: str | None = None
    record: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not understood, not captured or cut: one clear sentence, and what to do.

    `where` says the place: an operator, a segment, a node. `run_id`, `fingerprint` and `dataset` tie
    it to what it weakens, where that is known.
    """

    code: str
    severity: Severity
    message: str
    where: str = ""
    hint: str = ""
    run_id: str | None = None
    fingerprint: str | None = None
    dataset: DatasetId | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows for the store, in any order and possibly repeated: the store de-duplicates by key."""

    datasets: tuple[Dataset, ...] = field(default=())
    columns: tuple[Column, ...] = field(default=())
    plans: tuple[Plan, ...] = field(default=())
    edges: tuple[Edge, ...] = field(default=())
    runs: tuple[Run, ...] = field(default=())
    operators: tuple[OperatorMetrics, ...] = field(default=())
    stages: tuple[Stage, ...] = field(default=())
    observations: tuple[Observation, ...] = field(default=())
    problems: tuple[Problem, ...] = field(default=())
    schemas: tuple[Schema, ...] = field(default=())
    batches: tuple[StreamBatch, ...] = field(default=())
    constants: tuple[Constants, ...] = field(default=())
    events: tuple[ApplicationEvent, ...] = field(default=())
