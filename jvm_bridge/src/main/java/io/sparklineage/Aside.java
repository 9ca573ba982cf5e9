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
     * What a task returns; what it throws is thrown here.
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
            if (failed.getCause() instanceof Error) {
                throw (Error) failed.getCause();
            }
            throw failed.getCause() instanceof Exception ? (Exception) failed.getCause() : failed;
        }
    }
}
