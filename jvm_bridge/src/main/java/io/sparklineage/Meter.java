package io.sparklineage;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/** What the bridge does and costs, as named numbers that are read when somebody asks: nothing is computed until then. */
final class Meter {
    private final Map<String, LongSupplier> values = new LinkedHashMap<>();

    /** Adds a number; names are written in small letters with underscores. */
    Meter with(String name, LongSupplier value) {
        values.put(name, value);
        return this;
    }

    /** Adds the CPU time of a thread in nanoseconds; nothing where the JVM does not know it. */
    Meter with(String name, ThreadTime time) {
        return ThreadTime.isKnown() ? with(name, time::nanos) : this;
    }

    /** Name -> number, in the order in which they were added. */
    Map<String, LongSupplier> values() {
        return Collections.unmodifiableMap(values);
    }

    /** The member `metrics`: an object of numbers. */
    void write(JsonWriter json) {
        json.name("metrics").object();
        values.forEach((name, value) -> json.field(name, value.getAsLong()));
        json.endObject();
    }

    /** CPU time of one thread that is the bridge's alone: user and system, without a call of the clock for each event. */
    static final class ThreadTime {
        private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
        private volatile long thread;
        private volatile long last;

        static boolean isKnown() {
            return THREADS.isThreadCpuTimeSupported() && THREADS.isThreadCpuTimeEnabled();
        }

        /** CPU time of the thread that asks, in nanoseconds; 0 where the JVM does not know it. */
        static long ofThisThread() {
            return isKnown() ? THREADS.getCurrentThreadCpuTime() : 0;
        }

        /** Called by the thread that is meant, as often as it likes. */
        void here() {
            if (thread == 0) {
                thread = Thread.currentThread().getId();
            }
        }

        /** Nanoseconds so far; what they were when they were last asked for where the thread has ended, 0 before it began. */
        long nanos() {
            long id = thread;
            long now = id == 0 || !isKnown() ? 0 : THREADS.getThreadCpuTime(id);
            last = Math.max(last, now);
            return last;
        }
    }
}
