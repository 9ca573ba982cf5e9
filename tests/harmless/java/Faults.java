package io.sparklineage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** Throws, or never comes back, where it was told to; `Instrument` puts a call of it at the head of every method of the bridge. */
public final class Faults {
    private static final int LIMIT = 10_000;
    private static final AtomicIntegerArray HITS = new AtomicIntegerArray(LIMIT);
    private static final AtomicLong THROWN = new AtomicLong();
    private static volatile int armed = -1;
    private static volatile String kind = "";
    private static volatile boolean once;

    /** Armed from the start: `-Dharmless.faults=KIND:N:FILE`. From the N-th call on every method throws; then the file is made. */
    private static final String[] FROM_START = System.getProperty("harmless.faults", "").split(":");
    private static final long FIRST = FROM_START.length == 3 ? Long.parseLong(FROM_START[1]) : Long.MAX_VALUE;
    private static final AtomicLong CALLS = new AtomicLong();
    private static final AtomicBoolean TOLD = new AtomicBoolean();

    /** Armed from the start, too: `-Dharmless.hangs=POINT:N:FILE`. From its N-th call on that point never comes back; the file is made before. */
    private static final String[] HANGS = System.getProperty("harmless.hangs", "").split(":");
    private static final int HANGING = HANGS.length == 3 ? Integer.parseInt(HANGS[0]) : -1;
    private static final AtomicLong BEFORE_IT_HANGS = new AtomicLong(HANGS.length == 3 ? Long.parseLong(HANGS[1]) : 0);

    /** A Throwable of whose words nothing can be had. */
    public static final class Mute extends RuntimeException {
        private static final long serialVersionUID = 1L;

        @Override
        public String getMessage() {
            throw new IllegalStateException("no message");
        }

        @Override
        public String toString() {
            throw new LinkageError("no words");
        }
    }

    private Faults() {
    }

    /** Called by every method of the bridge. */
    public static void at(int point) {
        HITS.incrementAndGet(point);
        if (CALLS.getAndIncrement() >= FIRST) {
            tell(FROM_START[2]);
            Faults.<RuntimeException>sneak(make(FROM_START[0]));
        }
        if (point == HANGING && BEFORE_IT_HANGS.decrementAndGet() <= 0) {
            tell(HANGS[2]);
            hang();
        }
        if (point == armed) {
            if (once) {
                armed = -1;
            }
            THROWN.incrementAndGet();
            Faults.<RuntimeException>sneak(make(kind));
        }
    }

    private static void tell(String file) {
        try {
            if (TOLD.compareAndSet(false, true)) {
                Files.createFile(Paths.get(file));
            }
        } catch (IOException problem) {
            throw new IllegalStateException(problem);
        }
    }

    /** As a call of the system for a disk that does not answer: no interrupt ends it. */
    private static void hang() {
        while (true) {
            LockSupport.park();
            Thread.interrupted();
        }
    }

    /** From now on that point throws, once or whenever it is reached. */
    public static void arm(int point, String throwable, boolean onlyOnce) {
        THROWN.set(0);
        kind = throwable;
        once = onlyOnce;
        armed = point;
    }

    /** Nothing throws any more; how often something did. */
    public static long disarm() {
        armed = -1;
        return THROWN.get();
    }

    /** The points that were reached since this was last asked. */
    public static String reached() {
        List<String> found = new ArrayList<>();
        for (int point = 0; point < LIMIT; point++) {
            if (HITS.getAndSet(point, 0) > 0) {
                found.add(String.valueOf(point));
            }
        }
        return String.join(" ", found);
    }

    @SuppressWarnings("removal")
    private static Throwable make(String name) {
        switch (name) {
            case "io":
                return new IOException("injected");
            case "runtime":
                return new IllegalStateException("injected");
            case "linkage":
                return new NoSuchMethodError("injected");
            case "class":
                return new NoClassDefFoundError("injected");
            case "memory":
                return new OutOfMemoryError("injected");
            case "stack":
                return new StackOverflowError();
            case "interrupted":
                return new InterruptedException("injected");
            case "death":
                return new ThreadDeath();
            case "assertion":
                return new AssertionError("injected");
            case "mute":
                return new Mute();
            default:
                throw new IllegalArgumentException(name);
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable problem) throws T {
        throw (T) problem;
    }
}
