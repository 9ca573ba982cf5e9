package io.sparklineage;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.spark.SparkContext;
import scala.Tuple2;

/** The `application` record, first in every segment. */
final class Application {
    private static final Set<String> SETTINGS = new HashSet<>(Arrays.asList(
            "spark.app.name", "spark.default.parallelism", "spark.driver.cores", "spark.driver.memory",
            "spark.dynamicAllocation.enabled", "spark.executor.cores", "spark.executor.instances",
            "spark.executor.memory", "spark.master", "spark.serializer", "spark.sql.adaptive.enabled",
            "spark.sql.ansi.enabled", "spark.sql.caseSensitive", "spark.sql.catalogImplementation",
            "spark.sql.defaultCatalog", "spark.sql.extensions", "spark.sql.session.timeZone",
            "spark.sql.shuffle.partitions", "spark.sql.sources.default",
            "spark.sql.sources.partitionOverwriteMode", "spark.sql.storeAssignmentPolicy",
            "spark.sql.warehouse.dir", "spark.submit.deployMode"));

    /** Settings that are texts of the user's. */
    private static final Set<String> LABELS =
            new HashSet<>(Arrays.asList("spark.app.name", "spark.lineage.job", "spark.lineage.level", "spark.lineage.sample"));

    /** Settings that say where tables are, and how places are named: names, as paths are. */
    private static final Set<String> PLACES = new HashSet<>(Arrays.asList(
            "spark.lineage.dataset.pathRules", "spark.lineage.namespace", "spark.sql.defaultCatalog", "spark.sql.warehouse.dir"));
    private static final Pattern CATALOG_CLASS = Pattern.compile("spark\\.sql\\.catalog\\.[^.]+");

    private Application() {
    }

    static byte[] record(SparkContext context, String bridge, Settings settings) {
        JsonWriter json = new JsonWriter();
        json.object().field("v", 1).field("kind", "application").field("bridge", bridge);
        json.field("bridge_version", Bridge.VERSION);
        json.field("application_id", context.applicationId());
        json.field("attempt_id", (String) SparkCompat.unwrap(context.applicationAttemptId()));
        json.field("application_name", Masking.label(context.appName()));
        json.field("user", context.sparkUser());
        json.field("spark_version", context.version());
        json.field("scala_version", scala.util.Properties.versionNumberString());
        json.field("java_version", System.getProperty("java.version"));
        json.field("master", Masking.path(context.master()));
        json.field("started_at", context.startTime());
        json.name("settings").object();
        for (Tuple2<String, String> setting : context.getConf().getAll()) {
            if (settings.travelling.containsKey(setting._1())) {
                continue;  // below, once
            }
            if (SETTINGS.contains(setting._1()) || CATALOG_CLASS.matcher(setting._1()).matches()) {
                json.field(setting._1(), setting(setting._1(), setting._2()));
            }
        }
        for (Map.Entry<String, String> setting : settings.travelling.entrySet()) {
            json.field(setting.getKey(), setting(setting.getKey(), setting.getValue()));
        }
        json.endObject();
        json.field("hash_key_id", Hashes.sha256(settings.hashKey).substring(0, 8));
        return json.field("literals", settings.keepLiterals ? "kept" : "masked").endObject().toBytes();
    }

    static String setting(String key, String value) {
        if (key.equals("spark.lineage.dataset.pathRules")) {
            return Arrays.stream(value.split(",")).map(String::trim).filter(Settings.PATH_RULES::contains)
                    .collect(Collectors.joining(","));
        }
        boolean hidden = !PLACES.contains(key) && Masking.redaction().hidesSetting(key, value);
        return hidden ? Redaction.MASK : LABELS.contains(key) ? Masking.label(value) : Masking.path(value);
    }

    /** The end of an application; `running` are the executions that had started and had not ended. */
    static byte[] end(String bridge, long endedAt, Object exitCode, String stopped, List<Long> running, Meter meter) {
        boolean told = stopped.equals(Stopping.PROGRAM) && exitCode instanceof Number;
        Long code = told ? Long.valueOf(((Number) exitCode).longValue()) : null;
        JsonWriter json = new JsonWriter().object().field("v", 1).field("kind", "application_end").field("bridge", bridge)
                .field("ended_at", endedAt).field("exit_code", code).field("stopped", stopped);
        json.name("running").array();
        for (long execution : running) {
            json.value(execution);
        }
        meter.write(json.endArray());
        return json.endObject().toBytes();
    }
}
