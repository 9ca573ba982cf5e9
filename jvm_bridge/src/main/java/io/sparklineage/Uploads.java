package io.sparklineage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/** Uploads on a thread of its own: a network that hangs must not keep the writer from writing. */
final class Uploads {
    /** A round of uploads that somebody wants. */
    private static final class Wish {
        final CountDownLatch done = new CountDownLatch(1);
        volatile boolean complete;

        void end(boolean isComplete) {
            complete = isComplete;
            done.countDown();
        }
    }

    private static final long IDLE_SECONDS = 60;

    private final Uploader uploader;
    private final Path folder;
    private final Gaps gaps;
    private final ThreadFactory threads;
    private final LinkedBlockingQueue<Wish> wishes = new LinkedBlockingQueue<>();
    private Thread thread;

    Uploads(Uploader uploader, Path folder, Gaps gaps) {
        this(uploader, folder, gaps, work -> new Thread(work, "spark-lineage-uploader"));
    }

    Uploads(Uploader uploader, Path folder, Gaps gaps, ThreadFactory threads) {
        this.uploader = uploader;
        this.folder = folder;
        this.gaps = gaps;
        this.threads = threads;
    }

    /** A segment was sealed. */
    void wake() {
        if (wishes.isEmpty() || !isRunning()) {
            wish();
        }
    }

    /** Waits until all that is sealed now is uploaded; false where that fails or takes longer. */
    boolean await(long nanos) {
        Wish wish = wish();
        try {
            return wish.done.await(nanos, TimeUnit.NANOSECONDS) && wish.complete;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private synchronized boolean isRunning() {
        return thread != null && thread.isAlive();
    }

    private synchronized Wish wish() {
        Wish wish = new Wish();
        wishes.add(wish);
        if (!isRunning()) {
            start();
        }
        return wish;
    }

    /** Never throws: whoever seals a segment goes on where no thread can be had, and the next wish tries again. */
    private void start() {
        try {
            thread = threads.newThread(this::run);
            thread.setDaemon(true);
            thread.start();
        } catch (Throwable problem) {
            uploader.failed(problem, gaps);
            giveUp();
        }
    }

    /** Ends after a minute without wishes: an application that is over must not leave a thread behind. */
    private void run() {
        List<Wish> round = new ArrayList<>();
        try {
            while (next(round)) {
                boolean isComplete = uploader.upload(folder, gaps);
                round.forEach(wish -> wish.end(isComplete));
                round.clear();
            }
        } catch (Throwable unforeseen) {
            uploader.failed(unforeseen, gaps);
            ended(round);
        }
    }

    /** A wish that is made while this thread ends is given up here, or starts another thread. */
    private synchronized void ended(List<Wish> round) {
        round.forEach(wish -> wish.end(false));
        if (thread == Thread.currentThread()) {
            giveUp();
        }
    }

    /** Nobody waits in vain for a thread that is gone; the segments stay, and the next wish uploads them. */
    private void giveUp() {
        thread = null;
        for (Wish wish = wishes.poll(); wish != null; wish = wishes.poll()) {
            wish.end(false);
        }
    }

    /** Waits for wishes and takes them all into the round; false where none come. */
    private boolean next(List<Wish> round) {
        try {
            Wish first = wishes.poll(IDLE_SECONDS, TimeUnit.SECONDS);
            if (first != null) {
                round.add(first);
            }
        } catch (InterruptedException nobodyMayInterrupt) {
            // Then it ends earlier, and the next wish starts another thread.
        }
        synchronized (this) {
            wishes.drainTo(round);
            if (round.isEmpty()) {
                thread = null;
            }
        }
        return !round.isEmpty();
    }
}
