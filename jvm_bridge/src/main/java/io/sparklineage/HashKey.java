package io.sparklineage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.concurrent.TimeoutException;

/** The file with the key of the HMAC of literals: hex digits, made where there is none. */
final class HashKey {
    private static final int FILE_BYTES = 4_096;
    private static final long WAIT_MILLIS = 2_000;

    private HashKey() {
    }

    /**
     * The key in a file, on a thread of its own: the program waits here, and a folder on a network that is gone does not answer.
     *
     * @throws IOException where it cannot be read or made, or that takes longer than two seconds
     * @throws IllegalArgumentException where the file holds no key
     */
    static byte[] of(Path file) throws IOException {
        try {
            return Aside.call("spark-lineage-key", WAIT_MILLIS, () -> readOrMake(file));
        } catch (TimeoutException late) {
            throw new IOException(named(file) + ", which does not answer within 2 seconds");
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException(named(file) + ", and its reading was interrupted");
        } catch (IOException | RuntimeException problem) {
            throw problem;
        } catch (Exception problem) {
            throw new IOException(problem);
        }
    }

    private static String named(Path file) {
        return "spark.lineage.hashKeyFile is '" + file + "'";
    }

    private static byte[] readOrMake(Path file) throws IOException {
        if (!Files.exists(file)) {
            make(file);
        }
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException(named(file) + ", which is no regular file");
        }
        String text = StandardCharsets.US_ASCII.decode(read(file)).toString().trim();
        if (!text.matches("([0-9a-fA-F]{2}){16,}")) {
            throw new IllegalArgumentException(named(file) + ", which does not hold at least 16 bytes as hex digits");
        }
        return Hashes.fromHex(text);
    }

    private static ByteBuffer read(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(FILE_BYTES + 1);
        try (SeekableByteChannel in = Files.newByteChannel(file)) {
            while (bytes.hasRemaining() && in.read(bytes) >= 0) {
                // until the file ends, or is too long
            }
        }
        if (!bytes.hasRemaining()) {
            throw new IllegalArgumentException(named(file) + ", which is longer than 4096 bytes");
        }
        bytes.flip();
        return bytes;
    }

    /** Written aside and linked into place: two applications that start at once agree on one key. */
    private static void make(Path file) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        LocalFiles.INSTANCE.makeFolder(folder);
        byte[] key = new byte[32];
        new SecureRandom().nextBytes(key);
        Path draft = Files.createTempFile(folder, "hash", ".key",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try {
            Files.write(draft, Hashes.toHex(key).getBytes(StandardCharsets.US_ASCII));
            Files.createLink(file, draft);
        } catch (FileAlreadyExistsException madeByAnother) {
            return;
        } finally {
            Files.delete(draft);
        }
    }
}
