package harmless;

import io.sparklineage.Bridge;
import org.apache.spark.sql.SparkSession;

/** A session that one thread has locked, as Spark does while it makes `spark.emptyDataFrame`, and in which another one is at work. */
public final class LockedSession {
    private static final int MILLIS = 10_000;

    private interface Work {
        void run() throws Exception;
    }

    private LockedSession() {
    }

    /** Whether a thread that enables lineage comes to its end, and one that has locked the session and waits for the bridge. */
    public static boolean letsEnable(SparkSession session) throws InterruptedException {
        return bothEnd(session, () -> Bridge.enable(session), Bridge::status);
    }

    /** Whether a thread that makes the session's analyzer comes to its end, and one that has locked the session and waits for the analyzer. */
    public static boolean letsAnalyze(SparkSession session) throws Exception {
        Object state = session.getClass().getMethod("sessionState").invoke(session);
        Work analyzer = () -> state.getClass().getMethod("analyzer").invoke(state);
        return bothEnd(session, analyzer, analyzer);
    }

    private static boolean bothEnd(SparkSession session, Work work, Work whileLocked) throws InterruptedException {
        Thread working = new Thread(() -> go(work));
        Thread locking = new Thread(() -> {
            synchronized (session) {
                working.start();
                while (working.getState() == Thread.State.RUNNABLE || working.getState() == Thread.State.NEW) {
                    Thread.onSpinWait();
                }
                go(whileLocked);
            }
        });
        locking.start();
        locking.join(MILLIS);
        working.join(MILLIS);
        return !locking.isAlive() && !working.isAlive();
    }

    private static void go(Work work) {
        try {
            work.run();
        } catch (Exception problem) {
            throw new IllegalStateException(problem);
        }
    }
}
