package io.sparklineage;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/**
 * Makes bytes of what has ended and hands them to the spool, in the order of the events, on a thread of its own: a plan that takes
 * long holds up no event. What waits keeps its plan, so little may wait; where there is no room the listener waits, too, but not for
 * one that does not come to its end.
 */
final class Recorder {
    static final int WAITING_LIMIT = 16;
    private static final long ROOM_MILLIS = 100;

    /** So many waits for room are in vain before the listener goes on: counted, since a driver that is stopped for a minute has not worked. */
    private static final int WAITS = 600;

    /** So long the end of an application may wait for records: those that find no room, all of them together, and what waits at last. */
    static final long END_MILLIS = 7_000;

    private final String bridge;
    private final String user;
    private final Settings settings;
    private final Spool spool;
    private final Gaps gaps;
    private final Activity activity;
    private final Intents intents;
    private final LiteralHasher hasher;
    private final NameMasker names;
    private final StreamingNames streaming = new StreamingNames();
    private final Origins origins = new Origins();
    private final PlanCache plans = new PlanCache(PlanCache.BYTE_LIMIT);
    private final Sampling sampling;
    private final AtomicLong executions = new AtomicLong();
    private final Meter.ThreadTime time = new Meter.ThreadTime();
    private final ThreadPoolExecutor thread;
    private final int waits;
    private final BooleanSupplier isEnding;

    /** How often somebody has waited for room since the application ends. */
    private volatile int endWaits;

    /** How much was done when somebody had waited in vain: while it stays so, nobody else waits. */
    private volatile long stuckAt = -1;

    /** Entries that are to be made, or are being made. */
    private long due;
    private boolean isOver;

    /** Makes an entry on the thread; null where there is nothing to tell. */
    private interface Work {
        Entry make() throws Throwable;
    }

    /** An entry that is due until it is handed over or counted as lost. */
    private final class Task implements Runnable {
        private final Work work;
        private boolean isSettled;

        Task(Work work) {
            this.work = work;
        }

        @Override
        public void run() {
            try {
                hand(this);
                time.nanos();  // nobody can ask when the thread has ended
            } catch (Throwable unforeseen) {
                try {
                    lose(this, unforeseen);
                } catch (Throwable again) {
                    // The thread goes on; what is due still is counted at the end.
                }
            }
        }
    }

    /**
     * @param activity what is asked for the makers of RDDs, from this thread
     * @param isEnding whether somebody waits for the end of the application, or of lineage in it
     */
    Recorder(String bridge, String user, Settings settings, Spool spool, Gaps gaps, Activity activity, Intents intents,
            NameMasker names, BooleanSupplier isEnding) {
        this(bridge, user, settings, spool, gaps, activity, intents, names, isEnding, WAITS);
    }

    Recorder(String bridge, String user, Settings settings, Spool spool, Gaps gaps, Activity activity, Intents intents,
            NameMasker names, BooleanSupplier isEnding, int waits) {
        this.bridge = bridge;
        this.user = user;
        this.settings = settings;
        this.spool = spool;
        this.gaps = gaps;
        this.activity = activity;
        this.intents = intents;
        this.hasher = new LiteralHasher(settings.hashKey);
        this.names = names;
        this.sampling = new Sampling(settings.sample);
        this.waits = waits;
        this.isEnding = isEnding;
        this.thread = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING_LIMIT), work -> {
            Thread made = new Thread(work, "spark-lineage-recorder");
            made.setDaemon(true);
            return made;
        }, (work, full) -> waitForRoom(work));
        thread.prestartCoreThread();
    }

    private void waitForRoom(Runnable work) {
        boolean isQueued = false;
        for (int i = 0; !isQueued; i++) {
            if (thread.isShutdown()) {
                throw new RejectedExecutionException("the application has ended");
            }
            long done = thread.getCompletedTaskCount();
            if (isEnding.getAsBoolean() && endWaits++ >= END_MILLIS / ROOM_MILLIS) {
                throw new RejectedExecutionException("the application ends, and there is no time left");
            }
            if (done == stuckAt || i >= waits) {
                stuckAt = done;
                throw new RejectedExecutionException("an execution before it takes too long to record");
            }
            thread.prestartCoreThread();  // one that has died makes no room
            try {
                isQueued = thread.getQueue().offer(work, ROOM_MILLIS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException nobodyMayInterrupt) {
                // The flag is cleared: Spark would take a listener off its bus whose thread is interrupted.
                continue;
            }
        }
        // Shut down since it was looked at: then nobody takes it out of the queue.
        if (thread.isShutdown() && thread.remove(work)) {
            throw new RejectedExecutionException("the application has ended");
        }
    }

    /** Has an entry made and handed to the spool; what cannot be is counted. */
    private void submit(Work work) {
        Task task = new Task(work);
        expect();
        try {
            thread.execute(task);
        } catch (Throwable refused) {
            lose(task, refused);
        }
    }

    /** Counts an entry, unless it was handed over or counted before; rather twice than never where that cannot be told. */
    private void lose(Task task, Throwable why) {
        boolean isOurs = true;
        try {
            isOurs = settle(task);
        } catch (Throwable worse) {
            // It is due for ever, and counted.
        }
        if (isOurs) {
            gaps.add(Gaps.ENCODE_FAILED, 1, why);
        }
    }

    private void hand(Task task) {
        boolean isOurs = false;
        try {
            time.here();
            Entry entry = task.work.make();
            isOurs = settle(task);
            if (isOurs && entry != null) {
                spool.offer(entry);
            }
        } catch (Throwable problem) {
            if (isOurs) {
                gaps.add(Gaps.ENCODE_FAILED, 1, problem);
            } else {
                lose(task, problem);
            }
        }
    }

    private synchronized void expect() {
        if (isOver) {
            throw new RejectedExecutionException("the application has ended");
        }
        due++;
    }

    /** Whoever gets true here, once for a task, sees to it; nobody does where it was counted as lost at the end. */
    private synchronized boolean settle(Task task) {
        boolean isFirst = !task.isSettled && !isOver;
        task.isSettled = true;
        due -= isFirst ? 1 : 0;
        return isFirst;
    }

    private synchronized long due() {
        return due;
    }

    /** Adds what is recorded, what waits and what it has cost. */
    void measure(Meter meter) {
        meter.with("executions", executions::get).with("sampled_out", sampling::leftOut)
                .with("queued_executions", this::due).with("recorder_nanos", time);
    }

    /** Records an execution that has ended; nobody else may change it any more. */
    void ended(SparkListenerSQLExecutionEnd event, Activity.Execution execution, long order) {
        // Looked up here and let go: the plan it holds is freed with what waits, also where that is refused.
        PlanEncoder begun = intents.begun(execution.root());
        intents.ended(execution.id);
        submit(() -> record(event, execution, order, begun));
    }

    /** Records what a streaming query tells of itself; one that waits for data says so, too, and that tells nothing. */
    void streamed(StreamingQueryListener.Event event) {
        if (event instanceof StreamingQueryListener.QueryIdleEvent) {
            return;
        }
        long now = System.currentTimeMillis();
        submit(() -> record(event, now));
    }

    /** Passes a marker on to whoever waits for it, after all that came before; where there is no room, the time of who waits runs out. */
    void arrived(FlushMarker marker) {
        try {
            thread.execute(marker.arrived::countDown);
        } catch (RejectedExecutionException noRoom) {
            // It is no record: nothing is lost.
        }
    }

    /**
     * Ends the thread when it has done all that waits, and waits for that so long at most; what is left then, and what is under way,
     * is counted as lost. What the end has waited for room is a part of that time.
     */
    void close(long timeoutMillis) {
        thread.shutdown();
        boolean isDone = false;
        try {
            isDone = thread.awaitTermination(Math.max(1, timeoutMillis - endWaits * ROOM_MILLIS), TimeUnit.MILLISECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        if (!isDone) {
            thread.getQueue().clear();
        }
        long left = giveUp();
        if (left > 0) {
            gaps.add(Gaps.ENCODE_FAILED, left, "executions were not recorded before the application ended");
        }
    }

    /** How many entries are due still: nobody will see to them. */
    private synchronized long giveUp() {
        long left = due;
        isOver = true;
        due = 0;
        return left;
    }

    private Entry record(StreamingQueryListener.Event event, long now) {
        if (event instanceof StreamingQueryListener.QueryStartedEvent) {
            StreamingQueryListener.QueryStartedEvent start = (StreamingQueryListener.QueryStartedEvent) event;
            Long at = StreamProgress.millis(start.timestamp());
            return new Entry(StreamProgress.started(bridge, streaming.started(start), at == null ? now : at));
        } else if (event instanceof StreamingQueryListener.QueryProgressEvent) {
            StreamingQueryListener.QueryProgressEvent progress = (StreamingQueryListener.QueryProgressEvent) event;
            Long execution = streaming.executionOf(progress.progress().runId(), progress.progress().batchId());
            return new Entry(StreamProgress.progress(bridge, progress, execution));
        } else if (event instanceof StreamingQueryListener.QueryTerminatedEvent) {
            StreamingQueryListener.QueryTerminatedEvent end = (StreamingQueryListener.QueryTerminatedEvent) event;
            return new Entry(StreamProgress.ended(bridge, streaming.ended(end), streaming.failure(end), now));
        }
        return null;
    }

    private Entry record(SparkListenerSQLExecutionEnd event, Activity.Execution execution, long order, PlanEncoder begun) {
        ExecutionRecord record = new ExecutionRecord(bridge, user, names, execution);
        record.endedAt = event.time();
        record.endedOrder = order;
        Throwable thrown = (Throwable) SparkCompat.unwrap(event.executionFailure());
        if (thrown != null) {
            record.failure = Failure.of(thrown);
            record.state = record.failure.isCancelled() ? "CANCELLED" : "FAILED";
        }
        Map<String, byte[]> sections = new LinkedHashMap<>();
        try {
            readQuery(event, record, begun, sections);
        } catch (Throwable problem) {
            record.planFailure = Failure.of(problem);
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
        Entry entry = new Entry(record.toBytes(), sections);
        executions.incrementAndGet();
        return entry;
    }

    private void readQuery(SparkListenerSQLExecutionEnd event, ExecutionRecord record, PlanEncoder begun,
            Map<String, byte[]> sections) throws Throwable {
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
        PlanEncoder encoder = encoder(begun, analyzed, query.isMicroBatch());
        EncodedPlan plan = encoder.encode(analyzed, executed, record.execution.totals());
        if (record.failure != null) {
            record.failedNode = encoder.indexOf(FailedOperator.find(executed, record.failure.contexts()));
        }
        if (plan.record.length > Spool.RECORD_LIMIT) {
            gaps.add(Gaps.TOO_LARGE, 1, null);
            return;
        }
        Map<Integer, List<Long>> makers = origins.of(plan, activity, record.execution);
        addOrigins(record, makers, sections);
        record.plan = plan;
        sections.put(plan.hash, plans.intern(plan.hash, plan.record));
        origins.ended(record.execution.id, plan, makers, isCheckpoint(event));
    }

    /** One that goes on where the intent of the write ended, or that of the write in which this one ran. */
    private PlanEncoder encoder(PlanEncoder begun, LogicalPlan analyzed, boolean microBatch) {
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
}
