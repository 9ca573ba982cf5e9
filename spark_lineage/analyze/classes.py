"""Every class of Spark's, Delta's and Iceberg's logical plans that has no rule: what it is, and what becomes of it.

The classes with a rule are in `spark_lineage.analyze.rules`, `relations` and `writes`. `tests/closed` has the lists of
the classes in the jars of each supported version; a test fails when one of them stands nowhere, or in two places. What a table here
says is what the analyzer does: `commands.py` and `writes.py` ask these tables, and SUPPORTED.md is written from them.

Names are those of `Node.name`: the class's name after the last point, `ClearCacheCommand$` for a Scala object.
"""

from __future__ import annotations

QUIET = frozenset({
    # names of tables, views, functions, catalogs; their settings, comments and statistics
    "AddColumns", "AddPartitions", "AlterColumn", "AlterColumns", "AlterDatabasePropertiesCommand", "AlterDatabaseSetLocationCommand",
    "AlterTableAddColumnsCommand", "AlterTableAddPartitionCommand", "AlterTableChangeColumnCommand", "AlterTableClusterBy",
    "AlterTableCollation", "AlterTableSerDePropertiesCommand", "AlterTableSetPropertiesCommand", "AlterTableUnsetPropertiesCommand",
    "AlterViewSchemaBinding", "AlterViewSchemaBindingCommand", "AddCheckConstraint", "AddConstraint", "DropConstraint",
    "AnalyzeColumn", "AnalyzeColumnCommand", "AnalyzePartitionCommand", "AnalyzeTable", "AnalyzeTableCommand", "AnalyzeTables",
    "AnalyzeTablesCommand", "CommentOnNamespace", "CommentOnTable", "CreateDatabaseCommand",
    "CreateFunction", "CreateFunctionCommand", "CreateIndex", "CreateMetricView", "CreateMetricViewCommand", "CreateNamespace",
    "CreateSQLFunctionCommand", "CreateTableLike", "CreateTableLikeCommand", "CreateTempViewUsing",
    "CreateUserDefinedFunction", "CreateVariable", "DropDatabaseCommand", "DropFunction", "DropFunctionCommand", "DropIndex",
    "DropNamespace", "DropTempViewCommand", "DropVariable", "DropView", "RecoverPartitions",
    "RefreshFunction", "RefreshFunctionCommand", "RefreshResource", "RefreshTable", "RefreshTableCommand", "RepairTable",
    "RepairTableCommand", "ResetCommand", "SetCatalogAndNamespace", "SetCatalogCommand", "SetCommand",
    "SetNamespaceCollationCommand", "SetNamespaceCommand", "SetNamespaceLocation", "SetNamespaceProperties", "SetPathCommand",
    "SetTableProperties", "SetTableSerDeProperties", "SetViewProperties", "UnsetNamespacePropertiesCommand", "UnsetTableProperties",
    "UnsetViewProperties", "CreateView",
    # what only shows
    "DescribeColumn", "DescribeColumnCommand", "DescribeDatabaseCommand", "DescribeFunction", "DescribeFunctionCommand",
    "DescribeNamespace", "DescribeProcedureCommand", "DescribeQueryCommand", "DescribeRelation", "DescribeRelationJsonCommand",
    "DescribeTableCommand", "DescribeTablePartition", "ExplainCommand", "ListArchivesCommand", "ListFilesCommand", "ListJarsCommand",
    "ShowCatalogsCommand", "ShowCollationsCommand", "ShowColumns", "ShowColumnsCommand", "ShowCreateTable",
    "ShowCreateTableAsSerdeCommand", "ShowCreateTableCommand", "ShowCurrentNamespaceCommand", "ShowFunctions",
    "ShowFunctionsCommand", "ShowNamespaces", "ShowNamespacesCommand", "ShowPartitions", "ShowPartitionsCommand",
    "ShowProceduresCommand", "ShowTableExtended", "ShowTablePartition", "ShowTableProperties", "ShowTablePropertiesCommand",
    "ShowTables", "ShowTablesCommand", "ShowTablesExtended", "ShowViews", "ShowViewsCommand", "StreamingExplainCommand",
    # what is kept or fetched for later; cached data keeps the lineage of its query
    "AddArchivesCommand", "AddFilesCommand", "AddJarsCommand", "CacheTable", "CacheTableAsSelect", "ClearCacheCommand$",
    "CloseCursor", "DeclareCursor", "FetchCursor", "NoopCommand", "OpenCursor", "UncacheTable",
    # what nobody can see into
    "Call", "ExternalCommandExecutor",
})  # fmt: skip
"""Spark's commands that neither read nor write rows as lineage means it: no write, no usage, no problem."""

QUIET_OF_FORMATS = frozenset({
    # Delta
    "AlterColumnSyncIdentity", "AlterTableAddColumnsDeltaCommand", "AlterTableAddConstraint", "AlterTableAddConstraintDeltaCommand",
    "AlterTableChangeColumnDeltaCommand", "AlterTableClusterByDeltaCommand", "AlterTableDropConstraint",
    "AlterTableDropConstraintDeltaCommand", "AlterTableDropFeature", "AlterTableDropFeatureDeltaCommand",
    "AlterTableSetPropertiesDeltaCommand", "AlterTableUnsetPropertiesDeltaCommand", "DeltaGenerateCommand", "DeltaReorgTable",
    "DeltaReorgTableCommand", "DescribeDeltaDetailCommand", "DescribeDeltaHistory", "DescribeDeltaHistoryCommand",
    "OptimizeTableCommand", "RowTrackingBackfillCommand", "RowTrackingUnBackfillCommand", "ShowDeltaPartitionsCommand",
    "ShowDeltaTableColumnsCommand", "VacuumTableCommand",
    # Iceberg
    "AddPartitionField", "CreateOrReplaceBranch", "CreateOrReplaceTag", "DropBranch", "DropIcebergView", "DropIdentifierFields",
    "DropPartitionField", "DropTag", "ReplacePartitionField", "SetIdentifierFields", "SetWriteDistributionAndOrdering",
    "ShowIcebergViews",
})  # fmt: skip
"""The same of Delta and Iceberg: what rewrites files and leaves the rows as they are is among them."""

ASSIGNMENTS: dict[str, str] = {"SetVariable": "sourceQuery"}
"""Commands that keep a query's row in session variables, and the field with the query: what it reads is a usage."""

NOT_FOLLOWED = frozenset({
    # rows that come, go or change without a query
    "AlterTableDropPartitionCommand", "DropPartitions", "LoadData", "LoadDataCommand", "TruncatePartition",
    "ConvertToDeltaCommand", "CreateDeltaTableCommand", "RestoreTableCommand", "RestoreTableStatement",
    # another name, another place, other columns
    "AlterTableRenameCommand", "AlterTableRenamePartitionCommand", "AlterTableSetLocationCommand", "DropColumns", "RenameColumn",
    "RenamePartitions", "RenameTable", "ReplaceColumns", "SetTableLocation", "AlterTableDropColumnsDeltaCommand",
    "AlterTableReplaceColumnsDeltaCommand", "AlterTableSetLocationDeltaCommand",
})  # fmt: skip
"""Commands that change the rows, the name, the place or the columns of a table, and have no query: `command_not_followed`."""

WRITES_WITHOUT_RULE = frozenset({
    "DeleteFromTableWithFilters", "InsertOnlyMerge", "DeltaInsertReplaceOnOrUsingCommand", "WriteToContinuousDataSource",
})  # fmt: skip
"""Writes that are taken as an append of their query, if they have one: `unknown_command`."""

PARTS = frozenset({
    "ResolvedIdentifier", "ResolvedNamespace", "ResolvedNonPersistentFunc", "ResolvedPathBasedNonDeltaTable", "ResolvedPersistentFunc",
    "ResolvedPersistentView", "ResolvedProcedure", "ResolvedTable", "ResolvedTempView", "ResolvedV2View",
})  # fmt: skip
"""What a command's arguments are: they stand inside commands only."""

NEVER_ANALYZED: dict[str, frozenset[str]] = {
    "resolved by the analyzer": frozenset({
        "AlterViewAs", "CurrentNamespace$", "DataFrameDropColumns", "ExecuteImmediateQuery", "GeneralParameterizedQuery",
        "InsertIntoDir", "InsertIntoStatement", "MetricViewPlaceholder", "NameParameterizedQuery", "NamedStreamingRelation", "Pivot",
        "PlanWithUnresolvedIdentifier", "PosParameterizedQuery", "RelationChanges", "RelationTimeTravel", "SQLTableFunction",
        "TemporaryViewRelation", "Unpivot", "UnresolvedCatalogRelation", "UnresolvedCteRelationRef", "UnresolvedDataSource",
        "UnresolvedEventTimeWatermark", "UnresolvedExecuteImmediate", "UnresolvedFunctionName", "UnresolvedHaving", "UnresolvedHint",
        "UnresolvedIdentifier", "UnresolvedInlineTable", "UnresolvedNamespace", "UnresolvedProcedure", "UnresolvedQualify",
        "UnresolvedRelation", "UnresolvedSubqueryColumnAliases", "UnresolvedTVFAliases", "UnresolvedTable", "UnresolvedTableOrView",
        "UnresolvedTableValuedFunction", "UnresolvedTranspose", "UnresolvedView", "UnresolvedWith", "V2TableReference",
        "WithWindowDefinition",
        # Delta's and Iceberg's
        "CDCNameBased", "CDCPathBased", "CallStatement", "ClusterByPlan", "DeltaDelete", "DeltaMergeInto", "DeltaUpdateTable",
        "CloneTableStatement", "TableChanges", "TimeTravel", "UnresolvedPathBasedDeltaTable", "UnresolvedPathBasedDeltaTableRelation",
        "UnresolvedPathBasedTable",
    }),
    "made by the optimizer or while planning": frozenset({
        "AppendColumnsWithObject", "ArrowEvalPython", "ArrowEvalPythonUDTF", "BatchEvalPython", "BatchEvalPythonUDTF", "DomainJoin",
        "InMemoryRelation", "LogicalQueryStage", "NonGroupingAggregateReference", "OrderedJoin", "ScanBuilderHolder",
        "WindowGroupLimit", "WriteFiles", "WriteToDataSourceV2",
    }),
    "a streaming query's own bookkeeping": frozenset({"OffsetHolder", "WriteToStream", "WriteToStreamStatement"}),
    "a statement of an SQL script: its queries are executions of their own": frozenset({
        "CompoundBody", "ErrorCondition", "ExceptionHandler", "ForStatement", "IfElseStatement", "IterateStatement", "LeaveStatement",
        "LoopStatement", "RepeatStatement", "SearchedCaseStatement", "SimpleCaseStatement", "SingleStatement", "WhileStatement",
    }),
    "a definition in a declarative pipeline: its flows are executions of their own": frozenset({
        "CreateFlowCommand", "CreateMaterializedViewAsSelect", "CreateStreamingTable", "CreateStreamingTableAsSelect",
    }),
    "a holder for expressions inside other code": frozenset({
        "AnalysisHelper$FakeLogicalPlan", "DeltaInvariantChecker", "DummyExpressionHolder", "ExpressionLogicalPlanWrapper",
        "SparkExpressionConverter$DummyRelation", "WriteIntoDelta",
    }),
}  # fmt: skip
"""Why a class never stands in the analyzed plan of an execution -> the classes."""
