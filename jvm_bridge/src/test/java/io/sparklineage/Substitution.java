package io.sparklineage;

import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.sources.BaseRelation;
import scala.runtime.AbstractPartialFunction;

/**
 * An optimizer's rule that reads one relation where a query names another, as rewrites to an index have it: the columns
 * keep their ids. Tests of Python put it into a session.
 */
public final class Substitution extends Rule<LogicalPlan> {
    private final BaseRelation named;
    private final BaseRelation read;

    public Substitution(LogicalPlan named, LogicalPlan read) {
        this.named = ((LogicalRelation) named).relation();
        this.read = ((LogicalRelation) read).relation();
    }

    @Override
    public LogicalPlan apply(LogicalPlan plan) {
        return plan.transformUp(new AbstractPartialFunction<LogicalPlan, LogicalPlan>() {
            @Override
            public boolean isDefinedAt(LogicalPlan each) {
                return each instanceof LogicalRelation && ((LogicalRelation) each).relation().equals(named);
            }

            @Override
            public LogicalPlan apply(LogicalPlan each) {
                Object[] fields = new Object[each.productArity()];
                for (int i = 0; i < fields.length; i++) {
                    fields[i] = each.productElement(i);
                }
                fields[0] = read;
                return each.makeCopy(fields);
            }
        });
    }
}
