package io.sparklineage;

import java.util.Collections;
import java.util.List;
import java.util.Map;

/** A plan as bytes, and the facts of this run that stand apart from it. Holds no object of Spark. */
final class EncodedPlan {
    /** SHA-256 of the plan's section, cut to 32 hex digits. */
    final String hash;

    /** The whole `plan` record. */
    final byte[] record;

    /** The raw expression id of each local one. */
    final long[] expressions;

    /** HMAC of each literal, null for a null. */
    final List<String> literals;

    /** The run section's fields `metrics`, `metric_types`, `versions` and `facts`, as JSON members. */
    final JsonWriter runFacts;

    /** The rows of the run section's `facts` alone. */
    final JsonWriter facts;

    /** Node index and RDD id of each LogicalRDD, with the key of its output. */
    final List<LogicalRddNode> logicalRdds;

    /** The ids of each operator's metrics, by node. */
    Map<Integer, long[]> metricIds = Collections.emptyMap();

    /** A hash of the raw ids of the analyzed plan's output; null where it has none. */
    final String outputKey;

    EncodedPlan(String hash, byte[] record, long[] expressions, List<String> literals, JsonWriter runFacts,
            JsonWriter facts, List<LogicalRddNode> logicalRdds, String outputKey) {
        this.hash = hash;
        this.record = record;
        this.expressions = expressions;
        this.literals = literals;
        this.runFacts = runFacts;
        this.facts = facts;
        this.logicalRdds = logicalRdds;
        this.outputKey = outputKey;
    }

    /** A LogicalRDD as its origin is looked up. */
    static final class LogicalRddNode {
        final int node;
        final int rdd;
        final String outputKey;

        LogicalRddNode(int node, int rdd, String outputKey) {
            this.node = node;
            this.rdd = rdd;
            this.outputKey = outputKey;
        }
    }
}
