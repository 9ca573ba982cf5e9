package io.sparklineage;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A task that nobody can hurry, on a daemon thread of its own: the program waits for it so long only. */
final class Aside {
    private Aside() {
    }

    /**
     * What a task returns; what it throws is thrown here, but for the two below, which come in an ExecutionException.
     *
     * @throws TimeoutException where it takes longer; it goes on all the same
     * @throws InterruptedException where the wait is interrupted; it goes on all the same
     */
    static <T> T call(String thread, long millis, Callable<T> task) throws Exception {
        FutureTask<T> result = new FutureTask<>(task);
        Thread aside = new Thread(result, thread);
        aside.setDaemon(true);
        aside.start();
        try {
            return result.get(millis, TimeUnit.MILLISECONDS);
        } catch (ExecutionException failed) {
            Throwable cause = failed.getCause();
            if (cause instanceof Error) {
                throw (Error) cause;
            }
            boolean isOfWait = cause instanceof TimeoutException || cause instanceof InterruptedException;
            throw cause instanceof Exception && !isOfWait ? (Exception) cause : failed;
        }
    }
}
