package io.sparklineage;

import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import scala.collection.immutable.List;
import scala.collection.immutable.Nil$;
import scala.runtime.AbstractFunction1;

/** An optimizer rule that changes nothing: the moment in which a query is known and has not begun to run. */
final class IntentRule extends Rule<LogicalPlan> {
    @Override
    public LogicalPlan apply(LogicalPlan plan) {
        try {
            Bridge.intend();
        } catch (Throwable problem) {
            count(problem);
        }
        return plan;
    }

    private static void count(Throwable problem) {
        try {
            Bridge.couldNotIntend(problem);
        } catch (Throwable worse) {
            // The query goes on, whatever has run out.
        }
    }

    /** Hands the rule to each session that an extension is applied to; it is made before Spark counts on it. */
    static final class Builder extends AbstractFunction1<SparkSession, Rule<LogicalPlan>> {
        private final IntentRule rule = new IntentRule();

        @Override
        public Rule<LogicalPlan> apply(SparkSession session) {
            return rule;
        }
    }

    /** Adds the rule to a session that runs already, once; those of other sessions are not touched. */
    static void append(SparkSession session) {
        try {
            Object methods = SparkCompat.member(session, "experimental");
            java.util.List<Object> rules = SparkCompat.elementsOf(methods, "extraOptimizations");
            if (rules.stream().noneMatch(IntentRule.class::isInstance)) {
                rules.add(new IntentRule());
                set(methods, rules);
            }
        } catch (Throwable problem) {
            Bridge.complain("killed queries leave no trace", problem);
        }
    }

    /** Takes the rule out of a session again. */
    static void remove(SparkSession session) {
        try {
            Object methods = SparkCompat.member(session, "experimental");
            java.util.List<Object> rules = SparkCompat.elementsOf(methods, "extraOptimizations");
            if (rules.removeIf(IntentRule.class::isInstance)) {
                set(methods, rules);
            }
        } catch (Throwable problem) {
            // It does nothing without a listener.
        }
    }

    /** The setter takes a `Seq`, which is another class on Scala 2.12 than on 2.13; a List is both. */
    private static void set(Object methods, java.util.List<Object> rules) throws ReflectiveOperationException {
        List<Object> list = (List<Object>) (List<?>) Nil$.MODULE$;
        for (int i = rules.size() - 1; i >= 0; i--) {
            list = list.$colon$colon(rules.get(i));
        }
        for (java.lang.reflect.Method method : methods.getClass().getMethods()) {
            if (method.getName().equals("extraOptimizations_$eq")) {
                method.invoke(methods, list);
            }
        }
    }
}
