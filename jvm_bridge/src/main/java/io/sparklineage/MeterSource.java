package io.sparklineage;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import java.util.function.LongSupplier;
import org.apache.spark.SparkContext;
import org.apache.spark.metrics.source.Source;

/** The bridge's numbers in Spark's metrics system, for every sink that the application has: gauges of the source `spark-lineage`. */
final class MeterSource implements Source {
    static final String NAME = "spark-lineage";

    /** What a number is that cannot be read: sinks cannot do with none. */
    private static final long UNKNOWN = -1;

    private final MetricRegistry registry = new MetricRegistry();

    private MeterSource(Meter meter) {
        meter.values().forEach((name, value) -> registry.register(name, new Number(value)));
    }

    @Override
    public String sourceName() {
        return NAME;
    }

    @Override
    public MetricRegistry metricRegistry() {
        return registry;
    }

    /** One number, as sinks ask for it: on a thread of theirs, and on that which stops the application. */
    private static final class Number implements Gauge<Long> {
        private final LongSupplier value;

        Number(LongSupplier value) {
            this.value = value;
        }

        @Override
        public Long getValue() {
            try {
                return value.getAsLong();
            } catch (Throwable unknown) {
                return UNKNOWN;
            }
        }
    }

    /**
     * Registers the numbers with the application's metrics system; they end with it.
     *
     * @return what takes them out before, if the application goes on without lineage
     */
    static Runnable register(SparkContext context, Meter meter) {
        MeterSource source = new MeterSource(meter);
        context.env().metricsSystem().registerSource(source);
        return () -> context.env().metricsSystem().removeSource(source);
    }
}
