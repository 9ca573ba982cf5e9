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
        inject(extensions, true);
        return BoxedUnit.UNIT;
    }

    /** Injects a check that checks nothing: Spark builds it once per session, with the session at hand. */
    static void inject(SparkSessionExtensions extensions, boolean enabledByDefault) {
        try {
            extensions.injectCheckRule(new Registration(enabledByDefault));
            extensions.injectPreCBORule(new IntentRule.Builder());
        } catch (Throwable problem) {
            org.slf4j.LoggerFactory.getLogger(LineageExtension.class)
                    .warn("Lineage is not captured, the job goes on: {}", problem.toString());
        }
    }

    private static final class Registration
            extends AbstractFunction1<SparkSession, Function1<LogicalPlan, BoxedUnit>> {
        private final boolean enabledByDefault;

        Registration(boolean enabledByDefault) {
            this.enabledByDefault = enabledByDefault;
        }

        @Override
        public Function1<LogicalPlan, BoxedUnit> apply(SparkSession session) {
            try {
                if (Settings.isEnabled(session, enabledByDefault)) {
                    Bridge.register(session);
                }
            } catch (Throwable problem) {
                org.slf4j.LoggerFactory.getLogger(LineageExtension.class)
                        .warn("Lineage is not captured, the job goes on: {}", problem.toString());
            }
            return new NoCheck();
        }
    }

    private static final class NoCheck extends AbstractFunction1<LogicalPlan, BoxedUnit> {
        @Override
        public BoxedUnit apply(LogicalPlan plan) {
            return BoxedUnit.UNIT;
        }
    }
}
