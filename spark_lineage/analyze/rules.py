"""The table of logical operators: class -> rule. Adding an operator is one function and one entry.

Relations (leaves) are in `spark_lineage.analyze.relations`, commands in `spark_lineage.analyze.writes`.
"""

from __future__ import annotations

from spark_lineage.analyze.operators.generate import generate
from spark_lineage.analyze.operators.joins import as_of_join, join, lateral_join, nearest_by_join
from spark_lineage.analyze.operators.merge import merge_rows
from spark_lineage.analyze.operators.opaque import cogroup, stateful, superset
from spark_lineage.analyze.operators.passed import numbered, passed, view, with_cte
from spark_lineage.analyze.operators.rows import (
    aggregate,
    deduplicate,
    distinct,
    expand,
    filter_rows,
    project,
    sort,
    window,
)
from spark_lineage.analyze.operators.sets import intersect_or_except, union
from spark_lineage.analyze.steps import Rule

RULES: dict[str, Rule] = {
    "Project": project,
    "Filter": filter_rows,
    "Sort": sort,
    "Aggregate": aggregate,
    "Window": window,
    "Distinct": distinct,
    "Deduplicate": deduplicate,
    "DeduplicateWithinWatermark": deduplicate,
    "Expand": expand,
    "Join": join,
    "LateralJoin": lateral_join,
    "AsOfJoin": as_of_join,
    "NearestByJoin": nearest_by_join,
    "Union": union,
    "SequentialStreamingUnion": union,
    "UnionLoop": union,
    "Intersect": intersect_or_except,
    "Except": intersect_or_except,
    "Generate": generate,
    "AttachDistributedSequence": numbered,
    "MergeRows": merge_rows,
    "WithCTE": with_cte,
    "View": view,
    # columns pass as they are
    "SubqueryAlias": passed,
    "PipeOperator": passed,
    "Subquery": passed,
    "ResolvedHint": passed,
    "GlobalLimit": passed,
    "LocalLimit": passed,
    "LimitAll": passed,
    "Offset": passed,
    "Tail": passed,
    "Sample": passed,
    "Repartition": passed,
    "RepartitionByExpression": passed,
    "RebalancePartitions": passed,
    "CTERelationDef": passed,
    "CollectMetrics": passed,
    "EventTimeWatermark": passed,
    "UpdateEventTimeWatermarkColumn": passed,
    "ReturnAnswer": passed,
    "SQLFunctionNode": passed,
    "MultiResult": passed,
    "ResolvedMetricView": passed,
    "OrderAwareCoalesce": passed,
    # programs over whole rows
    "MapInPandas": superset,
    "PythonMapInArrow": superset,
    "MapInArrow": superset,
    "FlatMapGroupsInPandas": superset,
    "FlatMapGroupsInArrow": superset,
    "FlatMapCoGroupsInPandas": cogroup,
    "FlatMapCoGroupsInArrow": cogroup,
    "MapPartitions": superset,
    "MapElements": superset,
    "DeserializeToObject": superset,
    "SerializeFromObject": superset,
    "TypedFilter": superset,
    "AppendColumns": superset,
    "MapGroups": superset,
    "CoGroup": superset,
    "ScriptTransformation": superset,
    "FlatMapGroupsWithState": superset,
    "FlatMapGroupsInPandasWithState": superset,
    "TransformWithState": superset,
    "TransformWithStateInPySpark": stateful,
    "TransformWithStateInPandas": stateful,
    "MapPartitionsInR": superset,
    "MapPartitionsInRWithArrow": superset,
    "FlatMapGroupsInR": superset,
    "FlatMapGroupsInRWithArrow": superset,
}
"""Logical operator class -> rule; an operator without an entry gets the superset and a problem."""
