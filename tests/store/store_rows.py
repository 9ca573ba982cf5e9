"""A batch with every kind of value that the tables can hold: nulls, texts in quotes, empty and full arrays and maps."""

from __future__ import annotations

from spark_lineage.model import (
    ApplicationEvent,
    Batch,
    Certainty,
    Column,
    Constants,
    Dataset,
    DatasetId,
    Distribution,
    Edge,
    EdgeKind,
    Observation,
    Operator,
    OperatorMetrics,
    Plan,
    PlanColumn,
    Problem,
    Run,
    RunState,
    Schema,
    SchemaColumn,
    Severity,
    Stage,
    StateOperator,
    StreamBatch,
    StreamSource,
    Subtype,
)

RAW = DatasetId("file", '/raw/o\'clock \\ "quoted"')
SALES = DatasetId("s3://lake", "sales/größe")


def batch(execution: int = 1) -> Batch:
    """The rows of one run; each execution has a plan of its own, and all share the datasets."""
    run_id, fingerprint = f"bridge:{execution}", f"{execution:064x}"
    return Batch(
        datasets=(Dataset(RAW.namespace, RAW.name), Dataset(SALES.namespace, SALES.name, ("a.sales", "b.sales"), "delta")),
        columns=(
            Column(RAW.namespace, RAW.name, "Größe", "string", 0),
            Column(SALES.namespace, SALES.name, "info", "struct<a:int,b:string>", 0),
        ),
        plans=(
            Plan(
                fingerprint, EdgeKind.DATA, "nightly", "merge", SALES, overwrites=True, certainty=Certainty.OPAQUE,
                columns=(PlanColumn("info", "struct<a:int,b:string>", Certainty.OVER_APPROXIMATE), PlanColumn("n", "bigint")),
                operators=(Operator("Join#1", "Join", "inner"), Operator("Project#2", "Project")),
                datasets=(RAW, SALES),
            ),
            Plan(
                f"{execution + 500:064x}", EdgeKind.USAGE, "nightly", "count", DatasetId("driver", "count"),
                overwrites=False, certainty=Certainty.EXACT, columns=(),
            ),
        ),
        edges=(
            Edge(
                fingerprint, EdgeKind.DATA, RAW, "Größe", SALES, "info", Subtype.CONDITIONAL, masking=True,
                certainty=Certainty.OVER_APPROXIMATE, expression="if('x' = ?, Größe, ?)", transformations=("if", "cast"),
                operator="Project#2", via=("v.one", "v.two"),
            ),
            Edge(fingerprint, EdgeKind.DATA, RAW, None, SALES, None, Subtype.JOIN),
            Edge(fingerprint, EdgeKind.DATA, RAW, None, SALES, "n", Subtype.IDENTITY, expression=""),
        ),
        runs=(
            Run(
                run_id, 0, "write", fingerprint, "nightly", "merge", SALES, RunState.COMPLETE, "local-1", "shop", "ann",
                "4.1.3", 1_700_000_000_123, 1_700_000_001_456, rows=2**40, bytes=0, files=3, description="d",
                call_site="save at X.java:0", sql_text="MERGE INTO ?", query_id="q", batch_id=4,
            ),
            Run(
                "bridge", 0, "application", None, "shop", "APPLICATION", None, RunState.FAILED, "local-1", "shop", "ann",
                "4.1.3", None, None, error_class="E", error_message="line one\nline two",
                metrics=(("executions", 3), ("lost", 0)),
            ),
        ),
        operators=(
            OperatorMetrics(run_id, "Scan#1", "Scan csv", 5, None, None, (("numFiles", 1), ("numOutputRows", 5))),
            OperatorMetrics(run_id, "Sort#2", "Sort", None, None, 7),
            OperatorMetrics(
                run_id, "Join#3", "SortMergeJoin", 1, None, 7, (("spillSize", 9),), (("spillSize", "bytes"),),
                ("Scan#1", "Sort#2"), ("a", "b"), ("b",), "Join#4", (0, 1), 2, 9, 10, "reused",
            ),
        ),
        stages=(
            Stage(run_id, 0, 0, "save", RunState.FAILED, 4, 1, 1, None),
            Stage(run_id, 0, 1, "save", RunState.COMPLETE, 4, 0, 1, 2, (("executor_run_time_ms", 9),)),
            Stage(
                run_id, 1, 0, "save", RunState.FAILED, 4, 1, 1, 2, (), 7, 3, (Distribution("run_time_ms", 0, 1, 2, 3, 4),), 1, 2, "lost",
            ),
        ),
        observations=(
            Observation(run_id, 0, RAW.namespace, RAW.name, "read", "/raw/dt=1", ("dt=1", "h=2"), None, 5, 6, 7),
            Observation(run_id, 0, SALES.namespace, SALES.name, "written", "/sales", version=12),
            Observation(
                run_id, 1, SALES.namespace, SALES.name, "read", "/sales", (), 3, 4, 5, 6, 7, "aa", 8, 9, 10,
                '{"t": {"0": [1, 2]}}', "7:3",
            ),
        ),
        problems=(
            Problem("a", Severity.ERROR, "m", "w", "h", run_id, fingerprint, SALES),
            Problem("b", Severity.INFO, "m"),
        ),
        schemas=(Schema(f"{execution:032x}", (SchemaColumn("a", "int", nullable=False), SchemaColumn("Größe", "string"))),),
        batches=(
            StreamBatch(
                "q", execution, "r1", "bridge", "clicks", run_id, 1, 2, 3, 4,
                (StreamSource("Kafka[t]", '{"t":{"0":1}}', '{"t":{"0":2}}', 1),),
                (StateOperator("dedupe", 1, 2, 3, 4, 5),), (("addBatch", 6),), "Sink", 7, 8, 9,
            ),
            StreamBatch("q", execution + 500, "r1", "bridge"),
        ),
        constants=(Constants(run_id, 0, (("* FILTER", "aa bb"), ("n", "cc")), "key"),),
        events=(ApplicationEvent("bridge", execution, "executor_removed", "1", "lost", "r1"),),
    )  # fmt: skip
