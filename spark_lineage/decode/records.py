"""The trust boundary: the bytes of one frame -> one typed record, or a `DecodeError`.

The format is written down in `jvm_bridge/contract/README.md`. Everything a later stage gets has passed
these types and limits.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import structs

from spark_lineage.decode.facts import RunFacts
from spark_lineage.decode.room import MOST_OBJECT_BYTES, object_bytes
from spark_lineage.errors import DecodeError
from spark_lineage.model import RunState

RECORD_VERSION = 3
"""The newest record version that this reader knows."""

MAX_RECORD_BYTES = 64 * 1024 * 1024

MAX_OBJECT_BYTES = 400_000_000
"""What the objects of a record may take in memory, those in a plan's nodes and attributes left out."""

MAX_NODE_OBJECTS = 2_500_000
"""How many objects may stand in the nodes of a plan: nodes, references, facts. The bridge's 250,000 nodes have some four each."""

MAX_ATTRIBUTE_BYTES = 36 * 1024 * 1024
"""The JSON of a plan's attributes; the bridge stops at 32 MiB for these and the nodes together."""

_NUL, _REPLACEMENT = b"\\u0000", b"\\ufffd"
"""No name has a NUL, and later stages part names by it: one that stands in a record is read as the character for what is unknown."""

_SMALL_BYTES = 1024 * 1024
"""A shorter record cannot take so much that counting were worth it."""

Long = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number as Java and the tables have it. Not for numbers of plans, which are indexes: in the union of a span's items it makes msgspec 0.22 crash."""

Time = Annotated[int, msgspec.Meta(ge=-62_135_596_800_000, le=253_402_300_799_999)]
"""Epoch milliseconds, of the years 1 to 9999: what a calendar can show."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An exception, its message masked by the bridge. `sqlstate` is Spark's or a database's, None where neither gave one."""

    class_: str | None = msgspec.field(name="class", default=None)
    message: str | None = None
    condition: str | None = None
    sqlstate: str | None = None


class StageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a stage, with sums over its tasks.

    `distributions` has, of each metric that was not 0 in every task, the smallest value, the quartiles and the largest, over
    the tasks that succeeded.
    """

    stage_id: Long
    attempt: Long = 0
    name: str = ""
    state: RunState = RunState.COMPLETE
    tasks: Long = 0
    failed_tasks: Long = 0
    killed_tasks: Long = 0
    speculative_tasks: Long = 0
    started_at: Time | None = None
    ended_at: Time | None = None
    metrics: dict[str, Long] = {}
    job_id: Long | None = None
    failure: str | None = None
    distributions: dict[str, tuple[Long, Long, Long, Long, Long]] = {}


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One Spark job of an execution."""

    job_id: Long
    state: RunState = RunState.COMPLETE
    started_at: Time | None = None
    ended_at: Time | None = None
    stages: tuple[Long, ...] = ()
    rdds: tuple[Long, ...] = ()


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rows of a checkpoint come from: an execution and its plan, None where the bridge let it go."""

    execution_id: Long
    plan: str | None = None


class OriginExecution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution whose rows were kept, as far as a reader of them needs it."""

    execution_id: Long
    plan: str | None = None
    facts: list[tuple[Long, RunFacts]] = []
    origins: list[tuple[Long, Origin]] = []


class ScanRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a physical scan was planned to read. `rdd` says, by the jobs that computed it, whether it ran.

    `modified` are the first and the last modification of its files, epoch milliseconds; `offsets` the start and the end by topic
    and partition, None where only an executor found out which "earliest" or "latest" is.
    """

    rdd: Long
    files: Long | None = None
    bytes: Long | None = None
    modified: tuple[Time, Time] | None = None
    offsets: dict[str, dict[str, tuple[Long | None, Long | None]]] = {}


class Streaming(msgspec.Struct, frozen=True, kw_only=True):
    """The micro-batch that an execution belongs to."""

    query_id: str | None = None
    run_id: str | None = None
    name: str | None = None
    batch_id: Long | None = None


class ApplicationRecord(msgspec.Struct, frozen=True, kw_only=True, tag="application", tag_field="kind"):
    """The application that wrote a segment; first record of each."""

    bridge: str
    bridge_version: str = ""
    application_id: str = ""
    attempt_id: str | None = None
    application_name: str = ""
    user: str = ""
    spark_version: str = ""
    scala_version: str = ""
    java_version: str = ""
    master: str | None = None
    started_at: Time | None = None
    settings: dict[str, str] = {}
    hash_key_id: str | None = None
    literals: str = "masked"


class ClassRecord(msgspec.Struct, frozen=True):
    """A class of nodes: its full name, what its nodes are, and the names of their fields."""

    name: str
    kind: str
    fields: list[str] = []


class AttributeRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A column of an operator's output; `type` is an index."""

    expr: int
    name: str
    type: int
    qualifier: tuple[str, ...] = ()
    nullable: bool = True


class SpanRecord(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A long list of attributes: indexes, and `(from, count)` for attributes as they stand in the spans before it."""

    a: list[int | tuple[int, int]]


NO_FIELDS_JSON, NO_OUTPUT_JSON, NO_FACTS_JSON = msgspec.Raw(b"[]"), msgspec.Raw(b"null"), msgspec.Raw(b"{}")


class NodeRecord(msgspec.Struct, frozen=True, gc=False):
    """A node: its class, the values of its fields, its output, and what else the contract has, under its letters.

    What may be long is left as JSON, a list of anything, of numbers or a span, and `PlanFacts`: of all nodes together it would take
    ten times the memory of the bytes.
    """

    c: int
    f: msgspec.Raw = NO_FIELDS_JSON
    o: msgspec.Raw = NO_OUTPUT_JSON
    e: int | None = None
    n: str = ""
    t: int | None = None
    s: bool = False
    x: msgspec.Raw = NO_FACTS_JSON


class PlanRecord(msgspec.Struct, frozen=True, kw_only=True, tag="plan", tag_field="kind"):
    """A plan section, still flat; `spark_lineage.decode.plans` makes the tree. `attributes` is a list of `AttributeRecord` as JSON."""

    hash: str
    classes: list[ClassRecord]
    types: list[str]
    attributes: msgspec.Raw
    nodes: list[NodeRecord]
    analyzed: dict[str, Any] | None = None
    executed: dict[str, Any] | None = None
    truncated: list[dict[str, Any]] = []


class ExecutionRecord(msgspec.Struct, frozen=True, kw_only=True, tag="execution", tag_field="kind"):
    """One SQL execution that ended; one that failed before it was announced has no start."""

    bridge: str
    execution_id: Long
    root_execution_id: Long | None = None
    query_execution_id: Long | None = None
    plan: str | None = None
    plan_error: Failure | None = None
    state: RunState = RunState.COMPLETE
    error: Failure | None = None
    failed_node: Long | None = None
    started_at: Time | None = None
    ended_at: Time | None = None
    started_order: Long | None = 0
    ended_order: Long = 0
    phases: dict[str, list[Long]] = {}
    command_result: bool = False
    description: str | None = None
    call_site: str | None = None
    sql_text: str | None = None
    job_group: str | None = None
    job_tags: tuple[str, ...] = ()
    user: str | None = None
    session: str | None = None
    expressions: tuple[Long | None, ...] = ()
    literals: tuple[str | None, ...] = ()
    metrics: list[tuple[Long, dict[str, Long]]] = []
    metric_types: dict[str, str] = {}
    versions: list[tuple[Long, Long]] = []
    origins: list[tuple[Long, Origin]] = []
    origin_executions: list[OriginExecution] = []
    facts: list[tuple[Long, RunFacts]] = []
    scans: list[tuple[Long, ScanRecord]] = []
    jobs: list[JobRecord] = []
    stages: list[StageRecord] = []
    operator_stages: list[tuple[Long, list[Long]]] = []
    left_out: str | None = None
    streaming: Streaming | None = None

    @property
    def root(self) -> int:
        """The outermost execution that this one ran inside; itself for a root."""
        return self.execution_id if self.root_execution_id is None else self.root_execution_id

    def inside(self, batch: ExecutionRecord) -> ExecutionRecord:
        """The record with the stream and batch of the micro-batch that it ran in: only one with jobs says so itself."""
        return self if self.streaming is not None else structs.replace(self, streaming=batch.streaming)


class IntentRecord(msgspec.Struct, frozen=True, kw_only=True, tag="intent", tag_field="kind"):
    """A write that was about to run: all that is known of it where its end is never recorded.

    `started_order` counts the starts and ends that the bridge had heard of by then, `sequence` the intents of the application.
    """

    bridge: str
    execution_id: Long
    root_execution_id: Long | None = None
    query_execution_id: Long | None = None
    plan: str | None = None
    started_at: Time | None = None
    started_order: Long = 0
    sequence: Long = 0
    description: str | None = None
    call_site: str | None = None
    sql_text: str | None = None
    job_group: str | None = None
    user: str | None = None
    session: str | None = None
    expressions: tuple[Long | None, ...] = ()
    literals: tuple[str | None, ...] = ()
    versions: list[tuple[Long, Long]] = []
    facts: list[tuple[Long, RunFacts]] = []

    @property
    def root(self) -> int:
        """The outermost execution that this one runs inside; itself for a root."""
        return self.execution_id if self.root_execution_id is None else self.root_execution_id


class ExecutorRecord(msgspec.Struct, frozen=True, kw_only=True, tag="executor", tag_field="kind"):
    """An executor that came or went: `event` is "added", "removed" or "excluded"."""

    bridge: str
    at: Time
    event: str
    executor: str
    reason: str | None = None


class RddJobRecord(msgspec.Struct, frozen=True, kw_only=True, tag="rdd_job", tag_field="kind"):
    """A Spark job without an SQL execution; `schema_inference` where a reader only looks at its files' columns.

    `rdd` has the ancestry of the RDD that it computed, None where the job had ended before the bridge could ask.
    `function` is the class whose code it ran; `output` the folder that it wrote.
    """

    bridge: str
    job_id: Long
    schema_inference: bool = False
    state: RunState = RunState.COMPLETE
    call_site: str | None = None
    started_at: Time | None = None
    ended_at: Time | None = None
    rdd: RunFacts | None = None
    function: str | None = None
    output: str | None = None
    output_format: str | None = None
    error: Failure | None = None
    stages: list[StageRecord] = []


class StreamStartRecord(msgspec.Struct, frozen=True, kw_only=True, tag="stream_start", tag_field="kind"):
    """A streaming query began: under the same `query_id` and another `run_id` where it goes on from its checkpoint."""

    bridge: str
    query_id: str
    run_id: str
    name: str | None = None
    at: Time | None = None


class ProgressSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source in a micro-batch; offsets are JSON texts, `"?"` where their shape is not a known one."""

    description: str | None = None
    start: str | None = None
    end: str | None = None
    rows: Long | None = None


class ProgressOperator(msgspec.Struct, frozen=True, kw_only=True):
    """A stateful operator after a micro-batch."""

    name: str = "?"
    rows: Long | None = None
    updated_rows: Long | None = None
    removed_rows: Long | None = None
    late_rows: Long | None = None
    memory_bytes: Long | None = None


class ProgressRecord(msgspec.Struct, frozen=True, kw_only=True, tag="progress", tag_field="kind"):
    """What a streaming query said of a micro-batch that it completed; `event_time` has min, max, avg and watermark."""

    bridge: str
    query_id: str
    run_id: str
    batch_id: Long
    name: str | None = None
    execution_id: Long | None = None
    started_at: Time | None = None
    duration_ms: Long | None = None
    durations_ms: dict[str, Long | None] = {}
    event_time: dict[str, Long | None] = {}
    sources: list[ProgressSource] = []
    state: list[ProgressOperator] = []
    sink: str | None = None
    output_rows: Long | None = None


class StreamEndRecord(msgspec.Struct, frozen=True, kw_only=True, tag="stream_end", tag_field="kind"):
    """A run of a streaming query ended; `error` is why, where it failed."""

    bridge: str
    query_id: str
    run_id: str
    name: str | None = None
    at: Time | None = None
    error: Failure | None = None


class GapRecord(msgspec.Struct, frozen=True, kw_only=True, tag="gap", tag_field="kind"):
    """Something that the bridge could not record: how often, and why."""

    bridge: str
    reason: str
    count: Long = 1
    message: str | None = None
    at: Time | None = None


class ApplicationEndRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag="application_end", tag_field="kind"
):
    """The application ended in order.

    `stopped` says how: "program" (SparkContext.stop was called), "returned" (its main method did), "failed" (spark-submit gave
    up), "exit" (System.exit, or its Python program is gone), "signal"; None in records of older bridges. `running` are the
    executions that had started and not ended, `metrics` the bridge's own numbers then, by name; empty in older records.
    """

    bridge: str
    ended_at: Time | None = None
    exit_code: Long | None = None
    stopped: str | None = None
    running: tuple[Long, ...] = ()
    metrics: dict[str, Long] = msgspec.field(default_factory=dict)


StreamRecord: TypeAlias = StreamStartRecord | ProgressRecord | StreamEndRecord

Record: TypeAlias = (
    ApplicationRecord
    | PlanRecord
    | IntentRecord
    | ExecutionRecord
    | RddJobRecord
    | ExecutorRecord
    | StreamRecord
    | GapRecord
    | ApplicationEndRecord
)


class _Head(msgspec.Struct, frozen=True):
    v: int
    kind: str


class _Outline(_Head, frozen=True):
    """The parts of a plan of which there may be many, besides."""

    nodes: msgspec.Raw = NO_FIELDS_JSON
    attributes: msgspec.Raw = NO_FIELDS_JSON


_head = msgspec.json.Decoder(_Head)
_outline = msgspec.json.Decoder(_Outline)
_record: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def decode_record(payload: bytes) -> Record:
    """Decode one frame's payload.

    Raises `DecodeError` where it is too large, of a newer record version, or not a record.
    """
    if len(payload) > MAX_RECORD_BYTES:
        raise DecodeError(
            f"a record has {len(payload):,} bytes, more than the {MAX_RECORD_BYTES:,} that are read"
        )
    if _NUL in payload:
        payload = payload.replace(_NUL, _REPLACEMENT)
    try:
        head = (_head if len(payload) <= _SMALL_BYTES else _outline).decode(payload)
        if head.v > RECORD_VERSION:
            raise DecodeError(
                f"a record has version {head.v}, this reader knows up to {RECORD_VERSION}: update spark-lineage"
            )
        if isinstance(head, _Outline):
            _weigh(payload, head)
        return _record.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, MemoryError) as error:
        raise DecodeError(f"a record does not fit the format: {error}") from error


def _weigh(payload: bytes, outline: _Outline) -> None:
    """Refuse a large record that would take too much memory: of a plan's nodes and attributes the tree's maker knows better."""
    nodes, attributes = b"", b""
    if outline.kind == "plan":
        nodes, attributes = bytes(outline.nodes), bytes(outline.attributes)
        if nodes.count(b"{") > MAX_NODE_OBJECTS or len(attributes) > MAX_ATTRIBUTE_BYTES:
            raise DecodeError(
                f"a plan has more than {MAX_NODE_OBJECTS:,} objects, or more than {MAX_ATTRIBUTE_BYTES:,} bytes of attributes"
            )
    if (len(payload) - len(nodes) - len(attributes)) * MOST_OBJECT_BYTES <= MAX_OBJECT_BYTES:
        return  # whatever it is
    needed = object_bytes(payload) - object_bytes(nodes) - object_bytes(attributes)
    if needed > MAX_OBJECT_BYTES:
        raise DecodeError(
            f"a record of {len(payload):,} bytes would take {needed:,} bytes of memory, more than {MAX_OBJECT_BYTES:,}"
        )
