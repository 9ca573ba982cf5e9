package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpoolTest {
    private static final long TIMEOUT_MILLIS = 20_000;

    @TempDir
    Path folder;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Whole frames with a right CRC; stops at a torn tail. */
    private static List<String> read(Path file) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file));
        byte[] magic = new byte[8];
        in.get(magic);
        assertArrayEquals(bytes("SLSPOOL1"), magic);
        List<String> records = new ArrayList<>();
        while (in.remaining() >= 8) {
            int length = in.getInt();
            int crc = in.getInt();
            if (length > in.remaining()) {
                break;
            }
            byte[] payload = new byte[length];
            in.get(payload);
            CRC32 computed = new CRC32();
            computed.update(payload);
            assertEquals((int) computed.getValue(), crc);
            records.add(new String(payload, StandardCharsets.UTF_8));
        }
        return records;
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().collect(Collectors.toList());
        }
    }

    private static Entry entry(String record, String... plans) {
        Map<String, byte[]> sections = new LinkedHashMap<>();
        for (String plan : plans) {
            sections.put(plan, bytes("plan " + plan));
        }
        return new Entry(bytes(record), sections);
    }

    private Spool open(Gaps gaps) throws IOException {
        SpoolWriter writer = new SpoolWriter(LocalFiles.INSTANCE, Clock.SYSTEM, folder, "b", bytes("header"), 3_600_000,
                1L << 40, gaps);
        Spool spool = new Spool(writer, gaps, Clock.SYSTEM, null);
        spool.start();
        return spool;
    }

    @Test
    void writesAPlanOncePerSegment() throws IOException {
        Spool spool = open(new Gaps("b"));
        spool.offer(entry("one", "p"));
        spool.offer(entry("two", "p", "q"));
        assertTrue(spool.seal(TIMEOUT_MILLIS));
        spool.offer(entry("three", "p"));
        assertTrue(spool.close(TIMEOUT_MILLIS));
        assertEquals(Arrays.asList("b-00000000.seg", "b-00000001.seg"), names());
        assertEquals(Arrays.asList("header", "plan p", "one", "plan q", "two"), read(folder.resolve("b-00000000.seg")));
        assertEquals(Arrays.asList("header", "plan p", "three"), read(folder.resolve("b-00000001.seg")));
    }

    @Test
    void hasAnOpenSegmentAsLongAsItLives() throws IOException {
        Spool spool = open(new Gaps("b"));
        spool.offer(entry("one"));
        assertTrue(spool.seal(TIMEOUT_MILLIS));
        assertEquals(Arrays.asList("b-00000000.seg", "b-00000001.open"), names());
        assertTrue(spool.close(TIMEOUT_MILLIS));
        assertEquals(Arrays.asList("b-00000000.seg", "b-00000001.seg"), names());
    }

    @Test
    void sealsNothingWithoutNews() throws IOException {
        Spool spool = open(new Gaps("b"));
        assertTrue(spool.seal(TIMEOUT_MILLIS));
        assertEquals(Collections.singletonList("b-00000000.open"), names());
        assertEquals(0, spool.segments());
        spool.close(TIMEOUT_MILLIS);
    }

    @Test
    void sealsAFullSegment() throws IOException {
        Spool spool = open(new Gaps("b"));
        byte[] large = new byte[9 << 20];
        spool.offer(new Entry(large));
        spool.offer(entry("small"));
        assertTrue(spool.close(TIMEOUT_MILLIS));
        assertEquals(Arrays.asList("b-00000000.seg", "b-00000001.seg"), names());
    }

    @Test
    void countsWhatItCannotTake() throws IOException {
        Gaps gaps = new Gaps("b");
        Spool spool = open(gaps);
        assertFalse(spool.offer(new Entry(new byte[Spool.RECORD_LIMIT + 1])));
        assertTrue(spool.offer(entry("small")));
        assertTrue(spool.close(TIMEOUT_MILLIS));
        assertEquals(1, gaps.lost());
        List<String> records = read(folder.resolve("b-00000000.seg"));
        assertEquals(3, records.size());
        assertTrue(records.get(2).contains("\"reason\":\"record_too_large\",\"count\":1"), records.get(2));
    }

    @Test
    void survivesTheLossOfItsFolder() throws IOException {
        Gaps gaps = new Gaps("b");
        Spool spool = open(gaps);
        spool.offer(entry("one"));
        assertTrue(spool.seal(TIMEOUT_MILLIS));
        Files.delete(folder.resolve("b-00000000.seg"));
        Files.delete(folder.resolve("b-00000001.open"));
        Files.delete(folder);
        spool.offer(entry("two"));
        assertTrue(spool.close(TIMEOUT_MILLIS));
        assertEquals(1, gaps.lost());
        assertTrue(gaps.lastError().startsWith("spool_failed"), gaps.lastError());
        Files.createDirectories(folder);
    }

    @Test
    void aTornTailLosesNoRecordBeforeIt() throws IOException {
        Segment segment = Segment.open(LocalFiles.INSTANCE, folder, "b", 7, bytes("header"), 0);
        segment.write(entry("one"));
        segment.write(entry("two"));
        segment.abandon();
        Path file = folder.resolve("b-00000007.open");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() - 1);
        }
        assertEquals(Arrays.asList("header", "one"), read(file));
    }

    @Test
    void foldersAndFilesAreTheOwnersAlone() throws IOException {
        folder = folder.resolve("a/b");
        Files.setPosixFilePermissions(folder.getParent().getParent(), PosixFilePermissions.fromString("rwxr-xr-x"));
        Spool spool = open(new Gaps("b"));
        spool.offer(entry("one"));
        assertTrue(spool.seal(TIMEOUT_MILLIS));
        assertEquals("rwxr-xr-x", mode(folder.getParent().getParent()));
        assertEquals("rwx------", mode(folder.getParent()));
        assertEquals("rwx------", mode(folder));
        assertEquals("rw-------", mode(folder.resolve("b-00000000.seg")));
        assertEquals("rw-------", mode(folder.resolve("b-00000001.open")));
        spool.close(TIMEOUT_MILLIS);
    }

    private static String mode(Path file) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    @Test
    void whoInterruptsTheWriterClosesOneSegmentAndLosesNothing() throws IOException {
        Gaps gaps = new Gaps("b");
        SpoolWriter writer = new SpoolWriter(LocalFiles.INSTANCE, Clock.SYSTEM, folder, "b", bytes("header"), 3_600_000, 1L << 40, gaps);
        writer.open();
        assertTrue(writer.put(entry("one"), SpoolWriter.Wait.NOTHING));
        Thread.currentThread().interrupt();
        assertTrue(writer.put(entry("two"), SpoolWriter.Wait.SYNCED));
        assertFalse(Thread.interrupted());
        assertTrue(writer.end());
        assertEquals(Arrays.asList("b-00000000.open", "b-00000001.seg"), names());
        assertEquals(Arrays.asList("header", "one"), read(folder.resolve("b-00000000.open")));
        assertEquals(Arrays.asList("header", "two"), read(folder.resolve("b-00000001.seg")));
        assertEquals(0, gaps.lost());
    }

    @Test
    void theWriterHoldsTheLock() throws IOException {
        Segment segment = Segment.open(LocalFiles.INSTANCE, folder, "b", 0, bytes("header"), 0);
        try (FileChannel other = FileChannel.open(folder.resolve("b-00000000.open"), StandardOpenOption.WRITE)) {
            assertThrows(OverlappingFileLockException.class, other::tryLock);
        }
        segment.abandon();
    }
}
