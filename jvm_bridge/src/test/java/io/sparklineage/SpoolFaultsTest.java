package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sparklineage.SimulatedDisk.Fault;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** One workload, and every way in which its file operations can fail. */
class SpoolFaultsTest {
    private static final Path FOLDER = Paths.get("/spool");
    private static final Pattern GAP = Pattern.compile("\"kind\":\"gap\".*\"reason\":\"(\\w+)\",\"count\":(\\d+)");
    private static final Set<Fault> FAULTS = EnumSet.range(Fault.IO, Fault.SHORT);
    private static final int ENTRIES = 24;
    /** Of another application, whose writer is dead. */
    private static final Path LEFT = FOLDER.resolve("a-00000000.open");

    /** All that the spool's writer does with files. */
    private static final List<String> OPERATIONS = Arrays.asList("makeFolder", "create", "write", "truncate", "force", "touch", "close",
            "forceFolder", "rename", "delete", "exists", "list", "lock", "isLocked", "read", "usableSpace");

    /** So little that what another writer left has to go, and enough for the workload. */
    private static final int MAX_BYTES = 8_192;

    /**
     * The workload: entries that nobody, or somebody, waits for, with plans, over 100 s, sealed now and then, in a folder that is too
     * large from the start.
     */
    private static final class Run {
        final SimulatedClock clock = new SimulatedClock(0, 1_700_000_000_000L);
        final SimulatedDisk disk;
        final Gaps gaps = new Gaps("b", clock);
        final Map<String, Spool.Task> tasks = new HashMap<>();
        final SpoolWriter writer;
        final Spool spool;
        final boolean opened;
        final Set<String> met = new HashSet<>();

        @SafeVarargs
        Run(SimulatedDisk.Faults faults, Consumer<Run>... between) {
            disk = new SimulatedDisk(clock, operation -> {
                met.add(operation);
                return faults.of(operation);
            });
            disk.leave(LEFT, MAX_BYTES);
            writer = new SpoolWriter(disk, clock, FOLDER, "b", bytes("header"), 30_000, MAX_BYTES, gaps);
            spool = new Spool(writer, gaps, clock, null);
            opened = open();
            for (int i = 0; i < ENTRIES && opened; i++) {
                put(i);
                if (i < between.length) {
                    between[i].accept(this);
                }
            }
            if (opened) {
                spool.askToEnd(10_000);
                spool.step(spool.next());
            }
        }

        private boolean open() {
            try {
                writer.open();
                return true;
            } catch (Throwable told) {
                return false;
            }
        }

        void put(int number) {
            Map<String, byte[]> plans = Collections.singletonMap("p" + number % 3, bytes("plan " + number % 3));
            SpoolWriter.Wait wait = SpoolWriter.Wait.values()[number % 3];
            String record = "{\"kind\":\"intent\",\"n\":" + number + "}";
            tasks.put(record, spool.queue(new Entry(bytes(record), plans), wait));
            spool.step(spool.next());
            clock.advance(1_500);
            if (number % 6 == 3) {
                spool.askToSeal();
                spool.step(spool.next());
                spool.step(null);
            }
            if (number % 6 == 5) {
                clock.advance(number % 4 == 1 ? 700 : 31_000);
                spool.step(null);
            }
        }

        /** How often each record stands in the spool. */
        Map<String, Integer> records() {
            Map<String, Integer> found = new HashMap<>();
            disk.files().values().forEach(file ->
                    Frames.of(file.content()).forEach(record -> found.merge(record, 1, Integer::sum)));
            return found;
        }

        /** What is told, in gaps and else by nobody yet, of the losses of a reason. */
        long told(String reason) {
            long told = gaps.untold().getOrDefault(reason, 0L);
            for (Map.Entry<String, Integer> record : records().entrySet()) {
                Matcher gap = GAP.matcher(record.getKey());
                if (gap.find() && gap.group(1).equals(reason)) {
                    told += Long.parseLong(gap.group(2)) * record.getValue();
                }
            }
            return told;
        }

        /** What was acknowledged is there, and what is not there is counted. */
        void check(boolean once) {
            Map<String, Integer> records = records();
            tasks.forEach((record, task) -> {
                int found = records.getOrDefault(record, 0);
                assertTrue(task.outcome() != Spool.Outcome.WAITS, record);
                assertTrue(task.outcome() == Spool.Outcome.WRITTEN ? found >= 1 : !once || found == 0, record + " " + task.outcome() + " " + found);
                assertTrue(!once || found <= 1, record + " stands there " + found + " times");
            });
            assertEquals(tasks.size(), spool.offered());
            assertEquals(spool.offered(), spool.written() + gaps.lost());
            assertEquals(gaps.lost(), told(Gaps.SPOOL_FAILED));
            assertEquals(0, spool.queuedBytes());
        }
    }

    @BeforeAll
    static void withoutWarnings() {
        Configurator.setLevel(SpoolWriter.class.getName(), Level.OFF);
    }

    @AfterAll
    static void withWarnings() {
        Configurator.setLevel(SpoolWriter.class.getName(), Level.WARN);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static long operations() {
        return new Run(operation -> Fault.NONE).disk.operations;
    }

    /** Lets the operations of a span fail, counted from 1. */
    private static SimulatedDisk.Faults span(long first, long last, Fault fault) {
        long[] count = {0};
        return operation -> ++count[0] >= first && count[0] <= last ? fault : Fault.NONE;
    }

    @Test
    void withoutFaultsNothingIsLost() {
        Run run = new Run(operation -> Fault.NONE);
        run.check(true);
        assertEquals(0, run.gaps.lost());
        assertEquals(ENTRIES, run.spool.written());
        assertEquals(7, run.spool.segments());
        assertFalse(run.disk.files().containsKey(LEFT));
        Set<String> unmet = new HashSet<>(OPERATIONS);
        unmet.removeAll(run.met);
        assertEquals(Collections.singleton("truncate"), unmet);  // what a write that failed is undone with
    }

    @Test
    void anyOneOperationMayFailAndNothingIsLost() {
        for (Fault fault : FAULTS) {
            for (long n = 1; n <= operations(); n++) {
                Run run = new Run(span(n, n, fault));
                assertTrue(run.opened, fault + " at " + n);
                // A write and the truncation that is to undo it do not fail together here: no record stands there twice.
                run.check(true);
                assertEquals(0, run.gaps.lost(), fault + " at " + n);
            }
        }
    }

    @Test
    void anySpanOfOperationsMayFailAndAllIsCounted() {
        long operations = operations();
        for (Fault fault : FAULTS) {
            for (long first = 1; first <= operations; first++) {
                for (long length : new long[] {2, 5, 13, 1_000_000}) {
                    Run run = new Run(span(first, first + length - 1, fault));
                    if (run.opened) {
                        run.check(false);
                    }
                }
            }
        }
    }

    @Test
    void anyOneKindOfOperationMayFailForEver() {
        for (String broken : OPERATIONS) {
            for (Fault fault : FAULTS) {
                boolean[] later = {false};
                Run run = new Run(operation -> later[0] && operation.equals(broken) ? fault : Fault.NONE, begun -> later[0] = true);
                run.check(false);
            }
        }
    }

    @Test
    void afterAFailedFsyncTheRecordsSinceTheLastGoodOneAreInDoubt() {
        boolean[] fails = {false};
        Run run = new Run(operation -> {
            boolean now = fails[0] && operation.equals("force");
            fails[0] &= !now;
            return now ? Fault.IO : Fault.NONE;
        }, zero -> { }, one -> { }, two -> { }, three -> fails[0] = true);
        run.check(true);
        // 0 to 3 were sealed while all was well. 5 waits for the disk: its fsync fails, so 4 is in doubt, and 5 goes into another segment.
        assertEquals(1, run.told(Gaps.SYNC_FAILED));
        assertEquals(0, run.gaps.lost());
        List<String> doubted = Frames.of(run.disk.files().get(FOLDER.resolve("b-00000001.open")).content());
        assertEquals(Arrays.asList("header", "plan 1", "{\"kind\":\"intent\",\"n\":4}"), doubted);
        List<String> next = Frames.of(run.disk.files().get(FOLDER.resolve("b-00000002.seg")).content());
        assertEquals(Arrays.asList("header", "plan 2", "{\"kind\":\"intent\",\"n\":5}"), next.subList(0, 3));
    }

    @Test
    void aFolderThatIsDeletedIsMadeAgain() throws IOException {
        SimulatedClock clock = new SimulatedClock(0, 0);
        SimulatedDisk disk = new SimulatedDisk(clock, operation -> Fault.NONE);
        Gaps gaps = new Gaps("b", clock);
        SpoolWriter writer = new SpoolWriter(disk, clock, FOLDER, "b", bytes("header"), 30_000, 1L << 40, gaps);
        writer.open();
        assertTrue(writer.put(new Entry(bytes("one")), SpoolWriter.Wait.NOTHING));
        assertTrue(writer.put(new Entry(bytes("two")), SpoolWriter.Wait.WRITTEN));
        disk.vanish();
        // Who waits is told only when the record is in a file that has a name.
        assertTrue(writer.put(new Entry(bytes("three")), SpoolWriter.Wait.WRITTEN));
        assertTrue(writer.end());
        assertEquals(2, gaps.lost());
        Map.Entry<Path, SimulatedDisk.Node> only = disk.files().entrySet().iterator().next();
        assertEquals(FOLDER.resolve("b-00000001.seg"), only.getKey());
        List<String> records = Frames.of(only.getValue().content());
        assertEquals(Arrays.asList("header", "three"), records.subList(0, 2));
        assertTrue(records.get(2).contains("\"reason\":\"spool_failed\",\"count\":2"), records.get(2));
    }

    @Test
    void aClockThatJumpsByYearsChangesNothing() {
        long year = 365L * 24 * 3_600_000;
        Run still = new Run(operation -> Fault.NONE);
        Run jumping = new Run(operation -> Fault.NONE, run -> run.clock.jump(50 * year), run -> run.clock.jump(-90 * year),
                run -> { }, run -> run.clock.jump(40 * year), run -> run.clock.jump(-1), run -> run.clock.jump(-year));
        assertEquals(still.records(), jumping.records());
        assertEquals(still.disk.files().keySet(), jumping.disk.files().keySet());
        assertEquals(still.disk.operations, jumping.disk.operations);
    }
}
