package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class UploaderTest {
    @TempDir
    Path local;

    @TempDir
    Path remote;

    private final Gaps gaps = new Gaps("b");
    private final LogLines log = new LogLines(Uploader.class);

    @AfterEach
    void listenNoMore() {
        log.close();
    }

    @BeforeEach
    void aSealedAndAnOpenSegment() throws IOException {
        Files.write(local.resolve("b-00000000.seg"), "sealed".getBytes(StandardCharsets.UTF_8));
        Files.write(local.resolve("b-00000001.open"), "open".getBytes(StandardCharsets.UTF_8));
    }

    private String content(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    @Test
    void movesSealedSegmentsAlone() throws IOException {
        new Uploader(remote.toUri().toString(), new Configuration()).upload(local, gaps);
        assertEquals("sealed", content(remote.resolve("b-00000000.seg")));
        assertFalse(Files.exists(local.resolve("b-00000000.seg")));
        assertTrue(Files.exists(local.resolve("b-00000001.open")));
        assertFalse(Files.exists(remote.resolve("b-00000001.open")));
        assertNull(gaps.lastError());
    }

    @Test
    void theRemoteSpoolIsTheOwnersAlone() throws IOException {
        Path made = remote.resolve("spool");
        assertTrue(new Uploader(made.toUri().toString(), new Configuration()).upload(local, gaps));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(made)));
        assertEquals("rw-------",
                PosixFilePermissions.toString(Files.getPosixFilePermissions(made.resolve("b-00000000.seg"))));
    }

    @Test
    void uploadsWhatAnApplicationBeforeCouldNot() throws IOException {
        Files.write(local.resolve("a-00000004.seg"), "left".getBytes(StandardCharsets.UTF_8));
        Uploads uploads = new Uploads(new Uploader(remote.toUri().toString(), new Configuration()), local, gaps);
        uploads.wake();
        assertTrue(uploads.await(TimeUnit.SECONDS.toNanos(20)));
        assertEquals("left", content(remote.resolve("a-00000004.seg")));
        assertEquals("sealed", content(remote.resolve("b-00000000.seg")));
        assertNull(gaps.lastError());
    }

    /** Uploads whose first threads are those, and whose others are ordinary ones. */
    private Uploads uploads(List<ThreadFactory> first) {
        Iterator<ThreadFactory> left = first.iterator();
        return new Uploads(new Uploader(remote.toUri().toString(), new Configuration()), local, gaps,
                work -> left.hasNext() ? left.next().newThread(work) : new Thread(work));
    }

    private void assertTheNextUploads(Uploads uploads) throws IOException {
        assertTrue(uploads.await(TimeUnit.SECONDS.toNanos(20)));
        assertEquals("sealed", content(remote.resolve("b-00000000.seg")));
        assertEquals(0, gaps.lost());
        assertEquals(Collections.emptyMap(), gaps.untold());
    }

    @Test
    @Timeout(60)
    void aThreadThatCannotBeStartedFailsNoCallerAndTheNextIsTried() throws IOException {
        ThreadFactory none = work -> new Thread(work) {
            @Override
            public void start() {
                throw new InternalError("unable to create native thread");
            }
        };
        ThreadFactory refused = work -> {
            throw new SecurityException("no thread");
        };
        Uploads uploads = uploads(Arrays.asList(none, none, refused));
        uploads.wake();
        assertFalse(uploads.await(TimeUnit.HOURS.toNanos(1)), "nobody waits for a thread that is not there");
        assertEquals("the upload to the remote spool failed and is tried again: java.lang.InternalError: unable to create native thread",
                gaps.lastError());
        assertFalse(uploads.await(TimeUnit.HOURS.toNanos(1)));
        assertEquals(1, log.lines.size(), "said once");
        assertTheNextUploads(uploads);
    }

    /** The thread's end is all that is known of it: its wish is there still. */
    @Test
    @Timeout(60)
    void aThreadThatHasEndedIsReplacedByTheNextSegment() throws Exception {
        List<Thread> made = new ArrayList<>();
        ThreadFactory stillborn = work -> {
            made.add(new Thread());
            return made.get(0);
        };
        Uploads uploads = uploads(Collections.singletonList(stillborn));
        uploads.wake();
        made.get(0).join();
        uploads.wake();
        while (!Files.exists(remote.resolve("b-00000000.seg"))) {
            Thread.sleep(10);
        }
        assertTheNextUploads(uploads);
    }

    /** Two wait, the second of them while the upload of the first is under way. */
    @Test
    @Timeout(60)
    void anErrorOnTheThreadFailsWhoeverWaitsAndTheNextIsTried() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch asked = new CountDownLatch(1);
        Uploader broken = new Uploader(remote.toUri().toString(), new Configuration()) {
            @Override
            boolean upload(Path folder, Gaps gaps) {
                if (begun.getCount() == 0) {
                    return super.upload(folder, gaps);
                }
                begun.countDown();
                awaitUninterrupted(asked);
                throw new NoClassDefFoundError("fault");
            }
        };
        Uploads uploads = new Uploads(broken, local, gaps);
        List<Boolean> answers = Collections.synchronizedList(new ArrayList<>());
        Thread first = new Thread(() -> answers.add(uploads.await(TimeUnit.HOURS.toNanos(1))));
        Thread second = new Thread(() -> answers.add(uploads.await(TimeUnit.HOURS.toNanos(1))));
        first.start();
        begun.await();
        second.start();
        while (second.getState() != Thread.State.TIMED_WAITING) {
            Thread.sleep(10);
        }
        asked.countDown();
        first.join();
        second.join();
        assertEquals(Arrays.asList(false, false), answers);
        assertEquals("the upload to the remote spool failed and is tried again: java.lang.NoClassDefFoundError: fault", gaps.lastError());
        assertTheNextUploads(uploads);
    }

    private static void awaitUninterrupted(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException nobodyDoes) {
            throw new IllegalStateException(nobodyDoes);
        }
    }

    /** Also where it is as long, and where the segment is only the beginning of it. */
    @Test
    void neverReplacesWhatIsThereAndUploadsTheOthers() throws IOException {
        for (String other : new String[] {"other!", "seal", "sealed and more"}) {
            Files.write(local.resolve("b-00000000.seg"), "sealed".getBytes(StandardCharsets.UTF_8));
            Files.write(local.resolve("b-00000002.seg"), other.getBytes(StandardCharsets.UTF_8));
            String there = other.equals("seal") ? "seaL" : other;
            Files.write(remote.resolve("b-00000000.seg"), there.getBytes(StandardCharsets.UTF_8));
            Gaps told = new Gaps("b");
            Uploader uploader = new Uploader(remote.toUri().toString(), new Configuration());
            assertFalse(uploader.upload(local, told));
            assertFalse(uploader.upload(local, told));
            assertEquals(there, content(remote.resolve("b-00000000.seg")));
            assertEquals("sealed", content(local.resolve("b-00000000.seg")));
            assertEquals(other, content(remote.resolve("b-00000002.seg")));
            Files.delete(remote.resolve("b-00000002.seg"));
            assertEquals(Collections.singletonMap("upload_conflict", 1L), told.untold());
            assertEquals(0, told.lost());
            assertTrue(told.lastError().contains("is there already and differs"), told.lastError());
        }
    }

    @Test
    void writesAgainWhatIsTorn() throws IOException {
        Files.write(remote.resolve("b-00000000.seg"), "seal".getBytes(StandardCharsets.UTF_8));
        assertTrue(new Uploader(remote.toUri().toString(), new Configuration()).upload(local, gaps));
        assertEquals("sealed", content(remote.resolve("b-00000000.seg")));
        assertFalse(Files.exists(local.resolve("b-00000000.seg")));
        assertNull(gaps.lastError());
    }

    @Test
    void removesWhatWasUploadedBefore() throws IOException {
        Files.write(remote.resolve("b-00000000.seg"), "sealed".getBytes(StandardCharsets.UTF_8));
        new Uploader(remote.toUri().toString(), new Configuration()).upload(local, gaps);
        assertFalse(Files.exists(local.resolve("b-00000000.seg")));
        assertNull(gaps.lastError());
    }

    @Test
    void keepsWhatItCannotUpload() {
        new Uploader("noscheme-at-all://host/spool", new Configuration()).upload(local, gaps);
        assertTrue(Files.exists(local.resolve("b-00000000.seg")));
        assertTrue(gaps.lastError().startsWith("the upload to the remote spool failed"), gaps.lastError());
    }

    /** A scheme that no file system has fails like a network does: when the first segment is to go there. */
    @Test
    void theLogSaysOnceThatItFailsAndNoSecretOfTheAddress() throws IOException {
        Uploader uploader = new Uploader("noscheme://ann:hunter2@host/spool?token=hunter3", new Configuration());
        assertFalse(uploader.upload(local, gaps));
        assertFalse(uploader.upload(local, gaps));
        assertEquals(Collections.singletonList(
                "WARN The upload to the remote spool noscheme://host/spool failed and is tried again, "
                + "the job goes on: org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme ?"), log.lines);
    }

    @Test
    void theLogOfAnUploadThatFailedNamesTheFileWithoutSecrets() throws IOException {
        Files.write(remote.resolve("b-00000000.seg"), "another".getBytes(StandardCharsets.UTF_8));
        String target = remote.toUri().toString();
        assertFalse(new Uploader(target, new Configuration()).upload(local, gaps));
        assertEquals(1, log.lines.size());
        assertTrue(log.lines.get(0).endsWith("is there already and differs from the segment"), log.lines.get(0));
    }

    @Test
    void theLogIsSilentWhereAllIsUploaded() {
        assertTrue(new Uploader(remote.toUri().toString(), new Configuration()).upload(local, gaps));
        assertEquals(Collections.emptyList(), log.lines);
    }
}
