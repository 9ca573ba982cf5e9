package io.sparklineage;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands entries to a {@link SpoolWriter} on a thread of its own, behind a queue that is bounded in records and bytes.
 * What cannot be written is counted and forgotten: the job goes on. Every wait is bounded, however long the disk takes.
 */
final class Spool {
    static final int RECORD_LIMIT = 60 << 20;
    static final int QUEUE_LIMIT = 10_000;
    private static final long POLL_MILLIS = 500;
    private static final long OPEN_MILLIS = 2_000;

    /** At most 128 MiB, and in a small heap a sixteenth of it. */
    static final long QUEUE_BYTE_LIMIT = Math.min(128L << 20, Runtime.getRuntime().maxMemory() / 16);

    private static final Logger LOG = LoggerFactory.getLogger(Spool.class);

    /** What became of an entry: WAITS is in the queue still, though nobody waits for it any more. */
    enum Outcome { WRITTEN, LOST, WAITS }

    /** An entry, or a wish to seal, on its way through the queue. */
    static final class Task {
        final Entry entry;
        final SpoolWriter.Wait wait;
        final boolean last;
        private final CountDownLatch done = new CountDownLatch(1);
        private final AtomicReference<Outcome> outcome = new AtomicReference<>(Outcome.WAITS);

        private Task(Entry entry, SpoolWriter.Wait wait, boolean last) {
            this.entry = entry;
            this.wait = wait;
            this.last = last;
        }

        Outcome outcome() {
            return outcome.get();
        }

        private boolean settle(Outcome settled) {
            boolean first = outcome.compareAndSet(Outcome.WAITS, settled);
            done.countDown();
            return first;
        }

        private void await(long nanos) {
            try {
                done.await(nanos, TimeUnit.NANOSECONDS);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private enum Opening { UNDER_WAY, OPEN, FAILED, NOT_AWAITED }

    private final SpoolWriter writer;
    private final Gaps gaps;
    private final Clock clock;
    private final Uploads uploads;
    private final LinkedBlockingQueue<Task> queue = new LinkedBlockingQueue<>();
    private final AtomicLong queuedBytes = new AtomicLong();
    private final AtomicLong offered = new AtomicLong();
    private final AtomicLong written = new AtomicLong();
    private final Meter.ThreadTime time = new Meter.ThreadTime();
    private final AtomicReference<Opening> opening = new AtomicReference<>(Opening.UNDER_WAY);
    private final CountDownLatch opened = new CountDownLatch(1);
    private Throwable openingFailure;
    private Thread thread;
    private long uploaded;
    private Task closing;
    private long closedBy;
    private boolean warned;
    private volatile Task inHand;
    private volatile boolean closed;

    /** @param uploads takes the sealed segments, or null where the spool is local */
    Spool(SpoolWriter writer, Gaps gaps, Clock clock, Uploads uploads) {
        this.writer = writer;
        this.gaps = gaps;
        this.clock = clock;
        this.uploads = uploads;
    }

    /**
     * Starts the thread, which opens the first segment.
     *
     * @throws IOException where the folder or the segment cannot be made; where that takes long it is not waited for
     */
    void start() throws IOException {
        thread = new Thread(this::run, "spark-lineage-writer");
        thread.setDaemon(true);
        thread.start();
        try {
            opened.await(OPEN_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        if (opening.compareAndSet(Opening.UNDER_WAY, Opening.NOT_AWAITED)) {
            LOG.warn("The lineage spool does not answer, the job goes on: what it has no room for will be lost");
        } else if (opening.get() == Opening.FAILED) {
            closed = true;
            throw openingFailure instanceof IOException ? (IOException) openingFailure : new IOException(openingFailure);
        }
    }

    long records() {
        return writer.records();
    }

    long segments() {
        return writer.segments();
    }

    /** Entries that were handed over, refused ones among them. */
    long offered() {
        return offered.get();
    }

    /** Entries that are in a segment. */
    long written() {
        return written.get();
    }

    /** Bytes of the entries that are not written yet. */
    long queuedBytes() {
        return queuedBytes.get();
    }

    /** Adds what the spool holds, has written and has cost. */
    void measure(Meter meter) {
        meter.with("records", this::records).with("segments", this::segments).with("written_bytes", writer::bytes)
                .with("queued_records", queue::size).with("queued_bytes", queuedBytes::get).with("writer_nanos", time);
    }

    boolean isAlive() {
        return !closed && thread != null && thread.isAlive();
    }

    /** Queues an entry; false, and a counted loss, where there is no room for it. */
    boolean offer(Entry entry) {
        return queue(entry, SpoolWriter.Wait.NOTHING).outcome() != Outcome.LOST;
    }

    /** Queues an entry and waits until it is with the system (with `force`: on the disk), for so long at most. */
    Outcome write(Entry entry, boolean force, long timeoutMillis) {
        Task task = queue(entry, force ? SpoolWriter.Wait.SYNCED : SpoolWriter.Wait.WRITTEN);
        task.await(TimeUnit.MILLISECONDS.toNanos(timeoutMillis));
        return task.outcome();
    }

    /** Queues an entry; its outcome is LOST where there is no room for it. */
    Task queue(Entry entry, SpoolWriter.Wait wait) {
        Task task = new Task(entry, wait, false);
        offered.incrementAndGet();
        if (entry.record.length > RECORD_LIMIT) {
            lose(task, Gaps.TOO_LARGE, null);
        } else if (closed || queue.size() >= QUEUE_LIMIT || !reserve(entry.size())) {
            lose(task, Gaps.QUEUE_FULL, null);
        } else {
            queue.add(task);
            // Closed since it was looked at: whoever takes the task out of the queue counts it.
            if (closed && queue.remove(task)) {
                queuedBytes.addAndGet(-entry.size());
                lose(task, Gaps.QUEUE_FULL, null);
            }
        }
        return task;
    }

    private boolean reserve(long size) {
        if (queuedBytes.addAndGet(size) <= QUEUE_BYTE_LIMIT) {
            return true;
        }
        queuedBytes.addAndGet(-size);
        return false;
    }

    /** Counts an entry, unless it was written or counted before; rather twice than never where that cannot be told. */
    private void lose(Task task, String reason, Object why) {
        boolean isFirst = true;
        try {
            isFirst = task.settle(Outcome.LOST);
        } catch (Throwable worse) {
            // Who waits for it waits until the time is up.
        }
        if (isFirst) {
            gaps.add(reason, 1, why);
        }
    }

    /** Writes all that is queued, seals the open segment and uploads it; false where that fails or takes longer. */
    boolean seal(long timeoutMillis) {
        long until = clock.nanos() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
        Task task = isAlive() ? askToSeal() : closing;
        if (task == null) {
            return false;
        }
        task.await(until - clock.nanos());
        return task.outcome() == Outcome.WRITTEN && (uploads == null || uploads.await(until - clock.nanos()));
    }

    /**
     * Like {@link #seal}, and then ends the thread. All callers together wait so long at most, from the first call on; what
     * is not written by then is lost, counted, and named in the log.
     */
    boolean close(long timeoutMillis) {
        Task last = askToEnd(timeoutMillis);
        if (thread != null && thread.isAlive()) {
            last.await(closedBy - clock.nanos());
        }
        closed = true;
        if (last.outcome() == Outcome.WAITS) {
            last.settle(Outcome.LOST);
            Task stuck = inHand;
            if (stuck != null && stuck.entry != null) {
                lose(stuck, Gaps.SPOOL_FAILED, "the spool did not answer before the application ended");
            }
        }
        forgetQueue();
        boolean isUploaded = uploads == null || uploads.await(closedBy - clock.nanos());
        warn();
        return last.outcome() == Outcome.WRITTEN && isUploaded;
    }

    /** Queues the wish to seal. */
    Task askToSeal() {
        Task task = new Task(null, SpoolWriter.Wait.NOTHING, false);
        queue.add(task);
        return task;
    }

    /** Queues the wish to end, once; from then on there is a time by which it has to be fulfilled. */
    synchronized Task askToEnd(long timeoutMillis) {
        if (closing == null) {
            closing = new Task(null, SpoolWriter.Wait.NOTHING, true);
            closedBy = clock.nanos() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
            queue.add(closing);
        }
        return closing;
    }

    private void forgetQueue() {
        for (Task task = queue.poll(); task != null; task = queue.poll()) {
            if (task.entry == null) {
                task.settle(Outcome.LOST);
            } else {
                queuedBytes.addAndGet(-task.entry.size());
                lose(task, Gaps.SPOOL_FAILED, "the spool did not take it before the application ended");
            }
        }
    }

    /** Says in the log what no record tells of: nobody else will. */
    private synchronized void warn() {
        Map<String, Long> untold = gaps.untold();
        untold.remove(Gaps.WRONG_SETTING);
        if (!warned && !untold.isEmpty()) {
            warned = true;
            LOG.warn("Lineage of this application is not complete, and its spool does not say so; records lost, by reason: {} ({})",
                    untold, gaps.lastError());
        }
    }

    private void run() {
        if (!open()) {
            return;
        }
        while (!closed) {
            try {
                turn(queue.poll(POLL_MILLIS, TimeUnit.MILLISECONDS));
            } catch (InterruptedException nobodyMayInterrupt) {
                // The flag is cleared, and the next wait is a wait again.
                continue;
            } catch (Throwable unforeseen) {
                gaps.note(Gaps.SPOOL_FAILED, 0, unforeseen);
            }
        }
    }

    /** A step whose task is settled whatever happens in it: nobody waits for it in vain, and a record that it had is counted. */
    private void turn(Task task) throws Throwable {
        try {
            time.here();
            step(task);
        } catch (Throwable unforeseen) {
            if (task == null) {
                throw unforeseen;
            } else if (task.entry == null) {
                closed |= task.last;
                task.settle(Outcome.LOST);
            } else if (task.outcome() == Outcome.WAITS) {
                queuedBytes.addAndGet(inHand == task ? 0 : -task.entry.size());  // else done when it was put
                lose(task, Gaps.SPOOL_FAILED, unforeseen);
            }
            gaps.note(Gaps.SPOOL_FAILED, 0, unforeseen);
        }
    }

    private boolean open() {
        try {
            writer.open();
            opening.compareAndSet(Opening.UNDER_WAY, Opening.OPEN);
        } catch (Throwable problem) {
            openingFailure = problem;
            if (opening.compareAndSet(Opening.UNDER_WAY, Opening.FAILED)) {
                return false;
            }
        } finally {
            opened.countDown();
        }
        return true;
    }

    /** One turn of the thread: a task, or null where none came for a while. */
    void step(Task task) {
        if (task == null) {
            writer.tend();
        } else if (task.entry == null) {
            end(task);
        } else {
            write(task);
            writer.tend();
        }
        if (uploads != null && writer.segments() > uploaded) {
            uploaded = writer.segments();
            uploads.wake();
        }
    }

    /** The task that waits longest, or null: for whoever takes the turns without the thread. */
    Task next() {
        return queue.poll();
    }

    private void write(Task task) {
        inHand = task;
        boolean isWritten = false;
        try {
            isWritten = writer.put(task.entry, task.wait);
        } finally {
            queuedBytes.addAndGet(-task.entry.size());
            if (!isWritten) {
                lose(task, Gaps.SPOOL_FAILED, writer.problem());
            } else if (task.settle(Outcome.WRITTEN)) {
                written.incrementAndGet();
            }
            inHand = null;
        }
    }

    private void end(Task task) {
        boolean sealed = false;
        try {
            sealed = task.last ? writer.end() : writer.seal();
        } finally {
            closed |= task.last;
            task.settle(sealed ? Outcome.WRITTEN : Outcome.LOST);
        }
    }
}
