package io.sparklineage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Uploads on a thread of its own: a network that hangs must not keep the writer from writing. */
final class Uploads {
    /** A round of uploads that somebody wants. */
    private static final class Wish {
        final CountDownLatch done = new CountDownLatch(1);
        volatile boolean complete;
    }

    private static final long IDLE_SECONDS = 60;

    private final Uploader uploader;
    private final Path folder;
    private final Gaps gaps;
    private final LinkedBlockingQueue<Wish> wishes = new LinkedBlockingQueue<>();
    private Thread thread;

    Uploads(Uploader uploader, Path folder, Gaps gaps) {
        this.uploader = uploader;
        this.folder = folder;
        this.gaps = gaps;
    }

    /** A segment was sealed. */
    void wake() {
        if (wishes.isEmpty()) {
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

    private synchronized Wish wish() {
        Wish wish = new Wish();
        wishes.add(wish);
        if (thread == null) {
            thread = new Thread(this::run, "spark-lineage-uploader");
            thread.setDaemon(true);
            thread.start();
        }
        return wish;
    }

    /** Ends after a minute without wishes: an application that is over must not leave a thread behind. */
    private void run() {
        for (List<Wish> round = next(); !round.isEmpty(); round = next()) {
            boolean complete = uploader.upload(folder, gaps);
            for (Wish wish : round) {
                wish.complete = complete;
                wish.done.countDown();
            }
        }
    }

    private List<Wish> next() {
        List<Wish> round = new ArrayList<>();
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
        return round;
    }
}
