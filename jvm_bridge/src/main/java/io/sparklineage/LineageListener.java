package io.sparklineage;

import com.codahale.metrics.Counter;
import com.codahale.metrics.Gauge;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkFirehoseListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.scheduler.SparkListenerEvent;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorExcluded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerStageCompleted;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.SQLExecution;
import org.apache.spark.sql.execution.ui.SparkListenerDriverAccumUpdates;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/**
 * Listens on a bus queue of its own, keeps account of what runs, and hands what has ended to the {@link Recorder}. It never
 * throws, starts no job, and keeps no plan.
 */
final class LineageListener extends SparkFirehoseListener {
    static final String QUEUE = "spark-lineage";
    private static final long END_TIMEOUT_MILLIS = 10_000;

    /** What the recorder may take of that; the spool needs a part, too. */
    private static final long RECORDER_MILLIS = Recorder.END_MILLIS;
    private static final int EXECUTOR_EVENT_LIMIT = 10_000;

    final String bridge = UUID.randomUUID().toString();
    final SparkContext context;
    final Settings settings;
    private final boolean everySession;
    private final Gaps gaps = new Gaps(bridge);
    private final Spool spool;
    private final Activity activity = new Activity();
    private final NameMasker names = new NameMasker();
    private final Intents intents;
    private final Recorder recorder;
    private final Counter droppedEvents;

    /** What the counter said when this began: it outlives the queue, and with it a listener before this one. */
    private final long droppedBefore;
    private final Meter meter = new Meter();
    private final Meter.ThreadTime time = new Meter.ThreadTime();
    private final AtomicLong intentNanos = new AtomicLong();
    private Runnable unregister = () -> { };

    /** How many events were dropped since, as far as they are counted. */
    private long dropped;
    private int executorEvents;
    private volatile boolean ended;
    private volatile boolean isClosing;
    private volatile long order;

    /** CPU time that the events took, without what Spark does to bring them. */
    private volatile long nanos;
    private volatile Thread dispatcher;

    /** Opens the spool; throws where that fails. */
    LineageListener(SparkContext context, Settings settings, boolean everySession) throws Exception {
        this.context = context;
        this.everySession = everySession;
        this.settings = settings;
        this.droppedEvents = context.listenerBus().metrics().metricRegistry()
                .counter("queue." + QUEUE + ".numDroppedEvents");
        this.droppedBefore = droppedEvents.getCount();
        List<String> complaints = Settings.complaints(context, settings);
        complaints.forEach(Bridge::complain);
        gaps.complain(complaints);
        Uploads uploads = settings.remoteSpool == null ? null
                : new Uploads(new Uploader(settings.remoteSpool, context.hadoopConfiguration()), settings.spool, gaps);
        SpoolWriter writer = new SpoolWriter(LocalFiles.INSTANCE, Clock.SYSTEM, settings.spool, bridge,
                Application.record(context, bridge, settings), settings.sealMillis, settings.spoolMaxBytes, gaps);
        this.spool = new Spool(writer, gaps, Clock.SYSTEM, uploads);
        spool.start();
        try {
            this.intents = new Intents(bridge, context, settings, spool, names);
            this.recorder = new Recorder(bridge, context.sparkUser(), settings, spool, gaps, activity, intents, names,
                    () -> isClosing || context.isStopped());
            measure();
            CompilerDirective.addLater();
        } catch (Throwable problem) {
            spool.close(END_TIMEOUT_MILLIS);
            throw problem;
        }
    }

    /** A metrics system that does not take the numbers costs nothing but them. */
    private void measure() {
        recorder.measure(meter);
        meter.with("intents", intents::noted).with("intents_late", intents::late).with("lost", gaps::lost);
        for (String reason : Gaps.LOSSES) {
            meter.with("lost_" + reason, () -> gaps.lost(reason));
        }
        meter.with("wrong_settings", () -> gaps.lost(Gaps.WRONG_SETTING));
        spool.measure(meter);
        meter.with("listener_nanos", time).with("event_nanos", () -> nanos).with("intent_nanos", intentNanos::get);
        try {
            unregister = MeterSource.register(context, meter);
        } catch (Throwable problem) {
            Bridge.complain("the metrics of spark-lineage are not in Spark's metrics system", problem);
        }
    }

    /** Notes the write that the calling thread is about to run. */
    void intend() throws Throwable {
        long began = System.nanoTime();
        try {
            intents.note(order);
        } finally {
            intentNanos.addAndGet(System.nanoTime() - began);
        }
    }

    /** Counts a write that {@link #intend} could not note. */
    void couldNotIntend(Throwable problem) {
        gaps.add(Gaps.INTENT_FAILED, 1, problem);
    }

    /** Learns the names that Spark made in a plan that the calling thread has just analyzed. */
    void learnNames(LogicalPlan analyzed) {
        if (settings.keepLiterals) {
            return;
        }
        long began = System.nanoTime();
        try {
            names.learn(analyzed);
        } finally {
            intentNanos.addAndGet(System.nanoTime() - began);
        }
    }

    /** What every event comes to. */
    @Override
    public void onEvent(SparkListenerEvent event) {
        try {
            long began = Meter.ThreadTime.ofThisThread();
            time.here();
            dispatcher = Thread.currentThread();
            heed(event);
            nanos += Meter.ThreadTime.ofThisThread() - began;
        } catch (Throwable problem) {
            try {
                gaps.add(Gaps.ENCODE_FAILED, 1, problem);
            } catch (Throwable worse) {
                // An Error that leaves a listener stops the application.
            }
        }
    }

    private void heed(SparkListenerEvent event) throws Throwable {
        if (event instanceof SparkListenerTaskEnd) {
            activity.stages.taskEnded((SparkListenerTaskEnd) event);
        } else if (event instanceof SparkListenerTaskStart) {
            activity.stages.taskStarted((SparkListenerTaskStart) event);
        } else if (event instanceof SparkListenerStageSubmitted) {
            activity.stages.submitted(((SparkListenerStageSubmitted) event).stageInfo());
        } else if (event instanceof SparkListenerStageCompleted) {
            activity.stageCompleted(((SparkListenerStageCompleted) event).stageInfo());
        } else if (event instanceof SparkListenerJobStart) {
            jobStarted((SparkListenerJobStart) event);
        } else if (event instanceof SparkListenerJobEnd) {
            jobEnded((SparkListenerJobEnd) event);
        } else if (event instanceof SparkListenerSQLExecutionStart) {
            started((SparkListenerSQLExecutionStart) event);
        } else if (event instanceof SparkListenerSQLExecutionEnd) {
            ended((SparkListenerSQLExecutionEnd) event);
        } else if (event instanceof SparkListenerDriverAccumUpdates) {
            activity.countedOnDriver((SparkListenerDriverAccumUpdates) event);
        } else if (event instanceof StreamingQueryListener.Event) {
            recorder.streamed((StreamingQueryListener.Event) event);
        } else if (event instanceof FlushMarker) {
            recorder.arrived((FlushMarker) event);
        } else if (event instanceof SparkListenerExecutorAdded) {
            SparkListenerExecutorAdded added = (SparkListenerExecutorAdded) event;
            executor(added.time(), "added", added.executorId(), null);
        } else if (event instanceof SparkListenerExecutorRemoved) {
            SparkListenerExecutorRemoved removed = (SparkListenerExecutorRemoved) event;
            executor(removed.time(), "removed", removed.executorId(), removed.reason());
        } else if (event instanceof SparkListenerExecutorExcluded) {
            SparkListenerExecutorExcluded excluded = (SparkListenerExecutorExcluded) event;
            executor(excluded.time(), "excluded", excluded.executorId(), excluded.taskFailures() + " tasks failed");
        } else if (event instanceof SparkListenerApplicationEnd) {
            applicationEnded((SparkListenerApplicationEnd) event);
        }
    }

    private void started(SparkListenerSQLExecutionStart event) {
        Activity.Execution execution = activity.execution(event.executionId());
        execution.root = (Long) SparkCompat.unwrap(event.rootExecutionId());
        execution.startedAt = event.time();
        execution.startedOrder = ++order;
        execution.description = event.description();
        execution.details = event.details();
        Object group = SparkCompat.unwrap(SparkCompat.memberOrNull(event, "jobGroupId"));
        execution.jobGroup = group == null ? execution.jobGroup : group.toString();
        for (Object tag : SparkCompat.elements(event.jobTags(), 100)) {
            execution.tags.add(String.valueOf(tag));
        }
    }

    private void ended(SparkListenerSQLExecutionEnd event) {
        recorder.ended(event, activity.removeExecution(event.executionId()), ++order);
        countLosses();
    }

    private synchronized void countLosses() {
        long now = droppedEvents.getCount() - droppedBefore;
        if (now > dropped) {
            gaps.add(Gaps.EVENTS_DROPPED, now - dropped, null);
            dropped = now;
        }
        long tooMany = activity.takeLeftOut();
        if (tooMany > 0) {
            gaps.add(Gaps.TOO_LARGE, tooMany, "an execution or a job has more stages, or jobs read more files and tables, than are recorded");
        }
        long leftOut = LeftOut.take();
        if (leftOut > 0) {
            gaps.add(Gaps.ENCODE_FAILED, leftOut, "facts are left out of records: the thread was interrupted, or classes, memory or stack had run out");
        }
    }

    private void jobStarted(SparkListenerJobStart event) throws Throwable {
        Activity.Job job = activity.jobStarted(event);
        if (job.executionId == null && !job.schemaInference) {
            RddJob described = RddJob.describe(context, job.id);
            if (job.late && described.isOfQuery && !String.valueOf(job.callSite).startsWith("foreach")) {
                activity.forget(job);
            } else {
                activity.reads(job, described.members.toBytes());
            }
        }
    }

    private void jobEnded(SparkListenerJobEnd event) {
        Activity.Job job = activity.jobEnded(event);
        if (job != null) {
            spool.offer(new Entry(rddJob(job)));
        }
    }

    private byte[] rddJob(Activity.Job job) {
        JsonWriter json = new JsonWriter().object().field("v", 1).field("kind", "rdd_job").field("bridge", bridge)
                .field("job_id", job.id).field("state", state(job))
                .field("call_site", job.callSite == null ? null : Masking.cut(Masking.label(ConnectClient.withoutRequest(job.callSite)), 1_000))
                .field("schema_inference", job.schemaInference)
                .field("started_at", job.startedAt).field("ended_at", job.endedAt);
        if (job.reads.length > 0) {
            json.raw(job.reads, job.reads.length);
        }
        json.name("error");
        if (job.failure == null) {
            json.nullValue();
        } else {
            job.failure.write(json);
        }
        PlanTables.rows(json, "stages", job.writeStages(true));
        return json.endObject().toBytes();
    }

    private static String state(Activity.Job job) {
        if (job.succeeded) {
            return "COMPLETE";
        }
        return job.failure != null && job.failure.isCancelled() ? "CANCELLED" : "FAILED";
    }

    /** One `executor` record; the first of an application alone, since a cluster that scales has no end of them. */
    private void executor(long at, String event, String executor, String reason) {
        if (++executorEvents > EXECUTOR_EVENT_LIMIT) {
            gaps.add(Gaps.TOO_LARGE, 1, "an application has more executor events than are recorded");
            return;
        }
        spool.offer(new Entry(new JsonWriter().object().field("v", 3).field("kind", "executor")
                .field("bridge", bridge).field("at", at).field("event", event)
                .field("executor", Masking.cut(Masking.label(executor), 100))
                .field("reason", reason == null ? null : LossReason.of(reason))
                .endObject().toBytes()));
    }

    /** Whatever fails here, the spool is sealed, so that what was lost is told. */
    private void applicationEnded(SparkListenerApplicationEnd event) {
        try {
            ended = true;
            recorder.close(RECORDER_MILLIS);
            countLosses();
            Object exitCode = SparkCompat.unwrap(SparkCompat.memberOrNull(event, "exitCode"));
            String stopped = Stopping.now(context.getConf());
            spool.offer(new Entry(Application.end(bridge, event.time(), exitCode, stopped, running(), meter)));
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
        try {
            spool.close(END_TIMEOUT_MILLIS - RECORDER_MILLIS);
            Bridge.forget(this);
        } catch (Throwable problem) {
            gaps.add(Gaps.SPOOL_FAILED, 1, problem);
        }
    }

    /** The executions that had begun and had not ended; where ends were dropped, those of them that Spark still knows. */
    private List<Long> running() {
        List<Long> begun = activity.running();
        if (dropped > 0) {
            begun.removeIf(execution -> SQLExecution.getQueryExecution(execution) == null);
        }
        return begun;
    }

    /**
     * Seals the spool at the JVM's end. A bus that was told to stop early may still tell what has happened
     * (`spark.scheduler.listenerbus.exitTimeout`); that is waited for.
     */
    void finish(long deadlineNanos) throws InterruptedException {
        Thread thread = dispatcher;
        if (thread != null && context.isStopped()) {
            thread.join(Math.max(1, shareUntil(deadlineNanos)));
        }
        recorder.close(shareUntil(deadlineNanos));
        countLosses();
        if (!ended) {
            countUnheard();
        }
        spool.close(Math.max(1, millisUntil(deadlineNanos)));
    }

    /**
     * Counts what Spark has not told of when the program ends, by what waits in its queue. The end of the application is among it,
     * unless that was dropped.
     */
    private void countUnheard() {
        Gauge<?> size = context.listenerBus().metrics().metricRegistry().getGauges().get("queue." + QUEUE + ".size");
        long waiting = size == null ? 0 : ((Number) size.getValue()).longValue();
        if (context.isStopped()) {
            waiting--; // the mark of the queue's end is no event
        }
        if (waiting > 0 || dropped == 0) {
            gaps.add(Gaps.EVENTS_DROPPED, Math.max(1, waiting), "the program ended before Spark had told of them");
        }
    }

    /** What the thread before the spool may take of the time until then. */
    private static long shareUntil(long deadlineNanos) {
        return millisUntil(deadlineNanos) * RECORDER_MILLIS / END_TIMEOUT_MILLIS;
    }

    private static long millisUntil(long deadlineNanos) {
        return TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
    }

    /** Waits until all events posted so far are in sealed segments; false where that takes longer. */
    boolean flush(long timeoutMillis) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
        FlushMarker marker = new FlushMarker();
        context.listenerBus().post(marker);
        if (!marker.arrived.await(timeoutMillis, TimeUnit.MILLISECONDS)) {
            return false;
        }
        return spool.seal(Math.max(millisUntil(deadline), 0));
    }

    /** Takes it off the bus, which waits for the event that it is told of now, and seals the spool. */
    void remove() {
        isClosing = true;
        context.listenerBus().removeListener(this);
        close();
    }

    void close() {
        recorder.close(RECORDER_MILLIS);
        countLosses();
        spool.close(END_TIMEOUT_MILLIS - RECORDER_MILLIS);
        try {
            unregister.run();
        } catch (Throwable ended) {
            // The metrics system is gone, and the numbers with it.
        }
    }

    /** What was lost, for whoever asks after the application has ended; null where nothing was. */
    String loss() {
        return gaps.lost() == 0 ? null : gaps.lost() + " records of the last application were lost: " + gaps.lastError();
    }

    void writeStatus(JsonWriter json) {
        countLosses();
        json.field("alive", spool.isAlive()).field("bridge", bridge)
                .field("spool", settings.remoteSpool == null ? settings.spool.toString() : settings.remoteSpool)
                .field("intent", settings.intent.name().toLowerCase(java.util.Locale.ROOT)).field("every_session", everySession)
                .field("records", spool.records()).field("segments", spool.segments())
                .field("lost", gaps.lost()).field("last_error", gaps.lastError());
        meter.write(json);
    }
}
