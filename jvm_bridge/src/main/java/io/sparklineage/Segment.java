package io.sparklineage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.CRC32;

/**
 * One append-only file of framed records. While it is written it is locked, and named `.open`. After anything has failed
 * but {@link #touch} nothing more is written to it: who owns it calls {@link #abandon}.
 */
final class Segment {
    static final byte[] MAGIC = "SLSPOOL1".getBytes(StandardCharsets.US_ASCII);
    static final int HEADER_BYTES = 8;

    /** Larger records go out in pieces: the JDK keeps a buffer outside the heap as large as the largest piece. */
    private static final int PIECE_BYTES = 64 << 10;
    private static final int FRUITLESS_WRITES = 10;

    /** When it was opened, in nanoseconds of the spool's clock. */
    final long openedAt;
    private final SpoolFiles files;
    private final Path folder;
    private final Path openPath;
    private final Path sealedPath;
    private final SpoolFiles.Output output;
    private final ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
    private final Set<String> plans = new HashSet<>();
    private final Map<String, Long> told = new TreeMap<>();
    private long size;
    private long frames;
    private long entries;
    private long forced;
    private long sizeBefore;
    private long framesBefore;
    private boolean nameForced;

    private Segment(SpoolFiles files, Path folder, String stem, SpoolFiles.Output output, long openedAt) {
        this.files = files;
        this.folder = folder;
        this.openPath = folder.resolve(stem + ".open");
        this.sealedPath = folder.resolve(stem + ".seg");
        this.output = output;
        this.openedAt = openedAt;
    }

    /** Makes `<bridge>-<sequence>.open`, locks it and writes its first record; leaves nothing where that fails. */
    static Segment open(SpoolFiles files, Path folder, String bridge, int sequence, byte[] header, long now)
            throws IOException {
        String number = Integer.toString(sequence);
        String stem = bridge + "-" + "00000000".substring(Math.min(8, number.length())) + number;
        SpoolFiles.Output output = files.create(folder.resolve(stem + ".open"));
        Segment segment = new Segment(files, folder, stem, output, now);
        try {
            segment.piece.put(MAGIC);
            segment.write(header);
            return segment;
        } catch (IOException | RuntimeException | Error problem) {
            segment.abandon();
            throw problem;
        }
    }

    long size() {
        return size;
    }

    /** Records besides the first, which every segment has. */
    boolean hasNews() {
        return frames > 1;
    }

    /** Entries that it has, without gaps. */
    long entries() {
        return entries;
    }

    /** Entries that are not known to be on the disk. */
    long unforced() {
        return entries - forced;
    }

    /** What its gaps tell of: counts by reason. */
    Map<String, Long> told() {
        return told;
    }

    /**
     * Appends a record and the plans before it that the segment does not have, whole or not at all.
     *
     * @return how many frames that were
     */
    int write(Entry entry) throws IOException {
        int written = 1;
        mark();
        try {
            for (Map.Entry<String, byte[]> plan : entry.plans.entrySet()) {
                if (!plans.contains(plan.getKey())) {
                    write(plan.getValue());
                    plans.add(plan.getKey());
                    written++;
                }
            }
            write(entry.record);
        } catch (IOException | RuntimeException | Error problem) {
            rollBack();
            throw problem;
        }
        entries++;
        return written;
    }

    /** Appends a gap. */
    void write(Gaps.Notice gap) throws IOException {
        mark();
        try {
            write(gap.record);
        } catch (IOException | RuntimeException | Error problem) {
            rollBack();
            throw problem;
        }
        told.merge(gap.reason, gap.count, Long::sum);
    }

    /** Takes back the entry that was written last: what was to be done with it failed. */
    void takeBack() {
        entries--;
        rollBack();
    }

    private void mark() {
        sizeBefore = size;
        framesBefore = frames;
    }

    private void write(byte[] record) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(record, 0, record.length);
        piece.putInt(record.length).putInt((int) crc.getValue());
        int done = 0;
        do {
            int length = Math.min(record.length - done, piece.remaining());
            piece.put(record, done, length);
            done += length;
            append();
        } while (done < record.length);
        frames++;
    }

    private void append() throws IOException {
        piece.flip();
        int length = piece.remaining();
        for (int fruitless = 0; piece.hasRemaining(); ) {
            if (output.write(piece) <= 0 && ++fruitless > FRUITLESS_WRITES) {
                throw new IOException("the system takes no bytes");
            }
        }
        size += length;
        piece.clear();
    }

    /** Where the file cannot be cut either, its reader finds a torn tail, or finds the record twice. */
    private void rollBack() {
        try {
            output.truncate(sizeBefore);
            size = sizeBefore;
            frames = framesBefore;
        } catch (Throwable problem) {
            // What made it necessary is told by who asked for it.
        }
    }

    /** Brings all that was written to the disk. */
    void force() throws IOException {
        output.force();
        forced = entries;
    }

    /** Brings the file's name to the disk, once: without it, what a power cut leaves of the file cannot be found. */
    void forceName() throws IOException {
        if (!nameForced) {
            files.forceFolder(folder);
            nameForced = true;
        }
    }

    /** Makes the file's time now; one that cannot be set stays as it is: how long the writer lived is known less well. */
    void touch() {
        try {
            output.touch();
        } catch (Throwable problem) {
            // Nothing depends on it.
        }
    }

    /** Whether the file has its name still: a folder that is deleted takes its files with it. */
    boolean isThere() throws IOException {
        return files.exists(openPath);
    }

    /** Whether neither its open file nor the sealed one is there. */
    boolean isGone() throws IOException {
        return !files.exists(openPath) && !files.exists(sealedPath);
    }

    /** Gives the file, which was forced, its final name. */
    Path seal() throws IOException {
        try {
            nameForced = false;
            files.rename(openPath, sealedPath);
        } catch (IOException | RuntimeException | Error problem) {
            if (files.exists(openPath) || !files.exists(sealedPath)) {
                throw problem;
            }
        } finally {
            close();
        }
        return sealedPath;
    }

    /** Lets a segment go that cannot be written: what it holds stays readable, and a file that holds nothing goes. */
    void abandon() {
        close();
        if (!hasNews()) {
            try {
                files.delete(openPath);
            } catch (Throwable problem) {
                // An empty segment does no harm.
            }
        }
    }

    private void close() {
        try {
            output.close();
        } catch (Throwable problem) {
            // Nothing more can be done for it; the lock is gone with the descriptor.
        }
    }
}
