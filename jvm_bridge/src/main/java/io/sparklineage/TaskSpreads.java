package io.sparklineage;

import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.TaskInfo;

/** How the metrics of a stage attempt are spread over its tasks: those that succeeded, as in Spark's own summaries. */
final class TaskSpreads {
    private static final String[] NAMES = {
        "duration_ms", "executor_run_time_ms", "jvm_gc_time_ms", "input_rows", "input_bytes", "output_rows", "output_bytes",
        "shuffle_read_rows", "shuffle_read_bytes", "shuffle_write_rows", "shuffle_write_bytes", "memory_spilled_bytes",
        "disk_spilled_bytes", "peak_execution_memory_bytes"
    };

    private final Spread[] spreads = new Spread[NAMES.length];

    TaskSpreads() {
        for (int i = 0; i < spreads.length; i++) {
            spreads[i] = new Spread();
        }
    }

    /** One task that succeeded; the values stand in the order of the names. */
    void add(TaskInfo task, TaskMetrics metrics) {
        int i = 0;
        spreads[i++].add(task.duration());
        spreads[i++].add(metrics.executorRunTime());
        spreads[i++].add(metrics.jvmGCTime());
        spreads[i++].add(metrics.inputMetrics().recordsRead());
        spreads[i++].add(metrics.inputMetrics().bytesRead());
        spreads[i++].add(metrics.outputMetrics().recordsWritten());
        spreads[i++].add(metrics.outputMetrics().bytesWritten());
        spreads[i++].add(metrics.shuffleReadMetrics().recordsRead());
        spreads[i++].add(metrics.shuffleReadMetrics().totalBytesRead());
        spreads[i++].add(metrics.shuffleWriteMetrics().recordsWritten());
        spreads[i++].add(metrics.shuffleWriteMetrics().bytesWritten());
        spreads[i++].add(metrics.memoryBytesSpilled());
        spreads[i++].add(metrics.diskBytesSpilled());
        spreads[i].add(metrics.peakExecutionMemory());
    }

    /** The member `distributions`; what was 0 in every task is left out. */
    JsonWriter write() {
        JsonWriter json = new JsonWriter();
        json.name("distributions").object();
        for (int i = 0; i < spreads.length; i++) {
            long[] summary = spreads[i].summary();
            if (summary != null && (summary[0] != 0 || summary[summary.length - 1] != 0)) {
                json.name(NAMES[i]).array();
                for (long value : summary) {
                    json.value(value);
                }
                json.endArray();
            }
        }
        return json.endObject();
    }
}
