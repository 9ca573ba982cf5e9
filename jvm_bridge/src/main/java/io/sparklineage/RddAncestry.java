package io.sparklineage;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.spark.Dependency;
import org.apache.spark.rdd.RDD;
import org.apache.spark.rdd.UnionRDD;
import org.apache.spark.sql.execution.datasources.FileScanRDD;

/** The RDDs that an RDD is made of, found without asking any of them for its partitions. */
final class RddAncestry {
    static final int RDD_LIMIT = 1_000;
    private static final int FILE_LIMIT = 1_000;

    private RddAncestry() {
    }

    /** Writes `{"rdd":id,"ancestry":[...]}`, with `"ancestry_cut":true` where there are more than the limit. */
    static void write(JsonWriter json, RDD<?> rdd) {
        Set<RDD<?>> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        ArrayDeque<RDD<?>> queue = new ArrayDeque<>();
        seen.add(rdd);
        queue.add(rdd);
        boolean cut = false;
        json.object().field("rdd", rdd.id()).name("ancestry").array();
        while (!queue.isEmpty()) {
            RDD<?> current = queue.remove();
            writeOne(json, current);
            for (RDD<?> parent : parents(current)) {
                if (seen.size() >= RDD_LIMIT) {
                    cut = true;
                } else if (seen.add(parent)) {
                    queue.add(parent);
                }
            }
        }
        json.endArray();
        if (cut) {
            json.field("ancestry_cut", true);
        }
        json.endObject();
    }

    private static void writeOne(JsonWriter json, RDD<?> rdd) {
        json.object().field("id", rdd.id()).field("class", rdd.getClass().getSimpleName());
        if (rdd instanceof FileScanRDD) {
            json.field("paths", folders(rdd));
        }
        json.endObject();
    }

    /** The folders of the files that a scan reads, each once. */
    private static Set<String> folders(RDD<?> rdd) {
        Set<String> folders = new LinkedHashSet<>();
        int files = 0;
        try {
            for (Object partition : SparkCompat.elementsOf(rdd, "filePartitions")) {
                for (Object file : (Object[]) SparkCompat.member(partition, "files")) {
                    if (files++ == FILE_LIMIT) {
                        return folders;
                    }
                    String path = Masking.path(String.valueOf(SparkCompat.member(file, "filePath")));
                    folders.add(path.substring(0, Math.max(0, path.lastIndexOf('/'))));
                }
            }
        } catch (Throwable problem) {
            return folders;
        }
        return folders;
    }

    /**
     * An RDD that has run knows its dependencies. One that has not may compute them: for a union and for
     * classes outside Spark that could ask for partitions, and so list files, so those are not asked.
     */
    private static List<RDD<?>> parents(RDD<?> rdd) {
        List<RDD<?>> parents = new java.util.ArrayList<>();
        try {
            if (rdd instanceof UnionRDD) {
                for (Object parent : SparkCompat.elementsOf(rdd, "rdds")) {
                    parents.add((RDD<?>) parent);
                }
                return parents;
            }
            Object known = SparkCompat.member(rdd, "dependencies_");
            if (known == null && rdd.getClass().getName().startsWith("org.apache.spark.")) {
                known = SparkCompat.member(rdd, "dependencies");
            }
            for (Object dependency : SparkCompat.elements(known, RDD_LIMIT)) {
                parents.add(((Dependency<?>) dependency).rdd());
            }
        } catch (Throwable problem) {
            return parents;
        }
        return parents;
    }
}
