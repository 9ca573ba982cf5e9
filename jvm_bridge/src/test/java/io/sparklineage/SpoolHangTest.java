package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sparklineage.SimulatedDisk.Fault;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Collections;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A disk that does not answer, and what is said of losses that nobody else tells of. */
@Timeout(60)
class SpoolHangTest {
    private static final Path FOLDER = Paths.get("/spool");
    private static final long HOUR_MILLIS = 3_600_000;

    private final LogLines log = new LogLines(Spool.class);
    private final CountDownLatch released = new CountDownLatch(1);
    private volatile String hanging = "";
    private volatile Fault fault = Fault.NONE;
    private final SimulatedClock clock = new SimulatedClock(0, 0);
    private final Gaps gaps = new Gaps("b", clock);
    private SimulatedDisk disk;
    private long maxBytes = 1L << 40;

    @AfterEach
    void release() {
        released.countDown();
        log.close();
    }

    private Spool spool() throws Exception {
        disk = new SimulatedDisk(clock, operation -> fault) {
            @Override
            void before(String operation) {
                if (operation.equals(hanging)) {
                    try {
                        released.await();
                    } catch (InterruptedException nobody) {
                        throw new AssertionError(nobody);
                    }
                }
            }
        };
        Spool spool = new Spool(new SpoolWriter(disk, clock, FOLDER, "b", bytes("header"), 30_000, maxBytes, gaps), gaps,
                Clock.SYSTEM, null);
        spool.start();
        return spool;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Two closers, as SparkContext.stop and the shutdown hook are: the second would wait for an hour if it waited by itself. */
    @ParameterizedTest
    @ValueSource(strings = {"write", "force", "forceFolder", "rename", "create", "makeFolder", "usableSpace", "exists", "close", "touch",
            "list", "lock", "isLocked", "read", "delete"})
    void nobodyWaitsForADiskThatHangs(String operation) throws Exception {
        maxBytes = 200;  // so little that a segment that somebody left has to go
        Spool spool = spool();
        disk.leave(FOLDER.resolve("a-00000000.open"), 200);
        if (operation.equals("touch")) {
            assertEquals(Spool.Outcome.WRITTEN, spool.write(new Entry(bytes("a segment to touch")), false, 20_000));
            clock.advance(2_000);
        }
        hanging = operation;
        spool.write(new Entry(bytes("waited for")), true, 50);
        assertFalse(spool.seal(50));
        for (int i = 0; i < 20; i++) {
            assertTrue(spool.offer(new Entry(bytes("another"))));
        }
        assertFalse(spool.close(50));
        assertFalse(spool.close(HOUR_MILLIS));
        assertFalse(spool.seal(HOUR_MILLIS));
        assertFalse(spool.isAlive());
        assertFalse(spool.offer(new Entry(bytes("too late"))));
        assertEquals(operation.equals("touch") ? 23 : 22, spool.offered());
        assertEquals(spool.offered(), spool.written() + gaps.lost());
        assertEquals(1, log.lines.size(), log.lines.toString());
        assertTrue(log.lines.get(0).startsWith("WARN Lineage of this application is not complete"), log.lines.get(0));
        assertTrue(log.lines.get(0).contains("{spool_failed="), log.lines.get(0));
    }

    @Test
    void aDiskThatHangsFromTheBeginningKeepsNobody() throws Exception {
        hanging = "makeFolder";
        Spool spool = spool();
        assertTrue(spool.isAlive());
        assertTrue(spool.offer(new Entry(bytes("one"))));
        released.countDown();
        assertTrue(spool.close(20_000));
        assertEquals(1, spool.written());
        assertTrue(log.lines.get(0).startsWith("WARN The lineage spool does not answer"), log.lines.toString());
    }

    @Test
    void aQueueIsBoundedInRecordsAndInBytes() throws Exception {
        Spool spool = spool();
        hanging = "write";
        assertEquals(Spool.Outcome.WAITS, spool.write(new Entry(bytes("in hand")), false, 50));
        // The writer has taken the first one out of the queue, and its bytes still count.
        byte[] large = new byte[1 << 20];
        int fit = 0;
        while (spool.offer(new Entry(large))) {
            fit++;
        }
        assertEquals((Spool.QUEUE_BYTE_LIMIT - "in hand".length()) >> 20, fit);
        assertEquals(1, gaps.lost());
        assertEquals(((long) fit << 20) + "in hand".length(), spool.queuedBytes());
        for (int i = fit; i < Spool.QUEUE_LIMIT; i++) {
            assertTrue(spool.offer(new Entry(bytes("x"))));
        }
        assertFalse(spool.offer(new Entry(bytes("x"))));
        assertEquals(2, gaps.lost());
        released.countDown();
        assertTrue(spool.close(30_000));
        assertEquals(0, spool.queuedBytes());
        assertEquals(Spool.QUEUE_LIMIT + 1, spool.written());
        assertEquals(Collections.emptyMap(), gaps.untold());
        assertEquals(Collections.emptyList(), log.lines);
    }

    @Test
    void lossesThatNoSegmentTellsOfAreInTheLogOnce() throws Exception {
        Spool spool = spool();
        assertTrue(spool.seal(20_000));
        fault = Fault.IO;
        for (int i = 0; i < 5; i++) {
            spool.offer(new Entry(bytes("lost")));
        }
        assertFalse(spool.close(20_000));
        assertFalse(spool.close(20_000));
        assertEquals(Collections.singletonList("WARN Lineage of this application is not complete, and its spool does not say so; records "
                + "lost, by reason: {spool_failed=5} (java.io.IOException: makeFolder fails)"), log.lines);
    }

    @Test
    void aThreadThatIsInterruptedGoesOn() throws Exception {
        Spool spool = spool();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals("spark-lineage-writer")) {
                thread.interrupt();
            }
        }
        assertEquals(Spool.Outcome.WRITTEN, spool.write(new Entry(bytes("one")), false, 20_000));
        assertTrue(spool.close(20_000));
        assertEquals(0, gaps.lost());
    }
}
