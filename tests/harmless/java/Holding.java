package harmless;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerEvent;

/** Stands behind the bridge on its queue and, when told to, holds the queue's thread up at the next event. */
public final class Holding extends SparkListener {
    private static volatile long until;
    private static volatile boolean held;

    /** Adds one to the queue of a context. */
    public static void add(SparkContext context) {
        context.listenerBus().addToQueue(new Holding(), "spark-lineage");
    }

    /** The next event holds the thread up for so long. */
    public static void hold(long millis) {
        held = false;
        until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    }

    /** Whether the thread is held up. */
    public static boolean isHeld() {
        return held;
    }

    /** Lets the thread go. */
    public static void release() {
        until = System.nanoTime();
    }

    @Override
    public void onOtherEvent(SparkListenerEvent event) {
        while (until - System.nanoTime() > 0) {
            held = true;
            LockSupport.parkNanos(5_000_000);
        }
        held = false;
    }
}
