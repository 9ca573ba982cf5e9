"""Each class that the analyzer has a rule for occurs in a plan of the cases and events of this folder."""

from __future__ import annotations

import pyspark
import pytest
from closed.lists import FOLDER, node_name, sections

from lineage.harness import load_all, spark_marks
from spark_lineage.analyze import expressions
from spark_lineage.analyze.commands import CLASSES, Category

pytestmark = spark_marks()

SPARK = "4.1.3"
"""The version whose classes are looked for; the other versions run the same cases, as far as they have what these need."""

CATEGORIES = (
    Category.RULED, Category.PASSED, Category.PROGRAM, Category.READ, Category.IN_MEMORY, Category.REFERENCE, Category.DETACHED,
    Category.WRITE, Category.ASSIGNMENT,
)  # fmt: skip

NOT_MET = {
    "tests/hive has them": (
        "CreateHiveTableAsSelectCommand",
        "HiveTableRelation",
        "InsertIntoHiveDirCommand",
        "InsertIntoHiveTable",
    ),
    "tests/sources has them, with Iceberg and Kafka": (
        "MergeRows",
        "OverwritePartitionsDynamic",
        "ReplaceData",
        "StreamingDataSourceV2Relation",
        "WriteDelta",
    ),
    "the Scala API's alone": (
        "AppendColumns", "CoGroup", "FlatMapGroupsWithState", "MapGroups", "Tail", "TransformWithState", "TypedFilter",
    ),
    "R": ("FlatMapGroupsInR", "FlatMapGroupsInRWithArrow", "MapPartitionsInR", "MapPartitionsInRWithArrow"),
    "the optimizer or the planner makes it": (
        "DataSourceV2ScanRelation", "EmptyRelation", "OrderAwareCoalesce", "LimitAll", "ReturnAnswer", "Subquery",
    ),
    "Spark resolves it before a query runs": (
        "StreamingExecutionRelation", "StreamingRelation", "StreamingRelationV2", "TempResolvedColumn",
        "UnresolvedNamedLambdaVariable", "UpdateEventTimeWatermarkColumn",
    ),
    "Spark Connect's": ("MultiResult",),
    "a table function for the logs of Python workers": ("PythonWorkerLogs",),
    "it needs a catalog of views that runs as a server": ("CreateIcebergView",),
    "no released source runs it: Delta and Iceberg put commands of their own in its place": ("DeleteFromTable",),
    "Spark 3.5's, or the optimizer's": (
        "CheckOverflow", "CheckOverflowInTableWrite", "ConditionalIncrementMetric", "KnownFloatingPointNormalized",
        "KnownNotContainsNull", "NormalizeNaNAndZero", "PromotePrecision",
    ),
}  # fmt: skip
"""Why no plan of this folder need have a class -> the classes."""


@pytest.fixture
def everything_ran(request: pytest.FixtureRequest) -> None:
    """All cases and all events come before this test; a part of them says nothing."""
    ran = [item for item in request.session.items if item.path.parent == request.path.parent]
    files = {item.path.name for item in ran}
    cases = sum(item.path.name == "test_cases.py" for item in ran)
    if cases != len(load_all()) or files != {path.name for path in request.path.parent.glob("test_*.py")}:
        pytest.skip("only a part of this folder's tests is run")
    if pyspark.__version__ != SPARK:
        pytest.skip(f"the classes are those of Spark {SPARK}, this is {pyspark.__version__}")


@pytest.mark.usefixtures("everything_ran")
def test_every_class_with_a_rule_is_met(classes_met: set[str]) -> None:
    lists = [
        path
        for path in FOLDER.glob("*.txt")
        if path.stem.startswith((f"spark-{SPARK}", "delta-spark_4.1", "iceberg-spark-runtime-4.1"))
    ]
    there = {node_name(each) for path in lists for each in sections(path)["plans"]}
    ruled = frozenset().union(*(CLASSES[each] for each in CATEGORIES)) & there | expressions.RULES.keys()
    excused = {name for names in NOT_MET.values() for name in names}
    assert ", ".join(sorted(ruled - classes_met - excused)) == ""
