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
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UploaderTest {
    @TempDir
    Path local;

    @TempDir
    Path remote;

    private final Gaps gaps = new Gaps("b");

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

    @Test
    void neverReplacesWhatIsThere() throws IOException {
        Files.write(remote.resolve("b-00000000.seg"), "another".getBytes(StandardCharsets.UTF_8));
        new Uploader(remote.toUri().toString(), new Configuration()).upload(local, gaps);
        assertEquals("another", content(remote.resolve("b-00000000.seg")));
        assertEquals("sealed", content(local.resolve("b-00000000.seg")));
        assertTrue(gaps.lastError().contains("is there already and differs"), gaps.lastError());
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
}
