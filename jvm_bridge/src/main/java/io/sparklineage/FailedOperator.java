package io.sparklineage;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.execution.SparkPlan;

/** Finds the operator in which a query failed: the one that evaluates the expression which the error names. */
final class FailedOperator {
    private static final int OPERATOR_LIMIT = 10_000;
    private static final int EXPRESSION_LIMIT = 100_000;

    private FailedOperator() {
    }

    /**
     * The operator, or null where the error names no expression, or none of this plan, or one that stands in several
     * branches. Of operators above each other, such as the two halves of an aggregate, the lowest evaluates it first. A leaf does
     * not evaluate the filters that it is shown.
     */
    static SparkPlan find(SparkPlan executed, Set<String> contexts) {
        if (executed == null || contexts.isEmpty()) {
            return null;
        }
        Map<SparkPlan, SparkPlan> parents = new IdentityHashMap<>();
        List<SparkPlan> order = new ArrayList<>();
        parents.put(executed, executed);
        order.add(executed);
        List<SparkPlan> found = new ArrayList<>();
        for (int i = 0; i < order.size() && i < OPERATOR_LIMIT; i++) {
            SparkPlan plan = order.get(i);
            List<Object> below = new ArrayList<>(PhysicalPlans.of(plan));
            if (!below.isEmpty() && evaluates(plan, contexts)) {
                found.add(plan);
            }
            below.addAll(PhysicalPlans.subqueries(plan));
            for (Object child : below) {
                if (child instanceof SparkPlan && parents.putIfAbsent((SparkPlan) child, plan) == null) {
                    order.add((SparkPlan) child);
                }
            }
        }
        return lowest(found, parents);
    }

    /** The one that all others stand above, or null. */
    private static SparkPlan lowest(List<SparkPlan> found, Map<SparkPlan, SparkPlan> parents) {
        if (found.isEmpty()) {
            return null;
        }
        SparkPlan last = found.get(found.size() - 1);
        int above = 1;
        for (SparkPlan plan = last; parents.get(plan) != plan; plan = parents.get(plan)) {
            SparkPlan parent = parents.get(plan);
            above += found.stream().anyMatch(each -> each == parent) ? 1 : 0;
        }
        return above == found.size() ? last : null;
    }

    private static boolean evaluates(SparkPlan plan, Set<String> contexts) {
        List<Object> stack;
        try {
            stack = new ArrayList<>(SparkCompat.elements(SparkCompat.member(plan, "expressions"), EXPRESSION_LIMIT));
        } catch (Throwable problem) {
            LeftOut.note(problem);
            return false;
        }
        for (int seen = 0; !stack.isEmpty() && seen < EXPRESSION_LIMIT; seen++) {
            Object item = stack.remove(stack.size() - 1);
            if (item instanceof Expression) {
                Object sql = SparkCompat.unwrap(((Expression) item).origin().sqlText());
                boolean huge = sql instanceof String && ((String) sql).length() > Masking.READ_LIMIT;
                String place = huge ? null : Failure.place(SparkCompat.memberOrNull(((Expression) item).origin(), "context"));
                if (place != null && contexts.contains(place)) {
                    return true;
                }
                stack.addAll(SparkCompat.elements(SparkCompat.memberOrNull(item, "children"), EXPRESSION_LIMIT));
            }
        }
        return false;
    }
}
