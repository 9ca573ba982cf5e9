package io.sparklineage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import java.util.zip.CRC32;

/** One append-only file of framed records. While it is written it is locked, and named `.open`. */
final class Segment {
    static final byte[] MAGIC = "SLSPOOL1".getBytes(StandardCharsets.US_ASCII);
    private static final int HEADER_BYTES = 8;

    final long openedAt;
    private final Path openPath;
    private final Path sealedPath;
    private final FileChannel channel;
    private final Set<String> plans = new HashSet<>();
    private long size;
    private int records;

    private Segment(Path folder, String stem, FileChannel channel, long openedAt) {
        this.openPath = folder.resolve(stem + ".open");
        this.sealedPath = folder.resolve(stem + ".seg");
        this.channel = channel;
        this.openedAt = openedAt;
    }

    /** Makes `<bridge>-<sequence>.open` and locks it. */
    static Segment open(Path folder, String bridge, int sequence, long now) throws IOException {
        String stem = String.format("%s-%08d", bridge, sequence);
        FileChannel channel = FileChannel.open(folder.resolve(stem + ".open"),
                StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        Segment segment = new Segment(folder, stem, channel, now);
        try {
            if (channel.tryLock() == null) {
                throw new IOException("another process holds the lock of " + segment.openPath);
            }
            segment.append(ByteBuffer.wrap(MAGIC));
            return segment;
        } catch (IOException | RuntimeException problem) {
            channel.close();
            Files.deleteIfExists(segment.openPath);
            throw problem;
        }
    }

    long size() {
        return size;
    }

    /** Records besides the first, which every segment has. */
    boolean hasNews() {
        return records > 1;
    }

    boolean hasPlan(String hash) {
        return plans.contains(hash);
    }

    void writePlan(String hash, byte[] record) throws IOException {
        write(record);
        plans.add(hash);
    }

    /** Appends one frame, or leaves the file as it was. */
    void write(byte[] record) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(record, 0, record.length);
        ByteBuffer frame = ByteBuffer.allocate(HEADER_BYTES + record.length);
        frame.putInt(record.length).putInt((int) crc.getValue()).put(record);
        frame.flip();
        append(frame);
        records++;
    }

    private void append(ByteBuffer bytes) throws IOException {
        int length = bytes.remaining();
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            size += length;
        } catch (IOException problem) {
            channel.truncate(size);
            throw problem;
        }
    }

    void force() throws IOException {
        channel.force(false);
    }

    /**
     * Makes the file's time now by writing its first byte again; one that cannot be set stays as it is. Setting the time by
     * the file's name would open and close it, and closing any of its descriptors gives up the process's lock (fcntl).
     */
    void touch() {
        try {
            channel.write(ByteBuffer.wrap(MAGIC, 0, 1), 0);
        } catch (IOException problem) {
            // Only how long the writer lived is known less well.
        }
    }

    /** Brings the file to the disk and gives it its final name. */
    Path seal() throws IOException {
        try {
            channel.force(true);
            Files.move(openPath, sealedPath, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            channel.close();
        }
        return sealedPath;
    }

    /** Gives up a segment that cannot be written: what it holds stays readable. */
    void abandon() {
        try {
            channel.close();
        } catch (IOException problem) {
            // Nothing more can be done for it; the lock is gone with the channel.
        }
    }
}
