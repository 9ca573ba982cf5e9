"""The table of logical operators: class -> rule. Adding an operator is one function and one entry.

Relations (leaves) are in `spark_lineage.analyze.relations`, commands in `spark_lineage.analyze.writes`.
"""

from __future__ import annotations

from spark_lineage.analyze.operators.generate import generate
from spark_lineage.analyze.operators.joins import join, lateral_join
from spark_lineage.analyze.operators.opaque import cogroup, superset
from spark_lineage.analyze.operators.passed import passed, view, with_cte
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
    "Union": union,
    "UnionLoop": union,
    "Intersect": intersect_or_except,
    "Except": intersect_or_except,
    "Generate": generate,
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
}
"""Logical operator class -> rule; an operator without an entry gets the superset and a problem."""
