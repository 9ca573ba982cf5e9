package io.sparklineage;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.apache.spark.Dependency;
import org.apache.spark.rdd.RDD;
import org.apache.spark.rdd.UnionRDD;

/** The RDDs that an RDD is made of, found without asking any of them for its partitions. */
final class RddAncestry {
    static final int RDD_LIMIT = 1_000;

    /** Of what is written to one writer: the paths of a thousand RDDs may be any number of bytes. */
    static final int BYTE_LIMIT = 8 << 20;

    private RddAncestry() {
    }

    /**
     * Writes `{"rdd":id,"ancestry":[...]}`, with `"ancestry_cut":true` where there are more than the limits. Returns whether one of them
     * is a query's.
     */
    static boolean write(JsonWriter json, RDD<?> rdd) {
        Set<RDD<?>> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        ArrayDeque<RDD<?>> queue = new ArrayDeque<>();
        seen.add(rdd);
        queue.add(rdd);
        boolean cut = false;
        boolean full = json.size() > BYTE_LIMIT;
        boolean ofQuery = false;
        json.object().field("rdd", rdd.id()).name("ancestry").array();
        while (!queue.isEmpty() && !full) {
            RDD<?> current = queue.remove();
            ofQuery |= current.getClass().getName().startsWith("org.apache.spark.sql.");
            List<RDD<?>> parents = parents(current);
            full = !writeOne(json, current, parents);
            for (RDD<?> parent : parents == null ? Collections.<RDD<?>>emptyList() : parents) {
                if (seen.size() >= RDD_LIMIT) {
                    cut = true;
                } else if (seen.add(parent)) {
                    queue.add(parent);
                }
            }
        }
        json.endArray();
        if (cut || full) {
            json.field("ancestry_cut", true);
        }
        json.endObject();
        return ofQuery;
    }

    /** Whether there was room for it. */
    private static boolean writeOne(JsonWriter json, RDD<?> rdd, List<RDD<?>> parents) {
        int begin = json.mark();
        json.object().field("id", rdd.id()).field("class", rdd.getClass().getSimpleName());
        if (parents == null || parents.isEmpty()) {
            json.field("leaf", true);
            RddSources.write(json, rdd);
        }
        json.endObject();
        boolean fits = json.size() <= BYTE_LIMIT;
        if (!fits) {
            json.backTo(begin);
        }
        return fits;
    }

    /**
     * An RDD that has run knows its dependencies. One that has not may compute them: for a union and for
     * classes outside Spark that could ask for partitions, and so list files, so those are not asked. Null where they
     * are not known.
     */
    static List<RDD<?>> parents(RDD<?> rdd) {
        try {
            List<RDD<?>> parents = new ArrayList<>();
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
            return parents;
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return null;
        }
    }
}
