package io.sparklineage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes records into segments on a thread of its own, behind a queue that is bounded in records and bytes.
 * What cannot be written is counted and forgotten: the job goes on.
 */
final class Spool {
    static final int RECORD_LIMIT = 60 << 20;
    private static final int QUEUE_LIMIT = 10_000;
    private static final long QUEUE_BYTE_LIMIT = 128L << 20;
    private static final long SEGMENT_BYTES = 8L << 20;
    private static final long FREE_DISK_BYTES = 64L << 20;
    private static final long RETRY_MILLIS = 5_000;
    private static final long POLL_MILLIS = 500;
    private static final long LIFE_MILLIS = 1_000;

    /** An entry, or a wish to seal: then `sealed` is counted down when it is done. */
    private static final class Task {
        final Entry entry;
        final CountDownLatch sealed;
        final boolean last;

        /** Counted down when the entry is written, or cannot be; null where nobody waits for it. */
        CountDownLatch written;

        /** Whether the entry must be on the disk then. */
        boolean force;

        Task(Entry entry, CountDownLatch sealed, boolean last) {
            this.entry = entry;
            this.sealed = sealed;
            this.last = last;
        }
    }

    private final Path folder;
    private final String bridge;
    private final byte[] header;
    private final long sealMillis;
    private final Gaps gaps;
    private final Uploader uploader;
    private final LinkedBlockingQueue<Task> queue = new LinkedBlockingQueue<>();
    private final AtomicLong queuedBytes = new AtomicLong();
    private final AtomicLong records = new AtomicLong();
    private final AtomicLong segments = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();
    private final Meter.ThreadTime time = new Meter.ThreadTime();
    private final Thread thread;
    private Segment segment;
    private int sequence;
    private long checkedBytes;
    private long retryAt;
    private long shownAt;
    private volatile boolean closed;

    private Spool(Path folder, String bridge, byte[] header, long sealMillis, Gaps gaps, Uploader uploader) {
        this.folder = folder;
        this.bridge = bridge;
        this.header = header;
        this.sealMillis = sealMillis;
        this.gaps = gaps;
        this.uploader = uploader;
        this.thread = new Thread(this::run, "spark-lineage-writer");
        this.thread.setDaemon(true);
    }

    /**
     * Opens the first segment, which begins with `header`, and starts the thread.
     *
     * @param uploader takes the sealed segments, or null where the spool is local
     * @throws IOException where the folder or the segment cannot be made
     */
    static Spool open(Path folder, String bridge, byte[] header, long sealMillis, Gaps gaps, Uploader uploader)
            throws IOException {
        Files.createDirectories(folder);
        Spool spool = new Spool(folder, bridge, header, sealMillis, gaps, uploader);
        spool.segment = spool.openSegment();
        spool.thread.start();
        return spool;
    }

    long records() {
        return records.get();
    }

    long segments() {
        return segments.get();
    }

    /** Adds what the spool holds, has written and has cost. */
    void measure(Meter meter) {
        meter.with("records", records::get).with("segments", segments::get).with("written_bytes", bytes::get)
                .with("queued_records", queue::size).with("queued_bytes", queuedBytes::get).with("writer_nanos", time);
    }

    boolean isAlive() {
        return !closed && thread.isAlive();
    }

    /** Queues an entry; false, and a counted loss, where there is no room for it. */
    boolean offer(Entry entry) {
        return offer(new Task(entry, null, false));
    }

    /** Queues an entry and waits until it is with the system (with `force`: on the disk); false where that takes longer. */
    boolean write(Entry entry, boolean force, long timeoutMillis) {
        Task task = new Task(entry, null, false);
        task.written = new CountDownLatch(1);
        task.force = force;
        if (!offer(task)) {
            return false;
        }
        try {
            return task.written.await(timeoutMillis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return true;
        }
    }

    private boolean offer(Task task) {
        Entry entry = task.entry;
        long size = entry.size();
        if (entry.record.length > RECORD_LIMIT) {
            gaps.add(Gaps.TOO_LARGE, 1, null);
            return false;
        }
        if (closed || queue.size() >= QUEUE_LIMIT || queuedBytes.get() + size > QUEUE_BYTE_LIMIT) {
            gaps.add(Gaps.QUEUE_FULL, 1, null);
            return false;
        }
        queuedBytes.addAndGet(size);
        queue.add(task);
        return true;
    }

    /** Writes all that is queued and seals the open segment; false where that takes longer. */
    boolean seal(long timeoutMillis) {
        return await(false, timeoutMillis);
    }

    /** Like {@link #seal}, and then ends the thread. */
    boolean close(long timeoutMillis) {
        return closed || await(true, timeoutMillis);
    }

    private boolean await(boolean last, long timeoutMillis) {
        if (!thread.isAlive()) {
            return closed;
        }
        CountDownLatch sealed = new CountDownLatch(1);
        queue.add(new Task(null, sealed, last));
        try {
            return sealed.await(timeoutMillis, TimeUnit.MILLISECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void run() {
        time.here();
        while (!closed) {
            try {
                Task task = queue.poll(POLL_MILLIS, TimeUnit.MILLISECONDS);
                showLife();
                if (task == null) {
                    sealIfOld();
                } else if (task.entry != null) {
                    queuedBytes.addAndGet(-task.entry.size());
                    writeTask(task);
                } else {
                    sealFor(task);
                }
            } catch (Throwable problem) {
                gaps.add(Gaps.SPOOL_FAILED, 1, problem);
            }
        }
    }

    private void writeTask(Task task) {
        try {
            write(task.entry);
            if (task.force && segment != null) {
                segment.force();
            }
        } catch (IOException problem) {
            fail(problem);
        } finally {
            if (task.written != null) {
                task.written.countDown();
            }
        }
    }

    /** The time of the open file is when its writer was last alive: it bounds what a killed application can have done. */
    private void showLife() {
        long now = System.currentTimeMillis();
        if (segment != null && now - shownAt >= LIFE_MILLIS) {
            shownAt = now;
            segment.touch();
        }
    }

    private void sealFor(Task task) {
        try {
            sealSegment(task.last);
        } finally {
            closed |= task.last;
            task.sealed.countDown();
        }
    }

    private void write(Entry entry) {
        try {
            Segment open = segment();
            long before = open.size();
            for (Map.Entry<String, byte[]> plan : entry.plans.entrySet()) {
                if (!open.hasPlan(plan.getKey())) {
                    open.writePlan(plan.getKey(), plan.getValue());
                    records.incrementAndGet();
                }
            }
            open.write(entry.record);
            records.incrementAndGet();
            writeGaps(open, false);
            bytes.addAndGet(open.size() - before);
            if (open.size() >= SEGMENT_BYTES) {
                sealSegment(false);
            } else {
                sealIfOld();
            }
        } catch (IOException | RuntimeException problem) {
            fail(problem);
        }
    }

    private Segment segment() throws IOException {
        if (segment == null) {
            if (System.currentTimeMillis() < retryAt) {
                throw new IOException("the spool failed a moment ago; it is tried again soon");
            }
            segment = openSegment();
        }
        if (segment.size() - checkedBytes > 1 << 20) {
            checkFreeDisk();
            checkedBytes = segment.size();
        }
        return segment;
    }

    private Segment openSegment() throws IOException {
        checkFreeDisk();
        Segment opened = Segment.open(folder, bridge, sequence++, System.currentTimeMillis());
        checkedBytes = 0;
        try {
            opened.write(header);
        } catch (IOException problem) {
            opened.abandon();
            throw problem;
        }
        return opened;
    }

    private void checkFreeDisk() throws IOException {
        long free = Files.getFileStore(folder).getUsableSpace();
        if (free < FREE_DISK_BYTES) {
            throw new IOException("the disk of " + folder + " has fewer than 64 MiB free");
        }
    }

    private void writeGaps(Segment open, boolean closing) throws IOException {
        for (byte[] gap : gaps.due(System.currentTimeMillis(), closing)) {
            open.write(gap);
            records.incrementAndGet();
        }
    }

    private void sealIfOld() {
        if (segment != null && segment.hasNews() && System.currentTimeMillis() - segment.openedAt >= sealMillis) {
            sealSegment(false);
        }
    }

    /** The next segment is there before this one is sealed: who reads the spool always sees that its writer lives. */
    private void sealSegment(boolean last) {
        if (segment == null) {
            return;
        }
        try {
            writeGaps(segment, true);
            if (!segment.hasNews() && !last) {
                return;
            }
            Segment open = segment;
            segment = last ? null : openSegment();
            open.seal();
            segments.incrementAndGet();
        } catch (IOException | RuntimeException problem) {
            fail(problem);
        }
        if (uploader != null) {
            uploader.upload(folder, bridge, gaps);
        }
    }

    private void fail(Exception problem) {
        gaps.add(Gaps.SPOOL_FAILED, 1, problem);
        if (segment != null) {
            segment.abandon();
            segment = null;
        }
        retryAt = System.currentTimeMillis() + RETRY_MILLIS;
    }
}
