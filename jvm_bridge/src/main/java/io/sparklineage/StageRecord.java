package io.sparklineage;

import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.StageInfo;

/** What Spark says of a stage attempt that ended, as members of its record: the sums of its tasks' metrics among them. */
final class StageRecord {
    private static final int NAME_LIMIT = 500;

    private StageRecord() {
    }

    static JsonWriter write(StageInfo stage) {
        JsonWriter json = new JsonWriter();
        String failure = (String) SparkCompat.unwrap(stage.failureReason());
        json.field("stage_id", stage.stageId())
                .field("attempt", stage.attemptNumber())
                .field("name", Masking.cut(Masking.label(stage.name()), NAME_LIMIT))
                .field("state", failure != null ? "FAILED" : "COMPLETE")
                .field("failure", failure == null ? null : StageFailure.of(failure))
                .field("tasks", stage.numTasks())
                .field("started_at", (Long) SparkCompat.unwrap(stage.submissionTime()))
                .field("ended_at", (Long) SparkCompat.unwrap(stage.completionTime()))
                .name("metrics").object();
        if (stage.taskMetrics() != null) {
            metrics(json, stage.taskMetrics());
        }
        return json.endObject();
    }

    private static void metrics(JsonWriter json, TaskMetrics metrics) {
        json.field("executor_run_time_ms", metrics.executorRunTime())
                .field("executor_cpu_time_ns", metrics.executorCpuTime())
                .field("jvm_gc_time_ms", metrics.jvmGCTime())
                .field("input_rows", metrics.inputMetrics().recordsRead())
                .field("input_bytes", metrics.inputMetrics().bytesRead())
                .field("output_rows", metrics.outputMetrics().recordsWritten())
                .field("output_bytes", metrics.outputMetrics().bytesWritten())
                .field("shuffle_read_rows", metrics.shuffleReadMetrics().recordsRead())
                .field("shuffle_read_bytes", metrics.shuffleReadMetrics().totalBytesRead())
                .field("shuffle_write_rows", metrics.shuffleWriteMetrics().recordsWritten())
                .field("shuffle_write_bytes", metrics.shuffleWriteMetrics().bytesWritten())
                .field("memory_spilled_bytes", metrics.memoryBytesSpilled())
                .field("disk_spilled_bytes", metrics.diskBytesSpilled())
                .field("peak_execution_memory_bytes", metrics.peakExecutionMemory())
                .field("result_bytes", metrics.resultSize());
    }
}
