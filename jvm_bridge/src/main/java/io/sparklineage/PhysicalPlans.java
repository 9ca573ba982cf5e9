package io.sparklineage;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import org.apache.spark.sql.execution.FileSourceScanExec;
import org.apache.spark.sql.execution.ReusedSubqueryExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanExec;
import org.apache.spark.sql.execution.adaptive.LogicalQueryStage;
import org.apache.spark.sql.execution.adaptive.QueryStageExec;
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec;
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec;

/** The names of physical operators, and their children as they really ran. */
final class PhysicalPlans {
    private static final int LOGICAL_LIMIT = 10_000;

    private PhysicalPlans() {
    }

    /**
     * The operator's name. Names of scans are made from what is scanned, be it a query's text or a cached plan with
     * its literals: only those of files and catalog tables pass.
     */
    static String name(SparkPlan plan) {
        String name;
        try {
            name = plan.nodeName();
        } catch (Throwable problem) {
            LeftOut.note(problem);
            name = "Scan ";
        }
        boolean named = plan instanceof FileSourceScanExec || plan instanceof BatchScanExec;
        boolean scan = name.startsWith("Scan ") || name.startsWith("BatchScan");
        if (scan && !named) {
            return plan.getClass().getSimpleName().replaceFirst("Exec$", "");
        }
        return Masking.cut(scan ? Masking.path(name) : name, 1_000);
    }

    static List<Object> of(SparkPlan plan) {
        try {
            if (plan instanceof AdaptiveSparkPlanExec) {
                return Collections.singletonList(((AdaptiveSparkPlanExec) plan).executedPlan());
            }
            if (plan instanceof QueryStageExec) {
                return Collections.singletonList(((QueryStageExec) plan).plan());
            }
            if (plan instanceof ReusedExchangeExec) {
                return Collections.singletonList(((ReusedExchangeExec) plan).child());
            }
            if (plan instanceof ReusedSubqueryExec) {
                return Collections.singletonList(((ReusedSubqueryExec) plan).child());
            }
            if (plan.getClass().getSimpleName().equals("EmptyRelationExec")) {
                return stagesBelow(SparkCompat.fieldOrNull(plan, "logical"));
            }
            return SparkCompat.elementsOf(plan, "children");
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return Collections.emptyList();
        }
    }

    /** The stages of adaptive execution in the logical plan that an empty relation stands for: they were begun before it was known to be empty. */
    private static List<Object> stagesBelow(Object logical) throws Throwable {
        List<Object> stages = new ArrayList<>();
        Deque<Object> waiting = new ArrayDeque<>();
        Object next = logical;
        for (int seen = 0; next != null && seen < LOGICAL_LIMIT; seen++) {
            if (next instanceof LogicalQueryStage) {
                stages.add(((LogicalQueryStage) next).physicalPlan());
            } else if (next.getClass().getSimpleName().equals("EmptyRelation")) {
                push(waiting, SparkCompat.fieldOrNull(next, "logical"));
            } else {
                SparkCompat.elementsOf(next, "children").forEach(each -> push(waiting, each));
            }
            next = waiting.poll();
        }
        return stages;
    }

    private static void push(Deque<Object> waiting, Object plan) {
        if (plan != null) {
            waiting.add(plan);
        }
    }

    static List<Object> subqueries(SparkPlan plan) {
        try {
            return plan instanceof AdaptiveSparkPlanExec || plan instanceof QueryStageExec
                    ? Collections.emptyList() : SparkCompat.elementsOf(plan, "subqueries");
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return Collections.emptyList();
        }
    }
}
