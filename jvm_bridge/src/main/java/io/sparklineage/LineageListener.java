package io.sparklineage;

import com.codahale.metrics.Counter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
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
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/**
 * Listens on a bus queue of its own, turns what it sees into bytes and hands them to the spool. It never
 * throws, starts no job, and keeps no plan.
 */
final class LineageListener extends SparkListener {
    static final String QUEUE = "spark-lineage";
    private static final long END_TIMEOUT_MILLIS = 10_000;
    private static final int EXECUTOR_EVENT_LIMIT = 10_000;

    final String bridge = UUID.randomUUID().toString();
    final SparkContext context;
    final Settings settings;
    private final boolean everySession;
    private final Gaps gaps = new Gaps(bridge);
    private final Spool spool;
    private final LiteralHasher hasher;
    private final NameMasker names = new NameMasker();
    private final Activity activity = new Activity();
    private final StreamingNames streaming = new StreamingNames();
    private final Origins origins = new Origins();
    private final PlanCache plans = new PlanCache(PlanCache.BYTE_LIMIT);
    private final Sampling sampling;
    private final Intents intents;
    private final Counter droppedEvents;
    private final Meter meter = new Meter();
    private final Meter.ThreadTime time = new Meter.ThreadTime();
    private final AtomicLong intentNanos = new AtomicLong();
    private final AtomicLong executions = new AtomicLong();
    private Runnable unregister = () -> { };
    private long dropped;
    private int executorEvents;
    private boolean ended;
    private volatile long order;
    private volatile Thread dispatcher;

    /** Opens the spool; throws where that fails. */
    LineageListener(SparkContext context, Settings settings, boolean everySession) throws Exception {
        this.context = context;
        this.everySession = everySession;
        this.settings = settings;
        this.hasher = new LiteralHasher(settings.hashKey);
        this.droppedEvents = context.listenerBus().metrics().metricRegistry()
                .counter("queue." + QUEUE + ".numDroppedEvents");
        this.sampling = new Sampling(settings.sample);
        gaps.complain(Settings.complaints(context, settings));
        Uploads uploads = settings.remoteSpool == null ? null
                : new Uploads(new Uploader(settings.remoteSpool, context.hadoopConfiguration()), settings.spool, gaps);
        SpoolWriter writer = new SpoolWriter(LocalFiles.INSTANCE, Clock.SYSTEM, settings.spool, bridge,
                Application.record(context, bridge, settings), settings.sealMillis, settings.spoolMaxBytes, gaps);
        this.spool = new Spool(writer, gaps, Clock.SYSTEM, uploads);
        spool.start();
        try {
            this.intents = new Intents(bridge, context, settings, spool, names);
            measure();
        } catch (Throwable problem) {
            spool.close(END_TIMEOUT_MILLIS);
            throw problem;
        }
    }

    /** A metrics system that does not take the numbers costs nothing but them. */
    private void measure() {
        meter.with("executions", executions::get).with("sampled_out", sampling::leftOut).with("intents", intents::noted)
                .with("lost", gaps::lost);
        for (String reason : Gaps.LOSSES) {
            meter.with("lost_" + reason, () -> gaps.lost(reason));
        }
        spool.measure(meter);
        meter.with("listener_nanos", time).with("intent_nanos", intentNanos::get);
        try {
            unregister = MeterSource.register(context, meter);
        } catch (Throwable problem) {
            Bridge.complain("the metrics of spark-lineage are not in Spark's metrics system: " + problem);
        }
    }

    /** Notes the write that the calling thread is about to run; it never throws. */
    void intend() {
        long began = System.nanoTime();
        try {
            intents.note(order);
        } catch (Throwable problem) {
            gaps.add(Gaps.INTENT_FAILED, 1, problem);
        }
        intentNanos.addAndGet(System.nanoTime() - began);
    }

    @Override
    public void onOtherEvent(SparkListenerEvent event) {
        try {
            time.here();
            dispatcher = Thread.currentThread();
            if (event instanceof SparkListenerSQLExecutionStart) {
                started((SparkListenerSQLExecutionStart) event);
            } else if (event instanceof SparkListenerSQLExecutionEnd) {
                ended((SparkListenerSQLExecutionEnd) event);
            } else if (event instanceof FlushMarker) {
                ((FlushMarker) event).arrived.countDown();
            } else if (event instanceof StreamingQueryListener.Event) {
                streamed(event);
            }
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
    }

    /** A streaming query that waits for data says so, too; that tells nothing. */
    private void streamed(SparkListenerEvent event) {
        long now = System.currentTimeMillis();
        if (event instanceof StreamingQueryListener.QueryStartedEvent) {
            StreamingQueryListener.QueryStartedEvent start = (StreamingQueryListener.QueryStartedEvent) event;
            Long at = StreamProgress.millis(start.timestamp());
            spool.offer(new Entry(StreamProgress.started(bridge, streaming.started(start), at == null ? now : at)));
        } else if (event instanceof StreamingQueryListener.QueryProgressEvent) {
            StreamingQueryListener.QueryProgressEvent progress = (StreamingQueryListener.QueryProgressEvent) event;
            Long execution = streaming.executionOf(progress.progress().runId(), progress.progress().batchId());
            spool.offer(new Entry(StreamProgress.progress(bridge, progress, execution)));
        } else if (event instanceof StreamingQueryListener.QueryTerminatedEvent) {
            StreamingQueryListener.QueryTerminatedEvent end = (StreamingQueryListener.QueryTerminatedEvent) event;
            spool.offer(new Entry(StreamProgress.ended(bridge, streaming.ended(end), streaming.failure(end), now)));
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
        ExecutionRecord record =
                new ExecutionRecord(bridge, context.sparkUser(), activity.removeExecution(event.executionId()));
        record.endedAt = event.time();
        record.endedOrder = ++order;
        Throwable thrown = (Throwable) SparkCompat.unwrap(event.executionFailure());
        if (thrown != null) {
            record.failure = Failure.of(thrown);
            record.state = record.failure.isCancelled() ? "CANCELLED" : "FAILED";
        }
        Map<String, byte[]> sections = new LinkedHashMap<>();
        try {
            readQuery(event, record, sections);
        } catch (Throwable problem) {
            record.planFailure = Failure.of(problem);
        } finally {
            intents.ended(event.executionId());
        }
        record.batch = streaming.of(record.execution, record.query);
        if (record.batch != null) {
            streaming.ran(record.batch, record.execution, record.failure);
        }
        record.sampledOut = sampling.leavesOut(record.plan == null ? null : record.plan.hash, record.failure == null, record.batch,
                record.execution.id);
        if (record.execution.jobsLeftOut > 0) {
            gaps.add(Gaps.TOO_LARGE, record.execution.jobsLeftOut, "an execution has more jobs than are recorded");
        }
        spool.offer(new Entry(record.toBytes(), sections));
        executions.incrementAndGet();
        countLosses();
    }

    private void readQuery(SparkListenerSQLExecutionEnd event, ExecutionRecord record, Map<String, byte[]> sections)
            throws Throwable {
        if (event.qe() == null) {
            return;
        }
        QueryFacts query = new QueryFacts(event.qe());
        record.query = query;
        LogicalPlan analyzed = query.analyzed();
        if (analyzed == null) {
            record.sqlText = query.sqlText(null);
            record.planFailure = record.failure;
            return;
        }
        record.sqlText = query.sqlText(analyzed);
        record.commandResult = record.failure == null && query.isCommandResult();
        SparkPlan executed = query.executed();
        PlanEncoder encoder = encoder(record.execution, analyzed, query.isMicroBatch());
        EncodedPlan plan = encoder.encode(analyzed, executed);
        if (record.failure != null) {
            record.failedNode = encoder.indexOf(FailedOperator.find(executed, record.failure.contexts()));
        }
        if (plan.record.length > Spool.RECORD_LIMIT) {
            gaps.add(Gaps.TOO_LARGE, 1, null);
            return;
        }
        Map<Integer, List<Long>> makers = origins.of(plan, activity, record.execution.id);
        addOrigins(record, makers, sections);
        record.plan = plan;
        sections.put(plan.hash, plans.intern(plan.hash, plan.record));
        origins.ended(record.execution.id, plan, makers, isCheckpoint(event));
    }

    /** One that goes on where the intent of the write ended, or that of the write in which this one ran. */
    private PlanEncoder encoder(Activity.Execution execution, LogicalPlan analyzed, boolean microBatch) {
        PlanEncoder begun = intents.begun(execution.root == null ? execution.id : execution.root);
        return begun != null && !microBatch && begun.knows(analyzed) ? new PlanEncoder(begun, hasher)
                : new PlanEncoder(hasher, names, settings.keepLiterals, PlanEncoder.NODE_LIMIT, microBatch);
    }

    /** The origins of the plan's LogicalRDDs, and the origins of those: their records may be in a segment that is gone. */
    private void addOrigins(ExecutionRecord record, Map<Integer, List<Long>> makers, Map<String, byte[]> sections) {
        for (Origins.Ended origin : origins.reach(makers)) {
            byte[] section = plans.get(origin.plan);
            if (section != null) {
                sections.put(origin.plan, section);
            }
            JsonWriter json = record.originExecutions.object().field("execution_id", origin.execution)
                    .field("plan", section == null ? null : origin.plan).name("facts").array();
            if (origin.facts.length > 0) {
                json.raw(origin.facts, origin.facts.length);
            }
            JsonWriter below = new JsonWriter();
            origins.write(below, origin.makers, sections::containsKey);
            json.endArray();
            PlanTables.rows(json, "origins", below);
            json.endObject();
        }
        origins.write(record.origins, makers, sections::containsKey);
    }

    /** The one use of an execution's name: a lazy checkpoint has nothing else that tells it. */
    private static boolean isCheckpoint(SparkListenerSQLExecutionEnd event) {
        Object name = SparkCompat.unwrap(SparkCompat.memberOrNull(event, "executionName"));
        return "checkpoint".equals(name) || "localCheckpoint".equals(name);
    }

    private synchronized void countLosses() {
        long now = droppedEvents.getCount();
        if (now > dropped) {
            gaps.add(Gaps.EVENTS_DROPPED, now - dropped, null);
            dropped = now;
        }
        long leftOut = LeftOut.take();
        if (leftOut > 0) {
            gaps.add(Gaps.ENCODE_FAILED, leftOut, "facts are left out of records: classes, memory or stack had run out");
        }
    }

    @Override
    public void onJobStart(SparkListenerJobStart event) {
        try {
            time.here();
            dispatcher = Thread.currentThread();
            Activity.Job job = activity.jobStarted(event);
            if (job.executionId == null && !job.schemaInference) {
                job.reads = RddJob.describe(context, job.id);
            }
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
    }

    @Override
    public void onJobEnd(SparkListenerJobEnd event) {
        try {
            Activity.Job job = activity.jobEnded(event);
            if (job != null) {
                spool.offer(new Entry(rddJob(job)));
            }
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
    }

    private byte[] rddJob(Activity.Job job) {
        JsonWriter json = new JsonWriter().object().field("v", 1).field("kind", "rdd_job").field("bridge", bridge)
                .field("job_id", job.id).field("state", state(job))
                .field("call_site", job.callSite == null ? null : Masking.cut(Masking.label(ConnectClient.withoutRequest(job.callSite)), 1_000))
                .field("schema_inference", job.schemaInference)
                .field("started_at", job.startedAt).field("ended_at", job.endedAt);
        if (job.reads.size() > 0) {
            json.raw(job.reads);
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

    @Override
    public void onStageCompleted(SparkListenerStageCompleted event) {
        try {
            activity.stageCompleted(event.stageInfo());
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
    }

    @Override
    public void onStageSubmitted(SparkListenerStageSubmitted event) {
        try {
            activity.stages.submitted(event.stageInfo());
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
    }

    @Override
    public void onTaskStart(SparkListenerTaskStart event) {
        try {
            activity.stages.taskStarted(event);
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
    }

    @Override
    public void onTaskEnd(SparkListenerTaskEnd event) {
        try {
            activity.stages.taskEnded(event);
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
    }

    @Override
    public void onExecutorAdded(SparkListenerExecutorAdded event) {
        try {
            executor(event.time(), "added", event.executorId(), null);
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
    }

    @Override
    public void onExecutorRemoved(SparkListenerExecutorRemoved event) {
        try {
            executor(event.time(), "removed", event.executorId(), event.reason());
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
    }

    @Override
    public void onExecutorExcluded(SparkListenerExecutorExcluded event) {
        try {
            executor(event.time(), "excluded", event.executorId(), event.taskFailures() + " tasks failed");
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
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
    @Override
    public void onApplicationEnd(SparkListenerApplicationEnd event) {
        try {
            dispatcher = Thread.currentThread();
            ended = true;
            countLosses();
            Object exitCode = SparkCompat.unwrap(SparkCompat.memberOrNull(event, "exitCode"));
            String stopped = Stopping.now(context.getConf());
            spool.offer(new Entry(Application.end(bridge, event.time(), exitCode, stopped, running(), meter)));
        } catch (Throwable problem) {
            gaps.add(Gaps.ENCODE_FAILED, 1, problem);
        }
        try {
            spool.close(END_TIMEOUT_MILLIS);
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
            thread.join(Math.max(1, millisUntil(deadlineNanos)));
        }
        countLosses();
        if (thread != null && !thread.isAlive() && !ended && dropped == 0) {
            gaps.add(Gaps.EVENTS_DROPPED, 1, "the end of the application was not heard of");
        }
        spool.close(Math.max(1, millisUntil(deadlineNanos)));
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

    void close() {
        spool.close(END_TIMEOUT_MILLIS);
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
