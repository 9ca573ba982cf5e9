package io.sparklineage;

import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.Function1;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/**
 * For `spark.sql.extensions`: registers the listener as soon as a session analyzes its first query. Naming this
 * class means that lineage is wanted, unless `spark.lineage.enabled` is false.
 */
public final class LineageExtension extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {
    /** Made by Spark, by name. */
    public LineageExtension() {
    }

    @Override
    public BoxedUnit apply(SparkSessionExtensions extensions) {
        try {
            inject(extensions, true);
        } catch (Throwable problem) {
            giveUp(problem);
        }
        return BoxedUnit.UNIT;
    }

    /** Injects a check that fails nothing: Spark builds it once per session, with the session at hand, and shows it each plan that it analyzed. */
    static void inject(SparkSessionExtensions extensions, boolean enabledByDefault) {
        try {
            Registration registration = new Registration(enabledByDefault);
            IntentRule.Builder rule = new IntentRule.Builder();
            extensions.injectCheckRule(registration);
            extensions.injectPreCBORule(rule);
        } catch (Throwable problem) {
            giveUp(problem);
        }
    }

    /** Says why, unless what says it is missing, too. */
    static void giveUp(Throwable problem) {
        try {
            Bridge.failed(problem);
        } catch (Throwable silent) {
            // The job goes on without lineage and without a word of it.
        }
    }

    private static final class Registration
            extends AbstractFunction1<SparkSession, Function1<LogicalPlan, BoxedUnit>> {
        private final boolean enabledByDefault;
        private final NameCheck check = new NameCheck();

        Registration(boolean enabledByDefault) {
            this.enabledByDefault = enabledByDefault;
        }

        @Override
        public Function1<LogicalPlan, BoxedUnit> apply(SparkSession session) {
            try {
                if (Bridge.isWanted(session, enabledByDefault)) {
                    Bridge.register(session, true);
                }
            } catch (Throwable problem) {
                giveUp(problem);
            }
            return check;
        }
    }

    private static final class NameCheck extends AbstractFunction1<LogicalPlan, BoxedUnit> {
        @Override
        public BoxedUnit apply(LogicalPlan plan) {
            try {
                Bridge.learnNames(plan);
            } catch (Throwable problem) {
                // Nothing is lost: the names pass as those that the user gave.
            }
            return BoxedUnit.UNIT;
        }
    }
}
