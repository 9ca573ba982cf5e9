package io.sparklineage;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.catalyst.QueryPlanningTracker;
import org.apache.spark.sql.catalyst.plans.logical.Command;
import org.apache.spark.sql.catalyst.plans.logical.LeafNode;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.View;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SparkPlan;

/**
 * Reads a QueryExecution with care: its plans are lazy, so only what the query's own thread has computed is asked
 * for. On Spark 3.5 a plan that failed would be computed again, here.
 */
final class QueryFacts {
    private static final int CHAIN_LIMIT = 1_000;

    final QueryExecution query;
    final Map<String, long[]> phases = new TreeMap<>();

    QueryFacts(QueryExecution query) {
        this.query = query;
        for (Object entry : SparkCompat.elements(query.tracker().phases(), 100)) {
            QueryPlanningTracker.PhaseSummary phase =
                    (QueryPlanningTracker.PhaseSummary) ((scala.Product) entry).productElement(1);
            phases.put((String) ((scala.Product) entry).productElement(0),
                    new long[] {phase.startTimeMs(), phase.endTimeMs()});
        }
    }

    /** The analyzed plan, or null where analysis did not finish. */
    LogicalPlan analyzed() {
        return phases.containsKey("analysis") ? query.analyzed() : null;
    }

    /** The executed plan, or null where planning did not finish. */
    SparkPlan executed() {
        return phases.containsKey("planning") ? query.executedPlan() : null;
    }

    /** Whether this execution only shows the result of an earlier command; known for successes only. */
    boolean isCommandResult() {
        return phases.containsKey("planning")
                && query.commandExecuted().getClass().getSimpleName().equals("CommandResult");
    }

    boolean isMicroBatch() {
        return query.getClass().getSimpleName().equals("IncrementalExecution");
    }

    String sessionId() {
        try {
            Object session = SparkCompat.member(query, "sparkSession");
            Object id = SparkCompat.memberOrNull(session, "sessionUUID");
            return id == null ? null : id.toString();
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return null;
        }
    }

    /**
     * The SQL that the query was made from: its root's, or that of the nearest operator below it along single
     * children. Leaves and views do not count: a catalog hands out relations that an earlier statement made.
     */
    String sqlText(LogicalPlan analyzed) {
        String text = sqlTextOf(query.logical());
        Object node = analyzed;
        for (int i = 0; text == null && node instanceof LogicalPlan && i < CHAIN_LIMIT; i++) {
            List<Object> children = SparkCompat.elements(SparkCompat.memberOrNull(node, "children"), 2);
            Object child = children.isEmpty() ? SparkCompat.memberOrNull(node, "query") : children.get(0);
            if (node instanceof View || children.size() > 1 || child == null) {
                break;
            }
            text = sqlTextOf((LogicalPlan) node);
            node = child;
        }
        return text == null ? null : Masking.statement(text);
    }

    private static String sqlTextOf(LogicalPlan plan) {
        boolean ofObject = plan instanceof LeafNode && !(plan instanceof Command)
                || plan.origin().objectType().isDefined();
        return ofObject ? null : (String) SparkCompat.unwrap(plan.origin().sqlText());
    }
}
