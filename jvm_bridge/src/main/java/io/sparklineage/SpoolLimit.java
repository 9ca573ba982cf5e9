package io.sparklineage;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Keeps a spool that nobody ingests from below its maximum: the oldest segments go first, and what was in them is counted. */
final class SpoolLimit {
    private static final String REASON = "the spool is larger than spark.lineage.spoolMaxBytes, so its oldest segments were deleted";

    /** What an ingest holds the lock of. */
    private static final String INGEST_LOCK = "ingest.lock";

    /** So much of a record is looked at: its kind stands in front. */
    private static final int START_BYTES = 64;
    private static final int GAP_BYTES = 4_096;
    private static final Pattern KIND = Pattern.compile("\"kind\":\"(\\w+)\"");
    private static final Pattern COUNT = Pattern.compile("\"count\":(\\d{1,18})");

    /** A folder of many small segments takes a while to list, so it is not listed where it cannot have become too large since. */
    private static final long LIST_NANOS = TimeUnit.MINUTES.toNanos(10);
    private static final int WRITERS = 16;

    private final SpoolFiles files;
    private final Clock clock;
    private final Path folder;
    private final String bridge;
    private final long maxBytes;
    private final Gaps gaps;
    private long listedAt;
    private long writtenThen;
    private long room = -1;

    SpoolLimit(SpoolFiles files, Clock clock, Path folder, String bridge, long maxBytes, Gaps gaps) {
        this.files = files;
        this.clock = clock;
        this.folder = folder;
        this.bridge = bridge;
        this.maxBytes = maxBytes;
        this.gaps = gaps;
    }

    /**
     * Deletes what is too much. Segments that a writer has open stay, and so do those that cannot be read; while an ingest
     * reads them all stay until the next time.
     *
     * @param written bytes that this writer has written so far
     */
    void keep(long written) {
        if (written - writtenThen < room / WRITERS && clock.nanos() - listedAt < LIST_NANOS) {
            return;
        }
        try {
            listedAt = clock.nanos();
            writtenThen = written;
            List<SpoolFiles.Listed> all = files.list(folder, ".seg", ".open");
            long bytes = all.stream().mapToLong(each -> each.size).sum();
            room = maxBytes - bytes;
            if (room >= 0) {
                return;
            }
            try (Closeable lock = files.lock(folder.resolve(INGEST_LOCK))) {
                if (lock != null) {
                    dropOldest(all, bytes);
                }
            }
        } catch (Throwable problem) {
            gaps.note("the size of the spool could not be kept: " + problem);
        }
    }

    private void dropOldest(List<SpoolFiles.Listed> all, long bytes) {
        all.sort(Comparator.<SpoolFiles.Listed>comparingLong(each -> each.modified)
                .thenComparing(each -> each.path.getFileName().toString()));
        long left = bytes;
        for (SpoolFiles.Listed each : all) {
            if (left > maxBytes && drop(each)) {
                left -= each.size;
            }
        }
    }

    private boolean drop(SpoolFiles.Listed segment) {
        String name = segment.path.getFileName().toString();
        try {
            // A file without bytes was just made, and will be locked.
            if (name.endsWith(".open") && (segment.size == 0 || files.isLocked(segment.path))) {
                return false;
            }
            Content content = new Content();
            try (SeekableByteChannel file = files.read(segment.path)) {
                content.count(file);
            }
            files.delete(segment.path);
            // What its gaps told of is counted as lost already, where it was this application's.
            long losses = name.startsWith(bridge + "-") ? content.records : 0;
            gaps.note(Gaps.SPOOL_FULL, losses, content.records + content.told, REASON);
            return true;
        } catch (Throwable problem) {
            gaps.note("a segment could not be deleted from a full spool: " + problem);
            return false;
        }
    }

    /** What a segment has, without its application and its plans. */
    static final class Content {
        long records;

        /** What its gaps tell of. */
        long told;

        void count(SeekableByteChannel file) throws IOException {
            ByteBuffer start = ByteBuffer.allocate(Segment.HEADER_BYTES + START_BYTES);
            for (long at = Segment.MAGIC.length; at + Segment.HEADER_BYTES < file.size(); ) {
                read(file, at, start);
                long length = Integer.toUnsignedLong(start.getInt(0));
                if (length == 0 || at + Segment.HEADER_BYTES + length > file.size()) {
                    break;
                }
                Matcher kind = KIND.matcher(text(start));
                String found = kind.find() ? kind.group(1) : "";
                if (found.equals("gap")) {
                    told += told(file, at, (int) Math.min(length, GAP_BYTES));
                } else if (!found.equals("application") && !found.equals("plan")) {
                    records++;
                }
                at += Segment.HEADER_BYTES + length;
            }
        }

        private static long told(SeekableByteChannel file, long at, int length) throws IOException {
            ByteBuffer gap = ByteBuffer.allocate(Segment.HEADER_BYTES + length);
            read(file, at, gap);
            Matcher count = COUNT.matcher(text(gap));
            return count.find() ? Long.parseLong(count.group(1)) : 1;
        }
    }

    private static void read(SeekableByteChannel file, long at, ByteBuffer into) throws IOException {
        into.clear();
        file.position(at);
        while (into.hasRemaining() && file.read(into) >= 0) {
            // until it is full, or the file ends
        }
        into.flip();
        if (into.limit() < Segment.HEADER_BYTES) {
            throw new IOException("the segment became shorter");
        }
    }

    private static String text(ByteBuffer frame) {
        return new String(frame.array(), Segment.HEADER_BYTES, frame.limit() - Segment.HEADER_BYTES,
                StandardCharsets.ISO_8859_1);
    }
}
