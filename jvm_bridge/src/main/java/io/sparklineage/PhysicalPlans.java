package io.sparklineage;

import java.util.Collections;
import java.util.List;
import org.apache.spark.sql.execution.FileSourceScanExec;
import org.apache.spark.sql.execution.ReusedSubqueryExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.adaptive.AdaptiveSparkPlanExec;
import org.apache.spark.sql.execution.adaptive.QueryStageExec;
import org.apache.spark.sql.execution.datasources.v2.BatchScanExec;
import org.apache.spark.sql.execution.exchange.ReusedExchangeExec;

/** The names of physical operators, and their children as they really ran. */
final class PhysicalPlans {
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
            return SparkCompat.elementsOf(plan, "children");
        } catch (Throwable problem) {
            return Collections.emptyList();
        }
    }

    static List<Object> subqueries(SparkPlan plan) {
        try {
            return plan instanceof AdaptiveSparkPlanExec || plan instanceof QueryStageExec
                    ? Collections.emptyList() : SparkCompat.elementsOf(plan, "subqueries");
        } catch (Throwable problem) {
            return Collections.emptyList();
        }
    }
}
