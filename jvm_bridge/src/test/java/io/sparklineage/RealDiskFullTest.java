package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file system of 80 MiB that is really full, one that is really read-only, and a quota. Only who may mount can make one. */
class RealDiskFullTest {
    @TempDir
    Path mounted;

    private final SimulatedClock clock = new SimulatedClock(0, 0);
    private final Gaps gaps = new Gaps("b", clock);

    private static int run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.to(
                new java.io.File("/dev/null"))).start().waitFor();
    }

    private static void must(String... command) throws IOException, InterruptedException {
        assertEquals(0, run(command), String.join(" ", command));
    }

    private static boolean isInstalled(String program) throws InterruptedException {
        try {
            return run(program, "--version") == 0;
        } catch (IOException noSuchCommand) {
            return false;
        }
    }

    @BeforeEach
    void mount() throws Exception {
        boolean isMounted;
        try {
            isMounted = run("mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", mounted.toString()) == 0;
        } catch (IOException noSuchCommand) {
            isMounted = false;
        }
        assumeTrue(isMounted, "this user may not mount a file system");
    }

    @AfterEach
    void unmount() throws Exception {
        run("umount", "-l", mounted.toString());
    }

    private SpoolWriter writer(Path folder) {
        return new SpoolWriter(LocalFiles.INSTANCE, clock, folder, "b", bytes("{\"kind\":\"application\"}"), 30_000, 1L << 40, gaps);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** A record of 200,000 bytes: a full disk takes a part of it. */
    private static Entry entry(int number) {
        char[] filling = new char[200_000];
        Arrays.fill(filling, (char) ('a' + number));
        return new Entry(bytes(new String(filling)));
    }

    private static void fill(Path file) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            byte[] bytes = new byte[4_096];
            while (true) {
                out.write(bytes);
            }
        } catch (IOException full) {
            assertTrue(full.getMessage().contains("space"), full.getMessage());
        }
    }

    /** The first letters of the large records of a folder, and what its gaps count. */
    private static List<String> content(Path folder) throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.sorted().collect(Collectors.toList())) {
                for (String record : Frames.of(Files.readAllBytes(file))) {
                    if (record.contains("\"gap\"")) {
                        found.add(record.replaceAll(".*\"reason\":\"(\\w+)\",\"count\":(\\d+).*", "$1 $2"));
                    } else if (!record.startsWith("{")) {
                        found.add(record.substring(0, 1));
                    }
                }
            }
        }
        return found;
    }

    @Test
    void whatADiskDidNotTakeIsCountedAndTheRestIsThere() throws Exception {
        Path folder = mounted.resolve("spool");
        SpoolWriter writer = writer(folder);
        writer.open();
        assertTrue(writer.put(entry(0), SpoolWriter.Wait.SYNCED));
        assertTrue(writer.put(entry(1), SpoolWriter.Wait.NOTHING));
        fill(mounted.resolve("filling"));
        for (int i = 2; i < 5; i++) {
            assertFalse(writer.put(entry(i), SpoolWriter.Wait.NOTHING));
            gaps.add(Gaps.SPOOL_FAILED, 1, writer.problem());
            writer.tend();
        }
        Files.delete(mounted.resolve("filling"));
        clock.advance(6_000);
        writer.tend();
        assertTrue(writer.put(entry(5), SpoolWriter.Wait.WRITTEN));
        assertTrue(writer.end());
        assertEquals(Arrays.asList("a", "b", "spool_failed 3", "f"), content(folder));
        assertEquals(Collections.emptyMap(), gaps.untold());
    }

    /** Of the file systems with quotas Btrfs has one that binds root, too. */
    @Test
    void whatAQuotaDidNotAllowIsCountedAndTheRestIsThere() throws Exception {
        assumeTrue(isInstalled("btrfs") && isInstalled("mkfs.btrfs"), "btrfs-progs is not installed");
        Path image = mounted.resolve("image");
        String disk = Files.createDirectory(mounted.resolve("disk")).toString();
        must("truncate", "-s", "256M", image.toString());
        must("mkfs.btrfs", "-q", image.toString());
        must("mount", "-t", "btrfs", "-o", "loop", image.toString(), disk);
        try {
            must("btrfs", "quota", "enable", disk);
            Path folder = mounted.resolve("disk").resolve("spool");
            must("btrfs", "subvolume", "create", folder.toString());
            must("btrfs", "qgroup", "limit", "1M", folder.toString());
            fillAQuota(folder);
        } finally {
            must("umount", disk);
        }
    }

    private void fillAQuota(Path folder) throws Exception {
        SpoolWriter writer = writer(folder);
        writer.open();
        List<String> expected = new ArrayList<>();
        int lost = 0;
        for (int i = 0; i < 10; i++) {
            if (writer.put(entry(i), SpoolWriter.Wait.WRITTEN)) {
                expected.add(String.valueOf((char) ('a' + i)));
            } else {
                assertTrue(String.valueOf(writer.problem()).contains("quota"), String.valueOf(writer.problem()));
                gaps.add(Gaps.SPOOL_FAILED, 1, writer.problem());
                lost++;
                writer.tend();
            }
        }
        assertTrue(expected.size() > 2 && lost > 2, expected.toString());
        must("btrfs", "qgroup", "limit", "none", folder.toString());
        clock.advance(6_000);
        writer.tend();
        assertTrue(writer.put(entry(10), SpoolWriter.Wait.WRITTEN));
        assertTrue(writer.end());
        expected.addAll(Arrays.asList("spool_failed " + lost, "k"));
        assertEquals(expected, content(folder));
        assertEquals(Collections.emptyMap(), gaps.untold());
    }

    @Test
    void aReadOnlyFileSystemIsToldOf() throws Exception {
        assertEquals(0, run("mount", "-o", "remount,ro", mounted.toString()));
        Spool spool = new Spool(writer(mounted.resolve("spool")), gaps, Clock.SYSTEM, null);
        IOException refused = assertThrows(IOException.class, spool::start);
        assertTrue(refused.getMessage().contains("Read-only"), refused.getMessage());
        assertFalse(spool.isAlive());
        assertFalse(spool.offer(entry(0)));
        assertFalse(spool.close(1_000));
        assertEquals(1, gaps.lost());
    }
}
