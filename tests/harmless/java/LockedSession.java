package harmless;

import io.sparklineage.Bridge;
import org.apache.spark.sql.SparkSession;

/** A session whose first query is being made: Spark holds the session's lock then, and the bridge is asked whether lineage is on. */
public final class LockedSession {
    private static final int MILLIS = 10_000;

    private LockedSession() {
    }

    /** Whether two threads come to their ends: one enables lineage in a new session, the other one has locked it and waits for the bridge. */
    public static boolean isNobodysEnd(SparkSession session) throws InterruptedException {
        Thread enabling = new Thread(() -> Bridge.enable(session));
        Thread querying = new Thread(() -> {
            synchronized (session) {
                enabling.start();
                while (enabling.getState() == Thread.State.RUNNABLE || enabling.getState() == Thread.State.NEW) {
                    Thread.onSpinWait();
                }
                Bridge.status();
            }
        });
        querying.start();
        querying.join(MILLIS);
        enabling.join(MILLIS);
        return !querying.isAlive() && !enabling.isAlive();
    }
}
