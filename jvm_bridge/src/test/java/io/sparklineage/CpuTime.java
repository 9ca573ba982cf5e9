package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.time.Duration;

/** Time that a thread computes, which does not depend on what else the machine does. */
final class CpuTime {
    private CpuTime() {
    }

    /** Fails where `work` computes longer than `limit`: a limit so wide that only growth beyond the linear meets it. */
    static void assertWithin(Duration limit, Runnable work) {
        long before = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        work.run();
        Duration spent = Duration.ofNanos(ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - before);
        assertTrue(spent.compareTo(limit) <= 0, "computed for " + spent);
    }
}
