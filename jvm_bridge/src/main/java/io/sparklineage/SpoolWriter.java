package io.sparklineage;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes entries into segments, one after the other, on one thread; it waits for nothing but the file system, and nothing
 * that the file system throws comes out of it. A segment at which anything has failed is not written to again: another one
 * is opened, at once or a while later, and what could not be written is counted.
 */
final class SpoolWriter {
    static final long SEGMENT_BYTES = 8L << 20;
    static final long FREE_DISK_BYTES = 64L << 20;
    static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long LIFE_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long WARN_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final long CHECK_BYTES = 1 << 20;
    private static final Logger LOG = LoggerFactory.getLogger(SpoolWriter.class);

    /** What who hands an entry over waits for. */
    enum Wait { NOTHING, WRITTEN, SYNCED }

    private final SpoolFiles files;
    private final Clock clock;
    private final Path folder;
    private final String bridge;
    private final byte[] header;
    private final long sealNanos;
    private final Gaps gaps;
    private final SpoolLimit limit;
    private Segment segment;

    /** A segment that failed: its lock is held until the next one is open, so that who reads sees that the writer lives. */
    private Segment retired;
    private int sequence;
    private long checkedBytes;
    private Long retiredAt;
    private long restUntil;
    private long shownAt;
    private Long warnedAt;
    private Throwable problem;
    private volatile long records;
    private volatile long segments;
    private volatile long bytes;

    SpoolWriter(SpoolFiles files, Clock clock, Path folder, String bridge, byte[] header, long sealMillis, long maxBytes,
            Gaps gaps) {
        this.files = files;
        this.clock = clock;
        this.folder = folder;
        this.bridge = bridge;
        this.header = header;
        this.sealNanos = TimeUnit.MILLISECONDS.toNanos(sealMillis);
        this.gaps = gaps;
        this.limit = new SpoolLimit(files, clock, folder, bridge, maxBytes, gaps);
        this.restUntil = clock.nanos();
        this.shownAt = restUntil;
    }

    /** Frames written so far, plans and gaps among them. */
    long records() {
        return records;
    }

    /** Bytes written so far. */
    long bytes() {
        return bytes;
    }

    /** Segments sealed so far. */
    long segments() {
        return segments;
    }

    /** Opens the first segment. Without one nothing is captured, so a disk that fails once is asked again; throws what the second answer was. */
    void open() throws IOException {
        try {
            openSegment();
        } catch (Throwable once) {
            openSegment();
        }
        limit.keep(bytes);
    }

    /** Why the last entry that was not written was not. */
    Throwable problem() {
        return problem;
    }

    /** Writes an entry; false where that cannot be done, and then the caller counts the loss. With SYNCED it is on the disk then. */
    boolean put(Entry entry, Wait wait) {
        return attempt(entry, wait) || segment == null && !rests() && attempt(entry, wait);
    }

    /** What is to be done between entries, and when there are none: show life, tell of losses, seal what is full or old. */
    void tend() {
        try {
            showLife();
            if (segment == null && !rests()) {
                tryToOpen();
            }
            writeGaps(false);
            if (segment != null && (segment.size() >= SEGMENT_BYTES
                    || segment.hasNews() && clock.nanos() - segment.openedAt >= sealNanos)) {
                seal();
            }
        } catch (Throwable unforeseen) {
            failed(unforeseen);
        }
    }

    /**
     * Seals the open segment. The next one is there before: who reads the spool always sees that its writer lives.
     *
     * @return false where something that was written is in no sealed segment
     */
    boolean seal() {
        try {
            if (segment == null && !rests()) {
                tryToOpen();
            }
            writeGaps(true);
            Segment old = segment;
            if (old == null) {
                return false;
            }
            if (!old.hasNews()) {
                return true;
            }
            if (rests() || !tryToOpen()) {
                return false;
            }
            boolean sealed = finish(old);
            limit.keep(bytes);
            return sealed;
        } catch (Throwable unforeseen) {
            failed(unforeseen);
            return false;
        }
    }

    /** Seals the last segment; where that fails, one more is tried, to tell of it. */
    boolean end() {
        boolean sealed = false;
        try {
            for (int i = 0; i < 2 && (segment != null || !gaps.untold().isEmpty() && tryToOpen()); i++) {
                writeGaps(true);
                Segment old = segment;
                segment = null;
                sealed = old != null && finish(old);
            }
        } catch (Throwable unforeseen) {
            failed(unforeseen);
        }
        release();
        return sealed;
    }

    private boolean attempt(Entry entry, Wait wait) {
        try {
            if (segment == null) {
                if (rests()) {
                    return false;
                }
                openSegment();
            }
            checkRoom();
        } catch (Throwable thrown) {
            failed(thrown);
            rest();
            return false;
        }
        Segment open = segment;
        long before = open.size();
        int frames;
        try {
            frames = open.write(entry);
        } catch (Throwable thrown) {
            retire(thrown);
            return false;
        }
        if (wait != Wait.NOTHING && !holds(open, wait)) {
            return false;
        }
        records += frames;
        bytes += open.size() - before;
        return true;
    }

    /** Whether an entry that was just written can be acknowledged; else it is taken back and its segment is let go. */
    private boolean holds(Segment open, Wait wait) {
        try {
            if (!open.isThere()) {
                open.takeBack();
                vanished();
                return false;
            }
            if (wait == Wait.SYNCED) {
                open.forceName();
            }
        } catch (Throwable thrown) {
            open.takeBack();
            retire(thrown);
            return false;
        }
        try {
            if (wait == Wait.SYNCED) {
                open.force();
            }
            return true;
        } catch (Throwable thrown) {
            open.takeBack();
            doubt(open, thrown);
            retire(thrown);
            return false;
        }
    }

    private void openSegment() throws IOException {
        files.makeFolder(folder);
        checkFreeDisk();
        segment = Segment.open(files, folder, bridge, sequence++, header, clock.nanos());
        checkedBytes = 0;
        release();
    }

    private boolean tryToOpen() {
        try {
            openSegment();
            return true;
        } catch (Throwable thrown) {
            failed(thrown);
            rest();
            return false;
        }
    }

    private void checkRoom() throws IOException {
        if (segment.size() - checkedBytes > CHECK_BYTES) {
            checkFreeDisk();
            checkedBytes = segment.size();
        }
    }

    private void checkFreeDisk() throws IOException {
        if (files.usableSpace(folder) < FREE_DISK_BYTES) {
            throw new IOException("the disk of " + folder + " has fewer than 64 MiB free");
        }
    }

    /** The time of the open file is when its writer was last alive: it bounds what a killed application can have done. */
    private void showLife() {
        if (segment == null || clock.nanos() - shownAt < LIFE_NANOS) {
            return;
        }
        shownAt = clock.nanos();
        segment.touch();
        try {
            if (!segment.isThere()) {
                vanished();
            }
        } catch (Throwable cannotBeTold) {
            failed(cannotBeTold);
        }
    }

    /** The folder, or the file, was deleted by somebody: what was in it is lost. Both are made again at once. */
    private void vanished() {
        lose(segment);
        segment.abandon();
        segment = null;
    }

    private void lose(Segment gone) {
        failed(new IOException("the file of a segment is gone, with all that was in it"));
        if (gone.entries() > 0) {
            gaps.add(Gaps.SPOOL_FAILED, gone.entries(), problem);
        }
        gaps.retell(gone.told());
    }

    private void writeGaps(boolean closing) {
        if (segment == null) {
            return;
        }
        for (Gaps.Notice gap : gaps.due(closing)) {
            try {
                segment.write(gap);
                records++;
                gaps.told(gap);
            } catch (Throwable thrown) {
                retire(thrown);
                return;
            }
        }
    }

    /** Brings a segment to the disk and gives it its final name; where that fails what it holds stays readable, mostly. */
    private boolean finish(Segment old) {
        try {
            old.force();
        } catch (Throwable thrown) {
            doubt(old, thrown);
            failed(thrown);
            old.abandon();
            return false;
        }
        try {
            old.seal();
        } catch (Throwable thrown) {
            if (isGone(old)) {
                lose(old);
            } else {
                failed(thrown);
            }
            return false;
        }
        segments++;
        try {
            old.forceName();
        } catch (Throwable thrown) {
            failed(thrown);
        }
        return true;
    }

    private boolean isGone(Segment old) {
        try {
            return old.isGone();
        } catch (Throwable cannotBeTold) {
            return false;
        }
    }

    /** After an fsync that failed nobody knows what of the file is on the disk, and the next one would not tell (fsyncgate). */
    private void doubt(Segment failed, Throwable thrown) {
        if (failed.unforced() > 0) {
            gaps.note(Gaps.SYNC_FAILED, failed.unforced(), thrown);
        }
    }

    /** Lets go of a segment that failed. Another follows at once, but not if one failed just before. */
    private void retire(Throwable thrown) {
        failed(thrown);
        retired = segment;
        segment = null;
        long now = clock.nanos();
        if (retiredAt != null && now - retiredAt < RETRY_NANOS) {
            rest();
        }
        retiredAt = now;
    }

    private void release() {
        if (retired != null) {
            retired.abandon();
            retired = null;
        }
    }

    private boolean rests() {
        return restUntil - clock.nanos() > 0;
    }

    private void rest() {
        restUntil = clock.nanos() + RETRY_NANOS;
    }

    /** Remembers what went wrong, and says it in the log, once a minute at most. */
    private void failed(Throwable thrown) {
        problem = thrown;
        // Nobody may interrupt this thread; whoever did has closed the channel, and would close the next one, too.
        Thread.interrupted();
        try {
            gaps.note(thrown.toString());
            if (warnedAt == null || clock.nanos() - warnedAt >= WARN_NANOS) {
                warnedAt = clock.nanos();
                LOG.warn("The lineage spool failed and is tried again, the job goes on: {}", gaps.lastError());
            }
        } catch (Throwable noWords) {
            // The loss is counted where it happens.
        }
    }
}
