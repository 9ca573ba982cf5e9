package io.sparklineage;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.spark.scheduler.JobSucceeded$;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.StageInfo;
import org.apache.spark.sql.execution.ui.SparkListenerDriverAccumUpdates;
import org.apache.spark.storage.RDDInfo;
import scala.Product;

/** The executions, jobs and stages that are under way. Every table is bounded: the oldest entry gives way. */
final class Activity {
    private static final byte[] NOTHING = {};
    private static final int EXECUTION_LIMIT = 10_000;
    private static final int RUNNING_LIMIT = 1_000;
    private static final int JOB_LIMIT = 20_000;
    private static final int STAGE_LIMIT = 100_000;
    private static final int RDD_LIMIT = 200_000;
    private static final int RDDS_OF_JOB_LIMIT = 1_000;
    private static final int STAGES_OF_JOB_LIMIT = 10_000;

    /** Of an execution, or of a job without one. */
    private static final int ATTEMPT_LIMIT = 20_000;

    /** So many wait for the recorder's thread to be made bytes: that would take the listener's time. */
    private static final int TRIMMED_FROM = 200;
    private static final int JOBS_OF_EXECUTION_LIMIT = 10_000;
    private static final int METRICS_OF_EXECUTION_LIMIT = 10_000;

    /** Bytes of what the jobs without an execution read that are under way, all together. */
    static final int READS_LIMIT = 32 << 20;

    /** An SQL execution between its start and its end. */
    static final class Execution {
        final long id;
        Long root;
        Long startedAt;
        Long startedOrder;
        String description;
        String details;
        String jobGroup;
        final List<String> tags = new ArrayList<>();
        final List<Job> jobs = new ArrayList<>();
        int jobsLeftOut;
        private int attempts;

        /** What SQL metrics came to that the driver counts itself, by their ids. */
        private final Map<Long, Long> onDriver = new HashMap<>();
        String queryId;
        Long batchId;

        /** Those of other roots that ran when it ended: none of them made what it has read. */
        final Set<Long> beside = new HashSet<>();

        Execution(long id) {
            this.id = id;
        }

        /**
         * What SQL metrics came to, by their ids, as this execution's own tasks and the driver told it. The metrics themselves
         * begin anew when the program runs the same plan again, which may be before they are read.
         */
        Map<Long, Long> totals() {
            Map<Long, Long> totals = new HashMap<>(onDriver);
            for (Job job : jobs) {
                for (StageAttempt attempt : job.stages) {
                    for (int i = 0; i < attempt.metrics.length; i++) {
                        totals.merge(attempt.metrics[i], attempt.totals[i], Math::max);
                    }
                }
            }
            return totals;
        }

        long root() {
            return root == null ? id : root;
        }
    }

    /** A job and the stage attempts that ended in it. */
    static final class Job {
        final int id;
        final Long executionId;
        final long startedAt;
        final String callSite;

        /**
         * Whether it names an execution that has ended, and so counts as one without. A thread that was started inside an execution
         * keeps its number for as long as it lives.
         */
        final boolean late;

        /** Whether a reader started it to learn columns; asked of jobs without an execution only. */
        final boolean schemaInference;
        final List<Integer> stageIds = new ArrayList<>();
        final List<Integer> rdds = new ArrayList<>();
        final List<StageAttempt> stages = new ArrayList<>();

        /** What a job without an execution reads and writes, as members of its record. */
        byte[] reads = NOTHING;

        /** Whether its execution has no room for it. */
        private boolean isLeftOut;
        Long endedAt;
        Boolean succeeded;
        Failure failure;

        /** The attempts of its stages as JSON values, with the distributions of their tasks or without. */
        JsonWriter writeStages(boolean detailed) {
            JsonWriter json = new JsonWriter();
            for (StageAttempt attempt : stages) {
                attempt.write(json, id, detailed);
            }
            return json;
        }

        Job(int id, Long executionId, boolean late, long startedAt, String callSite, boolean schemaInference) {
            this.id = id;
            this.executionId = executionId;
            this.late = late;
            this.startedAt = startedAt;
            this.callSite = callSite;
            this.schemaInference = schemaInference;
        }
    }

    private final Map<Long, Execution> executions = new Bounded<>(EXECUTION_LIMIT);
    private final SeenExecutions ended = new SeenExecutions(EXECUTION_LIMIT);
    private final Map<Integer, Job> jobs = new Bounded<>(JOB_LIMIT, this::release);
    private final Map<Integer, Integer> stageJobs = new Bounded<>(STAGE_LIMIT);

    /** Asked and changed by the recorder's thread, too. */
    private final Map<Integer, Long> rddExecutions = Collections.synchronizedMap(new Bounded<>(RDD_LIMIT));
    final Stages stages = new Stages();
    private int readBytes;
    private final AtomicLong leftOut = new AtomicLong();

    /** The execution of that id, made if it is not known. */
    Execution execution(long id) {
        return executions.computeIfAbsent(id, Execution::new);
    }

    /** The execution that ends now, with its jobs; it is forgotten here. */
    Execution removeExecution(long id) {
        Execution known = executions.remove(id);
        ended.add(id);
        Execution execution = known == null ? new Execution(id) : known;
        for (Job job : execution.jobs) {
            forget(job);
        }
        for (Execution other : executions.values()) {
            if (other.root() != execution.root()) {
                execution.beside.add(other.id);
            }
        }
        return execution;
    }

    /** Notes what SQL metrics of an execution that is under way came to on the driver. */
    void countedOnDriver(SparkListenerDriverAccumUpdates event) throws Throwable {
        Execution execution = executions.get(event.executionId());
        if (execution == null) {
            return;
        }
        for (Object update : SparkCompat.elements(SparkCompat.member(event, "accumUpdates"), METRICS_OF_EXECUTION_LIMIT)) {
            if (execution.onDriver.size() < METRICS_OF_EXECUTION_LIMIT) {
                execution.onDriver.put((Long) ((Product) update).productElement(0), (Long) ((Product) update).productElement(1));
            }
        }
    }

    /** The executions that have started and not ended, the first of them. */
    List<Long> running() {
        List<Long> running = new ArrayList<>();
        for (Execution execution : executions.values()) {
            if (execution.startedAt != null && running.size() < RUNNING_LIMIT) {
                running.add(execution.id);
            }
        }
        return running;
    }

    /** The execution whose job first computed an RDD, or null. */
    Long executionOfRdd(int rdd) {
        return rddExecutions.get(rdd);
    }

    void forgetRdd(int rdd) {
        rddExecutions.remove(rdd);
    }

    Job jobStarted(SparkListenerJobStart event) throws Throwable {
        Properties properties = event.properties() == null ? new Properties() : event.properties();
        Long named = number(properties.getProperty("spark.sql.execution.id"));
        boolean late = named != null && !executions.containsKey(named) && ended.contains(named, named);
        Long executionId = late ? null : named;
        List<Object> stageInfos = SparkCompat.elements(SparkCompat.member(event, "stageInfos"), STAGES_OF_JOB_LIMIT);
        StageInfo last = stageInfos.isEmpty() ? null : (StageInfo) stageInfos.get(stageInfos.size() - 1);
        Job job = new Job(event.jobId(), executionId, late, event.time(), last == null ? null : last.name(),
                executionId == null && last != null && isSchemaInference(last));
        for (Object element : stageInfos) {
            StageInfo stage = (StageInfo) element;
            job.stageIds.add(stage.stageId());
            stageJobs.putIfAbsent(stage.stageId(), job.id);
            for (Object info : SparkCompat.elementsOf(stage, "rddInfos")) {
                noteRdd(job, ((RDDInfo) info).id());
            }
        }
        jobs.put(job.id, job);
        if (executionId != null) {
            joinExecution(job, execution(executionId), properties);
        }
        return job;
    }

    private void noteRdd(Job job, int rdd) {
        if (job.rdds.size() < RDDS_OF_JOB_LIMIT && !job.rdds.contains(rdd)) {
            job.rdds.add(rdd);
        }
        if (job.executionId != null) {
            rddExecutions.putIfAbsent(rdd, job.executionId);
        }
    }

    private static void joinExecution(Job job, Execution execution, Properties properties) {
        if (execution.jobs.size() < JOBS_OF_EXECUTION_LIMIT) {
            execution.jobs.add(job);
        } else {
            execution.jobsLeftOut++;
            job.isLeftOut = true;
        }
        if (execution.root == null) {
            execution.root = number(properties.getProperty("spark.sql.execution.root.id"));
        }
        if (execution.jobGroup == null) {
            execution.jobGroup = properties.getProperty("spark.jobGroup.id");
        }
        if (execution.queryId == null) {
            execution.queryId = properties.getProperty("sql.streaming.queryId");
            execution.batchId = number(properties.getProperty("streaming.sql.batchId"));
        }
    }

    private static Long number(String text) {
        try {
            return text == null ? null : Long.valueOf(text);
        } catch (NumberFormatException notANumber) {
            return null;
        }
    }

    /** The job that ended, if it is one without an execution; else null. */
    Job jobEnded(SparkListenerJobEnd event) {
        Job job = jobs.get(event.jobId());
        if (job == null) {
            return null;
        }
        job.endedAt = event.time();
        job.succeeded = event.jobResult() == JobSucceeded$.MODULE$;
        if (job.isLeftOut) {
            forget(job);
        }
        if (job.executionId != null) {
            return null;
        }
        Object thrown = SparkCompat.memberOrNull(event.jobResult(), "exception");
        job.failure = thrown instanceof Throwable ? Failure.of((Throwable) thrown) : null;
        forget(job);
        return job;
    }

    /** Notes what a job without an execution reads and writes; where all of them have too much to say, what the oldest said is left out. */
    void reads(Job job, byte[] members) {
        release(job);
        job.reads = members;
        readBytes += members.length;
        for (Iterator<Job> oldest = jobs.values().iterator(); readBytes > READS_LIMIT && oldest.hasNext();) {
            Job other = oldest.next();
            if (other.reads.length > 0) {
                release(other);
                other.reads = NOTHING;
                leftOut.incrementAndGet();
            }
        }
    }

    private void release(Job job) {
        readBytes -= job.reads.length;
    }

    /** How many stage attempts, and reads of jobs, were left out since this was last asked. */
    long takeLeftOut() {
        return leftOut.getAndSet(0);
    }

    void forget(Job job) {
        if (jobs.remove(job.id, job)) {
            release(job);
        }
        for (Integer stage : job.stageIds) {
            stageJobs.remove(stage, job.id);
        }
        stages.forget(job.stages);
    }

    /** A job that a reader starts itself looks at the files to learn their columns. */
    private static boolean isSchemaInference(StageInfo stage) {
        String details = stage.details();
        return details != null && (details.contains(".DataFrameReader.") || details.contains(".DataStreamReader."));
    }

    void stageCompleted(StageInfo stage) {
        Integer jobId = stageJobs.get(stage.stageId());
        Job job = jobId == null ? null : jobs.get(jobId);
        Execution execution = job == null || job.executionId == null ? null : executions.get(job.executionId);
        int attempts = job == null ? 0 : execution == null ? job.stages.size() : execution.attempts;
        if (job == null || job.isLeftOut) {
            stages.dropped(stage);
        } else if (attempts >= ATTEMPT_LIMIT) {
            stages.dropped(stage);
            leftOut.incrementAndGet();
        } else {
            StageAttempt attempt = stages.completed(stage, job.executionId != null);
            job.stages.add(attempt);
            if (execution != null) {
                execution.attempts++;
            }
            if (attempts >= TRIMMED_FROM) {
                attempt.trim();
            }
        }
    }

    /** A map that drops its oldest entry when it is full. */
    static final class Bounded<K, V> extends LinkedHashMap<K, V> {
        private static final long serialVersionUID = 1L;
        private final int limit;
        private final transient Consumer<V> dropped;

        Bounded(int limit) {
            this(limit, value -> { });
        }

        /** @param dropped is told of each entry that gives way */
        Bounded(int limit, Consumer<V> dropped) {
            this.limit = limit;
            this.dropped = dropped;
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
            boolean isFull = size() > limit;
            if (isFull) {
                dropped.accept(eldest.getValue());
            }
            return isFull;
        }
    }
}
