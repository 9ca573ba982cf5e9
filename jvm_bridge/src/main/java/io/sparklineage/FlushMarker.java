package io.sparklineage;

import java.util.concurrent.CountDownLatch;
import org.apache.spark.scheduler.SparkListenerEvent;

/** Posted to the listener bus: when it arrives, all that was posted before it has been handled. */
final class FlushMarker implements SparkListenerEvent {
    final CountDownLatch arrived = new CountDownLatch(1);

    /** It is no event of the application: event logs leave it out. */
    @Override
    public boolean logEvent() {
        return false;
    }
}
