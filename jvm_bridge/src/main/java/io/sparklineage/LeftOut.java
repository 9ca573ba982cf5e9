package io.sparklineage;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Facts that could not be read and are left out of their records. What Spark has not computed may throw when it is asked for; that
 * is no loss, nobody knows it. But where the thread was interrupted, or classes, memory or stack had run out, a fact is lost, and
 * counted. This never throws.
 */
final class LeftOut {
    private static final AtomicLong LOST = new AtomicLong();

    private LeftOut() {
    }

    static void note(Throwable problem) {
        if (problem instanceof LinkageError || problem instanceof VirtualMachineError || problem instanceof ThreadDeath
                || problem instanceof InterruptedException) {
            LOST.incrementAndGet();
        }
    }

    /** How many were lost since this was last asked. */
    static long take() {
        return LOST.getAndSet(0);
    }
}
