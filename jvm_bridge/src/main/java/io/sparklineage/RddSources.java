package io.sparklineage;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.util.StringUtils;
import org.apache.spark.SparkEnv;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.rdd.HadoopRDD;
import org.apache.spark.rdd.NewHadoopRDD;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.execution.datasources.FileScanRDD;
import org.apache.spark.sql.types.StructType;

/** What an RDD without parents reads: files, or a database's table. What it does not say stays out. */
final class RddSources {
    private static final String INPUT = "mapreduce.input.fileinputformat.inputdir";
    private static final int FILE_LIMIT = 1_000;
    private static final int COLUMN_LIMIT = 5_000;

    private RddSources() {
    }

    /** Writes the members `paths`, `columns`, `url`, `table` and `query` of an RDD that has them. */
    static void write(JsonWriter json, RDD<?> rdd) {
        int begin = json.mark();
        try {
            if (rdd instanceof FileScanRDD) {
                json.field("paths", folders(SparkCompat.elementsOf(rdd, "filePartitions")));
                columns(json, SparkCompat.memberOrNull(rdd, "readSchema"));
            } else if (rdd instanceof HadoopRDD) {
                paths(json, hadoop((HadoopRDD<?, ?>) rdd));
            } else if (rdd instanceof NewHadoopRDD) {
                paths(json, inputs(SparkCompat.member(rdd, "_conf")));
            } else if (rdd.getClass().getSimpleName().equals("DataSourceRDD")) {
                paths(json, folders(partitions(rdd)));
            } else if (rdd.getClass().getSimpleName().equals("JDBCRDD")) {
                jdbc(json, rdd);
            }
        } catch (Throwable problem) {
            json.backTo(begin);
            LeftOut.note(problem);
            // What it reads stays unknown, and the reader of the record is told so by the missing member.
        }
    }

    private static void paths(JsonWriter json, Collection<String> paths) {
        if (!paths.isEmpty()) {
            json.field("paths", paths);
        }
    }

    private static void columns(JsonWriter json, Object schema) {
        if (schema instanceof StructType && ((StructType) schema).length() <= COLUMN_LIMIT) {
            List<String> names = new ArrayList<>();
            for (String name : ((StructType) schema).fieldNames()) {
                names.add(name);
            }
            json.field("columns", names);
        }
    }

    /** The folders of the files that a scan reads, each once. */
    private static Set<String> folders(List<Object> partitions) {
        Set<String> folders = new LinkedHashSet<>();
        int files = 0;
        for (Object partition : partitions) {
            Object inside = SparkCompat.memberOrNull(partition, "files");
            for (Object file : inside instanceof Object[] ? (Object[]) inside : new Object[0]) {
                if (files++ == FILE_LIMIT) {
                    return folders;
                }
                String path = Masking.path(String.valueOf(SparkCompat.memberOrNull(file, "filePath")));
                folders.add(path.substring(0, Math.max(0, path.lastIndexOf('/'))));
            }
        }
        return folders;
    }

    /** The input partitions of a DSv2 scan; those of files know their files. */
    private static List<Object> partitions(RDD<?> rdd) throws Throwable {
        List<Object> partitions = new ArrayList<>();
        for (Object group : SparkCompat.elementsOf(rdd, "inputPartitions")) {
            partitions.addAll(SparkCompat.elements(group, FILE_LIMIT));
        }
        return partitions;
    }

    /** The paths that Spark has resolved when it planned the RDD; else those that the program gave. */
    private static List<String> hadoop(HadoopRDD<?, ?> rdd) throws Throwable {
        Object resolved = SparkEnv.get().hadoopJobMetadata().get(String.valueOf(SparkCompat.member(rdd, "jobConfCacheKey")));
        List<String> inputs = inputs(resolved);
        if (inputs.isEmpty()) {
            Object broadcast = SparkCompat.member(rdd, "broadcastedConf");
            Object shared = ((Broadcast<?>) broadcast).value();
            inputs = inputs(SparkCompat.memberOrNull(shared, "value"));
        }
        if (inputs.isEmpty() && rdd.name() != null && rdd.name().contains("/")) {
            inputs = split(rdd.name());
        }
        return inputs;
    }

    /** The input folders and files of a Hadoop job's configuration. */
    private static List<String> inputs(Object configuration) {
        String joined = configuration instanceof Configuration ? ((Configuration) configuration).get(INPUT) : null;
        return joined == null ? new ArrayList<>() : split(joined);
    }

    private static List<String> split(String joined) {
        List<String> paths = new ArrayList<>();
        for (String part : StringUtils.split(joined)) {
            if (!part.isEmpty() && paths.size() < FILE_LIMIT) {
                paths.add(Masking.path(StringUtils.unEscapeString(part)));
            }
        }
        return paths;
    }

    private static void jdbc(JsonWriter json, RDD<?> rdd) throws Throwable {
        Object options = SparkCompat.member(rdd, "options");
        Object url = SparkCompat.memberOrNull(options, "url");
        Object table = SparkCompat.memberOrNull(options, "tableOrQuery");
        if (url instanceof String && table instanceof String) {
            json.field("url", Masking.url((String) url));
            boolean query = ((String) table).trim().startsWith("(");
            json.field(query ? "query" : "table", Masking.relation((String) table, (String) url));
        }
    }
}
