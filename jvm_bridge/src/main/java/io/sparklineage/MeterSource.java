package io.sparklineage;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import org.apache.spark.SparkContext;
import org.apache.spark.metrics.source.Source;

/** The bridge's numbers in Spark's metrics system, for every sink that the application has: gauges of the source `spark-lineage`. */
final class MeterSource implements Source {
    static final String NAME = "spark-lineage";

    private final MetricRegistry registry = new MetricRegistry();

    private MeterSource(Meter meter) {
        meter.values().forEach((name, value) -> registry.register(name, (Gauge<Long>) value::getAsLong));
    }

    @Override
    public String sourceName() {
        return NAME;
    }

    @Override
    public MetricRegistry metricRegistry() {
        return registry;
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
