package io.sparklineage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.Success$;
import org.apache.spark.TaskCommitDenied;
import org.apache.spark.TaskEndReason;
import org.apache.spark.TaskKilled;
import org.apache.spark.executor.ExecutorMetrics;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.JobSucceeded$;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.scheduler.StageInfo;
import org.apache.spark.scheduler.TaskInfo;
import org.apache.spark.scheduler.TaskLocality;
import org.junit.jupiter.api.Test;
import scala.Option;
import scala.collection.JavaConverters;
import scala.collection.Seq;

/** Jobs, stages and tasks as the listener hears of them. */
class StagesTest {
    private final Activity activity = new Activity();

    private static <T> Seq<T> none() {
        return JavaConverters.asScalaBuffer(Collections.<T>emptyList()).toList();
    }

    private static StageInfo stage(int id, int attempt) {
        return stage(id, attempt, new TaskMetrics());
    }

    private static StageInfo stage(int id, int attempt, TaskMetrics metrics) {
        return new StageInfo(id, attempt, "save at X.java:7", 4, none(), none(), "details", metrics, none(),
                Option.empty(), 0, false, 0);
    }

    private Activity.Job job(int id, StageInfo... stages) throws Throwable {
        Properties properties = new Properties();
        properties.setProperty("spark.sql.execution.id", "5");
        Seq<StageInfo> infos = JavaConverters.asScalaBuffer(java.util.Arrays.asList(stages)).toList();
        return activity.jobStarted(new SparkListenerJobStart(id, 1L, infos, properties));
    }

    private static TaskInfo task(boolean speculative, int millis) {
        TaskInfo task = new TaskInfo(1, 0, 0, 0, 1_000, "driver", "localhost", TaskLocality.PROCESS_LOCAL(), speculative);
        task.markFinished(org.apache.spark.TaskState.FINISHED(), 1_000 + millis);
        return task;
    }

    private void end(StageInfo stage, TaskEndReason reason, int millis) {
        TaskMetrics metrics = new TaskMetrics();
        metrics.setExecutorRunTime(millis * 2L);
        activity.stages.taskEnded(new SparkListenerTaskEnd(stage.stageId(), stage.attemptNumber(), "ResultTask", reason,
                task(false, millis), new ExecutorMetrics(), reason == Success$.MODULE$ ? metrics : null));
    }

    private static TaskEndReason failure() {
        return new ExceptionFailure("java.lang.RuntimeException", "hunter2", new StackTraceElement[0], "hunter2",
                Option.empty(), none(), none(), none());
    }

    private static String tail(Activity.Job job) {
        String json = job.writeStages(true).toString();
        return json.substring(json.indexOf("\"distributions\""));
    }

    @Test
    void tasksAreCountedAsTheyEndAndThoseThatEndAfterTheirStageToo() throws Throwable {
        StageInfo stage = stage(3, 0);
        Activity.Job job = job(1, stage);
        activity.stages.submitted(stage);
        activity.stages.taskStarted(new SparkListenerTaskStart(3, 0, task(true, 1)));
        for (int millis : new int[] {40, 10, 20, 30}) {
            end(stage, Success$.MODULE$, millis);
        }
        end(stage, failure(), 500);
        end(stage, new TaskCommitDenied(3, 0, 1), 500);
        activity.stageCompleted(stage);
        end(stage, new TaskKilled("another attempt succeeded", none(), none(), none()), 500);
        assertEquals("\"distributions\":{\"duration_ms\":[10,20,30,40,40],\"executor_run_time_ms\":[20,40,60,80,80]},"
                + "\"job_id\":1,\"failed_tasks\":1,\"killed_tasks\":2,\"speculative_tasks\":1}", tail(job));
    }

    @Test
    void aSlowTaskThatIsStillBeingKilledWhenTheQueryEndsIsKilled() throws Throwable {
        StageInfo stage = stage(3, 0);
        Activity.Job job = job(1, stage);
        activity.stages.submitted(stage);
        activity.stages.taskStarted(new SparkListenerTaskStart(3, 0, task(false, 1)));
        activity.stages.taskStarted(new SparkListenerTaskStart(3, 0, task(true, 1)));
        end(stage, Success$.MODULE$, 10);
        activity.stageCompleted(stage);
        assertTrue(tail(job).endsWith("\"killed_tasks\":1,\"speculative_tasks\":1}"), tail(job));
        end(stage, new TaskKilled("another attempt succeeded", none(), none(), none()), 500);
        assertTrue(tail(job).endsWith("\"killed_tasks\":1,\"speculative_tasks\":1}"), tail(job));
    }

    @Test
    void anExecutionHasSoManyAttemptsInAllItsJobs() throws Throwable {
        Activity.Job first = job(1, stage(3, 0));
        Activity.Job second = job(2, stage(4, 0));
        for (int attempt = 0; attempt < 12_000; attempt++) {
            activity.stageCompleted(stage(3, attempt));
            activity.stageCompleted(stage(4, attempt));
        }
        assertEquals(10_000, first.stages.size());
        assertEquals(10_000, second.stages.size());
        assertEquals(4_000, activity.takeLeftOut());
        activity.removeExecution(5);
        assertEquals(Arrays.asList(0, 0), activity.stages.sizes());
    }

    @Test
    void theStagesOfJobsThatThereIsNoRoomForAreNotCountedOnceMore() throws Throwable {
        Activity.Job last = null;
        for (int id = 1; id <= 10_010; id++) {
            last = job(id, stage(id, 0));
            activity.stageCompleted(stage(id, 0));
        }
        assertTrue(last.stages.isEmpty());
        assertEquals(0, activity.takeLeftOut());
        Activity.Execution execution = activity.removeExecution(5);
        assertEquals(10, execution.jobsLeftOut);
        assertEquals(10_000, execution.jobs.size());
    }

    @Test
    void jobsThatThereIsNoRoomForPushNoOtherOut() throws Throwable {
        Activity.Job first = job(1, stage(1, 0));
        for (int id = 2; id <= 30_000; id++) {
            job(id, stage(id, 0));
            activity.jobEnded(new SparkListenerJobEnd(id, 2L, JobSucceeded$.MODULE$));
        }
        activity.stageCompleted(stage(1, 0));
        assertEquals(1, first.stages.size());
    }

    /** No two of its numbers are alike. */
    private static TaskMetrics eachItsOwnNumber() {
        TaskMetrics metrics = new TaskMetrics();
        metrics.setExecutorRunTime(1_001);
        metrics.setExecutorCpuTime(1_002);
        metrics.setJvmGCTime(1_003);
        metrics.inputMetrics().incRecordsRead(1_004);
        metrics.inputMetrics().incBytesRead(1_005);
        metrics.outputMetrics().setRecordsWritten(1_006);
        metrics.outputMetrics().setBytesWritten(1_007);
        metrics.shuffleReadMetrics().incRecordsRead(1_008);
        metrics.shuffleReadMetrics().incRemoteBytesRead(900);
        metrics.shuffleReadMetrics().incLocalBytesRead(109);
        metrics.shuffleWriteMetrics().incRecordsWritten(1_010);
        metrics.shuffleWriteMetrics().incBytesWritten(1_011);
        metrics.incMemoryBytesSpilled(1_012);
        metrics.incDiskBytesSpilled(1_013);
        metrics.incPeakExecutionMemory(1_014);
        metrics.setResultSize(1_015);
        metrics.setExecutorDeserializeTime(1_016);
        metrics.setExecutorDeserializeCpuTime(1_017);
        metrics.setResultSerializationTime(1_018);
        return metrics;
    }

    private static String five(String name, int value) {
        return "\"" + name + "\":[" + String.join(",", Collections.nCopies(5, String.valueOf(value))) + "]";
    }

    @Test
    void eachNumberOfATaskArrivesInItsOwnField() throws Throwable {
        TaskMetrics metrics = eachItsOwnNumber();
        StageInfo stage = stage(3, 0, metrics);
        Activity.Job job = job(1, stage);
        activity.stages.submitted(stage);
        activity.stages.taskEnded(new SparkListenerTaskEnd(3, 0, "ResultTask", Success$.MODULE$, task(false, 1_000),
                new ExecutorMetrics(), metrics));
        activity.stageCompleted(stage);
        String json = job.writeStages(true).toString();
        String sums = "\"metrics\":{\"executor_run_time_ms\":1001,\"executor_cpu_time_ns\":1002,\"jvm_gc_time_ms\":1003,"
                + "\"input_rows\":1004,\"input_bytes\":1005,\"output_rows\":1006,\"output_bytes\":1007,\"shuffle_read_rows\":1008,"
                + "\"shuffle_read_bytes\":1009,\"shuffle_write_rows\":1010,\"shuffle_write_bytes\":1011,"
                + "\"memory_spilled_bytes\":1012,\"disk_spilled_bytes\":1013,\"peak_execution_memory_bytes\":1014,"
                + "\"result_bytes\":1015}";
        assertTrue(json.contains(sums), json);
        assertTrue(json.contains("\"distributions\":{" + String.join(",", five("duration_ms", 1000),
                five("executor_run_time_ms", 1001), five("jvm_gc_time_ms", 1003), five("input_rows", 1004), five("input_bytes", 1005),
                five("output_rows", 1006), five("output_bytes", 1007), five("shuffle_read_rows", 1008),
                five("shuffle_read_bytes", 1009), five("shuffle_write_rows", 1010), five("shuffle_write_bytes", 1011),
                five("memory_spilled_bytes", 1012), five("disk_spilled_bytes", 1013), five("peak_execution_memory_bytes", 1014))
                + "}"), json);
    }

    @Test
    void attemptsOfAStageAreApartAndTheFailedOneSaysWhy() throws Throwable {
        StageInfo first = stage(3, 0);
        Activity.Job job = job(1, first);
        activity.stages.submitted(first);
        end(first, failure(), 5);
        first.stageFailed("Job aborted due to stage failure: Task 1 in stage 3.0 failed 1 times, most recent failure: "
                + "Lost task 1.0 in stage 3.0 (TID 9) (host executor driver): java.lang.RuntimeException: hunter2\n\tat x");
        activity.stageCompleted(first);
        StageInfo second = stage(3, 1);
        activity.stages.submitted(second);
        end(second, Success$.MODULE$, 5);
        activity.stageCompleted(second);
        String json = job.writeStages(true).toString();
        assertTrue(json.contains("\"attempt\":0,\"name\":\"save at X.java:7\",\"state\":\"FAILED\",\"failure\":\"Job aborted due to "
                + "stage failure: Task ? in stage ? failed ? times, most recent failure: Lost task ? in stage ? (TID ?) "
                + "(host executor driver): java.lang.RuntimeException\""), json);
        assertTrue(json.contains("\"distributions\":{},\"job_id\":1,\"failed_tasks\":1,"), json);
        assertTrue(json.contains("\"attempt\":1,\"name\":\"save at X.java:7\",\"state\":\"COMPLETE\",\"failure\":null"), json);
        assertTrue(json.endsWith("\"job_id\":1,\"failed_tasks\":0,\"killed_tasks\":0,\"speculative_tasks\":0}"), json);
    }

    @Test
    void aMessageFromElsewhereIsNotTold() {
        assertEquals("com.shop.BadCustomer", StageFailure.of("com.shop.BadCustomer: hunter2\n\tat x"));
        assertEquals("org.apache.spark.SparkException", StageFailure.of("org.apache.spark.SparkException: hunter2"));
        assertEquals("org.apache.spark.shuffle.MetadataFetchFailedException: Missing an output location for shuffle ? partition ?",
                StageFailure.of("org.apache.spark.shuffle.MetadataFetchFailedException: Missing an output location for "
                        + "shuffle 0 partition 2\n\tat x"));
        assertEquals("org.apache.spark.api.python.PythonException",
                StageFailure.of("org.apache.spark.api.python.PythonException: Traceback hunter2"));
        assertEquals("[USER_RAISED_EXCEPTION]", StageFailure.of("[USER_RAISED_EXCEPTION] hunter2 SQLSTATE: P0001"));
        assertEquals("Job ? cancelled", StageFailure.of("Job 3 cancelled because of hunter2"));
        assertEquals("Job aborted due to stage failure", StageFailure.of("Job aborted due to stage failure: hunter2"));
        assertEquals("Job aborted due to stage failure: Task ? in stage ? failed ? times, most recent failure: Lost task ? in "
                + "stage ? (TID ?) (host executor ?): ExecutorLostFailure", StageFailure.of("Job aborted due to stage failure: Task 1 in "
                + "stage 3.0 failed 4 times, most recent failure: Lost task 1.0 in stage 3.0 (TID 9) (host executor 2): "
                + "ExecutorLostFailure (executor 2 exited) Reason: hunter2"));
        assertNull(StageFailure.of("hunter2"));
    }

    @Test
    void operatorsAreJoinedToStagesByTheirMetrics() throws Throwable {
        StageInfo map = stage(3, 0);
        StageInfo reduce = stage(4, 0);
        Activity.Job job = job(1, map, reduce);
        note(map, 70, "internal.metrics.executorRunTime", 1L);
        note(map, 71, "number of output rows", 1_000L);
        note(map, 72, "shuffle bytes written", 64L);
        note(reduce, 71, "number of output rows", 1_007L);
        note(reduce, 73, "records read", 7L);
        note(reduce, 74, "names of customers", "hunter2");
        activity.stageCompleted(map);
        activity.stageCompleted(reduce);
        Map<Integer, long[]> operators = new LinkedHashMap<>();
        operators.put(2, new long[] {70});
        operators.put(5, new long[] {72, 73, 99});
        operators.put(6, new long[] {71});
        JsonWriter json = new JsonWriter();
        OperatorStages.write(json, operators, Collections.singletonList(job));
        assertEquals("[5,[3,4]],[6,[3,4]]", json.toString());
        Activity.Execution execution = new Activity.Execution(1);
        execution.jobs.add(job);
        Map<Long, Long> totals = new LinkedHashMap<>();
        totals.put(71L, 1_007L);
        totals.put(72L, 64L);
        totals.put(73L, 7L);
        assertEquals(totals, execution.totals());
    }

    private static void note(StageInfo stage, long id, String name, Object total) {
        stage.accumulables().put(id, new AccumulableInfo(id, Option.apply(name), Option.empty(), Option.apply(total), true, true,
                Option.apply("sql")));
    }

    @Test
    void stagesThatAreNeverHeardOfAgainDoNotFillTheDriver() {
        Stages stages = new Stages();
        for (int id = 0; id < 30_000; id++) {
            stages.submitted(stage(id, 0));
        }
        assertEquals("[20000, 200]", stages.sizes().toString());
    }
}
