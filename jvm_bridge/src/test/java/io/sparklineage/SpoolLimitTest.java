package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpoolLimitTest {
    @TempDir
    Path folder;

    private final Gaps gaps = new Gaps("b");

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** A sealed segment of 1,000 bytes or a few more, last changed at that second. */
    private Path segment(String bridge, int sequence, int second, String... records) throws IOException {
        Segment segment = Segment.open(LocalFiles.INSTANCE, folder, bridge, sequence, bytes("{\"v\":1,\"kind\":\"application\"}"), 0);
        for (String record : records) {
            segment.write(new Entry(bytes(record), Collections.singletonMap("p", bytes("{\"v\":1,\"kind\":\"plan\"}"))));
        }
        char[] blanks = new char[(int) (1_000 - segment.size() - 8)];
        Arrays.fill(blanks, ' ');
        segment.write(new Entry(bytes(new String(blanks))));
        Path sealed = segment.seal();
        Files.setLastModifiedTime(sealed, FileTime.fromMillis(second * 1_000L));
        return sealed;
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().collect(Collectors.toList());
        }
    }

    private void keep(long maxBytes) {
        new SpoolLimit(LocalFiles.INSTANCE, Clock.SYSTEM, folder, "b", maxBytes, gaps).keep(0);
    }

    @Test
    void theOldestGoFirstAndTheirRecordsAreCounted() throws IOException {
        String execution = "{\"v\":1,\"kind\":\"execution\"}";
        String gap = "{\"v\":1,\"kind\":\"gap\",\"bridge\":\"a\",\"reason\":\"spool_failed\",\"count\":40,\"message\":null,\"at\":1}";
        segment("a", 0, 20, execution);
        segment("b", 0, 10, execution, execution);
        segment("c", 7, 5, execution, gap);
        segment("d", 1, 30);
        keep(4_000);
        assertEquals(4, names().size());
        keep(3_999);
        assertEquals(Arrays.asList("a-00000000.seg", "b-00000000.seg", "d-00000001.seg", "ingest.lock"), names());
        // The execution, what the gap tells of, and the record that fills the segment.
        assertEquals(Collections.singletonMap("spool_full", 42L), gaps.untold());
        assertEquals(0, gaps.lost());
        keep(2_000);
        assertEquals(Arrays.asList("a-00000000.seg", "d-00000001.seg", "ingest.lock"), names());
        // Those of this application are lost to it.
        assertEquals(3, gaps.lost());
        assertEquals(Collections.singletonMap("spool_full", 45L), gaps.untold());
        assertTrue(new String(gaps.due(true).get(0).record, StandardCharsets.UTF_8).contains(
                "\"message\":\"the spool is larger than spark.lineage.spoolMaxBytes, so its oldest segments were deleted\""));
    }

    @Test
    void whatAWriterHasOpenStaysWhatADeadOneLeftGoes() throws IOException {
        Segment live = Segment.open(LocalFiles.INSTANCE, folder, "live", 0, bytes("header"), 0);
        live.write(new Entry(new byte[2_000]));
        Files.write(folder.resolve("dead-00000000.open"), Files.readAllBytes(segment("x", 0, 1)));
        Files.delete(folder.resolve("x-00000000.seg"));
        Files.createFile(folder.resolve("young-00000000.open"));
        Files.createFile(folder.resolve("ingest.lock"));
        keep(1);
        assertEquals(Arrays.asList("ingest.lock", "live-00000000.open", "young-00000000.open"), names());
        assertEquals(Collections.singletonMap("spool_full", 1L), gaps.untold());
        // Asking for the lock of a file that this process writes would have given it up.
        assertTrue(LocalFiles.INSTANCE.isLocked(folder.resolve("live-00000000.open")));
        live.abandon();
    }

    @Test
    void nothingGoesWhileAnIngestReads() throws IOException {
        segment("a", 0, 1);
        try (FileChannel ingest = FileChannel.open(folder.resolve("ingest.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            ingest.lock();
            keep(1);
            assertEquals(Arrays.asList("a-00000000.seg", "ingest.lock"), names());
        }
        keep(1);
        assertEquals(Collections.singletonList("ingest.lock"), names());
        assertEquals(Collections.singletonMap("spool_full", 1L), gaps.untold());
    }

    @Test
    void theFolderIsListedAgainWhenItMayBeTooLarge() {
        SimulatedClock clock = new SimulatedClock(0, 0);
        int[] listed = {0};
        SimulatedDisk disk = new SimulatedDisk(clock, operation -> {
            listed[0] += operation.equals("list") ? 1 : 0;
            return SimulatedDisk.Fault.NONE;
        });
        SpoolLimit limit = new SpoolLimit(disk, clock, folder, "b", 1_600, gaps);
        limit.keep(0);
        limit.keep(99);
        assertEquals(1, listed[0]);
        limit.keep(100);
        assertEquals(2, listed[0]);
        limit.keep(199);
        clock.advance(599_999);
        limit.keep(199);
        assertEquals(2, listed[0]);
        clock.advance(1);
        limit.keep(199);
        assertEquals(3, listed[0]);
    }

    @Test
    void aTornTailIsNoRecord() throws IOException {
        byte[] whole = Files.readAllBytes(segment("x", 0, 1, "{\"v\":1,\"kind\":\"execution\"}"));
        List<Long> counts = new ArrayList<>();
        for (int length : new int[] {0, 8, 12, 43, 44, whole.length - 1, whole.length}) {
            Files.write(folder.resolve("torn"), Arrays.copyOf(whole, length));
            SpoolLimit.Content content = new SpoolLimit.Content();
            content.count(Files.newByteChannel(folder.resolve("torn")));
            counts.add(content.records);
        }
        assertEquals(Arrays.asList(0L, 0L, 0L, 0L, 0L, 1L, 2L), counts);
    }

    @Test
    void aWriterKeepsItsSpoolSmall() throws Exception {
        SimulatedClock clock = new SimulatedClock(0, 0);
        SpoolWriter writer = new SpoolWriter(LocalFiles.INSTANCE, clock, folder, "b",
                bytes("{\"v\":1,\"kind\":\"application\"}"), 30_000, 10_000, gaps);
        writer.open();
        for (int i = 0; i < 20; i++) {
            assertTrue(writer.put(new Entry(new byte[2_000]), SpoolWriter.Wait.NOTHING));
            Files.setLastModifiedTime(folder.resolve(String.format("b-%08d.open", i)), FileTime.fromMillis(i));
            assertTrue(writer.seal());
        }
        assertTrue(writer.end());
        long bytes = 0;
        for (String name : names()) {
            bytes += Files.size(folder.resolve(name));
        }
        assertTrue(bytes <= 12_100, "the last segment comes on top: " + bytes);
        assertEquals("b-00000016.seg", names().get(0));
        assertEquals(16, gaps.lost());
        assertEquals(Collections.emptyMap(), gaps.untold());
    }
}
