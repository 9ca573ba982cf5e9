package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SegmentLockTest {
    /** Exits with 0 where another process holds the lock of a file, as a reader of the spool finds out. */
    public static void main(String[] words) throws IOException {
        try (FileChannel channel = FileChannel.open(Paths.get(words[0]), StandardOpenOption.WRITE)) {
            System.exit(channel.tryLock() == null ? 0 : 1);
        }
    }

    private static int probe(Path file) throws Exception {
        String java = Paths.get(System.getProperty("java.home"), "bin", "java").toString();
        return new ProcessBuilder(java, "-cp", System.getProperty("java.class.path"),
                SegmentLockTest.class.getName(), file.toString()).inheritIO().start().waitFor();
    }

    @Test
    void aWriterThatShowsThatItLivesKeepsItsLock(@TempDir Path folder) throws Exception {
        Segment segment = Segment.open(LocalFiles.INSTANCE, folder, "bridge", 0, bytes("header"), 0);
        Path file = folder.resolve("bridge-00000000.open");
        segment.write(new Entry(bytes("record")));
        FileTime written = Files.getLastModifiedTime(file);
        assertEquals(0, probe(file));
        Thread.sleep(20);
        segment.touch();
        assertEquals(0, probe(file));
        assertTrue(Files.getLastModifiedTime(file).compareTo(written) > 0);
        byte[] sealed = Files.readAllBytes(segment.seal());
        assertEquals("SLSPOOL1", new String(sealed, 0, 8, StandardCharsets.US_ASCII));
        assertEquals("record", new String(sealed, sealed.length - 6, 6, StandardCharsets.US_ASCII));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
