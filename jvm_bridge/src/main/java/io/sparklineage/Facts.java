package io.sparklineage;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.trees.TreeNode;
import org.apache.spark.sql.connector.catalog.CatalogPlugin;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.command.DataWritingCommandExec;
import org.apache.spark.sql.execution.command.ExecutedCommandExec;
import org.apache.spark.sql.execution.datasources.SaveIntoDataSourceCommand;
import org.apache.spark.sql.execution.datasources.FileIndex;
import org.apache.spark.sql.execution.datasources.HadoopFsRelation;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * The few classes whose fields are not walked, because what names their data lies elsewhere: tables, file
 * indexes, relations, RDDs, sinks (which are tables to Spark). Only what is in memory already is read, never a file
 * or a catalog.
 */
final class Facts {
    private static final int PATH_LIMIT = 1_000;
    private static final int COLUMN_LIMIT = 10_000;

    private Facts() {
    }

    /** Whether all objects of a class are written by their facts. */
    private static final ClassValue<Boolean> DESCRIBED = new ClassValue<Boolean>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
            return Stream.of(CatalogTable.class, FileIndex.class, Table.class, RDD.class, Identifier.class, CatalogPlugin.class)
                    .anyMatch(each -> each.isAssignableFrom(type))
                    || BaseRelation.class.isAssignableFrom(type) && !HadoopFsRelation.class.isAssignableFrom(type);
        }
    };

    /** Whether it depends on the object. */
    private static final ClassValue<Boolean> MAY_BE_DESCRIBED = new ClassValue<Boolean>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
            return Scan.class.isAssignableFrom(type) || isOfDelta(type) && !TreeNode.class.isAssignableFrom(type);
        }
    };

    /** Whether a value is written by its facts instead of its fields. */
    static boolean describes(Object value) {
        Class<?> type = value.getClass();
        return DESCRIBED.get(type) || MAY_BE_DESCRIBED.get(type)
                && (value instanceof Scan && !passed(SparkCompat.fieldOrNull(value, "options")).isEmpty() || wrapped(value) != null);
    }

    private static boolean isOfDelta(Class<?> type) {
        return type.getName().startsWith("org.apache.spark.sql.delta.");
    }

    /** The table that Delta's description of a source wraps; null for anything else. */
    private static Table wrapped(Object value) {
        boolean ofDelta = value != null && isOfDelta(value.getClass());
        Object table = ofDelta && !(value instanceof TreeNode) ? SparkCompat.fieldOrNull(value, "sourceTable") : null;
        return table instanceof Table ? (Table) table : null;
    }

    /** Writes the member `x` of a value that {@link #describes} knows. */
    static void write(JsonWriter json, Object value, int node, RunFacts run) {
        json.name("x").object();
        if (value instanceof CatalogTable) {
            catalogTable(json, (CatalogTable) value);
        } else if (value instanceof FileIndex) {
            fileIndex(json, (FileIndex) value, node, run);
        } else if (value instanceof RDD) {
            json.field("class", value.getClass().getSimpleName());
            run.addRdd(node, (RDD<?>) value);
        } else if (value instanceof Identifier) {
            json.field("identifier", parts((Identifier) value));
        } else if (value instanceof CatalogPlugin) {
            json.field("name", ((CatalogPlugin) value).name());
        } else if (value instanceof BaseRelation) {
            json.field("relation", value.getClass().getSimpleName());
            members(json, value);
        } else if (value instanceof Table) {
            table(json, (Table) value, node, run);
        } else if (value instanceof Scan) {
            json.field("class", value.getClass().getSimpleName());
            options(json, SparkCompat.fieldOrNull(value, "options"));
        } else {
            Table table = wrapped(value);
            table(json, table, node, run);
            columns(json, SparkCompat.fieldOrNull(table, "tableSchema"));
            Object travel = SparkCompat.unwrap(SparkCompat.memberOrNull(table, "timeTravelOpt"));
            Object version = SparkCompat.memberOrNull(SparkCompat.fieldOrNull(value, "sourceSnapshot"), "version");
            if (SparkCompat.unwrap(SparkCompat.memberOrNull(travel, "timestamp")) != null && version instanceof Number) {
                json.field("requested_version", ((Number) version).longValue());
            }
        }
        json.endObject();
    }

    /** The columns of a table that no relation of the plan shows, where they are in memory. */
    private static void columns(JsonWriter json, Object schema) {
        if (!(schema instanceof StructType) || ((StructType) schema).size() > COLUMN_LIMIT) {
            return;
        }
        List<String> names = new ArrayList<>();
        List<String> types = new ArrayList<>();
        for (StructField field : ((StructType) schema).fields()) {
            names.add(field.name());
            types.add(field.dataType().simpleString());
        }
        json.field("columns", names);
        json.field("column_types", types);
    }

    private static void catalogTable(JsonWriter json, CatalogTable table) {
        json.field("identifier", parts(table.identifier()));
        json.field("provider", (String) SparkCompat.unwrap(table.provider()));
        Object location = SparkCompat.unwrap(table.storage().locationUri());
        json.field("location", location == null ? null : Masking.path(location.toString()));
        json.field("table_type", table.tableType().name());
        json.field("partition_columns", texts(SparkCompat.memberOrNull(table, "partitionColumnNames")));
        Object partitions = SparkCompat.memberOrNull(table, "partitionSchema");
        if (partitions instanceof StructType && ((StructType) partitions).size() > 0) {
            List<String> types = new ArrayList<>();
            for (StructField field : ((StructType) partitions).fields()) {
                types.add(field.dataType().simpleString());
            }
            json.field("partition_types", types);
        }
    }

    private static List<String> parts(TableIdentifier identifier) {
        List<String> parts = new ArrayList<>();
        Object catalog = SparkCompat.unwrap(SparkCompat.memberOrNull(identifier, "catalog"));
        Object database = SparkCompat.unwrap(identifier.database());
        if (catalog != null) {
            parts.add(Masking.part(catalog.toString()));
        }
        if (database != null) {
            parts.add(Masking.part(database.toString()));
        }
        parts.add(Masking.part(identifier.table()));
        return parts;
    }

    private static List<String> parts(Identifier identifier) {
        List<String> parts = new ArrayList<>();
        for (String part : identifier.namespace()) {
            parts.add(Masking.part(part));
        }
        parts.add(Masking.part(identifier.name()));
        return parts;
    }

    private static List<String> texts(Object collection) {
        List<String> texts = new ArrayList<>();
        for (Object element : SparkCompat.elements(collection, PATH_LIMIT)) {
            texts.add(String.valueOf(element));
        }
        return texts;
    }

    private static List<String> paths(Object collection) {
        List<String> paths = new ArrayList<>();
        for (Object element : SparkCompat.elements(collection, PATH_LIMIT)) {
            paths.add(Masking.path(String.valueOf(element)));
        }
        return paths;
    }

    private static void fileIndex(JsonWriter json, FileIndex index, int node, RunFacts run) {
        json.field("index", index.getClass().getSimpleName());
        List<String> paths = paths(SparkCompat.memberOrNull(index, "rootPaths"));
        if (run.streaming) {
            run.addPaths(node, paths);
        } else {
            json.field("paths", paths);
        }
        if (index.getClass().getName().startsWith("org.apache.spark.sql.delta.")) {
            deltaIndex(json, index, node, run);
        }
    }

    /** Delta's indexes by their fields: their methods may look at the log. */
    private static void deltaIndex(JsonWriter json, FileIndex index, int node, RunFacts run) {
        Object path = SparkCompat.memberOrNull(index, "path");
        json.field("delta_path", path == null ? null : Masking.path(path.toString()));
        Object snapshot = SparkCompat.memberOrNull(index, "snapshotAtAnalysis");
        snapshot = snapshot == null ? SparkCompat.memberOrNull(index, "snapshot") : snapshot;
        snapshot = snapshot == null ? SparkCompat.memberOrNull(index, "preparedScan") : snapshot;
        Object version = SparkCompat.memberOrNull(snapshot, "version");
        run.addVersion(node, version);
        boolean requested = Boolean.TRUE.equals(SparkCompat.memberOrNull(index, "isTimeTravelQuery"));
        if (requested && version instanceof Number) {
            json.field("requested_version", ((Number) version).longValue());
        }
    }

    private static void table(JsonWriter json, Table given, int node, RunFacts run) {
        json.field("class", given.getClass().getSimpleName());
        Object command = SparkCompat.memberOrNull(SparkCompat.memberOrNull(given, "operation"), "command");
        Object changed = command instanceof Enum ? SparkCompat.memberOrNull(given, "table") : null;
        if (changed instanceof Table) {
            json.field("command", ((Enum<?>) command).name());
        }
        Table table = changed instanceof Table ? (Table) changed : given;
        Object catalogTable = SparkCompat.unwrap(SparkCompat.memberOrNull(table, "catalogTable"));
        catalogTable = catalogTable == null ? SparkCompat.memberOrNull(table, "v1Table") : catalogTable;
        if (catalogTable instanceof CatalogTable) {
            catalogTable(json, (CatalogTable) catalogTable);
        }
        Object identifier = SparkCompat.memberOrNull(table, "ident");
        if (catalogTable == null && identifier instanceof Identifier) {
            json.field("identifier", parts((Identifier) identifier));
        }
        if (table.getClass().getName().startsWith("org.apache.spark.sql.delta.")) {
            deltaTable(json, table);
            return;
        }
        json.field("name", name(table));
        Object paths = SparkCompat.memberOrNull(table, "paths");
        if (paths != null && run.streaming) {
            run.addPaths(node, paths(paths));
        } else if (paths != null) {
            json.field("paths", paths(paths));
        }
        Object own = SparkCompat.memberOrNull(table, "table");
        if (own != null && !(own instanceof String) && !(own instanceof Table)) {
            connectorsTable(json, table, own, node, run);
        } else {
            members(json, table);
        }
    }

    /** A connector's own table behind Spark's: where it is, and which of its states was asked for. */
    private static void connectorsTable(JsonWriter json, Table table, Object own, int node, RunFacts run) {
        json.field("inner", own.getClass().getSimpleName());
        text(json, "path", SparkCompat.memberOrNull(own, "location"));
        Object branch = SparkCompat.memberOrNull(table, "branch");
        if (branch instanceof String) {
            json.field("branch", Masking.cut((String) branch, 1_000));
        }
        // Spark 4.1 gave tables a `version`, the one that is read; what was asked for stands in the relation there.
        Object version = SparkCompat.memberOrNull(table, "version");
        Object snapshot = SparkCompat.memberOrNull(table, "snapshotId");
        run.addVersion(node, snapshot);
        if (version == null && snapshot instanceof Number) {
            json.field("requested_version", ((Number) snapshot).longValue());
        }
    }

    private static String name(Table table) {
        try {
            return Masking.path(table.name());
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return null;
        }
    }

    /** Delta's table by its fields: its `name()` may load the log. */
    private static void deltaTable(JsonWriter json, Table table) {
        Object path = SparkCompat.memberOrNull(table, "path");
        json.field("path", path == null ? null : Masking.path(path.toString()));
        String identifier = (String) SparkCompat.unwrap(SparkCompat.memberOrNull(table, "tableIdentifier"));
        json.field("name", identifier == null ? null : Masking.part(identifier));
        Object travel = SparkCompat.unwrap(SparkCompat.memberOrNull(table, "timeTravelOpt"));
        Object version = SparkCompat.unwrap(SparkCompat.memberOrNull(travel, "version"));
        Object timestamp = SparkCompat.unwrap(SparkCompat.memberOrNull(travel, "timestamp"));
        if (version instanceof Number) {
            json.field("requested_version", ((Number) version).longValue());
        } else if (timestamp != null) {
            json.field("requested_timestamp", Masking.cut(timestamp.toString(), 1_000));
        }
    }

    /** What sources, sinks and connectors of third parties usually call their data. */
    private static void members(JsonWriter json, Object value) {
        Object options = SparkCompat.memberOrNull(value, "jdbcOptions");
        Object owner = options == null ? value : options;
        Object url = SparkCompat.memberOrNull(owner, "url");
        text(json, "url", url);
        options(json, SparkCompat.memberOrNull(value, "sourceOptions"));
        text(json, "path", SparkCompat.memberOrNull(owner, "path"));
        Object table = SparkCompat.memberOrNull(owner, options == null ? "table" : "tableOrQuery");
        if (table instanceof String) {
            boolean query = ((String) table).trim().startsWith("(");
            json.field(query ? "query" : "table", Masking.relation((String) table, String.valueOf(url)));
        }
    }

    /** The options of a relation or a scan that keeps them (Kafka's), those that may pass. */
    private static void options(JsonWriter json, Object options) {
        java.util.Map<String, String> passed = passed(options);
        if (!passed.isEmpty()) {
            json.name("options").object();
            passed.forEach(json::field);
            json.endObject();
        }
    }

    private static java.util.Map<String, String> passed(Object options) {
        java.util.Map<String, String> passed = new java.util.TreeMap<>();
        if (options instanceof CaseInsensitiveStringMap) {
            ((CaseInsensitiveStringMap) options).asCaseSensitiveMap().forEach((key, value) -> pass(passed, key, value));
        }
        for (Object entry : SparkCompat.elements(options, PATH_LIMIT)) {
            pass(passed, ((scala.Product) entry).productElement(0), ((scala.Product) entry).productElement(1));
        }
        return passed;
    }

    private static void pass(java.util.Map<String, String> passed, Object key, Object value) {
        String text = Masking.option(String.valueOf(key), String.valueOf(value));
        if (text != null) {
            passed.put(String.valueOf(key).toLowerCase(java.util.Locale.ROOT), text);
        }
    }

    private static void text(JsonWriter json, String name, Object value) {
        Object text = SparkCompat.unwrap(value);
        if (text instanceof String || text instanceof org.apache.hadoop.fs.Path || text instanceof java.net.URI) {
            json.field(name, name.equals("url") ? Masking.url(text.toString()) : Masking.path(text.toString()));
        }
    }

    /** A data source's own command does not say it; the session's setting does. */
    private static boolean isDynamic(SparkPlan plan) {
        boolean source = plan instanceof ExecutedCommandExec
                && ((ExecutedCommandExec) plan).cmd() instanceof SaveIntoDataSourceCommand;
        if (!source && !plan.getClass().getSimpleName().equals("OverwriteByExpressionExecV1")) {
            return false;
        }
        Object session = SparkCompat.memberOrNull(plan, "session");
        return session instanceof SparkSession && "dynamic".equalsIgnoreCase(
                SparkCompat.sessionConf((SparkSession) session).getConfString("spark.sql.sources.partitionOverwriteMode", "static"));
    }

    /** Writes the member `x` of a physical scan, the paths or the table that it reads, and of a partitioned overwrite. */
    static void writeScan(JsonWriter json, SparkPlan plan, int node, RunFacts run) {
        Object relation = plan.getClass().getSimpleName().contains("Scan")
                ? SparkCompat.memberOrNull(plan, "relation") : null;
        Object table = plan.getClass().getSimpleName().equals("BatchScanExec")
                ? SparkCompat.memberOrNull(plan, "table") : null;
        if (relation instanceof HadoopFsRelation) {
            json.name("x").object();
            fileIndex(json, ((HadoopFsRelation) relation).location(), node, run);
            Object identifier = SparkCompat.unwrap(SparkCompat.memberOrNull(plan, "tableIdentifier"));
            if (identifier instanceof TableIdentifier) {
                json.field("table", parts((TableIdentifier) identifier));
            }
            json.endObject();
        } else if (relation instanceof BaseRelation) {
            write(json, relation, node, run);
        } else if (table instanceof Table) {
            write(json, table, node, run);
        } else if (plan instanceof DataWritingCommandExec) {
            Object command = ((DataWritingCommandExec) plan).cmd();
            if (Boolean.TRUE.equals(SparkCompat.memberOrNull(command, "dynamicPartitionOverwrite"))) {
                json.name("x").object().field("dynamic_partition_overwrite", true).endObject();
            }
        } else if (isDynamic(plan)) {
            json.name("x").object().field("dynamic_partition_overwrite", true).endObject();
        }
    }
}
