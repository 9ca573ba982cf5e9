package io.sparklineage;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.Success$;
import org.apache.spark.TaskCommitDenied;
import org.apache.spark.TaskKilled;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.scheduler.StageInfo;

/**
 * The stage attempts of which a job still has to tell. The work for one task is a handful of additions; what is kept does not
 * grow with the number of tasks, and of more stages than the limits the oldest give way.
 */
final class Stages {
    private static final int ATTEMPT_LIMIT = 20_000;
    private static final int SPREAD_LIMIT = 200;
    private static final int METRIC_LIMIT = 10_000;

    private final Map<Long, StageAttempt> attempts = new Activity.Bounded<>(ATTEMPT_LIMIT);
    private final Map<Long, TaskSpreads> spreads = new Activity.Bounded<>(SPREAD_LIMIT);

    private static long key(int stageId, int attempt) {
        return (long) stageId << 32 | attempt;
    }

    void submitted(StageInfo stage) {
        long key = key(stage.stageId(), stage.attemptNumber());
        attempts.putIfAbsent(key, new StageAttempt(stage.stageId(), stage.attemptNumber()));
        spreads.putIfAbsent(key, new TaskSpreads());
    }

    void taskStarted(SparkListenerTaskStart event) {
        StageAttempt attempt = attempts.get(key(event.stageId(), event.stageAttemptId()));
        if (attempt != null) {
            attempt.runningTasks++;
            attempt.speculativeTasks += event.taskInfo() != null && event.taskInfo().speculative() ? 1 : 0;
        }
    }

    /** A task that may not commit because another one did counts as killed, as in Spark's own pages. */
    void taskEnded(SparkListenerTaskEnd event) {
        long key = key(event.stageId(), event.stageAttemptId());
        StageAttempt attempt = attempts.get(key);
        if (attempt != null) {
            attempt.runningTasks--;
        }
        if (event.reason() == Success$.MODULE$) {
            TaskSpreads spread = spreads.get(key);
            TaskMetrics metrics = event.taskMetrics();
            if (spread != null && metrics != null && event.taskInfo() != null) {
                spread.add(event.taskInfo(), metrics);
            }
        } else if (attempt != null) {
            boolean killed = event.reason() instanceof TaskKilled || event.reason() instanceof TaskCommitDenied;
            attempt.killedTasks += killed ? 1 : 0;
            attempt.failedTasks += killed ? 0 : 1;
        }
    }

    /** The attempt that ended; from here on only its counts may change. */
    StageAttempt completed(StageInfo stage, boolean inExecution) {
        long key = key(stage.stageId(), stage.attemptNumber());
        StageAttempt attempt = attempts.computeIfAbsent(key,
                unseen -> new StageAttempt(stage.stageId(), stage.attemptNumber()));
        attempt.ended = StageRecord.write(stage);
        attempt.complete = stage.failureReason().isEmpty();
        TaskSpreads spread = spreads.remove(key);
        if (spread != null) {
            attempt.distributions = spread.write();
        }
        if (inExecution) {
            readMetrics(attempt, stage);
        }
        return attempt;
    }

    /** A stage that no job tells of. */
    void dropped(StageInfo stage) {
        long key = key(stage.stageId(), stage.attemptNumber());
        attempts.remove(key);
        spreads.remove(key);
    }

    /** How many attempts, and how many with their tasks' values, are remembered. */
    List<Integer> sizes() {
        return Arrays.asList(attempts.size(), spreads.size());
    }

    void forget(List<StageAttempt> ended) {
        for (StageAttempt attempt : ended) {
            attempts.remove(key(attempt.stageId, attempt.attempt));
        }
    }

    /**
     * The accumulators that its tasks changed, but for those that every task has. A task that ends late may still change the
     * map while it is read: then nothing is known.
     */
    private static void readMetrics(StageAttempt attempt, StageInfo stage) {
        try {
            List<Object> entries = SparkCompat.elements(stage.accumulables(), METRIC_LIMIT);
            long[] ids = new long[entries.size()];
            long[] totals = new long[entries.size()];
            int count = 0;
            for (Object entry : entries) {
                AccumulableInfo info = (AccumulableInfo) ((scala.Product) entry).productElement(1);
                Object name = SparkCompat.unwrap(info.name());
                Object total = SparkCompat.unwrap(info.value());
                if (name != null && !name.toString().startsWith("internal.") && total instanceof Number) {
                    ids[count] = info.id();
                    totals[count++] = ((Number) total).longValue();
                }
            }
            attempt.metrics = Arrays.copyOf(ids, count);
            attempt.totals = Arrays.copyOf(totals, count);
        } catch (Throwable changed) {
            LeftOut.note(changed);
        }
    }
}
