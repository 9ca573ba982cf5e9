package io.sparklineage;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.metric.SQLMetric;

/** What belongs to this run of a plan and not to the plan: literals, metrics, versions, RDDs, a micro-batch's paths. */
final class RunFacts {
    private static final int METRICS_OF_OPERATOR_LIMIT = 1_000;

    /** Of the RDDs and paths of all nodes. */
    static final int FACTS_LIMIT = RddAncestry.BYTE_LIMIT;

    /** Whether the plan is a micro-batch's, whose file lists change with every batch. */
    final boolean streaming;

    private final LiteralHasher hasher;
    private final List<String> literals;
    private final JsonWriter metrics = new JsonWriter();
    private final Map<String, String> metricTypes = new TreeMap<>();
    private final Map<Integer, long[]> metricIds = new TreeMap<>();
    private Map<Long, Long> totals = Collections.emptyMap();
    private final JsonWriter versions;
    private final JsonWriter facts;
    private final JsonWriter scans = new JsonWriter();
    private final List<EncodedPlan.LogicalRddNode> logicalRdds;
    private boolean cut;

    RunFacts(LiteralHasher hasher, boolean streaming) {
        this.hasher = hasher;
        this.streaming = streaming;
        this.literals = new ArrayList<>();
        this.versions = new JsonWriter();
        this.facts = new JsonWriter();
        this.logicalRdds = new ArrayList<>();
    }

    /** What is known of an analyzed plan, to go on with what ran: metrics and scans are an executed plan's alone. */
    RunFacts(RunFacts analyzed, LiteralHasher hasher) {
        this.hasher = hasher;
        this.streaming = analyzed.streaming;
        this.literals = new ArrayList<>(analyzed.literals);
        this.versions = new JsonWriter(analyzed.versions);
        this.facts = new JsonWriter(analyzed.facts);
        this.logicalRdds = new ArrayList<>(analyzed.logicalRdds);
    }

    /** Sets what metrics came to, by their ids; of others the value counts that they have when they are met. */
    void told(Map<Long, Long> totals) {
        this.totals = totals;
    }

    List<String> literals() {
        return literals;
    }

    JsonWriter facts() {
        return facts;
    }

    /** The ids of each operator's metrics. */
    Map<Integer, long[]> metricIds() {
        return metricIds;
    }

    List<EncodedPlan.LogicalRddNode> logicalRdds() {
        return logicalRdds;
    }

    /** Index of a literal, which is its own even if another has the same value. */
    int addLiteral(Object value) {
        literals.add(hasher.hash(value));
        return literals.size() - 1;
    }

    void addVersion(int node, Object version) {
        if (version instanceof Number) {
            versions.array().value(node).value(((Number) version).longValue()).endArray();
        }
    }

    void addPaths(int node, List<String> paths) {
        int begin = facts.mark();
        facts.array().value(node).object().field("paths", paths).endObject().endArray();
        if (facts.size() > FACTS_LIMIT) {
            facts.backTo(begin);
            cut = true;
        }
    }

    /** Whether paths were left out. */
    boolean isCut() {
        return cut;
    }

    /** Bytes of what an analyzed plan has here. */
    int size() {
        return versions.size() + facts.size();
    }

    void addRdd(int node, RDD<?> rdd) {
        facts.array().value(node);
        RddAncestry.write(facts, rdd);
        facts.endArray();
    }

    void addLogicalRdd(int node, RDD<?> rdd, String outputKey) {
        logicalRdds.add(new EncodedPlan.LogicalRddNode(node, rdd.id(), outputKey));
    }

    /** The values of an operator's metrics; a timing or size that no task has set is left out. */
    void addMetrics(int node, SparkPlan plan) {
        JsonWriter values = new JsonWriter();
        int whole = values.mark();
        try {
            List<Object> entries = SparkCompat.elements(plan.metrics(), METRICS_OF_OPERATOR_LIMIT);
            long[] ids = new long[entries.size()];
            int count = 0;
            for (Object entry : entries) {
                String name = (String) ((scala.Product) entry).productElement(0);
                SQLMetric metric = (SQLMetric) ((scala.Product) entry).productElement(1);
                ids[count++] = metric.id();
                Long total = totals.get(metric.id());
                if ((total == null ? !metric.isZero() : total > 0) || metric.metricType().equals("sum")) {
                    values.field(name, total == null ? Long.valueOf(metric.value()) : total);
                    whole = values.mark();
                    metricTypes.put(name, metric.metricType());
                }
            }
            if (count > 0) {
                metricIds.put(node, ids);
            }
        } catch (Throwable problem) {
            values.backTo(whole);
            LeftOut.note(problem);
            // Metrics are lazy fields: an operator that never ran may fail to make them.
        }
        if (values.size() > 0) {
            metrics.array().value(node).object().raw(values).endObject().endArray();
        }
    }

    /** What an operator that reads a source was planned to read. */
    void addScan(int node, SparkPlan plan) {
        ScanFacts.add(scans, node, plan, this);
    }

    /** The members `metrics`, `metric_types`, `versions`, `facts` and, where there are some, `scans` of the run section. */
    JsonWriter write() {
        JsonWriter members = new JsonWriter();
        PlanTables.rows(members, "metrics", metrics);
        members.name("metric_types").object();
        metricTypes.forEach(members::field);
        members.endObject();
        PlanTables.rows(members, "versions", versions);
        PlanTables.rows(members, "facts", facts);
        if (scans.size() > 0) {
            PlanTables.rows(members, "scans", scans);
        }
        return members;
    }
}
