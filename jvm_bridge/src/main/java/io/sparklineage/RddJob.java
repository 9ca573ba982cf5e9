package io.sparklineage;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkContext;
import org.apache.spark.rdd.RDD;

/**
 * What a job without an SQL execution reads and writes, taken from the scheduler while the job runs. One that has ended
 * before its start is heard of is not there any more: then nothing is known, and the record says so.
 */
final class RddJob {
    private static final String OUTPUT = "mapreduce.output.fileoutputformat.outputdir";
    private static final String[] FORMATS = {"mapreduce.job.outputformat.class", "mapred.output.format.class"};

    /** How deep a closure is searched for the configuration of a write. */
    private static final int CLOSURE_DEPTH = 2;

    /** Its members `rdd`, `function`, `output` and `output_format`. */
    final JsonWriter members;

    /**
     * Whether it reads the rows of a query and writes no files: where that query has ended, the job is one of its own that comes late (an
     * iterator over its rows, a broadcast that nobody needs any more), unless it runs a function of the program. The query tells of it.
     */
    final boolean isOfQuery;

    private RddJob(JsonWriter members, boolean isOfQuery) {
        this.members = members;
        this.isOfQuery = isOfQuery;
    }

    /** What can be said of a job that has just started. */
    static RddJob describe(SparkContext context, int jobId) {
        JsonWriter json = new JsonWriter();
        int begin = json.mark();
        boolean isOfQuery = false;
        try {
            Object jobs = SparkCompat.member(context.dagScheduler(), "jobIdToActiveJob");
            Object job = SparkCompat.unwrap(((scala.collection.Map<Object, Object>) jobs).get(jobId));
            Object stage = job == null ? null : SparkCompat.member(job, "finalStage");
            Object rdd = SparkCompat.memberOrNull(stage, "rdd");
            if (rdd instanceof RDD) {
                json.name("rdd");
                boolean readsQuery = RddAncestry.write(json, (RDD<?>) rdd);
                isOfQuery = !function(json, SparkCompat.memberOrNull(stage, "func")) && readsQuery;
            }
        } catch (Throwable problem) {
            json.backTo(begin);
            LeftOut.note(problem);
            // The scheduler's table changes under the reader's hand: the job stays without these members.
        }
        return new RddJob(json, isOfQuery);
    }

    /** Writes what the job does; whether it writes files. */
    private static boolean function(JsonWriter json, Object function) throws Throwable {
        if (function == null) {
            return false;
        }
        String name = function.getClass().getName();
        int lambda = name.indexOf("$$Lambda");
        json.field("function", lambda < 0 ? name : name.substring(0, lambda));
        Object configuration = writeConfiguration(function, CLOSURE_DEPTH);
        if (!(configuration instanceof Configuration)) {
            return false;
        }
        String output = ((Configuration) configuration).get(OUTPUT);
        json.field("output", output == null ? null : Masking.path(output));
        json.field("output_format", format((Configuration) configuration));
        return true;
    }

    private static String format(Configuration configuration) {
        for (String key : FORMATS) {
            String name = configuration.get(key);
            if (name != null) {
                return name.substring(name.lastIndexOf('.') + 1);
            }
        }
        return null;
    }

    /** The Hadoop configuration that the closure of `SparkHadoopWriter.write` holds, or null. */
    private static Object writeConfiguration(Object closure, int depth) throws Throwable {
        for (Field field : closure.getClass().getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) || field.getType().isPrimitive()) {
                continue;
            }
            field.setAccessible(true);
            Object held = field.get(closure);
            if (held == null) {
                continue;
            }
            if (isWriteConfig(held.getClass())) {
                return SparkCompat.member(SparkCompat.member(held, "conf"), "value");
            }
            if (depth > 1 && held.getClass().getName().contains("$$Lambda")) {
                Object found = writeConfiguration(held, depth - 1);
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    private static boolean isWriteConfig(Class<?> type) {
        for (Class<?> owner = type; owner != null; owner = owner.getSuperclass()) {
            if (owner.getName().equals("org.apache.spark.internal.io.HadoopWriteConfigUtil")) {
                return true;
            }
        }
        return false;
    }
}
