package io.sparklineage;

/** One attempt of a stage: what is counted of its tasks, and what is kept of it when it has ended. */
final class StageAttempt {
    private static final long[] NONE = {};

    final int stageId;
    final int attempt;
    int failedTasks;
    int killedTasks;
    int speculativeTasks;

    /** The tasks that started and have not ended. */
    int runningTasks;

    /** Whether the stage has all that it was to do: what still runs is not needed, and killed. */
    boolean complete;

    /** What Spark said of it when it ended, as members of its record; null before. */
    JsonWriter ended;

    /** The distributions of its tasks' values, as a member of its record; null where there are none. */
    JsonWriter distributions;

    /** The ids of the SQL metrics that its tasks changed, and what each came to with them. */
    long[] metrics = NONE;
    long[] totals = NONE;

    StageAttempt(int stageId, int attempt) {
        this.stageId = stageId;
        this.attempt = attempt;
    }

    /** Takes no more memory than its bytes; they are made later otherwise, on another thread. */
    void trim() {
        ended.trim();
        if (distributions != null) {
            distributions.trim();
        }
    }

    /**
     * The record, with the distributions or without; a task that is killed because another was faster ends after its stage or even
     * after the query, and counts.
     */
    void write(JsonWriter json, int jobId, boolean detailed) {
        int ending = complete ? Math.max(0, Math.min(runningTasks, speculativeTasks)) : 0;
        json.object().raw(ended);
        if (detailed && distributions != null) {
            json.raw(distributions);
        }
        json.field("job_id", jobId).field("failed_tasks", failedTasks)
                .field("killed_tasks", killedTasks + ending).field("speculative_tasks", speculativeTasks).endObject();
    }
}
