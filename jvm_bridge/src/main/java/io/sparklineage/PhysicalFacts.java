package io.sparklineage;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.execution.LocalTableScanExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.adaptive.AQEShuffleReadExec;
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanExec;
import org.apache.spark.sql.execution.joins.BaseJoinExec;
import scala.collection.immutable.Nil$;

/** What adaptive execution made of a physical operator, as far as the final plan itself says it. */
final class PhysicalFacts {
    private static final int NODE_LIMIT = 20_000;
    private static final int COLUMN_LIMIT = 1_000;

    /** The joins that run in another way than they were planned, with the name that they were planned under. */
    private final Map<Object, String> planned = new IdentityHashMap<>();

    /** Writes the member `x` of the operators that are told something of; a scan never is one of them. */
    void write(JsonWriter json, SparkPlan plan) {
        if (plan instanceof AdaptiveSparkPlanExec) {
            noteJoins((AdaptiveSparkPlanExec) plan);
        } else if (plan instanceof AQEShuffleReadExec) {
            List<String> how = reading((AQEShuffleReadExec) plan);
            if (!how.isEmpty()) {
                json.name("x").object().field("read", how).endObject();
            }
        } else if (plan instanceof LocalTableScanExec) {
            if (SparkCompat.memberOrNull(plan, "rows") == Nil$.MODULE$) {
                json.name("x").object().field("empty", true).endObject();
            }
        } else if (planned.containsKey(plan)) {
            json.name("x").object().field("planned", planned.get(plan)).endObject();
        }
    }

    private static List<String> reading(AQEShuffleReadExec read) {
        List<String> how = new ArrayList<>();
        try {
            if (read.isLocalRead()) {
                how.add("local");
            }
            if (read.hasCoalescedPartition()) {
                how.add("coalesced");
            }
            if (read.hasSkewedPartition()) {
                how.add("skewed");
            }
        } catch (Throwable problem) {
            LeftOut.note(problem);
            // How a shuffle is read is known when its stage has run: of one that did not, nothing is told.
        }
        return how;
    }

    /** A join of the first plan and one of the last are the same if they alone have their output. */
    private void noteJoins(AdaptiveSparkPlanExec adaptive) {
        try {
            Map<List<Long>, SparkPlan> first = joins(adaptive.initialPlan());
            joins(adaptive.executedPlan()).forEach((output, join) -> {
                SparkPlan before = first.get(output);
                if (before != null && join != null && before.getClass() != join.getClass()) {
                    planned.put(join, before.getClass().getSimpleName().replaceFirst("Exec$", ""));
                }
            });
        } catch (Throwable problem) {
            LeftOut.note(problem);
            // A note is left out, no more.
        }
    }

    /** The joins of a plan by the expression ids of their output; null where two have the same. */
    private static Map<List<Long>, SparkPlan> joins(SparkPlan root) throws Throwable {
        Map<List<Long>, SparkPlan> joins = new HashMap<>();
        Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Object> waiting = new ArrayDeque<>();
        waiting.add(root);
        while (!waiting.isEmpty() && seen.size() < NODE_LIMIT) {
            SparkPlan plan = (SparkPlan) waiting.remove();
            if (seen.add(plan)) {
                waiting.addAll(PhysicalPlans.of(plan));
                if (plan instanceof BaseJoinExec) {
                    List<Long> output = output(plan);
                    joins.put(output, joins.containsKey(output) ? null : plan);
                }
            }
        }
        return joins;
    }

    private static List<Long> output(SparkPlan plan) throws Throwable {
        List<Long> ids = new ArrayList<>();
        for (Object attribute : SparkCompat.elements(SparkCompat.member(plan, "output"), COLUMN_LIMIT)) {
            ids.add(((Attribute) attribute).exprId().id());
        }
        return ids;
    }
}
