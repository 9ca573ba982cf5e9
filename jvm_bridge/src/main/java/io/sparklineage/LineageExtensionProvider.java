package io.sparklineage;

import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.SparkSessionExtensionsProvider;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/**
 * Found by Spark through `META-INF/services` where the jar is on the classpath; it acts only where
 * `spark.lineage.enabled` is true.
 */
public final class LineageExtensionProvider extends AbstractFunction1<SparkSessionExtensions, BoxedUnit>
        implements SparkSessionExtensionsProvider {
    /** Made by the service loader. */
    public LineageExtensionProvider() {
    }

    @Override
    public BoxedUnit apply(SparkSessionExtensions extensions) {
        try {
            LineageExtension.inject(extensions, false);
        } catch (Throwable problem) {
            LineageExtension.giveUp(problem);
        }
        return BoxedUnit.UNIT;
    }
}
