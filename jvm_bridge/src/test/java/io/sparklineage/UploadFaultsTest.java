package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Uploads to a file system each of whose operations fails once, in every way. */
class UploadFaultsTest {
    /** HALF: half of the bytes of a write; CUT: the same, and nobody is told; LATE: it is done, and fails; DEAD, HANG: so does all that follows. */
    private enum Fault { IO, RUNTIME, LINKAGE, HALF, CUT, LATE, DEAD, HANG }

    /** One that renames, and one where files appear when they are closed. */
    private static final List<String> SCHEMES = Arrays.asList("faulty", "s3a");
    private static final int OPERATIONS = 100;

    /** What the file systems that are opened next do. */
    private static volatile Run run;

    private static final class Run {
        final Fault fault;
        final int at;
        final CountDownLatch hung = new CountDownLatch(1);
        private int operations;

        Run(Fault fault, int at) {
            this.fault = fault;
            this.at = at;
        }

        synchronized int operations() {
            return operations;
        }

        synchronized boolean fails() {
            operations++;
            return operations == at || (fault == Fault.DEAD || fault == Fault.HANG) && operations > at;
        }

        void fail() throws IOException {
            switch (fault) {
                case RUNTIME:
                    throw new IllegalStateException("fault");
                case LINKAGE:
                    throw new NoSuchMethodError("fault");
                case HANG:
                    try {
                        hung.await();
                    } catch (InterruptedException interrupted) {
                        throw new IOException(interrupted);
                    }
                    throw new IOException("the driver is gone");
                default:
                    throw new IOException("fault");
            }
        }
    }

    @TempDir
    Path folder;

    /** A folder of this machine; it counts its operations. */
    public static final class FaultyFileSystem extends RawLocalFileSystem {
        private final Run mine = run;
        private URI address;

        @Override
        public void initialize(URI uri, Configuration configuration) throws IOException {
            address = uri;
            super.initialize(uri, configuration);
        }

        @Override
        public URI getUri() {
            return address == null ? super.getUri() : URI.create(address.getScheme() + "://" + address.getAuthority());
        }

        private interface Operation<T> {
            T run() throws IOException;
        }

        private <T> T step(Operation<T> operation) throws IOException {
            boolean fails = mine.fails();
            if (fails && mine.fault == Fault.LATE) {
                operation.run();
            }
            if (fails) {
                mine.fail();
            }
            return operation.run();
        }

        /** Hadoop runs a process for it. */
        @Override
        public void setPermission(org.apache.hadoop.fs.Path path, FsPermission permission) {
        }

        @Override
        public FileStatus getFileStatus(org.apache.hadoop.fs.Path path) throws IOException {
            return step(() -> super.getFileStatus(path));
        }

        @Override
        public FSDataInputStream open(org.apache.hadoop.fs.Path path, int buffer) throws IOException {
            return step(() -> super.open(path, buffer));
        }

        @Override
        public boolean rename(org.apache.hadoop.fs.Path from, org.apache.hadoop.fs.Path to) throws IOException {
            return step(() -> super.rename(from, to));
        }

        @Override
        public boolean delete(org.apache.hadoop.fs.Path path, boolean recursive) throws IOException {
            return step(() -> super.delete(path, recursive));
        }

        @Override
        public FSDataOutputStream create(org.apache.hadoop.fs.Path path, FsPermission permission, boolean overwrite, int buffer,
                short replication, long block, Progressable progress) throws IOException {
            OutputStream out = step(() -> super.create(path, permission, overwrite, buffer, replication, block, progress));
            return new FSDataOutputStream(new FaultyStream(out, mine), null);
        }
    }

    private static final class FaultyStream extends FilterOutputStream {
        private final Run run;
        private boolean cut;

        FaultyStream(OutputStream out, Run run) {
            super(out);
            this.run = run;
        }

        @Override
        public void write(byte[] bytes, int from, int length) throws IOException {
            if (run.fails()) {
                boolean half = run.fault == Fault.HALF || run.fault == Fault.CUT;
                out.write(bytes, from, half ? length / 2 : run.fault == Fault.LATE ? length : 0);
                cut = run.fault == Fault.CUT;
                if (!cut) {
                    run.fail();
                }
            }
            if (!cut) {
                out.write(bytes, from, length);
            }
        }

        @Override
        public void close() throws IOException {
            boolean fails = run.fails();
            out.close();
            if (fails) {
                run.fail();
            }
        }
    }

    @BeforeAll
    static void quiet() {
        Configurator.setLevel(Uploader.class.getName(), Level.OFF);
    }

    @AfterAll
    static void loud() {
        Configurator.setLevel(Uploader.class.getName(), Level.WARN);
        run = null;
    }

    /** Four segments here, of which the remote spool has one as a whole, one torn, and one that is empty. */
    private final class Spools {
        final Map<String, byte[]> segments = new TreeMap<>();
        final Path local;
        final Path remote;
        final String scheme;

        Spools(String scheme, String name) throws IOException {
            this.scheme = scheme;
            local = Files.createDirectories(folder.resolve(scheme + name).resolve("local"));
            remote = Files.createDirectories(local.resolveSibling("remote"));
            for (int i = 0; i < 4; i++) {
                byte[] content = new byte[100_000 + i];
                new Random(i).nextBytes(content);
                segments.put("b-0000000" + i + ".seg", content);
                Files.write(local.resolve("b-0000000" + i + ".seg"), content);
            }
            Files.write(remote.resolve("b-00000000.seg"), segments.get("b-00000000.seg"));
            Files.write(remote.resolve("b-00000001.seg"), Arrays.copyOf(segments.get("b-00000001.seg"), 70_000));
            Files.write(remote.resolve("b-00000002.seg"), new byte[0]);
        }

        Uploader uploader(Fault kind, int operation) {
            run = new Run(kind, operation);
            Configuration configuration = new Configuration(false);
            configuration.setClass("fs." + scheme + ".impl", FaultyFileSystem.class, org.apache.hadoop.fs.FileSystem.class);
            configuration.setBoolean("fs." + scheme + ".impl.disable.cache", true);
            return new Uploader(scheme + "://bucket" + remote, configuration);
        }

        /** Every segment is here, or there, as a whole. */
        void checkNothingIsLost(String when) throws IOException {
            for (Map.Entry<String, byte[]> each : segments.entrySet()) {
                Path here = local.resolve(each.getKey());
                Path there = Files.exists(here) ? here : remote.resolve(each.getKey());
                assertArrayEquals(each.getValue(), Files.readAllBytes(there), when);
            }
        }

        void checkAllIsThere(String when) throws IOException {
            assertEquals(Collections.emptyList(), names(local), when);
            assertEquals(segments.keySet(), new java.util.TreeSet<>(names(remote)), when);
            checkNothingIsLost(when);
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(each -> each.getFileName().toString()).filter(each -> each.endsWith(".seg")).collect(Collectors.toList());
        }
    }

    private static void assertNothingIsTold(Gaps gaps, String when) {
        assertEquals(Collections.emptyMap(), gaps.untold(), when);
        assertEquals(0, gaps.lost(), when);
    }

    @Test
    void whateverFailsTheNextUploadBringsAllOfIt() throws IOException {
        for (String scheme : SCHEMES) {
            for (Fault kind : Fault.values()) {
                int made = kind == Fault.HANG ? 0 : OPERATIONS;
                for (int n = 1; n <= made; n++) {
                    String when = scheme + ", " + kind + " at operation " + n;
                    Spools spools = new Spools(scheme, kind + "-" + n);
                    Gaps first = new Gaps("b");
                    boolean complete = spools.uploader(kind, n).upload(spools.local, first);
                    assertEquals(complete, names(spools.local).isEmpty(), when);
                    assertEquals(complete, first.lastError() == null, when);
                    assertNothingIsTold(first, when);
                    spools.checkNothingIsLost(when);
                    made = run.operations() < n ? n : OPERATIONS;
                    Gaps second = new Gaps("c");
                    assertTrue(spools.uploader(null, 0).upload(spools.local, second), when);
                    spools.checkAllIsThere(when);
                    assertNull(second.lastError(), when);
                    assertNothingIsTold(second, when);
                    assertTrue(n < OPERATIONS, "more operations than are tried");
                }
            }
        }
    }

    @Test
    void whateverHangsTheApplicationEnds() throws IOException {
        for (String scheme : SCHEMES) {
            for (int n = 1; n <= OPERATIONS; n++) {
                String when = scheme + ", operation " + n + " hangs";
                Spools spools = new Spools(scheme, "hang-" + n);
                Gaps first = new Gaps("b");
                Uploader hanging = spools.uploader(Fault.HANG, n);
                Run hung = run;
                Uploads uploads = new Uploads(hanging, spools.local, first);
                Spool spool = new Spool(new SpoolWriter(LocalFiles.INSTANCE, Clock.SYSTEM, spools.local, "e", new byte[] {'{', '}'},
                        30_000, 1L << 40, first), first, Clock.SYSTEM, uploads);
                spool.start();
                long began = System.nanoTime();
                boolean ended = spool.close(300);
                assertTrue(System.nanoTime() - began < TimeUnit.SECONDS.toNanos(3), when);
                if (ended) {
                    assertTrue(hung.operations() < n, when);
                    break;
                }
                for (String own : names(spools.local)) {
                    spools.segments.putIfAbsent(own, Files.readAllBytes(spools.local.resolve(own)));
                }
                for (String own : names(spools.remote)) {
                    spools.segments.putIfAbsent(own, Files.readAllBytes(spools.remote.resolve(own)));
                }
                spools.checkNothingIsLost(when);
                assertTrue(n < OPERATIONS, "more operations than are tried");
                hung.hung.countDown();
                uploads.await(TimeUnit.SECONDS.toNanos(20));
                Gaps second = new Gaps("c");
                Uploads next = new Uploads(spools.uploader(null, 0), spools.local, second);
                assertTrue(next.await(TimeUnit.SECONDS.toNanos(20)), () -> when + ": " + second.lastError());
                spools.checkAllIsThere(when);
                assertNothingIsTold(first, when);
                assertNothingIsTold(second, when);
            }
        }
    }
}
